namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>What a rule is read for.</summary>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="Table">The table, or empty where none is known.</param>
/// <param name="Chain">The chain the rule goes to.</param>
/// <param name="Interface">The kernel interface the rule is for, where that is known: a few demands differ.</param>
/// <param name="KnownNames">Turns names into the kernel's numbers; null knows only root.</param>
internal sealed record RuleContext(
    IptablesFamily Family,
    string Table,
    string Chain,
    IptablesInterface? Interface,
    IptablesNames? KnownNames = null)
{
    /// <summary>Turns names into the kernel's numbers.</summary>
    public IptablesNames Names => KnownNames ?? IptablesNames.None;
}
