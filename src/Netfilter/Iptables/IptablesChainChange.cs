namespace EucaNet.Netfilter.Iptables;

/// <summary>What one chain shall be; the others stay as they are.</summary>
/// <param name="Table">The table.</param>
/// <param name="Chain">The chain; a user's chain is made where it is not.</param>
/// <param name="Rules">Its rules in order; null deletes a user's chain (nothing may jump there any more).</param>
/// <param name="Policy">A built-in chain's policy; null leaves it.</param>
public sealed record IptablesChainChange(string Table, string Chain, IReadOnlyList<IptablesRule>? Rules, IptablesVerdict? Policy = null);

/// <summary>Where counters of rules and policies come from when tables are written.</summary>
public enum IptablesCounterUse
{
    /// <summary>A rule that stays keeps what the kernel has counted; a new one begins at 0.</summary>
    Keep,

    /// <summary>Every rule and policy gets the counters of the model, as iptables-restore -c does.</summary>
    FromModel,
}

/// <summary>The kernel's tables cannot be read or written as iptables' tables.</summary>
public sealed class IptablesTableException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The rule at fault, where one is.</summary>
    internal RuleLabel? Guilty { get; init; }

    /// <summary>What the kernel said of it.</summary>
    internal Netlink.Wire.LinuxError Error { get; init; }
}
