namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>Constants of traffic control, by the kernel's names (linux/rtnetlink.h, linux/pkt_sched.h, linux/pkt_cls.h).</summary>
internal static class TrafficConstants
{
    public const ushort RTM_NEWQDISC = 36;
    public const ushort RTM_DELQDISC = 37;
    public const ushort RTM_GETQDISC = 38;
    public const ushort RTM_NEWTCLASS = 40;
    public const ushort RTM_DELTCLASS = 41;
    public const ushort RTM_GETTCLASS = 42;
    public const ushort RTM_NEWTFILTER = 44;
    public const ushort RTM_DELTFILTER = 45;
    public const ushort RTM_GETTFILTER = 46;
    public const uint RTNLGRP_TC = 4;

    public const uint TC_H_ROOT = 0xffffffff;
    public const uint TC_H_INGRESS = 0xfffffff1;
    public const uint TC_H_MIN_INGRESS = 0xfff2;
    public const uint TC_H_MIN_EGRESS = 0xfff3;

    public const ushort TCA_KIND = 1;
    public const ushort TCA_OPTIONS = 2;
    public const ushort TCA_STATS = 3;
    public const ushort TCA_XSTATS = 4;
    public const ushort TCA_STATS2 = 7;
    public const ushort TCA_CHAIN = 11;
    public const ushort TCA_HW_OFFLOAD = 12;

    public const int TC_ACT_UNSPEC = -1;
    public const int TC_ACT_OK = 0;
    public const int TC_ACT_RECLASSIFY = 1;
    public const int TC_ACT_SHOT = 2;
    public const int TC_ACT_PIPE = 3;
    public const int TC_ACT_STOLEN = 4;
    public const int TC_ACT_QUEUED = 5;
    public const int TC_ACT_REPEAT = 6;
    public const int TC_ACT_TRAP = 8;

    /// <summary>Above these bits of a verdict stands TC_ACT_JUMP or TC_ACT_GOTO_CHAIN, below them where to.</summary>
    public const int ExtendedShift = 28;
    public const int TC_ACT_JUMP = 1;
    public const int TC_ACT_GOTO_CHAIN = 2;

    public const uint TCA_EGRESS_REDIR = 1;
    public const uint TCA_EGRESS_MIRROR = 2;
    public const uint TCA_INGRESS_REDIR = 3;
    public const uint TCA_INGRESS_MIRROR = 4;

    /// <summary>ETH_P_ALL.</summary>
    public const ushort EthernetAll = 3;

    public const uint TCA_CLS_FLAGS_SKIP_HW = 1;
    public const uint TCA_CLS_FLAGS_SKIP_SW = 2;
    public const uint TCA_CLS_FLAGS_NOT_IN_HW = 8;

    /// <summary>The qdisc's part of a handle.</summary>
    public static uint Major(uint handle) => handle & 0xffff0000;

    /// <summary>The class's part of a handle.</summary>
    public static uint Minor(uint handle) => handle & 0xffff;
}
