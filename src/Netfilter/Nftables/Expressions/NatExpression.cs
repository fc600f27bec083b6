using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Rewrites source or destination.</summary>
public sealed record NatExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "nat";

    /// <summary>Which of the two.</summary>
    public NatKind? Kind { get; init; }

    /// <summary>NFPROTO_IPV4 or NFPROTO_IPV6.</summary>
    public uint? Family { get; init; }

    /// <summary>The register with the first address.</summary>
    public uint? AddressRegister { get; init; }

    /// <summary>The register with the last address.</summary>
    public uint? LastAddressRegister { get; init; }

    /// <summary>The register with the first port.</summary>
    public uint? PortRegister { get; init; }

    /// <summary>The register with the last port.</summary>
    public uint? LastPortRegister { get; init; }

    /// <summary>How address and port are chosen.</summary>
    public NatFlags? Flags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3, 4, 5, 6, 7];

    internal static NatExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? kind = null;
        uint? family = null;
        uint? addressRegister = null;
        uint? lastAddressRegister = null;
        uint? portRegister = null;
        uint? lastPortRegister = null;
        uint? flags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_NAT_TYPE => attribute.Read(ref kind),
                NFTA_NAT_FAMILY => attribute.Read(ref family),
                NFTA_NAT_REG_ADDR_MIN => attribute.Read(ref addressRegister),
                NFTA_NAT_REG_ADDR_MAX => attribute.Read(ref lastAddressRegister),
                NFTA_NAT_REG_PROTO_MIN => attribute.Read(ref portRegister),
                NFTA_NAT_REG_PROTO_MAX => attribute.Read(ref lastPortRegister),
                NFTA_NAT_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new NatExpression
        {
            Kind = (NatKind?)kind,
            Family = family,
            AddressRegister = addressRegister,
            LastAddressRegister = lastAddressRegister,
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
            case NFTA_NAT_TYPE:
                writer.Put(type, (uint?)Kind);
                break;
            case NFTA_NAT_FAMILY:
                writer.Put(type, Family);
                break;
            case NFTA_NAT_REG_ADDR_MIN:
                writer.Put(type, AddressRegister);
                break;
            case NFTA_NAT_REG_ADDR_MAX:
                writer.Put(type, LastAddressRegister);
                break;
            case NFTA_NAT_REG_PROTO_MIN:
                writer.Put(type, PortRegister);
                break;
            case NFTA_NAT_REG_PROTO_MAX:
                writer.Put(type, LastPortRegister);
                break;
            case NFTA_NAT_FLAGS:
                writer.Put(type, (uint?)Flags);
                break;
        }
    }
}
