using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Datapath.Proxy;
using EucaNet.Simulator.Kernel.Netfilter;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>Makes and changes connections as requests of ctnetlink say.</summary>
internal sealed class ConntrackChanges(SimulatedKernel kernel)
{
    /// <summary>What a request is told to have changed, whether it did or not.</summary>
    private const ConnectionEvents Touched = ConnectionEvents.Reply | ConnectionEvents.Assured | ConnectionEvents.Helper | ConnectionEvents.ProtocolInfo
        | ConnectionEvents.SequenceAdjust | ConnectionEvents.Mark | ConnectionEvents.Proxy;

    /// <summary>TCP_MAX_WSCALE.</summary>
    private const byte LargestScale = 14;

    private static readonly AttributePolicy InformationPolicy = new(CTA_PROTOINFO_SCTP, (CTA_PROTOINFO_TCP, AttributePolicy.Nested), (CTA_PROTOINFO_SCTP, AttributePolicy.Nested));

    private static readonly AttributePolicy TcpPolicy = new(
        CTA_PROTOINFO_TCP_FLAGS_REPLY,
        (CTA_PROTOINFO_TCP_STATE, new AttributeRule(AttributeKind.U8, Maximum: (byte)TcpState.SynSent2)),
        (CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, new AttributeRule(AttributeKind.U8, Maximum: LargestScale)),
        (CTA_PROTOINFO_TCP_WSCALE_REPLY, new AttributeRule(AttributeKind.U8, Maximum: LargestScale)),
        (CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, AttributePolicy.U16),
        (CTA_PROTOINFO_TCP_FLAGS_REPLY, AttributePolicy.U16));

    private static readonly AttributePolicy SctpPolicy = new(
        CTA_PROTOINFO_SCTP_VTAG_REPLY, (CTA_PROTOINFO_SCTP_STATE, new AttributeRule(AttributeKind.U8, Maximum: (byte)SctpState.HeartbeatSent)), (CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, AttributePolicy.U32), (CTA_PROTOINFO_SCTP_VTAG_REPLY, AttributePolicy.U32));

    private static readonly AttributePolicy HelpPolicy = new(CTA_HELP_INFO, (CTA_HELP_NAME, new AttributeRule(AttributeKind.TerminatedString, 15)));

    private static readonly AttributePolicy ShiftPolicy = new(
        CTA_SEQADJ_OFFSET_AFTER, (CTA_SEQADJ_CORRECTION_POS, AttributePolicy.U32), (CTA_SEQADJ_OFFSET_BEFORE, AttributePolicy.U32), (CTA_SEQADJ_OFFSET_AFTER, AttributePolicy.U32));

    private static readonly AttributePolicy ProxyPolicy = new(
        CTA_SYNPROXY_TSOFF, (CTA_SYNPROXY_ISN, AttributePolicy.U32), (CTA_SYNPROXY_ITS, AttributePolicy.U32), (CTA_SYNPROXY_TSOFF, AttributePolicy.U32));

    private ConnectionTracker Tracker => kernel.Stack.Conntrack;

    private DateTimeOffset Now => kernel.Clock.Steady.GetUtcNow();

    /// <summary>IPCTNL_MSG_CT_NEW: the connection that the tuples name is changed, or made where the request says so.</summary>
    public LinuxError New(NetfilterMessage message, ParsedAttributes attributes)
    {
        byte family = message.Family.Family;
        ConnectionZone zone = TupleAttributes.ReadZone(attributes[CTA_ZONE]);
        ConnectionTuple original = default, reply = default;
        LinuxError error = attributes.Has(CTA_TUPLE_ORIG) ? TupleAttributes.Read(attributes[CTA_TUPLE_ORIG], family, ConnectionDirection.Original, ref zone, out original) : LinuxError.None;
        if (error == LinuxError.None && attributes.Has(CTA_TUPLE_REPLY))
        {
            error = TupleAttributes.Read(attributes[CTA_TUPLE_REPLY], family, ConnectionDirection.Reply, ref zone, out reply);
        }

        if (error != LinuxError.None)
        {
            return error;
        }

        bool hasOriginal = attributes.Has(CTA_TUPLE_ORIG), hasReply = attributes.Has(CTA_TUPLE_REPLY);
        if ((hasOriginal || hasReply) && Tracker.TryFind(hasOriginal ? original : reply, zone, out Connection? found, out _))
        {
            if ((message.Header.Flags & NetlinkMessageFlags.Exclusive) != 0)
            {
                return LinuxError.EEXIST;
            }

            error = Change(found, attributes);
            if (error == LinuxError.None)
            {
                Tracker.Announce(found, Touched | ConnectionEvents.Label);
            }

            return error;
        }

        return (message.Header.Flags & NetlinkMessageFlags.Create) == 0 ? LinuxError.ENOENT
            : !hasOriginal || !hasReply || original.Protocol != reply.Protocol ? LinuxError.EINVAL
            : Create(original, reply, zone, family, attributes);
    }

