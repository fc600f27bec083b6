using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>The kinds of queueing disciplines that are modelled.</summary>
internal static class QdiscKinds
{
    private static readonly Dictionary<string, QdiscKind> All = new QdiscKind[]
    {
        new PlainQdisc("noop", isBuiltIn: true), new PlainQdisc("noqueue"), new PriorityFifoQdisc(), new FifoQdisc("pfifo"), new FifoQdisc("bfifo"), new MultiQueueQdisc(),
        new TokenBucketQdisc(), new HierarchicalTokenBucketQdisc(), new PriorityQdisc(), new FairCodelQdisc(), new NetworkEmulatorQdisc(), new CodelQdisc(), new IngressQdisc("ingress"), new IngressQdisc("clsact"),
    }.ToDictionary(static kind => kind.Name, StringComparer.Ordinal);

    /// <summary>The discipline of a device that was never up: drops everything.</summary>
    public static QdiscKind Noop { get; } = All["noop"];

    /// <summary>A kind by name; null where it isn't modelled.</summary>
    public static QdiscKind? Find(string name) => All.GetValueOrDefault(name);

    /// <summary>A kind of which nothing but the name is known, from a recording.</summary>
    public static QdiscKind Unmodelled(string name) => new PlainQdisc(name);
}

/// <summary>A discipline without options.</summary>
internal sealed class PlainQdisc(string name, bool isBuiltIn = false) : QdiscKind(name)
{
    public override bool IsBuiltIn => isBuiltIn;
}

/// <summary>pfifo_fast: three bands by the packet's priority, nothing to set.</summary>
internal sealed class PriorityFifoQdisc() : QdiscKind("pfifo_fast")
{
    public override void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc) =>
        writer.WriteBytes(TCA_OPTIONS, [3, 0, 0, 0, 1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
}

/// <summary>pfifo and bfifo: one queue, as many packets or bytes.</summary>
internal sealed class FifoQdisc(string name) : QdiscKind(name)
{
    public override Verdict Initialise(Qdisc qdisc, byte[]? options, int offset)
    {
        if (options is null)
        {
            uint length = qdisc.Device.TransmitQueueLength;
            qdisc.Settings = Name == "bfifo" ? length * (qdisc.Device.Mtu + 14) : length;
            return Verdict.Success;
        }

        return Change(qdisc, options, offset);
    }

    public override Verdict Change(Qdisc qdisc, byte[] options, int offset)
    {
        if (options.Length < 4)
        {
            return LinuxError.EINVAL;
        }

        qdisc.Settings = BinaryPrimitives.ReadUInt32LittleEndian(options);
        return Verdict.Success;
    }

    public override void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc) => writer.WriteUInt32(TCA_OPTIONS, (uint)qdisc.Settings!);
}

/// <summary>mq: a discipline for each transmit queue.</summary>
internal sealed class MultiQueueQdisc() : QdiscKind("mq")
{
    public override bool IsPerQueue => true;

    public override bool IsClassful => true;

    public override Verdict Initialise(Qdisc qdisc, byte[]? options, int offset)
    {
        if (qdisc.Parent != TC_H_ROOT || qdisc.Device.TransmitQueues < 2)
        {
            return LinuxError.EOPNOTSUPP;
        }

        AddQueues(qdisc);
        return Verdict.Success;
    }

    /// <summary>Each queue gets what devices with one queue get.</summary>
    public static void AddQueues(Qdisc qdisc)
    {
        for (uint queue = 1; queue <= qdisc.Device.TransmitQueues; queue++)
        {
            uint id = qdisc.Handle | queue;
            QdiscKind kind = QdiscKinds.Find(qdisc.Device.Kernel.Profile.DefaultQdisc)!;
            var leaf = new Qdisc(kind, qdisc.Device, 0, id);
            kind.Initialise(leaf, null, 0);
            qdisc.Classes.Add(new TrafficClass(id, null) { Leaf = leaf });
        }
    }

