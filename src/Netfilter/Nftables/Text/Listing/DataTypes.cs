using static EucaNet.Netfilter.Nftables.Text.Listing.Symbols;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>The types of nft 1.0.6 by the numbers that sets carry in NFTA_SET_KEY_TYPE; a concatenation has six bits for each part.</summary>
internal static class DataTypes
{
    internal static readonly DataType Invalid = new(0, "invalid", 0, ByteOrder.None, BaseKind.Invalid, Rendering.Invalid);
    internal static readonly DataType Verdict = new(1, "verdict", 0, ByteOrder.None, BaseKind.Verdict, Rendering.Verdict);
    internal static readonly DataType NetfilterProtocol = Named(2, "nf_proto", 8, ByteOrder.None, NetfilterProtocols);
    internal static readonly DataType Bitmask = new(3, "bitmask", 0, ByteOrder.None, BaseKind.Bitmask, Rendering.Number) { HexadecimalDigits = 0 };
    internal static readonly DataType Integer = new(4, "integer", 0, ByteOrder.None, BaseKind.Integer, Rendering.Number);
    internal static readonly DataType HexadecimalInteger = Integer with { Rendering = Rendering.Hexadecimal };
    internal static readonly DataType Text = new(5, "string", 0, ByteOrder.Host, BaseKind.Text, Rendering.Text);
    internal static readonly DataType LinkAddress = new(6, "ll_addr", 0, ByteOrder.Big, BaseKind.LinkAddress, Rendering.LinkAddress);
    internal static readonly DataType Ip = new(7, "ipv4_addr", 32, ByteOrder.Big, BaseKind.Integer, Rendering.Ip) { IsPrefixable = true };
    internal static readonly DataType Ip6 = new(8, "ipv6_addr", 128, ByteOrder.Big, BaseKind.Integer, Rendering.Ip6) { IsPrefixable = true };
    internal static readonly DataType EthernetAddress = new(9, "ether_addr", 48, ByteOrder.Big, BaseKind.LinkAddress, Rendering.LinkAddress);
    internal static readonly DataType EthernetType = Named(10, "ether_type", 16, ByteOrder.Big, EthernetTypes) with { HexadecimalDigits = 4 };
    internal static readonly DataType ArpOperation = Named(11, "arp_op", 16, ByteOrder.Big, ArpOperations);
    internal static readonly DataType InternetProtocol = new(12, "inet_proto", 8, ByteOrder.None, BaseKind.Integer, Rendering.Protocol);
    internal static readonly DataType InternetService = new(13, "inet_service", 16, ByteOrder.Big, BaseKind.Integer, Rendering.Number);
    internal static readonly DataType IcmpType = Named(14, "icmp_type", 8, ByteOrder.Big, IcmpTypes);
    internal static readonly DataType TcpFlag = Named(15, "tcp_flag", 8, ByteOrder.Big, TcpFlags) with { Base = BaseKind.Bitmask, HexadecimalDigits = 0 };
    internal static readonly DataType DccpPacketType = Named(16, "dccp_pkttype", 4, ByteOrder.None, DccpPacketTypes);
    internal static readonly DataType MobilityType = Named(17, "mh_type", 8, ByteOrder.Big, MobilityTypes);
    internal static readonly DataType RelativeTime = new(18, "time", 32, ByteOrder.Host, BaseKind.Integer, Rendering.RelativeTime);
    internal static readonly DataType Mark = new(19, "mark", 32, ByteOrder.Host, BaseKind.Integer, Rendering.Mark) { HexadecimalDigits = 8, IsPrefixable = true };
    internal static readonly DataType InterfaceIndex = new(20, "iface_index", 32, ByteOrder.Host, BaseKind.Integer, Rendering.InterfaceIndex);
    internal static readonly DataType InterfaceType = Named(21, "iface_type", 16, ByteOrder.Host, InterfaceTypes);
    internal static readonly DataType Realm = new(22, "realm", 32, ByteOrder.Host, BaseKind.Integer, Rendering.Realm) { IsPrefixable = true };
    internal static readonly DataType ClassId = new(23, "classid", 32, ByteOrder.Host, BaseKind.Integer, Rendering.TrafficClass);
    internal static readonly DataType User = new(24, "uid", 32, ByteOrder.Host, BaseKind.Integer, Rendering.Number);
    internal static readonly DataType Group = new(25, "gid", 32, ByteOrder.Host, BaseKind.Integer, Rendering.Number);
    internal static readonly DataType ConntrackState = Named(26, "ct_state", 32, ByteOrder.Host, ConntrackStates) with { Base = BaseKind.Bitmask, HexadecimalDigits = 0 };
    internal static readonly DataType ConntrackDirection = Named(27, "ct_dir", 8, ByteOrder.None, ConntrackDirections);
    internal static readonly DataType ConntrackStatus = Named(28, "ct_status", 32, ByteOrder.Host, ConntrackStatuses) with { Base = BaseKind.Bitmask, HexadecimalDigits = 0 };
    internal static readonly DataType Icmp6Type = Named(29, "icmpv6_type", 8, ByteOrder.Big, Icmp6Types);
    internal static readonly DataType ConntrackLabel = new(30, "ct_label", 128, ByteOrder.Host, BaseKind.Bitmask, Rendering.Label) { HexadecimalDigits = 0 };
    internal static readonly DataType PacketType = Named(31, "pkt_type", 8, ByteOrder.Host, PacketTypes);
    internal static readonly DataType IcmpCode = Named(32, "icmp_code", 8, ByteOrder.Big, IcmpCodes);
    internal static readonly DataType Icmp6Code = Named(33, "icmpv6_code", 8, ByteOrder.Big, Icmp6Codes);
    internal static readonly DataType IcmpxCode = Named(34, "icmpx_code", 8, ByteOrder.Big, IcmpxCodes);
    internal static readonly DataType InterfaceGroup = new(35, "devgroup", 32, ByteOrder.Host, BaseKind.Integer, Rendering.InterfaceGroup) { IsPrefixable = true };
    internal static readonly DataType Dscp = Named(36, "dscp", 6, ByteOrder.Big, DscpNames) with { HexadecimalDigits = 2 };
    internal static readonly DataType Ecn = Named(37, "ecn", 2, ByteOrder.Big, EcnNames) with { HexadecimalDigits = 1 };
    internal static readonly DataType FibAddressType = Named(38, "fib_addrtype", 32, ByteOrder.Host, AddressTypes);
    internal static readonly DataType Boolean = Named(39, "boolean", 1, ByteOrder.None, Booleans);
    internal static readonly DataType ConntrackEvent = Named(40, "ct_event", 32, ByteOrder.Host, ConntrackEvents) with { Base = BaseKind.Bitmask, HexadecimalDigits = 0 };
    internal static readonly DataType InterfaceName = new(41, "ifname", 128, ByteOrder.Host, BaseKind.Text, Rendering.Text);
    internal static readonly DataType IgmpType = Named(42, "igmp_type", 8, ByteOrder.Big, IgmpTypes);
    internal static readonly DataType Date = new(43, "time", 64, ByteOrder.Host, BaseKind.Integer, Rendering.Date);
    internal static readonly DataType Hour = new(44, "hour", 32, ByteOrder.Host, BaseKind.Integer, Rendering.Hour);
    internal static readonly DataType Day = Named(45, "day", 8, ByteOrder.Host, Days) with { Rendering = Rendering.QuotedSymbol };
    internal static readonly DataType ControlGroup = new(46, "cgroupsv2", 64, ByteOrder.Host, BaseKind.Integer, Rendering.ControlGroup);

