using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.BridgeConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options of a bridge. Times are in hundredths of a second.</summary>
public sealed record BridgeOptions : LinkData
{
    private static readonly ushort[] Order =
    [
        IFLA_BR_FORWARD_DELAY, IFLA_BR_HELLO_TIME, IFLA_BR_MAX_AGE, IFLA_BR_AGEING_TIME, IFLA_BR_STP_STATE, IFLA_BR_PRIORITY, IFLA_BR_VLAN_FILTERING,
        IFLA_BR_VLAN_PROTOCOL, IFLA_BR_VLAN_DEFAULT_PVID, IFLA_BR_VLAN_STATS_ENABLED, IFLA_BR_VLAN_STATS_PER_PORT, IFLA_BR_GROUP_FWD_MASK,
        IFLA_BR_GROUP_ADDR, IFLA_BR_FDB_FLUSH, IFLA_BR_FDB_MAX_LEARNED, IFLA_BR_FDB_N_LEARNED, IFLA_BR_MCAST_ROUTER, IFLA_BR_MCAST_SNOOPING,
        IFLA_BR_MCAST_QUERY_USE_IFADDR, IFLA_BR_MCAST_QUERIER, IFLA_BR_MCAST_HASH_ELASTICITY, IFLA_BR_MCAST_HASH_MAX, IFLA_BR_MCAST_LAST_MEMBER_CNT,
        IFLA_BR_MCAST_STARTUP_QUERY_CNT, IFLA_BR_MCAST_LAST_MEMBER_INTVL, IFLA_BR_MCAST_MEMBERSHIP_INTVL, IFLA_BR_MCAST_QUERIER_INTVL,
        IFLA_BR_MCAST_QUERY_INTVL, IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, IFLA_BR_MCAST_STARTUP_QUERY_INTVL, IFLA_BR_MCAST_STATS_ENABLED,
        IFLA_BR_MCAST_IGMP_VERSION, IFLA_BR_MCAST_MLD_VERSION, IFLA_BR_NF_CALL_IPTABLES, IFLA_BR_NF_CALL_IP6TABLES, IFLA_BR_NF_CALL_ARPTABLES,
        IFLA_BR_MULTI_BOOLOPT, IFLA_BR_ROOT_ID, IFLA_BR_BRIDGE_ID, IFLA_BR_ROOT_PORT, IFLA_BR_ROOT_PATH_COST, IFLA_BR_TOPOLOGY_CHANGE,
        IFLA_BR_TOPOLOGY_CHANGE_DETECTED, IFLA_BR_HELLO_TIMER, IFLA_BR_TCN_TIMER, IFLA_BR_TOPOLOGY_CHANGE_TIMER, IFLA_BR_GC_TIMER,
    ];

    /// <summary>An empty one.</summary>
    public BridgeOptions()
    {
    }

