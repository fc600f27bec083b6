namespace EucaNet.Netlink.Route;

/// <summary>Names and numbers of routing rules (linux/fib_rules.h). They keep the kernel's names.</summary>
public static class RuleConstants
{
#pragma warning disable CS1591 // the kernel's own names say it
    public const ushort FRA_DST = 1;
    public const ushort FRA_SRC = 2;
    public const ushort FRA_IIFNAME = 3;
    public const ushort FRA_IFNAME = 3;
    public const ushort FRA_GOTO = 4;
    public const ushort FRA_UNUSED2 = 5;
    public const ushort FRA_PRIORITY = 6;
    public const ushort FRA_UNUSED3 = 7;
    public const ushort FRA_UNUSED4 = 8;
    public const ushort FRA_UNUSED5 = 9;
    public const ushort FRA_FWMARK = 10;
    public const ushort FRA_FLOW = 11;
    public const ushort FRA_TUN_ID = 12;
    public const ushort FRA_SUPPRESS_IFGROUP = 13;
    public const ushort FRA_SUPPRESS_PREFIXLEN = 14;
    public const ushort FRA_TABLE = 15;
    public const ushort FRA_FWMASK = 16;
    public const ushort FRA_OIFNAME = 17;
    public const ushort FRA_PAD = 18;
    public const ushort FRA_L3MDEV = 19;
    public const ushort FRA_UID_RANGE = 20;
    public const ushort FRA_PROTOCOL = 21;
    public const ushort FRA_IP_PROTO = 22;
    public const ushort FRA_SPORT_RANGE = 23;
    public const ushort FRA_DPORT_RANGE = 24;
    public const ushort FRA_DSCP = 25;

    public const byte FR_ACT_GOTO = 2;
    public const byte FR_ACT_TO_TBL = 1;
    public const byte FR_ACT_NOP = 3;
    public const byte FR_ACT_RES3 = 4;
    public const byte FR_ACT_RES4 = 5;
    public const byte FR_ACT_BLACKHOLE = 6;
    public const byte FR_ACT_UNREACHABLE = 7;
    public const byte FR_ACT_PROHIBIT = 8;

    public const uint FIB_RULE_PERMANENT = 0x1;
    public const uint FIB_RULE_INVERT = 0x2;
    public const uint FIB_RULE_UNRESOLVED = 0x4;
    public const uint FIB_RULE_IIF_DETACHED = 0x8;
    public const uint FIB_RULE_DEV_DETACHED = 0x8;
    public const uint FIB_RULE_OIF_DETACHED = 0x10;
    public const uint FIB_RULE_FIND_SADDR = 0x10000;
#pragma warning restore CS1591
}