    private LinuxError Create(ConnectionTuple original, ConnectionTuple reply, ConnectionZone zone, byte family, ParsedAttributes attributes)
    {
        if (Tracker.IsFull)
        {
            return LinuxError.ENOMEM;
        }

        if (!attributes.Has(CTA_TIMEOUT))
        {
            return LinuxError.EINVAL;
        }

        Connection connection = Tracker.Create(original, reply, zone);
        connection.Proxied = new ProxiedHandshake();
        connection.Sequences = new SequenceShift[2];
        LinuxError error = attributes.Has(CTA_HELP) ? GiveHelper(connection, attributes[CTA_HELP]) : LinuxError.None;
        error = error == LinuxError.None ? Translate(connection, attributes) : error;
        connection.Status |= ConnectionStatus.Confirmed;
        SetTimeout(connection, attributes[CTA_TIMEOUT]);
        error = error == LinuxError.None ? ChangeState(connection, attributes, isNew: true) : error;
        error = error == LinuxError.None && attributes.Has(CTA_TUPLE_MASTER) ? SetMaster(connection, zone, family, attributes[CTA_TUPLE_MASTER]) : error;
        if (error != LinuxError.None)
        {
            return error;
        }

        if (Tracker.Clash(connection) is not null)
        {
            Tracker.Statistics.InsertFailed++;
            return LinuxError.EEXIST;
        }

        Tracker.Statistics.Inserted++;
        Tracker.Insert(connection);
        ConnectionEvents events = connection.Master is null ? ConnectionEvents.New : ConnectionEvents.Related;
        if (attributes.Has(CTA_LABELS) && SetLabels(connection, attributes) == LinuxError.None)
        {
            events |= ConnectionEvents.Label;
        }

        Tracker.Announce(connection, Touched | events);
        return LinuxError.None;
    }

    private LinuxError SetMaster(Connection connection, ConnectionZone zone, byte family, KernelAttribute attribute)
    {
        LinuxError error = TupleAttributes.Read(attribute, family, out ConnectionTuple tuple);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!Tracker.TryFind(tuple, zone, out Connection? master, out _))
        {
            return LinuxError.ENOENT;
        }

