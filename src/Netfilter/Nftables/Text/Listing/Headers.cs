namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Where a header lies.</summary>
internal enum HeaderBase
{
    None,
    Link,
    Network,
    Transport,
    Inner,
}

/// <summary>What an ICMP message's type must be for a field to exist.</summary>
/// <remarks>The value is the type, 0 stands for any.</remarks>
internal enum IcmpDependency : byte
{
    Any = 0,
    DestinationUnreachable = 3,
    Redirect = 5,
    Echo = 8,
    PacketTooBig = 2,
    ParameterProblem = 4,
    Echo6 = 128,
    ListenerQuery = 130,
}

/// <summary>A field of a header: its name, where it begins and how long it is (bits), its type.</summary>
internal sealed record HeaderField(string Name, int Offset, int Bits, DataType Type, IcmpDependency Dependency = IcmpDependency.Any);

/// <summary>A protocol's header with its fields, in the numbering that nft stores for typeof; field 0 is none.</summary>
internal sealed class HeaderProtocol(uint id, string name, HeaderBase @base, HeaderField[] fields)
{
    public uint Id { get; } = id;

    public string Name { get; } = name;

    public HeaderBase Base { get; } = @base;

    /// <summary>Bits, where another header of the same layer may follow.</summary>
    public int Length { get; init; }

    /// <summary>The field that says what follows; 0 where there is none.</summary>
    public int ProtocolField { get; init; }

    /// <summary>The protocols that may follow, by their number.</summary>
    public Dictionary<uint, HeaderProtocol> Upper { get; } = [];

    /// <summary>Field 1 and so on; index 0 is not in use.</summary>
    public HeaderField?[] Fields { get; } = [null, .. fields];

    public HeaderProtocol? Find(uint number) => Upper.GetValueOrDefault(number);
}

/// <summary>The headers that nft 1.0.6 knows (IANA, RFCs; offsets in bits).</summary>
internal static class Headers
{
    private static readonly DataType Number = DataTypes.Integer;
    private static readonly DataType Service = DataTypes.InternetService;
    private static readonly DataType Protocol = DataTypes.InternetProtocol;

    /// <summary>What follows is known and none of these.</summary>
    internal static readonly HeaderProtocol Unknown = new(0, "unknown", HeaderBase.None, []);

    internal static readonly HeaderProtocol Ah = new(1, "ah", HeaderBase.Transport,
    [
        new("nexthdr", 0, 8, Protocol), new("hdrlength", 8, 8, Number), new("reserved", 16, 16, Number), new("spi", 32, 32, Number), new("sequence", 64, 32, Number),
    ]) { ProtocolField = 1 };

    internal static readonly HeaderProtocol Esp = new(2, "esp", HeaderBase.Transport, [new("spi", 0, 32, Number), new("sequence", 32, 32, Number)]);

    internal static readonly HeaderProtocol Comp = new(3, "comp", HeaderBase.Transport,
        [new("nexthdr", 0, 8, Protocol), new("flags", 8, 8, DataTypes.Bitmask), new("cpi", 16, 16, Number)]) { ProtocolField = 1 };

    internal static readonly HeaderProtocol Icmp = new(4, "icmp", HeaderBase.Transport,
    [
        new("type", 0, 8, DataTypes.IcmpType), new("code", 8, 8, DataTypes.IcmpCode), new("checksum", 16, 16, Number),
        new("id", 32, 16, Number, IcmpDependency.Echo), new("sequence", 48, 16, Number, IcmpDependency.Echo),
        new("gateway", 32, 32, Number, IcmpDependency.Redirect), new("mtu", 48, 16, Number, IcmpDependency.DestinationUnreachable),
    ]) { ProtocolField = 1 };

    internal static readonly HeaderProtocol Igmp = new(5, "igmp", HeaderBase.Transport,
        [new("type", 0, 8, DataTypes.IgmpType), new("checksum", 16, 16, Number), new("mrt", 8, 8, Number), new("group", 32, 32, Number)]);

