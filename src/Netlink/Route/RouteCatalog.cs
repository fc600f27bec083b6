using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>What rtnetlink calls its messages and attributes.</summary>
public sealed class RouteCatalog : MessageCatalog
{
    private static readonly (string Object, int HeaderSize, AttributeTable Table)[] Families = MakeFamilies();

    private RouteCatalog()
    {
    }

    /// <summary>The one catalog.</summary>
    public static RouteCatalog Instance { get; } = new();

    /// <inheritdoc />
    public override MessageDefinition? Find(ushort type)
    {
        int family = (type - RTM_NEWLINK) >> 2;
        if (type < RTM_NEWLINK || family >= Families.Length || Families[family].Object is not { } name)
        {
            return null;
        }

        string verb = (type & 3) switch { 0 => "NEW", 1 => "DEL", 2 => "GET", _ => "SET" };
        return new MessageDefinition($"RTM_{verb}{name}", Families[family].HeaderSize, Families[family].Table);
    }

    /// <inheritdoc />
    public override string DescribeRequest(in NetlinkMessage request)
    {
        string verb = (request.Header.Type & 3) switch
        {
            0 when (request.Header.Flags & NetlinkMessageFlags.Create) != 0 => "add",
            0 => "change",
            1 => "delete",
            2 when (request.Header.Flags & NetlinkMessageFlags.Dump) == NetlinkMessageFlags.Dump => "list",
            2 => "get",
            _ => "set",
        };
        return (request.Header.Type & ~3) switch
        {
            RTM_NEWLINK when verb == "list" => "list links",
            RTM_NEWLINK when Link.TryRead(request, out Link? link) => $"{verb} link {Name(link)}{(link.Kind is { } kind ? $" of kind {kind}" : "")}",
            RTM_NEWADDR when InterfaceAddress.TryRead(request, out InterfaceAddress? address) =>
                address.Host is null ? $"{verb} addresses" : $"{verb} address {address.Host}/{address.PrefixLength} of link {address.Index}",
            RTM_NEWROUTE when NetworkRoute.TryRead(request, out NetworkRoute? route) =>
                $"{verb} route {(route.Destination is null ? "default" : $"{route.Destination}/{route.DestinationLength}")}{(route.Gateway is null ? "" : $" via {route.Gateway}")}",
            RTM_NEWNEIGH when Neighbour.TryRead(request, out Neighbour? neighbour) =>
                $"{verb} {(neighbour.Family == AF_BRIDGE ? "forwarding entry" : "neighbour")} {neighbour.Destination?.ToString() ?? neighbour.HardwareAddress?.ToString() ?? ""} of link {neighbour.Index}",
            _ when TrafficObject.TryRead(request, out TrafficObject? traffic) => $"{verb} {TrafficName(traffic.NewType)} {traffic.Kind}{(traffic.Kind is null ? "" : " ")}of link {traffic.Index}",
            RTM_NEWVLAN when BridgeVlanSettings.TryRead(request, out BridgeVlanSettings? settings) => $"{verb} VLAN options of link {settings.Index}",
            RTM_NEWNEXTHOP when verb == "list" => "list next hops",
            RTM_NEWNEXTHOP when NextHopObject.TryRead(request, out NextHopObject? hop) => $"{verb} next hop {hop.Id}{(hop.Gateway is null ? "" : $" via {hop.Gateway}")}",
            RTM_NEWRULE when RoutingRule.TryRead(request, out RoutingRule? rule) => $"{verb} rule of priority {rule.Priority?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "any"}",
            _ => base.DescribeRequest(request),
        };
    }

    /// <inheritdoc />
    public override string? Explain(in NetlinkMessage request, LinuxError error, string? kernelMessage)
    {
        if (request.Header.Type != RTM_NEWLINK || error != LinuxError.EOPNOTSUPP || !Link.TryRead(request, out Link? link) || link.Kind is not { } kind)
        {
            return null;
        }

        // A request that creates is refused so where the kind is unknown; other reasons carry other words.
        bool unknownKind = kernelMessage is null or "Unknown device type";
        return (unknownKind, kind) switch
        {
            (true, "vlan") => "This kernel has no 802.1Q VLAN support (module 8021q)",
            (true, _) when !kind.EndsWith("_slave", StringComparison.Ordinal) => $"This kernel has no links of kind {kind} (a module may be missing)",
            _ => null,
        };
    }

    private static string Name(Link link) => link.Name ?? link.AlternativeName ?? (link.Index == 0 ? "" : $"with index {link.Index}");

    private static string TrafficName(ushort newType) => newType switch
    {
        RTM_NEWQDISC => "queueing discipline",
        RTM_NEWTCLASS => "traffic class",
        RTM_NEWTFILTER => "filter",
        _ => "filter chain",
    };

    private static (string, int, AttributeTable)[] MakeFamilies()
    {
        var families = new (string, int, AttributeTable)[(RTM_GETVLAN - RTM_NEWLINK >> 2) + 1];
        void Set(ushort type, string name, int headerSize, AttributeTable? table = null) =>
            families[type - RTM_NEWLINK >> 2] = (name, headerSize, table ?? new AttributeTable(name));
        Set(RTM_NEWLINK, "LINK", 16, RouteTables.Link);
        Set(RTM_NEWADDR, "ADDR", 8, RouteTables.Address);
        Set(RTM_NEWROUTE, "ROUTE", 12, RouteTables.Route);
        Set(RTM_NEWNEIGH, "NEIGH", 12, RouteTables.Neighbour);
        Set(RTM_NEWRULE, "RULE", 12, RouteTables.Rule);
        Set(RTM_NEWQDISC, "QDISC", 20, TrafficTables.Traffic);
        Set(RTM_NEWTCLASS, "TCLASS", 20, TrafficTables.Traffic);
        Set(RTM_NEWTFILTER, "TFILTER", 20, TrafficTables.Traffic);
        Set(RTM_NEWACTION, "ACTION", 4, TrafficTables.Actions);
        Set(RTM_NEWPREFIX, "PREFIX", 12);
        Set(RTM_NEWNEIGHTBL, "NEIGHTBL", 4, RouteTables.NeighbourTable);
        Set(RTM_NEWNDUSEROPT, "NDUSEROPT", 16);
        Set(RTM_NEWADDRLABEL, "ADDRLABEL", 12);
        Set(RTM_GETDCB, "DCB", 4);
        Set(RTM_NEWNETCONF, "NETCONF", 4);
        Set(RTM_NEWMDB, "MDB", 8);
        Set(RTM_NEWNSID, "NSID", 4);
        Set(RTM_NEWSTATS, "STATS", 12, BridgeVlanTables.Statistics);
        Set(RTM_NEWCHAIN, "CHAIN", 20, TrafficTables.Traffic);
        Set(RTM_NEWNEXTHOP, "NEXTHOP", 8, NextHopTables.NextHop);
        Set(RTM_NEWLINKPROP, "LINKPROP", 16, RouteTables.Link);
        Set(RTM_NEWVLAN, "VLAN", 8, BridgeVlanTables.Settings);
        return families;
    }
}
