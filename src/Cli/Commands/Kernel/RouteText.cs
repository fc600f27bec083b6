using System.Globalization;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>A route in the words and fields of <c>ip route</c>.</summary>
internal static class RouteText
{
    private static readonly (uint Flag, string Name)[] HopFlags =
    [
        (RouteConstants.RTNH_F_DEAD, "dead"), (RouteConstants.RTNH_F_ONLINK, "onlink"), (RouteConstants.RTNH_F_PERVASIVE, "pervasive"), (RouteConstants.RTNH_F_LINKDOWN, "linkdown"),
    ];

    /// <summary>The fields of <c>ip -j route show</c>.</summary>
    public static JsonObject Json(NetworkRoute route, KernelView view, bool withTable, bool details = false)
    {
        JsonObject fields = Fields(route, view, withTable, details).Fields;
        if (route.NextHops is { } hops)
        {
            fields["nexthops"] = new JsonArray([.. hops.Hops.Select(hop => (JsonNode)Fields(hop, view).Fields)]);
        }

        KernelView.Add(fields, "pref", Preference(route));
        return fields;
    }

    /// <summary>The lines of <c>ip route show</c>.</summary>
    public static string Text(NetworkRoute route, KernelView view, bool withTable, bool details = false)
    {
        string text = Fields(route, view, withTable, details).Words;
        foreach (NextHop hop in route.NextHops?.Hops ?? [])
        {
            text += $"\n\tnexthop {Fields(hop, view).Words}";
        }

        return Preference(route) is { } preference ? $"{text}pref {preference}" : text;
    }

    private static OptionList Fields(NetworkRoute route, KernelView view, bool withTable, bool details)
    {
        string type = route.Type.ToString().ToLowerInvariant();
        string destination = Prefix(route.Destination, route.DestinationLength, route.Family);
        OptionList list = new OptionList()
            .AddWith("type", route.Type != RouteType.Unicast || details ? type : null, type)
            .AddWith("dst", destination, destination)
            .Add("from", route.Source is null ? null : Prefix(route.Source, route.SourceLength, route.Family))
            .Add("tos", route.Tos == 0 ? null : $"0x{route.Tos:x2}")
            .Add("nhid", KernelView.Value(route.NextHopId));
        AddGateway(list, route.Gateway, route.Via)
            .Add("dev", route.OutputInterface is { } index ? view.NameOf(index) : null)
            .Add("table", withTable && route.Table != RouteConstants.RT_TABLE_MAIN ? KernelView.Table(route.Table) : null)
            .AddAs("protocol", "proto", route.Protocol != RouteConstants.RTPROT_BOOT || details ? KernelView.Protocol(route.Protocol) : null)
            .Add("scope", route.Scope != RouteConstants.RT_SCOPE_UNIVERSE || details ? KernelView.Scope(route.Scope) : null)
            .AddAs("prefsrc", "src", route.PreferredSource?.ToString())
            .Add("metric", KernelView.Value(route.Priority));
        AddFlags(list, route.Flags);
        AddRealms(list, route.Realms)
            .AddWith("expires", route.ExpiresIn is { } left ? JsonValue.Create((int)left.TotalSeconds) : null, $"expires {(int?)route.ExpiresIn?.TotalSeconds}sec");
        return route.Metrics is { } metrics ? AddMetrics(list, metrics) : list;
    }

    private static OptionList Fields(NextHop hop, KernelView view)
    {
        OptionList list = AddRealms(AddGateway(new OptionList(), hop.Gateway, hop.Via), hop.Realms)
            .Add("dev", view.NameOf(hop.OutputInterface))
            .Add("weight", hop.Weight);
        AddFlags(list, hop.Flags);
        return list;
    }

    private static OptionList AddGateway(OptionList list, System.Net.IPAddress? gateway, RouteVia? via)
    {
        string? family = via is null ? null : via.Family == RouteConstants.AF_INET6 ? "inet6" : "inet";
        return list.AddAs("gateway", "via", gateway?.ToString())
            .AddWith("via", via is null ? null : new JsonObject { ["family"] = family, ["host"] = via.Address.ToString() }, $"via {family} {via?.Address}");
    }

