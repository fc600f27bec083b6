using EucaNet.Simulator.Recording;

namespace EucaNet.Simulator.Time;

/// <summary>
/// What makes several simulated kernels one deterministic machine: system calls are taken one at a time, and whatever they
/// wake (readers of sockets, frames on a cable) runs when the outermost of them has returned, in the order it was posted.
/// </summary>
public sealed class SimulationQueue
{
    private readonly Lock _lock = new();
    private readonly Queue<Action> _posted = [];
    private int _depth;
    private bool _draining;
    private ForksUnderWay? _forks;

    /// <summary>Something waits for its turn.</summary>
    internal bool IsBusy => _posted.Count > 0 || _draining;

    /// <summary>Forks that have not copied all that runs under this queue; null before the first.</summary>
    internal ForksUnderWay? Forks => _forks;

    /// <summary>A fork of all that runs under this queue has begun, perhaps one of several on as many threads.</summary>
    internal void Add(ObjectGraphCopy fork)
    {
        Interlocked.CompareExchange(ref _forks, new ForksUnderWay(), null);
        _forks.Add(fork);
    }

    /// <summary>Enters a system call; leave it by disposing what this returns.</summary>
    internal Call Enter()
    {
        _lock.Enter();
        _depth++;
        return new Call(this);
    }

    /// <summary>Runs <paramref name="action"/> when the outermost system call has returned; at once where there is none.</summary>
    internal void Post(Action action)
    {
        using (Enter())
        {
            _posted.Enqueue(action);
        }
    }

    private void Leave()
    {
        bool outermost = --_depth == 0;
        _lock.Exit();
        if (outermost && !_draining)
        {
            Drain();
        }
    }

    private void Drain()
    {
        while (true)
        {
            Action? next;
            lock (_lock)
            {
                if (_draining || _depth > 0 || !_posted.TryDequeue(out next))
                {
                    return;
                }

                _draining = true;
            }

            try
            {
                next();
            }
            finally
            {
                lock (_lock)
                {
                    _draining = false;
                }
            }
        }
    }

    /// <summary>A system call under way.</summary>
    internal readonly ref struct Call(SimulationQueue queue)
    {
        /// <summary>The system call returns.</summary>
        public void Dispose() => queue.Leave();
    }
}
