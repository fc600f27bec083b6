using System.Net;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;
using static EucaNet.Netlink.Route.BridgeConstants;
using static EucaNet.Netlink.Route.LinkConstants;
using static EucaNet.Netlink.Route.NeighbourConstants;
using static EucaNet.Netlink.Route.RouteConstants;
using static EucaNet.Netlink.Route.TrafficConstants;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>
/// Every structure that is read or written by its layout, against the installed kernel headers: a C program fills each field by its name, and its
/// bytes must be those that our model writes for the same values, or read as those values.
/// </summary>
[RequiresProgram("gcc")]
public sealed class StructLayoutTests
{
    private static readonly string[] Headers =
    [
        "netlink.h", "rtnetlink.h", "if_link.h", "if_addr.h", "neighbour.h", "fib_rules.h", "nexthop.h", "if_bridge.h", "gen_stats.h", "filter.h", "if_packet.h",
    ];

    // What is written: the C structure, its fields, and ours.
    private static readonly (string Type, string Fields, byte[] Ours)[] Written =
    [
        ("struct nlmsghdr", "nlmsg_len = 0x14; s.nlmsg_type = 0x1234; s.nlmsg_flags = 5; s.nlmsg_seq = 77; s.nlmsg_pid = 99",
            Bytes(new NetlinkHeader(0x14, 0x1234, (NetlinkMessageFlags)5, 77, 99))),
        ("struct ifinfomsg", "ifi_family = 7; s.ifi_type = 0x102; s.ifi_index = 3; s.ifi_flags = 0x11043; s.ifi_change = 0xff01",
            Payload(new Link { Family = 7, HardwareType = 0x102, Index = 3, Flags = (LinkFlags)0x11043, ChangeMask = (LinkFlags)0xff01 })),
        ("struct ifaddrmsg", "ifa_family = 2; s.ifa_prefixlen = 24; s.ifa_flags = 0x80; s.ifa_scope = 253; s.ifa_index = 9",
            Payload(new InterfaceAddress { Family = 2, PrefixLength = 24, HeaderFlags = 0x80, Scope = 253, Index = 9 })),
        ("struct rtmsg", "rtm_family = 2; s.rtm_dst_len = 24; s.rtm_src_len = 16; s.rtm_tos = 8; s.rtm_table = 254; s.rtm_protocol = 4; s.rtm_scope = 253; s.rtm_type = 6; s.rtm_flags = 0x1004",
            Payload(new NetworkRoute { Family = 2, DestinationLength = 24, SourceLength = 16, Tos = 8, HeaderTable = 254, Protocol = 4, Scope = 253, Type = RouteType.Blackhole, Flags = 0x1004 })),
        ("struct ndmsg", "ndm_family = 10; s.ndm_ifindex = 5; s.ndm_state = 0x80; s.ndm_flags = 0x10; s.ndm_type = 1",
            Payload(new Neighbour { Family = 10, Index = 5, State = NeighbourState.Permanent, Flags = 0x10, Type = 1 })),
        ("struct fib_rule_hdr", "family = 2; s.dst_len = 8; s.src_len = 24; s.tos = 4; s.table = 200; s.action = 1; s.flags = 0x10002",
            Payload(new RoutingRule { Family = 2, DestinationLength = 8, SourceLength = 24, Tos = 4, HeaderTable = 200, Action = 1, Flags = 0x10002 })),
        ("struct ndtmsg", "ndtm_family = 10", Payload(new NeighbourTable { Family = 10 })),
        ("struct tcmsg", "tcm_family = 1; s.tcm_ifindex = 4; s.tcm_handle = 0x10000; s.tcm_parent = 0xffffffff; s.tcm_info = 0x20003",
            Payload(new TrafficObject(RTM_NEWQDISC) { Family = 1, Index = 4, Handle = 0x10000, Parent = uint.MaxValue, Information = 0x20003 })),
        ("struct br_vlan_msg", "family = 7; s.ifindex = 6", Payload(new BridgeVlanSettings { Index = 6 })),
        ("struct if_stats_msg", "family = 7; s.ifindex = 6; s.filter_mask = 0x15", Payload(new LinkStatisticsReport { Family = 7, Index = 6, FilterMask = 0x15 })),
        ("struct nhmsg", "nh_family = 2; s.nh_scope = 253; s.nh_protocol = 4; s.nh_flags = 0x4", Payload(new NextHopObject { Family = 2, Scope = 253, Protocol = 4, Flags = 4 })),
        ("struct nexthop_grp", "id = 9; s.weight = 2", Value(NextHopObject.GroupOf(1, new NextHopGroupMember(9, 3)), 8, NextHopConstants.NHA_GROUP)),
        ("struct ifa_cacheinfo", "ifa_prefered = 1; s.ifa_valid = 2; s.cstamp = 3; s.tstamp = 4",
            Value(new InterfaceAddress { Lifetime = new AddressLifetime(1, 2, 3, 4) }, 8, AddressConstants.IFA_CACHEINFO)),
        ("struct nda_cacheinfo", "ndm_confirmed = 1; s.ndm_used = 2; s.ndm_updated = 3; s.ndm_refcnt = 4",
            Value(new Neighbour { CacheInfo = new NeighbourCacheInfo(1, 2, 3, 4) }, 12, NDA_CACHEINFO)),
        ("struct { struct rtvia v; unsigned char address[4]; }", "v.rtvia_family = 10; memcpy(s.v.rtvia_addr, \"\\x0a\\x00\\x00\\x09\", 4)",
            Value(new NetworkRoute { Via = new RouteVia(10, IPAddress.Parse("10.0.0.9")) }, 12, RTA_VIA)),
        ("struct rtnexthop", "rtnh_len = 8; s.rtnh_flags = 4; s.rtnh_hops = 9; s.rtnh_ifindex = 3",
            Value(new NetworkRoute { NextHops = new NextHopList([new NextHop { Flags = 4, Hops = 9, OutputInterface = 3 }]) }, 12, RTA_MULTIPATH)),
        ("struct fib_rule_uid_range", "start = 100; s.end = 200", Value(new RoutingRule { Users = new UserRange(100, 200) }, 12, RuleConstants.FRA_UID_RANGE)),
        ("struct fib_rule_port_range", "start = 100; s.end = 200", Value(new RoutingRule { SourcePorts = new HostPortRange(100, 200) }, 12, RuleConstants.FRA_SPORT_RANGE)),
        ("struct ifla_vlan_flags", "flags = 2; s.mask = 3", OfKind(new VlanOptions { FlagChange = new VlanFlagChange(2, 3) }, IFLA_VLAN_FLAGS)),
        ("struct ifla_vlan_qos_mapping", "from = 1; s.to = 7", OfKind(new VlanOptions { EgressQos = [new VlanQosMapping(1, 7)] }, IFLA_VLAN_EGRESS_QOS, IFLA_VLAN_QOS_MAPPING)),
        ("struct ifla_vxlan_port_range", "low = htons(1000); s.high = htons(2000)", OfKind(new VxlanOptions { SourcePorts = new PortRange(1000, 2000) }, IFLA_VXLAN_PORT_RANGE)),
        ("struct ifla_bridge_id", "prio[0] = 0x80; s.prio[1] = 1; memcpy(s.addr, \"\\x02\\x11\\x22\\x33\\x44\\x55\", 6)",
            OfKind(new BridgeOptions { BridgeId = new BridgeId(0x8001, HardwareAddress.Parse("02:11:22:33:44:55")) }, IFLA_BR_BRIDGE_ID)),
        ("struct br_boolopt_multi", "optval = 2; s.optmask = 3", OfKind(new BridgeOptions { BooleanOptions = new BridgeBooleanOptions(2, 3) }, IFLA_BR_MULTI_BOOLOPT)),
        ("struct bridge_vlan_info", "flags = 6; s.vid = 100",
            Value(new Link { Family = AF_BRIDGE, Bridge = new BridgeSpecification(null, null, [new BridgeVlan((BridgeVlanFlags)6, 100)], []) }, 16, IFLA_AF_SPEC, IFLA_BRIDGE_VLAN_INFO)),
        ("struct sockaddr_nl", "nl_family = 16; s.nl_pid = 5; s.nl_groups = 9", Bytes(new SystemCalls.NetlinkAddress { Family = 16, PortId = 5, Groups = 9 })),
        ("struct sockaddr_ll", "sll_family = 17; s.sll_protocol = 0x3; s.sll_ifindex = 4; s.sll_hatype = 1; s.sll_pkttype = 2; s.sll_halen = 6",
            Bytes(new SystemCalls.PacketAddress { Family = 17, Protocol = 3, InterfaceIndex = 4, HardwareType = 1, PacketType = 2, AddressLength = 6 })),
        ("struct iovec", "iov_base = (void *)0x1000; s.iov_len = 7", BlockBytes()),
        ("struct mmsghdr", "msg_hdr.msg_name = (void *)1; s.msg_hdr.msg_namelen = 2; s.msg_hdr.msg_iov = (void *)3; s.msg_hdr.msg_iovlen = 4; s.msg_hdr.msg_control = (void *)5; "
            + "s.msg_hdr.msg_controllen = 6; s.msg_hdr.msg_flags = 7; s.msg_len = 8", MessageHeaderBytes()),
        ("struct sock_filter", "code = 0x15; s.jt = 1; s.jf = 2; s.k = 0x11223344", Bytes(new FilterInstruction(0x15, 1, 2, 0x11223344))),
    ];

