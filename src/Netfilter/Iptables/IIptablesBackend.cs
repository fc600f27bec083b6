namespace EucaNet.Netfilter.Iptables;

/// <summary>One of the two ways into the kernel.</summary>
internal interface IIptablesBackend : IDisposable
{
    /// <summary>The tables there are.</summary>
    IptablesRuleSet Read(IReadOnlyList<string>? tables);

    /// <summary>Reads, plans, and writes what differs under the condition that nobody wrote meanwhile; else begins again.</summary>
    /// <param name="plan">Makes the wanted tables of the present ones. May be called several times.</param>
    /// <param name="tables">The tables the plan looks at or writes; null for all there are.</param>
    /// <param name="counters">Where counters come from.</param>
    /// <param name="force">Rules that are not of iptables go with the rest; without it they are an error.</param>
    /// <param name="test">Try only.</param>
    void Change(Func<IptablesRuleSet, IptablesRuleSet> plan, IReadOnlyList<string>? tables, IptablesCounterUse counters, bool force, bool test);

    /// <summary>Writes single chains in one change per table (legacy) or altogether (nft).</summary>
    void ChangeChains(IReadOnlyList<IptablesChainChange> changes);
}
