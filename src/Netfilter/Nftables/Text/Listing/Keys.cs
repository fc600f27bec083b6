using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>What a key of meta, ct, rt, socket or xfrm is called and what it holds.</summary>
internal sealed record KeyInfo(string Name, DataType Type, int Bits, ByteOrder Order);

/// <summary>The keys of meta, ct, rt, socket and xfrm as nft 1.0.6 names them.</summary>
internal static class Keys
{
    private const ByteOrder Host = ByteOrder.Host;
    private const ByteOrder Big = ByteOrder.Big;

    internal static KeyInfo Of(MetaKey key) => key switch
    {
        MetaKey.Length => new("length", DataTypes.Integer, 32, Host),
        MetaKey.Protocol => new("protocol", DataTypes.EthernetType, 16, Big),
        MetaKey.Priority => new("priority", DataTypes.ClassId, 32, Host),
        MetaKey.Mark => new("mark", DataTypes.Mark, 32, Host),
        MetaKey.InputInterface => new("iif", DataTypes.InterfaceIndex, 32, Host),
        MetaKey.OutputInterface => new("oif", DataTypes.InterfaceIndex, 32, Host),
        MetaKey.InputInterfaceName => new("iifname", DataTypes.InterfaceName, 128, Host),
        MetaKey.OutputInterfaceName => new("oifname", DataTypes.InterfaceName, 128, Host),
        MetaKey.InputInterfaceType => new("iiftype", DataTypes.InterfaceType, 16, Host),
        MetaKey.OutputInterfaceType => new("oiftype", DataTypes.InterfaceType, 16, Host),
        MetaKey.SocketUser => new("skuid", DataTypes.User, 32, Host),
        MetaKey.SocketGroup => new("skgid", DataTypes.Group, 32, Host),
        MetaKey.Trace => new("nftrace", DataTypes.Integer, 1, Host),
        MetaKey.RoutingClass => new("rtclassid", DataTypes.Realm, 32, Host),
        MetaKey.SecurityMark => new("secmark", DataTypes.Integer, 32, Host),
        MetaKey.NetfilterProtocol => new("nfproto", DataTypes.NetfilterProtocol, 8, Host),
        MetaKey.Layer4Protocol => new("l4proto", DataTypes.InternetProtocol, 8, Host),
        MetaKey.BridgeInputInterfaceName => new("ibrname", DataTypes.InterfaceName, 128, Host),
        MetaKey.BridgeOutputInterfaceName => new("obrname", DataTypes.InterfaceName, 128, Host),
        MetaKey.PacketType => new("pkttype", DataTypes.PacketType, 8, Host),
        MetaKey.Cpu => new("cpu", DataTypes.Integer, 32, Host),
        MetaKey.InputInterfaceGroup => new("iifgroup", DataTypes.InterfaceGroup, 32, Host),
        MetaKey.OutputInterfaceGroup => new("oifgroup", DataTypes.InterfaceGroup, 32, Host),
        MetaKey.Cgroup => new("cgroup", DataTypes.Integer, 32, Host),
        MetaKey.Random => new("random", DataTypes.Integer, 32, Big),
        MetaKey.SecurityPath => new("ipsec", DataTypes.Boolean, 8, Host),
        MetaKey.InputInterfaceKind => new("iifkind", DataTypes.InterfaceName, 128, Host),
        MetaKey.OutputInterfaceKind => new("oifkind", DataTypes.InterfaceName, 128, Host),
        MetaKey.BridgeInputPortVlan => new("ibrpvid", DataTypes.Integer, 16, Host),
        MetaKey.BridgeInputVlanProtocol => new("ibrvproto", DataTypes.EthernetType, 16, Big),
        MetaKey.Time => new("time", DataTypes.Date, 64, Host),
        MetaKey.TimeDay => new("day", DataTypes.Day, 8, Host),
        MetaKey.TimeHour => new("hour", DataTypes.Hour, 32, Host),
        MetaKey.SlaveInputInterface => new("sdif", DataTypes.InterfaceIndex, 32, Host),
        MetaKey.SlaveInputInterfaceName => new("sdifname", DataTypes.InterfaceName, 128, Host),
        MetaKey.BridgeBroute => new("broute", DataTypes.Integer, 1, Host),
        MetaKey.BridgeInputHardwareAddress => new("ibrhwaddr", DataTypes.EthernetAddress, 48, Big),
        _ => new("unknown", DataTypes.Integer, 32, Host),
    };

