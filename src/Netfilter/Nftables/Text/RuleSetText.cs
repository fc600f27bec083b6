using System.Globalization;
using System.Text;
using EucaNet.Netfilter.Nftables.Text.Listing;

namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>
/// Lists tables in nft's own syntax, as <c>nft list ruleset</c> does: registers, byte orders, masks and the matches nft puts in by itself disappear
/// again. The syntax is that of nft 1.0.6.
/// </summary>
public static class RuleSetText
{
    /// <summary>Lists the tables in <paramref name="entities"/> with their objects, sets, flowtables and chains, each in the order of the dump.</summary>
    /// <param name="entities">What the kernel's dumps hold, in any order of kinds: tables, chains, rules, sets, elements, objects, flowtables.</param>
    /// <param name="options">What is shown; null for nft's own defaults.</param>
    public static string Of(IEnumerable<NftablesEntity> entities, ListingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(entities);
        List<NftablesEntity> all = [.. entities];
        var text = new StringBuilder();
        foreach (Table table in all.OfType<Table>())
        {
            new TablePrinter(text, options ?? ListingOptions.Default, table, all).Print();
        }

        return text.ToString();
    }

    /// <summary>Lists one rule without its chain; sets without a name are looked up in <paramref name="entities"/>.</summary>
    public static string Of(Rule rule, IEnumerable<NftablesEntity> entities, ListingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(entities);
        var text = new StringBuilder();
        var table = new Table { Family = rule.Family, Name = rule.Table };
        new TablePrinter(text, options ?? ListingOptions.Default, table, [.. entities]).PrintRule(rule);
        return text.ToString();
    }
}

/// <summary>Prints one table.</summary>
internal sealed class TablePrinter
{
    private readonly StringBuilder _text;
    private readonly ListingOptions _options;
    private readonly Table _table;
    private readonly List<NftablesEntity> _entities;
    private readonly List<ListedSet> _sets;
    private readonly ListedTable _listed;
    private readonly HashSet<string> _bound;
    private readonly ILookup<string, Rule> _rules;

    public TablePrinter(StringBuilder text, ListingOptions options, Table table, List<NftablesEntity> all)
    {
        _text = text;
        _options = options;
        _table = table;
        _entities = all.FindAll(entity => entity.Family == table.Family);
        ILookup<string, SetElement> elements = _entities.OfType<SetElementList>().Where(list => list.Table == table.Name)
            .SelectMany(list => (list.Elements ?? []).Select(element => (list.Set, element))).ToLookup(pair => pair.Set, pair => pair.element);
        _sets = [.. _entities.OfType<NftablesSet>().Where(set => set.Table == table.Name).Select(set => new ListedSet(set, elements[set.Name]))];
        _bound = [.. _entities.OfType<Chain>().Where(chain => chain.Table == table.Name && (chain.Flags & ChainFlags.Binding) != 0).Select(chain => chain.Name)];
        _rules = _entities.OfType<Rule>().Where(rule => rule.Table == table.Name).ToLookup(rule => rule.Chain);
        _listed = new ListedTable(table.Family, _sets, _bound.Contains);
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
            IEnumerable<string> names = ((TableFlags Flag, string Name)[])[(TableFlags.Dormant, "dormant"), (TableFlags.Owner, "owner"), (TableFlags.Persist, "persist")]
                is var known ? known.Where(pair => (_table.Flags & pair.Flag) != 0).Select(pair => pair.Name) : [];
            _text.Append($"\tflags {string.Join(',', names)}\n");
            separator = "\n";
        }

        PrintComment("\t", _table.Comment, "\n");
        foreach (NftablesObject named in _entities.OfType<NftablesObject>().Where(named => named.Table == _table.Name))
        {
            Separate(ref separator);
            ObjectPrinter.Print(_text, named, _options);
        }

        foreach (ListedSet set in _sets.Where(set => !set.IsAnonymous))
        {
            Separate(ref separator);
            PrintSet(set);
        }

        foreach (Flowtable flowtable in _entities.OfType<Flowtable>().Where(flowtable => flowtable.Table == _table.Name))
        {
            Separate(ref separator);
            PrintFlowtable(flowtable);
        }

        foreach (Chain chain in _entities.OfType<Chain>().Where(chain => chain.Table == _table.Name && !_bound.Contains(chain.Name)))
        {
            Separate(ref separator);
            PrintChain(chain);
        }

        _text.Append("}\n");
    }

    public void PrintRule(Rule rule, bool withHandle = true)
    {
        List<Statement> statements = RuleReader.Read(_listed, rule.Expressions);
        RuleSimplifier.Simplify(statements, _table.Family);
        new StatementPrinter(new NodePrinter(_text, _options), PrintBoundChain).PrintAll(statements);
        _text.Append(rule.Comment is { } comment ? $" comment \"{comment}\"" : "");
        if (withHandle)
        {
            PrintHandle(" # handle ", rule.Handle);
        }
    }

    private void PrintBoundChain(ChainStatement statement)
    {
        _text.Append(statement.Verb).Append(" {\n");
        foreach (Rule rule in _rules[statement.Chain])
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
            new NodePrinter(_text, _options).PrintElements(set);
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

        foreach (Rule rule in _rules[chain.Name])
        {
            _text.Append("\t\t");
            PrintRule(rule);
            _text.Append('\n');
        }

        _text.Append("\t}\n");
    }
}
