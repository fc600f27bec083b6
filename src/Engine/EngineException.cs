using EucaNet.Engine.Configuration;

namespace EucaNet.Engine;

/// <summary>The engine could not do what was asked. Says about which object, why, what stands now and what to do.</summary>
/// <param name="subject">The object: an instance, a group, an address, an interface.</param>
/// <param name="reason">Why it could not be done.</param>
/// <param name="remedy">What to do; null when nothing is known.</param>
/// <param name="standing">What stands now.</param>
/// <param name="inner">What the kernel or the system said.</param>
public class EngineException(string subject, string reason, string? remedy = null, string standing = "everything is as before", Exception? inner = null)
    : Exception($"{subject}: {reason}{(remedy is null ? "" : $"; {remedy}")} ({standing})", inner)
{
    /// <summary>The object it is about.</summary>
    public string Subject { get; } = subject;

    /// <summary>True where a failure says that its own system call changed nothing: it was refused by name, or nothing was asked of the kernel.</summary>
    internal static bool IsRefusal(Exception failed) => failed switch
    {
        Netlink.Sockets.NetlinkException or Netfilter.Nftables.NftablesException => true,
        EngineException { InnerException: { } inner } => IsRefusal(inner),
        EngineException => true,
        _ => false,
    };

    /// <summary>True of what the kernel can bring upon an operation: a refusal, a lost answer, none within the deadline.</summary>
    internal static bool IsKernelFailure(Exception failed) => failed is EngineException or Netlink.Kernel.KernelException or TimeoutException;

    /// <summary>Why it could not be done.</summary>
    public string Reason { get; } = reason;

    /// <summary>What to do, or null.</summary>
    public string? Remedy { get; } = remedy;

    /// <summary>What stands now.</summary>
    public string Standing { get; } = standing;
}

/// <summary>The network's mode does not have what was asked for (security groups and elastic addresses outside MANAGED).</summary>
/// <param name="operation">What was asked for.</param>
/// <param name="mode">The mode in force.</param>
public sealed class NotInThisModeException(string operation, NetworkMode mode)
    : EngineException(operation, $"not in {mode.ToString().ToUpperInvariant()} mode", "set VNET_MODE=\"MANAGED\" to have security groups, elastic addresses and isolation")
{
    /// <summary>The mode in force.</summary>
    public NetworkMode Mode { get; } = mode;
}

/// <summary>A request that makes no sense whatever the state is.</summary>
/// <param name="subject">What kind of thing.</param>
/// <param name="value">What was given.</param>
/// <param name="reason">Why it makes no sense.</param>
/// <param name="remedy">What to give instead.</param>
public sealed class InvalidRequestException(string subject, string value, string reason, string remedy)
    : EngineException($"{subject} '{value}'", reason, remedy);

/// <summary>The named object does not exist.</summary>
/// <param name="subject">The object.</param>
/// <param name="remedy">How to find what there is.</param>
public sealed class NotKnownException(string subject, string? remedy = null) : EngineException(subject, "there is no such thing here", remedy);

/// <summary>The object is there already, or taken by another.</summary>
/// <param name="subject">The object.</param>
/// <param name="reason">Who has it.</param>
/// <param name="remedy">What to do.</param>
public sealed class InUseException(string subject, string reason, string? remedy = null) : EngineException(subject, reason, remedy);

/// <summary>Nothing is left of what was asked for; says how much there was and what holds it.</summary>
/// <param name="subject">What ran out.</param>
/// <param name="reason">How many there were and who has them.</param>
/// <param name="remedy">What to do.</param>
public sealed class ExhaustedException(string subject, string reason, string? remedy = null) : EngineException(subject, reason, remedy);
