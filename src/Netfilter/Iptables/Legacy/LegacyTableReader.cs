using System.Net;
using EucaNet.Netfilter.Iptables.Extensions;

namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>Reads the xtables blob of a table (GET_INFO and GET_ENTRIES, or SET_REPLACE) back into the model.</summary>
internal sealed class LegacyTableReader
{
    private readonly IptablesFamily _family;
    private readonly LegacyLayout _layout;
    private readonly string _table;
    private readonly ReadOnlyMemory<byte> _blob;
    private readonly Dictionary<int, string> _starts = [];
    private readonly List<LegacyEntry> _list = [];

    private LegacyTableReader(IptablesFamily family, string table, ReadOnlyMemory<byte> blob)
    {
        _family = family;
        _layout = LegacyLayout.Of(family);
        _table = table;
        _blob = blob;
    }

    /// <summary>Reads the entries, given where each hook begins and where its policy stands.</summary>
    /// <exception cref="InvalidDataException">The offsets do not fit together.</exception>
    public static IptablesTable Read(
        IptablesFamily family, string table, uint validHooks, ReadOnlySpan<uint> hookEntry, ReadOnlySpan<uint> underflow, ReadOnlyMemory<byte> entries, out IReadOnlyList<LegacyEntry> list)
    {
        var reader = new LegacyTableReader(family, table, entries);
        list = reader._list;
        return reader.ReadAll(validHooks, hookEntry, underflow);
    }

    /// <summary>Reads the argument of SET_REPLACE.</summary>
    public static IptablesTable ReadReplace(IptablesFamily family, ReadOnlyMemory<byte> replace)
    {
        ReadOnlySpan<byte> header = replace.Span;
        return Read(
            family,
            header.Text(0, LegacyLayout.NameSize),
            header.UInt32(LegacyLayout.ReplaceValidHooks),
            Hooks(header, LegacyLayout.ReplaceHookEntry),
            Hooks(header, LegacyLayout.ReplaceUnderflow),
            replace[LegacyLayout.ReplaceEntries..],
            out _);
    }

    /// <summary>The five offsets of a header.</summary>
    public static uint[] Hooks(ReadOnlySpan<byte> header, int offset)
    {
        uint[] hooks = new uint[LegacyLayout.Hooks];
        for (int hook = 0; hook < hooks.Length; hook++)
        {
            hooks[hook] = header.UInt32(offset + (hook * 4));
        }

        return hooks;
    }

    private IptablesTable ReadAll(uint validHooks, ReadOnlySpan<uint> hookEntry, ReadOnlySpan<uint> underflow)
    {
        var builtin = new Dictionary<int, string>();
        var policies = new HashSet<int>();
        for (int hook = 0; hook < LegacyLayout.Hooks; hook++)
        {
            if ((validHooks & (1u << hook)) != 0)
            {
                BuiltinChain chain = BuiltinTable.Of(_table).Chains.FirstOrDefault(candidate => candidate.Hook == hook)
                    ?? throw new InvalidDataException($"Table {_table} has a hook {hook} that iptables does not know.");
                builtin[(int)hookEntry[hook]] = chain.Name;
                policies.Add((int)underflow[hook]);
            }
        }

        List<(int Offset, int Size)> entries = Walk();
        foreach ((int offset, int size) in entries)
        {
            if (ErrorName(offset) is { } name && name != LegacyLayout.ErrorTarget)
            {
                _starts[offset + size] = name;
            }
        }

        var chains = new List<IptablesChain>();
        var rules = new List<IptablesRule>();
        string? current = null;
        for (int index = 0; index < entries.Count; index++)
        {
            (int offset, int size) = entries[index];
            if (builtin.TryGetValue(offset, out string? hooked) || _starts.TryGetValue(offset, out hooked))
            {
                current = hooked;
                rules = [];
            }

            if (current is null || ErrorName(offset) is not null)
            {
                _list.Add(default);
                continue;
            }

            if (policies.Contains(offset))
            {
                chains.Add(new IptablesChain { Name = current, Policy = Policy(offset), Counters = Counters(offset), Rules = rules });
                _list.Add(new LegacyEntry(current, null, Counters(offset)));
                current = null;
            }
            else if (IsChainEnd(entries, index))
            {
                chains.Add(new IptablesChain { Name = current, Rules = rules });
                _list.Add(default);
                current = null;
            }
            else
            {
                IptablesRule rule = ReadRule(offset, size);
                rules.Add(rule);
                _list.Add(new LegacyEntry(current, rule, rule.Counters));
            }
        }

        return new IptablesTable { Name = _table, Chains = chains }.Sorted();
    }

    private List<(int Offset, int Size)> Walk()
    {
        var entries = new List<(int, int)>();
        int offset = 0;
        while (offset + _layout.HeaderSize + LegacyLayout.BlockHeader <= _blob.Length)
        {
            int size = _blob.Span[offset..].UInt16(_layout.NextOffset);
            int target = _blob.Span[offset..].UInt16(_layout.TargetOffset);
            if (size < _layout.HeaderSize + LegacyLayout.BlockHeader || offset + size > _blob.Length || target < _layout.HeaderSize || target + LegacyLayout.BlockHeader > size)
            {
                throw new InvalidDataException($"Table {_table}: the entry at {offset} has sizes that do not fit ({target}, {size}).");
            }

            entries.Add((offset, size));
            offset += size;
        }

        return entries;
    }

    /// <summary>A user's chain ends with the last entry before the next chain's name, or before the end.</summary>
    private bool IsChainEnd(List<(int Offset, int Size)> entries, int index) =>
        index + 1 >= entries.Count || ErrorName(entries[index + 1].Offset) is not null;

