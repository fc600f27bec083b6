using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Datapath.Transport;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>meta: loads what the kernel knows of a packet besides its bytes.</summary>
internal sealed class MetaExpression : Expression
{
    private const uint NFT_META_OIFTYPE = 9;

    /// <summary>NFT_META_BRI_IIFHWADDR, since 6.18.</summary>
    private const uint NFT_META_BRI_IIFHWADDR = 36;

    private uint _key;
    private int _register, _length;

    public static ExpressionType Type { get; } = ExpressionType.ReadOrWrite<MetaExpression, MetaWriteExpression>(
        new AttributePolicy(
            NFTA_META_SREG, (NFTA_META_DREG, AttributePolicy.U32), (NFTA_META_KEY, AttributePolicy.U32ByteSized), (NFTA_META_SREG, AttributePolicy.U32)),
        NFTA_META_KEY,
        NFTA_META_DREG,
        NFTA_META_SREG);

    /// <inheritdoc />
    public override string Name => "meta";

    /// <inheritdoc />
    public override bool NeedsValidation => _key == NFT_META_SECPATH;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _key = table[NFTA_META_KEY].UInt32BigEndian;
        bool isBridge = context.Family == NFPROTO_BRIDGE && context.Profile.HasBridgeExpressions;
        _length = _key switch
        {
            NFT_META_PROTOCOL or NFT_META_IIFTYPE or NFT_META_OIFTYPE => 2,
            NFT_META_NFPROTO or NFT_META_L4PROTO or NFT_META_PKTTYPE or NFT_META_TIME_DAY => 1,
            NFT_META_LEN or NFT_META_PRIORITY or NFT_META_MARK or NFT_META_IIF or NFT_META_OIF or NFT_META_SKUID or NFT_META_SKGID or NFT_META_RTCLASSID
                or NFT_META_CPU or NFT_META_IIFGROUP or NFT_META_OIFGROUP or NFT_META_CGROUP or NFT_META_PRANDOM or NFT_META_TIME_HOUR or NFT_META_SDIF => 4,
            NFT_META_SECMARK when context.Profile.HasSecurityMarks => 4,
            NFT_META_IIFNAME or NFT_META_OIFNAME or NFT_META_IIFKIND or NFT_META_OIFKIND or NFT_META_SDIFNAME => 16,
            NFT_META_SECPATH => 1,
            NFT_META_TIME_NS => 8,
            NFT_META_BRI_IIFNAME or NFT_META_BRI_OIFNAME when isBridge => 16,
            NFT_META_BRI_IIFPVID or NFT_META_BRI_IIFVPROTO when isBridge => 2,
            NFT_META_BRI_IIFHWADDR when isBridge && context.Profile.IsAtLeast(6, 18) => 6,
            _ => 0,
        };
        return _length == 0 ? LinuxError.EOPNOTSUPP : Registers.ParseStore(context, table[NFTA_META_DREG], _length, out _register);
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        if (_key != NFT_META_SECPATH)
        {
            return LinuxError.None;
        }

