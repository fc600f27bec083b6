using EucaNet.Netlink.Wire;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>What a commit tells: an event an object to the group of nf_tables, and back to the requester where it asked for echoes.</summary>
internal sealed partial class NftablesSubsystem
{
    /// <summary>NLMSG_GOODSIZE less a header's room: events are packed into datagrams of this size.</summary>
    private const int EventDatagramSize = SocketMemory.GoodMessageSize;

    private readonly List<(byte[] Message, bool Report)> _notifications = [];

    private bool HasListeners => Kernel.HasListeners(NetlinkProtocol.Netfilter, NFNLGRP_NFTABLES);

    /// <summary>Makes an event of a step that is being committed, where anybody wants it.</summary>
    private void Notify(NftContext context, int verb, byte family, NetlinkMessageFlags flags, NftMessage.Filler fill)
    {
        if (context.Reports || HasListeners)
        {
            flags |= context.Flags & (NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive);
            byte[] message = NftMessage.Make(NFNL_SUBSYS_NFTABLES, verb, flags, context.Sequence, context.PortId, family, ResourceId, fill);
            _notifications.Add((message, context.Reports));
        }
    }

    private void SendNotifications(SimulatedNetlinkSocket socket, NetlinkHeader first)
    {
        var datagram = new List<byte>();
        bool report = false;
        foreach ((byte[] message, bool wanted) in _notifications)
        {
            if (datagram.Count > 0 && (wanted != report || datagram.Count + message.Length > EventDatagramSize))
            {
                SendNotification(socket, [.. datagram], report);
                datagram.Clear();
            }

            report = wanted;
            datagram.AddRange(message);
        }

        _notifications.Clear();
        if (datagram.Count > 0)
        {
            SendNotification(socket, [.. datagram], report);
        }

        report = (first.Flags & NetlinkMessageFlags.Echo) != 0;
        if (report || HasListeners)
        {
            SendNotification(socket, NftMessage.Make(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN, 0, first.Sequence, socket.PortId, NFPROTO_UNSPEC, ResourceId, FillGeneration), report);
        }
    }

    private void SendNotification(SimulatedNetlinkSocket socket, byte[] datagram, bool report)
    {
        Kernel.Notify(NetlinkProtocol.Netfilter, NFNLGRP_NFTABLES, datagram, report ? socket : null);
        if (report)
        {
            socket.Deliver(datagram);
        }
    }
}