    private ReadOnlySpan<byte> Target(int offset)
    {
        ReadOnlySpan<byte> entry = _blob.Span[offset..];
        return entry[entry.UInt16(_layout.TargetOffset)..];
    }

    private string? ErrorName(int offset)
    {
        ReadOnlySpan<byte> target = Target(offset);
        return target[LegacyLayout.BlockName..].StartsWith("ERROR\0"u8) && target.UInt16(0) == LegacyLayout.ErrorTargetSize
            ? target.Text(LegacyLayout.BlockHeader, LegacyLayout.ErrorNameSize)
            : null;
    }

    private IptablesVerdict Policy(int offset) => VerdictOf((int)Target(offset).UInt32(LegacyLayout.BlockHeader));

    private static IptablesVerdict VerdictOf(int verdict) => verdict switch
    {
        LegacyLayout.Accept => IptablesVerdict.Accept,
        LegacyLayout.Drop => IptablesVerdict.Drop,
        LegacyLayout.Queue => IptablesVerdict.Queue,
        _ => IptablesVerdict.Return,
    };

    private IptablesCounters Counters(int offset)
    {
        ReadOnlySpan<byte> entry = _blob.Span[offset..];
        return new IptablesCounters(entry.UInt64(_layout.Counters), entry.UInt64(_layout.Counters + 8));
    }

    private IptablesRule ReadRule(int offset, int size)
    {
        ReadOnlySpan<byte> entry = _blob.Span.Slice(offset, size);
        byte flags = entry[_layout.Flags], inverted = entry[_layout.InvertFlags];
        ushort protocol = entry.UInt16(_layout.Protocol);
        return new IptablesRule
        {
            Source = ReadNetwork(entry, 0, (inverted & LegacyLayout.InvertSource) != 0),
            Destination = ReadNetwork(entry, _layout.AddressSize, (inverted & LegacyLayout.InvertDestination) != 0),
            Input = ReadInterface(entry, _layout.Input, _layout.InputMask, (inverted & LegacyLayout.InvertInput) != 0),
            Output = ReadInterface(entry, _layout.Output, _layout.OutputMask, (inverted & LegacyLayout.InvertOutput) != 0),
            Protocol = protocol != 0 || (!_layout.IsIp && (flags & 1) != 0)
                ? new ProtocolMatch((byte)protocol, (inverted & LegacyLayout.InvertProtocol) != 0)
                : null,
            Fragment = _layout.IsIp && (flags & 1) != 0 ? (inverted & LegacyLayout.InvertFragment) == 0 : null,
            Matches = ReadMatches(offset, entry.UInt16(_layout.TargetOffset)),
            Target = ReadTarget(offset, size, (flags & _layout.GotoFlag) != 0),
            Counters = Counters(offset),
        };
    }

    private NetworkMatch? ReadNetwork(ReadOnlySpan<byte> entry, int offset, bool negated)
    {
        IPAddress address = entry.Address(offset, _family), mask = entry.Address(offset + (_layout.AddressSize * 2), _family);
        return !negated && Names.Addresses.IsZero(address) && Names.Addresses.IsZero(mask) ? null : new NetworkMatch(address, mask, negated);
    }

    private static InterfaceMatch? ReadInterface(ReadOnlySpan<byte> entry, int offset, int maskOffset, bool negated)
    {
        string name = entry.Text(offset, 16);
        int length = entry.Slice(maskOffset, 16).IndexOf((byte)0);
        if (name.Length == 0)
        {
            return null;
        }

        // A name that is compared without its NUL is a beginning, with or without the '+' that iptables leaves behind it.
        return new InterfaceMatch(length >= 0 && length < name.Length + 1 && name[^1] != '+' ? name[..Math.Min(length, name.Length)] + '+' : name, negated);
    }

    private List<IptablesMatch> ReadMatches(int offset, int end)
    {
        var matches = new List<IptablesMatch>();
        int place = _layout.HeaderSize;
        while (place + LegacyLayout.BlockHeader <= end)
        {
            ReadOnlySpan<byte> match = _blob.Span[(offset + place)..(offset + end)];
            int size = match.UInt16(0);
            if (size < LegacyLayout.BlockHeader || place + size > end)
            {
                throw new InvalidDataException($"Table {_table}: a match at {offset + place} has a size that does not fit ({size}).");
            }

            matches.Add(new IptablesMatch(
                match.Text(LegacyLayout.BlockName, LegacyLayout.BlockNameSize),
                match[LegacyLayout.BlockRevision],
                match[LegacyLayout.BlockHeader..size].ToArray()));
            place += size;
        }

        return matches;
    }

    private IptablesTarget? ReadTarget(int offset, int size, bool isGoto)
    {
        ReadOnlySpan<byte> target = Target(offset);
        string name = target.Text(LegacyLayout.BlockName, LegacyLayout.BlockNameSize);
        byte revision = target[LegacyLayout.BlockRevision];
        if (name.Length == 0 || name == "standard")
        {
            int verdict = (int)target.UInt32(LegacyLayout.BlockHeader);
            return verdict == offset + size ? null
                : verdict < 0 ? new VerdictTarget(VerdictOf(verdict))
                : new ChainTarget(_starts.TryGetValue(verdict, out string? chain)
                    ? chain
                    : throw new InvalidDataException($"Table {_table}: a rule jumps to {verdict}, where no chain begins."), isGoto);
        }

        ReadOnlySpan<byte> info = target[LegacyLayout.BlockHeader..target.UInt16(0)];
        XtExtension? extension = XtRegistry.FindByKernelName(true, name, revision, _family);
        byte[] block = new byte[extension is not null && extension.LegacySize != extension.Size ? XtInfo.Align(extension.Size) : info.Length];
        info[..Math.Min(info.Length, block.Length)].CopyTo(block);
        return new ExtensionTarget(name, revision, block);
    }
}
