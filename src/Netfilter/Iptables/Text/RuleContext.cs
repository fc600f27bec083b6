namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>What a rule is read for.</summary>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="Table">The table, or empty where none is known.</param>
/// <param name="Chain">The chain the rule goes to.</param>
/// <param name="Interface">The kernel interface the rule is for, where that is known: a few demands differ.</param>
/// <param name="Account">Finds a user's (false) or group's (true) number by name; null knows only root.</param>
internal sealed record RuleContext(
    IptablesFamily Family,
    string Table,
    string Chain,
    IptablesInterface? Interface,
    Func<string, bool, uint?>? Account = null);
