using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads what the packet's tunnel says.</summary>
public sealed record TunnelExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "tunnel";

    /// <summary>What is loaded.</summary>
    public TunnelKey? Key { get; init; }

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>On which side.</summary>
    public TunnelMode? Mode { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static TunnelExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? key = null;
        uint? destinationRegister = null;
        uint? mode = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_TUNNEL_KEY => attribute.Read(ref key),
                NFTA_TUNNEL_DREG => attribute.Read(ref destinationRegister),
                NFTA_TUNNEL_MODE => attribute.Read(ref mode),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new TunnelExpression
        {
            Key = (TunnelKey?)key,
            DestinationRegister = destinationRegister,
            Mode = (TunnelMode?)mode,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_TUNNEL_KEY:
                writer.Put(type, (uint?)Key);
                break;
            case NFTA_TUNNEL_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_TUNNEL_MODE:
                writer.Put(type, (uint?)Mode);
                break;
        }
    }
}
