using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>A security context under a name. Accepted and listed.</summary>
internal sealed class SecurityMarkObject : StatefulObject
{
    private string _context = "";

    /// <inheritdoc />
    public override uint Type => NFT_OBJECT_SECMARK;

    /// <inheritdoc />
    public override AttributePolicy Policy { get; } = new(1, (1, AttributePolicy.Text(4096)));

    /// <inheritdoc />
    public override LinuxError Init(NftContext context, ParsedAttributes table)
    {
        if (!table.Has(1))
        {
            return LinuxError.EINVAL;
        }

        // Without a security module no context means anything.
        _context = table[1].Name;
        return LinuxError.ENOENT;
    }

    /// <inheritdoc />
    public override void Dump(ref NetlinkWriter writer, bool reset) => NftMessage.WriteName(ref writer, 1, _context);

    /// <inheritdoc />
    public override void Evaluate(Evaluation evaluation)
    {
    }
}
