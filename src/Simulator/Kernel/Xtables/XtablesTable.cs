using System.Buffers.Binary;
using System.Text;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Ipset;
using EucaNet.Simulator.Kernel.Nftables.Compat;

namespace EucaNet.Simulator.Kernel.Xtables;

/// <summary>A match or target as it stands in an entry.</summary>
/// <param name="Extension">What it is; null of standard and error targets.</param>
/// <param name="Offset">Where its header begins in the table.</param>
/// <param name="Data">What it works on.</param>
internal sealed record EntryExtension(Extension? Extension, int Offset, byte[] Data)
{
    public MatchState State { get; } = new();
}

/// <summary>A rule, a policy, or the head of a chain.</summary>
internal sealed class XtablesEntry
{
    public required int Offset { get; init; }

    /// <summary>From this entry to the next.</summary>
    public required int Length { get; init; }

    public required byte[] Header { get; init; }

    /// <summary>The target's name; empty for a standard target.</summary>
    public required string Target { get; init; }

    /// <summary>Of a standard target: an offset to go on at, or a verdict below 0.</summary>
    public required int Verdict { get; init; }

    /// <summary>Takes every packet.</summary>
    public required bool IsUnconditional { get; init; }

    /// <summary>The hooks it is reached from, a bit each.</summary>
    public uint ComeFrom { get; set; }

    public IReadOnlyList<EntryExtension> Matches { get; set; } = [];

    public EntryExtension? TargetExtension { get; set; }

    public ulong Packets { get; set; }

    public ulong Bytes { get; set; }
}

/// <summary>The entries of a table between two replacements (struct xt_table_info).</summary>
internal sealed class XtablesEntries
{
    public required XtablesLayout Layout { get; init; }

    public required byte[] Blob { get; init; }

    public required IReadOnlyList<XtablesEntry> List { get; init; }

    /// <summary>Where each hook begins; uint.MaxValue where the table has no such hook.</summary>
    public required uint[] HookEntries { get; init; }

    /// <summary>The policy of each hook.</summary>
    public required uint[] Underflows { get; init; }

    public Dictionary<int, XtablesEntry> ByOffset => field ??= List.ToDictionary(entry => entry.Offset);

    /// <summary>A rule looks at connections.</summary>
    public bool UsesConntrack => List.Any(entry =>
        entry.Matches.Any(match => MatchEvaluation.UsesConntrack(match.Extension!.Name))
        || entry.TargetExtension is { Extension: { } target } used && TargetEvaluation.UsesConntrack(target.Name, used.Data));

    /// <summary>Counts the references of the entries to sets and tables of limits up or down.</summary>
    public void HoldNamed(SimulatedKernel kernel, int change)
    {
        foreach (EntryExtension extension in List.SelectMany(entry => entry.Matches.Append(entry.TargetExtension!)))
        {
            if (extension?.Extension is { } known)
            {
                ExtensionHolds.Hold(known, extension.Data, kernel, change);
            }
        }
    }

    /// <summary>
    /// The entries as user space gets them: with counters and hooks, without what modules keep for themselves. What is behind the end of
    /// an extension's name stays as user space had it (xt_obj_to_user).
    /// </summary>
    public void CopyTo(Span<byte> output)
    {
        byte[] before = output.ToArray();
        Blob.CopyTo(output);
        foreach (XtablesEntry entry in List)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(output[(entry.Offset + Layout.ComeFrom)..], entry.ComeFrom);
            BinaryPrimitives.WriteUInt64LittleEndian(output[(entry.Offset + Layout.Counters)..], entry.Packets);
            BinaryPrimitives.WriteUInt64LittleEndian(output[(entry.Offset + Layout.Counters + 8)..], entry.Bytes);
            foreach (EntryExtension match in entry.Matches)
            {
                Show(output, before, match);
            }

            if (entry.TargetExtension is { } target)
            {
                Show(output, before, target);
            }
        }
    }

    /// <summary>Packets and bytes of each entry (struct xt_counters).</summary>
    public void CopyCountersTo(Span<byte> output)
    {
        for (int index = 0; index < List.Count && (index + 1) * XtablesLayout.CounterSize <= output.Length; index++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(output[(index * XtablesLayout.CounterSize)..], List[index].Packets);
            BinaryPrimitives.WriteUInt64LittleEndian(output[((index * XtablesLayout.CounterSize) + 8)..], List[index].Bytes);
        }
    }

    private static void Show(Span<byte> output, ReadOnlySpan<byte> before, EntryExtension part)
    {
        int name = part.Offset + 2, tail = output[name..].IndexOf((byte)0) + 1;
        if (tail > 0 && tail < 29)
        {
            before[(name + tail)..(name + 29)].CopyTo(output[(name + tail)..]);
        }

        (int visible, int aligned) = part.Extension is { } extension
            ? (extension.UserSize != 0 ? extension.UserSize : extension.Size, extension.AlignedSize)
            : part.Data.Length == XtablesLayout.StandardTarget - XtablesLayout.ExtensionHeader ? (4, 8) : (30, 32);
        if (visible >= 0 && visible < aligned)
        {
            output.Slice(part.Offset + XtablesLayout.ExtensionHeader + visible, aligned - visible).Clear();
        }
    }
}

