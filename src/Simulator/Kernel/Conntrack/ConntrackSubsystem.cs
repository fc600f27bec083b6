using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Kernel.Netfilter;
using EucaNet.Simulator.Kernel.Nftables;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>The netlink side of connection tracking (nf_conntrack_netlink.c), over the datapath's table: list, get, delete, flush, events; what makes and changes connections is in ConntrackChanges.</summary>
internal sealed class ConntrackSubsystem
{
    private static readonly (int Type, AttributeRule Rule)[] Rules =
    [
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
        (CTA_NAT_SEQ_ADJ_ORIG, AttributePolicy.Nested),
        (CTA_NAT_SEQ_ADJ_REPLY, AttributePolicy.Nested),
        (CTA_ZONE, AttributePolicy.U16),
        (CTA_MARK_MASK, AttributePolicy.U32),
        (CTA_LABELS, new AttributeRule(AttributeKind.Binary, 16)),
        (CTA_LABELS_MASK, new AttributeRule(AttributeKind.Binary, 16)),
        (CTA_FILTER, AttributePolicy.Nested),
        (CTA_STATUS_MASK, AttributePolicy.U32),
        (CTA_TIMESTAMP_EVENT, new AttributeRule(AttributeKind.Refused)),
    ];

    private static readonly AttributePolicy Policy = KnownUpTo(CTA_TIMESTAMP_EVENT), OlderPolicy = KnownUpTo(CTA_STATUS_MASK);

    private readonly SimulatedKernel _kernel;
    private readonly ConntrackReports _reports;
    private bool _listens;

    public ConntrackSubsystem(SimulatedKernel kernel)
    {
        _kernel = kernel;
        _reports = new ConntrackReports(kernel);
        Expectations = new ExpectationSubsystem(kernel, _reports);
    }

    /// <summary>What is said of connections that are waited for.</summary>
    public ExpectationSubsystem Expectations { get; }

    private ConnectionTracker Tracker => _kernel.Stack.Conntrack;

    private DateTimeOffset Now => _kernel.Clock.Steady.GetUtcNow();

