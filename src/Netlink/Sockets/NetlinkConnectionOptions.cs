using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Sockets;

/// <summary>How a connection behaves.</summary>
public sealed record NetlinkConnectionOptions
{
    /// <summary>How long one request or one step of a dump may go unanswered; 10 seconds where nothing is said.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a dump is tried while what it lists keeps changing (NLM_F_DUMP_INTR).</summary>
    public int DumpAttempts { get; init; } = 10;

    /// <summary>What the socket is opened with.</summary>
    public NetlinkSocketOptions Socket { get; init; } = new();

    /// <summary>Names of the family's messages and attributes for errors; null for what this library knows of the protocol.</summary>
    public MessageCatalog? Catalog { get; init; }

    /// <summary>How many datagrams one system call takes.</summary>
    public int ReceiveSlots { get; init; } = 8;

    /// <summary>Bytes per datagram at first; it grows when the kernel has a larger one.</summary>
    public int ReceiveSlotSize { get; init; } = 32 * 1024;
}