    internal BridgeOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_BR_FORWARD_DELAY when attribute.Value.Length == 4:
                    ForwardDelay = attribute.UInt32;
                    break;
                case IFLA_BR_HELLO_TIME when attribute.Value.Length == 4:
                    HelloTime = attribute.UInt32;
                    break;
                case IFLA_BR_MAX_AGE when attribute.Value.Length == 4:
                    MaximumAge = attribute.UInt32;
                    break;
                case IFLA_BR_AGEING_TIME when attribute.Value.Length == 4:
                    AgeingTime = attribute.UInt32;
                    break;
                case IFLA_BR_STP_STATE when attribute.Value.Length == 4:
                    SpanningTree = attribute.UInt32;
                    break;
                case IFLA_BR_PRIORITY when attribute.Value.Length == 2:
                    Priority = attribute.UInt16;
                    break;
                case IFLA_BR_VLAN_FILTERING when attribute.IsBoolean:
                    VlanFiltering = attribute.Byte != 0;
                    break;
                case IFLA_BR_VLAN_PROTOCOL when attribute.Value.Length == 2:
                    VlanProtocol = attribute.UInt16BigEndian;
                    break;
                case IFLA_BR_VLAN_DEFAULT_PVID when attribute.Value.Length == 2:
                    DefaultPvid = attribute.UInt16;
                    break;
                case IFLA_BR_VLAN_STATS_ENABLED when attribute.IsBoolean:
                    VlanStatistics = attribute.Byte != 0;
                    break;
                case IFLA_BR_VLAN_STATS_PER_PORT when attribute.IsBoolean:
                    VlanStatisticsPerPort = attribute.Byte != 0;
                    break;
                case IFLA_BR_GROUP_FWD_MASK when attribute.Value.Length == 2:
                    GroupForwardMask = attribute.UInt16;
                    break;
                case IFLA_BR_GROUP_ADDR when attribute.Value.Length <= 32:
                    GroupAddress = new HardwareAddress(attribute.Value);
                    break;
                case IFLA_BR_FDB_FLUSH when attribute.Value.IsEmpty:
                    Flush = true;
                    break;
                case IFLA_BR_FDB_MAX_LEARNED when attribute.Value.Length == 4:
                    MaximumLearned = attribute.UInt32;
                    break;
                case IFLA_BR_FDB_N_LEARNED when attribute.Value.Length == 4:
                    Learned = attribute.UInt32;
                    break;
                case IFLA_BR_MCAST_ROUTER when attribute.Value.Length == 1:
                    MulticastRouter = attribute.Byte;
                    break;
                case IFLA_BR_MCAST_SNOOPING when attribute.IsBoolean:
                    MulticastSnooping = attribute.Byte != 0;
                    break;
                case IFLA_BR_MCAST_QUERY_USE_IFADDR when attribute.IsBoolean:
                    MulticastQueryUsesAddress = attribute.Byte != 0;
                    break;
                case IFLA_BR_MCAST_QUERIER when attribute.IsBoolean:
                    MulticastQuerier = attribute.Byte != 0;
                    break;
                case IFLA_BR_MCAST_HASH_ELASTICITY when attribute.Value.Length == 4:
                    MulticastHashElasticity = attribute.UInt32;
                    break;
                case IFLA_BR_MCAST_HASH_MAX when attribute.Value.Length == 4:
                    MulticastHashMaximum = attribute.UInt32;
                    break;
                case IFLA_BR_MCAST_LAST_MEMBER_CNT when attribute.Value.Length == 4:
                    MulticastLastMemberCount = attribute.UInt32;
                    break;
                case IFLA_BR_MCAST_STARTUP_QUERY_CNT when attribute.Value.Length == 4:
                    MulticastStartupQueryCount = attribute.UInt32;
                    break;
                case IFLA_BR_MCAST_LAST_MEMBER_INTVL when attribute.Value.Length == 8:
                    MulticastLastMemberInterval = attribute.UInt64;
                    break;
                case IFLA_BR_MCAST_MEMBERSHIP_INTVL when attribute.Value.Length == 8:
                    MulticastMembershipInterval = attribute.UInt64;
                    break;
                case IFLA_BR_MCAST_QUERIER_INTVL when attribute.Value.Length == 8:
                    MulticastQuerierInterval = attribute.UInt64;
                    break;
                case IFLA_BR_MCAST_QUERY_INTVL when attribute.Value.Length == 8:
                    MulticastQueryInterval = attribute.UInt64;
                    break;
                case IFLA_BR_MCAST_QUERY_RESPONSE_INTVL when attribute.Value.Length == 8:
                    MulticastQueryResponseInterval = attribute.UInt64;
                    break;
                case IFLA_BR_MCAST_STARTUP_QUERY_INTVL when attribute.Value.Length == 8:
                    MulticastStartupQueryInterval = attribute.UInt64;
                    break;
                case IFLA_BR_MCAST_STATS_ENABLED when attribute.IsBoolean:
                    MulticastStatistics = attribute.Byte != 0;
                    break;
                case IFLA_BR_MCAST_IGMP_VERSION when attribute.Value.Length == 1:
                    IgmpVersion = attribute.Byte;
                    break;
                case IFLA_BR_MCAST_MLD_VERSION when attribute.Value.Length == 1:
                    MldVersion = attribute.Byte;
                    break;
                case IFLA_BR_NF_CALL_IPTABLES when attribute.IsBoolean:
                    CallIptables = attribute.Byte != 0;
                    break;
                case IFLA_BR_NF_CALL_IP6TABLES when attribute.IsBoolean:
                    CallIp6tables = attribute.Byte != 0;
                    break;
                case IFLA_BR_NF_CALL_ARPTABLES when attribute.IsBoolean:
                    CallArptables = attribute.Byte != 0;
                    break;
                case IFLA_BR_MULTI_BOOLOPT when BridgeBooleanOptions.TryRead(attribute, out BridgeBooleanOptions? booleanOptionsValue):
                    BooleanOptions = booleanOptionsValue;
                    break;
                case IFLA_BR_ROOT_ID when BridgeId.TryRead(attribute, out BridgeId? rootIdValue):
                    RootId = rootIdValue;
                    break;
                case IFLA_BR_BRIDGE_ID when BridgeId.TryRead(attribute, out BridgeId? bridgeIdValue):
                    BridgeId = bridgeIdValue;
                    break;
                case IFLA_BR_ROOT_PORT when attribute.Value.Length == 2:
                    RootPort = attribute.UInt16;
                    break;
                case IFLA_BR_ROOT_PATH_COST when attribute.Value.Length == 4:
                    RootPathCost = attribute.UInt32;
                    break;
                case IFLA_BR_TOPOLOGY_CHANGE when attribute.IsBoolean:
                    TopologyChange = attribute.Byte != 0;
                    break;
                case IFLA_BR_TOPOLOGY_CHANGE_DETECTED when attribute.IsBoolean:
                    TopologyChangeDetected = attribute.Byte != 0;
                    break;
                case IFLA_BR_HELLO_TIMER when attribute.Value.Length == 8:
                    HelloTimer = attribute.UInt64;
                    break;
                case IFLA_BR_TCN_TIMER when attribute.Value.Length == 8:
                    TopologyChangeNotificationTimer = attribute.UInt64;
                    break;
                case IFLA_BR_TOPOLOGY_CHANGE_TIMER when attribute.Value.Length == 8:
                    TopologyChangeTimer = attribute.UInt64;
                    break;
                case IFLA_BR_GC_TIMER when attribute.Value.Length == 8:
                    CleanupTimer = attribute.UInt64;
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

