using System.CommandLine;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>eucanet link show</summary>
internal static class LinkShowCommand
{
    public static Command Build()
    {
        var device = new Argument<string?>("device") { Description = "One link only.", Arity = ArgumentArity.ZeroOrOne, HelpName = "DEV" };
        var show = new Command(
            "show",
            """
            Lists the links of this machine, as ip link show does.

            Example: eucanet link show -d br0
            """)
        { device, KernelView.Details, KernelView.Namespace };
        show.SetAction(async (arguments, cancellationToken) =>
        {
            using KernelView view = KernelView.Open(arguments);
            List<Link> links = await view.LearnNamesAsync(cancellationToken);
            bool details = arguments.GetValue(KernelView.Details);
            int? index = view.IndexOf(arguments.GetValue(device));
            IEnumerable<Link> shown = links.Where(link => index is null || link.Index == index);
            if (arguments.GetValue(TerminalContext.Json))
            {
                KernelView.Print(new JsonArray([.. shown.Select(link => (JsonNode)LinkText.Json(link, view, details))]));
                return 0;
            }

            foreach (Link link in shown)
            {
                Console.WriteLine(LinkText.Text(link, view, details));
            }

            return 0;
        });
        return new Command("link", "The links of this machine.") { show };
    }
}
