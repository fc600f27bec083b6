using EucaNet.Engine.Allocation;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Dhcp;
using EucaNet.Engine.Discovery;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Reconciliation;
using EucaNet.Engine.State;
using EucaNet.Netlink.Kernel;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Modes;

// Links, addresses and parameters, and how a refused change is taken back.
internal sealed partial class ManagedFrontEnd
{
    private UndoLog BeginChange()
    {
        var undo = new UndoLog();
        undo.Add(_firewall.Content.Revert);
        return undo;
    }

    /// <summary>Runs the kernel's part of an operation; when it fails, everything is taken back before the error goes on.</summary>
    private async ValueTask CommitAsync(UndoLog undo, ChangeLog changes, Func<ValueTask> act)
    {
        try
        {
            await act().ConfigureAwait(false);
            undo.Keep();
            _firewall.Content.Accept();
        }
        catch (Exception failed)
        {
            _logger.LogWarning("Taking back: {Reason}", failed.Message);
            bool firewallMayStand = _backend.IsCommitted;
            undo.TakeBack();
            bool complete = !firewallMayStand || await TryReconcileFirewallAsync(changes).ConfigureAwait(false);
            complete &= await undo.TakeBackKernelAsync(_logger).ConfigureAwait(false);
            NeedsRepair |= !complete || !EngineException.IsRefusal(failed);
            throw;
        }
    }

    private async ValueTask<bool> TryReconcileFirewallAsync(ChangeLog changes)
    {
        try
        {
            await _backend.ReconcileAsync(changes, CancellationToken.None).ConfigureAwait(false);
            return true;
        }
        catch (Exception failed) when (EngineException.IsKernelFailure(failed))
        {
            _logger.LogError("The firewall was not put back: {Reason}", failed.Message);
            return false;
        }
    }

    /// <summary>Clears away behind a change that is done already: what fails is reported as a problem, and the next reconciliation clears it away.</summary>
    private async ValueTask TidyAsync(Func<ValueTask> act)
    {
        try
        {
            await act().ConfigureAwait(false);
        }
        catch (Exception failed) when (EngineException.IsKernelFailure(failed))
        {
            NeedsRepair = true;
            _problems.Add($"{failed.Message}; reconciling clears it away");
            _logger.LogWarning("Clearing away failed: {Reason}", failed.Message);
        }
    }

    private void EnableForwarding(ChangeLog changes)
    {
        const string Forwarding = "net/ipv4/ip_forward";
        if (Context.Kernel.ReadParameter(Forwarding) != "1")
        {
            Context.Kernel.WriteParameter(Forwarding, "1");
            changes.Add(ChangeKind.Parameter, "net.ipv4.ip_forward", "1");
        }
    }