    internal static KeyInfo Of(ConntrackKey key) => key switch
    {
        ConntrackKey.State => new("state", DataTypes.ConntrackState, 32, Host),
        ConntrackKey.Direction => new("direction", DataTypes.ConntrackDirection, 8, Host),
        ConntrackKey.Status => new("status", DataTypes.ConntrackStatus, 32, Host),
        ConntrackKey.Mark => new("mark", DataTypes.Mark, 32, Host),
        ConntrackKey.SecurityMark => new("secmark", DataTypes.Integer, 32, Host),
        ConntrackKey.Expiration => new("expiration", DataTypes.RelativeTime, 32, Host),
        ConntrackKey.Helper => new("helper", DataTypes.Text, 128, Host),
        ConntrackKey.Layer3Protocol => new("l3proto", DataTypes.NetfilterProtocol, 8, Host),
        ConntrackKey.Source => new("saddr", DataTypes.Invalid, 0, Big),
        ConntrackKey.Destination => new("daddr", DataTypes.Invalid, 0, Big),
        ConntrackKey.Protocol => new("protocol", DataTypes.InternetProtocol, 8, Big),
        ConntrackKey.SourcePort => new("proto-src", DataTypes.Invalid, 16, Big),
        ConntrackKey.DestinationPort => new("proto-dst", DataTypes.Invalid, 16, Big),
        ConntrackKey.Labels => new("label", DataTypes.ConntrackLabel, 128, Host),
        ConntrackKey.Packets => new("packets", DataTypes.Integer, 64, Host),
        ConntrackKey.Bytes => new("bytes", DataTypes.Integer, 64, Host),
        ConntrackKey.AveragePacket => new("avgpkt", DataTypes.Integer, 64, Host),
        ConntrackKey.Zone => new("zone", DataTypes.Integer, 16, Host),
        ConntrackKey.EventMask => new("event", DataTypes.ConntrackEvent, 32, Host),
        ConntrackKey.SourceIp => new("ip saddr", DataTypes.Ip, 32, Big),
        ConntrackKey.DestinationIp => new("ip daddr", DataTypes.Ip, 32, Big),
        ConntrackKey.SourceIp6 => new("ip6 saddr", DataTypes.Ip6, 128, Big),
        ConntrackKey.DestinationIp6 => new("ip6 daddr", DataTypes.Ip6, 128, Big),
        ConntrackKey.Id => new("id", DataTypes.Integer, 32, Big),
        _ => new("unknown", DataTypes.Integer, 32, Host),
    };

    internal static KeyInfo Of(RoutingKey key) => key switch
    {
        RoutingKey.ClassId => new("classid", DataTypes.Realm, 32, Host),
        RoutingKey.NextHop4 => new("ip nexthop", DataTypes.Ip, 32, Big),
        RoutingKey.NextHop6 => new("ip6 nexthop", DataTypes.Ip6, 128, Big),
        RoutingKey.TcpMaximumSegmentSize => new("mtu", DataTypes.Integer, 16, Host),
        RoutingKey.Ipsec => new("ipsec", DataTypes.Boolean, 8, Host),
        _ => new("unknown", DataTypes.Integer, 32, Host),
    };

    internal static KeyInfo Of(SocketKey key) => key switch
    {
        SocketKey.Transparent => new("transparent", DataTypes.Integer, 8, Host),
        SocketKey.Mark => new("mark", DataTypes.Mark, 32, Host),
        SocketKey.Wildcard => new("wildcard", DataTypes.Integer, 8, Host),
        SocketKey.CgroupV2 => new("cgroupv2", DataTypes.ControlGroup, 64, Host),
        _ => new("unknown", DataTypes.Integer, 32, Host),
    };

    internal static KeyInfo Of(TunnelKey key) => key switch
    {
        TunnelKey.Path => new("path", DataTypes.Boolean, 8, Host),
        _ => new("id", DataTypes.Integer, 32, Host),
    };

    internal static KeyInfo Of(XfrmKey key) => key switch
    {
        XfrmKey.DestinationIp => new("ip daddr", DataTypes.Ip, 32, Big),
        XfrmKey.SourceIp => new("ip saddr", DataTypes.Ip, 32, Big),
        XfrmKey.DestinationIp6 => new("ip6 daddr", DataTypes.Ip6, 128, Big),
        XfrmKey.SourceIp6 => new("ip6 saddr", DataTypes.Ip6, 128, Big),
        XfrmKey.RequestId => new("reqid", DataTypes.Integer, 32, Host),
        XfrmKey.Spi => new("spi", DataTypes.Integer, 32, Big),
        _ => new("unknown", DataTypes.Integer, 32, Host),
    };

    internal static KeyInfo Of(FibResult result, bool present)
    {
        KeyInfo info = result switch
        {
            FibResult.OutputInterface => new("oif", DataTypes.InterfaceIndex, 32, Host),
            FibResult.OutputInterfaceName => new("oifname", DataTypes.Text, 128, Host),
            FibResult.AddressType => new("type", DataTypes.FibAddressType, 32, Host),
            _ => new("unknown", DataTypes.Integer, 32, Host),
        };
        return present ? info with { Type = DataTypes.Boolean } : info;
    }
}
