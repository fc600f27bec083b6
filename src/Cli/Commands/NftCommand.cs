using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netfilter.Nftables.Text;
using EucaNet.Netfilter.Nftables.Text.Listing;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli;

/// <summary>eucanet nft list: what nft list ruleset and nft --debug=netlink print, with no nft on the machine; probe: what the kernel has.</summary>
internal static class NftCommand
{
    public static Command Build() => new("nft", "Reads the kernel's nf_tables rule set without running nft.") { BuildList(), BuildProbe() };

    private static Command BuildList()
    {
        var table = new Argument<string[]>("table") { Description = "Only this table: a family and a name, or a name of family ip.", HelpName = "[FAMILY] NAME", Arity = new ArgumentArity(0, 2) };
        var debug = new Option<bool>("--debug") { Description = "Print the bytecode of each rule, as nft --debug=netlink does." };
        var handles = new Option<bool>("--handle", "-a") { Description = "Print handles." };
        var stateless = new Option<bool>("--stateless", "-s") { Description = "Leave out what was counted." };
        var command = new Command(
            "list",
            """
            Prints the rule set in nft's own syntax, all of it as it was at one moment.

            Examples: eucanet nft list
                      eucanet nft list inet eucanet
                      eucanet nft list -j | jq 'select(.rule)'
            """)
        { table, debug, handles, stateless };
        command.SetAction(arguments =>
        {
            string[] words = arguments.GetValue(table) ?? [];
            NftablesFamily family = words.Length > 0 ? NftablesFamily.Ip : NftablesFamily.Unspecified;
            if (words.Length == 2 && !NftablesFamilyNames.TryParse(words[0], out family))
            {
                Console.Error.WriteLine($"eucanet: '{words[0]}' is no family; there are ip, ip6, inet, arp, bridge and netdev.");
                return 2;
            }

            using NftablesConnection connection = NftablesConnection.Open(LinuxKernel.Current);
            NftablesRuleset ruleset = connection.ReadRuleset(family);
            List<TableContent> tables = [.. ruleset.Tables.Where(item => words.Length == 0 || item.Table.Name == words[^1])];
            if (words.Length > 0 && tables.Count == 0)
            {
                Console.Error.WriteLine($"eucanet: there is no table {family.ToText()} {words[^1]}; 'eucanet nft list' shows those there are.");
                return 1;
            }

            List<NftablesEntity> entities = [.. tables.SelectMany(Entities)];
            var options = new ListingOptions
            {
                Handles = arguments.GetValue(handles),
                Stateless = arguments.GetValue(stateless),
                InterfaceName = Interfaces().GetValueOrDefault,
            };
            if (arguments.GetValue(TerminalContext.Json))
            {
                WriteJson(Console.Out, ruleset.Generation, entities, options);
            }
            else
            {
                Console.Out.Write(arguments.GetValue(debug) ? Bytecode(entities) : RuleSetText.Of(entities, options));
            }

            return 0;
        });
        return command;
    }

    private static Command BuildProbe()
    {
        var command = new Command("probe", "Shows which expressions, objects and verbs this kernel has. Nothing is changed.");
        command.SetAction(arguments =>
        {
            using NftablesConnection connection = NftablesConnection.Open(LinuxKernel.Current);
            foreach (NftablesCapability capability in NftablesProbe.Run(connection))
            {
                Console.Out.WriteLine($"{(capability.IsAvailable ? "yes" : "no "),-4}{capability.Kind,-11}{capability.Name}{(capability.Reason is { } reason ? $": {reason}" : "")}");
            }

            return 0;
        });
        return command;
    }

    private static IEnumerable<NftablesEntity> Entities(TableContent table) =>
    [
        table.Table,
        .. table.Objects,
        .. table.Sets.Select(set => set.Set),
        .. table.Sets.Select(set => new SetElementList { Family = set.Set.Family, Table = set.Set.Table, Set = set.Set.Name, Elements = set.Elements }),
        .. table.Flowtables,
        .. table.Chains.Select(chain => chain.Chain),
        .. table.Chains.SelectMany(chain => chain.Rules),
    ];