    public override TrafficClass? FindClass(Qdisc qdisc, uint id) => qdisc.Classes.Find(qdisc.Handle | Minor(id));

    public override IEnumerable<TrafficClass> Classes(Qdisc qdisc) => qdisc.Classes.All.OrderBy(static one => one.Id);

    public override (uint Parent, uint Info) ClassHeader(Qdisc qdisc, TrafficClass one) => (TC_H_ROOT, one.Leaf?.Handle ?? 0);
}

/// <summary>ingress and clsact: places for filters on arriving and, with clsact, on leaving packets.</summary>
internal sealed class IngressQdisc(string name) : QdiscKind(name)
{
    public override bool IsIngress => true;

    public override bool IsClassful => true;

    public override bool HasFilters => true;

    public override Verdict Initialise(Qdisc qdisc, byte[]? options, int offset) =>
        qdisc.Parent == TC_H_INGRESS ? Verdict.Success : LinuxError.EOPNOTSUPP;

    public override void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc) => writer.EndAttribute(writer.BeginNested(TCA_OPTIONS, nestedFlag: false));

    public override TrafficClass? FindClass(Qdisc qdisc, uint id) =>
        Name == "ingress" || Minor(id) is TC_H_MIN_INGRESS or TC_H_MIN_EGRESS ? new TrafficClass(id, null) : null;

    public override IEnumerable<TrafficClass> Classes(Qdisc qdisc) => [];

    public override FilterBlock? Filters(Qdisc qdisc, uint parent, TrafficClass? one) => (Name, Minor(parent)) switch
    {
        ("ingress", _) => qdisc.Block(0),
        (_, TC_H_MIN_INGRESS) => qdisc.Block(TC_H_MIN_INGRESS),
        (_, TC_H_MIN_EGRESS) => qdisc.Block(TC_H_MIN_EGRESS),
        _ => null,
    };
}

/// <summary>prio: bands served one after the other.</summary>
internal sealed class PriorityQdisc() : QdiscKind("prio")
{
    public override bool IsClassful => true;

    public override bool HasFilters => true;

    public override byte[] LeastOptions => [3, 0, 0, 0, 1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];

    public override Verdict Initialise(Qdisc qdisc, byte[]? options, int offset) => options is null ? LinuxError.EINVAL : Change(qdisc, options, offset);

    public override Verdict Change(Qdisc qdisc, byte[] options, int offset)
    {
        if (options.Length < 20)
        {
            return LinuxError.EINVAL;
        }

        uint bands = BinaryPrimitives.ReadUInt32LittleEndian(options);
        if (bands is < 2 or > 16 || options.AsSpan(4, 16).ContainsAnyExceptInRange((byte)0, (byte)(bands - 1)))
        {
            return LinuxError.EINVAL;
        }

        qdisc.Settings = options[..20];
        foreach (TrafficClass gone in qdisc.Classes.All.Where(one => Minor(one.Id) > bands).ToArray())
        {
            qdisc.Classes.Remove(gone);
            if (gone.Leaf is { } leaf)
            {
                qdisc.Device.Traffic.Remove(leaf);
            }
        }

        for (uint band = 1; band <= bands; band++)
        {
            if (qdisc.Classes.Find(qdisc.Handle | band) is null)
            {
                qdisc.Classes.Add(new TrafficClass(qdisc.Handle | band, null) { Leaf = DefaultLeaf(qdisc, qdisc.Handle | band) });
            }
        }

        return Verdict.Success;
    }

    public override void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc) => writer.WriteBytes(TCA_OPTIONS, (byte[])qdisc.Settings!);

    public override TrafficClass? FindClass(Qdisc qdisc, uint id) => qdisc.Classes.Find(qdisc.Handle | Minor(id));

    public override IEnumerable<TrafficClass> Classes(Qdisc qdisc) => qdisc.Classes.All.OrderBy(static one => one.Id);
}

