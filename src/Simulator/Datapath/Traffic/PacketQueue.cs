using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

namespace EucaNet.Simulator.Datapath.Traffic;

/// <summary>What became of a packet that came to a queue (NET_XMIT_*).</summary>
internal enum Enqueued
{
    /// <summary>It waits.</summary>
    Kept,

    /// <summary>It was dropped, as who sent it learns.</summary>
    Dropped,

    /// <summary>It was dropped, as the disciplines above count but who sent it does not learn.</summary>
    Lost,

    /// <summary>A filter took it elsewhere.</summary>
    Taken,
}

/// <summary>The packets of a queueing discipline, and when they may leave. Times are nanoseconds of the machine's clock.</summary>
internal abstract class PacketQueue(Qdisc qdisc)
{
    protected Qdisc Qdisc { get; } = qdisc;

    protected NetworkDevice Device => Qdisc.Device;

    protected TrafficCounters Counters => Qdisc.Counters;

    protected long Now => Device.Kernel.Clock.Elapsed.Ticks * 100;

    /// <summary>When something may leave that now may not; null where nothing waits, or it may leave at once.</summary>
    public abstract long? Wake { get; }

    /// <summary>The queue of a discipline.</summary>
    public static PacketQueue Of(Qdisc qdisc) => qdisc.Queue ??= qdisc.Kind switch
    {
        NetworkEmulatorQdisc => new NetworkEmulatorQueue(qdisc),
        TokenBucketQdisc => new TokenBucketQueue(qdisc),
        HierarchicalTokenBucketQdisc => new HierarchicalTokenBucketQueue(qdisc),
        PriorityQdisc => new PriorityQueue(qdisc),
        MultiQueueQdisc => new FirstChildQueue(qdisc),
        PlainQdisc => new NoQueue(qdisc),
        _ => new FifoQueue(qdisc),
    };

    /// <summary>A packet comes.</summary>
    public abstract Enqueued Enqueue(Packet packet);

    /// <summary>The next packet that may leave now; null where there is none.</summary>
    public Packet? Dequeue()
    {
        Packet? packet = Take();
        if (packet is not null)
        {
            Counters.Passed(Length(packet));
            Removed(packet);
        }

        return packet;
    }

    /// <summary>The packet that would leave next if whoever stands above lets it; null where none may.</summary>
    public abstract Packet? Peek();

    protected abstract Packet? Take();

    protected static uint Length(Packet packet) => (uint)packet.Frame.Length;

    protected void Added(Packet packet)
    {
        Counters.Queued++;
        Counters.Backlog += Length(packet);
    }

    /// <summary>A queue beneath was given a packet for this one.</summary>
    protected Enqueued Came(Packet packet, Enqueued outcome)
    {
        if (outcome == Enqueued.Kept)
        {
            Added(packet);
        }
        else if (outcome != Enqueued.Taken)
        {
            Counters.Drops++;
        }

        return outcome;
    }

    protected Enqueued Drop(Packet packet, string reason, Enqueued outcome = Enqueued.Dropped)
    {
        Counters.Drops++;
        packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, Device.Kernel.HostName, $"{Qdisc.Kind.Name} of {Device.Name}: {reason}");
        return outcome;
    }

    private void Removed(Packet packet)
    {
        Counters.Queued--;
        Counters.Backlog -= Length(packet);
    }
}

/// <summary>First come, first served, up to a limit (pfifo, bfifo; those that keep queues short by dropping early are kept as one of these).</summary>
internal sealed class FifoQueue(Qdisc qdisc) : PacketQueue(qdisc)
{
    private readonly Queue<Packet> _packets = [];

    /// <summary>Nothing waits, something may, and no filter is to be asked: a packet need not even be put in (TCQ_F_CAN_BYPASS).</summary>
    public bool IsPassed => _packets.Count == 0 && Filters is null && Limit >= (CountsBytes ? Device.Mtu + Packet.EthernetSize : 1);

    private bool CountsBytes => Qdisc.Kind.Name == "bfifo";

    private uint Limit => Qdisc.Kind.Limit(Qdisc);

    // Those of fq_codel.
    private FilterBlock? Filters => Qdisc.Blocks.TryGetValue(0, out FilterBlock? block) && block.Chains.Count > 0 ? block : null;

    public override long? Wake => null;

    public override Enqueued Enqueue(Packet packet)
    {
        // What no filter sorts into a flow is dropped (fq_codel_classify).
        if (Filters is { } filters)
        {
            switch (Device.Kernel.Stack.Filters.Classify(filters, Device, packet, arriving: false, out _))
            {
                case TrafficConstants.TC_ACT_STOLEN or TrafficConstants.TC_ACT_QUEUED or TrafficConstants.TC_ACT_TRAP:
                    return Enqueued.Taken;
                case < 0 or TrafficConstants.TC_ACT_SHOT:
                    return Drop(packet, "no filter keeps it", Enqueued.Lost);
            }
        }

        if (!(CountsBytes ? Counters.Backlog + Length(packet) <= Limit : Counters.Queued < Limit))
        {
            return Drop(packet, "is full");
        }

        _packets.Enqueue(packet);
        Added(packet);
        return Enqueued.Kept;
    }

    public override Packet? Peek() => _packets.TryPeek(out Packet? packet) ? packet : null;

    protected override Packet? Take() => _packets.TryDequeue(out Packet? packet) ? packet : null;
}

/// <summary>noop: drops everything, and nobody learns of it.</summary>
internal sealed class NoQueue(Qdisc qdisc) : PacketQueue(qdisc)
{
    public override long? Wake => null;

    public override Enqueued Enqueue(Packet packet) => Drop(packet, "nothing stands here", Enqueued.Lost);

    public override Packet? Peek() => null;

    protected override Packet? Take() => null;
}

/// <summary>mq: each sender's packets have the queue that its flow falls to; here the first.</summary>
internal sealed class FirstChildQueue(Qdisc qdisc) : PacketQueue(qdisc)
{
    public override long? Wake => Child.Wake;

    private PacketQueue Child => Of(Qdisc.Classes.All.MinBy(static one => one.Id)!.Leaf!);

    public override Enqueued Enqueue(Packet packet) => Came(packet, Child.Enqueue(packet));

    public override Packet? Peek() => Child.Peek();

    protected override Packet? Take() => Child.Dequeue();
}