    [Test]
    public void Every_structure_lies_as_the_headers_lay_it()
    {
        string[] lines = Probe(Written.Select(item => (item.Type, item.Fields)));
        Assert.That(lines, Has.Length.EqualTo(Written.Length));
        Assert.Multiple(() =>
        {
            for (int index = 0; index < lines.Length; index++)
            {
                Assert.That(Convert.ToHexStringLower(Written[index].Ours), Is.EqualTo(lines[index]), Written[index].Type);
            }
        });
    }

    [Test]
    public void Every_structure_that_is_only_read_is_read_from_where_the_headers_lay_its_fields()
    {
        byte[][] bytes =
        [
            .. Probe(
            [
                ("struct rtnl_link_stats64", "rx_packets = 1; s.tx_packets = 2; s.rx_bytes = 3; s.tx_bytes = 4; s.rx_errors = 5; s.tx_errors = 6; s.rx_dropped = 7; s.tx_dropped = 8; "
                    + "s.multicast = 9; s.collisions = 10; s.rx_over_errors = 11; s.tx_carrier_errors = 12"),
                ("struct ndt_config", "ndtc_key_len = 1; s.ndtc_entry_size = 2; s.ndtc_entries = 3; s.ndtc_last_flush = 4; s.ndtc_proxy_qlen = 5"),
                ("struct ndt_stats", "ndts_allocs = 1; s.ndts_destroys = 2; s.ndts_hash_grows = 3; s.ndts_res_failed = 4; s.ndts_lookups = 5; s.ndts_hits = 6; s.ndts_rcv_probes_mcast = 7; "
                    + "s.ndts_rcv_probes_ucast = 8; s.ndts_periodic_gc_runs = 9; s.ndts_forced_gc_runs = 10; s.ndts_table_fulls = 11"),
                ("struct gnet_stats_basic", "bytes = 1; s.packets = 2"),
                ("struct gnet_stats_queue", "qlen = 3; s.backlog = 4; s.drops = 5; s.requeues = 6; s.overlimits = 7"),
                ("struct bridge_vlan_xstats", "rx_bytes = 1; s.rx_packets = 2; s.tx_bytes = 3; s.tx_packets = 4; s.vid = 5; s.flags = 6"),
            ]).Select(Convert.FromHexString),
        ];

        LinkStatistics link = Read<Link>(RTM_NEWLINK, new byte[16], (ref NetlinkWriter writer) => writer.WriteBytes(IFLA_STATS64, bytes[0])).Statistics!;
        Assert.That(
            new[] { link.ReceivedPackets, link.SentPackets, link.ReceivedBytes, link.SentBytes, link.ReceiveErrors, link.SendErrors, link.ReceiveDropped, link.SendDropped, link.Multicast, link.Collisions },
            Is.EqualTo(new ulong[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }));
        Assert.That(link.CarrierErrors, Is.EqualTo(12));

        NeighbourTable table = Read<NeighbourTable>(RTM_NEWNEIGHTBL, new byte[4], (ref NetlinkWriter writer) =>
        {
            writer.WriteBytes(NDTA_CONFIG, bytes[1]);
            writer.WriteBytes(NDTA_STATS, bytes[2]);
        });
        NeighbourTableSizes sizes = table.Sizes!;
        Assert.That((sizes.KeyLength, sizes.EntrySize, sizes.Entries, sizes.LastCleanup, sizes.ProxyQueueLength), Is.EqualTo(((ushort)1, (ushort)2, 3U, 4U, 5U)));
        NeighbourTableStatistics counters = table.Statistics!;
        Assert.That(
            new[]
            {
                counters.Allocations, counters.Destructions, counters.HashGrowths, counters.FailedResolutions, counters.Lookups, counters.Hits, counters.MulticastProbesReceived,
                counters.UnicastProbesReceived, counters.PeriodicCleanups, counters.ForcedCleanups, counters.Overflows,
            },
            Is.EqualTo(new ulong[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 }));

        TrafficStatistics traffic = Read<TrafficObject>(RTM_NEWQDISC, new byte[20], (ref NetlinkWriter writer) =>
        {
            WireMark nest = writer.BeginNested(TCA_STATS2);
            writer.WriteBytes(TCA_STATS_BASIC, bytes[3]);
            writer.WriteBytes(TCA_STATS_QUEUE, bytes[4]);
            writer.EndAttribute(nest);
        }).Statistics!;
        Assert.That((traffic.Bytes, traffic.Packets, traffic.QueueLength, traffic.Backlog, traffic.Drops, traffic.Requeues, traffic.Overlimits), Is.EqualTo((1UL, 2UL, 3U, 4U, 5U, 6U, 7U)));

        BridgeVlanCounters vlan = Read<LinkStatisticsReport>(RTM_NEWSTATS, new byte[12], (ref NetlinkWriter writer) =>
        {
            WireMark kind = writer.BeginNested(IFLA_STATS_LINK_XSTATS);
            WireMark bridge = writer.BeginNested(LINK_XSTATS_TYPE_BRIDGE);
            writer.WriteBytes(BRIDGE_XSTATS_VLAN, bytes[5]);
            writer.EndAttribute(bridge);
            writer.EndAttribute(kind);
        }).VlanCounters.Single();
        Assert.That(vlan, Is.EqualTo(new BridgeVlanCounters(new BridgeVlan((BridgeVlanFlags)6, 5), new BridgeVlanTraffic(1, 2, 3, 4))));
    }

