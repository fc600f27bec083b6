using System.Net;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Cli.Tracing;

/// <summary>
/// This machine's network, put together again on a simulated kernel from what the real one lists: links, addresses, routes, rules of the packet filters, parameters.
/// Packets may be sent through the copy without touching the machine. Whatever leads out of the machine is one end of a cable there, whose other end begins with "~".
/// </summary>
internal sealed class KernelCopy : IDisposable
{
    /// <summary>How the far ends of the copy's cables begin.</summary>
    public const string OutsidePrefix = "~";

    private const byte InternetFamily = 2;
    private const int OutsideIndex = 1_000_000;
    private readonly SimulatedCloud _cloud = new();
    private readonly NftablesConnection _nftables;
    private readonly List<string> _leftOut = [];

    private KernelCopy(string name)
    {
        Host = _cloud.AddHost(name);
        _nftables = NftablesConnection.Open(Host.Kernel);
    }

    /// <summary>The copy.</summary>
    public SimulatedHost Host { get; }

    /// <summary>Its links, as the real kernel lists them.</summary>
    public IReadOnlyList<Link> Links { get; private set; } = [];

    /// <summary>Its IPv4 addresses.</summary>
    public IReadOnlyList<InterfaceAddress> Addresses { get; private set; } = [];

    /// <summary>Its IPv4 routes.</summary>
    public IReadOnlyList<NetworkRoute> Routes { get; private set; } = [];

    /// <summary>The rules of the packet filters as the copy has them.</summary>
    public NftablesRuleset Ruleset => _nftables.ReadRuleset();

    /// <summary>What could not be copied, and why.</summary>
    public IReadOnlyList<string> LeftOut => _leftOut;

