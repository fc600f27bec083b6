using EucaNet.Engine.Configuration;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// A node's guards: what comes from an instance's interface must carry its own MAC, address and ARP sender, is no tagged frame, no DHCP server's
/// answer, no DHCP request for another and no router's advertisement, and is not for the node itself. Of IPv6, which no mode hands out, an instance has
/// the link-local address of its MAC alone (RFC 4291, appendix A). Static chains; an instance is a few elements.
/// </summary>
internal static class NodeTable
{
    /// <summary>Instances' interfaces.</summary>
    public const string Ports = "ports";

    /// <summary>Interface and MAC.</summary>
    public const string Macs = "macs";

    /// <summary>Interface, MAC and address.</summary>
    public const string Senders = "senders";

    /// <summary>Interface, MAC and IPv6 address: the link-local one, and none at all before it is taken.</summary>
    public const string Senders6 = "senders6";

    private const NftablesFamily Family = NftablesFamily.Bridge;
    private const string TableName = FirewallTable.Name;
    private const string Instances = "instances";
    private const int Filter = -200;
    private const uint PreRouting = 0;
    private const uint LocalIn = 1;
    private const ushort Ipv4 = 0x0800;
    private const ushort ArpType = 0x0806;
    private const ushort Ipv6 = 0x86dd;

    // The client's hardware address (chaddr) behind the UDP header.
    private const int DhcpClientMac = 8 + 28;
    private const byte HopByHop = 0;
    private const byte Icmpv6 = 58;

    // ICMPv6 types: a report of multicast groups (RFC 2710, 3810) and its end, a router's query; neighbour discovery (RFC 4861).
    private const byte ListenerQuery = 130;
    private const byte ListenerReport = 131;
    private const byte ListenerDone = 132;
    private const byte ListenerReport2 = 143;
    private const byte RouterAdvertisement = 134;
    private const byte NeighbourSolicitation = 135;
    private const byte NeighbourAdvertisement = 136;
    private const byte Redirect = 137;

    /// <summary>The static part.</summary>
    public static FirewallTable Of(NetworkConfiguration configuration)
    {
        var rules = new List<Rule>();
        void Add(string chain, string comment, RuleWriter rule) => rules.Add(rule.ToRule(Family, TableName, chain, comment));

        Add("prerouting", "from an instance", new RuleWriter().LoadInputInterface().In(Ports).Verdict(Verdict.Goto(Instances)));

        // Where the front-end shares the machine, what is for the machine is for the router; the front-end's own table judges it.
        if (!configuration.SingleMachine)
        {
            Add("input", "nothing of the node's is theirs", new RuleWriter().LoadInputInterface().In(Ports).Count().Drop());
        }

        Add(Instances, "foreign MAC", new RuleWriter().LoadInputInterface().Payload(PayloadBase.LinkLayerHeader, 6, 6).In(Macs, not: true).Count().Drop());
        Add(Instances, "ARP in its own name", Arp().LoadInputInterface()
            .Payload(PayloadBase.NetworkHeader, 8, 6).Payload(PayloadBase.NetworkHeader, 14, 4).In(Senders).Accept());
        Add(Instances, "ARP probe of its own address before it has it", Arp().Payload(PayloadBase.NetworkHeader, 14, 4).Equal(new byte[4])
            .LoadInputInterface().Payload(PayloadBase.NetworkHeader, 8, 6).Payload(PayloadBase.NetworkHeader, 24, 4).In(Senders).Accept());
        Add(Instances, "no DHCP server", new RuleWriter().EtherType(Ipv4).SourcePort(IngressRule.Udp, 67).Count().Drop());
        Add(Instances, "DHCP before it has an address, for its own MAC", new RuleWriter().EtherType(Ipv4).Payload(PayloadBase.NetworkHeader, 12, 4).Equal(new byte[4])
            .DestinationPort(IngressRule.Udp, 67).LoadInputInterface().Payload(PayloadBase.TransportHeader, DhcpClientMac, 6).In(Macs).Accept());
        Add(Instances, "DHCP with its address, for its own MAC", new RuleWriter().EtherType(Ipv4).DestinationPort(IngressRule.Udp, 67)
            .LoadInputInterface().Payload(PayloadBase.TransportHeader, DhcpClientMac, 6).In(Macs)
            .LoadInputInterface().Payload(PayloadBase.LinkLayerHeader, 6, 6).Payload(PayloadBase.NetworkHeader, 12, 4).In(Senders).Accept());
        Add(Instances, "no DHCP for another", new RuleWriter().EtherType(Ipv4).DestinationPort(IngressRule.Udp, 67).Count().Drop());
        Add(Instances, "its own address", new RuleWriter().EtherType(Ipv4).LoadInputInterface()
            .Payload(PayloadBase.LinkLayerHeader, 6, 6).Payload(PayloadBase.NetworkHeader, 12, 4).In(Senders).Accept());
        AddIpv6((comment, rule) => Add(Instances, comment, rule));
        Add(Instances, "everything else, tagged frames too", new RuleWriter().Count().Drop());

        Chain[] chains =
        [
            Chain.Regular(Family, TableName, Instances),
            Chain.Base(Family, TableName, "prerouting", "filter", new ChainHook(PreRouting, Filter)),
            Chain.Base(Family, TableName, "input", "filter", new ChainHook(LocalIn, Filter)),
        ];
        return new FirewallTable(new Table { Family = Family, Name = TableName }, chains, rules,
        [
            Set(1, Ports, 16, KeyTypes.InterfaceName),
            Set(2, Macs, 24, KeyTypes.InterfaceName, KeyTypes.EtherAddress),
            Set(3, Senders, 28, KeyTypes.InterfaceName, KeyTypes.EtherAddress, KeyTypes.Ipv4Address),
            Set(4, Senders6, 40, KeyTypes.InterfaceName, KeyTypes.EtherAddress, KeyTypes.Ipv6Address),
        ]);
    }

