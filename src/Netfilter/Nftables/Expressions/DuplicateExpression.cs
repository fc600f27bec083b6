using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Sends a copy of the packet elsewhere.</summary>
public sealed record DuplicateExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "dup";

    /// <summary>The register with the gateway's address.</summary>
    public uint? AddressRegister { get; init; }

    /// <summary>The register with the interface.</summary>
    public uint? DeviceRegister { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2];

    internal static DuplicateExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? addressRegister = null;
        uint? deviceRegister = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_DUP_SREG_ADDR => attribute.Read(ref addressRegister),
                NFTA_DUP_SREG_DEV => attribute.Read(ref deviceRegister),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new DuplicateExpression
        {
            AddressRegister = addressRegister,
            DeviceRegister = deviceRegister,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_DUP_SREG_ADDR:
                writer.Put(type, AddressRegister);
                break;
            case NFTA_DUP_SREG_DEV:
                writer.Put(type, DeviceRegister);
                break;
        }
    }
}
