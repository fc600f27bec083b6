using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.BridgeConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options of a bridge's port.</summary>
public sealed record BridgePortOptions : LinkData
{
    private static readonly ushort[] Order =
    [
        IFLA_BRPORT_STATE, IFLA_BRPORT_PRIORITY, IFLA_BRPORT_COST, IFLA_BRPORT_MODE, IFLA_BRPORT_GUARD, IFLA_BRPORT_PROTECT, IFLA_BRPORT_FAST_LEAVE,
        IFLA_BRPORT_LEARNING, IFLA_BRPORT_LEARNING_SYNC, IFLA_BRPORT_UNICAST_FLOOD, IFLA_BRPORT_MCAST_FLOOD, IFLA_BRPORT_BCAST_FLOOD,
        IFLA_BRPORT_MCAST_TO_UCAST, IFLA_BRPORT_PROXYARP, IFLA_BRPORT_PROXYARP_WIFI, IFLA_BRPORT_NEIGH_SUPPRESS, IFLA_BRPORT_NEIGH_VLAN_SUPPRESS,
        IFLA_BRPORT_ISOLATED, IFLA_BRPORT_LOCKED, IFLA_BRPORT_MAB, IFLA_BRPORT_VLAN_TUNNEL, IFLA_BRPORT_GROUP_FWD_MASK, IFLA_BRPORT_BACKUP_PORT,
        IFLA_BRPORT_BACKUP_NHID, IFLA_BRPORT_MULTICAST_ROUTER, IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT, IFLA_BRPORT_MCAST_EHT_HOSTS_CNT,
        IFLA_BRPORT_MCAST_N_GROUPS, IFLA_BRPORT_MCAST_MAX_GROUPS, IFLA_BRPORT_FLUSH, IFLA_BRPORT_ROOT_ID, IFLA_BRPORT_BRIDGE_ID,
        IFLA_BRPORT_DESIGNATED_PORT, IFLA_BRPORT_DESIGNATED_COST, IFLA_BRPORT_ID, IFLA_BRPORT_NO, IFLA_BRPORT_TOPOLOGY_CHANGE_ACK,
        IFLA_BRPORT_CONFIG_PENDING, IFLA_BRPORT_MESSAGE_AGE_TIMER, IFLA_BRPORT_FORWARD_DELAY_TIMER, IFLA_BRPORT_HOLD_TIMER, IFLA_BRPORT_MRP_RING_OPEN,
        IFLA_BRPORT_MRP_IN_OPEN,
    ];

    /// <summary>An empty one.</summary>
    public BridgePortOptions()
    {
    }

