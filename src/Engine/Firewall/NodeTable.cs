using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// A node's guards: what comes from an instance's interface must carry its own MAC, address and ARP sender, is no tagged frame, no DHCP server's
/// answer and no router's advertisement, and is not for the node itself. Static chains; an instance is a few elements.
/// </summary>
internal static class NodeTable
{
    /// <summary>Instances' interfaces.</summary>
    public const string Ports = "ports";

    /// <summary>Interface and MAC.</summary>
    public const string Macs = "macs";

    /// <summary>Interface, MAC and address.</summary>
    public const string Senders = "senders";

    private const NftablesFamily Family = NftablesFamily.Bridge;
    private const string TableName = FirewallTable.Name;
    private const string Instances = "instances";
    private const int Filter = -200;
    private const uint PreRouting = 0;
    private const uint LocalIn = 1;
    private const ushort Ipv4 = 0x0800;
    private const ushort Arp = 0x0806;
    private const ushort Ipv6 = 0x86dd;
    private const byte Icmpv6 = 58;

    /// <summary>The static part.</summary>
    public static FirewallTable Of()
    {
        var rules = new List<Rule>();
        void Add(string chain, string comment, RuleWriter rule) => rules.Add(rule.ToRule(Family, TableName, chain, comment));

        Add("prerouting", "from an instance", new RuleWriter().LoadInputInterface().In(Ports).Verdict(Verdict.Goto(Instances)));
        Add("input", "nothing of the node's is theirs", new RuleWriter().LoadInputInterface().In(Ports).Count().Drop());

        Add(Instances, "foreign MAC", new RuleWriter().LoadInputInterface().Payload(PayloadBase.LinkLayerHeader, 6, 6).In(Macs, not: true).Count().Drop());
        Add(Instances, "ARP in its own name", new RuleWriter().EtherType(Arp).LoadInputInterface()
            .Payload(PayloadBase.NetworkHeader, 8, 6).Payload(PayloadBase.NetworkHeader, 14, 4).In(Senders).Accept());
        Add(Instances, "ARP probe before it has an address", new RuleWriter().EtherType(Arp).Payload(PayloadBase.NetworkHeader, 14, 4).Equal(new byte[4])
            .LoadInputInterface().Payload(PayloadBase.NetworkHeader, 8, 6).In(Macs).Accept());
        Add(Instances, "no DHCP server", new RuleWriter().EtherType(Ipv4).SourcePort(IngressRule.Udp, 67).Count().Drop());
        Add(Instances, "its own address", new RuleWriter().EtherType(Ipv4).LoadInputInterface()
            .Payload(PayloadBase.LinkLayerHeader, 6, 6).Payload(PayloadBase.NetworkHeader, 12, 4).In(Senders).Accept());
        Add(Instances, "DHCP before it has an address", new RuleWriter().EtherType(Ipv4).Payload(PayloadBase.NetworkHeader, 12, 4).Equal(new byte[4])
            .DestinationPort(IngressRule.Udp, 67).Accept());
        Add(Instances, "no router", new RuleWriter().EtherType(Ipv6).Protocol(Icmpv6).Payload(PayloadBase.TransportHeader, 0, 1).Equal(new byte[] { 134 }).Count().Drop());
        Add(Instances, "no redirects", new RuleWriter().EtherType(Ipv6).Protocol(Icmpv6).Payload(PayloadBase.TransportHeader, 0, 1).Equal(new byte[] { 137 }).Count().Drop());
        Add(Instances, "no DHCPv6 server", new RuleWriter().EtherType(Ipv6).SourcePort(IngressRule.Udp, 547).Count().Drop());
        Add(Instances, "IPv6", new RuleWriter().EtherType(Ipv6).Accept());
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
        ]);
    }

    /// <summary>Adds an instance's elements.</summary>
    public static void Add(FirewallContent content, string interfaceName, MacAddress mac, Ipv4Address address)
    {
        content.Add(Ports, ElementKeys.Interface(interfaceName));
        content.Add(Macs, ElementKeys.InterfaceMac(interfaceName, mac));
        content.Add(Senders, ElementKeys.InterfaceMacAddress(interfaceName, mac, address));
    }

    /// <summary>Takes an instance's elements away.</summary>
    public static void Remove(FirewallContent content, string interfaceName, MacAddress mac, Ipv4Address address)
    {
        content.Remove(Ports, ElementKeys.Interface(interfaceName));
        content.Remove(Macs, ElementKeys.InterfaceMac(interfaceName, mac));
        content.Remove(Senders, ElementKeys.InterfaceMacAddress(interfaceName, mac, address));
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
