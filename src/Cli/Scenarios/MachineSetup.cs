using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;

namespace EucaNet.Cli.Scenarios;

/// <summary>Sets a machine up as its administrator would have before the engine starts: links up, the node's bridge, addresses.</summary>
internal static class MachineSetup
{
    private const byte InternetFamily = 2;

    /// <summary>Brings the machine to what its plan says.</summary>
    public static async Task ApplyAsync(IKernel kernel, MachinePlan plan, CancellationToken cancellationToken)
    {
        using RouteConnection route = RouteConnection.Open(kernel);
        await SetUpAsync(route, "lo", cancellationToken).ConfigureAwait(false);
        if (plan.Bridge is { } bridge)
        {
            await route.AddLinkAsync(new Link { Name = bridge, Info = LinkInfo.Of(new BridgeOptions { ForwardDelay = 0 }) }, cancellationToken).ConfigureAwait(false);
            Link master = await route.GetLinkAsync(bridge, cancellationToken).ConfigureAwait(false);
            Link port = await route.GetLinkAsync(plan.Cards[0].Name, cancellationToken).ConfigureAwait(false);
            await route.SetMasterAsync(port.Index, master.Index, cancellationToken).ConfigureAwait(false);
            await SetUpAsync(route, bridge, cancellationToken).ConfigureAwait(false);
        }

        foreach (Card card in plan.Cards)
        {
            await SetUpAsync(route, card.Name, cancellationToken).ConfigureAwait(false);
        }

        foreach (InterfaceAddress address in plan.Machine.Addresses)
        {
            Link? link = await route.FindLinkAsync(address.Interface, cancellationToken).ConfigureAwait(false)
                ?? throw new Control.RefusedException($"{plan.Machine.Name} has no interface '{address.Interface}' for the address {address.Address}; its cards are: {string.Join(", ", plan.Cards.Select(card => card.Name))}");
            await route.AddAddressAsync(Netlink.Route.InterfaceAddress.Of(link.Index, address.Address, address.PrefixLength), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The IPv4 addresses of an interface; none where it is not there.</summary>
    public static async Task<IReadOnlyList<IPAddress>> AddressesAsync(IKernel kernel, string interfaceName, CancellationToken cancellationToken)
    {
        using RouteConnection route = RouteConnection.Open(kernel);
        return await route.FindLinkAsync(interfaceName, cancellationToken).ConfigureAwait(false) is { } link
            ? [.. (await route.GetAddressesAsync(link.Index, InternetFamily, cancellationToken).ConfigureAwait(false)).Select(address => address.Host!)]
            : [];
    }

    /// <summary>The link of this name and the name of the bridge it is a port of, null for either where there is none.</summary>
    public static async Task<(Link? Link, string? Master)> FindLinkAsync(IKernel kernel, string name, CancellationToken cancellationToken)
    {
        using RouteConnection route = RouteConnection.Open(kernel);
        Link? link = await route.FindLinkAsync(name, cancellationToken).ConfigureAwait(false);
        Link? master = link?.Master is { } index and not 0 ? await route.FindLinkAsync(index, cancellationToken).ConfigureAwait(false) : null;
        return (link, master?.Name);
    }

    /// <summary>Sets a link up.</summary>
    public static async Task SetUpAsync(RouteConnection route, string name, CancellationToken cancellationToken)
    {
        Link link = await route.GetLinkAsync(name, cancellationToken).ConfigureAwait(false);
        await route.SetUpAsync(link.Index, cancellationToken).ConfigureAwait(false);
    }
}
