using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.NextHopConstants;

namespace EucaNet.Netlink.Route;

/// <summary>The names and forms of the attributes of next hop objects.</summary>
internal static class NextHopTables
{
    public static readonly AttributeTable Resilience = new(
        "ResilientGroup",
        new AttributeDefinition(NHA_RES_GROUP_BUCKETS, nameof(NHA_RES_GROUP_BUCKETS), AttributeFormat.UInt16),
        new AttributeDefinition(NHA_RES_GROUP_IDLE_TIMER, nameof(NHA_RES_GROUP_IDLE_TIMER), AttributeFormat.UInt32),
        new AttributeDefinition(NHA_RES_GROUP_UNBALANCED_TIMER, nameof(NHA_RES_GROUP_UNBALANCED_TIMER), AttributeFormat.UInt32),
        new AttributeDefinition(NHA_RES_GROUP_UNBALANCED_TIME, nameof(NHA_RES_GROUP_UNBALANCED_TIME), AttributeFormat.UInt64));

    public static readonly AttributeTable NextHop = new(
        "NextHop",
        new AttributeDefinition(NHA_ID, nameof(NHA_ID), AttributeFormat.UInt32),
        new AttributeDefinition(NHA_GROUP, nameof(NHA_GROUP)),
        new AttributeDefinition(NHA_GROUP_TYPE, nameof(NHA_GROUP_TYPE), AttributeFormat.UInt16),
        new AttributeDefinition(NHA_BLACKHOLE, nameof(NHA_BLACKHOLE), AttributeFormat.Flag),
        new AttributeDefinition(NHA_OIF, nameof(NHA_OIF), AttributeFormat.Int32),
        new AttributeDefinition(NHA_GATEWAY, nameof(NHA_GATEWAY), AttributeFormat.IpAddress),
        new AttributeDefinition(NHA_ENCAP_TYPE, nameof(NHA_ENCAP_TYPE), AttributeFormat.UInt16),
        new AttributeDefinition(NHA_ENCAP, nameof(NHA_ENCAP)),
        new AttributeDefinition(NHA_GROUPS, nameof(NHA_GROUPS), AttributeFormat.Flag),
        new AttributeDefinition(NHA_MASTER, nameof(NHA_MASTER), AttributeFormat.Int32),
        new AttributeDefinition(NHA_FDB, nameof(NHA_FDB), AttributeFormat.Flag),
        new AttributeDefinition(NHA_RES_GROUP, nameof(NHA_RES_GROUP), AttributeFormat.Nested, Resilience),
        new AttributeDefinition(NHA_RES_BUCKET, nameof(NHA_RES_BUCKET)),
        new AttributeDefinition(NHA_OP_FLAGS, nameof(NHA_OP_FLAGS), AttributeFormat.UInt32),
        new AttributeDefinition(NHA_GROUP_STATS, nameof(NHA_GROUP_STATS)),
        new AttributeDefinition(NHA_HW_STATS_ENABLE, nameof(NHA_HW_STATS_ENABLE), AttributeFormat.UInt32),
        new AttributeDefinition(NHA_HW_STATS_USED, nameof(NHA_HW_STATS_USED), AttributeFormat.UInt32));
}
