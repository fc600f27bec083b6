using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>A tunnel's metadata under a name. Accepted and listed; the datapath has no tunnels.</summary>
internal sealed class TunnelObject : StatefulObject
{
    private byte[] _data = [];

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_TUNNEL;

    /// <inheritdoc />
    public override AttributePolicy Policy { get; } = new(
        NFTA_TUNNEL_KEY_OPTS,
        (NFTA_TUNNEL_KEY_ID, AttributePolicy.U32),
        (NFTA_TUNNEL_KEY_IP, AttributePolicy.Nested),
        (NFTA_TUNNEL_KEY_IP6, AttributePolicy.Nested),
        (NFTA_TUNNEL_KEY_FLAGS, AttributePolicy.U32),
        (NFTA_TUNNEL_KEY_TOS, AttributePolicy.U8),
        (NFTA_TUNNEL_KEY_TTL, AttributePolicy.U8),
        (NFTA_TUNNEL_KEY_SPORT, AttributePolicy.U16),
        (NFTA_TUNNEL_KEY_DPORT, AttributePolicy.U16),
        (NFTA_TUNNEL_KEY_OPTS, AttributePolicy.Nested));

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(NFTA_TUNNEL_KEY_ID) || !table.Has(NFTA_TUNNEL_KEY_IP) && !table.Has(NFTA_TUNNEL_KEY_IP6))
        {
            return LinuxError.EINVAL;
        }

        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        for (ushort type = NFTA_TUNNEL_KEY_ID; type <= NFTA_TUNNEL_KEY_OPTS; type++)
        {
            if (table.Has(type))
            {
                writer.WriteBytes(type, table[type].Value);
            }
        }

        writer.Complete();
        _data = buffer.Written.ToArray();
        return LinuxError.None;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => writer.Append(_data);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
    }
}
