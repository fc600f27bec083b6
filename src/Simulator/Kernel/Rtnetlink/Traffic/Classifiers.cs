using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
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

    /// <summary>What a dump shows of the list before its filters, beside its head.</summary>
    public virtual IEnumerable<uint> Tables(FilterList list) => [];

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

/// <summary>The classifiers that are modelled, as configuration.</summary>
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
    private const ushort TCA_U32_DIVISOR = 4;
    private const ushort TCA_U32_SEL = 5;
    private const ushort TCA_U32_PCNT = 9;

    protected override PolicyTable Policy { get; } = new(
        12, (1, new(AttributeKind.U32)), (TCA_U32_HASH, new(AttributeKind.U32)), (3, new(AttributeKind.U32)), (TCA_U32_DIVISOR, new(AttributeKind.U32)),
        (TCA_U32_SEL, AttributePolicy.Any(16)), (8, new(AttributeKind.String, 15)), ((ushort)10, AttributePolicy.Any(12)), (11, new(AttributeKind.U32)));

    protected override ushort PoliceAttribute => 6;

    public override void Begin(FilterBlock block, FilterList list)
    {
        list.Root = 0x80000000u + (block.LastHashTable << 20);
        block.LastHashTable++;
    }

    public override IEnumerable<uint> Tables(FilterList list) => [list.Root];

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
        if (set.Bytes(TCA_U32_SEL) is { } selector)
        {
            filter.Keys[TCA_U32_SEL] = selector[..(16 + selector[2] * 16)];
        }
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
        TrafficAction.Write(ref writer, ActionsAttribute, filter.Actions);
        if (profile.HasFilterCounters)
        {
            writer.WriteBytes(TCA_U32_PCNT, new byte[16 + selector[2] * 8]);
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

    public override void Write(ref NetlinkWriter writer, Filter filter, KernelProfile profile)
    {
        if (filter.ClassId != 0)
        {
            writer.WriteUInt32(ClassIdAttribute, filter.ClassId);
        }

        writer.WriteUInt32(FlagsAttribute, filter.Flags);
        writer.WriteUInt64(4, 0);
        TrafficAction.Write(ref writer, ActionsAttribute, filter.Actions);
    }
}

/// <summary>fw: the packet's mark.</summary>
internal sealed class MarkClassifier() : ClassifierKind("fw", 1, 4, 0)
{
    private const ushort TCA_FW_MASK = 5;

    protected override PolicyTable Policy { get; } = new(5, (1, new(AttributeKind.U32)), (3, new(AttributeKind.String, 15)), (TCA_FW_MASK, new(AttributeKind.U32)));

    protected override Verdict Check(FilterList list, Filter? known, AttributeSet set, ref uint handle) => handle == 0 ? LinuxError.EINVAL : Verdict.Success;

    protected override void Take(FilterList list, Filter filter, AttributeSet set)
    {
        if (set.U32(TCA_FW_MASK) is { } mask)
        {
            filter.Keys[TCA_FW_MASK] = BitConverter.GetBytes(mask);
        }
    }

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

/// <summary>flower: the headers' fields by name; addresses, Ethernet type, VLAN, protocol and ports.</summary>
internal sealed class FlowerClassifier() : ClassifierKind("flower", 1, 3, 22)
{
    private const ushort TCA_FLOWER_IN_HW_COUNT = 86;

    // Field, its mask's attribute (0: none is shown), its length; in the order of dumps.
    private static readonly (ushort Field, ushort Mask, int Length)[] Fields =
    [
        (4, 5, 6), (6, 7, 6), (8, 0, 2), (23, 0, 2), (24, 0, 1), (25, 0, 2), (9, 0, 1), (10, 11, 4), (12, 13, 4), (14, 15, 16), (16, 17, 16),
        (18, 35, 2), (19, 36, 2), (20, 37, 2), (21, 38, 2),
    ];

    protected override PolicyTable Policy { get; } = new(120, (1, new(AttributeKind.U32)), (2, new(AttributeKind.String, 15)), (22, new(AttributeKind.U32)));

    protected override Verdict Check(FilterList list, Filter? known, AttributeSet set, ref uint handle)
    {
        handle = known?.Handle ?? (handle == 0 ? Free(list, 1) : handle);
        return Verdict.Success;
    }

    protected override void Take(FilterList list, Filter filter, AttributeSet set)
    {
        filter.Keys.Clear();
        foreach ((ushort field, ushort mask, int length) in Fields)
        {
            if (set.Bytes(field) is { } value && value.Length >= length)
            {
                filter.Keys[field] = value[..length];
                if (mask != 0)
                {
                    byte[] all = new byte[length];
                    all.AsSpan().Fill(0xff);
                    filter.Keys[mask] = set.Bytes(mask) is { } given && given.Length >= length ? given[..length] : all;
                }
            }
        }
    }

    public override void Write(ref NetlinkWriter writer, Filter filter, KernelProfile profile)
    {
        if (filter.ClassId != 0)
        {
            writer.WriteUInt32(ClassIdAttribute, filter.ClassId);
        }

        foreach ((ushort field, ushort mask, _) in Fields)
        {
            if (filter.Keys.TryGetValue(field, out byte[]? value))
            {
                writer.WriteBytes(field, value);
                if (mask != 0)
                {
                    writer.WriteBytes(mask, filter.Keys[mask]);
                }
            }
        }

        writer.WriteUInt32(FlagsAttribute, filter.Flags);
        writer.WriteUInt32(TCA_FLOWER_IN_HW_COUNT, 0);
        TrafficAction.Write(ref writer, ActionsAttribute, filter.Actions);
    }
}
