using System.CommandLine;
using System.Text;
using System.Text.Json.Nodes;
using EucaNet.Cli.Control;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>eucanet route show</summary>
internal static class RouteShowCommand
{
    public static Command Build()
    {
        var table = new Option<string?>("--table", "-t") { Description = "This table: main, local, default, a number, or all. Without it: main.", HelpName = "TABLE" };
        var six = new Option<bool>("-6") { Description = "IPv6 instead of IPv4." };
        var show = new Command(
            "show",
            """
            Lists the routes of this machine, as ip route show does.

            Example: eucanet route show --table all
            """)
        { table, six, KernelView.Details, KernelView.Namespace };
        show.SetAction(async (arguments, cancellationToken) =>
        {
            string name = arguments.GetValue(table) ?? "main";
            uint? number = name switch
            {
                "all" => null,
                "main" => 254,
                "local" => 255,
                "default" => 253,
                _ => uint.TryParse(name, out uint parsed) ? parsed : throw new RefusedException($"'{name}' is no routing table: main, local, default, all or a number."),
            };
            using KernelView view = KernelView.Open(arguments);
            await view.LearnNamesAsync(cancellationToken);
            List<NetworkRoute> routes = await view.Route.GetRoutesAsync(arguments.GetValue(six) ? RouteConstants.AF_INET6 : RouteConstants.AF_INET, number, cancellationToken);
            bool details = arguments.GetValue(KernelView.Details);
            if (arguments.GetValue(TerminalContext.Json))
            {
                KernelView.Print(new JsonArray([.. routes.Select(route => (JsonNode)Json(route, view, number is null, details))]));
                return 0;
            }

            foreach (NetworkRoute route in routes)
            {
                Console.WriteLine(Text(route, view, number is null, details));
            }

            return 0;
        });
        return new Command("route", "The routes of this machine.") { show };
    }

    /// <summary>The fields of <c>ip -j route show</c>.</summary>
    public static JsonObject Json(NetworkRoute route, KernelView view, bool withTable, bool details = false)
    {
        var json = new JsonObject();
        if (route.Type != RouteType.Unicast || details)
        {
            json["type"] = route.Type.ToString().ToLowerInvariant();
        }

        json["dst"] = Destination(route);
        KernelView.Add(json, "gateway", route.Gateway?.ToString());
        if (route.Via is { } via)
        {
            json["via"] = new JsonObject { ["family"] = via.Family == RouteConstants.AF_INET6 ? "inet6" : "inet", ["host"] = via.Address.ToString() };
        }

        KernelView.Add(json, "dev", route.OutputInterface is { } index ? view.NameOf(index) : null);
        if (withTable && route.Table != RouteConstants.RT_TABLE_MAIN)
        {
            json["table"] = KernelView.Table(route.Table);
        }

        if (route.Protocol != RouteConstants.RTPROT_BOOT || details)
        {
            json["protocol"] = KernelView.Protocol(route.Protocol);
        }

        if (route.Scope != RouteConstants.RT_SCOPE_UNIVERSE || details)
        {
            json["scope"] = KernelView.Scope(route.Scope);
        }

        KernelView.Add(json, "prefsrc", route.PreferredSource?.ToString());
        KernelView.Add(json, "metric", KernelView.Value(route.Priority));
        json["flags"] = new JsonArray([.. Flags(route).Select(flag => (JsonNode)flag)]);
        if (route.Metrics?.Mtu is { } mtu)
        {
            json["metrics"] = new JsonArray(new JsonObject { ["mtu"] = mtu });
        }

        if (route.NextHops is { } hops)
        {
            json["nexthops"] = new JsonArray([.. hops.Hops.Select(hop => (JsonNode)new JsonObject { ["gateway"] = hop.Gateway?.ToString(), ["dev"] = view.NameOf(hop.OutputInterface), ["weight"] = hop.Weight, ["flags"] = new JsonArray() })]);
        }

        return json;
    }

    /// <summary>The line of <c>ip route show</c>.</summary>
    public static string Text(NetworkRoute route, KernelView view, bool withTable, bool details)
    {
        var text = new StringBuilder();
        text.Append(route.Type != RouteType.Unicast || details ? route.Type.ToString().ToLowerInvariant() + " " : "").Append(Destination(route)).Append(' ');
        text.Append(route.Gateway is null ? "" : $"via {route.Gateway} ");
        text.Append(route.Via is { } via ? $"via {(via.Family == RouteConstants.AF_INET6 ? "inet6" : "inet")} {via.Address} " : "");
        text.Append(route.OutputInterface is { } index ? $"dev {view.NameOf(index)} " : "");
        text.Append(withTable && route.Table != RouteConstants.RT_TABLE_MAIN ? $"table {KernelView.Table(route.Table)} " : "");
        text.Append(route.Protocol != RouteConstants.RTPROT_BOOT || details ? $"proto {KernelView.Protocol(route.Protocol)} " : "");
        text.Append(route.Scope != RouteConstants.RT_SCOPE_UNIVERSE || details ? $"scope {KernelView.Scope(route.Scope)} " : "");
        text.Append(route.PreferredSource is null ? "" : $"src {route.PreferredSource} ");
        text.Append(route.Priority is { } metric ? $"metric {metric} " : "");
        text.Append(route.Metrics?.Mtu is { } mtu ? $"mtu {mtu} " : "");
        text.Append(string.Concat(Flags(route).Select(flag => flag + " ")));
        foreach (NextHop hop in route.NextHops?.Hops ?? [])
        {
            text.Append($"\n\tnexthop {(hop.Gateway is null ? "" : $"via {hop.Gateway} ")}dev {view.NameOf(hop.OutputInterface)} weight {hop.Weight} ");
        }

        return text.ToString();
    }

    private static string Destination(NetworkRoute route)
    {
        int whole = route.Family == RouteConstants.AF_INET6 ? 128 : 32;
        return route.Destination is null || route.DestinationLength == 0 ? "default" : route.DestinationLength == whole ? $"{route.Destination}" : $"{route.Destination}/{route.DestinationLength}";
    }

    private static IEnumerable<string> Flags(NetworkRoute route)
    {
        (uint Flag, string Name)[] names = [(RouteConstants.RTNH_F_DEAD, "dead"), (RouteConstants.RTNH_F_ONLINK, "onlink"), (RouteConstants.RTNH_F_PERVASIVE, "pervasive"), (RouteConstants.RTNH_F_LINKDOWN, "linkdown")];
        return names.Where(pair => (route.Flags & pair.Flag) != 0).Select(pair => pair.Name);
    }
}
