using System.Diagnostics;
using EucaNet.Engine.Modes;

namespace EucaNet.Engine.Firewall;

/// <summary>Tells how long a firewall's transactions take.</summary>
internal sealed class MeasuredFirewall(EngineContext context, IFirewallBackend inner) : IFirewallBackend
{
    public string Description => inner.Description;

    public bool IsCommitted => inner.IsCommitted;

    public ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken) =>
        MeasureAsync("firewall reconcile", Description, () => inner.ReconcileAsync(changes, cancellationToken));

    public ValueTask CommitAsync(string subject, ChangeLog changes, CancellationToken cancellationToken) =>
        MeasureAsync("firewall commit", subject, () => inner.CommitAsync(subject, changes, cancellationToken));

    public IReadOnlyList<(string Set, string Missing)> FindMissing() => inner.FindMissing();

    public IReadOnlyList<string> Counters(GroupName? group) => inner.Counters(group);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private async ValueTask MeasureAsync(string operation, string subject, Func<ValueTask> act)
    {
        using Activity? activity = context.Instruments?.Begin(operation, subject);
        long begun = context.Kernel.Time.GetTimestamp();
        try
        {
            await act().ConfigureAwait(false);
        }
        finally
        {
            context.Instruments?.Committed(context.Configuration.Firewall.ToString(), context.Kernel.Time.GetElapsedTime(begun));
        }
    }
}