    private static string Bytecode(List<NftablesEntity> entities)
    {
        var text = new StringBuilder();
        foreach (NftablesEntity entity in entities)
        {
            switch (entity)
            {
                case Rule rule:
                    BytecodeMessageText.Append(text, rule);
                    break;
                case NftablesSet set:
                    BytecodeMessageText.Append(text, set);
                    break;
                case SetElementList { Elements.IsEmpty: false } list:
                    BytecodeMessageText.Append(text, list);
                    break;
                default:
                    continue;
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    // One object a line; a rule with its text in nft's syntax and its expressions as bytecode.
    private static void WriteJson(TextWriter output, uint generation, List<NftablesEntity> entities, ListingOptions options)
    {
        Line(output, "generation", json => json.WriteNumber("id", generation));
        var rules = new Dictionary<(NftablesFamily, string), RuleText>();
        foreach (NftablesEntity entity in entities)
        {
            switch (entity)
            {
                case Table table:
                    Line(output, "table", json => Name(json, entity, table.Name, table.Name, table.Handle, table.Comment));
                    break;
                case Chain chain:
                    Line(output, "chain", json =>
                    {
                        Name(json, entity, chain.Table, chain.Name, chain.Handle, chain.Comment);
                        if (chain.Hook is { } hook)
                        {
                            json.WriteString("type", chain.Type);
                            json.WriteNumber("hook", hook.Number);
                            json.WriteNumber("priority", hook.Priority);
                            json.WriteString("policy", chain.Policy == ChainPolicy.Drop ? "drop" : "accept");
                        }
                    });
                    break;
                case Rule rule:
                    if (!rules.TryGetValue((rule.Family, rule.Table), out RuleText? ruleText))
                    {
                        rules.Add((rule.Family, rule.Table), ruleText = new RuleText(rule.Family, rule.Table, entities, options));
                    }

                    Line(output, "rule", json =>
                    {
                        Name(json, entity, rule.Table, rule.Chain, rule.Handle, rule.Comment);
                        json.WriteString("text", ruleText.Of(rule));
                        json.WriteStartArray("bytecode");
                        foreach (Expression expression in rule.Expressions)
                        {
                            json.WriteStringValue(BytecodeText.Of(expression).Trim());
                        }

                        json.WriteEndArray();
                    });
                    break;
                case NftablesSet set:
                    Line(output, set.IsMap ? "map" : "set", json =>
                    {
                        Name(json, entity, set.Table, set.Name, set.Handle, set.Comment);
                        json.WriteString("flags", set.Flags.ToString());
                        json.WriteNumber("keyLength", set.KeyLength);
                    });
                    break;
                case SetElementList list:
                    foreach (SetElement element in list.Elements ?? [])
                    {
                        Line(output, "element", json => WriteElement(json, list, element));
                    }

                    break;
                case NftablesObject item:
                    Line(output, "object", json =>
                    {
                        Name(json, entity, item.Table, item.Name, item.Handle, item.Comment);
                        json.WriteString("type", NftablesObject.KindName(item.Type));
                    });
                    break;
                case Flowtable flowtable:
                    Line(output, "flowtable", json => Name(json, entity, flowtable.Table, flowtable.Name, flowtable.Handle, null));
                    break;
            }
        }
    }

    private static void WriteElement(Utf8JsonWriter json, SetElementList list, SetElement element)
    {
        json.WriteString("family", list.Family.ToText());
        json.WriteString("table", list.Table);
        json.WriteString("set", list.Set);
        json.WriteString("key", element.Key?.ToString() ?? "*");
        Optional("keyEnd", element.KeyEnd?.ToString());
        Optional("data", element.Data?.ToString());
        Optional("verdict", element.Verdict?.ToString());
        Optional("object", element.ObjectName);
        Optional("comment", element.Comment);
        if ((element.Flags & SetElementFlags.IntervalEnd) != 0)
        {
            json.WriteBoolean("intervalEnd", true);
        }

        void Optional(string name, string? value)
        {
            if (value is not null)
            {
                json.WriteString(name, value);
            }
        }
    }

    private static void Name(Utf8JsonWriter json, NftablesEntity entity, string table, string name, ulong? handle, string? comment)
    {
        json.WriteString("family", entity.Family.ToText());
        if (entity is not Table)
        {
            json.WriteString("table", table);
        }

        json.WriteString(entity is Rule ? "chain" : "name", name);
        if (handle is { } number)
        {
            json.WriteNumber("handle", number);
        }

        if (comment is not null)
        {
            json.WriteString("comment", comment);
        }
    }

    private static void Line(TextWriter output, string kind, Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartObject(kind);
            write(json);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length));
    }

    private static Dictionary<uint, string?> Interfaces()
    {
        var names = new Dictionary<uint, string?>();
        if (Directory.Exists("/sys/class/net"))
        {
            foreach (string folder in Directory.EnumerateDirectories("/sys/class/net"))
            {
                if (uint.TryParse(File.ReadAllText(Path.Combine(folder, "ifindex")), NumberStyles.Integer, CultureInfo.InvariantCulture, out uint index))
                {
                    names[index] = Path.GetFileName(folder);
                }
            }
        }

        return names;
    }
}
