using System.Net.Sockets;

namespace EucaNet.Netlink.Kernel;

/// <summary>
/// The one seam to the kernel: one network namespace of one machine, real (<c>LinuxKernel</c>) or simulated. What stands
/// above it never knows which; the bytes are the same.
/// </summary>
public interface IKernel
{
    /// <summary>The clock of this machine.</summary>
    TimeProvider Time { get; }

    /// <summary>Opens and binds a netlink socket in this namespace, with extended and capped acknowledgements on.</summary>
    /// <exception cref="KernelException">The kernel refused (EPERM, EPROTONOSUPPORT, …).</exception>
    INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null);

    /// <summary>Opens a socket that receives and sends whole ethernet frames of one interface (needs CAP_NET_RAW).</summary>
    /// <param name="interfaceIndex">The interface's index.</param>
    /// <param name="etherType">Frames of this type only; 0x0003 for all, those that leave by the interface too.</param>
    /// <param name="filter">Which of those frames; null for all.</param>
    /// <exception cref="KernelException">The interface is gone (ENODEV) or the caller may not (EPERM).</exception>
    IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null);

    /// <summary>Holds a UDP port on one interface, so that the kernel answers no ICMP error for it and no other server takes it.</summary>
    /// <exception cref="KernelException">EADDRINUSE: another server listens there.</exception>
    IDisposable ReserveUdpPort(string interfaceName, ushort port);

    /// <summary>Opens the socket-option interface of the legacy xtables (needs CAP_NET_ADMIN).</summary>
    /// <param name="family"><see cref="AddressFamily.InterNetwork"/> or <see cref="AddressFamily.InterNetworkV6"/>.</param>
    IXtablesSocket OpenXtables(AddressFamily family);

    /// <summary>A kernel parameter's value without line end, by its path below /proc/sys ("net/ipv4/ip_forward"); null where there is none.</summary>
    string? ReadParameter(string path);

    /// <summary>Sets a kernel parameter by its path below /proc/sys.</summary>
    /// <exception cref="KernelException">ENOENT: no such parameter; EACCES: it may not be written.</exception>
    void WriteParameter(string path, string value);

    /// <summary>
    /// Blocks the calling thread until a task has ended. A simulated kernel lets its virtual time pass meanwhile: without that, nobody could
    /// ever end a wait for an answer that comes late or not at all.
    /// </summary>
    void Wait(Task task)
    {
        ArgumentNullException.ThrowIfNull(task);
        task.GetAwaiter().GetResult();
    }
}

/// <summary>The netlink families used here (linux/netlink.h).</summary>
public enum NetlinkProtocol
{
    /// <summary>Links, addresses, routes, neighbours.</summary>
    Route = 0,

    /// <summary>IPsec states and policies. Read along and carried here, without models.</summary>
    Xfrm = 6,

    /// <summary>nf_tables, connection tracking.</summary>
    Netfilter = 12,

    /// <summary>Generic netlink (ethtool, WireGuard and so on). Read along and carried here, without models.</summary>
    Generic = 16,
}

/// <summary>What a netlink socket is opened with.</summary>
public sealed record NetlinkSocketOptions
{
    /// <summary>Multicast groups to join at once (numbers, not masks).</summary>
    public IReadOnlyList<uint> Groups { get; init; } = [];

    /// <summary>Strict checking of get requests (NETLINK_GET_STRICT_CHK, Linux 4.20).</summary>
    public bool StrictChecking { get; init; } = true;

    /// <summary>
    /// Receiving fails with ENOBUFS once when messages were lost. False (NETLINK_NO_ENOBUFS, Linux 2.6.30) loses them without a word, for those who want
    /// only what comes next.
    /// </summary>
    public bool ReportOverruns { get; init; } = true;

    /// <summary>Size of the receive buffer in bytes as the kernel counts it, 2,304 at least (SO_RCVBUFFORCE, then SO_RCVBUF); null for the system's default.</summary>
    public int? ReceiveBufferSize { get; init; }

    /// <summary>Size of the send buffer in bytes as the kernel counts it, 4,608 at least (SO_SNDBUFFORCE, then SO_SNDBUF); null for the system's default.</summary>
    public int? SendBufferSize { get; init; }
}
