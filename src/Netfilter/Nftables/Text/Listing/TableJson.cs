using System.Text;
using System.Text.Json.Nodes;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>One table as JSON.</summary>
internal sealed class TableJson(JsonArray list, ListingOptions options, Table table, List<NftablesEntity> all)
{
    private readonly TableContents _contents = new(table, all);
    private readonly NodeJson _nodes = new(options);

    public void Write()
    {
        string family = table.Family.ToText();
        var own = new JsonObject { ["family"] = family, ["name"] = table.Name, ["handle"] = table.Handle ?? 0 };
        string[] flags = [.. _contents.FlagNames()];
        if (flags.Length > 0)
        {
            own["flags"] = NodeJson.OneOrMany(flags);
        }

        Add("table", own);
        foreach (NftablesObject named in _contents.Objects)
        {
            Add(NftablesObject.KindName(named.Type), ObjectJson.Of(named));
        }

        foreach (ListedSet set in _contents.Sets.Where(set => !set.IsAnonymous))
        {
            AddSet(set);
        }

        foreach (Flowtable flowtable in _contents.Flowtables)
        {
            AddFlowtable(flowtable);
        }

        foreach (Chain chain in _contents.Chains)
        {
            AddChain(chain);
        }

        foreach (Chain chain in _contents.Chains)
        {
            foreach (Rule rule in _contents.Rules[chain.Name])
            {
                AddRule(rule);
            }
        }
    }

    private void Add(string kind, JsonObject content) => list.Add((JsonNode)new JsonObject { [kind] = content });

    private void AddRule(Rule rule)
    {
        var content = new JsonObject { ["family"] = table.Family.ToText(), ["table"] = table.Name, ["chain"] = rule.Chain, ["handle"] = rule.Handle ?? 0 };
        if (rule.Comment is { } comment)
        {
            content["comment"] = comment;
        }

        var statements = new StatementJson(_nodes, PrintText);
        var expressions = new JsonArray();
        foreach (Statement statement in _contents.Read(rule))
        {
            expressions.Add(statements.Of(statement));
        }

        if (expressions.Count > 0)
        {
            content["expr"] = expressions;
        }

        Add("rule", content);
    }

    // What nft has no JSON for stands there as text.
    private string PrintText(Statement statement)
    {
        var text = new StringBuilder();
        var printer = new TablePrinter(text, options, table, all);
        printer.PrintStatement(statement);
        return text.ToString();
    }

    private void AddChain(Chain chain)
    {
        var content = new JsonObject { ["family"] = table.Family.ToText(), ["table"] = table.Name, ["name"] = chain.Name, ["handle"] = chain.Handle ?? 0 };
        if (chain.Hook is { } hook)
        {
            content["type"] = chain.Type;
            content["hook"] = HookNames.Of(chain.Family, hook.Number);
            content["prio"] = hook.Priority;
            content["policy"] = chain.Policy == ChainPolicy.Drop ? "drop" : "accept";
            // nft 1.0.6 leaves the devices out.
        }

        Add("chain", content);
    }

    private void AddFlowtable(Flowtable flowtable)
    {
        var content = new JsonObject { ["family"] = table.Family.ToText(), ["name"] = flowtable.Name, ["table"] = table.Name, ["handle"] = flowtable.Handle ?? 0 };
        if (flowtable.Hook is { } hook)
        {
            content["hook"] = HookNames.Of(NftablesFamily.Netdev, hook.Number);
            content["prio"] = hook.Priority;
            string[] devices = [.. hook.GetDeviceNames().Order(StringComparer.Ordinal)];
            if (devices.Length > 0)
            {
                content["dev"] = NodeJson.OneOrMany(devices);
            }
        }

        Add("flowtable", content);
    }

    private void AddSet(ListedSet set)
    {
        NftablesSet declaration = set.Declaration;
        bool isObjectMap = (declaration.Flags & SetFlags.Object) != 0;
        bool isMap = isObjectMap || (declaration.Flags & SetFlags.Map) != 0;
        var content = new JsonObject
        {
            ["family"] = table.Family.ToText(),
            ["name"] = set.Name,
            ["table"] = table.Name,
            ["type"] = NodeJson.OneOrMany([.. (set.KeyType.Parts ?? [set.KeyType]).Where(type => type != DataTypes.Invalid).Select(type => type.Name)]),
            ["handle"] = declaration.Handle ?? 0,
        };
        if (declaration.Comment is { } comment)
        {
            content["comment"] = comment;
        }

        if (isMap)
        {
            content["map"] = isObjectMap ? NftablesObject.KindName(set.ObjectType) : set.DataType.Name;
        }

        if ((declaration.Flags & SetFlags.Constant) == 0)
        {
            if (declaration.Policy is > 0)
            {
                content["policy"] = "memory";
            }

            if (declaration.Size is > 0 and var size)
            {
                content["size"] = size;
            }
        }

        (SetFlags Flag, string Name)[] known = [(SetFlags.Constant, "constant"), (SetFlags.Interval, "interval"), (SetFlags.Timeout, "timeout")];
        string[] flags = [.. known.Where(pair => (declaration.Flags & pair.Flag) != 0).Select(pair => pair.Name)];
        if (flags.Length > 0)
        {
            content["flags"] = new JsonArray([.. flags.Select(flag => (JsonNode)flag)]);
        }

        if (declaration.Timeout is > 0 and var timeout)
        {
            content["timeout"] = timeout / 1000;
        }

        if (declaration.GarbageCollectionInterval is > 0 and var interval)
        {
            content["gc-interval"] = interval / 1000;
        }

        if (!options.Terse && set.Elements.Count > 0)
        {
            content["elem"] = _nodes.Elements(set.Elements);
        }

        if (declaration.Expressions.Count > 0)
        {
            var statements = new JsonArray();
            foreach (Expressions.Expression expression in declaration.Expressions)
            {
                statements.Add(PlainJson.Of(expression, stateless: true));
            }

            content["stmt"] = statements;
        }

        Add(isMap ? "map" : set.IsMeter ? "meter" : "set", content);
    }
}
