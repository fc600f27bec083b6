using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads what the packet's IPsec state says.</summary>
public sealed record XfrmExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "xfrm";

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>What is loaded.</summary>
    public XfrmKey? Key { get; init; }

    /// <summary>In or out.</summary>
    public XfrmDirection? Direction { get; init; }

    /// <summary>The how manieth state of the packet.</summary>
    public uint? PolicyNumber { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [2, 3, 4, 1];

    internal static XfrmExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        uint? key = null;
        byte? direction = null;
        uint? policyNumber = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_XFRM_DREG => attribute.Read(ref destinationRegister),
                NFTA_XFRM_KEY => attribute.Read(ref key),
                NFTA_XFRM_DIR => attribute.Read(ref direction),
                NFTA_XFRM_SPNUM => attribute.Read(ref policyNumber),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new XfrmExpression
        {
            DestinationRegister = destinationRegister,
            Key = (XfrmKey?)key,
            Direction = (XfrmDirection?)direction,
            PolicyNumber = policyNumber,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_XFRM_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_XFRM_KEY:
                writer.Put(type, (uint?)Key);
                break;
            case NFTA_XFRM_DIR:
                writer.Put(type, (byte?)Direction);
                break;
            case NFTA_XFRM_SPNUM:
                writer.Put(type, PolicyNumber);
                break;
        }
    }
}
