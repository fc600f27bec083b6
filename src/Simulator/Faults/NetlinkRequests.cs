using System.Runtime.InteropServices;
using EucaNet.Netfilter;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Simulator.Faults;

/// <summary>Tells requests that change something from those that only read.</summary>
internal static class NetlinkRequests
{
    /// <summary>A datagram whose first message begins an nf_tables batch.</summary>
    public static bool IsBatch(NetlinkProtocol protocol, ReadOnlySpan<byte> datagram) =>
        protocol == NetlinkProtocol.Netfilter && datagram.Length >= NetlinkHeader.Size
        && MemoryMarshal.Read<NetlinkHeader>(datagram).Type == Nfnetlink.NFNL_MSG_BATCH_BEGIN;

    /// <summary>At least one message of the datagram changes something. A batch that was not ended is a dry run, and an empty one changes nothing.</summary>
    public static bool AreChanges(NetlinkProtocol protocol, ReadOnlySpan<byte> datagram)
    {
        bool batch = IsBatch(protocol, datagram);
        bool changes = false, ended = false;
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            ended |= batch && message.Header.Type == Nfnetlink.NFNL_MSG_BATCH_END;
            changes |= IsChange(protocol, message.Header.Type);
        }

        return changes && (!batch || ended);
    }

    // rtnetlink's verbs come in fours: new, delete, get, set. netfilter's have the subsystem in the upper byte.
    private static bool IsChange(NetlinkProtocol protocol, ushort type) => protocol == NetlinkProtocol.Route
        ? type >= NetlinkMessageType.FirstOfFamily && (type & 3) != 2
        : type >= 0x100 && (type >> 8) switch
        {
            Nfnetlink.NFNL_SUBSYS_NFTABLES => (type & 0xff) is not (1 or 4 or 7 or 10 or 13 or 16 or 19 or 21 or 23 or 25 or 33),
            Nfnetlink.NFNL_SUBSYS_CTNETLINK => (type & 0xff) is not (1 or 4 or 5 or 6 or 7),
            _ => false,
        };
}
