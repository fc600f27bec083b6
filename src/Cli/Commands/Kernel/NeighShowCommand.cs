using System.CommandLine;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>eucanet neigh show</summary>
internal static class NeighShowCommand
{
    public static Command Build()
    {
        var device = new Argument<string?>("device") { Description = "One link only.", Arity = ArgumentArity.ZeroOrOne, HelpName = "DEV" };
        var show = new Command(
            "show",
            """
            Lists the neighbours of this machine, as ip neighbour show does.

            Example: eucanet neigh show -j
            """)
        { device, KernelView.Namespace };
        show.SetAction(async (arguments, cancellationToken) =>
        {
            using KernelView view = KernelView.Open(arguments);
            await view.LearnNamesAsync(cancellationToken);
            List<Neighbour> neighbours = await view.Route.GetNeighboursAsync(view.IndexOf(arguments.GetValue(device)), cancellationToken: cancellationToken);
            // As ip does: entries that need no ARP are no news.
            neighbours.RemoveAll(neighbour => neighbour.State is NeighbourState.NoArp or NeighbourState.None);
            if (arguments.GetValue(TerminalContext.Json))
            {
                KernelView.Print(new JsonArray([.. neighbours.Select(neighbour => (JsonNode)Json(neighbour, view))]));
                return 0;
            }

            neighbours.ForEach(neighbour => Console.WriteLine(Text(neighbour, view)));
            return 0;
        });
        return new Command("neigh", "The neighbours of this machine.") { show };
    }

    /// <summary>The fields of <c>ip -j neigh show</c>.</summary>
    public static JsonObject Json(Neighbour neighbour, KernelView view)
    {
        var json = new JsonObject { ["dst"] = neighbour.Destination?.ToString(), ["dev"] = view.NameOf(neighbour.Index) };
        KernelView.Add(json, "lladdr", neighbour.HardwareAddress?.ToString());
        if ((neighbour.Flags & NeighbourConstants.NTF_ROUTER) != 0)
        {
            json["router"] = null;
        }

        json["state"] = new JsonArray([.. States(neighbour).Select(state => (JsonNode)state)]);
        return json;
    }

    /// <summary>The line of <c>ip neigh show</c>.</summary>
    public static string Text(Neighbour neighbour, KernelView view) =>
        $"{neighbour.Destination} dev {view.NameOf(neighbour.Index)} {(neighbour.HardwareAddress is { } address ? $"lladdr {address} " : "")}"
        + $"{((neighbour.Flags & NeighbourConstants.NTF_ROUTER) != 0 ? "router " : "")}{string.Join(' ', States(neighbour))} ";

    private static IEnumerable<string> States(Neighbour neighbour) =>
        Enum.GetValues<NeighbourState>().Where(state => state != NeighbourState.None && (neighbour.State & state) != 0).Select(state => state.ToString().ToUpperInvariant());
}
