using EucaNet.Netfilter;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Kernel.Netfilter;
using EucaNet.Simulator.Kernel.Nftables;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>The netlink side of connection tracking (nf_conntrack_netlink.c), over the datapath's table: list, get, make, change, delete, flush, events.</summary>
internal sealed class ConntrackSubsystem
{
    private static readonly AttributePolicy Policy = new(
        CTA_STATUS_MASK,
        (CTA_TUPLE_ORIG, AttributePolicy.Nested),
        (CTA_TUPLE_REPLY, AttributePolicy.Nested),
        (CTA_STATUS, AttributePolicy.U32),
        (CTA_PROTOINFO, AttributePolicy.Nested),
        (CTA_HELP, AttributePolicy.Nested),
        (CTA_NAT_SRC, AttributePolicy.Nested),
        (CTA_TIMEOUT, AttributePolicy.U32),
        (CTA_MARK, AttributePolicy.U32),
        (CTA_ID, AttributePolicy.U32),
        (CTA_NAT_DST, AttributePolicy.Nested),
        (CTA_TUPLE_MASTER, AttributePolicy.Nested),
        (CTA_ZONE, AttributePolicy.U16),
        (CTA_MARK_MASK, AttributePolicy.U32),
        (CTA_LABELS, new AttributeRule(AttributeKind.Binary, 16)),
        (CTA_LABELS_MASK, new AttributeRule(AttributeKind.Binary, 16)),
        (CTA_FILTER, AttributePolicy.Nested),
        (CTA_STATUS_MASK, AttributePolicy.U32));

    private static readonly AttributePolicy InformationPolicy = new(CTA_PROTOINFO_SCTP, (CTA_PROTOINFO_TCP, AttributePolicy.Nested));

    private static readonly AttributePolicy TcpPolicy = new(CTA_PROTOINFO_TCP_FLAGS_REPLY, (CTA_PROTOINFO_TCP_STATE, AttributePolicy.U8));

    private readonly SimulatedKernel _kernel;
    private bool _listens;

    public ConntrackSubsystem(SimulatedKernel kernel) => _kernel = kernel;

    private ConnectionTracker Tracker => _kernel.Stack.Conntrack;

    /// <summary>Begins to tell of connections; called when the datapath is there.</summary>
    public void Listen()
    {
        if (!_listens)
        {
            _listens = true;
            Tracker.Changed += Notify;
        }
    }

    /// <summary>Handles one message and returns its errno; EINTR says that a dump was begun.</summary>
    public LinuxError Handle(NetfilterMessage message)
    {
        Listen();
        int verb = message.Header.Type & 0xff;
        if (verb > IPCTNL_MSG_CT_GET_UNCONFIRMED)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = message.Parse(Policy, out ParsedAttributes attributes, message.Acknowledgement);
        if (error != LinuxError.None)
        {
            return error;
        }

        return verb switch
        {
            IPCTNL_MSG_CT_NEW => New(message, attributes),
            IPCTNL_MSG_CT_GET or IPCTNL_MSG_CT_GET_CTRZERO => Get(message, attributes, verb == IPCTNL_MSG_CT_GET_CTRZERO),
            IPCTNL_MSG_CT_DELETE => Delete(message, attributes),
            IPCTNL_MSG_CT_GET_STATS => GetStatistics(message),
            IPCTNL_MSG_CT_GET_STATS_CPU when message.IsDump => DumpStatistics(message),
            _ => DumpNothing(message),
        };
    }

    /// <summary>Handles one message about expectations: there never are any.</summary>
    public static LinuxError HandleExpectation(NetfilterMessage message) => (message.Header.Type & 0xff) switch
    {
        IPCTNL_MSG_EXP_GET when message.IsDump => DumpNothing(message),
        IPCTNL_MSG_EXP_GET or IPCTNL_MSG_EXP_DELETE => LinuxError.ENOENT,
        IPCTNL_MSG_EXP_NEW => LinuxError.EOPNOTSUPP,
        _ => LinuxError.EINVAL,
    };

