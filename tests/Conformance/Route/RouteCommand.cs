using System.Net;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.AddressConstants;
using static EucaNet.Netlink.Route.NeighbourConstants;
using static EucaNet.Netlink.Route.RouteConstants;
using static EucaNet.Netlink.Route.RuleConstants;

namespace EucaNet.Conformance;

/// <summary>ip route: add, append, replace, change, del, get, show, flush.</summary>
internal sealed class RouteCommand(IpRequests ip)
{
    private static readonly Dictionary<string, ushort> Metrics = new(StringComparer.Ordinal)
    {
        ["mtu"] = RTAX_MTU, ["window"] = RTAX_WINDOW, ["ssthresh"] = RTAX_SSTHRESH, ["cwnd"] = RTAX_CWND, ["advmss"] = RTAX_ADVMSS, ["reordering"] = RTAX_REORDERING,
        ["hoplimit"] = RTAX_HOPLIMIT, ["initcwnd"] = RTAX_INITCWND, ["initrwnd"] = RTAX_INITRWND, ["quickack"] = RTAX_QUICKACK, ["congctl"] = RTAX_CC_ALGO, ["fastopen_no_cookie"] = RTAX_FASTOPEN_NO_COOKIE,
    };

    public void Build(Words words, byte family)
    {
        string verb = words.Next();
        switch (verb)
        {
            case "show" or "list" or "ls" or "lst" or "" or "flush":
                Show(words, family);
                break;
            case "get":
                Get(words);
                break;
            default:
                bool delete = verb is "del" or "delete";
                ip.Act(Parse(words, family, delete), delete ? RTM_DELROUTE : RTM_NEWROUTE, delete ? NetlinkMessageFlags.None : IpRequests.Verb(verb));
                break;
        }
    }

    private void Show(Words words, byte family)
    {
        uint table = words.After("table") is { } name ? IpRequests.Table(name) : RT_TABLE_MAIN;
        string? device = words.After("dev") ?? words.After("oif");
        ip.List(
            new NetworkRoute
            {
                Family = family == AF_UNSPEC && table != 0 ? AF_INET : family,
                Protocol = words.After("proto") is { } protocol ? IpRequests.Protocol(protocol) : (byte)0,
                TableId = table == 0 ? null : table,
                OutputInterface = device is null ? null : ip.Index(device),
                Layout = WireLayout.InOrder(RTA_TABLE, RTA_OIF),
            },
            RTM_GETROUTE);
    }

    private void Get(Words words)
    {
        (IPAddress? destination, byte length) = IpRequests.Prefix(words.Peek == "to" ? words.Next() is var _ ? words.Next() : "" : words.Next(), 0);
        (IPAddress? source, byte sourceLength) = words.After("from") is { } from ? IpRequests.Prefix(from, 0) : (null, (byte)0);
        ip.Send(
            new NetworkRoute
            {
                Family = IpRequests.FamilyOf(destination!),
                Destination = destination,
                DestinationLength = length,
                Source = source,
                SourceLength = sourceLength,
                InputInterface = words.After("iif") is { } iif ? ip.Index(iif) : null,
                OutputInterface = words.After("oif") is { } oif ? ip.Index(oif) : null,
                Mark = words.After("mark") is { } mark ? IpRequests.Number(mark) : null,
                User = words.After("uid") is { } user ? IpRequests.Number(user) : null,
                Flags = RTM_F_LOOKUP_TABLE | (words.Contains("fibmatch") ? RTM_F_FIB_MATCH : 0),
                Layout = WireLayout.InOrder(RTA_DST, RTA_SRC, RTA_UID, RTA_IIF, RTA_OIF, RTA_MARK),
            },
            RTM_GETROUTE,
            NetlinkMessageFlags.Request);
    }

