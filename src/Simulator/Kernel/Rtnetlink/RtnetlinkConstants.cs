namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Numbers of rtnetlink by the kernel's names (linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h, if_bridge.h, fib_rules.h, netconf.h).</summary>
internal static class RtnetlinkConstants
{
    public const byte AF_UNSPEC = 0;
    public const byte AF_INET = 2;
    public const byte AF_BRIDGE = 7;
    public const byte AF_INET6 = 10;
    public const byte RTNL_FAMILY_IPMR = 128;
    public const byte RTNL_FAMILY_IP6MR = 129;

    public const ushort RTM_BASE = 16;
    public const ushort RTM_NEWLINK = 16;
    public const ushort RTM_DELLINK = 17;
    public const ushort RTM_GETLINK = 18;
    public const ushort RTM_SETLINK = 19;
    public const ushort RTM_NEWADDR = 20;
    public const ushort RTM_DELADDR = 21;
    public const ushort RTM_GETADDR = 22;
    public const ushort RTM_NEWROUTE = 24;
    public const ushort RTM_DELROUTE = 25;
    public const ushort RTM_GETROUTE = 26;
    public const ushort RTM_NEWNEIGH = 28;
    public const ushort RTM_DELNEIGH = 29;
    public const ushort RTM_GETNEIGH = 30;
    public const ushort RTM_NEWRULE = 32;
    public const ushort RTM_DELRULE = 33;
    public const ushort RTM_GETRULE = 34;
    public const ushort RTM_NEWNEIGHTBL = 64;
    public const ushort RTM_GETNEIGHTBL = 66;
    public const ushort RTM_SETNEIGHTBL = 67;
    public const ushort RTM_NEWNETCONF = 80;
    public const ushort RTM_DELNETCONF = 81;
    public const ushort RTM_GETNETCONF = 82;
    public const ushort RTM_NEWMDB = 84;
    public const ushort RTM_DELMDB = 85;
    public const ushort RTM_GETMDB = 86;
    public const ushort RTM_NEWSTATS = 92;
    public const ushort RTM_GETSTATS = 94;
    public const ushort RTM_NEWLINKPROP = 108;
    public const ushort RTM_DELLINKPROP = 109;
    public const ushort RTM_MAX = 123;

    public const uint RTNLGRP_LINK = 1;
    public const uint RTNLGRP_NEIGH = 3;
    public const uint RTNLGRP_MDB = 26;
    public const uint RTNLGRP_IPV4_IFADDR = 5;
    public const uint RTNLGRP_IPV4_ROUTE = 7;
    public const uint RTNLGRP_IPV4_RULE = 8;
    public const uint RTNLGRP_IPV6_IFADDR = 9;
    public const uint RTNLGRP_IPV6_ROUTE = 11;
    public const uint RTNLGRP_IPV6_IFINFO = 12;
    public const uint RTNLGRP_IPV6_RULE = 19;
    public const uint RTNLGRP_IPV4_NETCONF = 24;
    public const uint RTNLGRP_IPV6_NETCONF = 25;
    public const uint RTNLGRP_MAX = 38;

