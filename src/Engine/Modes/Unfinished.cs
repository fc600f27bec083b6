namespace EucaNet.Engine.Modes;

internal class SystemFrontEnd(EngineContext context) : FrontEndMode(context)
{
    private static EngineException Missing() => new("engine", "this mode is being built");
    public override ValueTask StartAsync(ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override ValueTask StopAsync(ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override ValueTask<InstanceAssignment> RunInstanceAsync(InstanceRequest request, ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override ValueTask TerminateInstanceAsync(string instanceId, ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override ValueTask<IReadOnlyList<InstanceListing>> ListInstancesAsync(CancellationToken cancellationToken) => throw Missing();
    public override EngineStatus GetStatus() => throw Missing();
    public override ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override ValueTask DisposeAsync() => default;
}
internal sealed class StaticFrontEnd(EngineContext context) : SystemFrontEnd(context);
internal sealed class ManagedFrontEnd(EngineContext context) : SystemFrontEnd(context);
internal class BridgedNode(EngineContext context) : NodeMode(context)
{
    private static EngineException Missing() => new("engine", "this mode is being built");
    public override ValueTask StartAsync(ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override ValueTask StopAsync(ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override ValueTask<AttachedInstance> AttachAsync(InstanceAssignment assignment, string interfaceName, ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override ValueTask DetachAsync(string instanceId, ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override IReadOnlyList<AttachedInstance> ListInstances() => throw Missing();
    public override EngineStatus GetStatus() => throw Missing();
    public override ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken) => throw Missing();
    public override ValueTask DisposeAsync() => default;
}
internal sealed class ManagedNode(EngineContext context) : BridgedNode(context);
