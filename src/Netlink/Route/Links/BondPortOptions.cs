using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options of a bond's port.</summary>
public sealed record BondPortOptions : LinkData
{
    private static readonly ushort[] Order =
    [
        IFLA_BOND_SLAVE_STATE, IFLA_BOND_SLAVE_MII_STATUS, IFLA_BOND_SLAVE_LINK_FAILURE_COUNT, IFLA_BOND_SLAVE_PERM_HWADDR, IFLA_BOND_SLAVE_QUEUE_ID,
        IFLA_BOND_SLAVE_PRIO, IFLA_BOND_SLAVE_AD_AGGREGATOR_ID, IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE, IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE,
    ];

    /// <summary>An empty one.</summary>
    public BondPortOptions()
    {
    }

    internal BondPortOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_BOND_SLAVE_STATE when attribute.Value.Length == 1:
                    State = attribute.Byte;
                    break;
                case IFLA_BOND_SLAVE_MII_STATUS when attribute.Value.Length == 1:
                    MiiStatus = attribute.Byte;
                    break;
                case IFLA_BOND_SLAVE_LINK_FAILURE_COUNT when attribute.Value.Length == 4:
                    LinkFailures = attribute.UInt32;
                    break;
                case IFLA_BOND_SLAVE_PERM_HWADDR when attribute.Value.Length <= 32:
                    PermanentAddress = new HardwareAddress(attribute.Value);
                    break;
                case IFLA_BOND_SLAVE_QUEUE_ID when attribute.Value.Length == 2:
                    QueueId = attribute.UInt16;
                    break;
                case IFLA_BOND_SLAVE_PRIO when attribute.Value.Length == 4:
                    Priority = attribute.Int32;
                    break;
                case IFLA_BOND_SLAVE_AD_AGGREGATOR_ID when attribute.Value.Length == 2:
                    AggregatorId = attribute.UInt16;
                    break;
                case IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE when attribute.Value.Length == 1:
                    ActorPortState = attribute.Byte;
                    break;
                case IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE when attribute.Value.Length == 2:
                    PartnerPortState = attribute.UInt16;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <inheritdoc />
    public override string Kind => "bond";

    /// <summary>0 active, 1 backup (IFLA_BOND_SLAVE_STATE).</summary>
    public byte? State { get; init; }

    /// <summary>0 up, 1 going down, 2 down, 3 going up (IFLA_BOND_SLAVE_MII_STATUS).</summary>
    public byte? MiiStatus { get; init; }

    /// <summary>How often the carrier went (IFLA_BOND_SLAVE_LINK_FAILURE_COUNT).</summary>
    public uint? LinkFailures { get; init; }

    /// <summary>Address before it became a port (IFLA_BOND_SLAVE_PERM_HWADDR).</summary>
    public HardwareAddress? PermanentAddress { get; init; }

    /// <summary>Queue whose packets go out here (IFLA_BOND_SLAVE_QUEUE_ID).</summary>
    public ushort? QueueId { get; init; }

    /// <summary>Priority when another port is chosen (IFLA_BOND_SLAVE_PRIO).</summary>
    public int? Priority { get; init; }

    /// <summary>Aggregator of 802.3ad (IFLA_BOND_SLAVE_AD_AGGREGATOR_ID).</summary>
    public ushort? AggregatorId { get; init; }

    /// <summary>Own state in 802.3ad (IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE).</summary>
    public byte? ActorPortState { get; init; }

    /// <summary>The partner's state in 802.3ad (IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE).</summary>
    public ushort? PartnerPortState { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_BOND_SLAVE_STATE:
                Write(ref writer, entry, State);
                break;
            case IFLA_BOND_SLAVE_MII_STATUS:
                Write(ref writer, entry, MiiStatus);
                break;
            case IFLA_BOND_SLAVE_LINK_FAILURE_COUNT:
                Write(ref writer, entry, LinkFailures);
                break;
            case IFLA_BOND_SLAVE_PERM_HWADDR:
                Write(ref writer, entry, PermanentAddress);
                break;
            case IFLA_BOND_SLAVE_QUEUE_ID:
                Write(ref writer, entry, QueueId);
                break;
            case IFLA_BOND_SLAVE_PRIO:
                Write(ref writer, entry, Priority);
                break;
            case IFLA_BOND_SLAVE_AD_AGGREGATOR_ID:
                Write(ref writer, entry, AggregatorId);
                break;
            case IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE:
                Write(ref writer, entry, ActorPortState);
                break;
            case IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE:
                Write(ref writer, entry, PartnerPortState);
                break;
        }
    }
}
