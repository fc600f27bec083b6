using System.Net;
using System.Text;
using EucaNet.Netfilter.Iptables.Extensions;

namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>
/// Writes a table as one xtables blob: the built-in chains in hook order with their policies, then the users' chains, each behind
/// an ERROR entry that holds its name, and an ERROR entry at the end. A jump is the offset of the chain's first entry.
/// </summary>
internal sealed class LegacyTableWriter
{
    private readonly IptablesFamily _family;
    private readonly LegacyLayout _layout;
    private readonly IptablesTable _table;
    private readonly Dictionary<string, int> _chains = [];
    private readonly uint[] _hookEntry = new uint[LegacyLayout.Hooks];
    private readonly uint[] _underflow = new uint[LegacyLayout.Hooks];
    private byte[] _entries = [];
    private uint _validHooks;

    private LegacyTableWriter(IptablesFamily family, IptablesTable table)
    {
        _family = family;
        _layout = LegacyLayout.Of(family);
        _table = table.Sorted();
    }

    /// <summary>The argument of SET_REPLACE, and the rules and policies behind its entries in order (null for the others).</summary>
    /// <exception cref="IptablesParseException">A rule jumps to a chain the table does not have.</exception>
    public static (byte[] Replace, IReadOnlyList<LegacyEntry> Entries) Write(IptablesFamily family, IptablesTable table, uint counters)
    {
        var writer = new LegacyTableWriter(family, table);
        return writer.WriteAll(counters);
    }

    private (byte[] Replace, IReadOnlyList<LegacyEntry> Entries) WriteAll(uint counters)
    {
        int size = Place();
        byte[] replace = new byte[LegacyLayout.ReplaceEntries + size];
        _entries = replace;
        List<LegacyEntry> entries = WriteEntries();
        Span<byte> header = replace;
        header.PutText(0, LegacyLayout.NameSize - 1, _table.Name);
        header.Put32(LegacyLayout.ReplaceValidHooks, _validHooks);
        header.Put32(LegacyLayout.ReplaceNumEntries, (uint)entries.Count);
        header.Put32(LegacyLayout.ReplaceSize, (uint)size);
        for (int hook = 0; hook < LegacyLayout.Hooks; hook++)
        {
            header.Put32(LegacyLayout.ReplaceHookEntry + (hook * 4), _hookEntry[hook]);
            header.Put32(LegacyLayout.ReplaceUnderflow + (hook * 4), _underflow[hook]);
        }

        header.Put32(LegacyLayout.ReplaceNumCounters, counters);
        return (replace, entries);
    }

    /// <summary>Finds out where each chain begins.</summary>
    private int Place()
    {
        int offset = 0;
        foreach (IptablesChain chain in _table.Chains)
        {
            offset += chain.Policy is null ? _layout.HeaderSize + LegacyLayout.ErrorTargetSize : 0;
            _chains[chain.Name] = offset;
            if (chain.Policy is not null)
            {
                _hookEntry[Hook(chain.Name)] = (uint)offset;
            }

            offset += chain.Rules.Sum(RuleSize);
            if (chain.Policy is not null)
            {
                _underflow[Hook(chain.Name)] = (uint)offset;
                _validHooks |= 1u << (int)Hook(chain.Name);
            }

            offset += _layout.HeaderSize + LegacyLayout.StandardTargetSize;
        }

        return offset + _layout.HeaderSize + LegacyLayout.ErrorTargetSize;
    }

    private uint Hook(string chain) =>
        BuiltinTable.Of(_table.Name).Chain(chain)?.Hook
        ?? throw new ArgumentException($"Table {_table.Name} has no built-in chain '{chain}'; only built-in chains have a policy.");

