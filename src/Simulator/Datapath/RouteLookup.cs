using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath;

/// <summary>What a route is looked up for (struct flowi4, struct flowi6).</summary>
internal readonly record struct RouteQuery(InternetAddress Destination)
{
    public InternetAddress? Source { get; init; }

    /// <summary>The device the packet came in by; null for local packets.</summary>
    public NetworkDevice? Input { get; init; }

    /// <summary>The device it has to leave by; null for any.</summary>
    public NetworkDevice? Output { get; init; }

    public uint Mark { get; init; }

    /// <summary>Of IPv4: routes of a wider scope than this (a smaller number) don't count; a gateway must be on a link.</summary>
    public byte SmallestScope { get; init; }

    /// <summary>The whole field of the header (type of service, traffic class).</summary>
    public byte TypeOfService { get; init; }

    public uint FlowLabel { get; init; }

    public byte Protocol { get; init; }

    public ushort SourcePort { get; init; }

    public ushort DestinationPort { get; init; }
}

/// <summary>Finds routes: the rules in order of priority, each table by longest prefix, then type of service, then metric.</summary>
internal sealed class RouteLookup(SimulatedKernel kernel)
{
    private const byte ToTable = 1;
    private const byte Goto = 2;
    private const byte Nop = 3;
    private const uint Invert = 2;

    /// <summary>The route for a flow, or null where no rule leads to one.</summary>
    public RouteDecision? Find(RouteQuery query)
    {
        List<RoutingRule> rules = kernel.Rules.Of(query.Destination.Family);
        NetworkDevice? domain = RoutingDomain.Of(query.Output ?? query.Input);
        if (domain is not null && query.Output == domain)
        {
            // It says which table, not by which device (l3mdev_update_flow).
            query = query with { Output = null };
        }

        uint skipBelow = 0;
        foreach (RoutingRule rule in rules)
        {
            if (rule.Priority < skipBelow || (rule.LayerThreeMaster && domain is null) || !Matches(rule, query))
            {
                continue;
            }

            switch (rule.Action)
            {
                case ToTable:
                    if (FindInTable(rule.LayerThreeMaster ? RoutingDomain.TableOr(domain!, 0) : rule.Table, query) is { } found && !IsSuppressed(rule, found))
                    {
                        return found;
                    }

                    break;

                case Goto when rules.Exists(other => other.Priority == rule.GotoPriority):
                    skipBelow = rule.GotoPriority;
                    break;

                // Where the rule it leads to is not there the next one is tried.
                case Goto:
                    break;

                case Nop:
                    break;

                default:
                    // What is reserved refuses as a black hole does (fib4_rule_action).
                    RouteType refusal = (RouteType)rule.Action is RouteType.Unreachable or RouteType.Prohibit ? (RouteType)rule.Action : RouteType.Blackhole;
                    return new RouteDecision(refusal, query.Output ?? Loopback, null, null, null);
            }
        }

        return null;
    }

    /// <summary>The route for what this machine sends; with a device named and no route, IPv4 takes the destination to be on the link (ip_route_output_key).</summary>
    public RouteDecision? FindOutput(RouteQuery query) => Find(query)
        ?? (query is { Output: { } device, Destination.Family: InternetAddress.V4 } && RoutingDomain.Of(device) is null ? new RouteDecision(RouteType.Unicast, device, null, null, null) : null);

    /// <summary>The route of one table.</summary>
    public RouteDecision? FindInTable(uint table, RouteQuery query)
    {
        if (kernel.Routes.Find(query.Destination.Family, table) is not { } routes)
        {
            return null;
        }

        foreach (Route route in routes.Matching(query.Destination))
        {
            if ((route.TypeOfService != 0 && route.TypeOfService != ServiceOf(query)) || route.Scope < query.SmallestScope)
            {
                continue;
            }

            switch ((RouteType)route.ShownType)
            {
                case RouteType.Throw:
                    return null;

                case RouteType.Blackhole or RouteType.Unreachable or RouteType.Prohibit:
                    return new RouteDecision((RouteType)route.ShownType, query.Output ?? Loopback, null, null, route);

                case > RouteType.Throw:
                    // Two types that no kernel acts on.
                    return new RouteDecision(RouteType.Blackhole, query.Output ?? Loopback, null, null, route);
            }

            if (ChooseHop(route, query) is { } hop)
            {
                var type = (RouteType)route.Type;
                return new RouteDecision(type, hop.Device!, hop.Gateway, route.PreferredSource, route);
            }
        }

        return null;
    }

