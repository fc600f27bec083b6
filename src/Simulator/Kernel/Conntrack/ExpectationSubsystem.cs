using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Kernel.Netfilter;
using EucaNet.Simulator.Kernel.Nftables;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>The netlink side of the connections that are waited for (NFNL_SUBSYS_CTNETLINK_EXP).</summary>
internal sealed class ExpectationSubsystem(SimulatedKernel kernel, ConntrackReports reports)
{
    /// <summary>The only function for connections that have come which every kernel has that translates.</summary>
    public const string FollowMaster = "nat-follow-master";

    private static readonly AttributePolicy Policy = new(
        CTA_EXPECT_FN,
        (CTA_EXPECT_MASTER, AttributePolicy.Nested),
        (CTA_EXPECT_TUPLE, AttributePolicy.Nested),
        (CTA_EXPECT_MASK, AttributePolicy.Nested),
        (CTA_EXPECT_TIMEOUT, AttributePolicy.U32),
        (CTA_EXPECT_ID, AttributePolicy.U32),
        (CTA_EXPECT_HELP_NAME, new AttributeRule(AttributeKind.TerminatedString, 15)),
        (CTA_EXPECT_ZONE, AttributePolicy.U16),
        (CTA_EXPECT_FLAGS, AttributePolicy.Flags32((uint)(ExpectationFlags.Permanent | ExpectationFlags.Inactive | ExpectationFlags.UserSpace))),
        (CTA_EXPECT_CLASS, AttributePolicy.U32),
        (CTA_EXPECT_NAT, AttributePolicy.Nested),
        (CTA_EXPECT_FN, new AttributeRule(AttributeKind.TerminatedString)));

    private static readonly AttributePolicy NatPolicy = new(CTA_EXPECT_NAT_TUPLE, (CTA_EXPECT_NAT_DIR, AttributePolicy.U32), (CTA_EXPECT_NAT_TUPLE, AttributePolicy.Nested));

    private ConnectionTracker Tracker => kernel.Stack.Conntrack;

    private ExpectationTable Table => Tracker.Expectations;

    private DateTimeOffset Now => kernel.Clock.Steady.GetUtcNow();

    /// <summary>Handles one message and returns its errno; EINTR says that a dump was begun.</summary>
    public LinuxError Handle(NetfilterMessage message)
    {
        int verb = message.Header.Type & 0xff;
        if (verb > IPCTNL_MSG_EXP_GET_STATS_CPU)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = message.Parse(verb < IPCTNL_MSG_EXP_GET_STATS_CPU ? Policy : AttributePolicy.None, out ParsedAttributes attributes, message.Acknowledgement);
        if (error != LinuxError.None)
        {
            return error;
        }

        using ConntrackReports.Asked asked = reports.AskedBy(message, verb == IPCTNL_MSG_EXP_NEW ? ExpectationEvents.New : ExpectationEvents.Destroy);
        return verb switch
        {
            IPCTNL_MSG_EXP_NEW => New(message, attributes),
            IPCTNL_MSG_EXP_GET_STATS_CPU => message.IsDump ? DumpStatistics(message) : LinuxError.None,
            IPCTNL_MSG_EXP_GET => message.IsDump ? Dump(message, attributes) : Get(message, attributes),
            _ => Delete(message, attributes),
        };
    }

    private LinuxError Get(NetfilterMessage message, ParsedAttributes attributes)
    {
        LinuxError error = Find(message, attributes[attributes.Has(CTA_EXPECT_TUPLE) ? CTA_EXPECT_TUPLE : CTA_EXPECT_MASTER], attributes, out Expectation? found);
        if (error == LinuxError.None)
        {
            message.Socket.Deliver(NftMessage.Stamp(Message(found!), NetlinkMessageFlags.Multi, message.Header.Sequence, message.Socket.PortId));
        }

        return error;
    }

    private LinuxError Find(NetfilterMessage message, KernelAttribute attribute, ParsedAttributes attributes, out Expectation? found)
    {
        found = null;
        if (!attribute.Exists)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = TupleAttributes.Read(attribute, message.Family.Family, out ConnectionTuple tuple);
        if (error != LinuxError.None)
        {
            return error;
        }

        found = Table.Find(tuple, TupleAttributes.ReadZone(attributes[CTA_EXPECT_ZONE]));
        return found is null || attributes.Has(CTA_EXPECT_ID) && attributes[CTA_EXPECT_ID].UInt32BigEndian != found.Id ? LinuxError.ENOENT : LinuxError.None;
    }

    private LinuxError Dump(NetfilterMessage message, ParsedAttributes attributes)
    {
        byte family = message.Family.Family;
        Connection? master = null;
        if (attributes.Has(CTA_EXPECT_MASTER))
        {
            LinuxError error = TupleAttributes.Read(attributes[CTA_EXPECT_MASTER], family, out ConnectionTuple tuple);
            if (error != LinuxError.None)
            {
                return error;
            }

            if (!Tracker.TryFind(tuple, TupleAttributes.ReadZone(attributes[CTA_EXPECT_ZONE]), out master, out _))
            {
                return LinuxError.ENOENT;
            }

            if (!master.CanExpect)
            {
                return LinuxError.None;
            }
        }

        byte[][] messages = [.. Table.All.Where(expectation => (family == NFPROTO_UNSPEC || expectation.Tuple.Family == family) && (master is null || expectation.Master == master)).Select(Message)];
        message.Socket.StartDump(new NetlinkDump(message.Header, message.Socket.PortId, messages));
        return LinuxError.EINTR;
    }

