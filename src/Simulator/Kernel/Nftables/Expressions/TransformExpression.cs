using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>xfrm: IPsec state of a packet. Simulated packets have none, so the rule ends.</summary>
internal sealed class TransformExpression : Expression
{
    private uint _key, _depth;
    private byte _direction;
    private int _register;

    public static ExpressionType Type { get; } = ExpressionType.Of<TransformExpression>(new AttributePolicy(
        NFTA_XFRM_SPNUM,
        (NFTA_XFRM_DREG, AttributePolicy.U32),
        (NFTA_XFRM_KEY, AttributePolicy.U32ByteSized),
        (NFTA_XFRM_DIR, AttributePolicy.U8),
        (NFTA_XFRM_SPNUM, AttributePolicy.U32ByteSized)));

    /// <inheritdoc />
    public override string Name => "xfrm";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_XFRM_KEY) || !table.Has(NFTA_XFRM_DIR) || !table.Has(NFTA_XFRM_DREG))
        {
            return LinuxError.EINVAL;
        }

        if (context.Family is not (NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET))
        {
            return LinuxError.EOPNOTSUPP;
        }

        _key = table[NFTA_XFRM_KEY].UInt32BigEndian;
        int length = _key switch
        {
            NFT_XFRM_KEY_REQID or NFT_XFRM_KEY_SPI or NFT_XFRM_KEY_DADDR_IP4 or NFT_XFRM_KEY_SADDR_IP4 => 4,
            NFT_XFRM_KEY_DADDR_IP6 or NFT_XFRM_KEY_SADDR_IP6 => 16,
            _ => 0,
        };
        _direction = table[NFTA_XFRM_DIR].Byte;
        if (length == 0 || _direction > 1)
        {
            return LinuxError.EINVAL;
        }

        _depth = table.Has(NFTA_XFRM_SPNUM) ? table[NFTA_XFRM_SPNUM].UInt32BigEndian : 0;
        return _depth >= 6 ? LinuxError.ERANGE : Registers.ParseStore(context, table[NFTA_XFRM_DREG], length, out _register);
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation)
    {
        uint hooks = _direction == 0
            ? 1u << Hook.Forward | 1u << Hook.Input | 1u << Hook.Prerouting
            : 1u << Hook.Forward | 1u << Hook.Output | 1u << Hook.Postrouting;
        return validation.IsHook(hooks) ? LinuxError.None : LinuxError.EOPNOTSUPP;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        NftMessage.WriteRegister(ref writer, NFTA_XFRM_DREG, _register);
        writer.WriteUInt32BigEndian(NFTA_XFRM_KEY, _key);
        writer.WriteByte(NFTA_XFRM_DIR, _direction);
        writer.WriteUInt32BigEndian(NFTA_XFRM_SPNUM, _depth);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => evaluation.Break();
}
