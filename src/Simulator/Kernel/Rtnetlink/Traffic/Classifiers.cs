using System.Buffers.Binary;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>What a kind of filter does with requests (struct tcf_proto_ops).</summary>
/// <param name="name">TCA_KIND.</param>
/// <param name="classId">The attribute of the class, within TCA_OPTIONS.</param>
/// <param name="actions">The attribute of the actions.</param>
/// <param name="flags">The attribute of the TCA_CLS_FLAGS; 0 for none.</param>
internal abstract class ClassifierKind(string name, ushort classId, ushort actions, ushort flags)
{
    public string Name { get; } = name;

    protected ushort ClassIdAttribute { get; } = classId;

    protected ushort ActionsAttribute { get; } = actions;

    protected ushort FlagsAttribute { get; } = flags;

    protected abstract PolicyTable Policy { get; }

    /// <summary>The attribute of a policer that stands outside the actions; 0 for none.</summary>
    protected virtual ushort PoliceAttribute => 0;

    /// <summary>A new list of it is begun.</summary>
    public virtual void Begin(FilterBlock block, FilterList list)
    {
    }

    /// <summary>Lists whose filters a dump shows as this one's.</summary>
    public virtual IEnumerable<FilterList> Walked(FilterBlock block, FilterList list) => [list];

    public virtual void WriteTable(ref NetlinkWriter writer)
    {
    }

    /// <summary>Makes a filter, or changes <paramref name="known"/>.</summary>
    public Verdict Change(SimulatedKernel kernel, FilterList list, uint handle, byte[]? options, int offset, HashSet<(string, uint)> taken, ref Filter? known)
    {
        if (options is null)
        {
            return LinuxError.EINVAL;
        }

        if (!AttributeSet.TryParse(options, offset, Policy, AttributeStrictness.Liberal, out AttributeSet set, out Verdict verdict))
        {
            return verdict;
        }

        uint wanted = FlagsAttribute == 0 ? 0 : set.U32(FlagsAttribute) ?? 0;
        if ((wanted & ~(TCA_CLS_FLAGS_SKIP_HW | TCA_CLS_FLAGS_SKIP_SW | 16u)) != 0 || (wanted & 3) == 3)
        {
            return LinuxError.EINVAL;
        }

        verdict = Check(list, known, set, ref handle);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        if (PoliceAttribute != 0 && set.Has(PoliceAttribute))
        {
            // The old form of a policer, which no modelled kernel has a module for.
            return new Verdict(LinuxError.ENOENT, "Failed to load TC action module");
        }

        verdict = TrafficAction.Read(kernel, set.Bytes(ActionsAttribute), taken, out List<TrafficAction> read);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        Filter filter = known ?? new Filter(handle);
        filter.Actions = read;
        filter.ClassId = set.U32(ClassIdAttribute) ?? filter.ClassId;
        filter.Flags = FlagsAttribute == 0 ? 0 : wanted | TCA_CLS_FLAGS_NOT_IN_HW;
        Take(list, filter, set);
        list.ByHandle[filter.Handle] = filter;
        known = filter;
        return Verdict.Success;
    }

    /// <summary>The kind's own demands; gives a handle where there is none.</summary>
    protected abstract Verdict Check(FilterList list, Filter? known, AttributeSet set, ref uint handle);

    /// <summary>Keeps what the filter looks for.</summary>
    protected abstract void Take(FilterList list, Filter filter, AttributeSet set);

    /// <summary>A packet is what the filter looks for; its ethernet header has been taken off where it comes in.</summary>
    public abstract bool Matches(Filter filter, Packet packet);

    /// <summary>Writes what stands in TCA_OPTIONS.</summary>
    public abstract void Write(ref NetlinkWriter writer, Filter filter, KernelProfile profile);

    /// <summary>The first number from <paramref name="from"/> on that no filter of the list has.</summary>
    protected static uint Free(FilterList list, uint from)
    {
        while (list.ByHandle.ContainsKey(from))
        {
            from++;
        }

        return from;
    }
}

/// <summary>The classifiers that are modelled.</summary>
internal static class Classifiers
{
    private static readonly Dictionary<string, ClassifierKind> All =
        new ClassifierKind[] { new U32Classifier(), new MatchAllClassifier(), new FlowerClassifier(), new MarkClassifier() }.ToDictionary(static kind => kind.Name, StringComparer.Ordinal);

    public static ClassifierKind? Find(string name) => All.GetValueOrDefault(name);
}

/// <summary>u32: masks over the packet's words, in hash tables.</summary>
internal sealed class U32Classifier() : ClassifierKind("u32", 1, 7, 11)
{
    private const ushort TCA_U32_HASH = 2;
    private const ushort TCA_U32_LINK = 3;
    private const ushort TCA_U32_DIVISOR = 4;
    private const ushort TCA_U32_SEL = 5;
    private const ushort TCA_U32_INDEV = 8;
    private const ushort TCA_U32_PCNT = 9;
    private const ushort TCA_U32_MARK = 10;
    private const byte TC_U32_TERMINAL = 1;

