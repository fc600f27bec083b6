using System.Net;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.AddressConstants;
using static EucaNet.Netlink.Route.NeighbourConstants;
using static EucaNet.Netlink.Route.RouteConstants;
using static EucaNet.Netlink.Route.RuleConstants;

namespace EucaNet.Conformance;

/// <summary>ip address: add, change, replace, del, show, flush.</summary>
internal sealed class AddressCommand(IpRequests ip)
{
    public void Build(Words words, byte family)
    {
        string verb = words.Next();
        if (verb is "show" or "list" or "ls" or "flush" or "")
        {
            string? device = words.After("dev") ?? (words.IsEmpty || words.Peek is "up" or "scope" or "dynamic" or "permanent" or "label" or "to" ? null : words.Peek);
            ip.List(new InterfaceAddress { Family = family, Index = device is null ? 0 : ip.Index(device) }, RTM_GETADDR);
            return;
        }

        bool delete = verb is "del" or "delete" or "d";
        ip.Act(Parse(words, delete), delete ? RTM_DELADDR : RTM_NEWADDR, delete ? NetlinkMessageFlags.None : IpRequests.Verb(verb));
    }

    private InterfaceAddress Parse(Words words, bool delete)
    {
        var order = new List<ushort>();
        var address = new InterfaceAddress();
        uint flags = 0;
        byte? scope = null;
        uint preferred = AddressLifetime.Forever;
        uint valid = AddressLifetime.Forever;
        bool hasLifetime = false;
        bool computeBroadcast = false;
        while (!words.IsEmpty)
        {
            string word = words.Next();
            uint flag = word switch { "nodad" => IFA_F_NODAD, "optimistic" => IFA_F_OPTIMISTIC, "home" => IFA_F_HOMEADDRESS, "mngtmpaddr" => IFA_F_MANAGETEMPADDR, "noprefixroute" => IFA_F_NOPREFIXROUTE, "autojoin" => IFA_F_MCAUTOJOIN, _ => 0u };
            if (flag != 0)
            {
                flags |= flag;
                continue;
            }

            switch (word)
            {
                case "dev":
                    address = address with { Index = ip.Index(words.Next()) };
                    break;
                case "peer" or "remote":
                    (IPAddress? peer, byte length) = IpRequests.Prefix(words.Next(), 0);
                    address = address with { Address = peer, PrefixLength = length };
                    order.Add(IFA_ADDRESS);
                    break;
                case "broadcast" or "brd":
                    if (words.Take("+"))
                    {
                        computeBroadcast = true;
                    }
                    else
                    {
                        address = address with { Broadcast = IPAddress.Parse(words.Next()) };
                        order.Add(IFA_BROADCAST);
                    }

                    break;
                case "anycast":
                    address = address with { Anycast = IPAddress.Parse(words.Next()) };
                    order.Add(IFA_ANYCAST);
                    break;
                case "scope":
                    scope = IpRequests.Scope(words.Next());
                    break;
                case "label":
                    address = address with { Label = words.Next() };
                    order.Add(IFA_LABEL);
                    break;
                case "metric" or "priority" or "preference":
                    address = address with { RoutePriority = IpRequests.Number(words.Next()) };
                    order.Add(IFA_RT_PRIORITY);
                    break;
                case "proto":
                    address = address with { Protocol = (byte)IpRequests.Number(words.Next()) };
                    order.Add(IFA_PROTO);
                    break;
                case "valid_lft":
                    valid = words.Take("forever") ? AddressLifetime.Forever : IpRequests.Number(words.Next());
                    hasLifetime = true;
                    break;
                case "preferred_lft":
                    preferred = words.Take("forever") ? AddressLifetime.Forever : IpRequests.Number(words.Next());
                    hasLifetime = true;
                    break;
                default:
                    (IPAddress? local, byte localLength) = IpRequests.Prefix(word == "local" ? words.Next() : word, 0);
                    address = address with { Local = local, Family = IpRequests.FamilyOf(local!), PrefixLength = address.Address is null ? localLength : address.PrefixLength };
                    order.Add(IFA_LOCAL);
                    break;
            }
        }

        // Behind what was said: flags that do not fit the header, the address itself, its broadcast address, lifetimes.
        address = flags > 0xff ? address with { ExtendedFlags = flags } : address with { HeaderFlags = (byte)flags };
        order.AddRange([IFA_FLAGS, IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO]);
        bool loopback = address.Local is { } host && host.GetAddressBytes() is [127, _, _, _];
        return address with
        {
            Address = address.Address ?? address.Local,
            Broadcast = computeBroadcast ? BroadcastOf(address) : address.Broadcast,
            Scope = scope ?? (!delete && loopback ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE),
            Lifetime = hasLifetime ? new AddressLifetime(preferred, valid) : null,
            Layout = WireLayout.InOrder([.. order]),
        };
    }

