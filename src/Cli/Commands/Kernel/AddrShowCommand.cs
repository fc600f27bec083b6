using System.CommandLine;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>eucanet addr show</summary>
internal static class AddrShowCommand
{
    private static readonly (uint Flag, string Name)[] Flags =
    [
        (AddressConstants.IFA_F_DEPRECATED, "deprecated"), (AddressConstants.IFA_F_TENTATIVE, "tentative"), (AddressConstants.IFA_F_DADFAILED, "dadfailed"),
        (AddressConstants.IFA_F_NODAD, "nodad"), (AddressConstants.IFA_F_NOPREFIXROUTE, "noprefixroute"), (AddressConstants.IFA_F_MANAGETEMPADDR, "mngtmpaddr"),
    ];

    public static Command Build()
    {
        var device = new Argument<string?>("device") { Description = "One link only.", Arity = ArgumentArity.ZeroOrOne, HelpName = "DEV" };
        var show = new Command(
            "show",
            """
            Lists the addresses of this machine by link, as ip address show does.

            Example: eucanet addr show eth0
            """)
        { device, KernelView.Details, KernelView.Namespace };
        show.SetAction(async (arguments, cancellationToken) =>
        {
            using KernelView view = KernelView.Open(arguments);
            List<Link> links = await view.LearnNamesAsync(cancellationToken);
            int? index = view.IndexOf(arguments.GetValue(device));
            ILookup<int, InterfaceAddress> addresses = (await view.Route.GetAddressesAsync(index, cancellationToken: cancellationToken)).ToLookup(address => address.Index);
            bool details = arguments.GetValue(KernelView.Details);
            var array = new JsonArray();
            foreach (Link link in links.Where(link => index is null || link.Index == index))
            {
                if (arguments.GetValue(TerminalContext.Json))
                {
                    JsonObject json = LinkText.Json(link, view, details);
                    json.Remove("linkmode");
                    json.Remove("inet6_addr_gen_mode");
                    if (!details)
                    {
                        json.Remove("ifalias");
                    }

                    json["addr_info"] = new JsonArray([.. addresses[link.Index].Select(address => (JsonNode)Json(address))]);
                    array.Add((JsonNode)json);
                    continue;
                }

                Console.WriteLine(LinkText.Text(link, view, details, mode: false));
                foreach (InterfaceAddress address in addresses[link.Index])
                {
                    Console.WriteLine($"    {Text(address)}");
                }
            }

            if (arguments.GetValue(TerminalContext.Json))
            {
                KernelView.Print(array);
            }

            return 0;
        });
        return new Command("addr", "The addresses of this machine.") { show };
    }

    /// <summary>The fields of <c>ip -j addr show</c> for one address.</summary>
    public static JsonObject Json(InterfaceAddress address)
    {
        var json = new JsonObject { ["family"] = address.Family == RouteConstants.AF_INET6 ? "inet6" : "inet", ["local"] = address.Host?.ToString() };
        if (address.Local is not null && !address.Local.Equals(address.Address))
        {
            KernelView.Add(json, "address", address.Address?.ToString());
        }

        json["prefixlen"] = address.PrefixLength;
        KernelView.Add(json, "metric", KernelView.Value(address.RoutePriority));
        KernelView.Add(json, "broadcast", address.Broadcast?.ToString());
        json["scope"] = KernelView.Scope(address.Scope);
        foreach (string flag in FlagNames(address))
        {
            json[flag] = true;
        }

        KernelView.Add(json, "label", address.Label);
        json["valid_life_time"] = address.Lifetime?.Valid ?? AddressLifetime.Forever;
        json["preferred_life_time"] = address.Lifetime?.Preferred ?? AddressLifetime.Forever;
        return json;
    }

    /// <summary>The lines of <c>ip addr show</c> for one address.</summary>
    public static string Text(InterfaceAddress address)
    {
        string peer = address.Local is not null && !address.Local.Equals(address.Address) ? $" peer {address.Address}" : "";
        string metric = address.RoutePriority is { } priority ? $" metric {priority}" : "";
        string broadcast = address.Broadcast is null ? "" : $" brd {address.Broadcast}";
        string flags = string.Concat(FlagNames(address).Select(name => $" {name}"));
        string label = address.Label is null ? "" : $" {address.Label}";
        return $"{(address.Family == RouteConstants.AF_INET6 ? "inet6" : "inet")} {address.Host}{peer}/{address.PrefixLength}{metric}{broadcast} scope {KernelView.Scope(address.Scope)}{flags}{label}"
            + $"\n       valid_lft {Seconds(address.Lifetime?.Valid)} preferred_lft {Seconds(address.Lifetime?.Preferred)}";
    }

    private static IEnumerable<string> FlagNames(InterfaceAddress address)
    {
        if ((address.Flags & AddressConstants.IFA_F_SECONDARY) != 0)
        {
            yield return address.Family == RouteConstants.AF_INET6 ? "temporary" : "secondary";
        }

        foreach ((uint flag, string name) in Flags)
        {
            if ((address.Flags & flag) != 0)
            {
                yield return name;
            }
        }

        if ((address.Flags & AddressConstants.IFA_F_PERMANENT) == 0)
        {
            yield return "dynamic";
        }
    }

    private static string Seconds(uint? time) => time is null or AddressLifetime.Forever ? "forever" : $"{time}sec";
}
