using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Hooks;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>osf: the sender's operating system by its SYN. No fingerprints are loaded, so every packet is "unknown".</summary>
internal sealed class OperatingSystemExpression : Expression
{
    private byte _ttl;
    private uint _flags;
    private int _register;

    public static ExpressionType Type { get; } = ExpressionType.Of<OperatingSystemExpression>(new AttributePolicy(
        NFTA_OSF_FLAGS, (NFTA_OSF_DREG, AttributePolicy.U32), (NFTA_OSF_TTL, AttributePolicy.U8), (NFTA_OSF_FLAGS, AttributePolicy.U32)));

    /// <inheritdoc />
    public override string Name => "osf";

    /// <inheritdoc />
    public override bool NeedsValidation => true;

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_OSF_DREG))
        {
            return LinuxError.EINVAL;
        }

        if (table.Has(NFTA_OSF_TTL))
        {
            _ttl = table[NFTA_OSF_TTL].Byte;
            if (_ttl > 2)
            {
                return LinuxError.EINVAL;
            }
        }

        if (table.Has(NFTA_OSF_FLAGS))
        {
            _flags = table[NFTA_OSF_FLAGS].UInt32BigEndian;
            if (_flags != NFT_OSF_F_VERSION)
            {
                return LinuxError.EINVAL;
            }
        }

        return Registers.ParseStore(context, table[NFTA_OSF_DREG], 16, out _register);
    }

    /// <inheritdoc />
    public override LinuxError Validate(ChainValidation validation) =>
        validation.Family is NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET && validation.IsHook(1u << Hook.Prerouting | 1u << Hook.Input | 1u << Hook.Forward)
            ? LinuxError.None
            : LinuxError.EOPNOTSUPP;

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteByte(NFTA_OSF_TTL, _ttl);
        writer.WriteUInt32BigEndian(NFTA_OSF_FLAGS, _flags);
        NftMessage.WriteRegister(ref writer, NFTA_OSF_DREG, _register);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation) => evaluation.StoreName(_register, "unknown");
}
