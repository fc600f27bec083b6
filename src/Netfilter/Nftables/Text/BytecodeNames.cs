using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>The words of bytecode text.</summary>
internal static class BytecodeNames
{
    private const string Unknown = "unknown";

    internal static readonly (FibFlags Flag, string Name)[] FibFlagNames =
    [
        (FibFlags.SourceAddress, "saddr"), (FibFlags.DestinationAddress, "daddr"), (FibFlags.Mark, "mark"), (FibFlags.InputInterface, "iif"), (FibFlags.OutputInterface, "oif"),
    ];

    internal static readonly (LogFlags Flag, string Name)[] LogFlagNames =
    [
        (LogFlags.TcpSequence, "tcpseq"), (LogFlags.TcpOptions, "tcpopt"), (LogFlags.IpOptions, "ipopt"), (LogFlags.SocketUser, "uid"), (LogFlags.LinkLayer, "macdecode"),
    ];

    private static readonly string[] CompareOperators = ["eq", "neq", "lt", "lte", "gt", "gte"];

    private static readonly string[] PayloadBases = ["link", "network", "transport", "inner"];

    private static readonly string[] MetaKeys =
    [
        "len", "protocol", "priority", "mark", "iif", "oif", "iifname", "oifname", "iiftype", "oiftype", "skuid", "skgid", "nftrace", "rtclassid", "secmark",
        "nfproto", "l4proto", "bri_iifname", "bri_oifname", "pkttype", "cpu", "iifgroup", "oifgroup", "cgroup", "prandom", "secpath", "iifkind", "oifkind",
        "bri_iifpvid", "bri_iifvproto", "time", "day", "hour", "sdif", "sdifname", "broute", Unknown, "bri_iifhwaddr",
    ];

    private static readonly string[] ConntrackKeys =
    [
        "state", "direction", "status", "mark", "secmark", "expiration", "helper", "l3protocol", "src", "dst", "protocol", "proto_src", "proto_dst", "label",
        "packets", "bytes", "avgpkt", "zone", "event", "src_ip", "dst_ip", "src_ip6", "dst_ip6", // libnftnl 1.2.4 does not know the id
    ];

    private static readonly string[] RoutingKeys = ["classid", "nexthop4", "nexthop6", "tcpmss", "ipsec"];

    private static readonly string[] SocketKeys = ["transparent", "mark", "wildcard", "cgroupv2"];

    private static readonly string[] TunnelKeys = ["path", "id"];

    private static readonly string[] XfrmKeys = [Unknown, "daddr4", "daddr6", "saddr4", "saddr6", "reqid", "spi"];

    private static readonly string[] FibResults = [Unknown, "oif", "oifname", "type"];

    internal static string Of(CompareOperator? value) => Pick(CompareOperators, (uint?)value);

    internal static string Of(RangeOperator? value) => Pick(CompareOperators, (uint?)value);

    internal static string Of(PayloadBase? value) => Pick(PayloadBases, (uint?)value);

    internal static string Of(MetaKey? value) => Pick(MetaKeys, (uint?)value);

    internal static string Of(ConntrackKey? value) => Pick(ConntrackKeys, (uint?)value);

    internal static string Of(RoutingKey? value) => Pick(RoutingKeys, (uint?)value);

    internal static string Of(SocketKey? value) => Pick(SocketKeys, (uint?)value);

    internal static string Of(TunnelKey? value) => Pick(TunnelKeys, (uint?)value);

    internal static string Of(XfrmKey? value) => Pick(XfrmKeys, (uint?)value);

    internal static string Of(FibResult? value) => Pick(FibResults, (uint?)value);

    internal static string Of(ConntrackDirection value) => value switch { ConntrackDirection.Original => "original", ConntrackDirection.Reply => "reply", _ => Unknown };

    internal static string Of(XfrmDirection? value) => value switch { XfrmDirection.In or null => "in", XfrmDirection.Out => "out", _ => Unknown };

    internal static string Of(ByteOrderOperation? value) => value switch { ByteOrderOperation.NetworkToHost or null => "ntoh", ByteOrderOperation.HostToNetwork => "hton", _ => Unknown };

    internal static string Of(DynamicSetOperation? value) => value switch
    {
        DynamicSetOperation.Add or null => "add",
        DynamicSetOperation.Update => "update",
        DynamicSetOperation.Delete => "delete",
        _ => Unknown,
    };

    internal static string OfFamily(uint family) => family switch
    {
        Nfnetlink.NFPROTO_INET => "inet",
        Nfnetlink.NFPROTO_IPV4 => "ip",
        Nfnetlink.NFPROTO_ARP => "arp",
        Nfnetlink.NFPROTO_NETDEV => "netdev",
        Nfnetlink.NFPROTO_BRIDGE => "bridge",
        Nfnetlink.NFPROTO_IPV6 => "ip6",
        _ => Unknown,
    };

    internal static string OfUnit(ulong seconds) => seconds switch
    {
        1 => "second",
        60 => "minute",
        3600 => "hour",
        86400 => "day",
        604800 => "week",
        _ => "error",
    };

    internal static string OfVerdict(int code) => code switch
    {
        Nfnetlink.NF_ACCEPT => "accept",
        Nfnetlink.NF_DROP => "drop",
        Nfnetlink.NF_STOLEN => "stolen",
        Nfnetlink.NF_QUEUE => "queue",
        Nfnetlink.NF_REPEAT => "repeat",
        5 => "stop",
        NfTables.NFT_RETURN => "return",
        NfTables.NFT_JUMP => "jump",
        NfTables.NFT_GOTO => "goto",
        NfTables.NFT_CONTINUE => "continue",
        NfTables.NFT_BREAK => "break",
        _ => Unknown,
    };

    private static string Pick(string[] names, uint? value) => (value ?? 0) < names.Length ? names[value ?? 0] : Unknown;
}
