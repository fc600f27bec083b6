namespace EucaNet.Netlink.Route;

/// <summary>Names and numbers of neighbours, their tables and forwarding entries (linux/neighbour.h). They keep the kernel's names.</summary>
public static class NeighbourConstants
{
#pragma warning disable CS1591 // the kernel's own names say it
    public const ushort NDA_DST = 1;
    public const ushort NDA_LLADDR = 2;
    public const ushort NDA_CACHEINFO = 3;
    public const ushort NDA_PROBES = 4;
    public const ushort NDA_VLAN = 5;
    public const ushort NDA_PORT = 6;
    public const ushort NDA_VNI = 7;
    public const ushort NDA_IFINDEX = 8;
    public const ushort NDA_MASTER = 9;
    public const ushort NDA_LINK_NETNSID = 10;
    public const ushort NDA_SRC_VNI = 11;
    public const ushort NDA_PROTOCOL = 12;
    public const ushort NDA_NH_ID = 13;
    public const ushort NDA_FDB_EXT_ATTRS = 14;
    public const ushort NDA_FLAGS_EXT = 15;
    public const ushort NDA_NDM_STATE_MASK = 16;
    public const ushort NDA_NDM_FLAGS_MASK = 17;
    public const ushort NDTA_NAME = 1;
    public const ushort NDTA_CONFIG = 5;
    public const ushort NDTPA_IFINDEX = 1;
    public const ushort NDTA_GC_INTERVAL = 8;
    public const ushort NDTA_PARMS = 6;
    public const ushort NDTPA_REFCNT = 2;
    public const ushort NDTPA_REACHABLE_TIME = 3;
    public const ushort NDTPA_BASE_REACHABLE_TIME = 4;
    public const ushort NDTPA_RETRANS_TIME = 5;
    public const ushort NDTPA_GC_STALETIME = 6;
    public const ushort NDTPA_DELAY_PROBE_TIME = 7;
    public const ushort NDTPA_QUEUE_LEN = 8;
    public const ushort NDTPA_APP_PROBES = 9;
    public const ushort NDTPA_UCAST_PROBES = 10;
    public const ushort NDTPA_MCAST_PROBES = 11;
    public const ushort NDTPA_ANYCAST_DELAY = 12;
    public const ushort NDTPA_PROXY_DELAY = 13;
    public const ushort NDTPA_PROXY_QLEN = 14;
    public const ushort NDTPA_LOCKTIME = 15;
    public const ushort NDTPA_QUEUE_LENBYTES = 16;
    public const ushort NDTPA_MCAST_REPROBES = 17;
    public const ushort NDTPA_PAD = 18;
    public const ushort NDTPA_INTERVAL_PROBE_TIME_MS = 19;
    public const ushort NDTA_THRESH1 = 2;
    public const ushort NDTA_THRESH2 = 3;
    public const ushort NDTA_THRESH3 = 4;
    public const ushort NDTA_STATS = 7;
    public const ushort NDTA_PAD = 9;

    public const ushort NUD_INCOMPLETE = 0x1;
    public const ushort NUD_REACHABLE = 0x2;
    public const ushort NUD_STALE = 0x4;
    public const ushort NUD_DELAY = 0x8;
    public const ushort NUD_PROBE = 0x10;
    public const ushort NUD_FAILED = 0x20;
    public const ushort NUD_NOARP = 0x40;
    public const ushort NUD_PERMANENT = 0x80;
    public const ushort NUD_NONE = 0x0;

    public const byte NTF_USE = 0x1;
    public const byte NTF_SELF = 0x2;
    public const byte NTF_MASTER = 0x4;
    public const byte NTF_PROXY = 0x8;
    public const byte NTF_OFFLOADED = 0x20;
    public const byte NTF_STICKY = 0x40;
    public const byte NTF_ROUTER = 0x80;

    public const uint NTF_EXT_LEARNED = 0x10;
    public const uint NTF_EXT_MANAGED = 0x1;

    public const ushort NFEA_ACTIVITY_NOTIFY = 1;
    public const ushort NFEA_DONT_REFRESH = 2;
#pragma warning restore CS1591
}