    private const int PartBits = 6;

    private static readonly DataType[] All =
    [
        Invalid, Verdict, NetfilterProtocol, Bitmask, Integer, Text, LinkAddress, Ip, Ip6, EthernetAddress, EthernetType, ArpOperation, InternetProtocol, InternetService,
        IcmpType, TcpFlag, DccpPacketType, MobilityType, RelativeTime, Mark, InterfaceIndex, InterfaceType, Realm, ClassId, User, Group, ConntrackState, ConntrackDirection,
        ConntrackStatus, Icmp6Type, ConntrackLabel, PacketType, IcmpCode, Icmp6Code, IcmpxCode, InterfaceGroup, Dscp, Ecn, FibAddressType, Boolean, ConntrackEvent, InterfaceName,
        IgmpType, Date, Hour, Day, ControlGroup,
    ];

    /// <summary>The type a set was declared with, or <see cref="Invalid"/>.</summary>
    internal static DataType Find(uint id)
    {
        if (id == 0xffffff00)
        {
            return Verdict;
        }

        if (id < 1 << PartBits)
        {
            return id < All.Length ? All[id] : Invalid;
        }

        var parts = new List<DataType>();
        for (uint rest = id; rest != 0; rest >>= PartBits)
        {
            parts.Insert(0, Find(rest & ((1 << PartBits) - 1)));
        }

        return Concatenation(parts);
    }

    /// <summary>The type of several values side by side.</summary>
    internal static DataType Concatenation(IReadOnlyList<DataType> parts)
    {
        uint id = 0;
        int bits = 0;
        foreach (DataType part in parts)
        {
            id = (id << PartBits) | part.Id;
            bits += (part.Bits + 31) / 32 * 32;
        }

        return new DataType(id, string.Join(" . ", parts.Select(part => part.Name)), bits, ByteOrder.None, BaseKind.Integer, Rendering.Concatenation) { Parts = [.. parts] };
    }

    private static DataType Named(uint id, string name, int bits, ByteOrder order, Dictionary<ulong, string> symbols) =>
        new(id, name, bits, order, BaseKind.Integer, Rendering.Symbol) { Symbols = symbols };
}