        return validation.Family switch
        {
            NFPROTO_NETDEV => validation.IsHook(1 << Hook.NetdevIngress),
            NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET => validation.IsHook(1 << Hook.Prerouting | 1 << Hook.Input | 1 << Hook.Forward),
            _ => false,
        } ? LinuxError.None : LinuxError.EOPNOTSUPP;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt32BigEndian(NFTA_META_KEY, _key);
        NftMessage.WriteRegister(ref writer, NFTA_META_DREG, _register);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        Packet packet = evaluation.Packet;
        switch (_key)
        {
            case NFT_META_LEN:
                evaluation.Store32(_register, (uint)evaluation.Context.PacketLength);
                break;
            case NFT_META_PROTOCOL:
                evaluation.StoreBigEndian16(_register, packet.Protocol);
                break;
            case NFT_META_NFPROTO:
                evaluation.Store8(_register, NetworkFamily(evaluation));
                break;
            case NFT_META_L4PROTO:
                if (!evaluation.HasTransportProtocol)
                {
                    evaluation.Break();
                    break;
                }

                evaluation.Store8(_register, evaluation.TransportProtocol);
                break;
            case NFT_META_PRIORITY:
                evaluation.Store32(_register, packet.Priority);
                break;
            case NFT_META_MARK:
                evaluation.Store32(_register, packet.Mark);
                break;
            case NFT_META_IIF:
                evaluation.Store32(_register, (uint)(evaluation.Input?.Index ?? 0));
                break;
            case NFT_META_OIF:
                evaluation.Store32(_register, (uint)(evaluation.Output?.Index ?? 0));
                break;
            case NFT_META_IIFNAME:
                evaluation.StoreName(_register, evaluation.Input?.Name ?? "");
                break;
            case NFT_META_OIFNAME:
                evaluation.StoreName(_register, evaluation.Output?.Name ?? "");
                break;
            case NFT_META_IIFTYPE when evaluation.Input is null:
                // This one key (not the group, not the kind) is of the device that the packet has: none as yet where this machine sends it, unless it is a copy.
                bool hasNone = evaluation.Family is NFPROTO_IPV4 or NFPROTO_IPV6 && evaluation.Context.Hook == Datapath.Hooks.Hook.Output && !evaluation.Packet.SharesPieces;
                StoreOfDevice(evaluation, hasNone ? null : evaluation.Output);
                break;
            case NFT_META_IIFTYPE or NFT_META_IIFGROUP or NFT_META_IIFKIND:
                StoreOfDevice(evaluation, evaluation.Input);
                break;
            case NFT_META_OIFTYPE or NFT_META_OIFGROUP or NFT_META_OIFKIND:
                StoreOfDevice(evaluation, evaluation.Output);
                break;
            case NFT_META_PKTTYPE:
                evaluation.Store8(_register, (byte)PacketTypeOf(evaluation));
                break;
            case NFT_META_CPU or NFT_META_RTCLASSID or NFT_META_SECPATH:
                evaluation.Store32(_register, 0);
                break;
            case NFT_META_PRANDOM:
                evaluation.Store32(_register, evaluation.Subsystem.Kernel.Random.NextUInt32());
                break;
            case NFT_META_TIME_NS:
                evaluation.Store64(_register, (ulong)(evaluation.Subsystem.Kernel.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100);
                break;
            case NFT_META_TIME_DAY:
                evaluation.Store8(_register, (byte)evaluation.Subsystem.Kernel.Time.GetUtcNow().DayOfWeek);
                break;
            case NFT_META_TIME_HOUR:
                evaluation.Store32(_register, (uint)evaluation.Subsystem.Kernel.Time.GetUtcNow().TimeOfDay.TotalSeconds);
                break;
            case NFT_META_SDIF:
                evaluation.Store32(_register, (uint)evaluation.Packet.DomainInterface);
                break;
            case NFT_META_SDIFNAME:
                evaluation.StoreName(_register, evaluation.Subsystem.Kernel.Devices.Find(evaluation.Packet.DomainInterface)?.Name ?? "");
                break;
            case NFT_META_BRI_IIFNAME:
                StoreBridgeName(evaluation, evaluation.Input);
                break;
            case NFT_META_BRI_OIFNAME:
                StoreBridgeName(evaluation, evaluation.Output);
                break;
            case NFT_META_BRI_IIFHWADDR when evaluation.Input?.Master is { } bridge:
                evaluation.Store(_register, bridge.HardwareAddress);
                break;
            case NFT_META_BRI_IIFVPROTO when evaluation.Input?.Master is not null:
                evaluation.StoreBigEndian16(_register, 0x8100);
                break;
            case NFT_META_SKUID when packet.Socket is { HasProgram: true }:
                evaluation.Store32(_register, LocalSocket.Owner);
                break;
            case NFT_META_SKGID when packet.Socket is { HasProgram: true }:
                evaluation.Store32(_register, LocalSocket.Group);
                break;
            case NFT_META_CGROUP when packet.Socket is not null:
                evaluation.Store32(_register, LocalSocket.Class);
                break;
            default:
                evaluation.Break();
                break;
        }
    }

