using System.Runtime.InteropServices;
using EucaNet.Netfilter.Iptables.Extensions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>
/// The way of one table from what was read to what it shall be: one blob, which the kernel can be had to check before it is meant. The counters of
/// rules that stay are added up again afterwards.
/// </summary>
internal sealed class LegacyReplacement
{
    /// <summary>
    /// What a trial adds to the number of old counters, so that the kernel checks the blob and then refuses it: more than any other program adds
    /// to a table at once between two of our questions.
    /// </summary>
    private const uint Wrong = 65_521;

    private const int Attempts = 20;

    private readonly IXtablesSocket _socket;
    private readonly IptablesFamily _family;
    private readonly byte[] _blob;
    private readonly IReadOnlyList<LegacyEntry> _entries;
    private readonly IptablesCounters[] _counted;

    public LegacyReplacement(IXtablesSocket socket, IptablesFamily family, LegacyTable live, IptablesTable wanted)
    {
        _socket = socket;
        _family = family;
        Live = live;
        Wanted = wanted;
        (_blob, _entries) = LegacyTableWriter.Write(family, wanted, (uint)live.Entries.Count);
        _counted = new IptablesCounters[live.Entries.Count];
    }

    public string Table => Wanted.Name;

    public LegacyTable Live { get; }

    public IptablesTable Wanted { get; }

    /// <summary>Has the kernel check the table without taking it; gives its error, or null.</summary>
    public LinuxError? Try() => Try(_blob);

    /// <summary>Replaces the table.</summary>
    /// <exception cref="KernelException">EAGAIN: it has not the number of entries any more that were read; others: the kernel refuses it.</exception>
    public void Carry(IptablesCounterUse use)
    {
        _socket.SetOption(LegacyLayout.SetReplace, _blob, LegacyLayout.ReplaceCounters, MemoryMarshal.AsBytes(_counted.AsSpan()));
        AddCounters(use == IptablesCounterUse.FromModel ? [.. _entries.Select(entry => entry.Counters)] : LegacyCounters.Keep(Live.Entries, _counted, _entries));
    }

    /// <summary>Puts back what was there before, with what it had counted; false where <paramref name="now"/> says that somebody else has written since.</summary>
    public bool TakeBack(LegacyTable now)
    {
        if (!TableComparison.AreSame(now.Table, Wanted, counters: false))
        {
            return false;
        }

        var back = new LegacyReplacement(_socket, _family, now, Live.Table);
        _socket.SetOption(LegacyLayout.SetReplace, back._blob, LegacyLayout.ReplaceCounters, MemoryMarshal.AsBytes(back._counted.AsSpan()));
        back.AddCounters(LegacyCounters.Keep(Live.Entries, _counted, back._entries));
        return true;
    }

    /// <summary>Names the rule at fault: the last of the shortest beginning of the rules that the kernel does not take.</summary>
    public IptablesTableException Refused(LinuxError error)
    {
        int taken = 0, refused = Wanted.Chains.Sum(chain => chain.Rules.Count);
        while (refused - taken > 1)
        {
            int middle = (taken + refused) / 2;
            if (TryBeginning(middle) is null)
            {
                taken = middle;
            }
            else
            {
                refused = middle;
            }
        }

        if (TryBeginning(taken) is null)
        {
            foreach (IptablesChain chain in Wanted.Chains)
            {
                if (refused > 0 && refused <= chain.Rules.Count)
                {
                    var guilty = new RuleLabel(_family, Table, chain.Name, chain.Rules[refused - 1]);
                    return new IptablesTableException($"The kernel refuses '{guilty}' in table {Table} ({error}); no table was changed.") { Guilty = guilty, Error = error };
                }

                refused -= chain.Rules.Count;
            }
        }

        return new IptablesTableException($"The kernel refused table {Table} as a whole ({error}); no table was changed.");
    }

    private LinuxError? Try(byte[] blob)
    {
        uint right = ((ReadOnlySpan<byte>)blob).UInt32(LegacyLayout.ReplaceNumCounters), wrong = right + Wrong;
        blob.AsSpan().Put32(LegacyLayout.ReplaceNumCounters, wrong);
        try
        {
            _socket.SetOption(LegacyLayout.SetReplace, blob, LegacyLayout.ReplaceCounters, new byte[wrong * LegacyLayout.CounterSize]);
        }
        catch (KernelException exception)
        {
            return exception.Error == LinuxError.EAGAIN ? null : exception.Error;
        }
        finally
        {
            blob.AsSpan().Put32(LegacyLayout.ReplaceNumCounters, right);
        }

        throw new IptablesTableException($"Table {Table} grew by {Wrong} entries while it was tried, and was replaced; it is as it was wanted.");
    }

    /// <summary>Tries the table with its first rules only; chains stay.</summary>
    private LinuxError? TryBeginning(int count)
    {
        var chains = new List<IptablesChain>();
        foreach (IptablesChain chain in Wanted.Chains)
        {
            int kept = Math.Min(count, chain.Rules.Count);
            chains.Add(chain with { Rules = [.. chain.Rules.Take(kept)] });
            count -= kept;
        }

        return Try(LegacyTableWriter.Write(_family, Wanted with { Chains = chains }, (uint)Live.Entries.Count).Replace);
    }

    /// <summary>Where somebody else replaces the table at the same moment, the counters go to those of our entries that he kept.</summary>
    private void AddCounters(IptablesCounters[] counters)
    {
        IReadOnlyList<LegacyEntry> entries = _entries;
        for (int attempt = 1; counters.AsSpan().ContainsAnyExcept(default(IptablesCounters)) && !TryAdd(counters) && attempt < Attempts; attempt++)
        {
            if (LegacyTable.Ask(_socket, _family, Table, Attempts) is not { } now)
            {
                return;
            }

            (counters, entries) = (LegacyCounters.Keep(entries, counters, now.Entries), now.Entries);
        }
    }

    private bool TryAdd(IptablesCounters[] counters)
    {
        byte[] value = new byte[LegacyLayout.CountersTable + (counters.Length * LegacyLayout.CounterSize)];
        value.AsSpan().PutText(0, LegacyLayout.NameSize - 1, Table);
        value.AsSpan().Put32(LegacyLayout.CountersNumber, (uint)counters.Length);
        MemoryMarshal.AsBytes(counters.AsSpan()).CopyTo(value.AsSpan(LegacyLayout.CountersTable));
        try
        {
            _socket.SetOption(LegacyLayout.SetAddCounters, value);
            return true;
        }
        catch (KernelException exception) when (exception.Error is LinuxError.EINVAL or LinuxError.EAGAIN)
        {
            return false;
        }
    }
}