    /// <summary>An IPv4 address that this machine may send from: one of its own, or one of a network that is local as a whole, as 127.0.0.0/8 is (__ip_dev_find).</summary>
    public bool IsOwn(InternetAddress address) =>
        kernel.Addresses.FindLocal(address) is not null || FindInTable(ForwardingTables.Local, new RouteQuery(address)) is { Type: RouteType.Local };

    private NetworkDevice Loopback => kernel.Devices.Find(1)!;

    private static bool Matches(RoutingRule rule, RouteQuery query)
    {
        bool matches = (rule.InputInterface is not { } input || (query.Input?.Name ?? "lo") == input)
            && (rule.OutputInterface is not { } output || query.Output?.Name == output)
            && ((rule.Mark ^ query.Mark) & rule.MarkMask) == 0
            && (rule.Source is not { } source || rule.SourceLength == 0 || query.Source is { } from && from.IsIn(source, rule.SourceLength))
            && (rule.Destination is not { } destination || rule.DestinationLength == 0 || query.Destination.IsIn(destination, rule.DestinationLength))
            && (rule.TypeOfService == 0 || rule.TypeOfService == ServiceOf(query))
            && (rule.Dscp is not { } service || ((service << 2 ^ query.TypeOfService) & rule.DscpMask << 2) == 0)
            && ((rule.FlowLabel ^ query.FlowLabel) & rule.FlowLabelMask) == 0
            && (rule.TransportProtocol == 0 || rule.TransportProtocol == query.Protocol)
            && IsPortOf(rule.SourcePorts, rule.SourcePortMask, query.SourcePort)
            && IsPortOf(rule.DestinationPorts, rule.DestinationPortMask, query.DestinationPort);
        return matches != ((rule.Flags & Invert) != 0);
    }

    /// <summary>Of IPv4 only the bits that were once the type of service count (IPTOS_RT_MASK), but for rules that ask for the whole field.</summary>
    private static int ServiceOf(RouteQuery query) => query.TypeOfService & (query.Destination.Family == InternetAddress.V4 ? 0x1c : 0xfc);

    private static bool IsPortOf((ushort Start, ushort End)? ports, ushort mask, ushort port) =>
        ports is not { } range || (mask != 0 ? ((range.Start ^ port) & mask) == 0 : port >= range.Start && port <= range.End);

    private static bool IsSuppressed(RoutingRule rule, RouteDecision found) =>
        rule.SuppressPrefixLength is { } length && found.Route is { } route && route.PrefixLength <= length;

    private static NextHop? ChooseHop(Route route, RouteQuery query)
    {
        int weights = 0;
        NextHop? only = null;
        foreach (NextHop hop in route.NextHops)
        {
            if (IsUsable(hop, query))
            {
                weights += hop.Weight;
                only ??= hop;
            }
        }

        if (route.NextHops.Count < 2 || only is null)
        {
            return only;
        }

        // Several ways: a flow keeps to one, chosen by its addresses.
        ulong hash = (ulong)query.Destination.Value * 0x9e3779b97f4a7c15 ^ (ulong)(query.Source?.Value ?? 0) * 0xc2b2ae3d27d4eb4f;
        if (route.Buckets?.Choose(hash >> 16).Way is { } way)
        {
            foreach (NextHop hop in route.NextHops)
            {
                if (hop.Device == way.Device && hop.Gateway == way.Gateway && IsUsable(hop, query))
                {
                    return hop;
                }
            }

            return only;
        }

        long pick = (long)((hash >> 16) % (ulong)weights);
        foreach (NextHop hop in route.NextHops)
        {
            if (IsUsable(hop, query) && (pick -= hop.Weight) < 0)
            {
                return hop;
            }
        }

        return only;
    }

    private static bool IsUsable(NextHop hop, RouteQuery query) =>
        hop.Device is { } device && !hop.IsDead && (query.Output is null || query.Output == device);
}