    private static IPAddress BroadcastOf(InterfaceAddress address)
    {
        byte[] octets = (address.Address ?? address.Local)!.GetAddressBytes();
        for (int bit = address.PrefixLength; bit < 32; bit++)
        {
            octets[bit / 8] |= (byte)(0x80 >> bit % 8);
        }

        return new IPAddress(octets);
    }
}

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

/// <summary>ip rule: add, del, show.</summary>
internal sealed class RuleCommand(IpRequests ip)
{
    public void Build(Words words, byte family)
    {
        string verb = words.Next();
        if (verb is "show" or "list" or "ls" or "lst" or "")
        {
            ip.List(new RoutingRule { Family = family == AF_UNSPEC ? AF_INET : family }, RTM_GETRULE);
            return;
        }

        bool add = verb is "add";
        ip.Act(Parse(words, family, add), add ? RTM_NEWRULE : RTM_DELRULE, add ? NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive : NetlinkMessageFlags.None);
    }

    private static RoutingRule Parse(Words words, byte family, bool add)
    {
        var order = new List<ushort>();
        var rule = new RoutingRule { Family = family, Action = add ? FR_ACT_TO_TBL : (byte)0 };
        bool tabled = false;
        while (!words.IsEmpty)
        {
            string word = words.Next();
            switch (word)
            {
                case "not":
                    rule = rule with { Flags = rule.Flags | FIB_RULE_INVERT };
                    break;
                case "from" or "to":
                    (IPAddress? address, byte length) = IpRequests.Prefix(words.Next(), family);
                    rule = word == "from" ? rule with { Source = address, SourceLength = length } : rule with { Destination = address, DestinationLength = length };
                    rule = rule with { Family = address is null ? rule.Family : IpRequests.FamilyOf(address) };
                    order.Add(word == "from" ? FRA_SRC : FRA_DST);
                    break;
                case "pref" or "preference" or "order" or "priority":
                    rule = rule with { Priority = IpRequests.Number(words.Next()) };
                    order.Add(FRA_PRIORITY);
                    break;
                case "tos" or "dsfield":
                    rule = rule with { Tos = (byte)IpRequests.Number(words.Next()) };
                    break;
                case "fwmark":
                    string[] mark = words.Next().Split('/');
                    rule = rule with { Mark = IpRequests.Number(mark[0]), MarkMask = mark.Length > 1 ? IpRequests.Number(mark[1]) : null };
                    order.AddRange([FRA_FWMARK, FRA_FWMASK]);
                    break;
                case "table" or "lookup":
                    tabled = true;
                    uint table = IpRequests.Table(words.Next());
                    rule = table < 256 ? rule with { HeaderTable = (byte)table } : rule with { TableId = table };
                    order.Add(FRA_TABLE);
                    break;
                case "iif" or "dev":
                    rule = rule with { InputInterface = words.Next() };
                    order.Add(FRA_IIFNAME);
                    break;
                case "oif":
                    rule = rule with { OutputInterface = words.Next() };
                    order.Add(FRA_OIFNAME);
                    break;
                case "l3mdev":
                    tabled = true;
                    rule = rule with { L3MasterDevice = true };
                    order.Add(FRA_L3MDEV);
                    break;
                case "uidrange":
                    string[] users = words.Next().Split('-');
                    rule = rule with { Users = new UserRange(IpRequests.Number(users[0]), IpRequests.Number(users[1])) };
                    order.Add(FRA_UID_RANGE);
                    break;
                case "suppress_prefixlength" or "sup_pl":
                    rule = rule with { SuppressPrefixLength = IpRequests.Number(words.Next()) };
                    order.Add(FRA_SUPPRESS_PREFIXLEN);
                    break;
                case "suppress_ifgroup" or "sup_group":
                    rule = rule with { SuppressInterfaceGroup = IpRequests.Number(words.Next()) };
                    order.Add(FRA_SUPPRESS_IFGROUP);
                    break;
                case "protocol":
                    rule = rule with { Protocol = IpRequests.Protocol(words.Next()) };
                    order.Add(FRA_PROTOCOL);
                    break;
                case "ipproto":
                    rule = rule with { IpProtocol = words.Next() switch { "tcp" => 6, "udp" => 17, "icmp" => 1, "sctp" => 132, { } number => (byte)IpRequests.Number(number) } };
                    order.Add(FRA_IP_PROTO);
                    break;
                case "sport" or "dport":
                    string[] ports = words.Next().Split('-');
                    var range = new HostPortRange((ushort)IpRequests.Number(ports[0]), (ushort)IpRequests.Number(ports[^1]));
                    rule = word == "sport" ? rule with { SourcePorts = range } : rule with { DestinationPorts = range };
                    order.Add(word == "sport" ? FRA_SPORT_RANGE : FRA_DPORT_RANGE);
                    break;
                case "goto":
                    tabled = true;
                    rule = rule with { Goto = IpRequests.Number(words.Next()), Action = FR_ACT_GOTO };
                    order.Add(FRA_GOTO);
                    break;
                case "nop":
                    tabled = true;
                    rule = rule with { Action = FR_ACT_NOP };
                    break;
                case "type":
                    break;
                case "blackhole" or "unreachable" or "prohibit":
                    tabled = true;
                    rule = rule with { Action = word switch { "blackhole" => FR_ACT_BLACKHOLE, "unreachable" => FR_ACT_UNREACHABLE, _ => FR_ACT_PROHIBIT } };
                    break;
                default:
                    throw new InvalidDataException($"'{word}' is no word of ip rule");
            }
        }

        return rule with
        {
            Family = rule.Family == AF_UNSPEC ? AF_INET : rule.Family,
            HeaderTable = !tabled && add ? (byte)RT_TABLE_MAIN : rule.HeaderTable,
            Layout = WireLayout.InOrder([.. order]),
        };
    }
}

