using System.Buffers.Binary;
using EucaNet.Simulator.Kernel.Rtnetlink.Traffic;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Datapath.Traffic;

/// <summary>prio: filters, else the packet's priority choose the band; the lowest that has something is served (prio_classify).</summary>
internal sealed class PriorityQueue(Qdisc qdisc) : PacketQueue(qdisc)
{
    public override long? Wake => Bands.Min(static band => Of(band.Leaf!).Wake);

    private IEnumerable<TrafficClass> Bands => Qdisc.Classes.All.OrderBy(static one => one.Id);

    public override Enqueued Enqueue(Packet packet)
    {
        uint band = packet.Priority;
        if (Major(packet.Priority) != Qdisc.Handle)
        {
            int verdict = Device.Kernel.Stack.Filters.Classify(Qdisc.Block(0), Device, packet, arriving: false, out uint classId);
            switch (verdict)
            {
                case TC_ACT_STOLEN or TC_ACT_QUEUED or TC_ACT_TRAP:
                    return Enqueued.Taken;
                case TC_ACT_SHOT:
                    return Drop(packet, "a filter drops it", Enqueued.Lost);
                case < 0:
                    return Enqueue(packet, Mapped(Major(band) != 0 ? 0 : band));
                default:
                    band = classId;
                    break;
            }
        }

        band = Minor(band) - 1;
        return Enqueue(packet, band < Bands.Count() ? band : Mapped(0));
    }

    public override Packet? Peek() => Bands.Select(static band => Of(band.Leaf!).Peek()).FirstOrDefault(static packet => packet is not null);

    protected override Packet? Take() => Bands.Select(static band => Of(band.Leaf!).Dequeue()).FirstOrDefault(static packet => packet is not null);

    private uint Mapped(uint priority) => ((byte[])Qdisc.Settings!)[4 + (priority & 15)];

    private Enqueued Enqueue(Packet packet, uint band) => Came(packet, Of(Qdisc.Classes.Find(Qdisc.Handle | (band + 1))!.Leaf!).Enqueue(packet));
}

/// <summary>tbf: packets leave as tokens come in, up to a burst (tbf_dequeue).</summary>
internal sealed class TokenBucketQueue : PacketQueue
{
    private const int Buffer = 28, PeakBuffer = 32, TickShift = 6;

    private object? _settings;
    private long _tokens;
    private long _peakTokens;
    private long _checked;

    public TokenBucketQueue(Qdisc qdisc)
        : base(qdisc) => TakeSettings();

    public override long? Wake
    {
        get
        {
            if (Child.Peek() is not { } next)
            {
                return Child.Wake;
            }

            (long tokens, long peak) = After(next);
            return Now + Math.Max(0, Math.Max(-tokens, -peak));
        }
    }

    private byte[] Parameters => (byte[])Qdisc.Settings!;

    private RateSpecification Rate => RateSpecification.Read(Parameters);

    private RateSpecification Peak => RateSpecification.Read(Parameters.AsSpan(12));

    private PacketQueue Child => Of(Qdisc.Classes.All.First().Leaf!);

    public override Enqueued Enqueue(Packet packet)
    {
        TakeSettings();
        ulong largest = BytesIn(Nanoseconds(Buffer), Rate);
        if (Peak.Rate > 0)
        {
            largest = Math.Min(largest, BytesIn(Nanoseconds(PeakBuffer), Peak));
        }

        if (Length(packet) > largest)
        {
            return Drop(packet, $"larger than its burst of {largest}");
        }

        return Came(packet, Child.Enqueue(packet));
    }

    public override Packet? Peek() => Child.Peek() is { } next && After(next) is { Tokens: >= 0, Peak: >= 0 } ? next : null;

    protected override Packet? Take()
    {
        TakeSettings();
        if (Child.Peek() is not { } next)
        {
            return null;
        }

        (long tokens, long peak) = After(next);
        if (tokens < 0 || peak < 0)
        {
            Counters.Overlimits++;
            return null;
        }

        _checked = Now;
        _tokens = tokens;
        _peakTokens = peak;
        return Child.Dequeue();
    }

    // What would be left if it left now.
    private (long Tokens, long Peak) After(Packet packet)
    {
        long came = Math.Min(Now - _checked, Nanoseconds(Buffer)), peak = 0;
        if (Peak.Rate > 0)
        {
            peak = Math.Min(came + _peakTokens, Nanoseconds(PeakBuffer)) - (long)Peak.Nanoseconds(Length(packet));
        }

        return (Math.Min(came + _tokens, Nanoseconds(Buffer)) - (long)Rate.Nanoseconds(Length(packet)), peak);
    }

    private long Nanoseconds(int field) => (long)BinaryPrimitives.ReadUInt32LittleEndian(Parameters.AsSpan(field)) << TickShift;

    // A change fills the bucket.
    private void TakeSettings()
    {
        if (!ReferenceEquals(_settings, Qdisc.Settings))
        {
            _settings = Qdisc.Settings;
            _tokens = Nanoseconds(Buffer);
            _peakTokens = Nanoseconds(PeakBuffer);
            _checked = Now;
        }
    }

    // How many bytes pass in a time (psched_ns_t2l).
    private static ulong BytesIn(long nanoseconds, RateSpecification rate)
    {
        ulong bytes = (ulong)((UInt128)nanoseconds * rate.Rate / 1_000_000_000);
        return bytes - Math.Min(rate.Overhead, bytes);
    }
}
