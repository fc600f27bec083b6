using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Sends the packet out of another interface.</summary>
public sealed record ForwardExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "fwd";

    /// <summary>The register with the interface.</summary>
    public uint? DeviceRegister { get; init; }

    /// <summary>The register with the neighbour's address.</summary>
    public uint? AddressRegister { get; init; }

    /// <summary>The address's family.</summary>
    public uint? Family { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static ForwardExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? deviceRegister = null;
        uint? addressRegister = null;
        uint? family = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_FWD_SREG_DEV => attribute.Read(ref deviceRegister),
                NFTA_FWD_SREG_ADDR => attribute.Read(ref addressRegister),
                NFTA_FWD_NFPROTO => attribute.Read(ref family),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new ForwardExpression
        {
            DeviceRegister = deviceRegister,
            AddressRegister = addressRegister,
            Family = family,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_FWD_SREG_DEV:
                writer.Put(type, DeviceRegister);
                break;
            case NFTA_FWD_SREG_ADDR:
                writer.Put(type, AddressRegister);
                break;
            case NFTA_FWD_NFPROTO:
                writer.Put(type, Family);
                break;
        }
    }
}