    internal BridgePortOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_BRPORT_STATE when attribute.Value.Length == 1:
                    State = (BridgePortState)attribute.Byte;
                    break;
                case IFLA_BRPORT_PRIORITY when attribute.Value.Length == 2:
                    Priority = attribute.UInt16;
                    break;
                case IFLA_BRPORT_COST when attribute.Value.Length == 4:
                    Cost = attribute.UInt32;
                    break;
                case IFLA_BRPORT_MODE when attribute.IsBoolean:
                    Hairpin = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_GUARD when attribute.IsBoolean:
                    Guard = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_PROTECT when attribute.IsBoolean:
                    RootBlock = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_FAST_LEAVE when attribute.IsBoolean:
                    FastLeave = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_LEARNING when attribute.IsBoolean:
                    Learning = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_LEARNING_SYNC when attribute.IsBoolean:
                    LearningSync = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_UNICAST_FLOOD when attribute.IsBoolean:
                    UnicastFlood = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_MCAST_FLOOD when attribute.IsBoolean:
                    MulticastFlood = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_BCAST_FLOOD when attribute.IsBoolean:
                    BroadcastFlood = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_MCAST_TO_UCAST when attribute.IsBoolean:
                    MulticastToUnicast = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_PROXYARP when attribute.IsBoolean:
                    ProxyArp = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_PROXYARP_WIFI when attribute.IsBoolean:
                    ProxyArpWireless = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_NEIGH_SUPPRESS when attribute.IsBoolean:
                    NeighbourSuppression = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_NEIGH_VLAN_SUPPRESS when attribute.IsBoolean:
                    NeighbourVlanSuppression = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_ISOLATED when attribute.IsBoolean:
                    Isolated = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_LOCKED when attribute.IsBoolean:
                    Locked = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_MAB when attribute.IsBoolean:
                    MacAuthenticationBypass = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_VLAN_TUNNEL when attribute.IsBoolean:
                    VlanTunnel = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_GROUP_FWD_MASK when attribute.Value.Length == 2:
                    GroupForwardMask = attribute.UInt16;
                    break;
                case IFLA_BRPORT_BACKUP_PORT when attribute.Value.Length == 4:
                    BackupPort = attribute.UInt32;
                    break;
                case IFLA_BRPORT_BACKUP_NHID when attribute.Value.Length == 4:
                    BackupNextHop = attribute.UInt32;
                    break;
                case IFLA_BRPORT_MULTICAST_ROUTER when attribute.Value.Length == 1:
                    MulticastRouter = attribute.Byte;
                    break;
                case IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT when attribute.Value.Length == 4:
                    MulticastHostsLimit = attribute.UInt32;
                    break;
                case IFLA_BRPORT_MCAST_EHT_HOSTS_CNT when attribute.Value.Length == 4:
                    MulticastHosts = attribute.UInt32;
                    break;
                case IFLA_BRPORT_MCAST_N_GROUPS when attribute.Value.Length == 4:
                    MulticastGroups = attribute.UInt32;
                    break;
                case IFLA_BRPORT_MCAST_MAX_GROUPS when attribute.Value.Length == 4:
                    MulticastGroupsLimit = attribute.UInt32;
                    break;
                case IFLA_BRPORT_FLUSH when attribute.Value.IsEmpty:
                    Flush = true;
                    break;
                case IFLA_BRPORT_ROOT_ID when BridgeId.TryRead(attribute, out BridgeId? rootIdValue):
                    RootId = rootIdValue;
                    break;
                case IFLA_BRPORT_BRIDGE_ID when BridgeId.TryRead(attribute, out BridgeId? designatedBridgeValue):
                    DesignatedBridge = designatedBridgeValue;
                    break;
                case IFLA_BRPORT_DESIGNATED_PORT when attribute.Value.Length == 2:
                    DesignatedPort = attribute.UInt16;
                    break;
                case IFLA_BRPORT_DESIGNATED_COST when attribute.Value.Length == 2:
                    DesignatedCost = attribute.UInt16;
                    break;
                case IFLA_BRPORT_ID when attribute.Value.Length == 2:
                    PortId = attribute.UInt16;
                    break;
                case IFLA_BRPORT_NO when attribute.Value.Length == 2:
                    PortNumber = attribute.UInt16;
                    break;
                case IFLA_BRPORT_TOPOLOGY_CHANGE_ACK when attribute.IsBoolean:
                    TopologyChangeAcknowledged = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_CONFIG_PENDING when attribute.IsBoolean:
                    ConfigurationPending = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_MESSAGE_AGE_TIMER when attribute.Value.Length == 8:
                    MessageAgeTimer = attribute.UInt64;
                    break;
                case IFLA_BRPORT_FORWARD_DELAY_TIMER when attribute.Value.Length == 8:
                    ForwardDelayTimer = attribute.UInt64;
                    break;
                case IFLA_BRPORT_HOLD_TIMER when attribute.Value.Length == 8:
                    HoldTimer = attribute.UInt64;
                    break;
                case IFLA_BRPORT_MRP_RING_OPEN when attribute.IsBoolean:
                    MrpRingOpen = attribute.Byte != 0;
                    break;
                case IFLA_BRPORT_MRP_IN_OPEN when attribute.IsBoolean:
                    MrpInterconnectOpen = attribute.Byte != 0;
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
    public override string Kind => "bridge";

    /// <summary>State in the spanning tree (IFLA_BRPORT_STATE).</summary>
    public BridgePortState? State { get; init; }

