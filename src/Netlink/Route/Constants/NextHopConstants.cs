namespace EucaNet.Netlink.Route;

/// <summary>Names and numbers of next hop objects (linux/nexthop.h). They keep the kernel's names.</summary>
public static class NextHopConstants
{
#pragma warning disable CS1591 // the kernel's own names say it
    public const ushort NHA_ID = 1;
    public const ushort NHA_GROUP = 2;
    public const ushort NHA_GROUP_TYPE = 3;
    public const ushort NHA_BLACKHOLE = 4;
    public const ushort NHA_OIF = 5;
    public const ushort NHA_GATEWAY = 6;
    public const ushort NHA_ENCAP_TYPE = 7;
    public const ushort NHA_ENCAP = 8;
    public const ushort NHA_GROUPS = 9;
    public const ushort NHA_MASTER = 10;
    public const ushort NHA_FDB = 11;
    public const ushort NHA_RES_GROUP = 12;
    public const ushort NHA_RES_BUCKET = 13;
    public const ushort NHA_OP_FLAGS = 14;
    public const ushort NHA_GROUP_STATS = 15;
    public const ushort NHA_HW_STATS_ENABLE = 16;
    public const ushort NHA_HW_STATS_USED = 17;
    public const ushort NHA_RES_GROUP_BUCKETS = 1;
    public const ushort NHA_RES_GROUP_IDLE_TIMER = 2;
    public const ushort NHA_RES_GROUP_UNBALANCED_TIMER = 3;
    public const ushort NHA_RES_GROUP_UNBALANCED_TIME = 4;
    public const ushort NEXTHOP_GRP_TYPE_MPATH = 0;
    public const ushort NEXTHOP_GRP_TYPE_RES = 1;
#pragma warning restore CS1591
}
