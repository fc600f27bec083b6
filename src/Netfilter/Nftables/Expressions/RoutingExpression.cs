using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads what the packet's route says.</summary>
public sealed record RoutingExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "rt";

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>What is loaded.</summary>
    public RoutingKey? Key { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [2, 1];

    internal static RoutingExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        uint? key = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_RT_DREG => attribute.Read(ref destinationRegister),
                NFTA_RT_KEY => attribute.Read(ref key),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new RoutingExpression
        {
            DestinationRegister = destinationRegister,
            Key = (RoutingKey?)key,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_RT_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_RT_KEY:
                writer.Put(type, (uint?)Key);
                break;
        }
    }
}
