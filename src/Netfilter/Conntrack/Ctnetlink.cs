namespace EucaNet.Netfilter.Conntrack;

#pragma warning disable CS1591 // the kernel's own names say it

/// <summary>Connection tracking on the wire (linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h).</summary>
public static class Ctnetlink
{
    // enum cntl_msg_types
    public const ushort IPCTNL_MSG_CT_NEW = 0;
    public const ushort IPCTNL_MSG_CT_GET = 1;
    public const ushort IPCTNL_MSG_CT_DELETE = 2;
    public const ushort IPCTNL_MSG_CT_GET_CTRZERO = 3;
    public const ushort IPCTNL_MSG_CT_GET_STATS_CPU = 4;
    public const ushort IPCTNL_MSG_CT_GET_STATS = 5;
    public const ushort IPCTNL_MSG_CT_GET_DYING = 6;
    public const ushort IPCTNL_MSG_CT_GET_UNCONFIRMED = 7;

    // enum ctnl_exp_msg_types
    public const ushort IPCTNL_MSG_EXP_NEW = 0;
    public const ushort IPCTNL_MSG_EXP_GET = 1;
    public const ushort IPCTNL_MSG_EXP_DELETE = 2;
    public const ushort IPCTNL_MSG_EXP_GET_STATS_CPU = 3;

    // enum ctattr_type
    public const ushort CTA_UNSPEC = 0;
    public const ushort CTA_TUPLE_ORIG = 1;
    public const ushort CTA_TUPLE_REPLY = 2;
    public const ushort CTA_STATUS = 3;
    public const ushort CTA_PROTOINFO = 4;
    public const ushort CTA_HELP = 5;
    public const ushort CTA_NAT_SRC = 6;
    public const ushort CTA_TIMEOUT = 7;
    public const ushort CTA_MARK = 8;
    public const ushort CTA_COUNTERS_ORIG = 9;
    public const ushort CTA_COUNTERS_REPLY = 10;
    public const ushort CTA_USE = 11;
    public const ushort CTA_ID = 12;
    public const ushort CTA_NAT_DST = 13;
    public const ushort CTA_TUPLE_MASTER = 14;
    public const ushort CTA_SEQ_ADJ_ORIG = 15;
    public const ushort CTA_NAT_SEQ_ADJ_ORIG = 15;
    public const ushort CTA_SEQ_ADJ_REPLY = 16;
    public const ushort CTA_NAT_SEQ_ADJ_REPLY = 16;
    public const ushort CTA_SECMARK = 17;
    public const ushort CTA_ZONE = 18;
    public const ushort CTA_SECCTX = 19;
    public const ushort CTA_TIMESTAMP = 20;
    public const ushort CTA_MARK_MASK = 21;
    public const ushort CTA_LABELS = 22;
    public const ushort CTA_LABELS_MASK = 23;
    public const ushort CTA_SYNPROXY = 24;
    public const ushort CTA_FILTER = 25;
    public const ushort CTA_STATUS_MASK = 26;
    public const ushort CTA_TIMESTAMP_EVENT = 27;

    // enum ctattr_tuple
    public const ushort CTA_TUPLE_UNSPEC = 0;
    public const ushort CTA_TUPLE_IP = 1;
    public const ushort CTA_TUPLE_PROTO = 2;
    public const ushort CTA_TUPLE_ZONE = 3;

    // enum ctattr_ip
    public const ushort CTA_IP_UNSPEC = 0;
    public const ushort CTA_IP_V4_SRC = 1;
    public const ushort CTA_IP_V4_DST = 2;
    public const ushort CTA_IP_V6_SRC = 3;
    public const ushort CTA_IP_V6_DST = 4;

    // enum ctattr_l4proto
    public const ushort CTA_PROTO_UNSPEC = 0;
    public const ushort CTA_PROTO_NUM = 1;
    public const ushort CTA_PROTO_SRC_PORT = 2;
    public const ushort CTA_PROTO_DST_PORT = 3;
    public const ushort CTA_PROTO_ICMP_ID = 4;
    public const ushort CTA_PROTO_ICMP_TYPE = 5;
    public const ushort CTA_PROTO_ICMP_CODE = 6;
    public const ushort CTA_PROTO_ICMPV6_ID = 7;
    public const ushort CTA_PROTO_ICMPV6_TYPE = 8;
    public const ushort CTA_PROTO_ICMPV6_CODE = 9;

    // enum ctattr_protoinfo
    public const ushort CTA_PROTOINFO_UNSPEC = 0;
    public const ushort CTA_PROTOINFO_TCP = 1;
    public const ushort CTA_PROTOINFO_DCCP = 2;
    public const ushort CTA_PROTOINFO_SCTP = 3;

