using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Hands the packet to a local socket without changing it.</summary>
public sealed record TransparentProxyExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "tproxy";

    /// <summary>NFPROTO_IPV4, NFPROTO_IPV6 or NFPROTO_UNSPEC for both.</summary>
    public uint? Family { get; init; }

    /// <summary>The register with the socket's address.</summary>
    public uint? AddressRegister { get; init; }

    /// <summary>The register with the socket's port.</summary>
    public uint? PortRegister { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static TransparentProxyExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? family = null;
        uint? addressRegister = null;
        uint? portRegister = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_TPROXY_FAMILY => attribute.Read(ref family),
                NFTA_TPROXY_REG_ADDR => attribute.Read(ref addressRegister),
                NFTA_TPROXY_REG_PORT => attribute.Read(ref portRegister),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new TransparentProxyExpression
        {
            Family = family,
            AddressRegister = addressRegister,
            PortRegister = portRegister,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_TPROXY_FAMILY:
                writer.Put(type, Family);
                break;
            case NFTA_TPROXY_REG_ADDR:
                writer.Put(type, AddressRegister);
                break;
            case NFTA_TPROXY_REG_PORT:
                writer.Put(type, PortRegister);
                break;
        }
    }
}