        connection.Status |= ConnectionStatus.Expected;
        connection.Master = master;
        return LinuxError.None;
    }

    /// <summary>Only what a connection begins with can say how it is translated; an end of which nothing is said keeps its address.</summary>
    private LinuxError Translate(Connection connection, ParsedAttributes attributes)
    {
        if (!attributes.Has(CTA_NAT_DST) && !attributes.Has(CTA_NAT_SRC))
        {
            return LinuxError.None;
        }

        foreach ((ushort type, NatManipulation manipulation) in (ReadOnlySpan<(ushort, NatManipulation)>)[(CTA_NAT_DST, NatManipulation.Destination), (CTA_NAT_SRC, NatManipulation.Source)])
        {
            Datapath.Hooks.HookVerdict verdict;
            if (attributes.Has(type))
            {
                LinuxError error = NatAttributes.Read(attributes[type], connection.Original.Family, out NatRange range);
                if (error != LinuxError.None)
                {
                    return error;
                }

                verdict = kernel.Stack.Nat.Setup(connection, range, manipulation);
            }
            else
            {
                verdict = kernel.Stack.Nat.SetupNull(connection, manipulation);
            }

            if (verdict == Datapath.Hooks.HookVerdict.Drop)
            {
                return LinuxError.ENOMEM;
            }
        }

        return LinuxError.None;
    }

    private LinuxError Change(Connection connection, ParsedAttributes attributes)
    {
        if (attributes.Has(CTA_TUPLE_MASTER) || attributes.Has(CTA_NAT_SRC) || attributes.Has(CTA_NAT_DST))
        {
            return LinuxError.EOPNOTSUPP;
        }

        LinuxError error = attributes.Has(CTA_HELP) ? ChangeHelper(connection, attributes[CTA_HELP]) : LinuxError.None;
        if (error != LinuxError.None)
        {
            return error;
        }

        if (attributes.Has(CTA_TIMEOUT))
        {
            if ((connection.Status & ConnectionStatus.FixedTimeout) != 0)
            {
                return LinuxError.EPERM;
            }

            SetTimeout(connection, attributes[CTA_TIMEOUT]);
        }

        error = ChangeState(connection, attributes, isNew: false);
        return error == LinuxError.None && attributes.Has(CTA_LABELS) ? SetLabels(connection, attributes) : error;
    }

    /// <summary>What can be said of a new connection as of one that stands; where several parts are wrong, which is told depends on that.</summary>
    private static LinuxError ChangeState(Connection connection, ParsedAttributes attributes, bool isNew)
    {
        LinuxError error = attributes.Has(CTA_STATUS) ? SetStatus(connection, (ConnectionStatus)attributes[CTA_STATUS].UInt32BigEndian) : LinuxError.None;
        error = error == LinuxError.None && isNew ? SetShifts(connection, attributes) : error;
        error = error == LinuxError.None && attributes.Has(CTA_PROTOINFO) ? SetProtocolState(connection, attributes[CTA_PROTOINFO]) : error;
        if (error != LinuxError.None)
        {
            return error;
        }

        if (attributes.Has(CTA_MARK))
        {
            uint kept = attributes.Has(CTA_MARK_MASK) ? ~attributes[CTA_MARK_MASK].UInt32BigEndian : 0;
            connection.Mark = connection.Mark & kept ^ attributes[CTA_MARK].UInt32BigEndian;
        }

        error = isNew ? LinuxError.None : SetShifts(connection, attributes);
        return error == LinuxError.None && attributes.Has(CTA_SYNPROXY) ? SetProxy(connection, attributes[CTA_SYNPROXY]) : error;
    }

    private static LinuxError SetStatus(Connection connection, ConnectionStatus status)
    {
        const ConnectionStatus Unchangeable = (ConnectionStatus)IPS_UNCHANGEABLE_MASK, Known = (ConnectionStatus)0xffff;
        ConnectionStatus changed = connection.Status ^ status;
        if ((changed & (ConnectionStatus.Expected | ConnectionStatus.Confirmed | ConnectionStatus.Dying)) != 0
            || (connection.Status & ~status & (ConnectionStatus.SeenReply | ConnectionStatus.Assured)) != 0)
        {
            return LinuxError.EBUSY;
        }

        connection.Status |= status & ~Unchangeable & Known;
        return LinuxError.None;
    }

    private void SetTimeout(Connection connection, KernelAttribute attribute)
    {
        // The kernel counts ticks in a signed number.
        long seconds = Math.Min(attribute.UInt32BigEndian, int.MaxValue / kernel.Profile.TicksPerSecond);
        connection.Expires = Now + TimeSpan.FromSeconds(seconds);
        Tracker.Reschedule(connection);
    }

    private static LinuxError GiveHelper(Connection connection, KernelAttribute attribute)
    {
        LinuxError error = ReadHelperName(attribute, out string name);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (ConnectionHelper.Find(name, connection.Original.Family, connection.Original.Protocol) is not { } helper)
        {
            return LinuxError.EOPNOTSUPP;
        }

        connection.Helper = helper;
        connection.CanExpect = true;
        connection.Status |= ConnectionStatus.Helper;
        return LinuxError.None;
    }

    private LinuxError ChangeHelper(Connection connection, KernelAttribute attribute)
    {
        LinuxError error = ReadHelperName(attribute, out string name);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (connection.Master is not null)
        {
            return connection.Helper?.Name == name ? LinuxError.None : LinuxError.EBUSY;
        }

        if (name.Length == 0)
        {
            if (connection.Helper is not null)
            {
                Tracker.Expectations.RemoveWhere(expectation => expectation.Master == connection);
                connection.Helper = null;
            }

            return LinuxError.None;
        }

        return ConnectionHelper.Find(name, connection.Original.Family, connection.Original.Protocol) is not { } helper || !connection.CanExpect ? LinuxError.EOPNOTSUPP
            : connection.Helper == helper ? LinuxError.None
            : LinuxError.EBUSY;
    }

    private static LinuxError ReadHelperName(KernelAttribute attribute, out string name)
    {
        LinuxError error = attribute.Parse(HelpPolicy, out ParsedAttributes help);
        name = error == LinuxError.None && help.Has(CTA_HELP_NAME) ? help[CTA_HELP_NAME].Name : "";
        return error == LinuxError.None && !help.Has(CTA_HELP_NAME) ? LinuxError.EINVAL : error;
    }

    private static LinuxError SetProtocolState(Connection connection, KernelAttribute information)
    {
        LinuxError error = information.Parse(InformationPolicy, out ParsedAttributes protocols);
        return error != LinuxError.None ? error : connection.Original.Protocol switch
        {
            IpProtocol.Tcp when protocols.Has(CTA_PROTOINFO_TCP) => SetTcpState(connection, protocols[CTA_PROTOINFO_TCP]),
            IpProtocol.Sctp when protocols.Has(CTA_PROTOINFO_SCTP) => SetSctpState(connection, protocols[CTA_PROTOINFO_SCTP]),
            _ => LinuxError.None,
        };
    }

    private static LinuxError SetTcpState(Connection connection, KernelAttribute attribute)
    {
        LinuxError error = attribute.Parse(TcpPolicy, out ParsedAttributes tcp);
        if (error != LinuxError.None)
        {
            return error;
        }

        TcpTracking tracking = connection.Tcp ??= new TcpTracking();
        tracking.State = tcp.Has(CTA_PROTOINFO_TCP_STATE) ? (TcpState)tcp[CTA_PROTOINFO_TCP_STATE].Byte : tracking.State;
        SetTcpFlags(tracking, ConnectionDirection.Original, tcp[CTA_PROTOINFO_TCP_FLAGS_ORIGINAL]);
        SetTcpFlags(tracking, ConnectionDirection.Reply, tcp[CTA_PROTOINFO_TCP_FLAGS_REPLY]);
        ref TcpSide original = ref tracking.Side(ConnectionDirection.Original), reply = ref tracking.Side(ConnectionDirection.Reply);
        if (tcp.Has(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL) && tcp.Has(CTA_PROTOINFO_TCP_WSCALE_REPLY) && (original.Flags & reply.Flags & TcpSideFlags.WindowScale) != 0)
        {
            original.Scale = tcp[CTA_PROTOINFO_TCP_WSCALE_ORIGINAL].Byte;
            reply.Scale = tcp[CTA_PROTOINFO_TCP_WSCALE_REPLY].Byte;
        }

        return LinuxError.None;
    }

    // Flags and which of them are meant (struct nf_ct_tcp_flags).
    private static void SetTcpFlags(TcpTracking tracking, ConnectionDirection direction, KernelAttribute attribute)
    {
        if (attribute.Exists)
        {
            ref TcpSide side = ref tracking.Side(direction);
            byte flags = attribute.Value[0], mask = attribute.Value[1];
            side.Flags = side.Flags & (TcpSideFlags)~mask | (TcpSideFlags)(flags & mask);
        }
    }

    private static LinuxError SetSctpState(Connection connection, KernelAttribute attribute)
    {
        LinuxError error = attribute.Parse(SctpPolicy, out ParsedAttributes sctp);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!sctp.Has(CTA_PROTOINFO_SCTP_STATE) || !sctp.Has(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL) || !sctp.Has(CTA_PROTOINFO_SCTP_VTAG_REPLY))
        {
            return LinuxError.EINVAL;
        }

        connection.Sctp ??= new SctpTracking();
        connection.Sctp.State = (SctpState)sctp[CTA_PROTOINFO_SCTP_STATE].Byte;
        connection.Sctp.Tags[0] = sctp[CTA_PROTOINFO_SCTP_VTAG_ORIGINAL].UInt32BigEndian;
        connection.Sctp.Tags[1] = sctp[CTA_PROTOINFO_SCTP_VTAG_REPLY].UInt32BigEndian;
        return LinuxError.None;
    }

    private static LinuxError SetShifts(Connection connection, ParsedAttributes attributes)
    {
        LinuxError error = SetShift(connection, ConnectionDirection.Original, attributes[CTA_SEQ_ADJ_ORIG]);
        return error == LinuxError.None ? SetShift(connection, ConnectionDirection.Reply, attributes[CTA_SEQ_ADJ_REPLY]) : error;
    }

    private static LinuxError SetShift(Connection connection, ConnectionDirection direction, KernelAttribute attribute)
    {
        if (!attribute.Exists || connection.Sequences is not { } sequences)
        {
            return LinuxError.None;
        }

        LinuxError error = attribute.Parse(ShiftPolicy, out ParsedAttributes shift);
        if (error != LinuxError.None)
        {
            return error;
        }

        // What came before the part that is missing has been taken.
        ref SequenceShift kept = ref sequences[(int)direction];
        kept = kept with { From = shift.Has(CTA_SEQADJ_CORRECTION_POS) ? shift[CTA_SEQADJ_CORRECTION_POS].UInt32BigEndian : kept.From };
        if (!shift.Has(CTA_SEQADJ_CORRECTION_POS))
        {
            return LinuxError.EINVAL;
        }

        if (!shift.Has(CTA_SEQADJ_OFFSET_BEFORE))
        {
            return LinuxError.EINVAL;
        }

        kept = kept with { Before = shift[CTA_SEQADJ_OFFSET_BEFORE].UInt32BigEndian };
        if (!shift.Has(CTA_SEQADJ_OFFSET_AFTER))
        {
            return LinuxError.EINVAL;
        }

        kept = kept with { After = shift[CTA_SEQADJ_OFFSET_AFTER].UInt32BigEndian };
        connection.Status |= ConnectionStatus.SequenceAdjust;
        return LinuxError.None;
    }

    private static LinuxError SetProxy(Connection connection, KernelAttribute attribute)
    {
        if (connection.Proxied is not { } proxied)
        {
            return LinuxError.None;
        }

        LinuxError error = attribute.Parse(ProxyPolicy, out ParsedAttributes numbers);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!numbers.Has(CTA_SYNPROXY_ISN) || !numbers.Has(CTA_SYNPROXY_ITS) || !numbers.Has(CTA_SYNPROXY_TSOFF))
        {
            return LinuxError.EINVAL;
        }

        proxied.Initial = numbers[CTA_SYNPROXY_ISN].UInt32BigEndian;
        proxied.InitialTimestamp = numbers[CTA_SYNPROXY_ITS].UInt32BigEndian;
        proxied.TimestampOffset = numbers[CTA_SYNPROXY_TSOFF].UInt32BigEndian;
        return LinuxError.None;
    }

    /// <summary>The first words of the labels under a mask; the words behind those that are said become none (nf_connlabels_replace).</summary>
    private static LinuxError SetLabels(Connection connection, ParsedAttributes attributes)
    {
        ReadOnlySpan<byte> labels = attributes[CTA_LABELS].Value;
        if (labels.Length % 4 != 0)
        {
            return LinuxError.EINVAL;
        }

        bool hasMask = attributes.Has(CTA_LABELS_MASK);
        ReadOnlySpan<byte> mask = hasMask ? attributes[CTA_LABELS_MASK].Value : [];
        if (hasMask && (mask.Length == 0 || mask.Length != labels.Length))
        {
            return LinuxError.EINVAL;
        }

        if (!connection.HasLabels)
        {
            return LinuxError.ENOSPC;
        }

        Span<byte> kept = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(kept, connection.Labels);
        for (int i = 0; i < kept.Length; i++)
        {
            kept[i] = i >= labels.Length ? (byte)0 : (byte)(kept[i] & (hasMask ? ~mask[i] : 0) ^ labels[i]);
        }

        connection.Labels = BinaryPrimitives.ReadUInt128LittleEndian(kept);
        return LinuxError.None;
    }
}
