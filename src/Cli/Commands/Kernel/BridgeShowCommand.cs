using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>eucanet bridge show</summary>
internal static class BridgeShowCommand
{
    private static readonly string[] Detailed =
    [
        "hairpin", "guard", "root_block", "fastleave", "learning", "flood", "mcast_flood", "bcast_flood", "mcast_router", "mcast_to_unicast", "neigh_suppress", "vlan_tunnel", "isolated", "locked",
    ];

    public static Command Build()
    {
        var show = new Command(
            "show",
            """
            Lists the ports of the bridges of this machine, as bridge link show does; with -d also their options.

            Example: eucanet bridge show -d
            """)
        { KernelView.Details, KernelView.Namespace };
        show.SetAction(async (arguments, cancellationToken) =>
        {
            using KernelView view = KernelView.Open(arguments);
            List<Link> ports = (await view.LearnNamesAsync(cancellationToken)).FindAll(link => link.Info?.PortData is BridgePortOptions);
            bool details = arguments.GetValue(KernelView.Details);
            if (arguments.GetValue(TerminalContext.Json))
            {
                KernelView.Print(new JsonArray([.. ports.Select(port => (JsonNode)Json(port, view, details))]));
                return 0;
            }

            foreach (Link port in ports)
            {
                JsonObject json = Json(port, view, details);
                Console.WriteLine($"{LinkText.FirstLine(port, view)} master {json["master"]} state {json["state"]} priority {json["priority"]} cost {json["cost"]} ");
                if (details)
                {
                    Console.WriteLine($"    {string.Join(' ', Detailed.Where(json.ContainsKey).Select(name => $"{name} {Word(json[name]!)}"))} ");
                }
            }

            return 0;
        });
        return new Command("bridge", "The bridge ports of this machine.") { show };
    }

    private static string Word(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.True => "on",
        JsonValueKind.False => "off",
        _ => value.ToString(),
    };

    private static JsonObject Json(Link port, KernelView view, bool details)
    {
        JsonObject link = LinkText.Json(port, view, details: false);
        var json = new JsonObject();
        foreach (string name in (string[])["ifindex", "link", "ifname", "flags", "mtu", "master"])
        {
            KernelView.Add(json, name, link[name]?.DeepClone());
        }

        JsonObject options = LinkOptions.Of(port.Info!.PortData, view)?.Fields ?? [];
        string[] always = ["state", "priority", "cost"];
        foreach (string name in details ? [.. always, .. Detailed] : always)
        {
            // bridge has another word here than ip.
            KernelView.Add(json, name, options[name == "mcast_router" ? "multicast_router" : name]?.DeepClone());
        }

        return json;
    }
}
