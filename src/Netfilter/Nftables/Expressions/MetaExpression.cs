using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads what the kernel knows about a packet, or sets it.</summary>
public sealed record MetaExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "meta";

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>What is loaded or set.</summary>
    public MetaKey? Key { get; init; }

    /// <summary>The register with the new value.</summary>
    public uint? SourceRegister { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [2, 1, 3];

    internal static MetaExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        uint? key = null;
        uint? sourceRegister = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_META_DREG => attribute.Read(ref destinationRegister),
                NFTA_META_KEY => attribute.Read(ref key),
                NFTA_META_SREG => attribute.Read(ref sourceRegister),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new MetaExpression
        {
            DestinationRegister = destinationRegister,
            Key = (MetaKey?)key,
            SourceRegister = sourceRegister,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_META_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_META_KEY:
                writer.Put(type, (uint?)Key);
                break;
            case NFTA_META_SREG:
                writer.Put(type, SourceRegister);
                break;
        }
    }
}
