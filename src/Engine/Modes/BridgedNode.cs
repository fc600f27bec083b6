using EucaNet.Engine.Configuration;
using EucaNet.Engine.Discovery;
using EucaNet.Engine.Reconciliation;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Modes;

/// <summary>SYSTEM and STATIC on a node: the instance's interface becomes a port of <c>VNET_BRIDGE</c>; nothing else changes.</summary>
internal sealed class BridgedNode(EngineContext context) : NodeMode(context)
{
    private readonly ILogger _logger = context.Logger<BridgedNode>();
    private readonly Links _links = new(context);
    private readonly NodeJournal _journal = new(context);
    private readonly LeaseSnoop _snoop = new(context);

    public override async ValueTask StartAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        await RequireBridgeAsync(cancellationToken).ConfigureAwait(false);
        _journal.Load();
        await ReconcileAsync(changes, cancellationToken).ConfigureAwait(false);
    }

    public override ValueTask StopAsync(ChangeLog changes, CancellationToken cancellationToken) => _snoop.DisposeAsync();

    public override async ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        LinkView bridge = await RequireBridgeAsync(cancellationToken).ConfigureAwait(false);
        foreach (AttachedInstance instance in _journal.Instances.Values.ToArray())
        {
            if (await _links.FindAsync(instance.InterfaceName, cancellationToken).ConfigureAwait(false) is { } link)
            {
                await EnslaveAsync(link, bridge, changes, cancellationToken).ConfigureAwait(false);
                await _snoop.WatchAsync(instance.Assignment, link).ConfigureAwait(false);
            }
            else
            {
                _logger.LogWarning("Interface {Interface} of instance {Instance} is gone", instance.InterfaceName, instance.Assignment.InstanceId);
                _journal.Remove(instance.Assignment.InstanceId);
                await _snoop.EndAsync(instance.Assignment.InstanceId).ConfigureAwait(false);
            }
        }
    }

    public override async ValueTask<AttachedInstance> AttachAsync(InstanceAssignment assignment, string interfaceName, ChangeLog changes, CancellationToken cancellationToken)
    {
        NodeChecks.RequireMode(assignment, Configuration.Mode);
        NodeChecks.RequireFree(assignment, interfaceName, _journal.Instances);
        LinkView bridge = await RequireBridgeAsync(cancellationToken).ConfigureAwait(false);
        LinkView link = await _links.RequireInstanceAsync(interfaceName, assignment.InstanceId, cancellationToken).ConfigureAwait(false);
        NodeChecks.RequireUnattached(link, bridge, assignment.InstanceId);
        await _snoop.WatchAsync(assignment, link).ConfigureAwait(false);
        try
        {
            await EnslaveAsync(link, bridge, changes, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await _snoop.EndAsync(assignment.InstanceId).ConfigureAwait(false);
            throw;
        }

        var attached = new AttachedInstance { Assignment = assignment, InterfaceName = interfaceName, BridgeName = bridge.Name };
        _journal.Add(attached);
        _logger.LogInformation("Instance {Instance}: {Interface} is a port of {Bridge}", assignment.InstanceId, interfaceName, bridge.Name);
        return attached;
    }

    public override async ValueTask DetachAsync(string instanceId, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (!_journal.Instances.TryGetValue(instanceId, out AttachedInstance? instance))
        {
            throw NodeChecks.NotAttached(instanceId);
        }

        if (await _links.FindAsync(instance.InterfaceName, cancellationToken).ConfigureAwait(false) is { MasterIndex: not 0 } link)
        {
            await _links.SetMasterAsync(link, null, changes, cancellationToken).ConfigureAwait(false);
        }

        _journal.Remove(instance.Assignment.InstanceId);
        await _snoop.EndAsync(instance.Assignment.InstanceId).ConfigureAwait(false);
    }

    public override IReadOnlyList<AttachedInstance> ListInstances() =>
    [
        .. _journal.Instances.Values.Select(instance => instance.Assignment.Address.IsUnknown && _snoop.Find(instance.Assignment.InstanceId) is { } seen
            ? instance with { Address = seen.Address, Discovery = seen.ToString() }
            : instance with { Address = instance.Assignment.Address }),
    ];

    public override EngineCounts Counts => new(_journal.Instances.Count, 0, 0, 0);

    public override EngineStatus GetStatus() => new() { Role = EngineRole.Node, Mode = Configuration.Mode, Instances = _journal.Instances.Count, Problems = _snoop.Problems };

    public override async ValueTask DisposeAsync()
    {
        await _snoop.DisposeAsync().ConfigureAwait(false);
        await _links.DisposeAsync().ConfigureAwait(false);
        _journal.Dispose();
    }

    private async ValueTask EnslaveAsync(LinkView link, LinkView bridge, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (link.MasterIndex != bridge.Index)
        {
            await _links.SetMasterAsync(link, bridge, changes, cancellationToken).ConfigureAwait(false);
        }

        if (!link.IsUp)
        {
            await _links.SetUpAsync(link, changes, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask<LinkView> RequireBridgeAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<LinkView> links = await _links.ListAsync(cancellationToken).ConfigureAwait(false);
        string subject = $"bridge {Configuration.Bridge} (VNET_BRIDGE)";
        LinkView? bridge = links.FirstOrDefault(l => l.Name == Configuration.Bridge);
        if (bridge is null)
        {
            string[] bridges = [.. links.Where(l => l.IsBridge).Select(l => l.Name)];
            throw new EngineException(subject, "there is no such interface",
                bridges.Length > 0 ? $"the bridges here are {string.Join(", ", bridges)}; correct VNET_BRIDGE" : "there is no bridge on this machine at all; make one with the physical interface in it");
        }

        if (!bridge.IsBridge)
        {
            string kind = bridge.Kind.Length > 0 ? $"a {bridge.Kind} device" : "a plain network interface";
            LinkView? over = links.FirstOrDefault(l => l.Index == bridge.MasterIndex && l.IsBridge);
            throw new EngineException(subject, $"it is {kind}, not a bridge", over is null ? "name a bridge that 'brctl show' lists" : $"it is a port of the bridge {over.Name}; set VNET_BRIDGE=\"{over.Name}\"");
        }

        HashSet<string> ours = [.. _journal.Instances.Values.Select(i => i.InterfaceName)];
        if (!links.Any(l => l.MasterIndex == bridge.Index && !ours.Contains(l.Name)))
        {
            throw new EngineException(subject, "it has no port besides instances, so nothing leads to the ethernet", $"put the physical interface in it (ip link set … master {bridge.Name}), or name the bridge that has it");
        }

        return bridge;
    }
}