    private void StoreOfDevice(Evaluation evaluation, NetworkDevice? device)
    {
        if (device is null)
        {
            evaluation.Break();
        }
        else if (_key is NFT_META_IIFTYPE or NFT_META_OIFTYPE)
        {
            evaluation.Store16(_register, device.HardwareType);
        }
        else if (_key is NFT_META_IIFGROUP or NFT_META_OIFGROUP)
        {
            evaluation.Store32(_register, device.Group);
        }
        else
        {
            evaluation.StoreName(_register, device.Kind);
        }
    }

    private void StoreBridgeName(Evaluation evaluation, NetworkDevice? device)
    {
        if (device?.Master is { } bridge)
        {
            evaluation.StoreName(_register, bridge.Name);
        }
        else
        {
            evaluation.Break();
        }
    }

    private static byte NetworkFamily(Evaluation evaluation) => evaluation.Family;

    /// <summary>Packets that this machine sends have the type that their destination gives them.</summary>
    private static PacketType PacketTypeOf(Evaluation evaluation)
    {
        Packet packet = evaluation.Packet;
        if (packet.Type != PacketType.Loopback)
        {
            return packet.Type;
        }

        return evaluation.Family switch
        {
            NFPROTO_IPV4 => packet.Ipv4.Destination >> 28 == 14 ? PacketType.Multicast : PacketType.Broadcast,
            NFPROTO_IPV6 => PacketType.Multicast,
            _ => packet.Type,
        };
    }
}

/// <summary>meta with a source register: writes mark, priority and the like.</summary>
internal sealed class MetaWriteExpression : Expression
{
    private uint _key;
    private int _register;

    /// <inheritdoc />
    public override string Name => "meta";

    /// <inheritdoc />
    public override bool NeedsValidation => _key is NFT_META_PKTTYPE or NFT_META_BRI_BROUTE;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        _key = table[NFTA_META_KEY].UInt32BigEndian;
        int length = _key switch
        {
            NFT_META_MARK or NFT_META_PRIORITY => 4,
            NFT_META_SECMARK when context.Profile.HasSecurityMarks => 4,
            NFT_META_NFTRACE or NFT_META_PKTTYPE => 1,
            NFT_META_BRI_BROUTE when context.Family == NFPROTO_BRIDGE && context.Profile.HasBridgeExpressions => 1,
            _ => 0,
        };
        return length == 0 ? LinuxError.EOPNOTSUPP : Registers.ParseLoad(context, table[NFTA_META_SREG], length, out _register);
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        if (!NeedsValidation)
        {
            return LinuxError.None;
        }

        bool fits = validation.Family switch
        {
            NFPROTO_BRIDGE or NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET => validation.IsHook(1 << Hook.Prerouting),
            NFPROTO_NETDEV => validation.IsHook(1 << Hook.NetdevIngress),
            _ => false,
        };
        return fits ? LinuxError.None : LinuxError.EOPNOTSUPP;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt32BigEndian(NFTA_META_KEY, _key);
        NftMessage.WriteRegister(ref writer, NFTA_META_SREG, _register);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        Packet packet = evaluation.Packet;
        uint value = evaluation.Load32(_register);
        switch (_key)
        {
            case NFT_META_MARK:
                packet.Mark = value;
                break;
            case NFT_META_PRIORITY:
                packet.Priority = value;
                break;
            case NFT_META_NFTRACE:
                packet.Traced = (byte)value != 0;
                break;
            case NFT_META_PKTTYPE:
                packet.Type = (PacketType)(byte)value;
                break;
        }
    }
}