    /// <summary>Time in listening and in learning state (IFLA_BR_FORWARD_DELAY).</summary>
    public uint? ForwardDelay { get; init; }

    /// <summary>Time between hello messages of the spanning tree (IFLA_BR_HELLO_TIME).</summary>
    public uint? HelloTime { get; init; }

    /// <summary>Age at which spanning tree information is dropped (IFLA_BR_MAX_AGE).</summary>
    public uint? MaximumAge { get; init; }

    /// <summary>Age at which a learned address is dropped (IFLA_BR_AGEING_TIME).</summary>
    public uint? AgeingTime { get; init; }

    /// <summary>0 without spanning tree, 1 with the kernel's, 2 with that of user space (IFLA_BR_STP_STATE).</summary>
    public uint? SpanningTree { get; init; }

    /// <summary>Priority in the spanning tree, 0 to 65535 (IFLA_BR_PRIORITY).</summary>
    public ushort? Priority { get; init; }

    /// <summary>Ports are held to their VLANs (IFLA_BR_VLAN_FILTERING).</summary>
    public bool? VlanFiltering { get; init; }

    /// <summary>0x8100 for 802.1Q, 0x88a8 for 802.1ad (IFLA_BR_VLAN_PROTOCOL).</summary>
    public ushort? VlanProtocol { get; init; }

    /// <summary>VLAN of untagged frames on new ports; 0 for none (IFLA_BR_VLAN_DEFAULT_PVID).</summary>
    public ushort? DefaultPvid { get; init; }

    /// <summary>Counts per VLAN (IFLA_BR_VLAN_STATS_ENABLED).</summary>
    public bool? VlanStatistics { get; init; }