    /// <summary>The interface of a network with the router's address: the VLAN device, or the bridge over it where a node shares the machine.</summary>
    private async ValueTask<LinkView> EnsureLinkAsync(ActiveNetwork network, ChangeLog changes, CancellationToken cancellationToken)
    {
        string purpose = $"network of {network.Group}";
        LinkView link;
        if (Configuration.SingleMachine)
        {
            link = await _bridges.EnsureAsync(_parent!, network.Chunk.Vlan, purpose, changes, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            link = await _links.EnsureVlanAsync(network.InterfaceName, _parent!, network.Chunk.Vlan, purpose, changes, cancellationToken).ConfigureAwait(false);
            if (link.MasterIndex != 0)
            {
                throw new EngineException($"interface {link.Name}", "it is a port of a bridge: a node runs on this machine too (manual, MANAGED mode, CAVEATS)",
                    "run one engine for both (--role both), or give both VNET_SINGLEMACHINE=\"Y\", or run the node on another machine");
            }

            Links.Harden(Context.Kernel, link.Name);
        }

        if (!(await _links.AddressesAsync(link, cancellationToken).ConfigureAwait(false)).Contains((network.Chunk.Router, network.Chunk.Network.PrefixLength)))
        {
            await _links.EnsureAddressAsync(link, network.Chunk.Router, network.Chunk.Network.PrefixLength, network.Chunk.Network.Last, changes, cancellationToken).ConfigureAwait(false);
        }

        return link;
    }

    private async ValueTask RemoveLinkAsync(ActiveNetwork network, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (await _links.FindAsync(network.InterfaceName, cancellationToken).ConfigureAwait(false) is not { IsOurs: true } link)
        {
            return;
        }

        if (Configuration.SingleMachine)
        {
            await RemoveBridgeAsync(link, network.Chunk.Vlan, changes, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await _links.DeleteAsync(link, changes, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the front-end's addresses off a bridge, and removes it unless instances are on it still; then the node's engine does.</summary>
    private async ValueTask RemoveBridgeAsync(LinkView bridge, int vlan, ChangeLog changes, CancellationToken cancellationToken)
    {
        foreach ((Ipv4Address address, int prefixLength) in await _links.AddressesAsync(bridge, cancellationToken).ConfigureAwait(false))
        {
            await _links.RemoveAddressAsync(bridge, address, prefixLength, changes, cancellationToken).ConfigureAwait(false);
        }

        await _bridges.RemoveUnusedAsync(vlan, changes, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Removes the networks' interfaces that a former run made and the state does not know, and those that another program gave a name that is not ours.</summary>
    private async ValueTask RemoveLeftOversAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        HashSet<string> wanted = [.. _state.Networks.Values.Select(n => n.InterfaceName)];
        foreach (LinkView link in await _links.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            if (!link.IsOurs || wanted.Contains(link.Name))
            {
                continue;
            }

            if (link.Kind == "vlan" && link.ParentIndex == _parent!.Index && link.MasterIndex == 0)
            {
                await _links.DeleteAsync(link, changes, cancellationToken).ConfigureAwait(false);
            }
            else if (link.IsBridge && Configuration.SingleMachine && InterfaceNames.VlanOf(link.Name) is { } vlan)
            {
                await RemoveBridgeAsync(link, vlan, changes, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Takes the networks' addresses off links that are not theirs: between a look at a link and the request its number may have been given to another program's.
    /// </summary>
    private async ValueTask RemoveStrayAddressesAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        Dictionary<(Ipv4Address, int), string> owners = _state.Networks.Values.ToDictionary(n => (n.Chunk.Router, n.Chunk.Network.PrefixLength), n => n.InterfaceName);
        IReadOnlyList<LinkView> links = await _links.ListAsync(cancellationToken).ConfigureAwait(false);
        foreach ((int index, Ipv4Address address, int prefixLength) in await _links.AddressesAsync(cancellationToken).ConfigureAwait(false))
        {
            if (owners.TryGetValue((address, prefixLength), out string? owner) && links.FirstOrDefault(link => link.Index == index) is { } stranger && stranger.Name != owner)
            {
                await _links.RemoveAddressAsync(stranger, address, prefixLength, changes, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask EnsurePublicAddressesAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        var present = new HashSet<Ipv4Address>();
        foreach ((Ipv4Address address, int prefixLength) in await _links.AddressesAsync(_public!, cancellationToken).ConfigureAwait(false))
        {
            if (prefixLength == 32 && _state.InPublicPool.Contains(address) && !_state.Associations.ContainsKey(address))
            {
                await _links.RemoveAddressAsync(_public!, address, 32, changes, cancellationToken).ConfigureAwait(false);
            }

            present.Add(address);
        }

        foreach (Ipv4Address address in _state.Associations.Keys)
        {
            if (!present.Contains(address))
            {
                await _links.EnsureAddressAsync(_public!, address, 32, null, changes, cancellationToken).ConfigureAwait(false);
                Announce(address, changes);
            }
        }
    }

    private async ValueTask AddPublicAddressAsync(Ipv4Address address, UndoLog undo, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (await _links.EnsureAddressAsync(_public!, address, 32, null, changes, cancellationToken).ConfigureAwait(false))
        {
            undo.AddKernel(() => _links.RemoveAddressAsync(_public!, address, 32, new ChangeLog(), CancellationToken.None));
        }
    }

    private void Announce(Ipv4Address address, ChangeLog changes)
    {
        if (Announcement.Send(Context, _public!, address, _logger))
        {
            changes.Add(ChangeKind.Announced, address.ToString(), $"gratuitous ARP on {_public!.Name}");
        }
    }
}
