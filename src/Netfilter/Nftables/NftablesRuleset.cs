namespace EucaNet.Netfilter.Nftables;

/// <summary>The rule set of a network namespace, or a part of it, as it was at one generation.</summary>
/// <param name="Generation">The generation.</param>
/// <param name="Tables">The tables in the kernel's order.</param>
public sealed record NftablesRuleset(uint Generation, ValueList<TableContent> Tables)
{
    /// <summary>The table of this name, or null.</summary>
    public TableContent? Find(NftablesFamily family, string name)
    {
        foreach (TableContent table in Tables)
        {
            if (table.Table.Family == family && table.Table.Name == name)
            {
                return table;
            }
        }

        return null;
    }
}

/// <summary>A table with all that is in it: what the kernel has, or what it shall have.</summary>
/// <param name="Table">The table itself.</param>
public sealed record TableContent(Table Table)
{
    /// <summary>Chains with their rules.</summary>
    public ValueList<ChainContent> Chains { get; init; }

    /// <summary>Sets and maps with their elements.</summary>
    public ValueList<SetContent> Sets { get; init; }

    /// <summary>Named objects.</summary>
    public ValueList<NftablesObject> Objects { get; init; }

    /// <summary>Flowtables.</summary>
    public ValueList<Flowtable> Flowtables { get; init; }

    /// <summary>The table and all in it one by one, in the order in which nft lists them: objects, sets, elements, flowtables, chains, rules.</summary>
    public IEnumerable<NftablesEntity> Entities() =>
    [
        Table,
        .. Objects,
        .. Sets.Select(set => set.Set),
        .. Sets.Select(set => new SetElementList { Family = set.Set.Family, Table = set.Set.Table, Set = set.Set.Name, Elements = set.Elements }),
        .. Flowtables,
        .. Chains.Select(chain => chain.Chain),
        .. Chains.SelectMany(chain => chain.Rules),
    ];

    /// <summary>The chain of this name, or null.</summary>
    public ChainContent? FindChain(string name)
    {
        foreach (ChainContent chain in Chains)
        {
            if (chain.Chain.Name == name)
            {
                return chain;
            }
        }

        return null;
    }

    /// <summary>The set or map of this name, or null.</summary>
    public SetContent? FindSet(string name)
    {
        foreach (SetContent set in Sets)
        {
            if (set.Set.Name == name)
            {
                return set;
            }
        }

        return null;
    }
}

/// <summary>A chain and its rules in order.</summary>
/// <param name="Chain">The chain itself.</param>
/// <param name="Rules">Its rules.</param>
public sealed record ChainContent(Chain Chain, ValueList<Rule> Rules);

/// <summary>A set or map and its elements.</summary>
/// <param name="Set">The set itself.</param>
/// <param name="Elements">Its elements; of an interval set as the kernel lists them, ends of intervals included.</param>
public sealed record SetContent(NftablesSet Set, ValueList<SetElement> Elements);