    /// <summary>Priority in the spanning tree, 0 to 63 (IFLA_BRPORT_PRIORITY).</summary>
    public ushort? Priority { get; init; }

    /// <summary>Cost of the path, 1 to 65535 (IFLA_BRPORT_COST).</summary>
    public uint? Cost { get; init; }

    /// <summary>Frames may go back out of the port they came in by (IFLA_BRPORT_MODE).</summary>
    public bool? Hairpin { get; init; }

    /// <summary>Spanning tree messages shut the port (IFLA_BRPORT_GUARD).</summary>
    public bool? Guard { get; init; }

    /// <summary>The port may not become the root port (IFLA_BRPORT_PROTECT).</summary>
    public bool? RootBlock { get; init; }

    /// <summary>A leave ends multicast at once (IFLA_BRPORT_FAST_LEAVE).</summary>
    public bool? FastLeave { get; init; }

    /// <summary>Addresses are learned here (IFLA_BRPORT_LEARNING).</summary>
    public bool? Learning { get; init; }

    /// <summary>Addresses the hardware learned are taken over (IFLA_BRPORT_LEARNING_SYNC).</summary>
    public bool? LearningSync { get; init; }

    /// <summary>Frames to unknown addresses go out here (IFLA_BRPORT_UNICAST_FLOOD).</summary>
    public bool? UnicastFlood { get; init; }

    /// <summary>Unasked multicast goes out here (IFLA_BRPORT_MCAST_FLOOD).</summary>
    public bool? MulticastFlood { get; init; }

    /// <summary>Broadcast goes out here (IFLA_BRPORT_BCAST_FLOOD).</summary>
    public bool? BroadcastFlood { get; init; }

    /// <summary>Multicast is sent to each listener by its own address (IFLA_BRPORT_MCAST_TO_UCAST).</summary>
    public bool? MulticastToUnicast { get; init; }

    /// <summary>The bridge answers ARP for known neighbours (IFLA_BRPORT_PROXYARP).</summary>
    public bool? ProxyArp { get; init; }

    /// <summary>The same, as IEEE 802.11 wants it (IFLA_BRPORT_PROXYARP_WIFI).</summary>
    public bool? ProxyArpWireless { get; init; }

    /// <summary>ARP and neighbour discovery are answered, not flooded (IFLA_BRPORT_NEIGH_SUPPRESS).</summary>
    public bool? NeighbourSuppression { get; init; }

    /// <summary>The same by VLAN (IFLA_BRPORT_NEIGH_VLAN_SUPPRESS).</summary>
    public bool? NeighbourVlanSuppression { get; init; }

    /// <summary>No frames between isolated ports (IFLA_BRPORT_ISOLATED).</summary>
    public bool? Isolated { get; init; }

    /// <summary>Only known senders may use the port (IFLA_BRPORT_LOCKED).</summary>
    public bool? Locked { get; init; }

    /// <summary>Senders are learned locked (IFLA_BRPORT_MAB).</summary>
    public bool? MacAuthenticationBypass { get; init; }

    /// <summary>VLANs map to tunnel ids (IFLA_BRPORT_VLAN_TUNNEL).</summary>
    public bool? VlanTunnel { get; init; }

    /// <summary>Which of the addresses 01:80:c2:00:00:0x are forwarded (IFLA_BRPORT_GROUP_FWD_MASK).</summary>
    public ushort? GroupForwardMask { get; init; }

    /// <summary>Index of the port that takes over (IFLA_BRPORT_BACKUP_PORT).</summary>
    public uint? BackupPort { get; init; }

    /// <summary>Id of the next hop that takes over (IFLA_BRPORT_BACKUP_NHID).</summary>
    public uint? BackupNextHop { get; init; }

    /// <summary>0 no router behind the port, 1 found out, 2 always, 3 for a time (IFLA_BRPORT_MULTICAST_ROUTER).</summary>
    public byte? MulticastRouter { get; init; }

    /// <summary>Greatest number of tracked listeners (IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT).</summary>
    public uint? MulticastHostsLimit { get; init; }

