using System.Globalization;
using System.Text;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel.Nftables.Compat;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using EucaNet.Simulator.Kernel.Rtnetlink;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel;

/// <summary>What the simulated kernel has a model of, read from the same registries that it works by. Whatever is not named is refused as a kernel without it would.</summary>
public static class ModelledFeatures
{
    private static readonly KernelProfile[] Profiles = [KernelProfile.Linux61, KernelProfile.Linux612, KernelProfile.Linux618, KernelProfile.Linux618Minimal];

    private static readonly (string Name, byte Family)[] Families =
        [("ip", NFPROTO_IPV4), ("ip6", NFPROTO_IPV6), ("inet", NFPROTO_INET), ("arp", NFPROTO_ARP), ("bridge", NFPROTO_BRIDGE), ("netdev", NFPROTO_NETDEV)];

    // rtnetlink's messages come in fours: new, delete, get, set.
    private static readonly SortedDictionary<int, string> Subjects = new()
    {
        [16] = "LINK", [20] = "ADDR", [24] = "ROUTE", [28] = "NEIGH", [32] = "RULE", [36] = "QDISC", [40] = "TCLASS", [44] = "TFILTER", [48] = "ACTION", [52] = "PREFIX", [64] = "NEIGHTBL",
        [72] = "ADDRLABEL", [80] = "NETCONF", [84] = "MDB", [88] = "NSID", [92] = "STATS", [100] = "CHAIN", [104] = "NEXTHOP", [108] = "LINKPROP", [112] = "VLAN", [116] = "NEXTHOPBUCKET",
        [120] = "TUNNEL",
    };

    /// <summary>The tables of docs/simulator.md, in Markdown.</summary>
    public static string ToMarkdown()
    {
        var text = new StringBuilder();
        Requests(text);
        Links(text);
        Expressions(text);
        Extensions(text, "matches", ExtensionRegistry.ModelledMatches);
        Extensions(text, "targets", ExtensionRegistry.ModelledTargets);
        Parameters(text);
        Differences(text);
        Faults(text);
        return text.ToString();
    }

    private static void Requests(StringBuilder text)
    {
        using var kernel = new SimulatedKernel();
        text.Append("### rtnetlink requests\n\n| subject | answered |\n|---|---|\n");
        foreach (IGrouping<int, (ushort Type, bool IsDump)> subject in kernel.RouteEvents.Requests.Select(static r => (r.Type, r.IsDump)).Distinct().OrderBy(static r => r).GroupBy(static r => r.Type & ~3))
        {
            string name = Subjects.GetValueOrDefault(subject.Key, subject.Key.ToString(CultureInfo.InvariantCulture));
            IEnumerable<string> verbs = subject.Select(static r => ((ushort)(r.Type & 3)) switch { 0 => "new", 1 => "delete", 2 => r.IsDump ? "dump" : "get", _ => "set" });
            text.Append(CultureInfo.InvariantCulture, $"| `RTM_*{name}` | {string.Join(", ", verbs.Distinct())} |\n");
        }
    }

    private static void Links(StringBuilder text)
    {
        text.Append("\n### Kinds of link\n\n| | kinds |\n|---|---|\n");
        text.Append(CultureInfo.InvariantCulture, $"| with packets | {Names(LinkKinds.Modelled.Where(static kind => kind.CarriesPackets).Select(static kind => kind.Name))} |\n");
        text.Append(CultureInfo.InvariantCulture, $"| made, changed and shown; packets through them are not modelled | {Names(LinkKinds.Modelled.Where(static kind => !kind.CarriesPackets).Select(static kind => kind.Name))} |\n");
    }

