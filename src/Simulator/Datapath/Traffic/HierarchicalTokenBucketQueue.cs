using EucaNet.Simulator.Kernel.Rtnetlink.Traffic;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Datapath.Traffic;

/// <summary>
/// htb: a class sends by its own tokens, or borrows those of the nearest class above that has some, up to its ceiling. Who need not borrow goes first, then the lower
/// priority, then each in turn by its quantum (htb_dequeue, htb_charge_class).
/// </summary>
internal sealed class HierarchicalTokenBucketQueue(Qdisc qdisc) : PacketQueue(qdisc)
{
    private const long Longest = 60_000_000_000;

    private readonly Queue<Packet> _direct = [];
    private readonly Dictionary<TrafficClass, Bucket> _buckets = [];
    private readonly Dictionary<(int Level, uint Priority), uint> _turns = [];

    private HierarchicalTokenBucketQdisc.Options Settings => (HierarchicalTokenBucketQdisc.Options)Qdisc.Settings!;

    private IEnumerable<TrafficClass> Waiting => Qdisc.Classes.All.Where(static one => one.Leaf is { } leaf && Of(leaf).Peek() is not null).OrderBy(static one => one.Id);

    public override long? Wake => Qdisc.Classes.All.Where(static one => one.Leaf is not null)
        .Min(one => Of(one.Leaf!).Peek() is null ? Of(one.Leaf!).Wake : Lender(one, out _) is null ? NextChance(one) : Now);

    public override Enqueued Enqueue(Packet packet)
    {
        switch (Classify(packet, out TrafficClass? one))
        {
            case TC_ACT_STOLEN:
                return Enqueued.Taken;
            case TC_ACT_SHOT:
                return Drop(packet, "a filter drops it", Enqueued.Lost);
        }

        if (one is null)
        {
            if (_direct.Count >= Settings.DirectQueueLength)
            {
                return Drop(packet, "is full");
            }

            Settings.DirectPackets++;
            _direct.Enqueue(packet);
            Added(packet);
            return Enqueued.Kept;
        }

        BucketOf(one);
        Enqueued outcome = Came(packet, Of(one.Leaf!).Enqueue(packet));
        one.Counters.Drops += outcome is Enqueued.Dropped or Enqueued.Lost ? 1u : 0;
        return outcome;
    }

    public override Packet? Peek() => _direct.TryPeek(out Packet? packet) ? packet : Choose() is { } chosen ? Of(chosen.One.Leaf!).Peek() : null;

    protected override Packet? Take()
    {
        if (_direct.TryDequeue(out Packet? direct))
        {
            return direct;
        }

        if (Choose() is not { } chosen || Of(chosen.One.Leaf!).Dequeue() is not { } packet)
        {
            Counters.Overlimits += Counters.Queued > 0 ? 1u : 0;
            return null;
        }

        (TrafficClass one, TrafficClass by, (int, uint) turn) = chosen;
        Bucket bucket = BucketOf(one);
        bucket.Deficit -= (int)Length(packet);
        _turns[turn] = one.Id;
        if (bucket.Deficit < 0)
        {
            bucket.Deficit += (int)Limits(one).Quantum;
            _turns[turn] = one.Id + 1;
        }

        Charge(one, by, packet);
        return packet;
    }

    // Who is next, and by whose tokens; null where nobody may send.
    private (TrafficClass One, TrafficClass Lender, (int Level, uint Priority) Turn)? Choose()
    {
        var able = new List<(TrafficClass One, TrafficClass Lender, int Level)>();
        foreach (TrafficClass one in Waiting)
        {
            if (Lender(one, out int level) is { } lender)
            {
                able.Add((one, lender, level));
            }
        }

        if (able.Count == 0)
        {
            return null;
        }

        (int Level, uint Priority) first = able.Min(static choice => (choice.Level, Limits(choice.One).Priority));
        (TrafficClass One, TrafficClass Lender, int Level)[] equal = [.. able.Where(choice => (choice.Level, Limits(choice.One).Priority) == first)];
        uint turn = _turns.GetValueOrDefault(first);
        (TrafficClass next, TrafficClass by, _) = equal.FirstOrDefault(choice => choice.One.Id >= turn, equal[0]);
        return (next, by, first);
    }