    /// <summary>Tracked listeners (IFLA_BRPORT_MCAST_EHT_HOSTS_CNT).</summary>
    public uint? MulticastHosts { get; init; }

    /// <summary>Multicast groups behind the port (IFLA_BRPORT_MCAST_N_GROUPS).</summary>
    public uint? MulticastGroups { get; init; }

    /// <summary>Greatest number of them (IFLA_BRPORT_MCAST_MAX_GROUPS).</summary>
    public uint? MulticastGroupsLimit { get; init; }

    /// <summary>In requests: forget the addresses learned here (IFLA_BRPORT_FLUSH).</summary>
    public bool Flush { get; init; }

    /// <summary>The spanning tree's root (IFLA_BRPORT_ROOT_ID).</summary>
    public BridgeId? RootId { get; init; }

    /// <summary>The designated bridge (IFLA_BRPORT_BRIDGE_ID).</summary>
    public BridgeId? DesignatedBridge { get; init; }

    /// <summary>The designated port (IFLA_BRPORT_DESIGNATED_PORT).</summary>
    public ushort? DesignatedPort { get; init; }

    /// <summary>The designated cost (IFLA_BRPORT_DESIGNATED_COST).</summary>
    public ushort? DesignatedCost { get; init; }

    /// <summary>Priority and number (IFLA_BRPORT_ID).</summary>
    public ushort? PortId { get; init; }

    /// <summary>Number (IFLA_BRPORT_NO).</summary>
    public ushort? PortNumber { get; init; }

    /// <summary>A change is acknowledged (IFLA_BRPORT_TOPOLOGY_CHANGE_ACK).</summary>
    public bool? TopologyChangeAcknowledged { get; init; }

    /// <summary>A message waits to be sent (IFLA_BRPORT_CONFIG_PENDING).</summary>
    public bool? ConfigurationPending { get; init; }

    /// <summary>Time left, in hundredths of a second (IFLA_BRPORT_MESSAGE_AGE_TIMER).</summary>
    public ulong? MessageAgeTimer { get; init; }

    /// <summary>Time left, in hundredths of a second (IFLA_BRPORT_FORWARD_DELAY_TIMER).</summary>
    public ulong? ForwardDelayTimer { get; init; }

    /// <summary>Time left, in hundredths of a second (IFLA_BRPORT_HOLD_TIMER).</summary>
    public ulong? HoldTimer { get; init; }

    /// <summary>The media redundancy ring is open (IFLA_BRPORT_MRP_RING_OPEN).</summary>
    public bool? MrpRingOpen { get; init; }

