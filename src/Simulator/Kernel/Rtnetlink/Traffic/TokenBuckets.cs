using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>A rate in the form of requests and dumps (struct tc_ratespec): bytes per second, and what frames cost beyond their length.</summary>
internal readonly record struct RateSpecification(byte LinkLayer, ushort Overhead, uint Rate)
{
    public const int Size = 12;

    public static RateSpecification Read(ReadOnlySpan<byte> bytes) =>
        new((byte)(bytes[1] & 0xf), BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));

    public void Write(Span<byte> bytes)
    {
        bytes[..Size].Clear();
        bytes[1] = LinkLayer;
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[2..], Overhead);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], Rate);
    }

    /// <summary>How long so many bytes take, in nanoseconds, with the kernel's rounding (psched_l2t_ns).</summary>
    public ulong Nanoseconds(uint bytes)
    {
        if (Rate == 0)
        {
            return bytes + (ulong)Overhead;
        }

        ulong factor = 1_000_000_000;
        int shift = 0;
        ulong multiplier = factor / Rate;
        while ((multiplier & 1u << 31) == 0 && (factor & 1ul << 63) == 0)
        {
            factor <<= 1;
            shift++;
            multiplier = factor / Rate;
        }

        return (bytes + (ulong)Overhead) * (uint)multiplier >> shift;
    }
}

/// <summary>tbf: one rate.</summary>
internal sealed class TokenBucketQdisc() : QdiscKind("tbf")
{
    private const byte TCA_TBF_PARMS = 1;
    private const ushort TCA_TBF_RATE64 = 4;
    private const ushort TCA_TBF_PRATE64 = 5;
    private const ushort TCA_TBF_BURST = 6;

    /// <summary>Why rates in 64 bits are refused.</summary>
    internal const string WideRates = "The simulator has no rates of 4 GiB a second and more";
    private static readonly PolicyTable Policy = new(
        8, (TCA_TBF_PARMS, new(AttributeKind.Binary, 36) { IsExact = true }), (2, new(AttributeKind.Binary, 1024)), (3, new(AttributeKind.Binary, 1024)),
        (4, new(AttributeKind.U64)), (5, new(AttributeKind.U64)), (TCA_TBF_BURST, new(AttributeKind.U32)), (7, new(AttributeKind.U32)));

    public override bool IsClassful => true;

    /// <summary>One megabyte a second, a second's worth at once.</summary>
    public override byte[] LeastOptions => [40, 0, TCA_TBF_PARMS, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x40, 0x42, 0x0f, 0, .. new byte[12], 0x40, 0x42, 0x0f, 0, 0x40, 0x42, 0x0f, 0, .. new byte[4]];

    public override Verdict Initialise(Qdisc qdisc, byte[]? options, int offset)
    {
        if (options is null)
        {
            return LinuxError.EINVAL;
        }

        Verdict verdict = Change(qdisc, options, offset);
        if (verdict.Error == LinuxError.None)
        {
            qdisc.Classes.Add(new TrafficClass(qdisc.Handle | 1, null) { Leaf = new Qdisc(QdiscKinds.Find("bfifo")!, qdisc.Device, 0, qdisc.Handle | 1) { IsInvisible = true, Settings = Limit(qdisc) } });
        }

        return verdict;
    }

