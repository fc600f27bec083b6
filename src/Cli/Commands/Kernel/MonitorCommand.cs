using System.CommandLine;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>eucanet monitor</summary>
internal static class MonitorCommand
{
    public static Command Build()
    {
        var all = new Option<bool>("--all", "-a") { Description = "First tell what is there." };
        var command = new Command(
            "monitor",
            """
            Tells each change of links, addresses, routes, neighbours and routing rules as it happens, until interrupted. When the kernel had more to tell than
            could be queued, it says so, reads everything again and tells the differences.

            Example: eucanet monitor -j
            """)
        { all, KernelView.Namespace };
        command.SetAction(async (arguments, cancellationToken) =>
        {
            using KernelView view = KernelView.Open(arguments);
            await view.LearnNamesAsync(cancellationToken);
            using RouteWatcher watcher = RouteWatcher.Open(view.Kernel);
            bool json = arguments.GetValue(TerminalContext.Json);
            bool tell = arguments.GetValue(all);
            await foreach (RouteChange change in watcher.WatchAsync(cancellationToken))
            {
                if (change.Value is Link link)
                {
                    view.Learn(link);
                }

                if (change.Kind == RouteChangeKind.SnapshotComplete)
                {
                    tell = true;
                }
                else if (tell && json)
                {
                    KernelView.Print(Json(change, view));
                }
                else if (tell)
                {
                    Console.WriteLine(Text(change, view));
                }
            }

            return 0;
        });
        return command;
    }

    private static string Text(RouteChange change, KernelView view)
    {
        if (change.Kind == RouteChangeKind.Resynchronised)
        {
            return "messages were lost; everything is read again";
        }

        string words = change.Value switch
        {
            Link link => LinkText.Text(link, view, details: false),
            InterfaceAddress address => $"{address.Index}: {view.NameOf(address.Index)} {AddrShowCommand.Text(address)}",
            NetworkRoute route => RouteText.Text(route, view, withTable: true),
            Neighbour { Family: RouteConstants.AF_BRIDGE } entry => $"{entry.HardwareAddress} dev {view.NameOf(entry.Index)}{(entry.Master is { } master ? $" master {view.NameOf(master)}" : "")}",
            Neighbour neighbour => NeighShowCommand.Text(neighbour, view),
            RoutingRule rule => RuleText.Text(rule),
            { } other => other.ToString(),
            null => "",
        };
        return change.Kind == RouteChangeKind.Removed ? $"Deleted {words}" : words;
    }

    private static JsonObject Json(RouteChange change, KernelView view)
    {
        var json = new JsonObject { ["event"] = change.Kind.ToString().ToLowerInvariant() };
        (string Name, JsonObject Value)? shown = change.Value switch
        {
            Link link => ("link", LinkText.Json(link, view, details: true)),
            InterfaceAddress address => ("address", With(AddrShowCommand.Json(address), view.NameOf(address.Index))),
            NetworkRoute route => ("route", RouteText.Json(route, view, withTable: true)),
            Neighbour { Family: RouteConstants.AF_BRIDGE } entry => ("fdb", new JsonObject { ["mac"] = entry.HardwareAddress?.ToString(), ["ifname"] = view.NameOf(entry.Index) }),
            Neighbour neighbour => ("neighbour", NeighShowCommand.Json(neighbour, view)),
            RoutingRule rule => ("rule", RuleText.Json(rule)),
            _ => null,
        };
        if (shown is { } pair)
        {
            json[pair.Name] = pair.Value;
        }

        return json;
    }

    private static JsonObject With(JsonObject address, string device)
    {
        address["dev"] = device;
        return address;
    }
}