/// <summary>ip neighbour: add, change, replace, del, show.</summary>
internal sealed class NeighbourCommand(IpRequests ip)
{
    public void Build(Words words, byte family)
    {
        string verb = words.Next();
        if (verb is "show" or "list" or "ls" or "lst" or "")
        {
            ip.List(
                new Neighbour { Family = family, Flags = words.Contains("proxy") ? NTF_PROXY : (byte)0, OutputInterface = words.After("dev") is { } device ? ip.Index(device) : null },
                RTM_GETNEIGH);
            return;
        }

        bool delete = verb is "del" or "delete";
        ip.Act(Parse(words), delete ? RTM_DELNEIGH : RTM_NEWNEIGH, delete ? NetlinkMessageFlags.None : IpRequests.Verb(verb));
    }

    private Neighbour Parse(Words words)
    {
        var neighbour = new Neighbour { State = NeighbourState.Permanent, Layout = WireLayout.InOrder(NDA_DST, NDA_LLADDR) };
        while (!words.IsEmpty)
        {
            string word = words.Next();
            neighbour = word switch
            {
                "lladdr" => neighbour with { HardwareAddress = HardwareAddress.Parse(words.Next()) },
                "nud" => neighbour with { State = Enum.Parse<NeighbourState>(words.Next(), ignoreCase: true) },
                "proxy" => neighbour with { Flags = (byte)(neighbour.Flags | NTF_PROXY), Destination = words.Peek is "dev" ? neighbour.Destination : IPAddress.Parse(words.Next()) },
                "router" => neighbour with { Flags = (byte)(neighbour.Flags | NTF_ROUTER) },
                "use" => neighbour with { Flags = (byte)(neighbour.Flags | NTF_USE) },
                "extern_learn" => neighbour with { Flags = (byte)(neighbour.Flags | NTF_EXT_LEARNED) },
                "managed" => neighbour with { ExtendedFlags = 1 },
                "dev" => neighbour with { Index = ip.Index(words.Next()) },
                "protocol" => neighbour with { Protocol = IpRequests.Protocol(words.Next()) },
                "to" => neighbour,
                _ => neighbour with { Destination = IPAddress.Parse(word) },
            };
        }

        return neighbour with { Family = IpRequests.FamilyOf(neighbour.Destination!) };
    }
}

