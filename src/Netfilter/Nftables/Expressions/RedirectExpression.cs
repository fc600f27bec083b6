using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Rewrites the destination to this machine.</summary>
public sealed record RedirectExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "redir";

    /// <summary>The register with the first port.</summary>
    public uint? PortRegister { get; init; }

    /// <summary>The register with the last port.</summary>
    public uint? LastPortRegister { get; init; }

    /// <summary>How the port is chosen.</summary>
    public NatFlags? Flags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static RedirectExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? portRegister = null;
        uint? lastPortRegister = null;
        uint? flags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_REDIR_REG_PROTO_MIN => attribute.Read(ref portRegister),
                NFTA_REDIR_REG_PROTO_MAX => attribute.Read(ref lastPortRegister),
                NFTA_REDIR_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new RedirectExpression
        {
            PortRegister = portRegister,
            LastPortRegister = lastPortRegister,
            Flags = (NatFlags?)flags,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_REDIR_REG_PROTO_MIN:
                writer.Put(type, PortRegister);
                break;
            case NFTA_REDIR_REG_PROTO_MAX:
                writer.Put(type, LastPortRegister);
                break;
            case NFTA_REDIR_FLAGS:
                writer.Put(type, (uint?)Flags);
                break;
        }
    }
}