/// <summary>fq_codel: a queue a flow, each kept short.</summary>
internal sealed class FairCodelQdisc() : QdiscKind("fq_codel")
{
    private static readonly PolicyTable Policy = new(
        11,
        (1, new(AttributeKind.U32)), (2, new(AttributeKind.U32)), (3, new(AttributeKind.U32)), (4, new(AttributeKind.U32)), (5, new(AttributeKind.U32)),
        (6, new(AttributeKind.U32)), (7, new(AttributeKind.U32)), (8, new(AttributeKind.U32)), (9, new(AttributeKind.U32)), (10, new(AttributeKind.U8)), (11, new(AttributeKind.U8)));

    public override bool IsClassful => true;

    public override bool HasFilters => true;

    public override Verdict Initialise(Qdisc qdisc, byte[]? options, int offset)
    {
        qdisc.Settings = new Values { Quantum = qdisc.Device.Mtu + 14 };
        return options is null ? Verdict.Success : Change(qdisc, options, offset);
    }

    public override Verdict Change(Qdisc qdisc, byte[] options, int offset)
    {
        if (!AttributeSet.TryParse(options, offset, Policy, AttributeStrictness.Liberal, out AttributeSet set, out Verdict verdict))
        {
            return verdict;
        }

        var values = (Values)qdisc.Settings!;
        values.Target = set.U32(1) is { } target ? Shorten(target) : values.Target;
        values.Limit = set.U32(2) ?? values.Limit;
        values.Interval = set.U32(3) is { } interval ? Shorten(interval) : values.Interval;
        values.Ecn = set.U32(4) is { } ecn ? Math.Min(ecn, 1) : values.Ecn;
        values.Flows = set.U32(5) ?? values.Flows;
        values.Quantum = set.U32(6) is { } quantum ? Math.Max(256, quantum) : values.Quantum;
        values.Threshold = set.U32(7) is { } threshold ? Shorten(threshold) : values.Threshold;
        values.Batch = set.U32(8) is { } batch ? Math.Max(1, batch) : values.Batch;
        values.Memory = set.U32(9) ?? values.Memory;
        return Verdict.Success;
    }

    public override void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc)
    {
        var values = (Values)qdisc.Settings!;
        WireMark options = writer.BeginNested(TCA_OPTIONS, nestedFlag: false);
        writer.WriteUInt32(1, values.Target);
        writer.WriteUInt32(2, values.Limit);
        writer.WriteUInt32(3, values.Interval);
        writer.WriteUInt32(4, values.Ecn);
        writer.WriteUInt32(6, values.Quantum);
        writer.WriteUInt32(5, values.Flows);
        writer.WriteUInt32(8, values.Batch);
        writer.WriteUInt32(9, values.Memory);
        if (values.Threshold is { } threshold)
        {
            writer.WriteUInt32(7, threshold);
            writer.WriteByte(10, 0);
            writer.WriteByte(11, 0);
        }

        writer.EndAttribute(options);
    }

    public override uint Limit(Qdisc qdisc) => ((Values)qdisc.Settings!).Limit;

    public override byte[] OwnStatistics(Qdisc qdisc) => new byte[40];

    // Times are kept in units of 1,024 ns, so that 5 ms come back as 4.999.
    internal static uint Shorten(uint microseconds) => (uint)((((ulong)microseconds * 1000 >> 10) << 10) / 1000);

    private sealed class Values
    {
        public uint Target { get; set; } = 4999;

        public uint Limit { get; set; } = 10240;

        public uint Interval { get; set; } = 99999;

        public uint Ecn { get; set; } = 1;

        public uint Quantum { get; set; }

        public uint Flows { get; set; } = 1024;

        public uint Batch { get; set; } = 64;

        public uint Memory { get; set; } = 32 << 20;

        public uint? Threshold { get; set; }
    }
}