    /// <summary>Copies what a kernel has now.</summary>
    public static async ValueTask<KernelCopy> MakeAsync(IKernel kernel, string name, CancellationToken cancellationToken)
    {
        var copy = new KernelCopy(name);
        try
        {
            using RouteConnection real = RouteConnection.Open(kernel);
            copy.Links = await real.GetLinksAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            copy.Addresses = await real.GetAddressesAsync(family: InternetFamily, cancellationToken: cancellationToken).ConfigureAwait(false);
            copy.Routes = await real.GetRoutesAsync(InternetFamily, cancellationToken: cancellationToken).ConfigureAwait(false);
            List<RoutingRule> rules = await real.GetRulesAsync(InternetFamily, cancellationToken).ConfigureAwait(false);
            using RouteConnection route = RouteConnection.Open(copy.Host.Kernel);
            await copy.CopyLinksAsync(route).ConfigureAwait(false);
            copy.CopyParameters(kernel);
            await copy.CopyRoutingAsync(route, rules).ConfigureAwait(false);
            copy.CopyNftables(kernel);
            copy.CopyLegacyTables(kernel);
            return copy;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>True when the copy has an interface of this name.</summary>
    public bool Has(string interfaceName) => Host.Kernel.ReadParameter($"net/ipv4/conf/{interfaceName}/forwarding") is not null;

    /// <summary>Names a neighbour's MAC, so that nobody has to be asked for it.</summary>
    public async ValueTask MeetAsync(int interfaceIndex, IPAddress address)
    {
        using RouteConnection route = RouteConnection.Open(Host.Kernel);
        await TryAsync($"neighbour {address}", () => route.AddNeighbourAsync(new Neighbour
        {
            Family = InternetFamily,
            Index = interfaceIndex,
            Destination = address,
            HardwareAddress = new HardwareAddress([2, 0, .. address.GetAddressBytes()]),
            State = NeighbourState.Permanent,
        })).ConfigureAwait(false);
    }

    public void Dispose()
    {
        _nftables.Dispose();
        _cloud.Dispose();
    }

    private async ValueTask CopyLinksAsync(RouteConnection route)
    {
        Link[] links = [.. Links.Where(l => l.Name != "lo")];
        foreach (Link link in links.OrderBy(l => Order(l, links)))
        {
            LinkData data = Order(link, links) switch
            {
                1 => new BridgeOptions { ForwardDelay = 0, SpanningTree = 0 },
                2 when link.Data is VlanOptions vlan => new VlanOptions { Id = vlan.Id, Protocol = vlan.Protocol },
                _ => new VethOptions { Peer = new Link { Name = OutsideNameOf(link.Index), Index = OutsideIndex + link.Index } },
            };
            await TryAsync($"link {link.Name}", () => route.AddLinkAsync(new Link
            {
                Index = link.Index,
                Name = link.Name,
                HardwareAddress = link.HardwareAddress is { Length: 6 } mac ? mac : null,
                Mtu = link.Mtu,
                Parent = Order(link, links) == 2 ? link.Parent : null,
                Info = LinkInfo.Of(data),
            })).ConfigureAwait(false);
        }

        foreach (Link link in links)
        {
            if (link.Master is { } master and not 0 && Links.Any(l => l.Index == master && l.Kind == "bridge"))
            {
                await TryAsync($"port {link.Name}", () => route.SetMasterAsync(link.Index, master)).ConfigureAwait(false);
            }

            if (Order(link, links) == 0)
            {
                await TryAsync($"cable of {link.Name}", () => route.SetUpAsync(OutsideIndex + link.Index)).ConfigureAwait(false);
            }

            if (link.IsUp)
            {
                await TryAsync($"link {link.Name}", () => route.SetUpAsync(link.Index)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>0: leads out of the machine, and comes first; 1: a bridge; 2: a VLAN device on a link of this machine.</summary>
    private static int Order(Link link, Link[] all) =>
        link.Kind == "bridge" ? 1 : link.Data is VlanOptions && all.Any(l => l.Index == link.Parent) ? 2 : 0;

    private static string OutsideNameOf(int index) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{OutsidePrefix}{index}");

    private void CopyParameters(IKernel kernel)
    {
        // Forwarding first: it sets the interfaces' own.
        string[] names = ["net/ipv4/ip_forward", .. Links.Select(l => l.Name!).Concat(["all", "default"])
            .SelectMany(l => (string[])[$"net/ipv4/conf/{l}/forwarding", $"net/ipv4/conf/{l}/rp_filter", $"net/ipv4/conf/{l}/accept_local", $"net/ipv4/conf/{l}/route_localnet"])];
        foreach (string name in names)
        {
            if (kernel.ReadParameter(name) is { } value && Host.Kernel.ReadParameter(name) is { } present && value != present)
            {
                Try(name, () => Host.Kernel.WriteParameter(name, value));
            }
        }
    }

    private async ValueTask CopyRoutingAsync(RouteConnection route, IReadOnlyList<RoutingRule> rules)
    {
        foreach (InterfaceAddress address in Addresses.Where(a => a.Host is not null && !IPAddress.IsLoopback(a.Host)))
        {
            await TryAsync($"address {address.Host}", () => route.AddAddressAsync(InterfaceAddress.Of(address.Index, address.Host!, address.PrefixLength) with { Broadcast = address.Broadcast })).ConfigureAwait(false);
        }

        const uint Local = 255;
        const byte ByKernel = 2;
        foreach (NetworkRoute entry in Routes.Where(r => (r.TableId ?? r.HeaderTable) != Local && r.Protocol != ByKernel))
        {
            await TryAsync($"route {entry}", () => route.AddRouteAsync(entry with { CacheInfo = null, Flags = 0 })).ConfigureAwait(false);
        }

        // The three that every kernel has at its start.
        foreach (RoutingRule rule in rules.Where(r => (r.Priority ?? 0) is not (0 or 32766 or 32767)))
        {
            await TryAsync($"rule {rule}", () => route.AddRuleAsync(rule)).ConfigureAwait(false);
        }
    }

    private void CopyNftables(IKernel kernel)
    {
        NftablesRuleset ruleset;
        try
        {
            using NftablesConnection real = NftablesConnection.Open(kernel);
            ruleset = real.ReadRuleset();
        }
        catch (KernelException refused)
        {
            _leftOut.Add($"nf_tables: {refused.Message}");
            return;
        }

        foreach (TableContent table in ruleset.Tables)
        {
            var batch = new NftablesBatch();
            Try(table.Table.Describe(), () =>
            {
                NftablesDifference.Compare(batch, table with { Table = table.Table with { Flags = table.Table.Flags & ~(TableFlags.Owner | TableFlags.Persist), Owner = null } }, null);
                _nftables.Send(batch);
            });
        }
    }

    private void CopyLegacyTables(IKernel kernel)
    {
        try
        {
            if (IptablesTables.Detect(kernel).Interface != IptablesInterface.Legacy)
            {
                return;
            }

            using IptablesTables real = IptablesTables.Open(kernel, IptablesInterface.Legacy);
            using IptablesTables copy = IptablesTables.Open(Host.Kernel, IptablesInterface.Legacy);
            copy.Apply(real.Read());
        }
        catch (Exception refused) when (refused is KernelException or IptablesTableException)
        {
            _leftOut.Add($"iptables: {refused.Message}");
        }
    }

    private void Try(string what, Action act)
    {
        try
        {
            act();
        }
        catch (KernelException refused)
        {
            _leftOut.Add($"{what}: {refused.Message}");
        }
    }

    private async ValueTask TryAsync(string what, Func<ValueTask> act)
    {
        try
        {
            await act().ConfigureAwait(false);
        }
        catch (KernelException refused)
        {
            _leftOut.Add($"{what}: {refused.Message}");
        }
    }
}
