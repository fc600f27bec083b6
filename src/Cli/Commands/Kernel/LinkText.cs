using System.Text;
using System.Text.Json.Nodes;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli;

/// <summary>A link in the words of <c>ip link</c>.</summary>
internal static class LinkText
{
    private static readonly (LinkFlags Flag, string Name)[] Flags =
    [
        (LinkFlags.Loopback, "LOOPBACK"), (LinkFlags.Broadcast, "BROADCAST"), (LinkFlags.PointToPoint, "POINTOPOINT"), (LinkFlags.Multicast, "MULTICAST"),
        (LinkFlags.NoArp, "NOARP"), (LinkFlags.AllMulticast, "ALLMULTI"), (LinkFlags.Promiscuous, "PROMISC"), (LinkFlags.Master, "MASTER"), (LinkFlags.Slave, "SLAVE"),
        (LinkFlags.Debug, "DEBUG"), (LinkFlags.Dynamic, "DYNAMIC"), (LinkFlags.AutoMedia, "AUTOMEDIA"), (LinkFlags.PortSelection, "PORTSEL"), (LinkFlags.NoTrailers, "NOTRAILERS"),
        (LinkFlags.Up, "UP"), (LinkFlags.LowerUp, "LOWER_UP"), (LinkFlags.Dormant, "DORMANT"), (LinkFlags.Echo, "ECHO"),
    ];

    /// <summary>The fields of <c>ip -j link show</c>.</summary>
    public static JsonObject Json(Link link, KernelView view, bool details)
    {
        var json = new JsonObject { ["ifindex"] = link.Index };
        if (link.Parent is { } parent and not 0)
        {
            KernelView.Add(json, link.ParentNamespace is null ? "link" : "link_index", link.ParentNamespace is null ? view.NameOf(parent) : parent);
        }

        json["ifname"] = link.Name;
        json["flags"] = new JsonArray([.. FlagNames(link, view).Select(name => (JsonNode)name)]);
        KernelView.Add(json, "mtu", KernelView.Value(link.Mtu));
        KernelView.Add(json, "qdisc", link.QueueingDiscipline);
        KernelView.Add(json, "master", link.Master is { } master ? view.NameOf(master) : null);
        KernelView.Add(json, "operstate", State(link));
        json["linkmode"] = link.LinkMode == 1 ? "DORMANT" : "DEFAULT";
        json["group"] = link.Group is null or 0 ? "default" : $"{link.Group}";
        KernelView.Add(json, "txqlen", KernelView.Value(link.TransmitQueueLength));
        json["link_type"] = Type(link.HardwareType);
        KernelView.Add(json, "address", link.HardwareAddress?.ToString());
        KernelView.Add(json, "broadcast", link.BroadcastAddress?.ToString());
        KernelView.Add(json, "link_netnsid", KernelView.Value(link.ParentNamespace));
        if (details)
        {
            KernelView.Add(json, "promiscuity", KernelView.Value(link.Promiscuity));
            KernelView.Add(json, "allmulti", KernelView.Value(link.AllMulticast));
            KernelView.Add(json, "min_mtu", KernelView.Value(link.MinimumMtu));
            KernelView.Add(json, "max_mtu", KernelView.Value(link.MaximumMtu));
            KernelView.Add(json, "linkinfo", Info(link, view));
            KernelView.Add(json, "inet6_addr_gen_mode", AddressGeneration(link));
            KernelView.Add(json, "num_tx_queues", KernelView.Value(link.TransmitQueues));
            KernelView.Add(json, "num_rx_queues", KernelView.Value(link.ReceiveQueues));
            KernelView.Add(json, "gso_max_size", KernelView.Value(link.GsoMaximumSize));
            KernelView.Add(json, "gso_max_segs", KernelView.Value(link.GsoMaximumSegments));
            KernelView.Add(json, "tso_max_size", KernelView.Value(link.TsoMaximumSize));
            KernelView.Add(json, "tso_max_segs", KernelView.Value(link.TsoMaximumSegments));
            KernelView.Add(json, "gro_max_size", KernelView.Value(link.GroMaximumSize));
        }

        KernelView.Add(json, "ifalias", link.Alias);
        if (link.AlternativeNames is { Names.Count: > 0 } others)
        {
            json["altnames"] = new JsonArray([.. others.Names.Select(name => (JsonNode)name)]);
        }

        return json;
    }