    /// <summary>Adds an instance's elements.</summary>
    public static void Add(FirewallContent content, string interfaceName, MacAddress mac, Ipv4Address address)
    {
        content.Add(Ports, ElementKeys.Interface(interfaceName));
        content.Add(Macs, ElementKeys.InterfaceMac(interfaceName, mac));
        content.Add(Senders, ElementKeys.InterfaceMacAddress(interfaceName, mac, address));
        content.Add(Senders6, ElementKeys.InterfaceMacLinkLocal(interfaceName, mac));
        content.Add(Senders6, ElementKeys.InterfaceMacUnspecified(interfaceName, mac));
    }

    /// <summary>Takes an instance's elements away.</summary>
    public static void Remove(FirewallContent content, string interfaceName, MacAddress mac, Ipv4Address address)
    {
        content.Remove(Ports, ElementKeys.Interface(interfaceName));
        content.Remove(Macs, ElementKeys.InterfaceMac(interfaceName, mac));
        content.Remove(Senders, ElementKeys.InterfaceMacAddress(interfaceName, mac, address));
        content.Remove(Senders6, ElementKeys.InterfaceMacLinkLocal(interfaceName, mac));
        content.Remove(Senders6, ElementKeys.InterfaceMacUnspecified(interfaceName, mac));
    }

    // The header that alone puts its fields where the guards look: ethernet and IPv4, of six and four octets.
    private static RuleWriter Arp() =>
        new RuleWriter().EtherType(ArpType).Payload(PayloadBase.NetworkHeader, 0, 6).Equal(new byte[] { 0, 1, 8, 0, 6, 4 });

    private static void AddIpv6(Action<string, RuleWriter> add)
    {
        // Which header follows is asked of the fixed header itself: behind others, in later fragments above all, anything could hide (RFC 7113).
        static RuleWriter Next(byte header) => new RuleWriter().EtherType(Ipv6).Payload(PayloadBase.NetworkHeader, 6, 1).Equal(new byte[] { header });
        static RuleWriter Message(byte type, RuleWriter rule) => rule.Payload(PayloadBase.TransportHeader, 0, 1).Equal(new byte[] { type });
        static RuleWriter Target(RuleWriter rule) =>
            rule.LoadInputInterface().Payload(PayloadBase.LinkLayerHeader, 6, 6).Payload(PayloadBase.TransportHeader, 8, 16);

        add("foreign IPv6 address", new RuleWriter().EtherType(Ipv6).LoadInputInterface()
            .Payload(PayloadBase.LinkLayerHeader, 6, 6).Payload(PayloadBase.NetworkHeader, 8, 16).In(Senders6, not: true).Count().Drop());
        foreach (byte report in (byte[])[ListenerReport, ListenerDone, ListenerReport2])
        {
            add("multicast groups it listens to", Message(report, Next(HopByHop).Payload(PayloadBase.NetworkHeader, 40, 1).Equal(new byte[] { Icmpv6 })).Accept());
        }

        add("no DHCPv6 server", Next(IngressRule.Udp).Payload(PayloadBase.TransportHeader, 0, 2).Equal(OctetString.FromUInt16BigEndian(547)).Count().Drop());
        add("datagrams", Next(IngressRule.Udp).Accept());
        add("connections", Next(IngressRule.Tcp).Accept());
        add("no router", Message(RouterAdvertisement, Next(Icmpv6)).Count().Drop());
        add("no router's query", Message(ListenerQuery, Next(Icmpv6)).Count().Drop());
        add("no redirects", Message(Redirect, Next(Icmpv6)).Count().Drop());
        add("advertisement of another's IPv6 address", Target(Message(NeighbourAdvertisement, Next(Icmpv6))).In(Senders6, not: true).Count().Drop());
        add("probe of another's IPv6 address", Target(Message(NeighbourSolicitation, Next(Icmpv6)).Payload(PayloadBase.NetworkHeader, 8, 16).Equal(new byte[16]))
            .In(Senders6, not: true).Count().Drop());
        add("ICMPv6", Next(Icmpv6).Accept());
    }

    private static NftablesSet Set(uint id, string name, uint length, params ReadOnlySpan<uint> types) => new()
    {
        Family = Family,
        Table = TableName,
        Name = name,
        Id = id,
        KeyType = KeyTypes.Concatenate(types),
        UserData = KeyTypes.UserDataOf(types),
        KeyLength = length,
    };
}