    private LinuxError Get(NetfilterMessage message, ParsedAttributes attributes, bool resets)
    {
        byte family = message.Family.Family;
        if (message.IsDump)
        {
            bool filters = family != NFPROTO_UNSPEC || attributes.Has(CTA_MARK) || attributes.Has(CTA_FILTER) || attributes.Has(CTA_STATUS) || attributes.Has(CTA_ZONE);
            if (attributes.Has(CTA_MARK_MASK) && !attributes.Has(CTA_MARK))
            {
                return LinuxError.EINVAL;
            }

            IEnumerable<byte[]> messages = Tracker.Connections.Where(connection => Passes(connection, family, attributes)).ToArray()
                .Select(connection => Message(IPCTNL_MSG_CT_NEW, filters ? NetlinkMessageFlags.DumpFiltered : 0, connection, (ref NetlinkWriter writer) => ConntrackMessage.Write(ref writer, connection, Now, resets)));
            message.Socket.StartDump(new NetlinkDump(message.Header, message.Socket.PortId, messages)
            {
                DoneRidesAlong = false,

                // Later kernels leave the end of a filtered dump as it always was.
                ExtraFlags = filters && !_kernel.Profile.IsAtLeast(6, 13) ? NetlinkMessageFlags.DumpFiltered : 0,
            });
            return LinuxError.EINTR;
        }

        LinuxError error = Find(message, attributes, out Connection? found);
        if (error != LinuxError.None)
        {
            return error;
        }

        byte[] answer = Message(IPCTNL_MSG_CT_NEW, NetlinkMessageFlags.Multi, found!, (ref NetlinkWriter writer) => ConntrackMessage.Write(ref writer, found!, Now, resets, users: 2));
        message.Socket.Deliver(NftMessage.Stamp(answer, NetlinkMessageFlags.Multi, message.Header.Sequence, message.Socket.PortId));
        return LinuxError.None;
    }

    private DateTimeOffset Now => _kernel.Clock.Steady.GetUtcNow();

    private static bool Passes(Connection connection, byte family, ParsedAttributes attributes)
    {
        if (family != NFPROTO_UNSPEC && connection.Original.Family != family
            || attributes.Has(CTA_ZONE) && connection.Zone != attributes[CTA_ZONE].UInt16BigEndian)
        {
            return false;
        }

        if (attributes.Has(CTA_MARK))
        {
            uint mask = attributes.Has(CTA_MARK_MASK) ? attributes[CTA_MARK_MASK].UInt32BigEndian : uint.MaxValue;
            if ((connection.Mark & mask) != attributes[CTA_MARK].UInt32BigEndian)
            {
                return false;
            }
        }

        if (attributes.Has(CTA_STATUS))
        {
            uint status = attributes[CTA_STATUS].UInt32BigEndian;
            uint mask = attributes.Has(CTA_STATUS_MASK) ? attributes[CTA_STATUS_MASK].UInt32BigEndian : status;
            return ((uint)connection.Status & mask) == status;
        }

        return true;
    }

    /// <summary>The connection that a request names by a tuple of either direction.</summary>
    private LinuxError Find(NetfilterMessage message, ParsedAttributes attributes, out Connection? connection)
    {
        connection = null;
        KernelAttribute tupleAttribute = attributes.Has(CTA_TUPLE_ORIG) ? attributes[CTA_TUPLE_ORIG] : attributes[CTA_TUPLE_REPLY];
        if (!tupleAttribute.Exists)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = ConntrackMessage.ReadTuple(tupleAttribute, message.Family.Family, out ConnectionTuple tuple);
        if (error != LinuxError.None)
        {
            return error;
        }

        ushort zone = attributes.Has(CTA_ZONE) ? attributes[CTA_ZONE].UInt16BigEndian : (ushort)0;
        return Tracker.TryFind(tuple, zone, out connection, out _) ? LinuxError.None : LinuxError.ENOENT;
    }

    private LinuxError Delete(NetfilterMessage message, ParsedAttributes attributes)
    {
        if (!attributes.Has(CTA_TUPLE_ORIG) && !attributes.Has(CTA_TUPLE_REPLY))
        {
            // Only requests of a later version narrow a flush down to their family.
            byte family = message.Family.Version != 0 ? message.Family.Family : NFPROTO_UNSPEC;
            Tracker.RemoveWhere(connection => Passes(connection, family, attributes));
            return LinuxError.None;
        }

        LinuxError error = Find(message, attributes, out Connection? found);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (attributes.Has(CTA_ID) && attributes[CTA_ID].UInt32BigEndian != found!.Id)
        {
            return LinuxError.ENOENT;
        }

        Tracker.Remove(found!);
        return LinuxError.None;
    }

