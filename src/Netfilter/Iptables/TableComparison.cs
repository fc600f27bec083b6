namespace EucaNet.Netfilter.Iptables;

/// <summary>Whether two tables say the same.</summary>
internal static class TableComparison
{
    public static bool AreSame(IptablesTable left, IptablesTable right, bool counters)
    {
        IReadOnlyList<IptablesChain> ours = left.Sorted().Chains, theirs = right.Sorted().Chains;
        return ours.Count == theirs.Count && ours.Zip(theirs).All(pair => AreSame(pair.First, pair.Second, counters));
    }

    private static bool AreSame(IptablesChain left, IptablesChain right, bool counters) =>
        left.Name == right.Name && left.Policy == right.Policy && (!counters || left.Counters == right.Counters)
        && left.Rules.Count == right.Rules.Count
        && left.Rules.Zip(right.Rules).All(pair => AreSame(pair.First, pair.Second, counters));

    public static bool AreSame(IptablesRule left, IptablesRule right, bool counters) => left.Equals(right) && (!counters || left.Counters == right.Counters);
}
