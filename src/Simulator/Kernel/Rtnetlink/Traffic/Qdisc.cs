using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>A queueing discipline on a device or on a class of another.</summary>
internal sealed class Qdisc(QdiscKind kind, NetworkDevice device, uint handle, uint parent)
{
    public QdiscKind Kind { get; } = kind;

    public NetworkDevice Device { get; } = device;

    /// <summary>Its number in the upper half; 0 for those the kernel itself puts in.</summary>
    public uint Handle { get; set; } = handle;

    /// <summary>TC_H_ROOT, TC_H_INGRESS, or the class it stands on.</summary>
    public uint Parent { get; set; } = parent;

    /// <summary>Put in by a classful one for its own use: dumps leave it out.</summary>
    public bool IsInvisible { get; init; }

    /// <summary>What was set, as its kind keeps it.</summary>
    public object? Settings { get; set; }

    /// <summary>What passed it, and what waits in it.</summary>
    public TrafficCounters Counters { get; } = new();

    /// <summary>The packets that wait; null until the first has come.</summary>
    public Datapath.Traffic.PacketQueue? Queue { get; set; }

    /// <summary>Drops what waits.</summary>
    public void Empty()
    {
        Queue = null;
        Counters.Queued = Counters.Backlog = 0;
    }

    public ClassTable Classes { get; } = new();

    /// <summary>The lists of filters, by what they are for: 0 for the qdisc itself, a class, or TC_H_MIN_INGRESS and TC_H_MIN_EGRESS.</summary>
    public Dictionary<uint, FilterBlock> Blocks { get; } = [];

    /// <summary>The filters of a class, of the qdisc itself, or of a direction.</summary>
    public FilterBlock Block(uint of)
    {
        if (!Blocks.TryGetValue(of, out FilterBlock? block))
        {
            block = new FilterBlock();
            Blocks.Add(of, block);
        }

        return block;
    }
}

/// <summary>A class of a classful queueing discipline.</summary>
internal sealed class TrafficClass(uint id, TrafficClass? parent)
{
    public uint Id { get; } = id;

    public TrafficClass? Parent { get; } = parent;

    public Qdisc? Leaf { get; set; }

    public object? Settings { get; set; }

    /// <summary>What passed it.</summary>
    public TrafficCounters Counters { get; } = new();
}

/// <summary>Classes in the order in which the kernel walks them: by bucket, the last added first; the table grows with them (struct Qdisc_class_hash).</summary>
internal sealed class ClassTable
{
    private List<TrafficClass> _classes = [];
    private int _buckets = 4;

    public int Count => _classes.Count;

    public IEnumerable<TrafficClass> All => _classes.OrderBy(one => Bucket(one.Id));

    public TrafficClass? Find(uint id) => _classes.Find(one => one.Id == id);

    public void Add(TrafficClass one)
    {
        _classes.Insert(0, one);
        if (Count * 4 > _buckets * 3)
        {
            // Each is moved to the front of its new bucket in turn.
            _classes = [.. All.Reverse()];
            _buckets *= 2;
        }
    }

    public void Remove(TrafficClass one) => _classes.Remove(one);

    private int Bucket(uint id)
    {
        id ^= id >> 8;
        id ^= id >> 4;
        return (int)(id & (uint)(_buckets - 1));
    }
}
