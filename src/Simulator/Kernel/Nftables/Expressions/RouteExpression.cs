using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>rt: what the packet's route says: next hop, TCP segment size, realm, IPsec.</summary>
internal sealed class RouteExpression : Expression
{
    private uint _key;
    private int _register;

    public static ExpressionType Type { get; } = ExpressionType.Of<RouteExpression>(new AttributePolicy(
        NFTA_RT_KEY, (NFTA_RT_DREG, AttributePolicy.U32), (NFTA_RT_KEY, AttributePolicy.U32ByteSized)));

    /// <inheritdoc />
    public override string Name => "rt";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_RT_KEY) || !table.Has(NFTA_RT_DREG))
        {
            return LinuxError.EINVAL;
        }

        _key = table[NFTA_RT_KEY].UInt32BigEndian;
        int length = _key switch
        {
            NFT_RT_CLASSID or NFT_RT_NEXTHOP4 => 4,
            NFT_RT_NEXTHOP6 => 16,
            NFT_RT_TCPMSS => 2,
            NFT_RT_XFRM => 1,
            _ => 0,
        };
        return length == 0 ? LinuxError.EOPNOTSUPP : Registers.ParseStore(context, table[NFTA_RT_DREG], length, out _register);
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        if (validation.Family is not (NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET))
        {
            return LinuxError.EOPNOTSUPP;
        }

        uint hooks = _key switch
        {
            NFT_RT_TCPMSS => 1u << Hook.Forward | 1u << Hook.Output | 1u << Hook.Postrouting,
            _ => uint.MaxValue,
        };
        return validation.IsHook(hooks) ? LinuxError.None : LinuxError.EOPNOTSUPP;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt32BigEndian(NFTA_RT_KEY, _key);
        NftMessage.WriteRegister(ref writer, NFTA_RT_DREG, _register);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (evaluation.Output is not { } device)
        {
            evaluation.Break();
            return;
        }

        switch (_key)
        {
            case NFT_RT_NEXTHOP4 when evaluation.Packet.Protocol == EtherType.Ipv4:
            case NFT_RT_NEXTHOP6 when evaluation.Packet.Protocol == EtherType.Ipv6:
                InternetAddress destination = evaluation.Packet.DestinationAddress;
                RouteDecision? route = evaluation.Stack.Routing.Find(new RouteQuery(destination) { Output = device, Mark = evaluation.Packet.Mark });
                evaluation.Store(_register, (route?.NextHop(destination) ?? destination).ToBytes());
                break;
            case NFT_RT_TCPMSS:
                evaluation.Store16(_register, (ushort)(device.Mtu - (evaluation.Packet.Protocol == EtherType.Ipv6 ? 60 : 40)));
                break;
            case NFT_RT_CLASSID or NFT_RT_XFRM:
                evaluation.Store32(_register, 0);
                break;
            default:
                evaluation.Break();
                break;
        }
    }
}