    /// <summary>Begins to tell of connections; called when the datapath is there.</summary>
    public void Listen()
    {
        if (!_listens)
        {
            _listens = true;
            Tracker.HasListeners = _reports.HasListeners;
            Tracker.Changed += _reports.Tell;
            Tracker.Expectations.Changed += _reports.Tell;
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

        LinuxError error = message.Parse(verb > IPCTNL_MSG_CT_GET_CTRZERO ? AttributePolicy.None : _kernel.Profile.TimesConnectionEvents ? Policy : OlderPolicy, out ParsedAttributes attributes, message.Acknowledgement);
        if (error != LinuxError.None)
        {
            return error;
        }

        switch (verb)
        {
            case IPCTNL_MSG_CT_GET_STATS:
                return GetStatistics(message);
            case IPCTNL_MSG_CT_GET_STATS_CPU:
                return message.IsDump ? DumpStatistics(message) : LinuxError.None;
            case IPCTNL_MSG_CT_GET_DYING or IPCTNL_MSG_CT_GET_UNCONFIRMED:
                // Nothing stays in between here.
                return message.IsDump ? Dump(message, []) : LinuxError.EOPNOTSUPP;
        }

        using ConntrackReports.Asked asked = _reports.AskedBy(message);
        return verb switch
        {
            IPCTNL_MSG_CT_NEW => new ConntrackChanges(_kernel).New(message, attributes),
            IPCTNL_MSG_CT_DELETE => Delete(message, attributes),
            _ => Get(message, attributes, verb == IPCTNL_MSG_CT_GET_CTRZERO),
        };
    }

    private static AttributePolicy KnownUpTo(ushort last) => new(last, [.. Rules.Where(rule => rule.Type <= last)]);

    private LinuxError Get(NetfilterMessage message, ParsedAttributes attributes, bool resets)
    {
        if (message.IsDump)
        {
            LinuxError refused = ConntrackFilter.Read(attributes, message.Family.Family, out ConntrackFilter? filter);
            return refused != LinuxError.None ? refused : DumpConnections(message, filter, resets);
        }

        LinuxError error = Find(message, attributes, out Connection? found);
        if (error != LinuxError.None)
        {
            return error;
        }

        byte[] answer = ConntrackReports.Message(IPCTNL_MSG_CT_NEW, NetlinkMessageFlags.Multi, found!.Original.Family, (ref NetlinkWriter writer) => ConntrackMessage.Write(ref writer, found!, Now, resets, users: 2));
        message.Socket.Deliver(NftMessage.Stamp(answer, NetlinkMessageFlags.Multi, message.Header.Sequence, message.Socket.PortId));
        return LinuxError.None;
    }

    private LinuxError DumpConnections(NetfilterMessage message, ConntrackFilter? filter, bool resets)
    {
        NetlinkMessageFlags flags = filter is null ? 0 : NetlinkMessageFlags.DumpFiltered;
        IEnumerable<byte[]> messages = Tracker.Connections.Where(connection => filter?.Passes(connection) != false).ToArray()
            .Select(connection => ConntrackReports.Message(IPCTNL_MSG_CT_NEW, flags, connection.Original.Family, (ref NetlinkWriter writer) => ConntrackMessage.Write(ref writer, connection, Now, resets)));
        message.Socket.StartDump(new NetlinkDump(message.Header, message.Socket.PortId, messages)
        {
            DoneRidesAlong = false,

            // Later kernels leave the end of a filtered dump as it always was.
            ExtraFlags = filter is not null && !_kernel.Profile.IsAtLeast(6, 13) ? NetlinkMessageFlags.DumpFiltered : 0,
        });
        return LinuxError.EINTR;
    }

    /// <summary>The connection that a request names by a tuple of either direction.</summary>
    private LinuxError Find(NetfilterMessage message, ParsedAttributes attributes, out Connection? connection)
    {
        connection = null;
        ConnectionDirection direction = attributes.Has(CTA_TUPLE_ORIG) ? ConnectionDirection.Original : ConnectionDirection.Reply;
        KernelAttribute attribute = attributes[direction == ConnectionDirection.Original ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY];
        if (!attribute.Exists)
        {
            return LinuxError.EINVAL;
        }

        ConnectionZone zone = TupleAttributes.ReadZone(attributes[CTA_ZONE]);
        LinuxError error = TupleAttributes.Read(attribute, message.Family.Family, direction, ref zone, out ConnectionTuple tuple);
        return error != LinuxError.None ? error
            : Tracker.TryFind(tuple, zone, out connection, out _) ? LinuxError.None
            : LinuxError.ENOENT;
    }

    private LinuxError Delete(NetfilterMessage message, ParsedAttributes attributes)
    {
        bool hasTuple = attributes.Has(CTA_TUPLE_ORIG) || attributes.Has(CTA_TUPLE_REPLY);
        bool filters = attributes.Has(CTA_FILTER) && _kernel.Profile.DeletesByFilter;
        if (!hasTuple || filters)
        {
            // Only requests of a later version, or with a filter, narrow a flush down to their family.
            byte family = message.Family.Version != 0 || filters ? message.Family.Family : NFPROTO_UNSPEC;
            LinuxError refused = ConntrackFilter.Read(attributes, family, out ConntrackFilter? filter);
            if (refused == LinuxError.None)
            {
                Tracker.RemoveWhere(connection => filter?.Passes(connection) != false);
            }

            return refused;
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

    private LinuxError DumpStatistics(NetfilterMessage message)
    {
        TrackingStatistics counted = Tracker.Statistics;
        return Dump(message, ConntrackReports.OfProcessors(
            _kernel,
            IPCTNL_MSG_CT_GET_STATS_CPU,
            (CTA_STATS_FOUND, 0),
            (CTA_STATS_INVALID, counted.Invalid),
            (CTA_STATS_INSERT, counted.Inserted),
            (CTA_STATS_INSERT_FAILED, counted.InsertFailed),
            (CTA_STATS_DROP, counted.Dropped),
            (CTA_STATS_EARLY_DROP, 0),
            (CTA_STATS_ERROR, 0),
            (CTA_STATS_SEARCH_RESTART, 0),
            (CTA_STATS_CLASH_RESOLVE, 0),
            (CTA_STATS_CHAIN_TOOLONG, 0)));
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

    private static LinuxError Dump(NetfilterMessage message, byte[][] messages)
    {
        message.Socket.StartDump(new NetlinkDump(message.Header, message.Socket.PortId, messages));
        return LinuxError.EINTR;
    }
}