/// <summary>bridge: fdb, vlan, link.</summary>
internal sealed class BridgeCommand(IpRequests ip)
{
    public void Build(string what, Words words)
    {
        string verb = words.Next();
        bool show = verb is "show" or "list" or "ls" or "lst" or "";
        switch (what)
        {
            case "fdb" when show:
                ip.List(
                    new Neighbour
                    {
                        Family = AF_BRIDGE,
                        Index = 0,
                        Master = words.After("br") is { } bridge ? ip.Index(bridge) : null,
                    },
                    RTM_GETNEIGH);
                break;
            case "fdb":
                bool delete = verb is "del" or "delete";
                ip.Act(ForwardingEntry(words), delete ? RTM_DELNEIGH : RTM_NEWNEIGH, delete ? NetlinkMessageFlags.None : IpRequests.Verb(verb));
                break;
            case "vlan" when show:
                ip.List(new Link { Family = AF_BRIDGE, ExtendedMask = LinkConstants.RTEXT_FILTER_BRVLAN }, RTM_GETLINK);
                break;
            case "vlan":
                ip.Act(Vlans(words), verb == "add" ? RTM_SETLINK : RTM_DELLINK);
                break;
            case "link" when show:
                ip.List(new Link { Family = AF_BRIDGE }, RTM_GETLINK);
                break;
            case "link":
                ip.Act(Port(words), RTM_SETLINK);
                break;
        }
    }

    private Neighbour ForwardingEntry(Words words)
    {
        var entry = new Neighbour { Family = AF_BRIDGE, State = NeighbourState.NoArp, Layout = WireLayout.InOrder(NDA_LLADDR, NDA_DST, NDA_VLAN, NDA_NH_ID, NDA_PORT, NDA_VNI, NDA_SRC_VNI, NDA_IFINDEX) };
        while (!words.IsEmpty)
        {
            string word = words.Next();
            entry = word switch
            {
                "dev" => entry with { Index = ip.Index(words.Next()) },
                "dst" => entry with { Destination = IPAddress.Parse(words.Next()) },
                "nhid" => entry with { NextHopId = IpRequests.Number(words.Next()) },
                "port" => entry with { Port = (ushort)IpRequests.Number(words.Next()) },
                "vni" => entry with { Vni = IpRequests.Number(words.Next()) },
                "src_vni" => entry with { SourceVni = IpRequests.Number(words.Next()) },
                "via" => entry with { OutputInterface = ip.Index(words.Next()) },
                "vlan" => entry with { Vlan = (ushort)IpRequests.Number(words.Next()) },
                "self" => entry with { Flags = (byte)(entry.Flags | NTF_SELF) },
                "master" => entry with { Flags = (byte)(entry.Flags | NTF_MASTER) },
                "router" => entry with { Flags = (byte)(entry.Flags | NTF_ROUTER) },
                "use" => entry with { Flags = (byte)(entry.Flags | NTF_USE) },
                "extern_learn" => entry with { Flags = (byte)(entry.Flags | NTF_EXT_LEARNED) },
                "sticky" => entry with { Flags = (byte)(entry.Flags | NTF_STICKY) },
                "local" or "permanent" => entry with { State = entry.State | NeighbourState.Permanent },
                "static" or "temp" => entry with { State = entry.State | NeighbourState.Reachable },
                "dynamic" => entry with { State = (entry.State | NeighbourState.Reachable) & ~NeighbourState.NoArp },
                "to" => entry,
                _ => entry with { HardwareAddress = HardwareAddress.Parse(word) },
            };
        }

        return entry with
        {
            Flags = (entry.Flags & (NTF_SELF | NTF_MASTER)) == 0 ? (byte)(entry.Flags | NTF_SELF) : entry.Flags,
            State = (entry.State & (NeighbourState.Permanent | NeighbourState.Reachable)) == 0 ? entry.State | NeighbourState.Permanent : entry.State,
        };
    }