    private NetworkRoute Parse(Words words, byte family, bool delete)
    {
        var order = new List<ushort>();
        var metricOrder = new List<ushort>();
        var hops = new List<NextHop>();
        var route = new NetworkRoute
        {
            Family = family,
            HeaderTable = (byte)RT_TABLE_MAIN,
            Protocol = delete ? (byte)0 : RTPROT_BOOT,
            Scope = delete ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE,
            Type = delete ? RouteType.Unspecified : RouteType.Unicast,
        };
        bool scoped = false;
        bool hasWay = false;
        bool tabled = false;
        uint locked = 0;
        while (!words.IsEmpty)
        {
            string word = words.Next();
            if (Metrics.TryGetValue(word, out ushort metric))
            {
                locked |= words.Take("lock") ? 1u << metric : 0;
                metricOrder.Add(metric);
                route = route with { Metrics = With(route.Metrics ?? new RouteMetrics(), metric, words.Next()) };
                continue;
            }

            switch (word)
            {
                case "via":
                    hasWay = true;
                    route = Way(route, words, order);
                    break;
                case "dev" or "oif":
                    route = route with { OutputInterface = ip.Index(words.Next()) };
                    break;
                case "src":
                    route = route with { PreferredSource = IPAddress.Parse(words.Next()) };
                    order.Add(RTA_PREFSRC);
                    break;
                case "from":
                    (IPAddress? source, byte sourceLength) = IpRequests.Prefix(words.Next(), family);
                    route = route with { Source = source, SourceLength = sourceLength };
                    order.Add(RTA_SRC);
                    break;
                case "metric" or "priority" or "preference":
                    route = route with { Priority = IpRequests.Number(words.Next()) };
                    order.Add(RTA_PRIORITY);
                    break;
                case "scope":
                    scoped = true;
                    route = route with { Scope = IpRequests.Scope(words.Next()) };
                    break;
                case "table":
                    tabled = true;
                    uint table = IpRequests.Table(words.Next());
                    route = table < 256 ? route with { HeaderTable = (byte)table } : route with { HeaderTable = 0, TableId = table };
                    order.Add(RTA_TABLE);
                    break;
                case "vrf":
                    route = route with { OutputInterface = route.OutputInterface, HeaderTable = route.HeaderTable };
                    throw new InvalidDataException("the table of a VRF is not known from the command");
                case "proto":
                    route = route with { Protocol = IpRequests.Protocol(words.Next()) };
                    break;
                case "tos" or "dsfield":
                    route = route with { Tos = (byte)IpRequests.Number(words.Next()) };
                    break;
                case "onlink":
                    route = route with { Flags = route.Flags | RTNH_F_ONLINK };
                    break;
                case "pref":
                    route = route with { Preference = words.Next() switch { "low" => 3, "high" => 1, _ => (byte)0 } };
                    order.Add(RTA_PREF);
                    break;
                case "expires":
                    route = route with { Expires = IpRequests.Number(words.Next()) };
                    order.Add(RTA_EXPIRES);
                    break;
                case "realm" or "realms":
                    string[] realms = words.Next().Split('/');
                    route = route with { Realms = realms.Length > 1 ? IpRequests.Number(realms[0]) << 16 | IpRequests.Number(realms[1]) : IpRequests.Number(realms[0]) };
                    order.Add(RTA_FLOW);
                    break;
                case "nhid":
                    hasWay = true;
                    route = route with { NextHopId = IpRequests.Number(words.Next()) };
                    order.Add(RTA_NH_ID);
                    break;
                case "nexthop":
                    hasWay = true;
                    hops.Add(Hop(words));
                    break;
                case "to":
                    break;
                case { } type when delete is false && Enum.TryParse(type, ignoreCase: true, out RouteType parsed) && char.IsLetter(type[0]):
                    route = route with { Type = parsed };
                    break;
                case { } type when delete && type is "unicast" or "local" or "broadcast" or "blackhole" or "unreachable" or "prohibit" or "throw":
                    route = route with { Type = Enum.Parse<RouteType>(type, ignoreCase: true) };
                    break;
                default:
                    (IPAddress? destination, byte length) = IpRequests.Prefix(word, family);
                    if (destination is null && family != AF_UNSPEC)
                    {
                        destination = family == AF_INET6 ? IPAddress.IPv6Any : IPAddress.Any;
                    }

                    route = route with { Destination = destination, DestinationLength = length, Family = destination is null ? route.Family : IpRequests.FamilyOf(destination) };
                    order.Add(RTA_DST);
                    break;
            }
        }

        if (hops.Count > 0)
        {
            route = route with { NextHops = new NextHopList([.. hops]) };
        }

        if (route.Metrics is { } metrics)
        {
            route = route with { Metrics = metrics with { Lock = locked == 0 ? null : locked, Layout = WireLayout.InOrder([RTAX_LOCK, .. metricOrder]) } };
        }

        byte routeFamily = route.Family == AF_UNSPEC ? AF_INET : route.Family;
        if (!scoped && routeFamily == AF_INET)
        {
            byte scope = route.Type switch
            {
                RouteType.Local => RT_SCOPE_HOST,
                RouteType.Broadcast or RouteType.Multicast or RouteType.Anycast => RT_SCOPE_LINK,
                RouteType.Unicast or RouteType.Unspecified when delete => RT_SCOPE_NOWHERE,
                RouteType.Unicast or RouteType.Unspecified when !hasWay => RT_SCOPE_LINK,
                _ => route.Scope,
            };
            route = route with { Scope = scope };
        }

        if (!tabled && route.Type is RouteType.Local or RouteType.Broadcast or RouteType.Anycast)
        {
            route = route with { HeaderTable = (byte)RT_TABLE_LOCAL };
        }

        order.AddRange([RTA_OIF, RTA_METRICS, RTA_MULTIPATH]);
        return route with { Family = routeFamily, Layout = WireLayout.InOrder([.. order]) };
    }

