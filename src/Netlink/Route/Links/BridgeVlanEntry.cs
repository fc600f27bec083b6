using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.BridgeConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options of one VLAN, or of a range of them, on a bridge or port (BRIDGE_VLANDB_ENTRY).</summary>
public sealed record BridgeVlanEntry : AttributeSet
{
    private static readonly ushort[] Order =
    [
        BRIDGE_VLANDB_ENTRY_INFO,
        BRIDGE_VLANDB_ENTRY_RANGE, BRIDGE_VLANDB_ENTRY_STATE, BRIDGE_VLANDB_ENTRY_TUNNEL_INFO, BRIDGE_VLANDB_ENTRY_STATS,
        BRIDGE_VLANDB_ENTRY_MCAST_ROUTER, BRIDGE_VLANDB_ENTRY_MCAST_N_GROUPS, BRIDGE_VLANDB_ENTRY_MCAST_MAX_GROUPS,
        BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS,
    ];

    /// <summary>An empty one.</summary>
    public BridgeVlanEntry()
    {
    }

    internal BridgeVlanEntry(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case BRIDGE_VLANDB_ENTRY_INFO when attribute.Value.Length == 4:
                    Vlan = BridgeVlan.FromNumber(attribute.UInt32);
                    break;
                case BRIDGE_VLANDB_ENTRY_RANGE when attribute.Value.Length == 2:
                    RangeEnd = attribute.UInt16;
                    break;
                case BRIDGE_VLANDB_ENTRY_STATE when attribute.Value.Length == 1:
                    State = (BridgePortState)attribute.Byte;
                    break;
                case BRIDGE_VLANDB_ENTRY_TUNNEL_INFO:
                    Tunnel = new Octets(attribute.Value);
                    break;
                case BRIDGE_VLANDB_ENTRY_STATS when BridgeVlanTraffic.TryRead(attribute, out BridgeVlanTraffic? statisticsValue):
                    Statistics = statisticsValue;
                    break;
                case BRIDGE_VLANDB_ENTRY_MCAST_ROUTER when attribute.Value.Length == 1:
                    MulticastRouter = attribute.Byte;
                    break;
                case BRIDGE_VLANDB_ENTRY_MCAST_N_GROUPS when attribute.Value.Length == 4:
                    MulticastGroups = attribute.UInt32;
                    break;
                case BRIDGE_VLANDB_ENTRY_MCAST_MAX_GROUPS when attribute.Value.Length == 4:
                    MaximumMulticastGroups = attribute.UInt32;
                    break;
                case BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS when attribute.IsBoolean:
                    NeighbourSuppression = attribute.Byte != 0;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <summary>The VLAN, or the first of a range, and what it is to the port (BRIDGE_VLANDB_ENTRY_INFO).</summary>
    public BridgeVlan? Vlan { get; init; }

    /// <summary>Last VLAN where the entry speaks of a range that begins at its VLAN (BRIDGE_VLANDB_ENTRY_RANGE).</summary>
    public ushort? RangeEnd { get; init; }

    /// <summary>Forwarding state of the VLAN on the port (BRIDGE_VLANDB_ENTRY_STATE).</summary>
    public BridgePortState? State { get; init; }

    /// <summary>The tunnel it maps to, as nested attributes (BRIDGE_VLANDB_TINFO_*) (BRIDGE_VLANDB_ENTRY_TUNNEL_INFO).</summary>
    public Octets? Tunnel { get; init; }

    /// <summary>Traffic of the VLAN, where a dump asks for it (BRIDGE_VLANDB_ENTRY_STATS).</summary>
    public BridgeVlanTraffic? Statistics { get; init; }

    /// <summary>Whether a multicast router is there: 0 never, 1 as learned, 2 always (BRIDGE_VLANDB_ENTRY_MCAST_ROUTER).</summary>
    public byte? MulticastRouter { get; init; }

    /// <summary>Multicast groups joined in the VLAN (BRIDGE_VLANDB_ENTRY_MCAST_N_GROUPS).</summary>
    public uint? MulticastGroups { get; init; }

    /// <summary>Greatest number of multicast groups; 0 for any (BRIDGE_VLANDB_ENTRY_MCAST_MAX_GROUPS).</summary>
    public uint? MaximumMulticastGroups { get; init; }

    /// <summary>ARP and ND are answered by the bridge in the VLAN (BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS).</summary>
    public bool? NeighbourSuppression { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case BRIDGE_VLANDB_ENTRY_INFO:
                Write(ref writer, entry, Vlan?.ToNumber());
                break;
            case BRIDGE_VLANDB_ENTRY_RANGE:
                Write(ref writer, entry, RangeEnd);
                break;
            case BRIDGE_VLANDB_ENTRY_STATE:
                Write(ref writer, entry, (byte?)State);
                break;
            case BRIDGE_VLANDB_ENTRY_TUNNEL_INFO:
                Write(ref writer, entry, Tunnel);
                break;
            case BRIDGE_VLANDB_ENTRY_STATS:
                Statistics?.Write(ref writer, entry);
                break;
            case BRIDGE_VLANDB_ENTRY_MCAST_ROUTER:
                Write(ref writer, entry, MulticastRouter);
                break;
            case BRIDGE_VLANDB_ENTRY_MCAST_N_GROUPS:
                Write(ref writer, entry, MulticastGroups);
                break;
            case BRIDGE_VLANDB_ENTRY_MCAST_MAX_GROUPS:
                Write(ref writer, entry, MaximumMulticastGroups);
                break;
            case BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS:
                Write(ref writer, entry, NeighbourSuppression);
                break;
        }
    }
}