    public const ushort IFLA_ADDRESS = 1;
    public const ushort IFLA_BROADCAST = 2;
    public const ushort IFLA_IFNAME = 3;
    public const ushort IFLA_MTU = 4;
    public const ushort IFLA_LINK = 5;
    public const ushort IFLA_QDISC = 6;
    public const ushort IFLA_STATS = 7;
    public const ushort IFLA_MASTER = 10;
    public const ushort IFLA_PROTINFO = 12;
    public const ushort IFLA_TXQLEN = 13;
    public const ushort IFLA_MAP = 14;
    public const ushort IFLA_OPERSTATE = 16;
    public const ushort IFLA_LINKMODE = 17;
    public const ushort IFLA_LINKINFO = 18;
    public const ushort IFLA_NET_NS_PID = 19;
    public const ushort IFLA_IFALIAS = 20;
    public const ushort IFLA_STATS64 = 23;
    public const ushort IFLA_AF_SPEC = 26;
    public const ushort IFLA_GROUP = 27;
    public const ushort IFLA_NET_NS_FD = 28;
    public const ushort IFLA_EXT_MASK = 29;
    public const ushort IFLA_PROMISCUITY = 30;
    public const ushort IFLA_NUM_TX_QUEUES = 31;
    public const ushort IFLA_NUM_RX_QUEUES = 32;
    public const ushort IFLA_CARRIER = 33;
    public const ushort IFLA_CARRIER_CHANGES = 35;
    public const ushort IFLA_LINK_NETNSID = 37;
    public const ushort IFLA_PROTO_DOWN = 39;
    public const ushort IFLA_VFINFO_LIST = 22;
    public const ushort IFLA_VF_PORTS = 24;
    public const ushort IFLA_PORT_SELF = 25;
    public const ushort IFLA_GSO_MAX_SEGS = 40;
    public const ushort IFLA_GSO_MAX_SIZE = 41;
    public const ushort IFLA_XDP = 43;
    public const ushort IFLA_EVENT = 44;
    public const ushort IFLA_NEW_NETNSID = 45;
    public const ushort IFLA_TARGET_NETNSID = 46;
    public const ushort IFLA_CARRIER_UP_COUNT = 47;
    public const ushort IFLA_CARRIER_DOWN_COUNT = 48;
    public const ushort IFLA_NEW_IFINDEX = 49;
    public const ushort IFLA_MIN_MTU = 50;
    public const ushort IFLA_MAX_MTU = 51;
    public const ushort IFLA_PROP_LIST = 52;
    public const ushort IFLA_ALT_IFNAME = 53;
    public const ushort IFLA_PERM_ADDRESS = 54;
    public const ushort IFLA_GRO_MAX_SIZE = 58;
    public const ushort IFLA_TSO_MAX_SIZE = 59;
    public const ushort IFLA_TSO_MAX_SEGS = 60;
    public const ushort IFLA_ALLMULTI = 61;
    public const ushort IFLA_DEVLINK_PORT = 62;
    public const ushort IFLA_GSO_IPV4_MAX_SIZE = 63;
    public const ushort IFLA_GRO_IPV4_MAX_SIZE = 64;
    public const ushort IFLA_DPLL_PIN = 65;
    public const ushort IFLA_MAX_PACING_OFFLOAD_HORIZON = 66;
    public const ushort IFLA_NETNS_IMMUTABLE = 67;
    public const ushort IFLA_HEADROOM = 68;
    public const ushort IFLA_TAILROOM = 69;

    public const ushort IFLA_INFO_KIND = 1;
    public const ushort IFLA_INFO_DATA = 2;
    public const ushort IFLA_INFO_SLAVE_KIND = 4;
    public const ushort IFLA_INFO_SLAVE_DATA = 5;

    public const ushort VETH_INFO_PEER = 1;

    public const ushort IFLA_VLAN_ID = 1;
    public const ushort IFLA_VLAN_FLAGS = 2;
    public const ushort IFLA_VLAN_EGRESS_QOS = 3;
    public const ushort IFLA_VLAN_INGRESS_QOS = 4;
    public const ushort IFLA_VLAN_PROTOCOL = 5;

    public const uint RTEXT_FILTER_BRVLAN = 2;
    public const uint RTEXT_FILTER_BRVLAN_COMPRESSED = 4;
    public const uint RTEXT_FILTER_SKIP_STATS = 8;

    public const ushort IFA_ADDRESS = 1;
    public const ushort IFA_LOCAL = 2;
    public const ushort IFA_LABEL = 3;
    public const ushort IFA_BROADCAST = 4;
    public const ushort IFA_CACHEINFO = 6;
    public const ushort IFA_FLAGS = 8;
    public const ushort IFA_RT_PRIORITY = 9;
    public const ushort IFA_TARGET_NETNSID = 10;
    public const ushort IFA_PROTO = 11;

    public const uint IFA_F_SECONDARY = 0x01;
    public const uint IFA_F_NODAD = 0x02;
    public const uint IFA_F_OPTIMISTIC = 0x04;
    public const uint IFA_F_DADFAILED = 0x08;
    public const uint IFA_F_HOMEADDRESS = 0x10;
    public const uint IFA_F_DEPRECATED = 0x20;
    public const uint IFA_F_TENTATIVE = 0x40;
    public const uint IFA_F_PERMANENT = 0x80;
    public const uint IFA_F_MANAGETEMPADDR = 0x100;
    public const uint IFA_F_NOPREFIXROUTE = 0x200;
    public const uint IFA_F_MCAUTOJOIN = 0x400;
    public const uint IFA_F_STABLE_PRIVACY = 0x800;

    public const byte IFAPROT_KERNEL_LO = 1;
    public const byte IFAPROT_KERNEL_LL = 3;

