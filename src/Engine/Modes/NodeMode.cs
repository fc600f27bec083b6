using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Engine.Reconciliation;

namespace EucaNet.Engine.Modes;

/// <summary>What a node does in one mode. Calls come one after the other.</summary>
internal abstract class NodeMode(EngineContext context) : IAsyncDisposable
{
    protected EngineContext Context { get; } = context;

    protected NetworkConfiguration Configuration => Context.Configuration;

    /// <summary>A change or its taking back went wrong half-way, or it is not known how it ended: kernel and state may differ until the next reconciliation.</summary>
    public bool NeedsRepair { get; protected set; }

    public static NodeMode Create(EngineContext context) => context.Configuration.Mode switch
    {
        NetworkMode.Managed => new ManagedNode(context),
        _ => new BridgedNode(context),
    };

    public abstract ValueTask StartAsync(ChangeLog changes, CancellationToken cancellationToken);

    public abstract ValueTask StopAsync(ChangeLog changes, CancellationToken cancellationToken);

    public abstract ValueTask<AttachedInstance> AttachAsync(InstanceAssignment assignment, string interfaceName, ChangeLog changes, CancellationToken cancellationToken);

    public abstract ValueTask DetachAsync(string instanceId, ChangeLog changes, CancellationToken cancellationToken);

    public abstract IReadOnlyList<AttachedInstance> ListInstances();

    /// <summary>How many of each thing there are; may be asked at any time.</summary>
    public abstract EngineCounts Counts { get; }

    public abstract EngineStatus GetStatus();

    public virtual async ValueTask ExamineAsync(FindingList findings, CancellationToken cancellationToken)
    {
        await using var links = new Links(Context);
        await new HostChecks(Context, links, findings).RunAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<LinkView> all = await links.ListAsync(cancellationToken).ConfigureAwait(false);
        foreach (AttachedInstance instance in ListInstances())
        {
            LinkView? port = all.FirstOrDefault(l => l.Name == instance.InterfaceName);
            LinkView? bridge = all.FirstOrDefault(l => l.Name == instance.BridgeName);
            if (port is null || bridge is null || port.MasterIndex != bridge.Index)
            {
                findings.Error("bridge", instance.BridgeName, bridge is null ? "it is missing" : port is null ? $"interface {instance.InterfaceName} of instance {instance.Assignment.InstanceId} is gone" : $"{instance.InterfaceName} is not a port of it",
                    "check your VNET_INTERFACE setting and inspect the log files; reconciling mends it");
            }
            else if (instance.Assignment.Vlan > 0 && !all.Any(l => l.MasterIndex == bridge.Index && l.Kind == "vlan" && l.Vlan == instance.Assignment.Vlan))
            {
                findings.Error("bridge", instance.BridgeName, $"it lacks its port {Configuration.Interface}.{instance.Assignment.Vlan}, so nothing leads to the front-end", "check your VNET_INTERFACE setting and inspect the log files; reconciling mends it");
            }
            else
            {
                findings.Good("bridge", instance.BridgeName, $"has {instance.InterfaceName} of instance {instance.Assignment.InstanceId}");
            }
        }
    }

    public abstract ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken);

    public abstract ValueTask DisposeAsync();
}