    private static void AddFlags(OptionList list, uint flags)
    {
        string[] names = [.. HopFlags.Where(pair => (flags & pair.Flag) != 0).Select(pair => pair.Name)];
        list.AddWith("flags", new JsonArray([.. names.Select(name => (JsonNode)name)]), names.Length == 0 ? null : string.Join(' ', names));
    }

    private static OptionList AddRealms(OptionList list, uint? realms)
    {
        if (realms is { } value)
        {
            uint from = value >> 16;
            string to = $"{value & 0xffff}";
            list.AddWith("flow", from == 0 ? new JsonObject { ["to"] = to } : new JsonObject { ["from"] = $"{from}", ["to"] = to }, from == 0 ? $"realm {to}" : $"realms {from}/{to}");
        }

        return list;
    }

    // As one object in an array; what the kernel may not change is said in words only.
    private static OptionList AddMetrics(OptionList list, RouteMetrics metrics)
    {
        OptionList shown = new();
        Number(RouteConstants.RTAX_MTU, "mtu", metrics.Mtu);
        Number(RouteConstants.RTAX_WINDOW, "window", metrics.Window);
        Time(RouteConstants.RTAX_RTT, "rtt", metrics.RoundTripTime / 8);
        Time(RouteConstants.RTAX_RTTVAR, "rttvar", metrics.RoundTripVariance / 4);
        Number(RouteConstants.RTAX_SSTHRESH, "ssthresh", metrics.SlowStartThreshold);
        Number(RouteConstants.RTAX_CWND, "cwnd", metrics.CongestionWindow);
        Number(RouteConstants.RTAX_ADVMSS, "advmss", metrics.AdvertisedMss);
        Number(RouteConstants.RTAX_REORDERING, "reordering", metrics.Reordering);
        Number(RouteConstants.RTAX_HOPLIMIT, "hoplimit", metrics.HopLimit == uint.MaxValue ? 0 : metrics.HopLimit);
        Number(RouteConstants.RTAX_INITCWND, "initcwnd", metrics.InitialCongestionWindow);
        Features(metrics.Features);
        Time(RouteConstants.RTAX_RTO_MIN, "rto_min", metrics.MinimumRetransmissionTimeout);
        Number(RouteConstants.RTAX_INITRWND, "initrwnd", metrics.InitialReceiveWindow);
        Number(RouteConstants.RTAX_QUICKACK, "quickack", metrics.QuickAcknowledgements);
        shown.AddWith("congestion", metrics.CongestionControl, $"congctl {Lock(RouteConstants.RTAX_CC_ALGO)}{metrics.CongestionControl}");
        Number(RouteConstants.RTAX_FASTOPEN_NO_COOKIE, "fastopen_no_cookie", metrics.FastOpenWithoutCookie);
        return shown.Fields.Count == 0 ? list : list.AddWith("metrics", new JsonArray((JsonNode)shown.Fields), shown.Words.TrimEnd());

        string Lock(ushort metric) => ((metrics.Lock ?? 0) >> metric & 1) != 0 ? "lock " : "";

        void Number(ushort metric, string name, uint? value) => shown.AddWith(name, KernelView.Value(value), $"{name} {Lock(metric)}{value}");

        void Time(ushort metric, string name, uint? milliseconds) => shown.AddWith(
            name, KernelView.Value(milliseconds), string.Create(CultureInfo.InvariantCulture, $"{name} {Lock(metric)}{(milliseconds >= 1000 ? $"{milliseconds / 1000.0:0.######}s" : $"{milliseconds}ms")}"));

        void Features(uint? features)
        {
            const uint Ecn = 1;
            if (features is { } bits)
            {
                shown.AddText("features");
                if ((bits & Ecn) != 0)
                {
                    shown.AddNull("ecn", "ecn");
                }

                shown.AddWith("features", (bits & ~Ecn) == 0 ? null : $"0x{bits & ~Ecn:x}", $"0x{bits & ~Ecn:x}");
            }
        }
    }

    private static string? Preference(NetworkRoute route) => route.Preference switch { null => null, 0 => "medium", 1 => "high", 3 => "low", { } other => $"{other}" };

    private static string Prefix(System.Net.IPAddress? address, byte length, byte family)
    {
        int whole = family == RouteConstants.AF_INET6 ? 128 : 32;
        return address is null || length == 0 ? "default" : length == whole ? $"{address}" : $"{address}/{length}";
    }
}
