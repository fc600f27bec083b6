using EucaNet.Engine.Modes;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine;

/// <summary>
/// Reconciles by itself: soon after a change that went wrong half-way or whose outcome is not known, again until it succeeds; and, where the options
/// ask for it, from time to time, against programs that change what is ours. It never waits for its turn: when the engine is busy it comes again.
/// </summary>
internal sealed class Upkeep : IDisposable
{
    private readonly EngineOptions _options;
    private readonly TurnGate _gate;
    private readonly Func<bool> _needsRepair;
    private readonly Func<ChangeLog, CancellationToken, ValueTask> _reconcile;
    private readonly ILogger _logger;
    private readonly ITimer _timer;
    private volatile bool _running;
    private bool _armed;

    public Upkeep(EngineContext context, TurnGate gate, Func<bool> needsRepair, Func<ChangeLog, CancellationToken, ValueTask> reconcile)
    {
        _options = context.Options;
        _gate = gate;
        _needsRepair = needsRepair;
        _reconcile = reconcile;
        _logger = context.Logger<Upkeep>();
        _timer = context.Kernel.Time.CreateTimer(_ => _ = TickAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The engine runs from now on.</summary>
    public void Start()
    {
        _running = true;
        Arm(_options.CheckInterval);
    }

    /// <summary>The engine has stopped.</summary>
    public void Stop()
    {
        _running = false;
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _armed = false;
    }

    /// <summary>An operation has ended: repairs soon where it left something to repair.</summary>
    public void Consider()
    {
        if (_running && !_armed && _needsRepair())
        {
            _armed = true;
            Arm(_options.RepairInterval);
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Stop();
        _timer.Dispose();
    }

    private void Arm(TimeSpan? after)
    {
        if (after is { } time)
        {
            _timer.Change(time, Timeout.InfiniteTimeSpan);
        }
    }

    // The timer has nobody to report to: what goes wrong is logged, and tried again.
    private async Task TickAsync()
    {
        _armed = false;
        if (!_running)
        {
            return;
        }

        if (!_gate.TryTake())
        {
            Arm(_options.RepairInterval);
            return;
        }

        bool done = false;
        try
        {
            var changes = new ChangeLog();
            await _reconcile(changes, CancellationToken.None).ConfigureAwait(false);
            done = !_needsRepair();
            if (changes.Count > 0)
            {
                _logger.LogWarning("Repaired: {Changes}", changes.ToSummary());
            }
        }
        catch (Exception failed) when (EngineException.IsKernelFailure(failed) || failed is ObjectDisposedException)
        {
            _logger.LogWarning("Repairing failed and is tried again: {Reason}", failed.Message);
        }
#pragma warning disable CA1031 // A mistake of ours must not end the program that embeds the engine.
        catch (Exception failed)
#pragma warning restore CA1031
        {
            _logger.LogError(failed, "Repairing failed for a reason that is a mistake of the engine's; it is tried again.");
        }
        finally
        {
            _gate.Release();
        }

        if (_running)
        {
            Arm(done ? _options.CheckInterval : _options.RepairInterval);
        }
    }
}
