using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Recording;

namespace EucaNet.Simulator.Time;

/// <summary>
/// A clock that stands still until it is told to go on. Timers fire in the order of their due times, those due at the same
/// time in the order they were set, and each sees the clock at its own due time. All kernels of one simulation share one.
/// </summary>
public sealed class VirtualClock : TimeProvider
{
    private readonly PriorityQueue<VirtualTimer, (long Due, long Order)> _timers = new();
    private readonly DateTimeOffset _start;
    private DateTimeOffset _epoch;
    private long _now;
    private long _order;

    /// <summary>A clock that begins at <paramref name="start"/>; the first of January 2026 where none is given.</summary>
    public VirtualClock(DateTimeOffset? start = null)
    {
        _start = _epoch = start ?? new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        Steady = new SteadyTime(this);
    }

    /// <summary>The same time, but without the jumps of <see cref="SetForward"/>: what ages in a kernel goes by it.</summary>
    internal TimeProvider Steady { get; }

    /// <summary>This clock as a machine sees it: the timers that it sets are the machine's, and who looks at it may be about to change.</summary>
    internal TimeProvider Of(MachineIdentity machine) => new MachineTime(this, machine);

    /// <summary>The queue of everything that runs under this clock.</summary>
    public SimulationQueue Queue { get; } = new();

    /// <summary>Time that has passed since the clock was made.</summary>
    public TimeSpan Elapsed => TimeSpan.FromTicks(_now);

    /// <inheritdoc />
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>When the next timer is due, counted from now; null when none is set.</summary>
    public TimeSpan? NextTimer
    {
        get
        {
            using (Queue.Enter())
            {
                DropCancelled();
                return _timers.TryPeek(out _, out (long Due, long) at) ? TimeSpan.FromTicks(Math.Max(0, at.Due - _now)) : null;
            }
        }
    }

    /// <inheritdoc />
    public override DateTimeOffset GetUtcNow() => _epoch.AddTicks(_now);

    /// <inheritdoc />
    public override long GetTimestamp() => _now;

    /// <summary>
    /// Somebody sets the time of day, forward or back: <see cref="GetUtcNow"/> jumps, while timers and timestamps go on as if nothing had happened, as
    /// CLOCK_MONOTONIC does on a real machine.
    /// </summary>
    public void SetForward(TimeSpan jump) => _epoch += jump;

    /// <summary>Lets time pass and fires every timer that becomes due meanwhile, also those set by timers.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="time"/> is negative: this clock only goes forward.</exception>
    public void Advance(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        long until = _now + time.Ticks;
        while (TakeDue(until) is { } timer)
        {
            timer.Fire();
        }

        _now = until;
    }

    /// <summary>Goes to the next timer that is due within <paramref name="limit"/> and fires it; false when there is none.</summary>
    public bool AdvanceToNextTimer(TimeSpan limit)
    {
        if (TakeDue(_now + limit.Ticks) is not { } timer)
        {
            return false;
        }

        timer.Fire();
        return true;
    }

    /// <inheritdoc />
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => CreateTimer(null, callback, state, dueTime, period);

    private VirtualTimer CreateTimer(MachineIdentity? machine, TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new VirtualTimer(this, machine, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private VirtualTimer? TakeDue(long until)
    {
        using (Queue.Enter())
        {
            DropCancelled();
            if (!_timers.TryPeek(out VirtualTimer? timer, out (long Due, long) at) || at.Due > until)
            {
                return null;
            }

            _timers.Dequeue();
            _now = Math.Max(_now, at.Due);
            return timer;
        }
    }

    private void DropCancelled()
    {
        while (_timers.TryPeek(out VirtualTimer? timer, out (long, long Order) at) && timer.Order != at.Order)
        {
            _timers.Dequeue();
        }
    }

    private sealed class SteadyTime(VirtualClock clock) : TimeProvider
    {
        public override long TimestampFrequency => clock.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => clock._start.AddTicks(clock._now);

        public override long GetTimestamp() => clock._now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => clock.CreateTimer(callback, state, dueTime, period);
    }

    private sealed class MachineTime(VirtualClock clock, MachineIdentity machine) : TimeProvider
    {
        public override long TimestampFrequency => clock.TimestampFrequency;

        public override DateTimeOffset GetUtcNow()
        {
            clock.Queue.Forks?.Changing(machine);
            return clock.GetUtcNow();
        }

        public override long GetTimestamp()
        {
            clock.Queue.Forks?.Changing(machine);
            return clock.GetTimestamp();
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            clock.Queue.Forks?.Changing(machine);
            return clock.CreateTimer(machine, callback, state, dueTime, period);
        }
    }

    private sealed class VirtualTimer(VirtualClock clock, MachineIdentity? machine, TimerCallback callback, object? state) : CopiedLater, ITimer
    {
        private VirtualClock _clock = clock;
        private TimerCallback _callback = callback;
        private object? _state = state;
        private TimeSpan _period = Timeout.InfiniteTimeSpan;

        public override MachineIdentity? Machine => machine;

        /// <summary>The order of the entry that counts; any other of this timer in the heap is cancelled.</summary>
        public long Order { get; private set; } = -1;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Open();
            using (_clock.Queue.Enter())
            {
                _period = period;
                Order = -1;
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    Arm(dueTime);
                }

                return true;
            }
        }

        public void Fire()
        {
            Open();
            if (machine is not null)
            {
                _clock.Queue.Forks?.Changing(machine);
            }

            Order = -1;
            if (_period != Timeout.InfiniteTimeSpan && _period > TimeSpan.Zero)
            {
                Arm(_period);
            }

            _callback(_state);
        }

        public void Dispose() => Order = -1;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        protected override void Take(CopiedLater original, ObjectGraphCopy copy)
        {
            var timer = (VirtualTimer)original;
            _clock = (VirtualClock)copy.Reference(timer._clock)!;
            _callback = (TimerCallback)copy.Reference(timer._callback)!;
            _state = copy.Reference(timer._state);
        }

        private void Arm(TimeSpan dueTime)
        {
            Order = _clock._order++;
            _clock._timers.Enqueue(this, (_clock._now + dueTime.Ticks, Order));
        }
    }
}