    public const byte RT_SCOPE_UNIVERSE = 0;
    public const byte RT_SCOPE_LINK = 253;
    public const byte RT_SCOPE_HOST = 254;
    public const byte RT_SCOPE_NOWHERE = 255;

    public const byte RTN_UNSPEC = 0;
    public const byte RTN_UNICAST = 1;
    public const byte RTN_LOCAL = 2;
    public const byte RTN_BROADCAST = 3;
    public const byte RTN_ANYCAST = 4;
    public const byte RTN_MULTICAST = 5;
    public const byte RTN_BLACKHOLE = 6;
    public const byte RTN_UNREACHABLE = 7;
    public const byte RTN_PROHIBIT = 8;
    public const byte RTN_THROW = 9;
    public const byte RTN_MAX = 11;

    public const byte RTPROT_KERNEL = 2;
    public const byte RTPROT_BOOT = 3;

    public const uint RTNH_F_DEAD = 1;
    public const uint RTNH_F_PERVASIVE = 2;
    public const uint RTNH_F_ONLINK = 4;
    public const uint RTNH_F_OFFLOAD = 8;
    public const uint RTNH_F_LINKDOWN = 16;
    public const uint RTNH_F_TRAP = 64;
    public const uint RTM_F_CLONED = 0x200;
    public const uint RTM_F_LOOKUP_TABLE = 0x1000;
    public const uint RTM_F_FIB_MATCH = 0x2000;

    public const ushort RTA_DST = 1;
    public const ushort RTA_SRC = 2;
    public const ushort RTA_IIF = 3;
    public const ushort RTA_OIF = 4;
    public const ushort RTA_GATEWAY = 5;
    public const ushort RTA_PRIORITY = 6;
    public const ushort RTA_PREFSRC = 7;
    public const ushort RTA_METRICS = 8;
    public const ushort RTA_MULTIPATH = 9;
    public const ushort RTA_FLOW = 11;
    public const ushort RTA_CACHEINFO = 12;
    public const ushort RTA_TABLE = 15;
    public const ushort RTA_MARK = 16;
    public const ushort RTA_VIA = 18;
    public const ushort RTA_PREF = 20;
    public const ushort RTA_ENCAP_TYPE = 21;
    public const ushort RTA_ENCAP = 22;
    public const ushort RTA_EXPIRES = 23;
    public const ushort RTA_UID = 25;
    public const ushort RTA_IP_PROTO = 27;
    public const ushort RTA_SPORT = 28;
    public const ushort RTA_DPORT = 29;
    public const ushort RTA_NH_ID = 30;

    public const ushort NDA_DST = 1;
    public const ushort NDA_LLADDR = 2;
    public const ushort NDA_CACHEINFO = 3;
    public const ushort NDA_PROBES = 4;
    public const ushort NDA_VLAN = 5;
    public const ushort NDA_PORT = 6;
    public const ushort NDA_VNI = 7;
    public const ushort NDA_IFINDEX = 8;
    public const ushort NDA_MASTER = 9;
    public const ushort NDA_PROTOCOL = 12;
    public const ushort NDA_NH_ID = 13;
    public const ushort NDA_FDB_EXT_ATTRS = 14;
    public const ushort NDA_FLAGS_EXT = 15;

    public const byte NTF_USE = 0x01;
    public const byte NTF_SELF = 0x02;
    public const byte NTF_MASTER = 0x04;
    public const byte NTF_PROXY = 0x08;
    public const byte NTF_EXT_LEARNED = 0x10;
    public const byte NTF_STICKY = 0x40;
    public const byte NTF_ROUTER = 0x80;

    public const ushort IFLA_BRIDGE_FLAGS = 0;
    public const ushort IFLA_BRIDGE_MODE = 1;
    public const ushort IFLA_BRIDGE_VLAN_INFO = 2;
    public const ushort BRIDGE_FLAGS_MASTER = 1;
    public const ushort BRIDGE_FLAGS_SELF = 2;
    public const ushort BRIDGE_VLAN_INFO_MASTER = 1;
    public const ushort BRIDGE_VLAN_INFO_PVID = 2;
    public const ushort BRIDGE_VLAN_INFO_UNTAGGED = 4;
    public const ushort BRIDGE_VLAN_INFO_RANGE_BEGIN = 8;
    public const ushort BRIDGE_VLAN_INFO_RANGE_END = 16;
    public const ushort BRIDGE_VLAN_INFO_BRENTRY = 32;

    public const ushort NETCONFA_IFINDEX = 1;
}
