using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace EucaNet.Netfilter;

#pragma warning disable CS1591 // the kernel's own names say it

/// <summary>What every netfilter subsystem shares on the wire (linux/netfilter/nfnetlink.h, linux/netfilter.h).</summary>
public static class Nfnetlink
{
    // subsystems: the upper byte of a message type
    public const ushort NFNL_SUBSYS_CTNETLINK = 1;
    public const ushort NFNL_SUBSYS_CTNETLINK_EXP = 2;
    public const ushort NFNL_SUBSYS_IPSET = 6;
    public const ushort NFNL_SUBSYS_CTNETLINK_TIMEOUT = 8;
    public const ushort NFNL_SUBSYS_CTHELPER = 9;
    public const ushort NFNL_SUBSYS_NFTABLES = 10;
    public const ushort NFNL_SUBSYS_NFT_COMPAT = 11;
    public const ushort NFNL_SUBSYS_HOOK = 12;

    // batch messages have no subsystem; it stands in their res_id
    public const ushort NFNL_MSG_BATCH_BEGIN = 0x10;
    public const ushort NFNL_MSG_BATCH_END = 0x11;

    // enum nfnl_batch_attributes
    public const ushort NFNL_BATCH_GENID = 1;

    // enum nfnetlink_groups
    public const uint NFNLGRP_CONNTRACK_NEW = 1;
    public const uint NFNLGRP_CONNTRACK_UPDATE = 2;
    public const uint NFNLGRP_CONNTRACK_DESTROY = 3;
    public const uint NFNLGRP_CONNTRACK_EXP_NEW = 4;
    public const uint NFNLGRP_CONNTRACK_EXP_UPDATE = 5;
    public const uint NFNLGRP_CONNTRACK_EXP_DESTROY = 6;
    public const uint NFNLGRP_NFTABLES = 7;
    public const uint NFNLGRP_ACCT_QUOTA = 8;
    public const uint NFNLGRP_NFTRACE = 9;

    public const byte NFNETLINK_V0 = 0;

    // protocol families
    public const byte NFPROTO_UNSPEC = 0;
    public const byte NFPROTO_INET = 1;
    public const byte NFPROTO_IPV4 = 2;
    public const byte NFPROTO_ARP = 3;
    public const byte NFPROTO_NETDEV = 5;
    public const byte NFPROTO_BRIDGE = 7;
    public const byte NFPROTO_IPV6 = 10;

    // verdicts of a hook
    public const int NF_DROP = 0;
    public const int NF_ACCEPT = 1;
    public const int NF_STOLEN = 2;
    public const int NF_QUEUE = 3;
    public const int NF_REPEAT = 4;

    // hooks of ip, ip6, inet and bridge
    public const uint NF_INET_PRE_ROUTING = 0;
    public const uint NF_INET_LOCAL_IN = 1;
    public const uint NF_INET_FORWARD = 2;
    public const uint NF_INET_LOCAL_OUT = 3;
    public const uint NF_INET_POST_ROUTING = 4;
    public const uint NF_INET_INGRESS = 5;

    // hooks of arp
    public const uint NF_ARP_IN = 0;
    public const uint NF_ARP_OUT = 1;
    public const uint NF_ARP_FORWARD = 2;

    // hooks of netdev
    public const uint NF_NETDEV_INGRESS = 0;
    public const uint NF_NETDEV_EGRESS = 1;

    // priorities of ip
    public const int NF_IP_PRI_RAW = -300;
    public const int NF_IP_PRI_MANGLE = -150;
    public const int NF_IP_PRI_NAT_DST = -100;
    public const int NF_IP_PRI_FILTER = 0;
    public const int NF_IP_PRI_SECURITY = 50;
    public const int NF_IP_PRI_NAT_SRC = 100;
}

/// <summary>
/// The four bytes behind the netlink header of every netfilter message (<c>struct nfgenmsg</c>): family u8, version u8, resource id u16 in
/// network byte order. In dumps and events of nf_tables the resource id is the low half of the generation.
/// </summary>
/// <param name="Family">Protocol family (NFPROTO_*).</param>
/// <param name="Version">NFNETLINK_V0.</param>
/// <param name="RawResourceId">The resource id as it lies on the wire.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct NfnetlinkHeader(byte Family, byte Version, ushort RawResourceId)
{
    /// <summary>Bytes on the wire.</summary>
    public const int Size = 4;

    /// <summary>A header with the resource id in host byte order.</summary>
    public static NfnetlinkHeader Create(byte family, ushort resourceId = 0) =>
        new(family, Nfnetlink.NFNETLINK_V0, BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(resourceId) : resourceId);

    /// <summary>The resource id in host byte order.</summary>
    public ushort ResourceId => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(RawResourceId) : RawResourceId;
}
