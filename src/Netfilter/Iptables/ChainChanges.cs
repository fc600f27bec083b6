namespace EucaNet.Netfilter.Iptables;

/// <summary>Changes of single chains, on the model.</summary>
internal static class ChainChanges
{
    public static IptablesTable Apply(IptablesTable table, IptablesChainChange change)
    {
        if (change.Rules is null)
        {
            return BuiltinTable.Of(change.Table).Chain(change.Chain) is null
                ? table.Without(change.Chain)
                : throw new ArgumentException($"The built-in chain {change.Chain} of table {change.Table} cannot be deleted.", nameof(change));
        }

        IptablesChain chain = table[change.Chain] ?? new IptablesChain { Name = change.Chain };
        return table.With(chain with { Rules = change.Rules, Policy = change.Policy ?? chain.Policy });
    }
}