    private delegate void Fill(ref NetlinkWriter writer);

    private static string[] Probe(IEnumerable<(string Type, string Fields)> structures) => CompiledProbe.Run($$"""
        #define _GNU_SOURCE
        #include <stdio.h>
        #include <string.h>
        #include <arpa/inet.h>
        #include <sys/socket.h>
        #include <sys/uio.h>
        {{string.Concat(Headers.Select(header => $"#include <linux/{header}>\n"))}}
        static void print(const unsigned char *bytes, size_t length)
        {
            for (size_t index = 0; index < length; index++)
                printf("%02x", bytes[index]);
            printf("\n");
        }
        int main(void)
        {
        {{string.Concat(structures.Select(item => $"{{ {item.Type} s; memset(&s, 0, sizeof s); s.{item.Fields}; print((unsigned char *)&s, sizeof s); }}\n"))}}
        return 0;
        }
        """);

    private static byte[] Bytes<T>(T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();

    private static unsafe byte[] BlockBytes()
    {
        var block = new SystemCalls.Block { Base = (void*)0x1000, Length = 7 };
        return new ReadOnlySpan<byte>(&block, sizeof(SystemCalls.Block)).ToArray();
    }

    private static unsafe byte[] MessageHeaderBytes()
    {
        var header = new SystemCalls.MessageHeader
        {
            Name = (void*)1,
            NameLength = 2,
            Blocks = (SystemCalls.Block*)3,
            BlockCount = 4,
            Control = (void*)5,
            ControlLength = 6,
            Flags = 7,
            Received = 8,
        };
        return new ReadOnlySpan<byte>(&header, sizeof(SystemCalls.MessageHeader)).ToArray();
    }

    private static byte[] Payload(RouteObject value)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        value.WriteMessage(ref writer, value.NewType, 0);
        writer.Complete();
        return buffer.Written[NetlinkHeader.Size..].ToArray();
    }

    // The value of the attribute that these types lead to.
    private static byte[] Value(RouteObject value, int headerSize, params ReadOnlySpan<ushort> path)
    {
        byte[] found = Payload(value)[headerSize..];
        foreach (ushort type in path)
        {
            Assert.That(new AttributeReader(found).TryFind(type, out NetlinkAttribute attribute), Is.True, $"attribute {type}");
            found = attribute.Value.ToArray();
        }

        return found;
    }

    private static byte[] OfKind(LinkData data, params ReadOnlySpan<ushort> path) => Value(Link.Of("x", data), 16, [IFLA_LINKINFO, IFLA_INFO_DATA, .. path]);

    private static T Read<T>(ushort type, byte[] header, Fill fill)
        where T : RouteObject
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark mark = writer.BeginMessage(type, 0, 1);
        writer.Append(header);
        fill(ref writer);
        writer.EndMessage(mark);
        writer.Complete();
        var reader = new MessageReader(buffer.Written);
        Assert.That(reader.TryRead(out NetlinkMessage message), Is.True);
        return RouteMessages.TryRead(message, out RouteObject? value) && value is T read ? read : throw new AssertionException($"no {typeof(T).Name}");
    }
}