    protected override PolicyTable Policy { get; } = new(
        12, (1, new(AttributeKind.U32)), (TCA_U32_HASH, new(AttributeKind.U32)), (3, new(AttributeKind.U32)), (TCA_U32_DIVISOR, new(AttributeKind.U32)),
        (TCA_U32_SEL, AttributePolicy.Any(16)), (8, new(AttributeKind.String, 15)), ((ushort)10, AttributePolicy.Any(12)), (11, new(AttributeKind.U32)));

    protected override ushort PoliceAttribute => 6;

    public override void Begin(FilterBlock block, FilterList list)
    {
        list.Root = 0x80000000u + (block.LastHashTable << 20);
        block.LastHashTable++;
    }

    // Tables belong to the whole block and say of which priority they are, not of which chain: the youngest come first (u32_walk).
    public override IEnumerable<FilterList> Walked(FilterBlock block, FilterList list) => block.Chains.Values
        .SelectMany(static chain => chain).Where(other => other.Kind == this && other.Priority == list.Priority).OrderByDescending(static other => other.Root);

    public override void WriteTable(ref NetlinkWriter writer)
    {
        WireMark options = writer.BeginNested(TCA_OPTIONS, nestedFlag: false);
        writer.WriteUInt32(TCA_U32_DIVISOR, 1);
        writer.EndAttribute(options);
    }

    protected override Verdict Check(FilterList list, Filter? known, AttributeSet set, ref uint handle)
    {
        if (set.Has(TCA_U32_DIVISOR))
        {
            // Hash tables of one's own are not modelled.
            return new Verdict(LinuxError.EOPNOTSUPP, "Hash tables are not supported");
        }

        if (set.Has(TCA_U32_INDEV) || set.U32(TCA_U32_LINK) is > 0)
        {
            return new Verdict(LinuxError.EOPNOTSUPP, "The simulator has no links and input devices of u32");
        }

        uint table = set.U32(TCA_U32_HASH) is { } given && (given & 0xfff00000) is not 0xfff00000 ? given : list.Root;
        if ((table & 0xfff00000) != list.Root)
        {
            return new Verdict(LinuxError.EINVAL, "Specified hash table not found");
        }

        if ((table >> 12 & 0xff) != 0)
        {
            return new Verdict(LinuxError.EINVAL, "Specified hash table buckets exceed configured value");
        }

        if (handle != 0 && (handle & 0xfff00000) != 0 && ((handle ^ table) & 0xfff00000) != 0)
        {
            return new Verdict(LinuxError.EINVAL, "Handle specified hash table address mismatch");
        }

        if (known is null && (set.Bytes(TCA_U32_SEL) is not { Length: >= 16 } selector || selector.Length < 16 + selector[2] * 16))
        {
            return new Verdict(LinuxError.EINVAL, "Selector not specified");
        }

        handle = handle != 0 ? list.Root | handle & 0xfff : Free(list, list.Root | 0x800);
        return Verdict.Success;
    }

    protected override void Take(FilterList list, Filter filter, AttributeSet set)
    {
        if (filter.Keys.ContainsKey(TCA_U32_SEL))
        {
            // A change is of class and actions only (u32_init_knode).
            return;
        }

        byte[] selector = set.Bytes(TCA_U32_SEL)!;
        filter.Keys[TCA_U32_SEL] = selector[..(16 + selector[2] * 16)];
        filter.KeyHits = new ulong[selector[2]];
        if (set.Bytes(TCA_U32_MARK) is { Length: >= 12 } mark)
        {
            filter.Keys[TCA_U32_MARK] = mark[..12];
        }
    }

