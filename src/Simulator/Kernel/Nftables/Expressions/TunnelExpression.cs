using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>tunnel: metadata of the tunnel a packet came by. Simulated packets have none, so the rule ends.</summary>
internal sealed class TunnelExpression : Expression
{
    private uint _key, _mode;
    private int _register;

    public static ExpressionType Type { get; } = ExpressionType.Of<TunnelExpression>(new AttributePolicy(
        NFTA_TUNNEL_MODE, (NFTA_TUNNEL_KEY, AttributePolicy.U32ByteSized), (NFTA_TUNNEL_DREG, AttributePolicy.U32), (NFTA_TUNNEL_MODE, AttributePolicy.U32ByteSized)));

    /// <inheritdoc />
    public override string Name => "tunnel";

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_TUNNEL_KEY) || !table.Has(NFTA_TUNNEL_DREG))
        {
            return LinuxError.EINVAL;
        }

        _key = table[NFTA_TUNNEL_KEY].UInt32BigEndian;
        if (_key > NFT_TUNNEL_ID)
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (table.Has(NFTA_TUNNEL_MODE))
        {
            _mode = table[NFTA_TUNNEL_MODE].UInt32BigEndian;
            if (_mode > NFT_TUNNEL_MODE_TX)
            {
                return LinuxError.EOPNOTSUPP;
            }
        }

        return Registers.ParseStore(context, table[NFTA_TUNNEL_DREG], _key == NFT_TUNNEL_PATH ? 1 : 4, out _register);
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset)
    {
        writer.WriteUInt32BigEndian(NFTA_TUNNEL_KEY, _key);
        NftMessage.WriteRegister(ref writer, NFTA_TUNNEL_DREG, _register);
        writer.WriteUInt32BigEndian(NFTA_TUNNEL_MODE, _mode);
    }

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
        if (_key == NFT_TUNNEL_PATH)
        {
            evaluation.Store8(_register, 0);
        }
        else
        {
            evaluation.Break();
        }
    }
}
