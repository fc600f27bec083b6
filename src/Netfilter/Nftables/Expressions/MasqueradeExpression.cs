using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Rewrites the source to the outgoing interface's address.</summary>
public sealed record MasqueradeExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "masq";

    /// <summary>How the port is chosen.</summary>
    public NatFlags? Flags { get; init; }

    /// <summary>The register with the first port.</summary>
    public uint? PortRegister { get; init; }

    /// <summary>The register with the last port.</summary>
    public uint? LastPortRegister { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static MasqueradeExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? flags = null;
        uint? portRegister = null;
        uint? lastPortRegister = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_MASQ_FLAGS => attribute.Read(ref flags),
                NFTA_MASQ_REG_PROTO_MIN => attribute.Read(ref portRegister),
                NFTA_MASQ_REG_PROTO_MAX => attribute.Read(ref lastPortRegister),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new MasqueradeExpression
        {
            Flags = (NatFlags?)flags,
            PortRegister = portRegister,
            LastPortRegister = lastPortRegister,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_MASQ_FLAGS:
                writer.Put(type, (uint?)Flags);
                break;
            case NFTA_MASQ_REG_PROTO_MIN:
                writer.Put(type, PortRegister);
                break;
            case NFTA_MASQ_REG_PROTO_MAX:
                writer.Put(type, LastPortRegister);
                break;
        }
    }
}