    // enum ctattr_protoinfo_tcp
    public const ushort CTA_PROTOINFO_TCP_UNSPEC = 0;
    public const ushort CTA_PROTOINFO_TCP_STATE = 1;
    public const ushort CTA_PROTOINFO_TCP_WSCALE_ORIGINAL = 2;
    public const ushort CTA_PROTOINFO_TCP_WSCALE_REPLY = 3;
    public const ushort CTA_PROTOINFO_TCP_FLAGS_ORIGINAL = 4;
    public const ushort CTA_PROTOINFO_TCP_FLAGS_REPLY = 5;

    // enum ctattr_protoinfo_dccp
    public const ushort CTA_PROTOINFO_DCCP_UNSPEC = 0;
    public const ushort CTA_PROTOINFO_DCCP_STATE = 1;
    public const ushort CTA_PROTOINFO_DCCP_ROLE = 2;
    public const ushort CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ = 3;
    public const ushort CTA_PROTOINFO_DCCP_PAD = 4;

    // enum ctattr_protoinfo_sctp
    public const ushort CTA_PROTOINFO_SCTP_UNSPEC = 0;
    public const ushort CTA_PROTOINFO_SCTP_STATE = 1;
    public const ushort CTA_PROTOINFO_SCTP_VTAG_ORIGINAL = 2;
    public const ushort CTA_PROTOINFO_SCTP_VTAG_REPLY = 3;

    // enum ctattr_counters
    public const ushort CTA_COUNTERS_UNSPEC = 0;
    public const ushort CTA_COUNTERS_PACKETS = 1;
    public const ushort CTA_COUNTERS_BYTES = 2;
    public const ushort CTA_COUNTERS32_PACKETS = 3;
    public const ushort CTA_COUNTERS32_BYTES = 4;
    public const ushort CTA_COUNTERS_PAD = 5;

    // enum ctattr_tstamp
    public const ushort CTA_TIMESTAMP_UNSPEC = 0;
    public const ushort CTA_TIMESTAMP_START = 1;
    public const ushort CTA_TIMESTAMP_STOP = 2;
    public const ushort CTA_TIMESTAMP_PAD = 3;

    // enum ctattr_nat
    public const ushort CTA_NAT_UNSPEC = 0;
    public const ushort CTA_NAT_V4_MINIP = 1;
    public const ushort CTA_NAT_V4_MAXIP = 2;
    public const ushort CTA_NAT_PROTO = 3;
    public const ushort CTA_NAT_V6_MINIP = 4;
    public const ushort CTA_NAT_V6_MAXIP = 5;

    // enum ctattr_protonat
    public const ushort CTA_PROTONAT_UNSPEC = 0;
    public const ushort CTA_PROTONAT_PORT_MIN = 1;
    public const ushort CTA_PROTONAT_PORT_MAX = 2;

    // enum ctattr_seqadj
    public const ushort CTA_SEQADJ_UNSPEC = 0;
    public const ushort CTA_SEQADJ_CORRECTION_POS = 1;
    public const ushort CTA_SEQADJ_OFFSET_BEFORE = 2;
    public const ushort CTA_SEQADJ_OFFSET_AFTER = 3;

    // enum ctattr_natseq
    public const ushort CTA_NAT_SEQ_UNSPEC = 0;
    public const ushort CTA_NAT_SEQ_CORRECTION_POS = 1;
    public const ushort CTA_NAT_SEQ_OFFSET_BEFORE = 2;
    public const ushort CTA_NAT_SEQ_OFFSET_AFTER = 3;

    // enum ctattr_synproxy
    public const ushort CTA_SYNPROXY_UNSPEC = 0;
    public const ushort CTA_SYNPROXY_ISN = 1;
    public const ushort CTA_SYNPROXY_ITS = 2;
    public const ushort CTA_SYNPROXY_TSOFF = 3;

    // enum ctattr_expect
    public const ushort CTA_EXPECT_UNSPEC = 0;
    public const ushort CTA_EXPECT_MASTER = 1;
    public const ushort CTA_EXPECT_TUPLE = 2;
    public const ushort CTA_EXPECT_MASK = 3;
    public const ushort CTA_EXPECT_TIMEOUT = 4;
    public const ushort CTA_EXPECT_ID = 5;
    public const ushort CTA_EXPECT_HELP_NAME = 6;
    public const ushort CTA_EXPECT_ZONE = 7;
    public const ushort CTA_EXPECT_FLAGS = 8;
    public const ushort CTA_EXPECT_CLASS = 9;
    public const ushort CTA_EXPECT_NAT = 10;
    public const ushort CTA_EXPECT_FN = 11;

    // enum ctattr_expect_nat
    public const ushort CTA_EXPECT_NAT_UNSPEC = 0;
    public const ushort CTA_EXPECT_NAT_DIR = 1;
    public const ushort CTA_EXPECT_NAT_TUPLE = 2;

