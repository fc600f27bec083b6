using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.TrafficConstants;

namespace EucaNet.Netlink.Route;

/// <summary>The names and forms of the attributes of traffic control. A kind's own options are told by number.</summary>
internal static class TrafficTables
{
    public static readonly AttributeTable Statistics = new(
        "TrafficStatistics",
        new AttributeDefinition(TCA_STATS_BASIC, nameof(TCA_STATS_BASIC)),
        new AttributeDefinition(TCA_STATS_RATE_EST, nameof(TCA_STATS_RATE_EST)),
        new AttributeDefinition(TCA_STATS_QUEUE, nameof(TCA_STATS_QUEUE)),
        new AttributeDefinition(TCA_STATS_APP, nameof(TCA_STATS_APP)),
        new AttributeDefinition(TCA_STATS_RATE_EST64, nameof(TCA_STATS_RATE_EST64)),
        new AttributeDefinition(TCA_STATS_BASIC_HW, nameof(TCA_STATS_BASIC_HW)),
        new AttributeDefinition(TCA_STATS_PKT64, nameof(TCA_STATS_PKT64), AttributeFormat.UInt64));

    public static readonly AttributeTable Traffic = new(
        "Traffic",
        new AttributeDefinition(TCA_KIND, nameof(TCA_KIND), AttributeFormat.String),
        new AttributeDefinition(TCA_OPTIONS, nameof(TCA_OPTIONS)),
        new AttributeDefinition(TCA_STATS, nameof(TCA_STATS)),
        new AttributeDefinition(TCA_XSTATS, nameof(TCA_XSTATS)),
        new AttributeDefinition(TCA_RATE, nameof(TCA_RATE)),
        new AttributeDefinition(TCA_FCNT, nameof(TCA_FCNT), AttributeFormat.UInt32),
        new AttributeDefinition(TCA_STATS2, nameof(TCA_STATS2), AttributeFormat.Nested, Statistics),
        new AttributeDefinition(TCA_STAB, nameof(TCA_STAB), AttributeFormat.Nested),
        new AttributeDefinition(TCA_DUMP_INVISIBLE, nameof(TCA_DUMP_INVISIBLE), AttributeFormat.Flag),
        new AttributeDefinition(TCA_CHAIN, nameof(TCA_CHAIN), AttributeFormat.UInt32),
        new AttributeDefinition(TCA_HW_OFFLOAD, nameof(TCA_HW_OFFLOAD), AttributeFormat.UInt8),
        new AttributeDefinition(TCA_INGRESS_BLOCK, nameof(TCA_INGRESS_BLOCK), AttributeFormat.UInt32),
        new AttributeDefinition(TCA_EGRESS_BLOCK, nameof(TCA_EGRESS_BLOCK), AttributeFormat.UInt32),
        new AttributeDefinition(TCA_DUMP_FLAGS, nameof(TCA_DUMP_FLAGS)),
        new AttributeDefinition(TCA_EXT_WARN_MSG, nameof(TCA_EXT_WARN_MSG), AttributeFormat.String));

    public static readonly AttributeTable Actions = new(
        "Actions",
        new AttributeDefinition(TCA_ROOT_TAB, nameof(TCA_ROOT_TAB), AttributeFormat.Nested),
        new AttributeDefinition(TCA_ROOT_FLAGS, nameof(TCA_ROOT_FLAGS), AttributeFormat.Binary),
        new AttributeDefinition(TCA_ROOT_COUNT, nameof(TCA_ROOT_COUNT), AttributeFormat.UInt32),
        new AttributeDefinition(TCA_ROOT_TIME_DELTA, nameof(TCA_ROOT_TIME_DELTA), AttributeFormat.UInt32),
        new AttributeDefinition(TCA_ROOT_EXT_WARN_MSG, nameof(TCA_ROOT_EXT_WARN_MSG), AttributeFormat.String));
}
