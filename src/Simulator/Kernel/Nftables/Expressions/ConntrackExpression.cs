using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Conntrack;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>An expression that makes the kernel track connections while a rule with it stands.</summary>
internal abstract class ConntrackUser : Expression
{
    private byte? _used;

    /// <summary>Begins to use connection tracking for the rule's family, or for one of it (nf_ct_netns_get).</summary>
    protected LinuxError Use(NftContext context, byte? family = null)
    {
        if (context.Family is not (NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET or NFPROTO_BRIDGE))
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (context.Family == NFPROTO_BRIDGE && !context.Profile.HasBridgeConntrack)
        {
            return LinuxError.EPROTO;
        }

        _used = family ?? context.Family;
        context.Subsystem.Kernel.Stack.Netfilter.UseConntrack(_used.Value);
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase)
    {
        if (phase != DeactivatePhase.Prepare && _used is { } family)
        {
            _used = null;
            context.Subsystem.Kernel.Stack.Netfilter.ReleaseConntrack(family);
        }
    }
}

/// <summary>ct: loads what is known of a packet's connection.</summary>
internal sealed class ConntrackExpression : ConntrackUser
{
    /// <summary>The bit of <c>ct state</c> for packets that are not tracked (NF_CT_STATE_UNTRACKED_BIT).</summary>
    public const uint UntrackedBit = 64;

    private const uint NoDirection = 2;

    private uint _key, _direction = NoDirection;
    private int _register, _length;

    public static ExpressionType Type { get; } = ExpressionType.ReadOrWrite<ConntrackExpression, ConntrackWriteExpression>(
        new AttributePolicy(
            NFTA_CT_SREG,
            (NFTA_CT_DREG, AttributePolicy.U32),
            (NFTA_CT_KEY, AttributePolicy.U32ByteSized),
            (NFTA_CT_DIRECTION, AttributePolicy.U8),
            (NFTA_CT_SREG, AttributePolicy.U32)),
        NFTA_CT_KEY,
        NFTA_CT_DREG,
        NFTA_CT_SREG);

    /// <inheritdoc />
    public override string Name => "ct";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _key = table[NFTA_CT_KEY].UInt32BigEndian;
        bool hasDirection = table.Has(NFTA_CT_DIRECTION);
        switch (_key)
        {
            case NFT_CT_DIRECTION:
                _length = 1;
                break;
            case NFT_CT_STATE or NFT_CT_STATUS or NFT_CT_MARK or NFT_CT_EXPIRATION or NFT_CT_ID:
                _length = 4;
                break;
            case NFT_CT_SECMARK when context.Profile.HasSecurityMarks:
                _length = 4;
                break;
            case NFT_CT_LABELS or NFT_CT_HELPER:
                _length = 16;
                break;
            case NFT_CT_L3PROTOCOL or NFT_CT_PROTOCOL:
                _length = 1;
                hasDirection = false;
                break;
            case NFT_CT_SRC or NFT_CT_DST:
                if (!hasDirection)
                {
                    return LinuxError.EINVAL;
                }

                _length = context.Family switch
                {
                    NFPROTO_IPV4 => 4,
                    NFPROTO_IPV6 or NFPROTO_INET => 16,
                    _ => 0,
                };
                if (_length == 0)
                {
                    return LinuxError.EAFNOSUPPORT;
                }

                break;
            case NFT_CT_SRC_IP or NFT_CT_DST_IP:
                _length = 4;
                break;
            case NFT_CT_SRC_IP6 or NFT_CT_DST_IP6:
                _length = 16;
                break;
            case NFT_CT_PROTO_SRC or NFT_CT_PROTO_DST:
                _length = 2;
                break;
            case NFT_CT_BYTES or NFT_CT_PKTS or NFT_CT_AVGPKT:
                _length = 8;
                break;
            case NFT_CT_ZONE:
                _length = 2;
                break;
            default:
                return LinuxError.EOPNOTSUPP;
        }

        bool needsDirection = _key is NFT_CT_SRC or NFT_CT_DST or NFT_CT_SRC_IP or NFT_CT_DST_IP or NFT_CT_SRC_IP6 or NFT_CT_DST_IP6 or NFT_CT_PROTO_SRC or NFT_CT_PROTO_DST;
        bool mayHaveDirection = needsDirection || _key is NFT_CT_BYTES or NFT_CT_PKTS or NFT_CT_AVGPKT or NFT_CT_ZONE or NFT_CT_L3PROTOCOL or NFT_CT_PROTOCOL;
        if (needsDirection && !hasDirection || hasDirection && !mayHaveDirection)
        {
            return LinuxError.EINVAL;
        }

        if (table.Has(NFTA_CT_DIRECTION))
        {
            _direction = table[NFTA_CT_DIRECTION].Byte;
            if (_direction > 1)
            {
                return LinuxError.EINVAL;
            }
        }

