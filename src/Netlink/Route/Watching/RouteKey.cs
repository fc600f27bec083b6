using System.Globalization;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Route;

/// <summary>What makes an object the same one after it changed.</summary>
internal static class RouteKey
{
    /// <summary>The key; null for what is not watched.</summary>
    public static string? Of(RouteObject value) => value switch
    {
        // A bridge tells of its ports as links of its own family; the link itself is told beside it.
        Link { Family: not 0 } => null,
        Link link => string.Create(CultureInfo.InvariantCulture, $"l{link.Index}"),
        InterfaceAddress address => string.Create(
            CultureInfo.InvariantCulture, $"a{address.Index} {address.Family} {address.Local ?? address.Address}/{address.PrefixLength} {(address.Family == RouteConstants.AF_INET ? address.Address : null)}"),
        Neighbour { Family: RouteConstants.AF_BRIDGE } entry => string.Create(
            CultureInfo.InvariantCulture, $"f{entry.Index} {entry.HardwareAddress} {entry.Vlan} {entry.Master} {entry.Destination} {entry.Vni} {entry.SourceVni}"),
        Neighbour neighbour => string.Create(CultureInfo.InvariantCulture, $"n{neighbour.Index} {neighbour.Family} {neighbour.Destination} {neighbour.Flags & NeighbourConstants.NTF_PROXY}"),
        NetworkRoute route => string.Create(
            CultureInfo.InvariantCulture,
            $"r{route.Family} {route.Table} {route.Destination}/{route.DestinationLength} {route.Source}/{route.SourceLength} {route.Tos} {route.Priority} {route.Type} {Way(route)}"),
        RoutingRule rule => "u" + Convert.ToHexStringLower(Bytes(rule)),
        _ => null,
    };

    /// <summary>The same but for counters and ages, which move without any change.</summary>
    public static bool SameButForCounters(RouteObject left, RouteObject right) => Still(left).Equals(Still(right));

    private static RouteObject Still(RouteObject value) => value switch
    {
        Link link => link with { Statistics = null, Event = null, ChangeMask = 0, ExtendedMask = null, Info = link.Info is null ? null : link.Info with { ExtendedStatistics = null, Data = Still(link.Info.Data) } },
        Neighbour neighbour => neighbour with { CacheInfo = null, Probes = null },
        InterfaceAddress address => address with { Lifetime = null },
        NetworkRoute route => route with { CacheInfo = null, Expires = null },
        _ => value,
    };

    private static LinkData? Still(LinkData? data) => data is BridgeOptions bridge
        ? bridge with { HelloTimer = null, TopologyChangeNotificationTimer = null, TopologyChangeTimer = null, CleanupTimer = null, Learned = null }
        : data;

    // Several routes of one IPv6 destination and metric stand side by side, and IPv4 routes of one metric may be appended.
    private static string Way(NetworkRoute route) =>
        string.Create(CultureInfo.InvariantCulture, $"{route.Gateway} {route.OutputInterface} {route.NextHopId}");

    private static byte[] Bytes(RouteObject value)
    {
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        value.WritePayload(ref writer);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