    private LinuxError New(NetfilterMessage message, ParsedAttributes attributes)
    {
        LinuxError error = Find(message, attributes, out Connection? found);
        if (error == LinuxError.None)
        {
            return (message.Header.Flags & NetlinkMessageFlags.Exclusive) != 0 ? LinuxError.EEXIST : Change(found!, attributes);
        }

        if (error != LinuxError.ENOENT || (message.Header.Flags & NetlinkMessageFlags.Create) == 0)
        {
            return error;
        }

        if (!attributes.Has(CTA_TUPLE_ORIG) || !attributes.Has(CTA_TUPLE_REPLY) || !attributes.Has(CTA_TIMEOUT))
        {
            return LinuxError.EINVAL;
        }

        byte family = message.Family.Family;
        error = ConntrackMessage.ReadTuple(attributes[CTA_TUPLE_ORIG], family, out ConnectionTuple original);
        if (error == LinuxError.None)
        {
            error = ConntrackMessage.ReadTuple(attributes[CTA_TUPLE_REPLY], family, out ConnectionTuple reply);
            if (error == LinuxError.None)
            {
                Connection connection = Tracker.Create(original, reply, attributes.Has(CTA_ZONE) ? attributes[CTA_ZONE].UInt16BigEndian : (ushort)0);
                connection.IsMadeByRequest = true;
                error = Change(connection, attributes);
                if (error == LinuxError.None)
                {
                    Tracker.Insert(connection);
                    Notify(connection, ConnectionEvents.New);
                }
            }
        }

        return error;
    }

    private LinuxError Change(Connection connection, ParsedAttributes attributes)
    {
        const ConnectionStatus Unchangeable = (ConnectionStatus)IPS_UNCHANGEABLE_MASK;
        if (attributes.Has(CTA_TUPLE_MASTER) || connection.IsConfirmed && (attributes.Has(CTA_NAT_SRC) || attributes.Has(CTA_NAT_DST)))
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (attributes.Has(CTA_STATUS))
        {
            var status = (ConnectionStatus)attributes[CTA_STATUS].UInt32BigEndian;
            ConnectionStatus changed = connection.Status ^ status;
            if (connection.IsConfirmed && (changed & (ConnectionStatus.Expected | ConnectionStatus.Confirmed | ConnectionStatus.Dying)) != 0
                || (connection.Status & ConnectionStatus.SeenReply) != 0 && (status & ConnectionStatus.SeenReply) == 0
                || (connection.Status & ConnectionStatus.Assured) != 0 && (status & ConnectionStatus.Assured) == 0)
            {
                return LinuxError.EBUSY;
            }

            connection.Status |= status & ~Unchangeable;
        }

        if (attributes.Has(CTA_TIMEOUT))
        {
            connection.Expires = Now + TimeSpan.FromSeconds(attributes[CTA_TIMEOUT].UInt32BigEndian);
        }

        if (attributes.Has(CTA_PROTOINFO) && SetTcpState(connection, attributes[CTA_PROTOINFO]) is var error and not LinuxError.None)
        {
            return error;
        }

        if (attributes.Has(CTA_MARK))
        {
            uint mask = attributes.Has(CTA_MARK_MASK) ? attributes[CTA_MARK_MASK].UInt32BigEndian : uint.MaxValue;
            connection.Mark = connection.Mark & ~mask ^ attributes[CTA_MARK].UInt32BigEndian;
            if (connection.IsConfirmed)
            {
                Notify(connection, ConnectionEvents.Mark);
            }
        }

        return LinuxError.None;
    }

    private static LinuxError SetTcpState(Connection connection, KernelAttribute information)
    {
        LinuxError error = information.Parse(InformationPolicy, out ParsedAttributes protocols);
        if (error != LinuxError.None || connection.Original.Protocol != (byte)System.Net.Sockets.ProtocolType.Tcp || !protocols.Has(CTA_PROTOINFO_TCP))
        {
            return error;
        }

        error = protocols[CTA_PROTOINFO_TCP].Parse(TcpPolicy, out ParsedAttributes tcp);
        if (error == LinuxError.None && tcp.Has(CTA_PROTOINFO_TCP_STATE))
        {
            var state = (TcpState)tcp[CTA_PROTOINFO_TCP_STATE].Byte;
            if (state > TcpState.SynSent2)
            {
                return LinuxError.EINVAL;
            }

            connection.Tcp ??= new TcpTracking();
            connection.Tcp.State = state;
            SetTcpFlags(connection.Tcp, ConnectionDirection.Original, tcp, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL);
            SetTcpFlags(connection.Tcp, ConnectionDirection.Reply, tcp, CTA_PROTOINFO_TCP_FLAGS_REPLY);
        }

        return error;
    }

