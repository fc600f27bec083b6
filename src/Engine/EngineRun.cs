using System.Diagnostics;
using System.Globalization;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Engine;

/// <summary>
/// What front-end and node have in common: one caller's operation after the other, between start and stop; each is an activity, is counted, and where it was
/// refused is remembered for a while.
/// </summary>
/// <param name="context">The engine's context.</param>
/// <param name="name">"front-end" or "node", for errors.</param>
internal sealed class EngineRun(EngineContext context, string name) : IDisposable
{
    private const int KeptErrors = 100;

    private readonly TurnGate _gate = new(context.Kernel.Time);
    private readonly Queue<(DateTimeOffset At, string Operation, string Subject, string Message)> _errors = new();

    private Upkeep? _upkeep;
    private Func<bool> _needsRepair = static () => false;
    private Func<ChangeLog, CancellationToken, ValueTask> _reconcile = static (_, _) => ValueTask.CompletedTask;

    /// <summary>When it was started; null before and after.</summary>
    public DateTimeOffset? Since { get; private set; }

    /// <summary>From its start on the engine reconciles by itself where an operation left something to repair.</summary>
    public void Repair(Func<bool> needsRepair, Func<ChangeLog, CancellationToken, ValueTask> reconcile)
    {
        _needsRepair = needsRepair;
        _reconcile = reconcile;
        _upkeep = new Upkeep(context, _gate, needsRepair, reconcile);
    }

    /// <summary>Starts once; a start while it runs does nothing.</summary>
    public async ValueTask<ChangeSummary> StartAsync(Func<ChangeLog, ValueTask> start, CancellationToken cancellationToken)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        if (Since is not null)
        {
            return ChangeSummary.Nothing;
        }

        ChangeSummary changes = await MeasureAsync("start", name, start, asRepair: true).ConfigureAwait(false);
        Since = context.Now;
        _upkeep?.Start();
        return changes;
    }

    /// <summary>Stops once.</summary>
    public async ValueTask<ChangeSummary> StopAsync(Func<ChangeLog, ValueTask> stop, CancellationToken cancellationToken)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        if (Since is null)
        {
            return ChangeSummary.Nothing;
        }

        Since = null;
        _upkeep?.Stop();
        return await MeasureAsync("stop", name, stop, asRepair: false).ConfigureAwait(false);
    }

    /// <summary>Carries out an operation that changes something.</summary>
    /// <exception cref="EngineException">It is not started, or the operation was refused.</exception>
    public async ValueTask<ChangeSummary> ChangeAsync(string operation, string subject, Func<ChangeLog, ValueTask> act, CancellationToken cancellationToken, bool asRepair = false)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        if (Since is null)
        {
            throw new EngineException(name, "it is not started", "start it first");
        }

        // A change is computed against what the kernel should have: where that is not sure, it is made so first.
        if (!asRepair && _needsRepair())
        {
            await MeasureAsync("repair", name, changes => _reconcile(changes, cancellationToken), asRepair: true).ConfigureAwait(false);
        }

        return await MeasureAsync(operation, subject, act, asRepair).ConfigureAwait(false);
    }

    /// <summary>Carries out an operation that changes something and gives something back.</summary>
    /// <exception cref="EngineException">It is not started, or the operation was refused.</exception>
    public async ValueTask<Outcome<T>> ChangeAsync<T>(string operation, string subject, Func<ChangeLog, ValueTask<T>> act, CancellationToken cancellationToken)
    {
        T? value = default;
        async ValueTask KeepAsync(ChangeLog log) => value = await act(log).ConfigureAwait(false);
        ChangeSummary changes = await ChangeAsync(operation, subject, KeepAsync, cancellationToken).ConfigureAwait(false);
        return new Outcome<T>(value!, changes);
    }

    /// <summary>Looks while nobody changes anything.</summary>
    public async ValueTask<T> ReadAsync<T>(Func<ValueTask<T>> read, CancellationToken cancellationToken)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        return await read().ConfigureAwait(false);
    }

    /// <summary>Looks while nobody changes anything.</summary>
    public ValueTask<T> ReadAsync<T>(Func<T> read, CancellationToken cancellationToken) => ReadAsync(() => ValueTask.FromResult(read()), cancellationToken);

    /// <summary>The refusals kept that are about one of these objects, newest first.</summary>
    public IReadOnlyList<string> ErrorsAbout(IReadOnlyCollection<string> names) =>
    [
        .. _errors.Where(e => names.Any(n => e.Subject.Contains(n, StringComparison.Ordinal) || e.Message.Contains(n, StringComparison.Ordinal))).Reverse()
            .Select(e => string.Create(CultureInfo.InvariantCulture, $"{e.At:yyyy-MM-dd HH:mm:ss} {e.Operation}: {e.Message}")),
    ];

    public void Dispose() => _upkeep?.Dispose();

    private async ValueTask<ChangeSummary> MeasureAsync(string operation, string subject, Func<ChangeLog, ValueTask> act, bool asRepair)
    {
        using Activity? activity = context.Instruments?.Begin(operation, subject);
        long begun = context.Kernel.Time.GetTimestamp();
        var log = new ChangeLog();
        bool refused = true;
        try
        {
            await act(log).ConfigureAwait(false);
            refused = false;
            ChangeSummary changes = log.ToSummary();
            context.Instruments?.Changed(changes, asRepair);
            return changes;
        }
        catch (Exception failed) when (EngineException.IsKernelFailure(failed))
        {
            activity?.SetStatus(ActivityStatusCode.Error, failed.Message);
            _errors.Enqueue((context.Now, operation, subject, failed.Message));
            if (_errors.Count > KeptErrors)
            {
                _errors.Dequeue();
            }

            throw;
        }
        finally
        {
            context.Instruments?.Ended(operation, context.Kernel.Time.GetElapsedTime(begun), refused);
        }
    }

    private async ValueTask<Turn> TakeTurnAsync(CancellationToken cancellationToken)
    {
        // Asking the machine for the time comes before anything of the engine changes: a simulated cloud lets its forks copy the engine there.
        long asked = context.Kernel.Time.GetTimestamp();
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        context.Instruments?.Waited(context.Kernel.Time.GetElapsedTime(asked));
        return new Turn(_gate, _upkeep);
    }
}
