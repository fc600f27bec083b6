namespace EucaNet.Netfilter.Iptables;

/// <summary>A chain: its rules, and its policy where the kernel calls it by a hook.</summary>
public sealed record IptablesChain
{
    /// <summary>The name; a user's chain has at most 28 characters.</summary>
    public required string Name { get; init; }

    /// <summary>What happens at the end of a built-in chain; null for a user's chain.</summary>
    public IptablesVerdict? Policy { get; init; }

    /// <summary>What the policy has counted.</summary>
    public IptablesCounters Counters { get; init; }

    /// <summary>The rules in order.</summary>
    public IReadOnlyList<IptablesRule> Rules { get; init; } = [];
}

/// <summary>A table with all its chains: built-in chains in hook order, then the users' chains by name.</summary>
public sealed record IptablesTable
{
    /// <summary>"filter", "nat", "mangle", "raw" or "security".</summary>
    public required string Name { get; init; }

    /// <summary>The chains.</summary>
    public IReadOnlyList<IptablesChain> Chains { get; init; } = [];

    /// <summary>The chain of this name, or null.</summary>
    public IptablesChain? this[string chain] => Chains.FirstOrDefault(candidate => candidate.Name == chain);

    /// <summary>A table without rules, every policy ACCEPT.</summary>
    /// <exception cref="ArgumentException">There is no such table.</exception>
    public static IptablesTable Empty(string name) => new()
    {
        Name = name,
        Chains = [.. BuiltinTable.Of(name).Chains.Select(chain => new IptablesChain { Name = chain.Name, Policy = IptablesVerdict.Accept })],
    };

    /// <summary>The same table with <paramref name="chain"/> in place of the one of its name, or added.</summary>
    public IptablesTable With(IptablesChain chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        bool replaced = false;
        var chains = new List<IptablesChain>(Chains.Count + 1);
        foreach (IptablesChain present in Chains)
        {
            bool same = present.Name == chain.Name;
            chains.Add(same ? chain : present);
            replaced |= same;
        }

        if (!replaced)
        {
            chains.Add(chain);
        }

        return this with { Chains = chains };
    }

    /// <summary>The same table with these rules in a chain; a user's chain is made where it is not.</summary>
    public IptablesTable With(string chain, IReadOnlyList<IptablesRule> rules) =>
        With((this[chain] ?? new IptablesChain { Name = chain }) with { Rules = rules });

    /// <summary>The same table with no rules and no users' chains; policies stay.</summary>
    public IptablesTable Flushed() => this with { Chains = [.. Chains.Where(chain => chain.Policy is not null).Select(chain => chain with { Rules = [] })] };

    /// <summary>The same table without the chain of this name.</summary>
    public IptablesTable Without(string chain) => this with { Chains = [.. Chains.Where(present => present.Name != chain)] };

    /// <summary>The same table, chains as iptables-save lists them: built-in ones in hook order, users' chains by name.</summary>
    public IptablesTable Sorted() => this with
    {
        Chains =
        [
            .. Chains.Where(chain => chain.Policy is not null).OrderBy(chain => BuiltinTable.Of(Name).IndexOf(chain.Name)),
            .. Chains.Where(chain => chain.Policy is null).OrderBy(chain => chain.Name, StringComparer.Ordinal),
        ],
    };
}

/// <summary>The tables of one family.</summary>
public sealed record IptablesRuleSet
{
    /// <summary>The family.</summary>
    public required IptablesFamily Family { get; init; }

    /// <summary>Turns the kernel's numbers in rules into names where the rule set is printed; tables that were read bring their kernel's.</summary>
    public IptablesNames Names { get; init; } = IptablesNames.None;

    /// <summary>The tables.</summary>
    public IReadOnlyList<IptablesTable> Tables { get; init; } = [];

    /// <summary>The table of this name, or null.</summary>
    public IptablesTable? this[string table] => Tables.FirstOrDefault(candidate => candidate.Name == table);

    /// <summary>The same rule set with <paramref name="table"/> in place of the one of its name, or added.</summary>
    public IptablesRuleSet With(IptablesTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return this with
        {
            Tables = this[table.Name] is null
                ? [.. Tables, table]
                : [.. Tables.Select(present => present.Name == table.Name ? table : present)],
        };
    }

    /// <summary>The rule set as iptables-save prints it, without the comment lines.</summary>
    public string ToText(bool counters = false, IptablesInterface asPrintedBy = IptablesInterface.Nft) =>
        Text.SavePrinter.Print(this, counters, asPrintedBy);
}