    /// <summary>Counts per VLAN and port (IFLA_BR_VLAN_STATS_PER_PORT).</summary>
    public bool? VlanStatisticsPerPort { get; init; }

    /// <summary>Which of the addresses 01:80:c2:00:00:0x are forwarded (IFLA_BR_GROUP_FWD_MASK).</summary>
    public ushort? GroupForwardMask { get; init; }

    /// <summary>Address spanning tree messages go to (IFLA_BR_GROUP_ADDR).</summary>
    public HardwareAddress? GroupAddress { get; init; }

    /// <summary>In requests: forget the learned addresses (IFLA_BR_FDB_FLUSH).</summary>
    public bool Flush { get; init; }

    /// <summary>How many addresses may be learned; 0 for no limit (IFLA_BR_FDB_MAX_LEARNED).</summary>
    public uint? MaximumLearned { get; init; }

    /// <summary>How many addresses are learned (IFLA_BR_FDB_N_LEARNED).</summary>
    public uint? Learned { get; init; }

    /// <summary>0 no router behind the bridge, 1 found out, 2 always (IFLA_BR_MCAST_ROUTER).</summary>
    public byte? MulticastRouter { get; init; }

    /// <summary>Multicast goes only where it was asked for (IFLA_BR_MCAST_SNOOPING).</summary>
    public bool? MulticastSnooping { get; init; }

    /// <summary>Queries carry the bridge's own address (IFLA_BR_MCAST_QUERY_USE_IFADDR).</summary>
    public bool? MulticastQueryUsesAddress { get; init; }

    /// <summary>The bridge sends queries (IFLA_BR_MCAST_QUERIER).</summary>
    public bool? MulticastQuerier { get; init; }

    /// <summary>Not used any more; 16 (IFLA_BR_MCAST_HASH_ELASTICITY).</summary>
    public uint? MulticastHashElasticity { get; init; }

    /// <summary>Greatest number of multicast groups (IFLA_BR_MCAST_HASH_MAX).</summary>
    public uint? MulticastHashMaximum { get; init; }

    /// <summary>Queries before a group is dropped (IFLA_BR_MCAST_LAST_MEMBER_CNT).</summary>
    public uint? MulticastLastMemberCount { get; init; }

    /// <summary>Queries at the start (IFLA_BR_MCAST_STARTUP_QUERY_CNT).</summary>
    public uint? MulticastStartupQueryCount { get; init; }

    /// <summary>Time between queries after a leave (IFLA_BR_MCAST_LAST_MEMBER_INTVL).</summary>
    public ulong? MulticastLastMemberInterval { get; init; }

    /// <summary>Time after which a group is dropped (IFLA_BR_MCAST_MEMBERSHIP_INTVL).</summary>
    public ulong? MulticastMembershipInterval { get; init; }

    /// <summary>Time after which another querier is given up (IFLA_BR_MCAST_QUERIER_INTVL).</summary>
    public ulong? MulticastQuerierInterval { get; init; }

    /// <summary>Time between queries (IFLA_BR_MCAST_QUERY_INTVL).</summary>
    public ulong? MulticastQueryInterval { get; init; }

    /// <summary>Greatest time until an answer (IFLA_BR_MCAST_QUERY_RESPONSE_INTVL).</summary>
    public ulong? MulticastQueryResponseInterval { get; init; }

    /// <summary>Time between queries at the start (IFLA_BR_MCAST_STARTUP_QUERY_INTVL).</summary>
    public ulong? MulticastStartupQueryInterval { get; init; }

    /// <summary>Counts multicast messages (IFLA_BR_MCAST_STATS_ENABLED).</summary>
    public bool? MulticastStatistics { get; init; }

    /// <summary>2 or 3 (IFLA_BR_MCAST_IGMP_VERSION).</summary>
    public byte? IgmpVersion { get; init; }

    /// <summary>1 or 2 (IFLA_BR_MCAST_MLD_VERSION).</summary>
    public byte? MldVersion { get; init; }