/// <summary>A table of ip_tables or ip6_tables.</summary>
internal sealed class XtablesTable(XtablesKind kind, XtablesEntries entries)
{
    public XtablesKind Kind { get; } = kind;

    public XtablesEntries Entries { get; set; } = entries;
}

/// <summary>A table that the kernel has of its own (iptable_filter and the like).</summary>
/// <param name="Name">Its name.</param>
/// <param name="Hooks">Its hooks, a bit each.</param>
/// <param name="Priority">Where in the hooks it stands; nat has two places.</param>
internal sealed record XtablesKind(string Name, uint Hooks, int Priority)
{
    public static IReadOnlyList<XtablesKind> All { get; } =
    [
        new("filter", 0x0e, 0),
        new("nat", 0x1b, -100),
        new("mangle", 0x1f, -150),
        new("raw", 0x09, -300),
        new("security", 0x0e, 50),
    ];

    public bool IsNat => Name == "nat";

    public int PriorityAt(byte hook) => IsNat && (hook is Hook.Postrouting or Hook.Input) ? 100 : Priority;

    /// <summary>A fresh table: in each hook only the policy ACCEPT (ipt_alloc_initial_table).</summary>
    public byte[] Initial(XtablesLayout layout)
    {
        int length = layout.EntrySize + XtablesLayout.StandardTarget;
        int hooks = System.Numerics.BitOperations.PopCount(Hooks);
        int size = (hooks * length) + layout.EntrySize + XtablesLayout.ErrorTarget;
        byte[] replace = new byte[XtablesLayout.ReplaceHeader + size];
        Encoding.ASCII.GetBytes(Name, replace);
        Put32(replace, XtablesLayout.ReplaceHooks, Hooks);
        Put32(replace, XtablesLayout.ReplaceNumber, (uint)hooks + 1);
        Put32(replace, XtablesLayout.ReplaceSize, (uint)size);
        int offset = 0;
        for (int hook = 0; hook < XtablesLayout.HookCount; hook++)
        {
            if ((Hooks & 1u << hook) == 0)
            {
                continue;
            }

            Put32(replace, XtablesLayout.ReplaceEntries + (hook * 4), (uint)offset);
            Put32(replace, XtablesLayout.ReplaceUnderflows + (hook * 4), (uint)offset);
            PutEntry(replace, layout, offset, "", XtablesLayout.StandardTarget);
            BinaryPrimitives.WriteInt32LittleEndian(replace.AsSpan(XtablesLayout.ReplaceHeader + offset + layout.EntrySize + XtablesLayout.ExtensionHeader), -2);
            offset += length;
        }

        PutEntry(replace, layout, offset, XtablesLayout.ErrorName, XtablesLayout.ErrorTarget);
        Encoding.ASCII.GetBytes(XtablesLayout.ErrorName, replace.AsSpan(XtablesLayout.ReplaceHeader + offset + layout.EntrySize + XtablesLayout.ExtensionHeader));
        return replace;
    }

    private static void PutEntry(byte[] replace, XtablesLayout layout, int offset, string name, int targetSize)
    {
        Span<byte> entry = replace.AsSpan(XtablesLayout.ReplaceHeader + offset);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[layout.TargetOffset..], (ushort)layout.EntrySize);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[(layout.TargetOffset + 2)..], (ushort)(layout.EntrySize + targetSize));
        BinaryPrimitives.WriteUInt16LittleEndian(entry[layout.EntrySize..], (ushort)targetSize);
        Encoding.ASCII.GetBytes(name, entry[(layout.EntrySize + 2)..]);
    }

    private static void Put32(byte[] data, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(offset), value);
}
