using System.Globalization;
using System.Text;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Prints one table.</summary>
internal sealed class TablePrinter
{
    private readonly StringBuilder _text;
    private readonly ListingOptions _options;
    private readonly Table _table;
    private readonly TableContents _contents;

    public TablePrinter(StringBuilder text, ListingOptions options, Table table, List<NftablesEntity> all)
    {
        _text = text;
        _options = options;
        _table = table;
        _contents = new TableContents(table, all);
    }

    public void Print()
    {
        _text.Append($"table {_table.Family.ToText()} {_table.Name} {{");
        bool owned = (_table.Flags & TableFlags.Owner) != 0;
        _text.Append(_options.Handles || owned ? " #" : "");
        PrintHandle(" handle ", _table.Handle);
        _text.Append(owned ? " progname " : "").Append('\n');
        string separator = "";
        if (_table.Flags != TableFlags.None)
        {
            _text.Append($"\tflags {string.Join(',', _contents.FlagNames())}\n");
            separator = "\n";
        }

        PrintComment("\t", _table.Comment, "\n");
        foreach (NftablesObject named in _contents.Objects)
        {
            Separate(ref separator);
            ObjectPrinter.Print(_text, named, _options);
        }

        foreach (ListedSet set in _contents.Sets.Where(set => !set.IsAnonymous))
        {
            Separate(ref separator);
            PrintSet(set);
        }

        foreach (Flowtable flowtable in _contents.Flowtables)
        {
            Separate(ref separator);
            PrintFlowtable(flowtable);
        }

        foreach (Chain chain in _contents.Chains)
        {
            Separate(ref separator);
            PrintChain(chain);
        }

        _text.Append("}\n");
    }

    public void PrintRule(Rule rule, bool withHandle = true)
    {
        new StatementPrinter(new NodePrinter(_text, _options), PrintBoundChain).PrintAll(_contents.Read(rule));
        _text.Append(rule.Comment is { } comment ? $" comment \"{comment}\"" : "");
        if (withHandle)
        {
            PrintHandle(" # handle ", rule.Handle);
        }
    }

    /// <summary>Prints one statement.</summary>
    public void PrintStatement(Statement statement) => new StatementPrinter(new NodePrinter(_text, _options), PrintBoundChain).Print(statement);

    private void PrintBoundChain(ChainStatement statement)
    {
        _text.Append(statement.Verb).Append(" {\n");
        foreach (Rule rule in _contents.Rules[statement.Chain])
        {
            _text.Append("\t\t\t");
            PrintRule(rule, withHandle: false);
            _text.Append('\n');
        }

        _text.Append("\t\t}");
    }

    private void Separate(ref string separator)
    {
        _text.Append(separator);
        separator = "\n";
    }

    private void PrintHandle(string before, ulong? handle)
    {
        if (_options.Handles && handle is { } number)
        {
            _text.Append(before).Append(number.ToString(CultureInfo.InvariantCulture));
        }
    }

    private void PrintComment(string before, string? comment, string after)
    {
        if (comment is not null)
        {
            _text.Append($"{before}comment \"{comment}\"{after}");
        }
    }

    private void PrintSet(ListedSet set)
    {
        NftablesSet declaration = set.Declaration;
        bool isMap = (declaration.Flags & (SetFlags.Map | SetFlags.Object)) != 0;
        _text.Append($"\t{(set.IsMeter ? "meter" : isMap ? "map" : "set")} {set.Name} {{");
        PrintHandle(" # handle ", declaration.Handle);
        _text.Append("\n\t\t");
        SetDeclarationPrinter.Print(_text, set, new NodePrinter(_text, _options));
        if (!_options.Terse && set.Elements.Count > 0)
        {
            _text.Append("\t\telements = ");
            new NodePrinter(_text, _options).PrintElements(set, set.Elements);
            _text.Append('\n');
        }

        _text.Append("\t}\n");
    }

    private void PrintFlowtable(Flowtable flowtable)
    {
        _text.Append($"\tflowtable {flowtable.Name} {{");
        PrintHandle(" # handle ", flowtable.Handle);
        _text.Append('\n');
        if (flowtable.Hook is { } hook)
        {
            string place = HookNames.Of(NftablesFamily.Netdev, hook.Number);
            _text.Append($"\t\thook {place} priority {HookNames.Priority(NftablesFamily.Netdev, hook.Number, hook.Priority, _options.Numeric)}\n");
            string[] devices = [.. hook.GetDeviceNames().Order(StringComparer.Ordinal)];
            _text.Append(devices.Length > 0 ? $"\t\tdevices = {{ {string.Join(", ", devices)} }}\n" : "");
        }

        _text.Append((flowtable.Flags & NfTables.NFT_FLOWTABLE_HW_OFFLOAD) != 0 ? "\t\tflags offload\n" : "");
        _text.Append((flowtable.Flags & NfTables.NFT_FLOWTABLE_COUNTER) != 0 ? "\t\tcounter\n" : "");
        _text.Append("\t}\n");
    }

    private void PrintChain(Chain chain)
    {
        _text.Append($"\tchain {chain.Name} {{");
        PrintHandle(" # handle ", chain.Handle);
        PrintComment("\n\t\t", chain.Comment, "");
        _text.Append('\n');
        if (chain.Hook is { } hook)
        {
            _text.Append($"\t\ttype {chain.Type} hook {HookNames.Of(chain.Family, hook.Number)}");
            string[] devices = [.. hook.GetDeviceNames().Order(StringComparer.Ordinal)];
            _text.Append(devices.Length switch
            {
                0 => "",
                1 => $" device \"{devices[0]}\"",
                _ => $" devices = {{ {string.Join(", ", devices)} }}",
            });
            _text.Append($" priority {HookNames.Priority(chain.Family, hook.Number, hook.Priority, _options.Numeric)};");
            _text.Append(chain.Policy switch { ChainPolicy.Accept => " policy accept;", ChainPolicy.Drop => " policy drop;", _ => "" });
            _text.Append((chain.Flags & ChainFlags.HardwareOffload) != 0 ? " flags offload;\n" : "\n");
        }

        foreach (Rule rule in _contents.Rules[chain.Name])
        {
            _text.Append("\t\t");
            PrintRule(rule);
            _text.Append('\n');
        }

        _text.Append("\t}\n");
    }
}