    public override Verdict Change(Qdisc qdisc, byte[] options, int offset)
    {
        if (!AttributeSet.TryParse(options, offset, Policy, AttributeStrictness.Liberal, out AttributeSet set, out Verdict verdict))
        {
            return verdict;
        }

        if (set.Bytes(TCA_TBF_PARMS) is not { Length: >= 36 } given)
        {
            return LinuxError.EINVAL;
        }

        byte[] shown = new byte[36];
        var rate = RateSpecification.Read(given);
        rate.Write(shown);
        if (BinaryPrimitives.ReadUInt32LittleEndian(given.AsSpan(20)) != 0)
        {
            RateSpecification.Read(given.AsSpan(12)).Write(shown.AsSpan(12));
        }

        given.AsSpan(24, 12).CopyTo(shown.AsSpan(24));
        if (set.Has(TCA_TBF_RATE64) || set.Has(TCA_TBF_PRATE64))
        {
            return new Verdict(LinuxError.EOPNOTSUPP, WideRates);
        }

        if (set.U32(TCA_TBF_BURST) is { } burst)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(28), (uint)(rate.Nanoseconds(burst) >> 6));
        }
        else if (BinaryPrimitives.ReadUInt32LittleEndian(given.AsSpan(28)) == 0 || rate.Rate == 0)
        {
            return LinuxError.EINVAL;
        }

        qdisc.Settings = shown;
        if (qdisc.Classes.All.FirstOrDefault()?.Leaf is { Kind: FifoQdisc } leaf)
        {
            leaf.Settings = Limit(qdisc);
        }

        return Verdict.Success;
    }

    public override void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc)
    {
        WireMark options = writer.BeginNested(TCA_OPTIONS, nestedFlag: false);
        writer.WriteBytes(TCA_TBF_PARMS, (byte[])qdisc.Settings!);
        writer.EndAttribute(options);
    }

    public override TrafficClass? FindClass(Qdisc qdisc, uint id) => qdisc.Classes.Find(qdisc.Handle | 1);

    /// <summary>Where nothing stands on it everything is dropped.</summary>
    public override Qdisc? Graft(Qdisc qdisc, TrafficClass one, Qdisc? leaf) => base.Graft(qdisc, one, leaf ?? new Qdisc(QdiscKinds.Noop, qdisc.Device, 0, one.Id) { IsInvisible = true });

    public override byte[]? ClassStatistics(TrafficClass one) => null;

    /// <summary>Of what stands on it.</summary>
    public override uint Limit(Qdisc qdisc) => BinaryPrimitives.ReadUInt32LittleEndian(((byte[])qdisc.Settings!).AsSpan(24));
}

/// <summary>htb: a tree of classes, each with a rate of its own and one that it may borrow up to.</summary>
internal sealed class HierarchicalTokenBucketQdisc() : QdiscKind("htb")
{
    private const ushort TCA_HTB_PARMS = 1;
    private const byte TCA_HTB_INIT = 2;
    private const ushort TCA_HTB_DIRECT_QLEN = 5;
    private const ushort TCA_HTB_RATE64 = 6;
    private const ushort TCA_HTB_CEIL64 = 7;
    internal const int MaximumDepth = 8;
    private static readonly PolicyTable Policy = new(
        9, (TCA_HTB_PARMS, new(AttributeKind.Binary, 44)), (TCA_HTB_INIT, new(AttributeKind.Binary, 20)), (3, new(AttributeKind.Binary, 1024)), (4, new(AttributeKind.Binary, 1024)),
        (TCA_HTB_DIRECT_QLEN, new(AttributeKind.U32)), (6, new(AttributeKind.U64)), (7, new(AttributeKind.U64)), (9, new(AttributeKind.Flag)));

    public override bool IsClassful => true;

    public override bool HasFilters => true;

    public override byte[] LeastOptions => [24, 0, TCA_HTB_INIT, 0, 3, 0, 0, 0, 10, 0, 0, 0, .. new byte[12]];

    public override Verdict Initialise(Qdisc qdisc, byte[]? options, int offset)
    {
        if (options is null)
        {
            return LinuxError.EINVAL;
        }

        if (!AttributeSet.TryParse(options, offset, Policy, AttributeStrictness.Liberal, out AttributeSet set, out Verdict verdict))
        {
            return verdict;
        }

        if (set.Bytes(TCA_HTB_INIT) is not { Length: >= 12 } given || BinaryPrimitives.ReadUInt32LittleEndian(given) != 3)
        {
            return LinuxError.EINVAL;
        }

        qdisc.Settings = new Options(
            Math.Max(1, BinaryPrimitives.ReadUInt32LittleEndian(given.AsSpan(4))),
            BinaryPrimitives.ReadUInt32LittleEndian(given.AsSpan(8)),
            set.U32(TCA_HTB_DIRECT_QLEN) ?? qdisc.Device.TransmitQueueLength);
        return Verdict.Success;
    }