    /// <summary>IPv4 passes iptables (IFLA_BR_NF_CALL_IPTABLES).</summary>
    public bool? CallIptables { get; init; }

    /// <summary>IPv6 passes ip6tables (IFLA_BR_NF_CALL_IP6TABLES).</summary>
    public bool? CallIp6tables { get; init; }

    /// <summary>ARP passes arptables (IFLA_BR_NF_CALL_ARPTABLES).</summary>
    public bool? CallArptables { get; init; }

    /// <summary>Further switches (IFLA_BR_MULTI_BOOLOPT).</summary>
    public BridgeBooleanOptions? BooleanOptions { get; init; }

    /// <summary>The spanning tree's root (IFLA_BR_ROOT_ID).</summary>
    public BridgeId? RootId { get; init; }

    /// <summary>The bridge itself (IFLA_BR_BRIDGE_ID).</summary>
    public BridgeId? BridgeId { get; init; }

    /// <summary>Port towards the root (IFLA_BR_ROOT_PORT).</summary>
    public ushort? RootPort { get; init; }

    /// <summary>Cost of the path to the root (IFLA_BR_ROOT_PATH_COST).</summary>
    public uint? RootPathCost { get; init; }

    /// <summary>The topology changes (IFLA_BR_TOPOLOGY_CHANGE).</summary>
    public bool? TopologyChange { get; init; }

    /// <summary>The bridge has seen the topology change (IFLA_BR_TOPOLOGY_CHANGE_DETECTED).</summary>
    public bool? TopologyChangeDetected { get; init; }

    /// <summary>Time left (IFLA_BR_HELLO_TIMER).</summary>
    public ulong? HelloTimer { get; init; }

    /// <summary>Time left (IFLA_BR_TCN_TIMER).</summary>
    public ulong? TopologyChangeNotificationTimer { get; init; }

    /// <summary>Time left (IFLA_BR_TOPOLOGY_CHANGE_TIMER).</summary>
    public ulong? TopologyChangeTimer { get; init; }