    // Filters lead from the discipline down the classes; null: past all of them.
    private int Classify(Packet packet, out TrafficClass? one)
    {
        one = null;
        if (packet.Priority == Qdisc.Handle)
        {
            return TC_ACT_OK;
        }

        uint place = 0;
        if (Qdisc.Classes.Find(packet.Priority) is { } named)
        {
            if (named.Leaf is not null)
            {
                one = named;
                return TC_ACT_OK;
            }

            place = named.Id;
        }

        // A tree has so many levels; filters of an inner class that lead nowhere but to inner ones end there.
        for (int depth = 0; depth < HierarchicalTokenBucketQdisc.MaximumDepth; depth++)
        {
            int verdict = Device.Kernel.Stack.Filters.Classify(Qdisc.Block(place), Device, packet, arriving: false, out uint id);
            if (verdict < 0)
            {
                break;
            }

            switch (verdict)
            {
                case TC_ACT_SHOT:
                    return TC_ACT_SHOT;
                case TC_ACT_STOLEN or TC_ACT_QUEUED or TC_ACT_TRAP:
                    return TC_ACT_STOLEN;
            }

            if (id == Qdisc.Handle)
            {
                return TC_ACT_OK;
            }

            if (Qdisc.Classes.Find(id) is not { } found)
            {
                break;
            }

            if (found.Leaf is not null)
            {
                one = found;
                return TC_ACT_OK;
            }

            place = found.Id;
        }

        one = Qdisc.Classes.Find(Qdisc.Handle | Minor(Settings.DefaultClass)) is { Leaf: not null } usual ? usual : null;
        return TC_ACT_OK;
    }

    // The class whose tokens a leaf may use now, and how far above it stands; null where none has any.
    private TrafficClass? Lender(TrafficClass leaf, out int level)
    {
        level = 0;
        for (TrafficClass? one = leaf; one is not null; one = one.Parent, level++)
        {
            (long tokens, long ceiling) = Have(one);
            if (ceiling < 0)
            {
                return null;
            }

            if (tokens >= 0)
            {
                return one;
            }
        }

        return null;
    }

    private (long Tokens, long Ceiling) Have(TrafficClass one)
    {
        Bucket bucket = BucketOf(one);
        long came = Math.Min(Now - bucket.Checked, Longest);
        return (Math.Min(bucket.Tokens + came, Limits(one).Buffer << 6), Math.Min(bucket.CeilingTokens + came, Limits(one).CeilingBuffer << 6));
    }

    // When the first class on the way up, that is short of tokens, will have some.
    private long NextChance(TrafficClass leaf)
    {
        long soonest = Longest;
        for (TrafficClass? one = leaf; one is not null; one = one.Parent)
        {
            (long tokens, long ceiling) = Have(one);
            if (ceiling < 0)
            {
                return Now + Math.Min(soonest, -ceiling);
            }

            soonest = Math.Min(soonest, -tokens);
        }

        return Now + soonest;
    }

    private void Charge(TrafficClass leaf, TrafficClass lender, Packet packet)
    {
        uint length = Length(packet);
        bool lends = false;
        for (TrafficClass? one = leaf; one is not null; one = one.Parent)
        {
            Bucket bucket = BucketOf(one);
            HierarchicalTokenBucketQdisc.Limits limits = Limits(one);
            (long tokens, long ceiling) = Have(one);
            lends |= one == lender;
            bucket.Tokens = Math.Max(tokens - (lends ? (long)limits.Rate.Nanoseconds(length) : 0), 1 - Longest);
            bucket.CeilingTokens = Math.Max(ceiling - (long)limits.Ceiling.Nanoseconds(length), 1 - Longest);
            bucket.Checked = Now;
            limits.Tokens = (uint)(bucket.Tokens >> 6);
            limits.CeilingTokens = (uint)(bucket.CeilingTokens >> 6);
            limits.Lends += one == lender ? 1u : 0;
            limits.Borrows += lends ? 0 : 1u;
            one.Counters.Passed(length);
        }
    }

    private static HierarchicalTokenBucketQdisc.Limits Limits(TrafficClass one) => (HierarchicalTokenBucketQdisc.Limits)one.Settings!;

    private Bucket BucketOf(TrafficClass one)
    {
        if (!_buckets.TryGetValue(one, out Bucket? bucket))
        {
            bucket = new Bucket { Tokens = Limits(one).Buffer << 6, CeilingTokens = Limits(one).CeilingBuffer << 6, Checked = Now };
            _buckets.Add(one, bucket);
        }

        return bucket;
    }

    private sealed class Bucket
    {
        public long Tokens { get; set; }

        public long CeilingTokens { get; set; }

        public long Checked { get; set; }

        public int Deficit { get; set; }
    }
}