    private static void Expressions(StringBuilder text)
    {
        text.Append("\n### nf_tables expressions\n\n| families | expressions |\n|---|---|\n");
        foreach (IGrouping<string, string> group in ExpressionRegistry.Names.GroupBy(static name =>
            string.Join(", ", Families.Where(family => ExpressionRegistry.Has(name, family.Family, KernelProfile.Linux618)).Select(static family => family.Name))).OrderByDescending(static group => group.Count()))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {(group.Key.Count(static letter => letter == ',') == Families.Length - 1 ? "all" : group.Key)} | {Names(group)} |\n");
        }
    }

    private static void Extensions(StringBuilder text, string what, IReadOnlyList<Extension> extensions)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n### xtables {what}\n\n");

        // One of a size that varies is known by its name alone: nf_tables refuses it.
        extensions = [.. extensions.Where(static extension => extension.Size >= 0)];
        IEnumerable<string> names = extensions.GroupBy(static extension => extension.Name).OrderBy(static group => group.Key, StringComparer.Ordinal)
            .Select(static group => $"`{group.Key}` {string.Join('/', group.Select(static extension => extension.Revision).Distinct().Order())}");
        text.Append(CultureInfo.InvariantCulture, $"With their revisions: {string.Join(", ", names)}.\n");
    }

    private static void Parameters(StringBuilder text)
    {
        text.Append("\n### Parameters\n\n| below | how many |\n|---|---|\n");
        foreach (IGrouping<string, string> group in DefaultParameters.All.Select(static pair => pair.Key).GroupBy(static path => string.Join('/', path.Split('/').SkipLast(1)), StringComparer.Ordinal).OrderBy(static group => group.Key, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"| `{group.Key}` | {group.Count()} |\n");
        }
    }

    private static void Differences(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n### Where kernels differ\n\n| | {string.Join(" | ", Profiles.Select(static profile => profile.Name))} |\n|---|{string.Concat(Profiles.Select(static _ => "---|"))}\n");
        (string Name, Func<KernelProfile, bool> Has)[] rows =
        [
            ("BATCH_BEGIN and BATCH_END are acknowledged", static profile => profile.AcknowledgesBatch),
            ("DESTROY verbs", static profile => profile.HasDestroyVerbs),
            ("short events of deletions", static profile => profile.HasShortDeleteEvents),
            ("unwritten registers are refused", static profile => profile.ChecksUnwrittenRegisters),
            ("an IPv6 extension header that ends behind the packet is damage to rules", static profile => profile.ChecksExtensionHeaders),
            ("a TCP reset that is challenged does not end a tracked connection's time", static profile => profile.KeepsChallengedConnections),
            ("a device's queue holds at most 32,767 packets; a locked congestion window must have a size", static profile => profile is { LimitsQueueLength: true, RefusesLockedEmptyWindow: true }),
            ("events of connections tell when they happened, where times are kept", static profile => profile.TimesConnectionEvents),
            ("a filter says which connections a request deletes", static profile => profile.DeletesByFilter),
            ("VLAN filtering on bridges", static profile => profile.HasVlanFiltering),
            ("VLAN devices", static profile => profile.LinkKinds.Contains("vlan")),
            ("`queue`", static profile => profile.HasQueueExpression),
            ("flowtables", static profile => profile.HasFlowtables),
            ("`synproxy` answers SYNs of IPv6 that are not tracked", static profile => profile.SumsProxiedIpv6),
            ("connections of bridged packets", static profile => profile.HasBridgeConntrack),
            ("`reject` and bridge names in bridges", static profile => profile.HasBridgeExpressions),
        ];
        foreach ((string name, Func<KernelProfile, bool> has) in rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {name} | {string.Join(" | ", Profiles.Select(profile => has(profile) ? "yes" : "no"))} |\n");
        }
    }

    private static void Faults(StringBuilder text)
    {
        text.Append("\n### Faults by name\n\n| name | what happens |\n|---|---|\n");
        foreach (CloudFault fault in CloudFaults.All)
        {
            text.Append(CultureInfo.InvariantCulture, $"| `{fault.Name}` | {fault.Description} |\n");
        }
    }

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(static name => $"`{name}`"));
}