    private static NetworkRoute Way(NetworkRoute route, Words words, List<ushort> order)
    {
        bool six = words.Take("inet6");
        bool four = !six && words.Take("inet");
        IPAddress gateway = IPAddress.Parse(words.Next());
        byte family = IpRequests.FamilyOf(gateway);
        if ((six || four) && route.Family != AF_UNSPEC && route.Family != family)
        {
            order.Add(RTA_VIA);
            return route with { Via = new RouteVia(family, gateway) };
        }

        order.Add(RTA_GATEWAY);
        return route with { Gateway = gateway, Family = route.Family == AF_UNSPEC ? family : route.Family };
    }

    private NextHop Hop(Words words)
    {
        var hop = new NextHop();
        while (!words.IsEmpty)
        {
            switch (words.Peek)
            {
                case "via":
                    words.Next();
                    words.Take("inet");
                    hop = hop with { Gateway = IPAddress.Parse(words.Next()) };
                    break;
                case "dev":
                    words.Next();
                    hop = hop with { OutputInterface = ip.Index(words.Next()) };
                    break;
                case "weight":
                    words.Next();
                    hop = hop with { Hops = (byte)(IpRequests.Number(words.Next()) - 1) };
                    break;
                case "onlink":
                    words.Next();
                    hop = hop with { Flags = (byte)RTNH_F_ONLINK };
                    break;
                default:
                    return hop;
            }
        }

        return hop;
    }

    private static RouteMetrics With(RouteMetrics metrics, ushort type, string text)
    {
        uint value = type == RTAX_CC_ALGO ? 0 : IpRequests.Number(text);
        return type switch
        {
            RTAX_MTU => metrics with { Mtu = value },
            RTAX_WINDOW => metrics with { Window = value },
            RTAX_SSTHRESH => metrics with { SlowStartThreshold = value },
            RTAX_CWND => metrics with { CongestionWindow = value },
            RTAX_ADVMSS => metrics with { AdvertisedMss = value },
            RTAX_REORDERING => metrics with { Reordering = value },
            RTAX_HOPLIMIT => metrics with { HopLimit = value },
            RTAX_INITCWND => metrics with { InitialCongestionWindow = value },
            RTAX_INITRWND => metrics with { InitialReceiveWindow = value },
            RTAX_QUICKACK => metrics with { QuickAcknowledgements = value },
            RTAX_FASTOPEN_NO_COOKIE => metrics with { FastOpenWithoutCookie = value },
            _ => metrics with { CongestionControl = text },
        };
    }
}
