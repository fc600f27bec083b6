using EucaNet.Engine.Configuration;

namespace EucaNet.Engine.Modes;

/// <summary>What a node does in one mode. Calls come one after the other.</summary>
internal abstract class NodeMode(EngineContext context) : IAsyncDisposable
{
    protected EngineContext Context { get; } = context;

    protected NetworkConfiguration Configuration => Context.Configuration;

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

    public abstract EngineStatus GetStatus();

    public abstract ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken);

    public abstract ValueTask DisposeAsync();
}