    public override void WriteOptions(ref NetlinkWriter writer, Qdisc qdisc)
    {
        var settings = (Options)qdisc.Settings!;
        WireMark options = writer.BeginNested(TCA_OPTIONS, nestedFlag: false);
        Span<byte> shown = stackalloc byte[20];
        shown.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(shown, 0x30011);
        BinaryPrimitives.WriteUInt32LittleEndian(shown[4..], settings.RateToQuantum);
        BinaryPrimitives.WriteUInt32LittleEndian(shown[8..], settings.DefaultClass);
        BinaryPrimitives.WriteUInt32LittleEndian(shown[16..], settings.DirectPackets);
        writer.WriteBytes(TCA_HTB_INIT, shown);
        writer.WriteUInt32(TCA_HTB_DIRECT_QLEN, settings.DirectQueueLength);
        writer.EndAttribute(options);
    }

    public override TrafficClass? FindClass(Qdisc qdisc, uint id) => qdisc.Classes.Find(id);

    public override Verdict ChangeClass(Qdisc qdisc, uint id, uint parent, byte[]? options, ref TrafficClass? known)
    {
        if (options is null || !AttributeSet.TryParse(options, 0, Policy, AttributeStrictness.Liberal, out AttributeSet set, out _)
            || set.Bytes(TCA_HTB_PARMS) is not { Length: >= 44 } given)
        {
            return LinuxError.EINVAL;
        }

        if (set.Has(TCA_HTB_RATE64) || set.Has(TCA_HTB_CEIL64))
        {
            return new Verdict(LinuxError.EOPNOTSUPP, TokenBucketQdisc.WideRates);
        }

        var rate = RateSpecification.Read(given);
        var ceiling = RateSpecification.Read(given.AsSpan(12));
        if (rate.Rate == 0 || ceiling.Rate == 0)
        {
            return LinuxError.EINVAL;
        }

        uint buffer = BinaryPrimitives.ReadUInt32LittleEndian(given.AsSpan(24));
        uint ceilingBuffer = BinaryPrimitives.ReadUInt32LittleEndian(given.AsSpan(28));
        if (known is null)
        {
            TrafficClass? above = parent == TC_H_ROOT ? null : qdisc.Classes.Find(parent);
            if (id == 0 || Major(id) != qdisc.Handle)
            {
                return LinuxError.EINVAL;
            }

            if (above is { Parent: { } grandparent } && Level(qdisc, grandparent) < 2)
            {
                return new Verdict(LinuxError.EINVAL, "sch_htb: tree is too deep");
            }

            known = new TrafficClass(id, above) { Leaf = DefaultLeaf(qdisc, id), Settings = new Limits { Tokens = buffer, CeilingTokens = ceilingBuffer } };
            if (above?.Leaf is { } replaced)
            {
                qdisc.Device.Traffic.Remove(replaced);
                above.Leaf = null;
            }

            qdisc.Classes.Add(known);
            qdisc.Device.Traffic.Add(known.Leaf);
        }

        var limits = (Limits)known.Settings!;
        uint quantum = BinaryPrimitives.ReadUInt32LittleEndian(given.AsSpan(32));
        string? warning = null;
        if (quantum == 0)
        {
            quantum = rate.Rate / ((Options)qdisc.Settings!).RateToQuantum;
            warning = quantum < 1000 ? "small" : quantum > 200000 ? "big" : null;
            quantum = Math.Clamp(quantum, 1000, 200000);
        }

        limits.Rate = rate;
        limits.Ceiling = ceiling;
        limits.Buffer = buffer;
        limits.CeilingBuffer = ceilingBuffer;
        limits.Quantum = quantum;
        limits.Priority = Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(given.AsSpan(40)), 7);
        return warning is null ? Verdict.Success : new Verdict(LinuxError.None, $"sch_htb: quantum of class {id:X} is {warning}. Consider r2q change.");
    }

    public override Verdict DeleteClass(Qdisc qdisc, TrafficClass one)
    {
        if (qdisc.Classes.All.Any(other => other.Parent == one) || qdisc.Blocks.Values.Any(block => block.Uses(one.Id)))
        {
            return new Verdict(LinuxError.EBUSY, "HTB class in use");
        }

        qdisc.Classes.Remove(one);
        if (one.Leaf is { } leaf)
        {
            qdisc.Device.Traffic.Remove(leaf);
        }

        if (one.Parent is { } parent && !qdisc.Classes.All.Any(other => other.Parent == parent))
        {
            parent.Leaf = DefaultLeaf(qdisc, parent.Id);
            qdisc.Device.Traffic.Add(parent.Leaf);
        }

        return Verdict.Success;
    }

    public override (uint Parent, uint Info) ClassHeader(Qdisc qdisc, TrafficClass one) => (one.Parent?.Id ?? TC_H_ROOT, one.Leaf?.Handle ?? 0);

    public override void WriteClass(ref NetlinkWriter writer, Qdisc qdisc, TrafficClass one)
    {
        var limits = (Limits)one.Settings!;
        WireMark options = writer.BeginNested(TCA_OPTIONS, nestedFlag: false);
        Span<byte> shown = stackalloc byte[44];
        shown.Clear();
        limits.Rate.Write(shown);
        limits.Ceiling.Write(shown[12..]);
        BinaryPrimitives.WriteUInt32LittleEndian(shown[24..], (uint)limits.Buffer);
        BinaryPrimitives.WriteUInt32LittleEndian(shown[28..], (uint)limits.CeilingBuffer);
        BinaryPrimitives.WriteUInt32LittleEndian(shown[32..], limits.Quantum);
        BinaryPrimitives.WriteUInt32LittleEndian(shown[36..], (uint)Level(qdisc, one));
        BinaryPrimitives.WriteUInt32LittleEndian(shown[40..], limits.Priority);
        writer.WriteBytes(TCA_HTB_PARMS, shown);
        writer.EndAttribute(options);
    }

    /// <summary>It counts by itself; what waits, its leaf knows.</summary>
    public override TrafficCounters ClassCounters(TrafficClass one)
    {
        one.Counters.Queued = one.Leaf?.Counters.Queued ?? 0;
        one.Counters.Backlog = one.Leaf?.Counters.Backlog ?? 0;
        return one.Counters;
    }

    public override byte[] ClassStatistics(TrafficClass one)
    {
        var limits = (Limits)one.Settings!;
        byte[] own = new byte[20];
        BinaryPrimitives.WriteUInt32LittleEndian(own, limits.Lends);
        BinaryPrimitives.WriteUInt32LittleEndian(own.AsSpan(4), limits.Borrows);
        BinaryPrimitives.WriteUInt32LittleEndian(own.AsSpan(12), limits.Tokens);
        BinaryPrimitives.WriteUInt32LittleEndian(own.AsSpan(16), limits.CeilingTokens);
        return own;
    }

    // A leaf is at level 0, a class of the top with children at 7, one below it at 6.
    private static int Level(Qdisc qdisc, TrafficClass one)
    {
        if (!qdisc.Classes.All.Any(other => other.Parent == one))
        {
            return 0;
        }

        int level = MaximumDepth - 1;
        for (TrafficClass? above = one.Parent; above is not null; above = above.Parent)
        {
            level--;
        }

        return level;
    }

    internal sealed record Options(uint RateToQuantum, uint DefaultClass, uint DirectQueueLength)
    {
        /// <summary>Packets that went past all classes.</summary>
        public uint DirectPackets { get; set; }
    }

    internal sealed class Limits
    {
        public RateSpecification Rate { get; set; }

        public RateSpecification Ceiling { get; set; }

        /// <summary>In ticks of 64 ns, as the next and the tokens.</summary>
        public long Buffer { get; set; }

        public long CeilingBuffer { get; set; }

        public uint Quantum { get; set; }

        public uint Priority { get; set; }

        public uint Tokens { get; set; }

        public uint CeilingTokens { get; set; }

        /// <summary>Packets that went by its own tokens, whose ever they were.</summary>
        public uint Lends { get; set; }

        /// <summary>Packets that went by tokens of a class above.</summary>
        public uint Borrows { get; set; }
    }
}