    private LinuxError Delete(NetfilterMessage message, ParsedAttributes attributes)
    {
        if (attributes.Has(CTA_EXPECT_TUPLE))
        {
            LinuxError error = Find(message, attributes[CTA_EXPECT_TUPLE], attributes, out Expectation? found);
            if (error == LinuxError.None)
            {
                Table.Remove(found!);
            }

            return error;
        }

        string? helper = attributes.Has(CTA_EXPECT_HELP_NAME) ? attributes[CTA_EXPECT_HELP_NAME].Name : null;
        Table.RemoveWhere(expectation => helper is null || expectation.Master.Helper?.Name == helper);
        return LinuxError.None;
    }

    private LinuxError New(NetfilterMessage message, ParsedAttributes attributes)
    {
        if (!attributes.Has(CTA_EXPECT_TUPLE) || !attributes.Has(CTA_EXPECT_MASK) || !attributes.Has(CTA_EXPECT_MASTER))
        {
            return LinuxError.EINVAL;
        }

        byte family = message.Family.Family;
        ConnectionZone zone = TupleAttributes.ReadZone(attributes[CTA_EXPECT_ZONE]);
        LinuxError error = TupleAttributes.Read(attributes[CTA_EXPECT_TUPLE], family, out ConnectionTuple tuple);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (Table.Find(tuple, zone) is not { } found)
        {
            return (message.Header.Flags & NetlinkMessageFlags.Create) == 0 ? LinuxError.ENOENT : Create(tuple, zone, family, attributes);
        }

        if ((message.Header.Flags & NetlinkMessageFlags.Exclusive) != 0)
        {
            return LinuxError.EEXIST;
        }

        if (attributes.Has(CTA_EXPECT_TIMEOUT))
        {
            found.Expires = Now + TimeSpan.FromSeconds(attributes[CTA_EXPECT_TIMEOUT].UInt32BigEndian);
        }

        return LinuxError.None;
    }

    private LinuxError Create(ConnectionTuple tuple, ConnectionZone zone, byte family, ParsedAttributes attributes)
    {
        LinuxError error = TupleAttributes.Read(attributes[CTA_EXPECT_MASK], family, out ConnectionTuple mask);
        if (error != LinuxError.None)
        {
            return error;
        }

        error = TupleAttributes.Read(attributes[CTA_EXPECT_MASTER], family, out ConnectionTuple masterTuple);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!Tracker.TryFind(masterTuple, zone, out Connection? master, out _))
        {
            return LinuxError.ENOENT;
        }

        ConnectionHelper? helper = attributes.Has(CTA_EXPECT_HELP_NAME) ? ConnectionHelper.Find(attributes[CTA_EXPECT_HELP_NAME].Name, family, master.Original.Protocol) : null;
        if (attributes.Has(CTA_EXPECT_HELP_NAME) && helper is null || !master.CanExpect)
        {
            return LinuxError.EOPNOTSUPP;
        }

        uint kind = attributes.Has(CTA_EXPECT_CLASS) && helper is not null ? attributes[CTA_EXPECT_CLASS].UInt32BigEndian : 0;
        bool follows = attributes.Has(CTA_EXPECT_FN);
        if (kind > 0 && kind >= helper!.Policies.Count || master.Helper is { } own && kind >= own.Policies.Count || follows && attributes[CTA_EXPECT_FN].Name != FollowMaster)
        {
            return LinuxError.EINVAL;
        }

        ExpectedTranslation? translation = null;
        if (attributes.Has(CTA_EXPECT_NAT) && (error = ReadTranslation(attributes[CTA_EXPECT_NAT], master.Original.Family, out translation)) != LinuxError.None)
        {
            return error;
        }

        return Table.Add(new Expectation(Table.NextId(), master, tuple, mask)
        {
            Helper = helper,
            Class = kind,
            Flags = attributes.Has(CTA_EXPECT_FLAGS) ? (ExpectationFlags)attributes[CTA_EXPECT_FLAGS].UInt32BigEndian & ~ExpectationFlags.UserSpace : ExpectationFlags.None,
            Translation = translation,
            FollowsMaster = follows,
        });
    }

    private static LinuxError ReadTranslation(KernelAttribute attribute, byte family, out ExpectedTranslation? translation)
    {
        translation = null;
        LinuxError error = attribute.Parse(NatPolicy, out ParsedAttributes nat);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!nat.Has(CTA_EXPECT_NAT_DIR) || !nat.Has(CTA_EXPECT_NAT_TUPLE))
        {
            return LinuxError.EINVAL;
        }

        error = TupleAttributes.Read(nat[CTA_EXPECT_NAT_TUPLE], family, out ConnectionTuple tuple);
        translation = new ExpectedTranslation(tuple.Source, tuple.SourcePort, nat[CTA_EXPECT_NAT_DIR].UInt32BigEndian);
        return error;
    }

    private byte[] Message(Expectation expectation) =>
        NftMessage.Make(NFNL_SUBSYS_CTNETLINK_EXP, IPCTNL_MSG_EXP_NEW, 0, 0, 0, expectation.Tuple.Family, 0, (ref NetlinkWriter writer) => ExpectationMessage.Write(ref writer, expectation, Now));

    /// <summary>The messages say that they are of connections: an old slip that became the interface.</summary>
    private LinuxError DumpStatistics(NetfilterMessage message)
    {
        TrackingStatistics counted = Tracker.Statistics;
        byte[][] messages = ConntrackReports.OfProcessors(
            kernel,
            IPCTNL_MSG_EXP_GET_STATS_CPU,
            (CTA_STATS_EXP_NEW, counted.Fulfilled),
            (CTA_STATS_EXP_CREATE, counted.Expected),
            (CTA_STATS_EXP_DELETE, counted.Unexpected));
        message.Socket.StartDump(new NetlinkDump(message.Header, message.Socket.PortId, messages));
        return LinuxError.EINTR;
    }
}