        LinuxError error = Registers.ParseStore(context, table[NFTA_CT_DREG], _length, out _register);
        if (error == LinuxError.None)
        {
            error = Use(context);
        }

        if (error == LinuxError.None && _key is NFT_CT_BYTES or NFT_CT_PKTS or NFT_CT_AVGPKT)
        {
            // Connections are counted from the first rule on that asks (nf_ct_set_acct).
            context.Subsystem.Kernel.Parameters.Write("net/netfilter/nf_conntrack_acct", "1");
        }

        return error;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_CT_DREG, _register);
        writer.WriteUInt32BigEndian(NFTA_CT_KEY, _key);
        bool always = _key is NFT_CT_SRC or NFT_CT_DST or NFT_CT_SRC_IP or NFT_CT_DST_IP or NFT_CT_SRC_IP6 or NFT_CT_DST_IP6 or NFT_CT_PROTO_SRC or NFT_CT_PROTO_DST;
        bool ifGiven = _key is NFT_CT_BYTES or NFT_CT_PKTS or NFT_CT_AVGPKT or NFT_CT_ZONE;
        if (always || ifGiven && _direction < NoDirection)
        {
            writer.WriteByte(NFTA_CT_DIRECTION, (byte)_direction);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        Connection? connection = evaluation.Packet.Connection;
        ConnectionInfo info = evaluation.Packet.ConnectionInfo;
        if (_key == NFT_CT_STATE)
        {
            evaluation.Store32(_register, connection is not null ? StateBit(info) : evaluation.Packet.Untracked ? UntrackedBit : 1u);
            return;
        }

        if (connection is null or { IsTemplate: true })
        {
            evaluation.Break();
            return;
        }

        ConnectionDirection direction = _direction < NoDirection ? (ConnectionDirection)_direction : Connection.DirectionOf(info);
        switch (_key)
        {
            case NFT_CT_DIRECTION:
                evaluation.Store8(_register, (byte)Connection.DirectionOf(info));
                break;
            case NFT_CT_STATUS:
                evaluation.Store32(_register, (uint)connection.Status);
                break;
            case NFT_CT_MARK:
                evaluation.Store32(_register, connection.Mark);
                break;
            case NFT_CT_EXPIRATION:
                evaluation.Store32(_register, (uint)Math.Max(0, (connection.Expires - evaluation.Subsystem.Kernel.Clock.Steady.GetUtcNow()).TotalMilliseconds));
                break;
            case NFT_CT_ID:
                evaluation.Store32(_register, connection.Id);
                break;
            case NFT_CT_LABELS:
                System.Buffers.Binary.BinaryPrimitives.WriteUInt128LittleEndian(evaluation.Data(_register), connection.Labels);
                break;
            case NFT_CT_HELPER when connection.Master?.Helper is { } helper:
                Span<byte> name = evaluation.Data(_register, _length);
                name.Clear();
                System.Text.Encoding.Latin1.GetBytes(helper.Name, name);
                break;
            case NFT_CT_ZONE:
                evaluation.Store16(_register, _direction < NoDirection ? connection.Zone.Of((ConnectionDirection)_direction) : connection.Zone.Id);
                break;
            case NFT_CT_L3PROTOCOL:
                evaluation.Store8(_register, connection.Original.Family);
                break;
            case NFT_CT_PROTOCOL:
                evaluation.Store8(_register, connection.Original.Protocol);
                break;
            case NFT_CT_PROTO_SRC:
                evaluation.StoreBigEndian16(_register, connection.Tuple(direction).SourcePort);
                break;
            case NFT_CT_PROTO_DST:
                evaluation.StoreBigEndian16(_register, connection.Tuple(direction).DestinationPort);
                break;
            case NFT_CT_SRC or NFT_CT_SRC_IP or NFT_CT_SRC_IP6:
                StoreAddress(evaluation, connection.Tuple(direction).Source);
                break;
            case NFT_CT_DST or NFT_CT_DST_IP or NFT_CT_DST_IP6:
                StoreAddress(evaluation, connection.Tuple(direction).Destination);
                break;
            case NFT_CT_PKTS or NFT_CT_BYTES or NFT_CT_AVGPKT:
                ulong packets = Sum(connection.Packets), bytes = Sum(connection.Bytes);
                evaluation.Store64(_register, _key == NFT_CT_PKTS ? packets : _key == NFT_CT_BYTES ? bytes : packets == 0 ? 0 : bytes / packets);
                break;
            default:
                evaluation.Break();
                break;
        }
    }

    /// <summary>The state as a bit of <c>ct state</c>.</summary>
    public static uint StateBit(ConnectionInfo info) => info switch
    {
        ConnectionInfo.Established or ConnectionInfo.EstablishedReply => 2,
        ConnectionInfo.Related or ConnectionInfo.RelatedReply => 4,
        ConnectionInfo.New => 8,
        _ => 1,
    };

    private ulong Sum(ulong[]? counters) => counters is null ? 0 : _direction < NoDirection ? counters[_direction] : counters[0] + counters[1];

    private void StoreAddress(Evaluation evaluation, InternetAddress address)
    {
        int wanted = _key is NFT_CT_SRC_IP or NFT_CT_DST_IP ? 4 : _key is NFT_CT_SRC or NFT_CT_DST ? address.Length : 16;
        if (address.Length != wanted)
        {
            evaluation.Break();
            return;
        }

        evaluation.Data(_register, _length).Clear();
        address.Write(evaluation.Data(_register));
    }
}