    private List<LegacyEntry> WriteEntries()
    {
        var entries = new List<LegacyEntry>();
        int offset = 0;
        foreach (IptablesChain chain in _table.Chains)
        {
            if (chain.Policy is null)
            {
                offset += WriteError(offset, chain.Name);
                entries.Add(default);
            }

            foreach (IptablesRule rule in chain.Rules)
            {
                offset += WriteRule(offset, rule, chain);
                entries.Add(new LegacyEntry(chain.Name, rule, rule.Counters));
            }

            offset += WriteStandard(offset, chain.Policy is null ? LegacyLayout.Return : VerdictCode(chain.Policy.Value));
            entries.Add(chain.Policy is null ? default : new LegacyEntry(chain.Name, null, chain.Counters));
        }

        WriteError(offset, LegacyLayout.ErrorTarget);
        entries.Add(default);
        return entries;
    }

    private Span<byte> Entry(int offset, int target, int size)
    {
        Span<byte> entry = _entries.AsSpan(LegacyLayout.ReplaceEntries + offset, size);
        entry.Put16(_layout.TargetOffset, (ushort)target);
        entry.Put16(_layout.NextOffset, checked((ushort)size));
        return entry;
    }

    private int WriteError(int offset, string name)
    {
        int size = _layout.HeaderSize + LegacyLayout.ErrorTargetSize;
        Span<byte> target = Entry(offset, _layout.HeaderSize, size)[_layout.HeaderSize..];
        target.Put16(0, LegacyLayout.ErrorTargetSize);
        target.PutText(LegacyLayout.BlockName, LegacyLayout.BlockNameSize, LegacyLayout.ErrorTarget);
        target.PutText(LegacyLayout.BlockHeader, LegacyLayout.ErrorNameSize, name);
        return size;
    }

    private int WriteStandard(int offset, int verdict)
    {
        int size = _layout.HeaderSize + LegacyLayout.StandardTargetSize;
        Verdict(Entry(offset, _layout.HeaderSize, size)[_layout.HeaderSize..], verdict);
        return size;
    }

    private static void Verdict(Span<byte> target, int verdict)
    {
        target.Put16(0, LegacyLayout.StandardTargetSize);
        target.Put32(LegacyLayout.BlockHeader, (uint)verdict);
    }

    private int WriteRule(int offset, IptablesRule rule, IptablesChain chain)
    {
        int size = RuleSize(rule);
        int place = _layout.HeaderSize;
        int targetOffset = size - TargetSize(rule.Target);
        Span<byte> entry = Entry(offset, targetOffset, size);
        WriteHeader(entry, rule);
        foreach (IptablesMatch match in rule.Matches)
        {
            WriteBlock(entry[place..], match.Name, match.Revision, match.Info.Span);
            place += LegacyLayout.BlockHeader + XtInfo.Align(match.Info.Length);
        }

        Span<byte> target = entry[targetOffset..];
        switch (rule.Target)
        {
            case null:
                Verdict(target, offset + size);
                break;
            case VerdictTarget verdict:
                Verdict(target, VerdictCode(verdict.Verdict));
                break;
            case ChainTarget jump:
                Verdict(target, _chains.TryGetValue(jump.Name, out int start)
                    ? start
                    : throw new IptablesParseException($"chain {chain.Name} of table {_table.Name} jumps to '{jump.Name}', which is neither a chain nor a known target", 0, 1, jump.Name, null));
                entry[_layout.Flags] |= jump.Goto ? _layout.GotoFlag : (byte)0;
                break;
            case ExtensionTarget extension:
                WriteBlock(target, extension.Name, extension.Revision, TargetInfo(extension));
                break;
        }

        return size;
    }

