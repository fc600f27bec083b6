using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.BridgeConstants;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>The names and forms of the attributes of bridge VLANs and of link statistics.</summary>
internal static class BridgeVlanTables
{
    public static readonly AttributeTable Tunnel = new(
        "BridgeVlanTunnel",
        new AttributeDefinition(BRIDGE_VLANDB_TINFO_ID, nameof(BRIDGE_VLANDB_TINFO_ID), AttributeFormat.UInt32),
        new AttributeDefinition(BRIDGE_VLANDB_TINFO_CMD, nameof(BRIDGE_VLANDB_TINFO_CMD), AttributeFormat.UInt32));

    public static readonly AttributeTable Traffic = new(
        "BridgeVlanTraffic",
        new AttributeDefinition(BRIDGE_VLANDB_STATS_RX_BYTES, nameof(BRIDGE_VLANDB_STATS_RX_BYTES), AttributeFormat.UInt64),
        new AttributeDefinition(BRIDGE_VLANDB_STATS_RX_PACKETS, nameof(BRIDGE_VLANDB_STATS_RX_PACKETS), AttributeFormat.UInt64),
        new AttributeDefinition(BRIDGE_VLANDB_STATS_TX_BYTES, nameof(BRIDGE_VLANDB_STATS_TX_BYTES), AttributeFormat.UInt64),
        new AttributeDefinition(BRIDGE_VLANDB_STATS_TX_PACKETS, nameof(BRIDGE_VLANDB_STATS_TX_PACKETS), AttributeFormat.UInt64));

    public static readonly AttributeTable Entry = new(
        "BridgeVlanEntry",
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY_INFO, nameof(BRIDGE_VLANDB_ENTRY_INFO)),
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY_RANGE, nameof(BRIDGE_VLANDB_ENTRY_RANGE), AttributeFormat.UInt16),
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY_STATE, nameof(BRIDGE_VLANDB_ENTRY_STATE), AttributeFormat.UInt8),
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY_MCAST_ROUTER, nameof(BRIDGE_VLANDB_ENTRY_MCAST_ROUTER), AttributeFormat.UInt8),
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY_MCAST_N_GROUPS, nameof(BRIDGE_VLANDB_ENTRY_MCAST_N_GROUPS), AttributeFormat.UInt32),
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY_MCAST_MAX_GROUPS, nameof(BRIDGE_VLANDB_ENTRY_MCAST_MAX_GROUPS), AttributeFormat.UInt32),
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS, nameof(BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS), AttributeFormat.UInt8),
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY_TUNNEL_INFO, nameof(BRIDGE_VLANDB_ENTRY_TUNNEL_INFO), AttributeFormat.Nested, Tunnel),
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY_STATS, nameof(BRIDGE_VLANDB_ENTRY_STATS), AttributeFormat.Nested, Traffic));

    public static readonly AttributeTable GlobalOptions = new(
        "BridgeVlanGlobalOptions",
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_ID, nameof(BRIDGE_VLANDB_GOPTS_ID), AttributeFormat.UInt16),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_RANGE, nameof(BRIDGE_VLANDB_GOPTS_RANGE), AttributeFormat.UInt16),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_SNOOPING, nameof(BRIDGE_VLANDB_GOPTS_MCAST_SNOOPING), AttributeFormat.UInt8),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_IGMP_VERSION, nameof(BRIDGE_VLANDB_GOPTS_MCAST_IGMP_VERSION), AttributeFormat.UInt8),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_MLD_VERSION, nameof(BRIDGE_VLANDB_GOPTS_MCAST_MLD_VERSION), AttributeFormat.UInt8),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_CNT, nameof(BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_CNT), AttributeFormat.UInt32),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_CNT, nameof(BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_CNT), AttributeFormat.UInt32),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_INTVL, nameof(BRIDGE_VLANDB_GOPTS_MCAST_LAST_MEMBER_INTVL), AttributeFormat.UInt64),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_MEMBERSHIP_INTVL, nameof(BRIDGE_VLANDB_GOPTS_MCAST_MEMBERSHIP_INTVL), AttributeFormat.UInt64),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_INTVL, nameof(BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_INTVL), AttributeFormat.UInt64),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL, nameof(BRIDGE_VLANDB_GOPTS_MCAST_QUERY_INTVL), AttributeFormat.UInt64),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_QUERY_RESPONSE_INTVL, nameof(BRIDGE_VLANDB_GOPTS_MCAST_QUERY_RESPONSE_INTVL), AttributeFormat.UInt64),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_INTVL, nameof(BRIDGE_VLANDB_GOPTS_MCAST_STARTUP_QUERY_INTVL), AttributeFormat.UInt64),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_QUERIER, nameof(BRIDGE_VLANDB_GOPTS_MCAST_QUERIER), AttributeFormat.UInt8),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_ROUTER_PORTS, nameof(BRIDGE_VLANDB_GOPTS_MCAST_ROUTER_PORTS), AttributeFormat.Nested),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_STATE, nameof(BRIDGE_VLANDB_GOPTS_MCAST_QUERIER_STATE), AttributeFormat.Nested),
        new AttributeDefinition(BRIDGE_VLANDB_GOPTS_MSTI, nameof(BRIDGE_VLANDB_GOPTS_MSTI), AttributeFormat.UInt16));

    public static readonly AttributeTable Settings = new(
        "BridgeVlanSettings",
        new AttributeDefinition(BRIDGE_VLANDB_ENTRY, nameof(BRIDGE_VLANDB_ENTRY), AttributeFormat.Nested, Entry),
        new AttributeDefinition(BRIDGE_VLANDB_GLOBAL_OPTIONS, nameof(BRIDGE_VLANDB_GLOBAL_OPTIONS), AttributeFormat.Nested, GlobalOptions));

    public static readonly AttributeTable Statistics = new(
        "LinkStatistics",
        new AttributeDefinition(IFLA_STATS_LINK_64, nameof(IFLA_STATS_LINK_64)),
        new AttributeDefinition(IFLA_STATS_LINK_XSTATS, nameof(IFLA_STATS_LINK_XSTATS), AttributeFormat.Nested),
        new AttributeDefinition(IFLA_STATS_LINK_XSTATS_SLAVE, nameof(IFLA_STATS_LINK_XSTATS_SLAVE), AttributeFormat.Nested),
        new AttributeDefinition(IFLA_STATS_LINK_OFFLOAD_XSTATS, nameof(IFLA_STATS_LINK_OFFLOAD_XSTATS), AttributeFormat.Nested),
        new AttributeDefinition(IFLA_STATS_AF_SPEC, nameof(IFLA_STATS_AF_SPEC), AttributeFormat.Nested));
}
