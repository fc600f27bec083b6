using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>What belongs to one table, picked out of a dump, in the dump's order.</summary>
internal sealed class TableContents
{
    private readonly ListedTable _listed;

    public TableContents(Table table, List<NftablesEntity> all)
    {
        Table = table;
        List<NftablesEntity> own = all.FindAll(entity => entity.Family == table.Family);
        ILookup<string, SetElement> elements = own.OfType<SetElementList>().Where(list => list.Table == table.Name)
            .SelectMany(list => (list.Elements ?? []).Select(element => (list.Set, element))).ToLookup(pair => pair.Set, pair => pair.element);
        Sets = [.. own.OfType<NftablesSet>().Where(set => set.Table == table.Name).Select(set => new ListedSet(set, elements[set.Name]))];
        Objects = [.. own.OfType<NftablesObject>().Where(named => named.Table == table.Name)];
        Flowtables = [.. own.OfType<Flowtable>().Where(flowtable => flowtable.Table == table.Name)];
        ILookup<bool, Chain> chains = own.OfType<Chain>().Where(chain => chain.Table == table.Name).ToLookup(chain => (chain.Flags & ChainFlags.Binding) != 0);
        Chains = [.. chains[false]];
        HashSet<string> bound = [.. chains[true].Select(chain => chain.Name)];
        Rules = own.OfType<Rule>().Where(rule => rule.Table == table.Name).ToLookup(rule => rule.Chain);
        _listed = new ListedTable(table.Family, Sets, bound.Contains);
    }

    public Table Table { get; }

    public IReadOnlyList<ListedSet> Sets { get; }

    public IReadOnlyList<NftablesObject> Objects { get; }

    public IReadOnlyList<Flowtable> Flowtables { get; }

    /// <summary>Chains but for those that belong to a rule.</summary>
    public IReadOnlyList<Chain> Chains { get; }

    /// <summary>Rules by their chain.</summary>
    public ILookup<string, Rule> Rules { get; }

    /// <summary>A rule's statements, simplified.</summary>
    public List<Statement> Read(Rule rule)
    {
        List<Statement> statements = RuleReader.Read(_listed, rule.Expressions);
        RuleSimplifier.Simplify(statements, Table.Family);
        return statements;
    }

    /// <summary>Names of the table's flags.</summary>
    public IEnumerable<string> FlagNames()
    {
        (TableFlags Flag, string Name)[] known = [(TableFlags.Dormant, "dormant"), (TableFlags.Owner, "owner"), (TableFlags.Persist, "persist")];
        return known.Where(pair => (Table.Flags & pair.Flag) != 0).Select(pair => pair.Name);
    }
}
