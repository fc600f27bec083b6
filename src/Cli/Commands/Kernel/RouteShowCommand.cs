using System.CommandLine;
using System.Text.Json.Nodes;
using EucaNet.Cli.Control;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>eucanet route show</summary>
internal static class RouteShowCommand
{
    public static Command Build()
    {
        var table = new Option<string?>("--table", "-t") { Description = "This table: main, local, default, another name of /etc/iproute2/rt_tables, a number, or all. Without it: main.", HelpName = "TABLE" };
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
            uint? number = name == "all"
                ? null
                : KernelView.TableOf(name) ?? throw new RefusedException($"'{name}' is no routing table: main, local, default, one that /etc/iproute2/rt_tables names, a number, or all.");
            using KernelView view = KernelView.Open(arguments);
            await view.LearnNamesAsync(cancellationToken);
            List<NetworkRoute> routes = await view.Route.GetRoutesAsync(arguments.GetValue(six) ? RouteConstants.AF_INET6 : RouteConstants.AF_INET, number, cancellationToken);
            bool details = arguments.GetValue(KernelView.Details);
            if (arguments.GetValue(TerminalContext.Json))
            {
                KernelView.Print(new JsonArray([.. routes.Select(route => (JsonNode)RouteText.Json(route, view, number is null, details))]));
                return 0;
            }

            foreach (NetworkRoute route in routes)
            {
                Console.WriteLine(RouteText.Text(route, view, number is null, details));
            }

            return 0;
        });
        return new Command("route", "The routes of this machine.") { show };
    }
}
