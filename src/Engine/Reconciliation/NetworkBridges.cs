using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Engine.Reconciliation;

/// <summary>
/// The bridges of MANAGED mode, each with the VLAN device that leads to the other machines. A node's instances are its ports; where the front-end shares
/// the machine, the bridge also carries the router's address. Whoever needs a bridge last removes it.
/// </summary>
internal sealed class NetworkBridges(IKernel kernel, NetworkConfiguration configuration, Links links)
{
    /// <summary>The bridge of a VLAN with the VLAN device as its port, which is up; the bridge itself is left as it is.</summary>
    /// <exception cref="EngineException">The VLAN device, or on a node of its own the bridge, carries an address.</exception>
    public async ValueTask<LinkView> EnsureAsync(LinkView parent, int vlan, string purpose, ChangeLog changes, CancellationToken cancellationToken)
    {
        LinkView device = await links.EnsureVlanAsync(InterfaceNames.Vlan(configuration, vlan), parent, vlan, purpose, changes, cancellationToken).ConfigureAwait(false);
        await RequireNoAddressAsync(device, cancellationToken).ConfigureAwait(false);

        // A MAC of its own, or it would take the lowest of its ports' and change it as instances come and go, and with it the router's.
        LinkView bridge = await links.EnsureBridgeAsync(InterfaceNames.Bridge(vlan), purpose, device.Mac, changes, cancellationToken).ConfigureAwait(false);
        if (!configuration.SingleMachine)
        {
            await RequireNoAddressAsync(bridge, cancellationToken).ConfigureAwait(false);
        }

        Links.Harden(kernel, bridge.Name);
        Links.Harden(kernel, device.Name);
        await EnslaveAsync(device, bridge, changes, cancellationToken).ConfigureAwait(false);
        return bridge;
    }

    /// <summary>Makes a link a port of a bridge and sets it up.</summary>
    public async ValueTask EnslaveAsync(LinkView link, LinkView bridge, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (link.MasterIndex != bridge.Index)
        {
            await links.SetMasterAsync(link, bridge, changes, cancellationToken).ConfigureAwait(false);
        }

        if (!link.IsUp)
        {
            await links.SetUpAsync(link, changes, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Removes bridge and VLAN device of a VLAN, unless instances or the front-end still use them.</summary>
    public async ValueTask RemoveUnusedAsync(int vlan, ChangeLog changes, CancellationToken cancellationToken)
    {
        LinkView? bridge = await links.FindAsync(InterfaceNames.Bridge(vlan), cancellationToken).ConfigureAwait(false);
        if (bridge is { IsOurs: true } && await IsUsedAsync(bridge, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        if (await links.FindAsync(InterfaceNames.Vlan(configuration, vlan), cancellationToken).ConfigureAwait(false) is { IsOurs: true } device
            && (await links.AddressesAsync(device, cancellationToken).ConfigureAwait(false)).Count == 0)
        {
            await links.DeleteAsync(device, changes, cancellationToken).ConfigureAwait(false);
        }

        if (bridge is { IsOurs: true })
        {
            await links.DeleteAsync(bridge, changes, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>True when a bridge carries an address, or has ports besides VLAN devices.</summary>
    private async ValueTask<bool> IsUsedAsync(LinkView bridge, CancellationToken cancellationToken) =>
        (await links.AddressesAsync(bridge, cancellationToken).ConfigureAwait(false)).Count > 0
        || (await links.ListAsync(cancellationToken).ConfigureAwait(false)).Any(l => l.MasterIndex == bridge.Index && l.Kind != "vlan");

    private async ValueTask RequireNoAddressAsync(LinkView link, CancellationToken cancellationToken)
    {
        if (await links.AddressesAsync(link, cancellationToken).ConfigureAwait(false) is [(Ipv4Address address, int _), ..])
        {
            throw new EngineException($"interface {link.Name}", $"it carries the address {address}: the front-end runs on this machine too, and stands on the VLAN device itself",
                "run one engine for both (--role both), or give both VNET_SINGLEMACHINE=\"Y\" and start the front-end first, or run the node on another machine");
        }
    }
}
