using EucaNet.Netfilter.Iptables.Text;

namespace EucaNet.Netfilter.Iptables;

/// <summary>A rule in an error's words; printed only where there is one.</summary>
internal sealed record RuleLabel(IptablesFamily Family, string Table, string Chain, IptablesRule Rule)
{
    /// <inheritdoc />
    public override string ToString() => $"-A {Chain} {RulePrinter.Print(Rule, Family, IptablesInterface.Nft)}";
}