/// <summary>ct with a source register: writes mark, labels, event mask or zone.</summary>
internal sealed class ConntrackWriteExpression : ConntrackUser
{
    private const uint NoDirection = 2;

    private uint _key, _direction = NoDirection;
    private int _register;
    private bool _usesLabels;

    /// <inheritdoc />
    public override string Name => "ct";

    /// <inheritdoc />
    public override void Deactivate(NftContext context, DeactivatePhase phase)
    {
        if (phase != DeactivatePhase.Prepare && _usesLabels)
        {
            _usesLabels = false;
            context.Subsystem.Kernel.Stack.Conntrack.LabelUsers--;
        }

        base.Deactivate(context, phase);
    }

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _key = table[NFTA_CT_KEY].UInt32BigEndian;
        int length = _key switch
        {
            NFT_CT_MARK or NFT_CT_EVENTMASK => 4,
            NFT_CT_SECMARK when context.Profile.HasSecurityMarks => 4,
            NFT_CT_LABELS => 16,
            NFT_CT_ZONE => 2,
            _ => 0,
        };
        if (length == 0)
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (table.Has(NFTA_CT_DIRECTION))
        {
            _direction = table[NFTA_CT_DIRECTION].Byte;
            if (_key != NFT_CT_ZONE || _direction > 1)
            {
                return LinuxError.EINVAL;
            }
        }

        LinuxError error = Registers.ParseLoad(context, table[NFTA_CT_SREG], length, out _register);
        error = error != LinuxError.None ? error : Use(context);
        if (error == LinuxError.None && _key == NFT_CT_LABELS)
        {
            _usesLabels = true;
            context.Subsystem.Kernel.Stack.Conntrack.LabelUsers++;
        }

        return error;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_CT_SREG, _register);
        writer.WriteUInt32BigEndian(NFTA_CT_KEY, _key);
        if (_direction < NoDirection)
        {
            writer.WriteByte(NFTA_CT_DIRECTION, (byte)_direction);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (_key == NFT_CT_ZONE)
        {
            SetZone(evaluation);
            return;
        }

        if (evaluation.Packet.Connection is not { IsTemplate: false } connection)
        {
            return;
        }

        switch (_key)
        {
            case NFT_CT_EVENTMASK:
                var events = (ConnectionEvents)(ushort)evaluation.Load32(_register);
                if (connection.Told is not null)
                {
                    connection.Told = events;
                }
                else if (events != ConnectionEvents.None && !connection.IsConfirmed)
                {
                    connection.Told = evaluation.Stack.Conntrack.EventsOf(events);
                }

                break;
            case NFT_CT_MARK:
                uint mark = evaluation.Load32(_register);
                if (connection.Mark != mark)
                {
                    connection.Mark = mark;
                    connection.Note(ConnectionEvents.Mark);
                }

                break;
            case NFT_CT_LABELS when connection.HasLabels:
                connection.Labels |= System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(evaluation.Data(_register));
                connection.Note(ConnectionEvents.Label);
                break;
        }
    }

    /// <summary>A packet that is tracked later will be so in this zone, one that was not to be tracked too.</summary>
    private void SetZone(Evaluation evaluation)
    {
        Packet packet = evaluation.Packet;
        if (packet.Connection is not null)
        {
            return;
        }

        packet.Untracked = false;
        packet.Connection = Connection.Template(new ConnectionZone(
            System.Runtime.InteropServices.MemoryMarshal.Read<ushort>(evaluation.Data(_register)),
            _direction < NoDirection ? (ZoneDirections)(1 << (int)_direction) : ZoneDirections.Both));
        packet.ConnectionInfo = ConnectionInfo.New;
    }
}

/// <summary>notrack: the packet is not to be tracked.</summary>
internal sealed class NotrackExpression : Expression
{
    public static ExpressionType Type { get; } = ExpressionType.Of<NotrackExpression>(new AttributePolicy(0));

    /// <inheritdoc />
    public override string Name => "notrack";

    /// <inheritdoc />
    protected override bool HasData => false;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table) => LinuxError.None;

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (evaluation.Packet.Connection is null)
        {
            evaluation.Packet.Untracked = true;
            evaluation.Packet.ConnectionInfo = ConnectionInfo.Untracked;
        }
    }
}