    private void WriteHeader(Span<byte> entry, IptablesRule rule)
    {
        byte inverted = 0;
        WriteNetwork(entry, 0, rule.Source, LegacyLayout.InvertSource, ref inverted);
        WriteNetwork(entry, _layout.AddressSize, rule.Destination, LegacyLayout.InvertDestination, ref inverted);
        WriteInterface(entry, _layout.Input, _layout.InputMask, rule.Input, LegacyLayout.InvertInput, ref inverted);
        WriteInterface(entry, _layout.Output, _layout.OutputMask, rule.Output, LegacyLayout.InvertOutput, ref inverted);
        if (rule.Protocol is { } protocol)
        {
            entry.Put16(_layout.Protocol, protocol.Number);
            entry[_layout.Flags] |= _layout.IsIp ? (byte)0 : (byte)1;
            inverted |= protocol.Negated ? LegacyLayout.InvertProtocol : (byte)0;
        }

        if (rule.Fragment is { } fragment)
        {
            entry[_layout.Flags] |= 1;
            inverted |= fragment ? (byte)0 : LegacyLayout.InvertFragment;
        }

        entry[_layout.InvertFlags] = inverted;
        entry.Put64(_layout.Counters, rule.Counters.Packets);
        entry.Put64(_layout.Counters + 8, rule.Counters.Bytes);
    }

    private void WriteNetwork(Span<byte> entry, int offset, NetworkMatch? network, byte bit, ref byte inverted)
    {
        if (network is not null)
        {
            entry.PutAddress(offset, network.Address);
            entry.PutAddress(offset + (_layout.AddressSize * 2), network.Mask);
            inverted |= network.Negated ? bit : (byte)0;
        }
    }

    private static void WriteInterface(Span<byte> entry, int offset, int maskOffset, InterfaceMatch? match, byte bit, ref byte inverted)
    {
        if (match is not null)
        {
            entry.PutText(offset, 16, match.Name);
            int length = Encoding.UTF8.GetByteCount(match.Name);
            entry.Slice(maskOffset, match.Name[^1] == '+' ? length - 1 : length + 1).Fill(0xff);
            inverted |= match.Negated ? bit : (byte)0;
        }
    }

    private static void WriteBlock(Span<byte> place, string name, byte revision, ReadOnlySpan<byte> info)
    {
        place.Put16(0, (ushort)(LegacyLayout.BlockHeader + XtInfo.Align(info.Length)));
        place.PutText(LegacyLayout.BlockName, LegacyLayout.BlockNameSize, name);
        place[LegacyLayout.BlockRevision] = revision;
        info.CopyTo(place[LegacyLayout.BlockHeader..]);
    }

    private int RuleSize(IptablesRule rule) =>
        _layout.HeaderSize + rule.Matches.Sum(match => LegacyLayout.BlockHeader + XtInfo.Align(match.Info.Length)) + TargetSize(rule.Target);

    private int TargetSize(IptablesTarget? target) =>
        target is ExtensionTarget extension ? LegacyLayout.BlockHeader + XtInfo.Align(TargetInfo(extension).Length) : LegacyLayout.StandardTargetSize;

    /// <summary>The block as the legacy interface has it, where that is shorter; a text cut there ends in NUL.</summary>
    private ReadOnlySpan<byte> TargetInfo(ExtensionTarget target)
    {
        XtExtension? extension = XtRegistry.FindByKernelName(true, target.Name, target.Revision, _family);
        if (extension is null || extension.LegacySize == extension.Size || target.Info.Length <= extension.LegacySize)
        {
            return target.Info.Span;
        }

        byte[] cut = new byte[XtInfo.Align(extension.LegacySize)];
        target.Info.Span[..(extension.LegacySize - 1)].CopyTo(cut);
        return cut;
    }

    private static int VerdictCode(IptablesVerdict verdict) => verdict switch
    {
        IptablesVerdict.Accept => LegacyLayout.Accept,
        IptablesVerdict.Drop => LegacyLayout.Drop,
        IptablesVerdict.Queue => LegacyLayout.Queue,
        _ => LegacyLayout.Return,
    };
}

/// <summary>What stands behind an entry of the blob: a rule, a policy (no rule), or neither (no chain).</summary>
internal readonly record struct LegacyEntry(string? Chain, IptablesRule? Rule, IptablesCounters Counters);