    internal static readonly HeaderProtocol Udp = new(6, "udp", HeaderBase.Transport,
        [new("sport", 0, 16, Service), new("dport", 16, 16, Service), new("length", 32, 16, Number), new("checksum", 48, 16, Number)]);

    internal static readonly HeaderProtocol UdpLite = new(7, "udplite", HeaderBase.Transport,
        [new("sport", 0, 16, Service), new("dport", 16, 16, Service), new("csumcov", 32, 16, Number), new("checksum", 48, 16, Number)]);

    internal static readonly HeaderProtocol Tcp = new(8, "tcp", HeaderBase.Transport,
    [
        new("sport", 0, 16, Service), new("dport", 16, 16, Service), new("sequence", 32, 32, Number), new("ackseq", 64, 32, Number), new("doff", 96, 4, Number),
        new("reserved", 100, 4, Number), new("flags", 104, 8, DataTypes.TcpFlag), new("window", 112, 16, Number), new("checksum", 128, 16, Number),
        new("urgptr", 144, 16, Number),
    ]);

    internal static readonly HeaderProtocol Dccp = new(9, "dccp", HeaderBase.Transport,
        [new("sport", 0, 16, Service), new("dport", 16, 16, Service), new("type", 67, 4, DataTypes.DccpPacketType)]);

    internal static readonly HeaderProtocol Sctp = new(10, "sctp", HeaderBase.Transport,
        [new("sport", 0, 16, Service), new("dport", 16, 16, Service), new("vtag", 32, 32, Number), new("checksum", 64, 32, Number)]);

    /// <summary>Any transport protocol with ports.</summary>
    internal static readonly HeaderProtocol AnyTransport = new(11, "th", HeaderBase.Transport, [new("sport", 0, 16, Service), new("dport", 16, 16, Service)]);

    internal static readonly HeaderProtocol Ip = new(12, "ip", HeaderBase.Network,
    [
        new("version", 0, 4, Number), new("hdrlength", 4, 4, Number), new("dscp", 8, 6, DataTypes.Dscp), new("ecn", 14, 2, DataTypes.Ecn), new("length", 16, 16, Number),
        new("id", 32, 16, Number), new("frag-off", 48, 16, Number), new("ttl", 64, 8, Number), new("protocol", 72, 8, Protocol), new("checksum", 80, 16, Number),
        new("saddr", 96, 32, DataTypes.Ip), new("daddr", 128, 32, DataTypes.Ip),
    ]) { ProtocolField = 9 };

    internal static readonly HeaderProtocol Ip6 = new(13, "ip6", HeaderBase.Network,
    [
        new("version", 0, 4, Number), new("dscp", 4, 6, DataTypes.Dscp), new("ecn", 10, 2, DataTypes.Ecn), new("flowlabel", 12, 20, Number), new("length", 32, 16, Number),
        new("nexthdr", 48, 8, Protocol), new("hoplimit", 56, 8, Number), new("saddr", 64, 128, DataTypes.Ip6), new("daddr", 192, 128, DataTypes.Ip6),
    ]) { ProtocolField = 6 };

    internal static readonly HeaderProtocol Icmp6 = new(14, "icmpv6", HeaderBase.Transport,
    [
        new("type", 0, 8, DataTypes.Icmp6Type), new("code", 8, 8, DataTypes.Icmp6Code), new("checksum", 16, 16, Number),
        new("parameter-problem", 32, 32, Number, IcmpDependency.ParameterProblem), new("mtu", 32, 32, Number, IcmpDependency.PacketTooBig),
        new("id", 32, 16, Number, IcmpDependency.Echo6), new("sequence", 48, 16, Number, IcmpDependency.Echo6),
        new("max-delay", 32, 16, Number, IcmpDependency.ListenerQuery),
    ]) { ProtocolField = 1 };