    /// <summary>The lines of <c>ip link show</c>; without the words that <c>ip address show</c> leaves out where <paramref name="mode"/> is false.</summary>
    public static string Text(Link link, KernelView view, bool details, bool mode = true)
    {
        var text = new StringBuilder(FirstLine(link, view));
        if (link.QueueingDiscipline is { } discipline)
        {
            text.Append($" qdisc {discipline}");
        }

        text.Append(link.Master is { } master ? $" master {view.NameOf(master)}" : "").Append($" state {State(link) ?? "UNKNOWN"}");
        text.Append(mode ? $" mode {(link.LinkMode == 1 ? "DORMANT" : "DEFAULT")}" : "").Append($" group {(link.Group is null or 0 ? "default" : $"{link.Group}")}");
        text.Append(link.TransmitQueueLength is { } length and not 0 ? $" qlen {length}" : "").Append('\n');
        text.Append($"    link/{Type(link.HardwareType)} ");
        text.Append(link.HardwareAddress is { Length: > 0 } address ? $"{address}" : "").Append(link.BroadcastAddress is { Length: > 0 } broadcast ? $" brd {broadcast}" : "");
        text.Append(link.ParentNamespace is { } id ? $" link-netnsid {id}" : "");
        if (details)
        {
            AppendDetails(text, link, view, mode);
        }

        if ((mode || details) && link.Alias is { } alias)
        {
            text.Append($"\n    alias {alias}");
        }

        foreach (string name in link.AlternativeNames?.Names ?? [])
        {
            text.Append($"\n    altname {name}");
        }

        return text.ToString();
    }

    /// <summary>Index, name, flags and MTU.</summary>
    public static string FirstLine(Link link, KernelView view)
    {
        string at = link.Parent is { } parent and not 0 ? $"@{(link.ParentNamespace is null ? view.NameOf(parent) : $"if{parent}")}" : "";
        return $"{link.Index}: {link.Name}{at}: <{string.Join(',', FlagNames(link, view))}> mtu {link.Mtu}";
    }

    public static IEnumerable<string> FlagNames(Link link, KernelView view)
    {
        if (link.IsUp && (link.Flags & LinkFlags.Running) == 0)
        {
            yield return "NO-CARRIER";
        }

        foreach ((LinkFlags flag, string name) in Flags)
        {
            if ((link.Flags & flag) != 0)
            {
                yield return name;
            }
        }

        // What it stands on, or its other end, is not up.
        if (link is { Parent: { } parent and not 0, ParentNamespace: null } && !view.IsUp(parent))
        {
            yield return "M-DOWN";
        }
    }

    public static string Type(ushort type) => type switch
    {
        1 => "ether",
        32 => "infiniband",
        512 => "ppp",
        768 => "ipip",
        769 => "tunnel6",
        772 => "loopback",
        776 => "sit",
        778 => "gre",
        823 => "gre6",
        65534 => "none",
        _ => $"{type}",
    };

    public static string PortState(BridgePortState state) => state.ToString().ToLowerInvariant();

    private static string? State(Link link) => link.OperationalState switch
    {
        null => null,
        OperationalState.NotPresent => "NOTPRESENT",
        OperationalState.LowerLayerDown => "LOWERLAYERDOWN",
        { } state => state.ToString().ToUpperInvariant(),
    };

    private static void AppendDetails(StringBuilder text, Link link, KernelView view, bool mode)
    {
        text.Append($" promiscuity {link.Promiscuity ?? 0}  allmulti {link.AllMulticast ?? 0} minmtu {link.MinimumMtu ?? 0} maxmtu {link.MaximumMtu ?? 0} ");
        if (link.Info is { Kind: { } kind })
        {
            text.Append($"\n    {kind} {LinkOptions.Of(link.Data, view)?.Words}");
        }

        if (link.Info is { PortKind: { } portKind })
        {
            text.Append($"\n    {portKind}_slave {LinkOptions.Of(link.Info.PortData, view)?.Words}");
        }

        text.Append(mode && AddressGeneration(link) is { } generation ? $"addrgenmode {generation} " : "");
        text.Append($"numtxqueues {link.TransmitQueues ?? 0} numrxqueues {link.ReceiveQueues ?? 0} gso_max_size {link.GsoMaximumSize ?? 0} gso_max_segs {link.GsoMaximumSegments ?? 0} ");
        text.Append(link.TsoMaximumSize is { } size ? $"tso_max_size {size} " : "").Append(link.TsoMaximumSegments is { } segments ? $"tso_max_segs {segments} " : "");
        text.Append(link.GroMaximumSize is { } received ? $"gro_max_size {received} " : "");
    }

    private static string? AddressGeneration(Link link) =>
        link.Inet6AddressGeneration switch { null => null, 0 => "eui64", 1 => "none", 2 => "stable_secret", 3 => "random", { } other => $"{other}" };

    private static JsonObject? Info(Link link, KernelView view)
    {
        if (link.Info is not { } info)
        {
            return null;
        }

        var json = new JsonObject();
        KernelView.Add(json, "info_kind", info.Kind);
        KernelView.Add(json, "info_data", Fields(info.Data, view));
        KernelView.Add(json, "info_slave_kind", info.PortKind);
        KernelView.Add(json, "info_slave_data", Fields(info.PortData, view));
        return json;
    }

    private static JsonObject? Fields(LinkData? data, KernelView view) => LinkOptions.Of(data, view) is { Fields: { Count: > 0 } fields } ? fields : null;
}