    /// <summary>The interconnection ring is open (IFLA_BRPORT_MRP_IN_OPEN).</summary>
    public bool? MrpInterconnectOpen { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_BRPORT_STATE:
                Write(ref writer, entry, (byte?)State);
                break;
            case IFLA_BRPORT_PRIORITY:
                Write(ref writer, entry, Priority);
                break;
            case IFLA_BRPORT_COST:
                Write(ref writer, entry, Cost);
                break;
            case IFLA_BRPORT_MODE:
                Write(ref writer, entry, Hairpin);
                break;
            case IFLA_BRPORT_GUARD:
                Write(ref writer, entry, Guard);
                break;
            case IFLA_BRPORT_PROTECT:
                Write(ref writer, entry, RootBlock);
                break;
            case IFLA_BRPORT_FAST_LEAVE:
                Write(ref writer, entry, FastLeave);
                break;
            case IFLA_BRPORT_LEARNING:
                Write(ref writer, entry, Learning);
                break;
            case IFLA_BRPORT_LEARNING_SYNC:
                Write(ref writer, entry, LearningSync);
                break;
            case IFLA_BRPORT_UNICAST_FLOOD:
                Write(ref writer, entry, UnicastFlood);
                break;
            case IFLA_BRPORT_MCAST_FLOOD:
                Write(ref writer, entry, MulticastFlood);
                break;
            case IFLA_BRPORT_BCAST_FLOOD:
                Write(ref writer, entry, BroadcastFlood);
                break;
            case IFLA_BRPORT_MCAST_TO_UCAST:
                Write(ref writer, entry, MulticastToUnicast);
                break;
            case IFLA_BRPORT_PROXYARP:
                Write(ref writer, entry, ProxyArp);
                break;
            case IFLA_BRPORT_PROXYARP_WIFI:
                Write(ref writer, entry, ProxyArpWireless);
                break;
            case IFLA_BRPORT_NEIGH_SUPPRESS:
                Write(ref writer, entry, NeighbourSuppression);
                break;
            case IFLA_BRPORT_NEIGH_VLAN_SUPPRESS:
                Write(ref writer, entry, NeighbourVlanSuppression);
                break;
            case IFLA_BRPORT_ISOLATED:
                Write(ref writer, entry, Isolated);
                break;
            case IFLA_BRPORT_LOCKED:
                Write(ref writer, entry, Locked);
                break;
            case IFLA_BRPORT_MAB:
                Write(ref writer, entry, MacAuthenticationBypass);
                break;
            case IFLA_BRPORT_VLAN_TUNNEL:
                Write(ref writer, entry, VlanTunnel);
                break;
            case IFLA_BRPORT_GROUP_FWD_MASK:
                Write(ref writer, entry, GroupForwardMask);
                break;
            case IFLA_BRPORT_BACKUP_PORT:
                Write(ref writer, entry, BackupPort);
                break;
            case IFLA_BRPORT_BACKUP_NHID:
                Write(ref writer, entry, BackupNextHop);
                break;
            case IFLA_BRPORT_MULTICAST_ROUTER:
                Write(ref writer, entry, MulticastRouter);
                break;
            case IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT:
                Write(ref writer, entry, MulticastHostsLimit);
                break;
            case IFLA_BRPORT_MCAST_EHT_HOSTS_CNT:
                Write(ref writer, entry, MulticastHosts);
                break;
            case IFLA_BRPORT_MCAST_N_GROUPS:
                Write(ref writer, entry, MulticastGroups);
                break;
            case IFLA_BRPORT_MCAST_MAX_GROUPS:
                Write(ref writer, entry, MulticastGroupsLimit);
                break;
            case IFLA_BRPORT_FLUSH:
                WriteFlag(ref writer, entry, Flush);
                break;
            case IFLA_BRPORT_ROOT_ID:
                RootId?.Write(ref writer, entry);
                break;
            case IFLA_BRPORT_BRIDGE_ID:
                DesignatedBridge?.Write(ref writer, entry);
                break;
            case IFLA_BRPORT_DESIGNATED_PORT:
                Write(ref writer, entry, DesignatedPort);
                break;
            case IFLA_BRPORT_DESIGNATED_COST:
                Write(ref writer, entry, DesignatedCost);
                break;
            case IFLA_BRPORT_ID:
                Write(ref writer, entry, PortId);
                break;
            case IFLA_BRPORT_NO:
                Write(ref writer, entry, PortNumber);
                break;
            case IFLA_BRPORT_TOPOLOGY_CHANGE_ACK:
                Write(ref writer, entry, TopologyChangeAcknowledged);
                break;
            case IFLA_BRPORT_CONFIG_PENDING:
                Write(ref writer, entry, ConfigurationPending);
                break;
            case IFLA_BRPORT_MESSAGE_AGE_TIMER:
                Write(ref writer, entry, MessageAgeTimer);
                break;
            case IFLA_BRPORT_FORWARD_DELAY_TIMER:
                Write(ref writer, entry, ForwardDelayTimer);
                break;
            case IFLA_BRPORT_HOLD_TIMER:
                Write(ref writer, entry, HoldTimer);
                break;
            case IFLA_BRPORT_MRP_RING_OPEN:
                Write(ref writer, entry, MrpRingOpen);
                break;
            case IFLA_BRPORT_MRP_IN_OPEN:
                Write(ref writer, entry, MrpInterconnectOpen);
                break;
        }
    }
}