    internal static readonly HeaderProtocol Arp = new(15, "arp", HeaderBase.Network,
    [
        new("htype", 0, 16, Number), new("ptype", 16, 16, DataTypes.EthernetType), new("hlen", 32, 8, Number), new("plen", 40, 8, Number),
        new("operation", 48, 16, DataTypes.ArpOperation), new("saddr ether", 64, 48, DataTypes.EthernetAddress), new("saddr ip", 112, 32, DataTypes.Ip),
        new("daddr ether", 144, 48, DataTypes.EthernetAddress), new("daddr ip", 192, 32, DataTypes.Ip),
    ]);

    internal static readonly HeaderProtocol Vlan = new(16, "vlan", HeaderBase.Link,
    [
        new("pcp", 0, 3, Number), new("dei", 3, 1, Number), new("cfi", 3, 1, Number), new("id", 4, 12, Number), new("type", 16, 16, DataTypes.EthernetType),
    ]) { ProtocolField = 5, Length = 32 };

    internal static readonly HeaderProtocol Ethernet = new(17, "ether", HeaderBase.Link,
    [
        new("daddr", 0, 48, DataTypes.EthernetAddress), new("saddr", 48, 48, DataTypes.EthernetAddress), new("type", 96, 16, DataTypes.EthernetType),
    ]) { ProtocolField = 3, Length = 112 };

    /// <summary>The start of the inet family: either IP.</summary>
    internal static readonly HeaderProtocol Inet = new(0, "inet", HeaderBase.Link, []);

    /// <summary>The start of the netdev family: whatever the frame's type says.</summary>
    internal static readonly HeaderProtocol Netdev = new(0, "netdev", HeaderBase.Link, []);

    /// <summary>What meta l4proto chooses from.</summary>
    internal static readonly HeaderProtocol Layer4 = new(0, "inet-service", HeaderBase.Transport, []);

    private static readonly HeaderProtocol[] All = [Unknown, Ah, Esp, Comp, Icmp, Igmp, Udp, UdpLite, Tcp, Dccp, Sctp, AnyTransport, Ip, Ip6, Icmp6, Arp, Vlan, Ethernet];

    static Headers()
    {
        foreach (HeaderProtocol lower in (HeaderProtocol[])[Ah, Comp, Ip, Ip6, Layer4])
        {
            lower.Upper.Add(50, Esp);
            lower.Upper.Add(51, Ah);
            lower.Upper.Add(108, Comp);
            lower.Upper.Add(17, Udp);
            lower.Upper.Add(136, UdpLite);
            lower.Upper.Add(6, Tcp);
            lower.Upper.Add(33, Dccp);
            lower.Upper.Add(132, Sctp);
        }

        foreach (HeaderProtocol lower in (HeaderProtocol[])[Ip, Ip6, Layer4])
        {
            lower.Upper.Add(1, Icmp);
            lower.Upper.Add(2, Igmp);
            lower.Upper.Add(58, Icmp6);
        }

        foreach (HeaderProtocol lower in (HeaderProtocol[])[Vlan, Ethernet, Netdev])
        {
            lower.Upper.Add(0x0800, Ip);
            lower.Upper.Add(0x0806, Arp);
            lower.Upper.Add(0x86dd, Ip6);
            lower.Upper.Add(0x8100, Vlan);
            lower.Upper.Add(0x88a8, Vlan);
        }

        Inet.Upper.Add(Nfnetlink.NFPROTO_IPV4, Ip);
        Inet.Upper.Add(Nfnetlink.NFPROTO_IPV6, Ip6);
    }

    /// <summary>The protocol that typeof stores under a number.</summary>
    internal static HeaderProtocol? ById(uint id) => id < All.Length && id != 0 ? All[id] : null;

    /// <summary>The header that packets of a family begin with.</summary>
    internal static HeaderProtocol? Start(byte family) => family switch
    {
        Nfnetlink.NFPROTO_BRIDGE => Ethernet,
        Nfnetlink.NFPROTO_NETDEV => Netdev,
        Nfnetlink.NFPROTO_INET => Inet,
        Nfnetlink.NFPROTO_IPV4 => Ip,
        Nfnetlink.NFPROTO_IPV6 => Ip6,
        Nfnetlink.NFPROTO_ARP => Arp,
        _ => null,
    };
}