    // enum ctattr_help
    public const ushort CTA_HELP_UNSPEC = 0;
    public const ushort CTA_HELP_NAME = 1;
    public const ushort CTA_HELP_INFO = 2;

    // enum ctattr_secctx
    public const ushort CTA_SECCTX_UNSPEC = 0;
    public const ushort CTA_SECCTX_NAME = 1;

    // enum ctattr_stats_cpu
    public const ushort CTA_STATS_UNSPEC = 0;
    public const ushort CTA_STATS_SEARCHED = 1;
    public const ushort CTA_STATS_FOUND = 2;
    public const ushort CTA_STATS_NEW = 3;
    public const ushort CTA_STATS_INVALID = 4;
    public const ushort CTA_STATS_IGNORE = 5;
    public const ushort CTA_STATS_DELETE = 6;
    public const ushort CTA_STATS_DELETE_LIST = 7;
    public const ushort CTA_STATS_INSERT = 8;
    public const ushort CTA_STATS_INSERT_FAILED = 9;
    public const ushort CTA_STATS_DROP = 10;
    public const ushort CTA_STATS_EARLY_DROP = 11;
    public const ushort CTA_STATS_ERROR = 12;
    public const ushort CTA_STATS_SEARCH_RESTART = 13;
    public const ushort CTA_STATS_CLASH_RESOLVE = 14;
    public const ushort CTA_STATS_CHAIN_TOOLONG = 15;

    // enum ctattr_stats_global
    public const ushort CTA_STATS_GLOBAL_UNSPEC = 0;
    public const ushort CTA_STATS_GLOBAL_ENTRIES = 1;
    public const ushort CTA_STATS_GLOBAL_MAX_ENTRIES = 2;

    // enum ctattr_expect_stats
    public const ushort CTA_STATS_EXP_UNSPEC = 0;
    public const ushort CTA_STATS_EXP_NEW = 1;
    public const ushort CTA_STATS_EXP_CREATE = 2;
    public const ushort CTA_STATS_EXP_DELETE = 3;

    // enum ctattr_filter
    public const ushort CTA_FILTER_UNSPEC = 0;
    public const ushort CTA_FILTER_ORIG_FLAGS = 1;
    public const ushort CTA_FILTER_REPLY_FLAGS = 2;

    // enum ip_conntrack_info
    public const uint IP_CT_ESTABLISHED = 0;
    public const uint IP_CT_RELATED = 1;
    public const uint IP_CT_NEW = 2;
    public const uint IP_CT_IS_REPLY = 3;
    public const uint IP_CT_ESTABLISHED_REPLY = 3;
    public const uint IP_CT_RELATED_REPLY = 4;
    public const uint IP_CT_NUMBER = 5;
    public const uint IP_CT_NEW_REPLY = 5;

    // enum ip_conntrack_status
    public const uint IPS_EXPECTED_BIT = 0;
    public const uint IPS_EXPECTED = 1;
    public const uint IPS_SEEN_REPLY_BIT = 1;
    public const uint IPS_SEEN_REPLY = 2;
    public const uint IPS_ASSURED_BIT = 2;
    public const uint IPS_ASSURED = 4;
    public const uint IPS_CONFIRMED_BIT = 3;
    public const uint IPS_CONFIRMED = 8;
    public const uint IPS_SRC_NAT_BIT = 4;
    public const uint IPS_SRC_NAT = 16;
    public const uint IPS_DST_NAT_BIT = 5;
    public const uint IPS_DST_NAT = 32;
    public const uint IPS_NAT_MASK = 0x30;
    public const uint IPS_SEQ_ADJUST_BIT = 6;
    public const uint IPS_SEQ_ADJUST = 64;
    public const uint IPS_SRC_NAT_DONE_BIT = 7;
    public const uint IPS_SRC_NAT_DONE = 128;
    public const uint IPS_DST_NAT_DONE_BIT = 8;
    public const uint IPS_DST_NAT_DONE = 256;
    public const uint IPS_NAT_DONE_MASK = 0x180;
    public const uint IPS_DYING_BIT = 9;
    public const uint IPS_DYING = 512;
    public const uint IPS_FIXED_TIMEOUT_BIT = 10;
    public const uint IPS_FIXED_TIMEOUT = 1024;
    public const uint IPS_TEMPLATE_BIT = 11;
    public const uint IPS_TEMPLATE = 2048;
    public const uint IPS_UNTRACKED_BIT = 12;
    public const uint IPS_UNTRACKED = 4096;
    public const uint IPS_HELPER_BIT = 13;
    public const uint IPS_HELPER = 8192;
    public const uint IPS_OFFLOAD_BIT = 14;
    public const uint IPS_OFFLOAD = 16384;
    public const uint IPS_HW_OFFLOAD_BIT = 15;
    public const uint IPS_HW_OFFLOAD = 32768;
    public const uint IPS_UNCHANGEABLE_MASK = 0xdbf9;
}
