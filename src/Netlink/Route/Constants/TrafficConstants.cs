namespace EucaNet.Netlink.Route;

/// <summary>Names and numbers of traffic control (linux/rtnetlink.h, pkt_sched.h, gen_stats.h). They keep the kernel's names.</summary>
public static class TrafficConstants
{
#pragma warning disable CS1591 // the kernel's own names say it
    public const ushort TCA_KIND = 1;
    public const ushort TCA_OPTIONS = 2;
    public const ushort TCA_STATS = 3;
    public const ushort TCA_XSTATS = 4;
    public const ushort TCA_RATE = 5;
    public const ushort TCA_FCNT = 6;
    public const ushort TCA_STATS2 = 7;
    public const ushort TCA_STAB = 8;
    public const ushort TCA_PAD = 9;
    public const ushort TCA_DUMP_INVISIBLE = 10;
    public const ushort TCA_CHAIN = 11;
    public const ushort TCA_HW_OFFLOAD = 12;
    public const ushort TCA_INGRESS_BLOCK = 13;
    public const ushort TCA_EGRESS_BLOCK = 14;
    public const ushort TCA_DUMP_FLAGS = 15;
    public const ushort TCA_EXT_WARN_MSG = 16;
    public const ushort TCA_STATS_BASIC = 1;
    public const ushort TCA_STATS_RATE_EST = 2;
    public const ushort TCA_STATS_QUEUE = 3;
    public const ushort TCA_STATS_APP = 4;
    public const ushort TCA_STATS_RATE_EST64 = 5;
    public const ushort TCA_STATS_PAD = 6;
    public const ushort TCA_STATS_BASIC_HW = 7;
    public const ushort TCA_STATS_PKT64 = 8;
    public const ushort TCA_ROOT_TAB = 1;
    public const ushort TCA_ROOT_FLAGS = 2;
    public const ushort TCA_ROOT_COUNT = 3;
    public const ushort TCA_ROOT_TIME_DELTA = 4;
    public const ushort TCA_ROOT_EXT_WARN_MSG = 5;
    public const uint TC_H_ROOT = 0xffff_ffff;
    public const uint TC_H_INGRESS = 0xffff_fff1;
    public const uint TC_H_CLSACT = TC_H_INGRESS;
#pragma warning restore CS1591
}
