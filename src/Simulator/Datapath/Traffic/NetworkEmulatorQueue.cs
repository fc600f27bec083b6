using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

namespace EucaNet.Simulator.Datapath.Traffic;

/// <summary>netem: packets are delayed, lost, doubled, damaged and overtaken, by the machine's seed (netem_enqueue).</summary>
internal sealed class NetworkEmulatorQueue(Qdisc qdisc) : PacketQueue(qdisc)
{
    private const long DistributionScale = 8192;

    private readonly SortedDictionary<(long At, long Order), Packet> _packets = [];
    private readonly uint[] _last = new uint[5];
    private long _order;
    private long _first;
    private uint _counter;
    private bool _isCopy;

    private enum Dice
    {
        Delay,
        Loss,
        Duplicate,
        Reorder,
        Corrupt,
    }

    public override long? Wake => _packets.Count > 0 ? _packets.First().Key.At : null;

    private NetworkEmulatorQdisc.Values Settings => (NetworkEmulatorQdisc.Values)Qdisc.Settings!;

    private RandomSource Random => Device.Kernel.Random;

    public override Enqueued Enqueue(Packet packet)
    {
        NetworkEmulatorQdisc.Values settings = Settings;
        bool twice = !_isCopy && Falls(Dice.Duplicate, settings.Duplicate, settings.DuplicateCorrelation);
        bool lost = Falls(Dice.Loss, settings.Loss, settings.LossCorrelation);
        if (lost && !twice)
        {
            return Drop(packet, "lost", Enqueued.Lost);
        }

        Packet? copy = twice && !lost ? packet.Clone() : null;
        if (Falls(Dice.Corrupt, settings.Corrupt, settings.CorruptCorrelation))
        {
            packet.Frame[Random.Next(packet.Frame.Length)] ^= (byte)(1 << Random.Next(8));
            packet.Tell(StoryKind.Change, TraceLevel.Minimal, Device.Kernel.HostName, $"{Device.Name}: netem turns a bit");
        }

        Enqueued kept = Keep(packet, settings);
        if (copy is not null)
        {
            // It begins anew at the root.
            _isCopy = true;
            Of(Device.Traffic.Root).Enqueue(copy);
            _isCopy = false;
        }

        return kept;
    }

    public override Packet? Peek() => _packets.Count > 0 && _packets.First() is { Key: var key, Value: var packet } && key.At <= Now ? packet : null;

    protected override Packet? Take()
    {
        if (Peek() is not { } packet)
        {
            return null;
        }

        _packets.Remove(_packets.First().Key);
        return packet;
    }

    private Enqueued Keep(Packet packet, NetworkEmulatorQdisc.Values settings)
    {
        if (Counters.Queued >= settings.Limit)
        {
            return Drop(packet, "is full");
        }

        long at = Now;
        if (settings.Gap == 0 || _counter < settings.Gap - 1 || settings.Reorder < Draw(Dice.Reorder, settings.ReorderCorrelation))
        {
            long delay = Math.Min(Delay(settings), long.MaxValue / 4);
            if (settings.Rate > 0)
            {
                // Behind the last that waits; its own delay counts from now.
                if (_packets.Count > 0)
                {
                    long last = _packets.Last().Key.At;
                    delay = Math.Max(0, delay - (last - at));
                    at = last;
                }

                delay += settings.Transmission(Length(packet));
            }

            _counter++;
            _packets.Add((at + delay, _order++), packet);
        }
        else
        {
            // Before all that wait.
            _counter = 0;
            Counters.Requeues++;
            _packets.Add((at, --_first), packet);
        }

        Added(packet);
        return Enqueued.Kept;
    }

    private long Delay(NetworkEmulatorQdisc.Values settings)
    {
        long mean = (long)settings.Latency, spread = (long)settings.Jitter;
        if (spread == 0)
        {
            return Math.Max(0, mean);
        }

        uint drawn = Draw(Dice.Delay, settings.DelayCorrelation);
        if (settings.Distribution is not { Length: > 0 } table)
        {
            return Math.Max(0, (long)(drawn % (2 * (ulong)spread)) + mean - spread);
        }

        long value = table[(int)(drawn % (uint)table.Length)], rest = spread % DistributionScale * value;
        rest += rest >= 0 ? DistributionScale / 2 : -DistributionScale / 2;
        return Math.Max(0, (rest / DistributionScale) + (spread / DistributionScale * value) + mean);
    }

    private bool Falls(Dice dice, uint chance, uint correlation) => chance != 0 && chance >= Draw(dice, correlation);

    // Each draw leans on the one before as far as they are correlated (get_crandom).
    private uint Draw(Dice dice, uint correlation)
    {
        uint value = Random.NextUInt32();
        if (correlation != 0)
        {
            ulong weight = (ulong)correlation + 1;
            value = (uint)(((UInt128)value * ((1ul << 32) - weight) + (UInt128)_last[(int)dice] * weight) >> 32);
            _last[(int)dice] = value;
        }

        return value;
    }
}
