using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Faults;

/// <summary>
/// What goes wrong on one simulated kernel. Faults are asked in the order they were added; the first that strikes is the one. The same seed and the same
/// system calls give the same faults.
/// </summary>
public sealed class FaultPlan
{
    private readonly RandomSource _random;
    private readonly List<Planned> _faults = [];
    private readonly long[] _reached = new long[Enum.GetValues<FaultPoint>().Length];
    private readonly Action? _changing;
    private bool _running;
    private bool _isEnabled = true;

    /// <summary>A plan whose chances are drawn from <paramref name="seed"/>.</summary>
    public FaultPlan(ulong seed) => _random = new RandomSource(seed);

    /// <summary>A kernel's plan.</summary>
    /// <param name="seed">What chances are drawn from.</param>
    /// <param name="changing">Called before somebody changes it: forks of the cloud copy it first.</param>
    internal FaultPlan(ulong seed, Action changing)
        : this(seed) => _changing = changing;

    /// <summary>Nothing goes wrong while this is false; what has been counted stays.</summary>
    public bool IsEnabled
    {
        get => _isEnabled;
        set
        {
            _changing?.Invoke();
            _isEnabled = value;
        }
    }

    internal bool IsPlanned => _faults.Count > 0;

    /// <summary>What has struck so far, by kind.</summary>
    public IReadOnlyDictionary<FaultKind, int> Struck => _struck;

    /// <summary>What has struck so far, by <see cref="Fault.Name"/>, or by kind where a fault has none.</summary>
    public IReadOnlyDictionary<string, int> StruckByName => _struckByName;

    private readonly SortedDictionary<FaultKind, int> _struck = [];
    private readonly SortedDictionary<string, int> _struckByName = new(StringComparer.Ordinal);

    /// <summary>Adds a fault.</summary>
    public FaultPlan Add(Fault fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        _changing?.Invoke();
        _faults.Add(new Planned(fault));
        return this;
    }

    /// <summary>Takes all faults away.</summary>
    public void Clear()
    {
        _changing?.Invoke();
        _faults.Clear();
    }

    /// <summary>While what this returns is not disposed, nothing goes wrong: for looking at a machine without being struck.</summary>
    public IDisposable Pause()
    {
        var pause = new Paused(this, IsEnabled);
        IsEnabled = false;
        return pause;
    }

    /// <summary>Whether something goes wrong here and now, and what.</summary>
    internal Fault? Strike(FaultPoint point, NetlinkProtocol protocol, uint portId, ReadOnlySpan<byte> datagram, int part = 0)
    {
        long occurrence = ++_reached[(int)point];
        if (!IsEnabled || _faults.Count == 0 || _running)
        {
            return null;
        }

        FaultSituation? situation = null;
        foreach (Planned planned in _faults)
        {
            Fault fault = planned.Fault;
            if (fault.Point != point || planned.Count >= fault.Limit || (fault.Occurrence is { } wanted && wanted != occurrence))
            {
                continue;
            }

            if (fault.When is { } condition && !condition(situation ??= new FaultSituation(point, protocol, portId, occurrence, datagram.ToArray()) { Part = part }))
            {
                continue;
            }

            if (fault.Chance < 1 && (_random.NextUInt64() >> 11) * (1.0 / (1ul << 53)) >= fault.Chance)
            {
                continue;
            }

            planned.Count++;
            _struck[fault.Kind] = _struck.GetValueOrDefault(fault.Kind) + 1;
            string name = fault.Name ?? fault.Kind.ToString();
            _struckByName[name] = _struckByName.GetValueOrDefault(name) + 1;
            if (fault.Kind == FaultKind.Run)
            {
                Run(fault);
                continue;
            }

            return fault;
        }

        return null;
    }

    private void Run(Fault fault)
    {
        // What the action itself does to the kernel is not struck by faults.
        _running = true;
        try
        {
            fault.Action?.Invoke();
        }
        finally
        {
            _running = false;
        }
    }

    private sealed class Paused(FaultPlan plan, bool before) : IDisposable
    {
        public void Dispose() => plan.IsEnabled = before;
    }

    private sealed class Planned(Fault fault)
    {
        public Fault Fault { get; } = fault;

        public int Count { get; set; }
    }
}