    // The mark, then each word with its mask, counted from the network header.
    public override bool Matches(Filter filter, Packet packet)
    {
        filter.Asked++;
        if (filter.Keys.TryGetValue(TCA_U32_MARK, out byte[]? mark))
        {
            if ((packet.Mark & BinaryPrimitives.ReadUInt32LittleEndian(mark.AsSpan(4))) != BinaryPrimitives.ReadUInt32LittleEndian(mark))
            {
                return false;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(mark.AsSpan(8), BinaryPrimitives.ReadUInt32LittleEndian(mark.AsSpan(8)) + 1);
        }

        byte[] selector = filter.Keys[TCA_U32_SEL];
        Span<byte> word = stackalloc byte[4];
        for (int key = 0; key < selector[2]; key++)
        {
            ReadOnlySpan<byte> wanted = selector.AsSpan(16 + key * 16, 16);
            if (!packet.CopyFromNetwork(BinaryPrimitives.ReadInt32LittleEndian(wanted[8..]), word)
                || ((MemoryMarshal.Read<uint>(word) ^ MemoryMarshal.Read<uint>(wanted[4..])) & MemoryMarshal.Read<uint>(wanted)) != 0)
            {
                return false;
            }

            filter.KeyHits[key]++;
        }

        if ((selector[0] & TC_U32_TERMINAL) == 0)
        {
            return false;
        }

        filter.Hits++;
        return true;
    }

    public override void Write(ref NetlinkWriter writer, Filter filter, KernelProfile profile)
    {
        byte[] selector = filter.Keys[TCA_U32_SEL];
        writer.WriteBytes(TCA_U32_SEL, selector);
        writer.WriteUInt32(TCA_U32_HASH, filter.Handle & 0xfffff000);
        if (filter.ClassId != 0)
        {
            writer.WriteUInt32(ClassIdAttribute, filter.ClassId);
        }

        writer.WriteUInt32(FlagsAttribute, filter.Flags);
        if (filter.Keys.TryGetValue(TCA_U32_MARK, out byte[]? mark))
        {
            writer.WriteBytes(TCA_U32_MARK, mark);
        }

        TrafficAction.Write(ref writer, ActionsAttribute, filter.Actions);
        if (profile.HasFilterCounters)
        {
            ulong[] counters = [filter.Asked, filter.Hits, .. filter.KeyHits];
            writer.WriteBytes(TCA_U32_PCNT, MemoryMarshal.AsBytes<ulong>(counters));
        }
    }
}

/// <summary>matchall: every packet.</summary>
internal sealed class MatchAllClassifier() : ClassifierKind("matchall", 1, 2, 3)
{
    protected override PolicyTable Policy { get; } = new(5, (1, new(AttributeKind.U32)), (3, new(AttributeKind.U32)));

    protected override Verdict Check(FilterList list, Filter? known, AttributeSet set, ref uint handle)
    {
        if (list.ByHandle.Count > 0)
        {
            return LinuxError.EEXIST;
        }

        handle = handle == 0 ? 1 : handle;
        return Verdict.Success;
    }

    protected override void Take(FilterList list, Filter filter, AttributeSet set)
    {
    }

    public override bool Matches(Filter filter, Packet packet)
    {
        filter.Hits++;
        return true;
    }

    public override void Write(ref NetlinkWriter writer, Filter filter, KernelProfile profile)
    {
        if (filter.ClassId != 0)
        {
            writer.WriteUInt32(ClassIdAttribute, filter.ClassId);
        }

        writer.WriteUInt32(FlagsAttribute, filter.Flags);
        writer.WriteUInt64(4, filter.Hits);
        TrafficAction.Write(ref writer, ActionsAttribute, filter.Actions);
    }
}

/// <summary>fw: the packet's mark.</summary>
internal sealed class MarkClassifier() : ClassifierKind("fw", 1, 4, 0)
{
    private const ushort TCA_FW_INDEV = 3;
    private const ushort TCA_FW_MASK = 5;

    protected override PolicyTable Policy { get; } = new(5, (1, new(AttributeKind.U32)), (3, new(AttributeKind.String, 15)), (TCA_FW_MASK, new(AttributeKind.U32)));

    protected override Verdict Check(FilterList list, Filter? known, AttributeSet set, ref uint handle) => handle == 0 ? LinuxError.EINVAL
        : set.Has(TCA_FW_INDEV) ? new Verdict(LinuxError.EOPNOTSUPP, "The simulator has no input devices of fw")
        : Verdict.Success;

    protected override void Take(FilterList list, Filter filter, AttributeSet set)
    {
        if (set.U32(TCA_FW_MASK) is { } mask)
        {
            filter.Keys[TCA_FW_MASK] = BitConverter.GetBytes(mask);
        }
    }

    public override bool Matches(Filter filter, Packet packet) =>
        (packet.Mark & (filter.Keys.TryGetValue(TCA_FW_MASK, out byte[]? mask) ? BinaryPrimitives.ReadUInt32LittleEndian(mask) : uint.MaxValue)) == filter.Handle;

    public override void Write(ref NetlinkWriter writer, Filter filter, KernelProfile profile)
    {
        if (filter.ClassId != 0)
        {
            writer.WriteUInt32(ClassIdAttribute, filter.ClassId);
        }

        if (filter.Keys.TryGetValue(TCA_FW_MASK, out byte[]? mask) && BinaryPrimitives.ReadUInt32LittleEndian(mask) != uint.MaxValue)
        {
            writer.WriteBytes(TCA_FW_MASK, mask);
        }

        TrafficAction.Write(ref writer, ActionsAttribute, filter.Actions);
    }
}
