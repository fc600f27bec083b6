using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>tproxy: hands the packet to a local socket of another address. There is none here, so the rule ends, as without a listener.</summary>
internal sealed class TransparentProxyExpression : Expression
{
    private uint _family;
    private int _address = -1, _port = -1;

    public static ExpressionType Type { get; } = ExpressionType.Of<TransparentProxyExpression>(new AttributePolicy(
        NFTA_TPROXY_REG_PORT, (NFTA_TPROXY_FAMILY, AttributePolicy.U32ByteSized), (NFTA_TPROXY_REG_ADDR, AttributePolicy.U32), (NFTA_TPROXY_REG_PORT, AttributePolicy.U32)));

    /// <inheritdoc />
    public override string Name => "tproxy";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_TPROXY_FAMILY) || !table.Has(NFTA_TPROXY_REG_ADDR) && !table.Has(NFTA_TPROXY_REG_PORT))
        {
            return LinuxError.EINVAL;
        }

        _family = table[NFTA_TPROXY_FAMILY].UInt32BigEndian;
        switch (context.Family)
        {
            case NFPROTO_IPV4 or NFPROTO_IPV6:
                if (_family != context.Family)
                {
                    return LinuxError.EINVAL;
                }

                break;
            case NFPROTO_INET:
                break;
            default:
                return LinuxError.EOPNOTSUPP;
        }

        if (_family == NFPROTO_UNSPEC && table.Has(NFTA_TPROXY_REG_ADDR))
        {
            return LinuxError.EINVAL;
        }

        if (_family is not (NFPROTO_UNSPEC or NFPROTO_IPV4 or NFPROTO_IPV6))
        {
            return LinuxError.EOPNOTSUPP;
        }

        LinuxError error = LinuxError.None;
        if (table.Has(NFTA_TPROXY_REG_ADDR))
        {
            error = Registers.ParseLoad(context, table[NFTA_TPROXY_REG_ADDR], _family == NFPROTO_IPV4 ? 4 : 16, out _address);
        }

        if (error == LinuxError.None && table.Has(NFTA_TPROXY_REG_PORT))
        {
            error = Registers.ParseLoad(context, table[NFTA_TPROXY_REG_PORT], 2, out _port);
        }

        return error;
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation) => validation.IsHook(1u << Hook.Prerouting) ? LinuxError.None : LinuxError.EOPNOTSUPP;

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt32BigEndian(NFTA_TPROXY_FAMILY, _family);
        if (_address >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_TPROXY_REG_ADDR, _address);
        }

        if (_port >= 0)
        {
            NftMessage.WriteRegister(ref writer, NFTA_TPROXY_REG_PORT, _port);
        }
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => evaluation.Break();
}
