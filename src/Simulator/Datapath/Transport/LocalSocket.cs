using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Transport;

/// <summary>
/// What rules see of a socket of this machine (struct sock). The programs of a simulated machine are root's, in the root of the control groups, and
/// set no mark and no option that makes a socket transparent.
/// </summary>
/// <param name="address">What it is bound to; null for any address.</param>
internal sealed class LocalSocket(InternetAddress? address)
{
    /// <summary>User and group of the programs, their class of net_cls, and the mark of their sockets.</summary>
    public const uint Owner = 0, Group = 0, Class = 0, Mark = 0;

    /// <summary>The root of the control groups, by its id (its inode).</summary>
    public const ulong ControlGroup = 1;

    /// <summary>The kernel's own, by which it sends what no program asked for: messages of ICMP and neighbour discovery, resets.</summary>
    public static LocalSocket OfKernel { get; } = new(null) { HasProgram = false };

    /// <summary>A program's that is bound to nothing: a raw one, or one of packets.</summary>
    public static LocalSocket OfProgram { get; } = new(null);

    /// <summary>It takes packets to every address.</summary>
    public bool IsWildcard { get; } = address is null;

    /// <summary>A program holds it.</summary>
    public bool HasProgram { get; private init; } = true;

    /// <summary>False of a handshake that a listener answers: it is no socket yet (sk_fullsock), and its packets count as its listener's.</summary>
    public bool IsFull { get; init; } = true;
}
