using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>The active aggregator of an 802.3ad bond.</summary>
public sealed record BondAggregator : AttributeSet
{
    private static readonly ushort[] Order =
    [
        IFLA_BOND_AD_INFO_AGGREGATOR, IFLA_BOND_AD_INFO_NUM_PORTS, IFLA_BOND_AD_INFO_ACTOR_KEY, IFLA_BOND_AD_INFO_PARTNER_KEY,
        IFLA_BOND_AD_INFO_PARTNER_MAC,
    ];

    /// <summary>An empty one.</summary>
    public BondAggregator()
    {
    }

    internal BondAggregator(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_BOND_AD_INFO_AGGREGATOR when attribute.Value.Length == 2:
                    Id = attribute.UInt16;
                    break;
                case IFLA_BOND_AD_INFO_NUM_PORTS when attribute.Value.Length == 2:
                    Ports = attribute.UInt16;
                    break;
                case IFLA_BOND_AD_INFO_ACTOR_KEY when attribute.Value.Length == 2:
                    ActorKey = attribute.UInt16;
                    break;
                case IFLA_BOND_AD_INFO_PARTNER_KEY when attribute.Value.Length == 2:
                    PartnerKey = attribute.UInt16;
                    break;
                case IFLA_BOND_AD_INFO_PARTNER_MAC when attribute.Value.Length <= 32:
                    PartnerAddress = new HardwareAddress(attribute.Value);
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <summary>Its id (IFLA_BOND_AD_INFO_AGGREGATOR).</summary>
    public ushort? Id { get; init; }

    /// <summary>Its ports (IFLA_BOND_AD_INFO_NUM_PORTS).</summary>
    public ushort? Ports { get; init; }

    /// <summary>Own key (IFLA_BOND_AD_INFO_ACTOR_KEY).</summary>
    public ushort? ActorKey { get; init; }

    /// <summary>The partner's key (IFLA_BOND_AD_INFO_PARTNER_KEY).</summary>
    public ushort? PartnerKey { get; init; }

    /// <summary>The partner's address (IFLA_BOND_AD_INFO_PARTNER_MAC).</summary>
    public HardwareAddress? PartnerAddress { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_BOND_AD_INFO_AGGREGATOR:
                Write(ref writer, entry, Id);
                break;
            case IFLA_BOND_AD_INFO_NUM_PORTS:
                Write(ref writer, entry, Ports);
                break;
            case IFLA_BOND_AD_INFO_ACTOR_KEY:
                Write(ref writer, entry, ActorKey);
                break;
            case IFLA_BOND_AD_INFO_PARTNER_KEY:
                Write(ref writer, entry, PartnerKey);
                break;
            case IFLA_BOND_AD_INFO_PARTNER_MAC:
                Write(ref writer, entry, PartnerAddress);
                break;
        }
    }
}
