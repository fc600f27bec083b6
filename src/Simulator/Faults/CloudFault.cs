using EucaNet.Simulator.Fabric;

namespace EucaNet.Simulator.Faults;

/// <summary>One kind of thing that goes wrong in a cloud, by the name that scenarios and commands call it.</summary>
/// <param name="Name">"answer-lost".</param>
/// <param name="Description">What happens.</param>
public sealed record CloudFault(string Name, string Description)
{
    /// <summary>How much likelier than others it strikes, where its place is reached seldom; below 1 where it is reached all the time.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Puts it into a machine's plan.</summary>
    internal Action<ArmedFaults, CloudFault> Arm { get; init; } = static (_, _) => { };
}

/// <summary>
/// What goes wrong on one machine of a cloud, by chance and by the cloud's seed: the kinds of <see cref="CloudFaults.All"/> that were asked for. Single faults
/// at a chosen place ("the third send") go into <see cref="Kernel.SimulatedKernel.Faults"/> directly.
/// </summary>
public sealed class ArmedFaults : IDisposable
{
    private readonly List<Action> _mend = [];
    private readonly List<ITimer> _timers = [];

    internal ArmedFaults(SimulatedHost host, ForeignWriter foreign, double chance, ulong seed)
    {
        Host = host;
        Foreign = foreign;
        Chance = chance;
        Random = new Kernel.RandomSource(seed);
    }

    /// <summary>The machine.</summary>
    public SimulatedHost Host { get; }

    /// <summary>The other program on the machine.</summary>
    public ForeignWriter Foreign { get; }

    /// <summary>The chance of each kind at each place where it may strike.</summary>
    public double Chance { get; }

    internal Kernel.RandomSource Random { get; }

    /// <summary>The cables that lead from the machine to switches, with the port at the other end.</summary>
    internal IEnumerable<(Cable Cable, SwitchPort Port)> Uplinks
    {
        get
        {
            foreach (NetworkCard card in Host.Cards)
            {
                if (card.Cable is { } cable && (cable.First as SwitchPort ?? cable.Second as SwitchPort) is { } port)
                {
                    yield return (cable, port);
                }
            }
        }
    }

    /// <summary>Ends everything: no fault strikes any more, cables are plugged and whole. What the faults did to kernels stays.</summary>
    public void Dispose()
    {
        Host.Kernel.Faults.Clear();
        foreach (ITimer timer in _timers)
        {
            timer.Dispose();
        }

        foreach (Action mend in _mend)
        {
            mend();
        }

        _timers.Clear();
        _mend.Clear();
    }

    internal void Add(CloudFault kind, Fault fault) => Host.Kernel.Faults.Add(fault with { Name = kind.Name, Chance = Math.Min(1, Chance * kind.Weight) });

    internal void Run(CloudFault kind, FaultPoint point, Func<FaultSituation, bool>? when, Action<ArmedFaults> action) =>
        Add(kind, new Fault(point, FaultKind.Run) { When = when, Action = () => action(this) });

    /// <summary>Breaks something and mends it after some time, or when the faults end.</summary>
    internal void For(TimeSpan time, Action breaks, Action mends)
    {
        bool mended = false;
        void Mend()
        {
            if (!mended)
            {
                mended = true;
                mends();
            }
        }

        breaks();
        _mend.Add(Mend);
        _timers.Add(Host.Cloud.Clock.CreateTimer(_ => Mend(), null, time, Timeout.InfiniteTimeSpan));
    }
}