    // Flags and which of them are meant (struct nf_ct_tcp_flags).
    private static void SetTcpFlags(TcpTracking tracking, ConnectionDirection direction, ParsedAttributes attributes, ushort type)
    {
        if (attributes.Has(type) && attributes[type].Value is { Length: >= 2 } pair)
        {
            ref TcpSide side = ref tracking.Side(direction);
            side.Flags = side.Flags & (TcpSideFlags)~pair[1] | (TcpSideFlags)(pair[0] & pair[1]);
        }
    }

    /// <summary>A message for each processor; nothing here is counted by processor.</summary>
    private LinuxError DumpStatistics(NetfilterMessage message)
    {
        byte[][] messages = [.. Enumerable.Range(0, (int)_kernel.Profile.Processors).Select(static processor => NftMessage.Make(
            NFNL_SUBSYS_CTNETLINK,
            IPCTNL_MSG_CT_GET_STATS_CPU,
            NetlinkMessageFlags.Multi,
            0,
            0,
            NFPROTO_UNSPEC,
            (ushort)processor,
            static (ref NetlinkWriter writer) =>
            {
                foreach (ushort counter in (ReadOnlySpan<ushort>)[2, 4, 8, 9, 10, 11, 12, 13, 14, 15])
                {
                    writer.WriteUInt32BigEndian(counter, 0);
                }
            }))];
        message.Socket.StartDump(new NetlinkDump(message.Header, message.Socket.PortId, messages));
        return LinuxError.EINTR;
    }

    private LinuxError GetStatistics(NetfilterMessage message)
    {
        Tracker.Expire();
        message.Socket.Deliver(NftMessage.Make(
            NFNL_SUBSYS_CTNETLINK,
            IPCTNL_MSG_CT_GET_STATS,
            NetlinkMessageFlags.Multi,
            message.Header.Sequence,
            message.Socket.PortId,
            NFPROTO_UNSPEC,
            0,
            (ref NetlinkWriter writer) =>
            {
                writer.WriteUInt32BigEndian(CTA_STATS_GLOBAL_ENTRIES, (uint)Tracker.Count);
                writer.WriteUInt32BigEndian(CTA_STATS_GLOBAL_MAX_ENTRIES, (uint)Tracker.Maximum);
            }));
        return LinuxError.None;
    }

    private static LinuxError DumpNothing(NetfilterMessage message)
    {
        if (!message.IsDump)
        {
            return LinuxError.None;
        }

        message.Socket.StartDump(new NetlinkDump(message.Header, message.Socket.PortId, []));
        return LinuxError.EINTR;
    }

    private void Notify(Connection connection, ConnectionEvents events)
    {
        bool ended = (events & ConnectionEvents.Destroy) != 0, began = (events & (ConnectionEvents.New | ConnectionEvents.Related)) != 0;
        uint group = ended ? NFNLGRP_CONNTRACK_DESTROY : began ? NFNLGRP_CONNTRACK_NEW : NFNLGRP_CONNTRACK_UPDATE;
        if (!_kernel.HasListeners(NetlinkProtocol.Netfilter, group))
        {
            return;
        }

        byte[] message = Message(
            ended ? IPCTNL_MSG_CT_DELETE : IPCTNL_MSG_CT_NEW,
            began && !ended ? NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive : 0,
            connection,
            (ref NetlinkWriter writer) => ConntrackMessage.WriteEvent(ref writer, connection, Now, events));
        _kernel.Notify(NetlinkProtocol.Netfilter, group, message);
    }

    private static byte[] Message(int verb, NetlinkMessageFlags flags, Connection connection, NftMessage.Filler fill) =>
        NftMessage.Make(NFNL_SUBSYS_CTNETLINK, verb, flags, 0, 0, connection.Original.Family, 0, fill);
}
