using System.Net;
using static EucaNet.Cli.Tests.Evidence.Attacks.Frames;

namespace EucaNet.Cli.Tests.Evidence.Attacks;

/// <summary>Everything that root in a VM is known to try (M7), and what it may do in its own name.</summary>
internal static class AttackList
{
    private static readonly byte[] Foreign = [0x02, 0, 0, 0, 0x06, 0x66];
    private static readonly byte[] Unknown = [0x02, 0, 0, 0, 0x07, 0x77];
    private static readonly byte[] Nobody = new byte[6];
    private static readonly byte[] AllNodesMac = [0x33, 0x33, 0, 0, 0, 1];
    private static readonly IPAddress AllNodes = IPAddress.Parse("ff02::1");
    private static readonly IPAddress Everybody = IPAddress.Broadcast;

    public static IEnumerable<Attack> All => [.. Sources, .. Arps, .. DhcpServers, .. Tags, .. Types, .. Ipv6Roles, .. OtherGroups, .. FrontEndServices];

    /// <summary>What must pass: the same kinds of frames with nothing forged in them.</summary>
    public static IEnumerable<(string Name, Func<AttackField, byte[]> Frame)> Rights =>
    [
        ("a datagram to a neighbour", f => f.Datagram(f.Far.Mac, f.Far.Address)),
        ("a datagram with IP options to a neighbour", f => f.Datagram(f.Far.Mac, f.Far.Address, options: [7, 7, 4, 0, 0, 0, 0, 0])),
        ("a fragment to a neighbour", f => f.Ip(f.Far.Mac, Ipv4(f.Address, f.Far.Address, Udp, UdpDatagram(4000, 4000), fragment: 0x2000))),
        ("a broadcast", f => f.Datagram(Broadcast, Everybody)),
        ("an ARP request", f => Arp(f.Own, 1, f.Own, f.Address, Nobody, f.Unused)),
        ("an ARP answer", f => Arp(f.Own, 2, f.Own, f.Address, f.Far.Mac, f.Far.Address, f.Far.Mac)),
        ("a gratuitous ARP of its own address", f => Arp(f.Own, 1, f.Own, f.Address, Nobody, f.Address)),
        ("an ARP probe of its own address", f => Arp(f.Own, 1, f.Own, IPAddress.Any, Nobody, f.Address)),
        ("a DHCP request", f => Client(f, 1, f.Own)),
        ("a DHCP renewal", f => f.Ip(Broadcast, Ipv4(f.Address, f.Router, Udp, UdpDatagram(68, 67, Dhcp(1, 3, f.Own, f.Address))))),
        ("an IPv6 echo request", f => f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 128, [0, 1, 0, 1, .. Marker])),
        ("a solicitation of its own IPv6 address, before it has it", f => f.Icmpv6(AllNodesMac, IPAddress.IPv6Any, AllNodes, 135, [0, 0, 0, 0, .. LinkLocal(f.Own).GetAddressBytes(), .. Marker])),
        ("a solicitation of a neighbour's IPv6 address", f => f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 135, [0, 0, 0, 0, .. LinkLocal(f.Far.Mac).GetAddressBytes(), .. Marker])),
        ("an advertisement of its own IPv6 address", f => f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 136, [0x20, 0, 0, 0, .. LinkLocal(f.Own).GetAddressBytes(), .. Marker])),
        ("a report of its multicast groups", f => f.Icmpv6(AllNodesMac, IPAddress.IPv6Any, AllNodes, 143, Marker, [58, 0, 5, 2, 0, 0, 1, 0], first: 0)),
    ];

    private static IEnumerable<Attack> Sources =>
    [
        new("a foreign source MAC", Target.Neighbours, f => [Ethernet(f.Far.Mac, Foreign, Ipv4Type, Ipv4(f.Address, f.Far.Address, Udp, UdpDatagram(1, 1)))]),
        new("the neighbour's MAC and address", Target.Neighbours, f => [Ethernet(f.Far.Mac, f.Neighbour.Mac, Ipv4Type, Ipv4(f.Neighbour.Address, f.Far.Address, Udp, UdpDatagram(1, 1)))]),
        new("the MAC and address of a neighbour elsewhere", Target.Neighbours, f => [Ethernet(f.Neighbour.Mac, f.Far.Mac, Ipv4Type, Ipv4(f.Far.Address, f.Neighbour.Address, Udp, UdpDatagram(1, 1)))]),
        new("the router's MAC and address", Target.Neighbours, f => [Ethernet(f.Far.Mac, f.RouterMac, Ipv4Type, Ipv4(f.Router, f.Far.Address, Udp, UdpDatagram(1, 1)))]),
        new("a multicast source MAC", Target.Neighbours, f => [Ethernet(f.Far.Mac, [0x01, 0, 0x5e, 0, 0, 9], Ipv4Type, Ipv4(f.Address, f.Far.Address, Udp, UdpDatagram(1, 1)))]) { StoppedBy = "a bridge takes no frame with a multicast source" },
        new("an address nobody has", Target.Neighbours, f => [f.DatagramFrom("192.168.0.60", f.Far)]),
        new("the neighbour's address", Target.Neighbours, f => [f.DatagramFrom(f.Neighbour.Address.ToString(), f.Far)]),
        new("the router's address", Target.Neighbours, f => [f.DatagramFrom("192.168.0.1", f.Far)]),
        new("an address of another group", Target.Neighbours, f => [f.DatagramFrom(f.Other.Address.ToString(), f.Far)]),
        new("an address from outside", Target.Neighbours, f => [f.DatagramFrom("203.0.113.100", f.Far)]),
        new("a loopback address", Target.Neighbours, f => [f.DatagramFrom("127.0.0.1", f.Far)]),
        new("a broadcast source", Target.Neighbours, f => [f.DatagramFrom("255.255.255.255", f.Far)]),
        new("no address, though it is no DHCP", Target.Neighbours, f => [f.DatagramFrom("0.0.0.0", f.Far)]),
        new("no address, DHCP's port but TCP", Target.Neighbours, f => [f.Ip(Broadcast, Ipv4(IPAddress.Any, Everybody, Tcp, TcpSegment(IPAddress.Any, Everybody, 68, 67, 2)))]),
        new("a foreign address behind IP options", Target.Neighbours, f => [f.Ip(f.Far.Mac, Ipv4(f.Unused, f.Far.Address, Udp, UdpDatagram(1, 1), [7, 7, 4, 0, 0, 0, 0, 0]))]),
        new("a foreign address in a fragment", Target.Neighbours, f => [f.Ip(f.Far.Mac, Ipv4(f.Unused, f.Far.Address, Udp, [.. Marker, 0, 0], fragment: 0x0005))]),
        new("a frame for the node itself", Target.Neighbours, f => [f.Datagram(f.BridgeMac, f.Unused)]),
    ];

    private static IEnumerable<Attack> Arps =>
    [
        new("an ARP request that claims the router's address", Target.Neighbours, f => [Arp(f.Own, 1, f.Own, f.Router, Nobody, f.Far.Address)]),
        new("an ARP answer that claims the router's address", Target.Neighbours, f => [Arp(f.Own, 2, f.Own, f.Router, f.Far.Mac, f.Far.Address, f.Far.Mac)]),
        new("a gratuitous ARP of the neighbour's address", Target.Neighbours, f => [Arp(f.Own, 1, f.Own, f.Neighbour.Address, Nobody, f.Neighbour.Address)]),
        new("a gratuitous ARP answer of the neighbour's address", Target.Neighbours, f => [Arp(f.Own, 2, f.Own, f.Neighbour.Address, Broadcast, f.Neighbour.Address)]),
        new("an ARP claim of another group's address", Target.Neighbours, f => [Arp(f.Own, 1, f.Own, f.Other.Address, Nobody, f.Router)]),
        new("its own address at a foreign MAC", Target.Neighbours, f => [Arp(f.Own, 1, Foreign, f.Address, Nobody, f.Address)]),
        new("the neighbour's MAC in ARP and frame", Target.Neighbours, f => [Arp(f.Neighbour.Mac, 1, f.Neighbour.Mac, f.Neighbour.Address, Nobody, f.Router)]),
        new("an ARP probe of the neighbour's address", Target.Neighbours, f => [Arp(f.Own, 1, f.Own, IPAddress.Any, Nobody, f.Neighbour.Address)]),
        new("a reverse ARP request", Target.Neighbours, f => [Arp(f.Own, 3, f.Own, f.Address, f.Own, f.Address, type: RarpType)]),
        new("ARP with lengths that shift its fields", Target.Neighbours, f =>
        [
            Ethernet(Broadcast, f.Own, ArpType, [0, 1, 8, 0, 8, 4, 0, 2, .. f.Own, .. f.Address.GetAddressBytes(), .. f.Router.GetAddressBytes(), .. Marker]),
        ]),
        new("ARP cut short", Target.Neighbours, f => [Ethernet(Broadcast, [.. f.Own], ArpType, Marker[..12])]) { Mark = Marker[..12] },
    ];

    private static IEnumerable<Attack> DhcpServers =>
    [
        new("a DHCP offer", Target.Neighbours, f => [f.Ip(Broadcast, Ipv4(f.Address, Everybody, Udp, UdpDatagram(67, 68, Dhcp(2, 2, f.Far.Mac, yours: f.Unused))))]),
        new("a DHCP acknowledgement to one neighbour", Target.Neighbours, f => [f.Ip(f.Far.Mac, Ipv4(f.Address, f.Far.Address, Udp, UdpDatagram(67, 68, Dhcp(2, 5, f.Far.Mac, yours: f.Unused))))]),
        new("a DHCP offer in the router's name", Target.Neighbours, f => [f.Ip(Broadcast, Ipv4(f.Router, Everybody, Udp, UdpDatagram(67, 68, Dhcp(2, 2, f.Far.Mac, yours: f.Unused))))]),
        new("a DHCP offer behind IP options", Target.Neighbours, f => [f.Ip(Broadcast, Ipv4(f.Address, Everybody, Udp, UdpDatagram(67, 68, Dhcp(2, 2, f.Far.Mac)), [7, 7, 4, 0, 0, 0, 0, 0]))]),
        new("a DHCP offer's first fragment", Target.Neighbours, f => [f.Ip(Broadcast, Ipv4(f.Address, Everybody, Udp, UdpDatagram(67, 68, Dhcp(2, 2, f.Far.Mac)), fragment: 0x2000))]),
        new("DHCP requests for random clients, as to use up every address", Target.Neighbours, f => [.. Enumerable.Range(1, 8).Select(n => Client(f, 1, [2, 0, 0, 1, 2, (byte)n]))]),
        new("a DHCP request for the neighbour", Target.Neighbours, f => [Client(f, 3, f.Neighbour.Mac)]),
        new("a DHCP decline for the neighbour", Target.Neighbours, f => [Client(f, 4, f.Neighbour.Mac)]),
        new("a DHCP release for the neighbour", Target.Neighbours, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Router, Udp, UdpDatagram(68, 67, Dhcp(1, 7, f.Neighbour.Mac, f.Neighbour.Address))))]),
    ];

    private static IEnumerable<Attack> Tags =>
    [
        new("its own VLAN's tag", Target.Neighbours, f => [Tag(f.Datagram(f.Far.Mac, f.Far.Address), 10)]),
        new("another group's VLAN", Target.Neighbours, f => [Tag(f.Datagram(f.Other.Mac, f.Other.Address), 11)]),
        new("another group's VLAN, to everybody", Target.Neighbours, f => [Tag(f.Datagram(Broadcast, Everybody), 11)]),
        new("two tags, as to hop from VLAN to VLAN", Target.Neighbours, f => [Tag(Tag(f.Datagram(Broadcast, Everybody), 11), 10)]),
        new("two tags, the outer a service tag", Target.Neighbours, f => [Tag(Tag(f.Datagram(Broadcast, Everybody), 11), 10, ServiceVlanType)]),
        new("a service tag", Target.Neighbours, f => [Tag(f.Datagram(Broadcast, Everybody), 11, ServiceVlanType)]),
        new("three tags", Target.Neighbours, f => [Tag(Tag(Tag(f.Datagram(Broadcast, Everybody), 11), 11), 10)]),
        new("a priority tag, VLAN 0", Target.Neighbours, f => [Tag(f.Datagram(f.Far.Mac, f.Far.Address), 0xe000)]),
        new("a tag before a claim of the router's address", Target.Neighbours, f => [Tag(Arp(f.Own, 2, f.Own, f.Router, Broadcast, f.Router), 0)]),
    ];

    private static IEnumerable<Attack> Types =>
    [
        new("an unknown ethernet type", Target.Neighbours, f => [Ethernet(Broadcast, f.Own, 0x88b5, Marker)]),
        new("an LLC frame", Target.Neighbours, f => [Ethernet(Broadcast, f.Own, (ushort)(3 + Marker.Length), [0xe0, 0xe0, 0x03, .. Marker])]),
        new("a spanning tree frame", Target.Neighbours, f => [Ethernet([1, 0x80, 0xc2, 0, 0, 0], f.Own, (ushort)(3 + Marker.Length), [0x42, 0x42, 0x03, .. Marker])]),
        new("a pause frame", Target.Neighbours, f => [Ethernet([1, 0x80, 0xc2, 0, 0, 1], f.Own, 0x8808, [0, 1, 0xff, 0xff, .. Marker])]) { StoppedBy = "IEEE 802.1D: bridges never forward this address" },
        new("a link aggregation frame", Target.Neighbours, f => [Ethernet([1, 0x80, 0xc2, 0, 0, 2], f.Own, 0x8809, Marker)]) { StoppedBy = "IEEE 802.1D: reserved, not forwarded" },
        new("a port authentication frame", Target.Neighbours, f => [Ethernet([1, 0x80, 0xc2, 0, 0, 3], f.Own, 0x888e, Marker)]) { StoppedBy = "IEEE 802.1D: reserved, not forwarded" },
        new("a link layer discovery frame", Target.Neighbours, f => [Ethernet([1, 0x80, 0xc2, 0, 0, 0x0e], f.Own, 0x88cc, Marker)]) { StoppedBy = "IEEE 802.1D: reserved, not forwarded" },
        new("a PPPoE server's frame", Target.Neighbours, f => [Ethernet(Broadcast, f.Own, 0x8863, Marker)]),
        new("an MPLS frame", Target.Neighbours, f => [Ethernet(f.Far.Mac, f.Own, 0x8847, [0, 1, 0x01, 0xff, .. Ipv4(f.Unused, f.Far.Address, Udp, UdpDatagram(1, 1))])]),
        new("a frame of nothing but its header", Target.Neighbours, f => [Ethernet(Unknown, f.Own, 0x88b6, [])]) { Mark = Unknown },
        new("an IPv4 packet cut short", Target.Neighbours, f => [Ethernet(Broadcast, f.Own, Ipv4Type, [0x45, 0, 0, 40, .. Marker[..12]])]) { Mark = Marker[..12] },
        new("something that says it is IPv4 and is not", Target.Neighbours, f => [Ethernet(Broadcast, f.Own, Ipv4Type, [0x65, 0, 0, 40, 0, 0, 0, 0, 64, 17, 0, 0, .. f.Unused.GetAddressBytes(), .. Marker])]),
        new("the largest frame from a foreign address", Target.Neighbours, f => [f.Ip(f.Far.Mac, Ipv4(f.Unused, f.Far.Address, Udp, UdpDatagram(1, 1, [.. Marker, .. new byte[1472 - Marker.Length]])))]),
        new("a frame larger than the network's", Target.Neighbours, f => [f.Ip(f.Far.Mac, Ipv4(f.Unused, f.Far.Address, Udp, UdpDatagram(1, 1, [.. Marker, .. new byte[3000]])))]) { StoppedBy = "the interface's MTU" },
    ];

    private static IEnumerable<Attack> Ipv6Roles =>
    [
        new("a router advertisement", Target.Neighbours, f => [f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 134, [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, .. Marker])]),
        new("a router advertisement behind hop-by-hop options", Target.Neighbours, f => [f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 134, [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, .. Marker], [58, 0, 1, 4, 0, 0, 0, 0], first: 0)]),
        new("a router advertisement behind destination options", Target.Neighbours, f => [f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 134, [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, .. Marker], [58, 0, 1, 4, 0, 0, 0, 0], first: 60)]),
        new("a router advertisement hidden in a later fragment (RFC 7113)", Target.Neighbours, f =>
        [
            f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 134, [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, .. Marker], [60, 0, 0, 9, 0, 0, 0, 1], first: 44),
        ]),
        new("a redirect", Target.Neighbours, f => [f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 137, [0, 0, 0, 0, .. LinkLocal(f.Own).GetAddressBytes(), .. LinkLocal(f.Far.Mac).GetAddressBytes(), .. Marker])]),
        new("a query for multicast groups, a router's", Target.Neighbours, f => [f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 130, [0, 0, 0, 0, .. new byte[16], .. Marker], [58, 0, 5, 2, 0, 0, 1, 0], first: 0)]),
        new("an advertisement of the neighbour's IPv6 address", Target.Neighbours, f => [f.Icmpv6(AllNodesMac, LinkLocal(f.Own), AllNodes, 136, [0x20, 0, 0, 0, .. LinkLocal(f.Neighbour.Mac).GetAddressBytes(), .. Marker])]),
        new("a solicitation in the neighbour's name", Target.Neighbours, f => [f.Icmpv6(AllNodesMac, LinkLocal(f.Neighbour.Mac), AllNodes, 135, [0, 0, 0, 0, .. LinkLocal(f.Far.Mac).GetAddressBytes(), .. Marker])]),
        new("a solicitation that keeps the neighbour from its IPv6 address", Target.Neighbours, f => [f.Icmpv6(AllNodesMac, IPAddress.IPv6Any, AllNodes, 135, [0, 0, 0, 0, .. LinkLocal(f.Neighbour.Mac).GetAddressBytes(), .. Marker])]),
        new("a DHCPv6 server's answer", Target.Neighbours, f => [Ethernet(AllNodesMac, f.Own, Ipv6Type, Ipv6(LinkLocal(f.Own), AllNodes, Udp, UdpDatagram(547, 546)))]),
        new("an IPv6 address that nobody gave it", Target.Neighbours, f => [Ethernet(AllNodesMac, f.Own, Ipv6Type, Ipv6(IPAddress.Parse("2001:db8::1"), AllNodes, Udp, UdpDatagram(1, 1)))]),
    ];

    private static IEnumerable<Attack> OtherGroups =>
    [
        new("a broadcast to another group", Target.FrontEnd, f => [f.Datagram(Broadcast, IPAddress.Parse("192.168.0.127"))]) { StoppedBy = "each group is a VLAN of its own" },
        new("a frame to another group's MAC", Target.FrontEnd, f => [f.Datagram(f.Other.Mac, f.Other.Address)]) { StoppedBy = "each group is a VLAN of its own" },
        new("multicast to another group", Target.FrontEnd, f => [f.Datagram([1, 0, 0x5e, 0, 0, 0xfb], IPAddress.Parse("224.0.0.251"))]) { StoppedBy = "each group is a VLAN of its own" },
        new("a directed broadcast through the router", Target.FrontEnd, f => [f.Datagram(f.RouterMac, IPAddress.Parse("192.168.0.127"))]) { StoppedBy = "the front-end's kernel forwards no directed broadcast" },
        new("a datagram to another group's VM", Target.FrontEnd, f => [f.Datagram(f.RouterMac, f.Other.Address)]),
        new("an answer that nobody asked for", Target.FrontEnd, f => [f.Datagram(f.RouterMac, f.Other.Address, 53, 33333)]),
        new("a connection to another group's VM", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Other.Address, Tcp, TcpSegment(f.Address, f.Other.Address, 4001, 22, 2)))]),
        new("a TCP acknowledgement without a connection", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Other.Address, Tcp, TcpSegment(f.Address, f.Other.Address, 4002, 22, 16)))]),
        new("a TCP reset without a connection", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Other.Address, Tcp, TcpSegment(f.Address, f.Other.Address, 4003, 22, 4)))]),
        new("a ping to another group's VM", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Other.Address, Icmp, IcmpMessage(8, 0)))]),
        new("an ICMP error about a flow that is none", Target.FrontEnd, f =>
        [
            f.Ip(f.RouterMac, Ipv4(f.Address, f.Other.Address, Icmp, IcmpMessage(3, 3, [.. Ipv4(f.Other.Address, f.Address, Udp, UdpDatagram(9, 9))]))),
        ]),
        new("an ICMP redirect to another group's VM", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Other.Address, Icmp, IcmpMessage(5, 1, [.. Ipv4(f.Other.Address, f.Address, Udp, UdpDatagram(9, 9))])))]),
        new("a GRE packet to another group's VM", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Other.Address, 47, [0, 0, 8, 0, .. Marker]))]),
        new("a packet of a protocol without a name", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Other.Address, 253, Marker))]),
        new("a datagram to a closed port, beside the open one, in fragments", Target.FrontEnd, f => Fragments(f, 5001)),
        new("a fragment that overwrites the open port with a closed one", Target.FrontEnd, OverlappingFragments) { Mark = Marker[..8] },
        new("a later fragment without its first", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Other.Address, Udp, [.. Marker, 0, 0], fragment: 0x0004, identification: 77))]),
        new("a source route to another group's VM", Target.FrontEnd, f => [f.Datagram(f.RouterMac, f.Router, options: [131, 7, 4, .. f.Other.Address.GetAddressBytes(), 0])]) { StoppedBy = "accept_source_route is off" },
        new("a datagram with IP options to another group's VM", Target.FrontEnd, f => [f.Datagram(f.RouterMac, f.Other.Address, options: [7, 7, 4, 0, 0, 0, 0, 0])]),
    ];

    private static IEnumerable<Attack> FrontEndServices =>
    [
        new("ssh to its router", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.Router, Tcp, TcpSegment(f.Address, f.Router, 4010, 22, 2)))]),
        new("a datagram to its router", Target.FrontEnd, f => [f.Datagram(f.RouterMac, f.Router, port: 161)]),
        new("a ping of another group's router", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.OtherRouter, Icmp, IcmpMessage(8, 0)))]),
        new("ssh to another group's router", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.OtherRouter, Tcp, TcpSegment(f.Address, f.OtherRouter, 4011, 22, 2)))]),
        new("ssh to the front-end's outer address", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, IPAddress.Parse("203.0.113.1"), Tcp, TcpSegment(f.Address, IPAddress.Parse("203.0.113.1"), 4012, 22, 2)))]),
        new("a ping of the front-end's outer address", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, IPAddress.Parse("203.0.113.1"), Icmp, IcmpMessage(8, 0)))]),
        new("DHCP to another group's router", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, f.OtherRouter, Udp, UdpDatagram(68, 67, Dhcp(1, 3, f.Own, f.Address))))]) { StoppedBy = "the server answers each interface's own clients for its own address" },
        new("a packet for the front-end's loopback address", Target.FrontEnd, f => [f.Ip(f.RouterMac, Ipv4(f.Address, IPAddress.Loopback, Icmp, IcmpMessage(8, 0)))]) { StoppedBy = "the kernel takes no loopback address from a wire" },
    ];

    private static byte[] Client(AttackField field, byte type, byte[] client) =>
        field.Ip(Broadcast, Ipv4(IPAddress.Any, Everybody, Udp, UdpDatagram(68, 67, Dhcp(1, type, client))));

    // Eight octets of UDP header first, the data behind them.
    private static byte[][] Fragments(AttackField field, ushort port)
    {
        byte[] whole = UdpDatagram(4020, port, [.. Marker, 0, 0]);
        return
        [
            field.Ip(field.RouterMac, Ipv4(field.Address, field.Other.Address, Udp, whole[..8], fragment: 0x2000, identification: 78)),
            field.Ip(field.RouterMac, Ipv4(field.Address, field.Other.Address, Udp, whole[8..], fragment: 0x0001, identification: 78)),
        ];
    }

    // The first fragment names the open port; a longer one at the same place names another. Nobody puts fragments together that overlap (RFC 5722).
    private static byte[][] OverlappingFragments(AttackField field)
    {
        byte[] open = UdpDatagram(4021, 5000, [.. Marker, 0, 0]);
        byte[] closed = UdpDatagram(4021, 5001, [.. Marker, 0, 0]);
        byte[] Part(byte[] data, ushort fragment) => field.Ip(field.RouterMac, Ipv4(field.Address, field.Other.Address, Udp, data, fragment: fragment, identification: 79));
        return [Part(open[..8], 0x2000), Part(closed[..16], 0x2000), Part(open[16..], 0x0002)];
    }
}
