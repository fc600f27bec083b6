using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Internet;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>reject: drops the packet and tells its sender.</summary>
internal sealed class RejectExpression : Expression
{
    /// <summary>ICMP and ICMPv6 codes of the codes that stand for both families (no route, port, host, administratively prohibited).</summary>
    private static readonly byte[] CodesOfBoth = [0, 3, 1, 13];

    private static readonly byte[] Icmpv6CodesOfBoth = [0, 4, 3, 1];

    private uint _type;
    private byte _code;

    public static ExpressionType Type { get; } = ExpressionType.Of<RejectExpression>(new AttributePolicy(
        NFTA_REJECT_ICMP_CODE, (NFTA_REJECT_TYPE, AttributePolicy.U32ByteSized), (NFTA_REJECT_ICMP_CODE, AttributePolicy.U8)));

    /// <inheritdoc />
    public override string Name => "reject";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_REJECT_TYPE))
        {
            return LinuxError.EINVAL;
        }

        _type = table[NFTA_REJECT_TYPE].UInt32BigEndian;
        bool forBoth = context.Family is NFPROTO_INET or NFPROTO_BRIDGE or NFPROTO_NETDEV;
        switch (_type)
        {
            case NFT_REJECT_TCP_RST:
                return LinuxError.None;
            case NFT_REJECT_ICMP_UNREACH:
            case NFT_REJECT_ICMPX_UNREACH when forBoth:
                if (!table.Has(NFTA_REJECT_ICMP_CODE))
                {
                    return LinuxError.EINVAL;
                }

                _code = table[NFTA_REJECT_ICMP_CODE].Byte;
                return _type == NFT_REJECT_ICMPX_UNREACH && _code >= CodesOfBoth.Length ? LinuxError.EINVAL : LinuxError.None;
            default:
                return LinuxError.EINVAL;
        }
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        uint hooks = validation.Family switch
        {
            NFPROTO_BRIDGE => 1u << Hook.Prerouting | 1u << Hook.Input,
            NFPROTO_NETDEV => 1u << Hook.NetdevIngress,
            NFPROTO_INET => 1u << Hook.Input | 1u << Hook.Forward | 1u << Hook.Output | 1u << Hook.Prerouting | 1u << Hook.InetIngress,
            _ => 1u << Hook.Input | 1u << Hook.Forward | 1u << Hook.Output | 1u << Hook.Prerouting,
        };
        return validation.IsHook(hooks) ? LinuxError.None : LinuxError.EOPNOTSUPP;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt32BigEndian(NFTA_REJECT_TYPE, _type);
        if (_type != NFT_REJECT_TCP_RST)
        {
            writer.WriteByte(NFTA_REJECT_ICMP_CODE, _code);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (_type == NFT_REJECT_TCP_RST)
        {
            Rejection.WithReset(evaluation.Context);
        }
        else
        {
            Rejection.WithIcmp(evaluation.Context, _type != NFT_REJECT_ICMPX_UNREACH ? _code : evaluation.Context.Family == HookFamily.Ipv6 ? Icmpv6CodesOfBoth[_code] : CodesOfBoth[_code]);
        }

        evaluation.Decide(NF_DROP);
    }
}
