namespace EucaNet.Engine;

/// <summary>One caller's turn at an engine; disposing it lets the next one in.</summary>
internal readonly struct Turn(TurnGate gate, Upkeep? upkeep = null) : IDisposable
{
    public void Dispose()
    {
        gate.Release();
        upkeep?.Consider();
    }
}

/// <summary>
/// Lets callers in one after the other, in the order they came. Under a virtual clock the next one goes on within the call that lets it in: a hop to another
/// thread would make the order of a simulation depend on the machine.
/// </summary>
internal sealed class TurnGate(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private readonly TaskCreationOptions _creation = ReferenceEquals(time, TimeProvider.System) ? TaskCreationOptions.RunContinuationsAsynchronously : TaskCreationOptions.None;
    private bool _taken;

    /// <summary>Takes the turn where it is free.</summary>
    public bool TryTake()
    {
        lock (_lock)
        {
            return !_taken && (_taken = true);
        }
    }

    /// <summary>Waits for the turn.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource waiter;
        lock (_lock)
        {
            if (!_taken)
            {
                _taken = true;
                return;
            }

            _waiting.Enqueue(waiter = new TaskCompletionSource(_creation));
        }

        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), waiter);
        await waiter.Task.ConfigureAwait(false);
    }

    /// <summary>Lets the next one in.</summary>
    public void Release()
    {
        while (true)
        {
            TaskCompletionSource? next;
            lock (_lock)
            {
                if (!_waiting.TryDequeue(out next))
                {
                    _taken = false;
                    return;
                }
            }

            // One that has given up lets the one behind it in.
            if (next.TrySetResult())
            {
                return;
            }
        }
    }
}
