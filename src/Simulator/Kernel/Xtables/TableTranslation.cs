using System.Buffers.Binary;
using System.Text;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Ipset;
using EucaNet.Simulator.Kernel.Nftables.Compat;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Xtables;

/// <summary>Checks a replacement as the kernel does (translate_table), step by step in its order, and makes entries of it.</summary>
internal ref struct TableTranslation(XtablesLayout layout, ReadOnlySpan<byte> replace, IpSetSubsystem sets)
{
    private const uint Underway = 1u << XtablesLayout.HookCount;
    private const uint None = uint.MaxValue;

    private readonly ReadOnlySpan<byte> _replace = replace;
    private readonly List<XtablesEntry> _list = [];
    private readonly uint[] _hookEntries = [None, None, None, None, None];
    private readonly uint[] _underflows = [None, None, None, None, None];
    private byte[] _blob = [];

    public LinuxError Run(out XtablesEntries? entries)
    {
        entries = null;
        _blob = _replace[XtablesLayout.ReplaceHeader..].ToArray();
        LinuxError error = ReadEntries();
        if (error == LinuxError.None)
        {
            error = CheckHooks();
        }

        if (error == LinuxError.None && !MarkHooks())
        {
            error = LinuxError.ELOOP;
        }

        foreach (XtablesEntry entry in error == LinuxError.None ? _list : [])
        {
            error = CheckExtensions(entry);
            if (error != LinuxError.None)
            {
                break;
            }
        }

        if (error == LinuxError.None)
        {
            entries = new XtablesEntries { Layout = layout, Blob = _blob, List = _list, HookEntries = _hookEntries, Underflows = _underflows };
        }

        return error;
    }

    private readonly uint Field(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_replace[offset..]);

    private readonly ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_blob.AsSpan(offset));

    private readonly bool HasHook(int hook) => (Field(XtablesLayout.ReplaceHooks) & 1u << hook) != 0;

    private readonly LinuxError ReadEntries()
    {
        int offset = 0;
        while (offset < _blob.Length)
        {
            if (offset % 8 != 0 || offset + layout.EntrySize >= _blob.Length)
            {
                return LinuxError.EINVAL;
            }

            int target = U16(offset + layout.TargetOffset), next = U16(offset + layout.TargetOffset + 2);
            if (offset + next > _blob.Length
                || next < layout.EntrySize + XtablesLayout.ExtensionHeader
                || (_blob[offset + layout.Flags] & ~layout.KnownFlags) != 0
                || (_blob[offset + layout.Flags + 1] & ~0x7f) != 0
                || !HasSoundOffsets(offset, target, next))
            {
                return LinuxError.EINVAL;
            }

            XtablesEntry entry = Make(offset, target, next);
            for (int hook = 0; hook < XtablesLayout.HookCount; hook++)
            {
                if (!HasHook(hook))
                {
                    continue;
                }

                if (Field(XtablesLayout.ReplaceEntries + (hook * 4)) == offset)
                {
                    _hookEntries[hook] = (uint)offset;
                }

                if (Field(XtablesLayout.ReplaceUnderflows + (hook * 4)) == offset)
                {
                    if (!entry.IsUnconditional || entry.Target.Length != 0 || entry.Verdict is not (-1 or -2))
                    {
                        return LinuxError.EINVAL;
                    }

                    _underflows[hook] = (uint)offset;
                }
            }

            _list.Add(entry);
            offset += next;
        }

        return _list.Count == Field(XtablesLayout.ReplaceNumber) ? LinuxError.None : LinuxError.EINVAL;
    }

    /// <summary>xt_check_entry_offsets: the target, and the matches between header and target.</summary>
    private readonly bool HasSoundOffsets(int entry, int target, int next)
    {
        if (target < layout.EntrySize || target + XtablesLayout.ExtensionHeader > next)
        {
            return false;
        }

        int size = U16(entry + target);
        if (size < XtablesLayout.ExtensionHeader || target + size > next)
        {
            return false;
        }

        string name = NameAt(entry + target);
        if (name.Length == 0)
        {
            if (target + XtablesLayout.StandardTarget != next || !IsVerdict(VerdictAt(entry + target)))
            {
                return false;
            }
        }
        else if (name == XtablesLayout.ErrorName
            && (size != XtablesLayout.ErrorTarget || _blob.AsSpan(entry + target + XtablesLayout.ExtensionHeader, 30).IndexOf((byte)0) < 0))
        {
            return false;
        }

        for (int at = layout.EntrySize; at < target;)
        {
            int left = target - at;
            if (at % 8 != 0 || left < XtablesLayout.ExtensionHeader)
            {
                return false;
            }

            int length = U16(entry + at);
            if (length < XtablesLayout.ExtensionHeader || length > left)
            {
                return false;
            }

            at += length;
        }

        return true;
    }

    private readonly string NameAt(int extension)
    {
        ReadOnlySpan<byte> name = _blob.AsSpan(extension + 2, 29);
        int end = name.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? name : name[..end]);
    }

    private readonly int VerdictAt(int target) => BinaryPrimitives.ReadInt32LittleEndian(_blob.AsSpan(target + XtablesLayout.ExtensionHeader));

    private static bool IsVerdict(int verdict) => verdict > 0 || verdict == XtablesLayout.Return || -verdict - 1 is NF_DROP or NF_ACCEPT or NF_QUEUE;

    private readonly XtablesEntry Make(int offset, int target, int next)
    {
        byte[] header = _blob.AsSpan(offset, layout.HeaderSize).ToArray();
        string name = NameAt(offset + target);
        return new XtablesEntry
        {
            Offset = offset,
            Length = next,
            Header = header,
            Target = name,
            Verdict = name.Length == 0 ? VerdictAt(offset + target) : 0,
            IsUnconditional = target == layout.EntrySize && !header.AsSpan().ContainsAnyExcept((byte)0),
        };
    }

    /// <summary>xt_check_table_hooks: each hook has an entry and a policy, in ascending order.</summary>
    private readonly LinuxError CheckHooks()
    {
        uint? lastEntry = null, lastUnderflow = null;
        for (int hook = 0; hook < XtablesLayout.HookCount; hook++)
        {
            if (!HasHook(hook))
            {
                continue;
            }

            uint entry = _hookEntries[hook], underflow = _underflows[hook];
            if (entry == None || underflow == None || entry <= lastEntry || underflow <= lastUnderflow)
            {
                return LinuxError.EINVAL;
            }

            lastEntry = entry;
            lastUnderflow = underflow;
        }

        return LinuxError.None;
    }

    /// <summary>mark_source_chains: follows every way through the table and notes from which hooks an entry is reached; false for a loop.</summary>
    private readonly bool MarkHooks()
    {
        Dictionary<int, XtablesEntry> byOffset = _list.ToDictionary(entry => entry.Offset);
        var back = new Dictionary<int, int>();
        for (int hook = 0; hook < XtablesLayout.HookCount; hook++)
        {
            if (HasHook(hook) && !MarkHook(hook, byOffset, back))
            {
                return false;
            }
        }

        return true;
    }

    private readonly bool MarkHook(int hook, Dictionary<int, XtablesEntry> byOffset, Dictionary<int, int> back)
    {
        int position = (int)_hookEntries[hook];
        XtablesEntry entry = byOffset[position];
        back[position] = position;
        while (true)
        {
            bool wasVisited = (entry.ComeFrom & 1u << hook) != 0;
            if ((entry.ComeFrom & Underway) != 0)
            {
                return false;
            }

            entry.ComeFrom |= 1u << hook | Underway;
            int from = position, next;
            if (wasVisited || entry.IsUnconditional && entry.Target.Length == 0 && entry.Verdict < 0)
            {
                int old;
                do
                {
                    entry.ComeFrom ^= Underway;
                    old = position;
                    position = back.GetValueOrDefault(position);
                    back[old] = 0;
                    if (position == old)
                    {
                        return true;
                    }

                    entry = byOffset[position];
                }
                while (old == position + entry.Length);
                from = position;
                next = position + entry.Length;
            }
            else
            {
                next = entry.Target.Length == 0 && entry.Verdict >= 0 ? entry.Verdict : position + entry.Length;
            }

            if (!byOffset.TryGetValue(next, out XtablesEntry? following))
            {
                return false;
            }

            entry = following;
            back[next] = from;
            position = next;
        }
    }

    /// <summary>find_check_entry: every match and the target exist and take their data here.</summary>
    private readonly LinuxError CheckExtensions(XtablesEntry entry)
    {
        int target = entry.Offset + U16(entry.Offset + layout.TargetOffset);
        var matches = new List<EntryExtension>();
        for (int at = entry.Offset + layout.EntrySize; at < target; at += U16(at))
        {
            LinuxError error = CheckExtension(entry, at, isTarget: false, out EntryExtension? match);
            if (error != LinuxError.None)
            {
                return error;
            }

            matches.Add(match!);
        }

        entry.Matches = matches;
        if (entry.Target is "" or XtablesLayout.ErrorName)
        {
            entry.TargetExtension = new EntryExtension(null, target, DataOf(target));
            return LinuxError.None;
        }

        LinuxError refused = CheckExtension(entry, target, isTarget: true, out EntryExtension? done);
        entry.TargetExtension = done;
        if (refused == LinuxError.None && entry.Target == "TCPMSS" && !matches.Exists(IsForSynchronize))
        {
            refused = LinuxError.EINVAL;
        }

        return refused;
    }

    /// <summary>A tcp match that takes only segments with SYN, which TCPMSS asks for here though not in nf_tables.</summary>
    private static bool IsForSynchronize(EntryExtension match) =>
        match.Extension!.Name == "tcp" && (match.Data[10] & 2) != 0 && (match.Data[11] & 4) == 0;

    private readonly byte[] DataOf(int extension) => _blob.AsSpan(extension + XtablesLayout.ExtensionHeader, U16(extension) - XtablesLayout.ExtensionHeader).ToArray();

    private readonly LinuxError CheckExtension(XtablesEntry entry, int at, bool isTarget, out EntryExtension? made)
    {
        made = null;
        string name = NameAt(at);
        byte revision = _blob[at + 31];
        if ((isTarget ? ExtensionRegistry.FindTarget(name, revision, layout.Family) : ExtensionRegistry.FindMatch(name, revision, layout.Family)) is not { } extension)
        {
            // The search goes on in the list of all families, and only what that has counts as another revision.
            return ExtensionRegistry.BestRevision(name, NFPROTO_UNSPEC, isTarget) >= 0 ? LinuxError.EPROTOTYPE : LinuxError.ENOENT;
        }

        byte[] data = DataOf(at);
        string table = TableName(_replace);
        var place = new ExtensionPlace(table, layout.Family, entry.ComeFrom, BinaryPrimitives.ReadUInt16LittleEndian(entry.Header.AsSpan(layout.Protocol)), (entry.Header[layout.Flags + 1] & 0x40) != 0, sets, TracksConnections: true);
        LinuxError error = ExtensionChecks.Check(extension, data, isTarget, place);
        made = new EntryExtension(extension, at, data);
        return error;
    }

    /// <summary>The table's name at the beginning of every option.</summary>
    public static string TableName(ReadOnlySpan<byte> option)
    {
        ReadOnlySpan<byte> name = option[..(XtablesLayout.NameSize - 1)];
        int end = name.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? name : name[..end]);
    }
}