    private Link Vlans(Words words)
    {
        int index = 0;
        ushort flags = 0;
        BridgeVlanFlags vlanFlags = BridgeVlanFlags.None;
        string[] range = [];
        string[] tunnels = [];
        while (!words.IsEmpty)
        {
            switch (words.Next())
            {
                case "dev":
                    index = ip.Index(words.Next());
                    break;
                case "vid":
                    range = words.Next().Split('-');
                    break;
                case "self":
                    flags |= BridgeConstants.BRIDGE_FLAGS_SELF;
                    break;
                case "master":
                    flags |= BridgeConstants.BRIDGE_FLAGS_MASTER;
                    break;
                case "pvid":
                    vlanFlags |= BridgeVlanFlags.Pvid;
                    break;
                case "untagged":
                    vlanFlags |= BridgeVlanFlags.Untagged;
                    break;
                case "tunnel_info":
                    words.Take("id");
                    tunnels = words.Next().Split('-');
                    break;
                case { } word:
                    throw new InvalidDataException($"'{word}' is no word of bridge vlan");
            }
        }

        ushort[] ids = [.. range.Select(text => (ushort)IpRequests.Number(text))];
        uint[] tunnelIds = [.. tunnels.Select(IpRequests.Number)];
        BridgeVlanFlags Bound(int place) => ids.Length == 1 ? BridgeVlanFlags.None : place == 0 ? BridgeVlanFlags.RangeBegin : BridgeVlanFlags.RangeEnd;
        EquatableList<BridgeVlan> vlans = tunnels.Length > 0 ? [] : [.. ids.Select((id, place) => new BridgeVlan(vlanFlags | Bound(place), id))];
        EquatableList<BridgeVlanTunnel> mapped = tunnels.Length == 0 ? [] : [.. ids.Select((id, place) => new BridgeVlanTunnel(tunnelIds[place], id, (ushort)Bound(place)))];
        return new Link { Family = AF_BRIDGE, Index = index, Bridge = new BridgeSpecification(flags == 0 ? null : flags, null, vlans, mapped) };
    }

    private Link Port(Words words)
    {
        int index = 0;
        ushort flags = 0;
        ushort? mode = null;
        var port = new BridgePortOptions
        {
            Layout = WireLayout.InOrder(
                BridgeConstants.IFLA_BRPORT_GUARD, BridgeConstants.IFLA_BRPORT_MODE, BridgeConstants.IFLA_BRPORT_PROTECT, BridgeConstants.IFLA_BRPORT_FAST_LEAVE,
                BridgeConstants.IFLA_BRPORT_UNICAST_FLOOD, BridgeConstants.IFLA_BRPORT_MCAST_FLOOD, BridgeConstants.IFLA_BRPORT_BCAST_FLOOD, BridgeConstants.IFLA_BRPORT_MCAST_TO_UCAST,
                BridgeConstants.IFLA_BRPORT_LEARNING, BridgeConstants.IFLA_BRPORT_LEARNING_SYNC, BridgeConstants.IFLA_BRPORT_COST, BridgeConstants.IFLA_BRPORT_PRIORITY,
                BridgeConstants.IFLA_BRPORT_STATE),
        };
        while (!words.IsEmpty)
        {
            string word = words.Next();
            switch (word)
            {
                case "dev":
                    index = ip.Index(words.Next());
                    continue;
                case "self":
                    flags |= BridgeConstants.BRIDGE_FLAGS_SELF;
                    continue;
                case "master":
                    flags |= BridgeConstants.BRIDGE_FLAGS_MASTER;
                    continue;
                case "hwmode":
                    mode = words.Next() == "vepa" ? BridgeConstants.BRIDGE_MODE_VEPA : BridgeConstants.BRIDGE_MODE_VEB;
                    continue;
            }

            string value = words.Next();
            bool on = value == "on";
            port = word switch
            {
                "guard" => port with { Guard = on },
                "hairpin" => port with { Hairpin = on },
                "root_block" => port with { RootBlock = on },
                "fastleave" => port with { FastLeave = on },
                "flood" => port with { UnicastFlood = on },
                "mcast_flood" => port with { MulticastFlood = on },
                "bcast_flood" => port with { BroadcastFlood = on },
                "mcast_to_unicast" => port with { MulticastToUnicast = on },
                "learning" => port with { Learning = on },
                "learning_sync" => port with { LearningSync = on },
                "cost" => port with { Cost = IpRequests.Number(value) },
                "priority" => port with { Priority = (ushort)IpRequests.Number(value) },
                "state" => port with { State = char.IsDigit(value[0]) ? (BridgePortState)IpRequests.Number(value) : Enum.Parse<BridgePortState>(value, ignoreCase: true) },
                "neigh_suppress" => port with { NeighbourSuppression = on },
                "vlan_tunnel" => port with { VlanTunnel = on },
                "isolated" => port with { Isolated = on },
                "locked" => port with { Locked = on },
                "mab" => port with { MacAuthenticationBypass = on },
                "mcast_router" => port with { MulticastRouter = (byte)IpRequests.Number(value) },
                "backup_port" => port with { BackupPort = (uint)ip.Index(value) },
                _ => throw new InvalidDataException($"'{word}' is no word of bridge link set"),
            };
        }

        return new Link
        {
            Family = AF_BRIDGE,
            Index = index,
            BridgePort = port,
            Bridge = flags == 0 && mode is null ? null : new BridgeSpecification(flags == 0 ? null : flags, mode, [], []),
        };
    }
}