    /// <summary>Time left until old addresses are dropped (IFLA_BR_GC_TIMER).</summary>
    public ulong? CleanupTimer { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_BR_FORWARD_DELAY:
                Write(ref writer, entry, ForwardDelay);
                break;
            case IFLA_BR_HELLO_TIME:
                Write(ref writer, entry, HelloTime);
                break;
            case IFLA_BR_MAX_AGE:
                Write(ref writer, entry, MaximumAge);
                break;
            case IFLA_BR_AGEING_TIME:
                Write(ref writer, entry, AgeingTime);
                break;
            case IFLA_BR_STP_STATE:
                Write(ref writer, entry, SpanningTree);
                break;
            case IFLA_BR_PRIORITY:
                Write(ref writer, entry, Priority);
                break;
            case IFLA_BR_VLAN_FILTERING:
                Write(ref writer, entry, VlanFiltering);
                break;
            case IFLA_BR_VLAN_PROTOCOL:
                WriteBigEndian(ref writer, entry, VlanProtocol);
                break;
            case IFLA_BR_VLAN_DEFAULT_PVID:
                Write(ref writer, entry, DefaultPvid);
                break;
            case IFLA_BR_VLAN_STATS_ENABLED:
                Write(ref writer, entry, VlanStatistics);
                break;
            case IFLA_BR_VLAN_STATS_PER_PORT:
                Write(ref writer, entry, VlanStatisticsPerPort);
                break;
            case IFLA_BR_GROUP_FWD_MASK:
                Write(ref writer, entry, GroupForwardMask);
                break;
            case IFLA_BR_GROUP_ADDR:
                Write(ref writer, entry, GroupAddress);
                break;
            case IFLA_BR_FDB_FLUSH:
                WriteFlag(ref writer, entry, Flush);
                break;
            case IFLA_BR_FDB_MAX_LEARNED:
                Write(ref writer, entry, MaximumLearned);
                break;
            case IFLA_BR_FDB_N_LEARNED:
                Write(ref writer, entry, Learned);
                break;
            case IFLA_BR_MCAST_ROUTER:
                Write(ref writer, entry, MulticastRouter);
                break;
            case IFLA_BR_MCAST_SNOOPING:
                Write(ref writer, entry, MulticastSnooping);
                break;
            case IFLA_BR_MCAST_QUERY_USE_IFADDR:
                Write(ref writer, entry, MulticastQueryUsesAddress);
                break;
            case IFLA_BR_MCAST_QUERIER:
                Write(ref writer, entry, MulticastQuerier);
                break;
            case IFLA_BR_MCAST_HASH_ELASTICITY:
                Write(ref writer, entry, MulticastHashElasticity);
                break;
            case IFLA_BR_MCAST_HASH_MAX:
                Write(ref writer, entry, MulticastHashMaximum);
                break;
            case IFLA_BR_MCAST_LAST_MEMBER_CNT:
                Write(ref writer, entry, MulticastLastMemberCount);
                break;
            case IFLA_BR_MCAST_STARTUP_QUERY_CNT:
                Write(ref writer, entry, MulticastStartupQueryCount);
                break;
            case IFLA_BR_MCAST_LAST_MEMBER_INTVL:
                Write(ref writer, entry, MulticastLastMemberInterval);
                break;
            case IFLA_BR_MCAST_MEMBERSHIP_INTVL:
                Write(ref writer, entry, MulticastMembershipInterval);
                break;
            case IFLA_BR_MCAST_QUERIER_INTVL:
                Write(ref writer, entry, MulticastQuerierInterval);
                break;
            case IFLA_BR_MCAST_QUERY_INTVL:
                Write(ref writer, entry, MulticastQueryInterval);
                break;
            case IFLA_BR_MCAST_QUERY_RESPONSE_INTVL:
                Write(ref writer, entry, MulticastQueryResponseInterval);
                break;
            case IFLA_BR_MCAST_STARTUP_QUERY_INTVL:
                Write(ref writer, entry, MulticastStartupQueryInterval);
                break;
            case IFLA_BR_MCAST_STATS_ENABLED:
                Write(ref writer, entry, MulticastStatistics);
                break;
            case IFLA_BR_MCAST_IGMP_VERSION:
                Write(ref writer, entry, IgmpVersion);
                break;
            case IFLA_BR_MCAST_MLD_VERSION:
                Write(ref writer, entry, MldVersion);
                break;
            case IFLA_BR_NF_CALL_IPTABLES:
                Write(ref writer, entry, CallIptables);
                break;
            case IFLA_BR_NF_CALL_IP6TABLES:
                Write(ref writer, entry, CallIp6tables);
                break;
            case IFLA_BR_NF_CALL_ARPTABLES:
                Write(ref writer, entry, CallArptables);
                break;
            case IFLA_BR_MULTI_BOOLOPT:
                BooleanOptions?.Write(ref writer, entry);
                break;
            case IFLA_BR_ROOT_ID:
                RootId?.Write(ref writer, entry);
                break;
            case IFLA_BR_BRIDGE_ID:
                BridgeId?.Write(ref writer, entry);
                break;
            case IFLA_BR_ROOT_PORT:
                Write(ref writer, entry, RootPort);
                break;
            case IFLA_BR_ROOT_PATH_COST:
                Write(ref writer, entry, RootPathCost);
                break;
            case IFLA_BR_TOPOLOGY_CHANGE:
                Write(ref writer, entry, TopologyChange);
                break;
            case IFLA_BR_TOPOLOGY_CHANGE_DETECTED:
                Write(ref writer, entry, TopologyChangeDetected);
                break;
            case IFLA_BR_HELLO_TIMER:
                Write(ref writer, entry, HelloTimer);
                break;
            case IFLA_BR_TCN_TIMER:
                Write(ref writer, entry, TopologyChangeNotificationTimer);
                break;
            case IFLA_BR_TOPOLOGY_CHANGE_TIMER:
                Write(ref writer, entry, TopologyChangeTimer);
                break;
            case IFLA_BR_GC_TIMER:
                Write(ref writer, entry, CleanupTimer);
                break;
        }
    }
}
