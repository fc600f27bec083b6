using System.Globalization;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Reconciliation;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Modes;

/// <summary>
/// MANAGED on a node: for each VLAN with instances here the bridge <c>eucabr10</c> with the VLAN device <c>peth0.10</c> and the instances' interfaces;
/// for each instance the guards of <see cref="NodeTable"/>, which stand before its port is up.
/// </summary>
internal sealed class ManagedNode : NodeMode
{
    private readonly ILogger _logger;
    private readonly Links _links;
    private readonly NetworkBridges _bridges;
    private readonly NodeJournal _journal;
    private readonly FirewallContent _content = new();
    private readonly NftablesBackend _guards;

    public ManagedNode(EngineContext context)
        : base(context)
    {
        _logger = context.Logger<ManagedNode>();
        _links = new Links(context);
        _bridges = new NetworkBridges(context.Kernel, Configuration, _links);
        _journal = new NodeJournal(context);
        _guards = new NftablesBackend(context, _content, () => NodeTable.Of(Configuration));
    }

    public override async ValueTask StartAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        _journal.Load();
        foreach (AttachedInstance instance in _journal.Instances.Values)
        {
            NodeTable.Add(_content, instance.InterfaceName, instance.Assignment.Mac, instance.Assignment.Address);
        }

        _content.Accept();
        await ReconcileAsync(changes, cancellationToken).ConfigureAwait(false);
    }

    public override ValueTask StopAsync(ChangeLog changes, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public override async ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        NeedsRepair = true;
        LinkView parent = await RequireParentAsync(changes, cancellationToken).ConfigureAwait(false);
        foreach (AttachedInstance instance in _journal.Instances.Values.ToArray())
        {
            if (await _links.FindAsync(instance.InterfaceName, cancellationToken).ConfigureAwait(false) is null)
            {
                _logger.LogWarning("Interface {Interface} of instance {Instance} is gone", instance.InterfaceName, instance.Assignment.InstanceId);
                NodeTable.Remove(_content, instance.InterfaceName, instance.Assignment.Mac, instance.Assignment.Address);
                _journal.Remove(instance.Assignment.InstanceId);
            }
        }

        _content.Accept();
        await ClearAwayAsync(parent, changes, cancellationToken).ConfigureAwait(false);
        await _guards.ReconcileAsync(changes, cancellationToken).ConfigureAwait(false);
        foreach (AttachedInstance instance in _journal.Instances.Values)
        {
            LinkView bridge = await EnsureBridgeAsync(parent, instance.Assignment, changes, cancellationToken).ConfigureAwait(false);
            if (await _links.FindAsync(instance.InterfaceName, cancellationToken).ConfigureAwait(false) is { } link)
            {
                await _bridges.EnslaveAsync(link, bridge, changes, cancellationToken).ConfigureAwait(false);
            }
        }

        NeedsRepair = false;
    }

    /// <summary>
    /// Removes bridges and VLAN devices of ours that nothing needs (others gave them new names, or a run was cut short), and takes out of our bridges whatever
    /// no instance accounts for. Before the guards: a port that is nobody's has none.
    /// </summary>
    private async ValueTask ClearAwayAsync(LinkView parent, ChangeLog changes, CancellationToken cancellationToken)
    {
        HashSet<int> wanted = [.. _journal.Instances.Values.Select(i => i.Assignment.Vlan)];
        HashSet<string> ports = [.. _journal.Instances.Values.Select(i => i.InterfaceName)];
        IReadOnlyList<LinkView> links = await _links.ListAsync(cancellationToken).ConfigureAwait(false);
        HashSet<int> bridges = [.. links.Where(l => l.IsOurs && l.IsBridge).Select(l => l.Index)];
        foreach (LinkView link in links)
        {
            bool accounted = link.IsOurs || ports.Contains(link.Name) || (link.Kind == "vlan" && link.ParentIndex == parent.Index);
            if (link.MasterIndex != 0 && bridges.Contains(link.MasterIndex) && !accounted)
            {
                await _links.SetMasterAsync(link, null, changes, cancellationToken).ConfigureAwait(false);
            }
        }

        LinkView[] ours = [.. links.Where(l => l.IsOurs && (l.IsBridge || (l.Kind == "vlan" && l.ParentIndex == parent.Index)))];
        foreach (LinkView link in ours.Where(static l => InterfaceNames.VlanOf(l.Name) is null))
        {
            await _links.DeleteAsync(link, changes, cancellationToken).ConfigureAwait(false);
        }

        foreach (int vlan in ours.Select(static l => InterfaceNames.VlanOf(l.Name)).OfType<int>().Distinct().Where(v => !wanted.Contains(v)))
        {
            await _bridges.RemoveUnusedAsync(vlan, changes, cancellationToken).ConfigureAwait(false);
        }
    }

    public override async ValueTask<AttachedInstance> AttachAsync(InstanceAssignment assignment, string interfaceName, ChangeLog changes, CancellationToken cancellationToken)
    {
        NodeChecks.RequireMode(assignment, NetworkMode.Managed);
        NodeChecks.RequireFree(assignment, interfaceName, _journal.Instances);
        LinkView parent = await RequireParentAsync(changes, cancellationToken).ConfigureAwait(false);
        LinkView link = await _links.RequireInstanceAsync(interfaceName, assignment.InstanceId, cancellationToken).ConfigureAwait(false);
        NodeChecks.RequireUnattached(link, await _links.FindAsync(InterfaceNames.Bridge(assignment.Vlan), cancellationToken).ConfigureAwait(false), assignment.InstanceId);
        bool guarded = false;
        try
        {
            // The guards first: not a single frame of the instance's passes without them.
            NodeTable.Add(_content, interfaceName, assignment.Mac, assignment.Address);
            await _guards.CommitAsync($"guards of instance {assignment.InstanceId}", changes, cancellationToken).ConfigureAwait(false);
            _content.Accept();
            guarded = true;
            LinkView bridge = await EnsureBridgeAsync(parent, assignment, changes, cancellationToken).ConfigureAwait(false);
            await _bridges.EnslaveAsync(link, bridge, changes, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failed)
        {
            if (guarded)
            {
                NodeTable.Remove(_content, interfaceName, assignment.Mac, assignment.Address);
            }
            else
            {
                _content.Revert();
            }

            NeedsRepair |= _guards.IsCommitted || !EngineException.IsRefusal(failed);
            await TryTidyAsync(() => TakeBackAsync(interfaceName, assignment, guarded)).ConfigureAwait(false);
            throw;
        }

        var attached = new AttachedInstance { Assignment = assignment, InterfaceName = interfaceName, BridgeName = InterfaceNames.Bridge(assignment.Vlan) };
        _journal.Add(attached);
        _logger.LogInformation("Instance {Instance}: {Interface} is a port of {Bridge}", assignment.InstanceId, interfaceName, attached.BridgeName);
        return attached;
    }

    public override async ValueTask DetachAsync(string instanceId, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (!_journal.Instances.TryGetValue(instanceId, out AttachedInstance? instance))
        {
            throw NodeChecks.NotAttached(instanceId);
        }

        // The port first, then its guards. Once it is out of the bridge the instance is detached, whatever else goes wrong.
        if (await _links.FindAsync(instance.InterfaceName, cancellationToken).ConfigureAwait(false) is { MasterIndex: not 0 } link)
        {
            try
            {
                await _links.SetMasterAsync(link, null, changes, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception failed)
            {
                NeedsRepair |= !EngineException.IsRefusal(failed);
                throw;
            }
        }

        _journal.Remove(instance.Assignment.InstanceId);
        NodeTable.Remove(_content, instance.InterfaceName, instance.Assignment.Mac, instance.Assignment.Address);
        await TryTidyAsync(async () =>
        {
            await _guards.CommitAsync($"guards of instance {instance.Assignment.InstanceId}", changes, cancellationToken).ConfigureAwait(false);
            _content.Accept();
            await RemoveIfLastAsync(instance.Assignment.Vlan, changes).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    /// <summary>An attachment that failed: the port out of the bridge first, its guards only then.</summary>
    private async ValueTask TakeBackAsync(string interfaceName, InstanceAssignment assignment, bool guarded)
    {
        var undo = new ChangeLog();
        if (guarded && await _links.FindAsync(interfaceName, CancellationToken.None).ConfigureAwait(false) is { MasterIndex: not 0 } port)
        {
            await _links.SetMasterAsync(port, null, undo, CancellationToken.None).ConfigureAwait(false);
        }

        await RemoveIfLastAsync(assignment.Vlan, undo).ConfigureAwait(false);
        if (guarded)
        {
            await _guards.CommitAsync($"guards of instance {assignment.InstanceId}", undo, CancellationToken.None).ConfigureAwait(false);
            _content.Accept();
            NeedsRepair = false;
        }
    }

    /// <summary>Clears away behind a change that is decided already; what fails is left to the next reconciliation.</summary>
    private async ValueTask TryTidyAsync(Func<ValueTask> act)
    {
        try
        {
            await act().ConfigureAwait(false);
        }
        catch (Exception failed) when (EngineException.IsKernelFailure(failed))
        {
            NeedsRepair = true;
            _logger.LogWarning("Clearing away failed: {Reason}", failed.Message);
        }
    }

    public override async ValueTask ExamineAsync(FindingList findings, CancellationToken cancellationToken)
    {
        await base.ExamineAsync(findings, cancellationToken).ConfigureAwait(false);
        foreach ((string set, string missing) in _guards.FindMissing())
        {
            findings.Error("firewall", $"guards: {set}", $"{missing}: instances here can send in another's name", "another program changed our table; reconciling mends it");
        }
    }

    public override IReadOnlyList<AttachedInstance> ListInstances() => [.. _journal.Instances.Values.Select(instance => instance with { Address = instance.Assignment.Address })];

    public override EngineCounts Counts => new(_journal.Instances.Count, 0, 0, 0);

    public override EngineStatus GetStatus() => new()
    {
        Role = EngineRole.Node,
        Mode = NetworkMode.Managed,
        Instances = _journal.Instances.Count,
        Networks = _journal.Instances.Values.Select(i => i.Assignment.Vlan).Distinct().Count(),
        Firewall = "nftables (bridge)",
    };

    public override async ValueTask DisposeAsync()
    {
        await _guards.DisposeAsync().ConfigureAwait(false);
        await _links.DisposeAsync().ConfigureAwait(false);
        _journal.Dispose();
    }

    private async ValueTask<LinkView> RequireParentAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        LinkView parent = await _links.RequireAsync(Configuration.Interface, "VNET_INTERFACE", cancellationToken).ConfigureAwait(false);
        if (!parent.IsUp)
        {
            await _links.SetUpAsync(parent, changes, cancellationToken).ConfigureAwait(false);
        }

        return parent;
    }

    private async ValueTask<LinkView> EnsureBridgeAsync(LinkView parent, InstanceAssignment assignment, ChangeLog changes, CancellationToken cancellationToken)
    {
        LinkView bridge = await _bridges.EnsureAsync(parent, assignment.Vlan, $"network of {assignment.Group}", changes, cancellationToken).ConfigureAwait(false);
        if (!bridge.IsUp)
        {
            await _links.SetUpAsync(bridge, changes, cancellationToken).ConfigureAwait(false);
        }

        return bridge;
    }

    private async ValueTask RemoveIfLastAsync(int vlan, ChangeLog changes)
    {
        if (!_journal.Instances.Values.Any(i => i.Assignment.Vlan == vlan))
        {
            await _bridges.RemoveUnusedAsync(vlan, changes, CancellationToken.None).ConfigureAwait(false);
        }
    }
}
