using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Fabric;

/// <summary>One end of a cable: a network card, or a port of a switch.</summary>
internal interface ICableEnd
{
    /// <summary>"node1 eth0", "sw0 port 3".</summary>
    string Name { get; }

    /// <summary>A frame arrives.</summary>
    void Arrive(Packet packet);

    /// <summary>The signal comes or goes.</summary>
    void CarrierChanged(bool carrier);
}

/// <summary>
/// A cable between two network cards, or a card and a switch. Frames cross it at once; faults can be set: loss and reordering
/// happen by the cloud's seed, unplugging takes the signal from both ends.
/// </summary>
public sealed class Cable
{
    private readonly SimulatedCloud _cloud;
    private readonly RandomSource _random;
    private bool _isPlugged = true;

    internal Cable(SimulatedCloud cloud, ICableEnd first, ICableEnd second, ulong seed)
    {
        _cloud = cloud;
        _random = new RandomSource(seed);
        First = first;
        Second = second;
    }

    /// <summary>What the cable connects: "node1 eth0 - sw0 port 1".</summary>
    public string Name => $"{First.Name} - {Second.Name}";

    /// <summary>Share of frames that are lost, from 0 to 1.</summary>
    public double LossRate { get; set; }

    /// <summary>Share of frames that arrive a millisecond later than those behind them, from 0 to 1.</summary>
    public double ReorderRate { get; set; }

    /// <summary>How many of the next frames are lost, whatever the rate says; counts down.</summary>
    public int LoseNext { get; set; }

    /// <summary>Frames that crossed.</summary>
    public long Frames { get; private set; }

    /// <summary>Frames that were lost.</summary>
    public long Lost { get; private set; }

    /// <summary>False after <see cref="Unplug"/>.</summary>
    public bool IsPlugged => _isPlugged;

    internal ICableEnd First { get; }

    internal ICableEnd Second { get; }

    /// <summary>Takes the signal from both ends.</summary>
    public void Unplug() => SetPlugged(false);

    /// <summary>Gives the signal back.</summary>
    public void Plug() => SetPlugged(true);

    internal void Send(ICableEnd from, Packet packet)
    {
        ICableEnd to = from == First ? Second : First;
        if (!_isPlugged)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, from.Name, "the cable is unplugged");
            return;
        }

        if (LoseNext > 0 || (LossRate > 0 && Draw() < LossRate))
        {
            LoseNext = Math.Max(0, LoseNext - 1);
            Lost++;
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, from.Name, "lost on the cable");
            return;
        }

        Frames++;
        packet.Scrub(otherKernel: true);
        if (ReorderRate > 0 && Draw() < ReorderRate)
        {
            _cloud.Clock.CreateTimer(_ => to.Arrive(packet), null, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
            return;
        }

        _cloud.Clock.Queue.Post(() => to.Arrive(packet));
    }

    private double Draw() => (_random.NextUInt64() >> 11) * (1.0 / (1UL << 53));

    private void SetPlugged(bool plugged)
    {
        if (_isPlugged != plugged)
        {
            _isPlugged = plugged;
            First.CarrierChanged(plugged);
            Second.CarrierChanged(plugged);
        }
    }
}
