using System.Net.Sockets;
using System.Runtime.InteropServices;
using EucaNet.Netfilter.Iptables.Extensions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>
/// Live tables through the socket options of ip_tables and ip6_tables. A replacement names how many counters the old table has, and the
/// kernel answers EAGAIN where that number is no longer right; since that alone misses an exchange of rules, the entries are read once more
/// right before. The counters of rules that stay are added up again after the replacement.
/// </summary>
internal sealed class LegacyTables : IIptablesBackend
{
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(5);

    private readonly IptablesFamily _family;
    private readonly TimeProvider _time;
    private readonly IptablesTablesOptions _options;
    private readonly IXtablesSocket _socket;
    private readonly LegacyLayout _layout;
    private readonly Dictionary<(bool Target, string Name), int> _revisions = [];

    public LegacyTables(IKernel kernel, IptablesFamily family, IptablesTablesOptions options)
    {
        _family = family;
        _time = kernel.Time;
        _options = options;
        _layout = LegacyLayout.Of(family);
        _socket = kernel.OpenXtables(family == IptablesFamily.Ip ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6);
    }

    public void Dispose() => _socket.Dispose();

    public IptablesRuleSet Read(IReadOnlyList<string>? tables)
    {
        using IDisposable? held = TakeLock();
        return new IptablesRuleSet { Family = _family, Names = _options.Names, Tables = [.. ReadAll(tables).Select(live => live.Table)] };
    }

    public void Change(Func<IptablesRuleSet, IptablesRuleSet> plan, IReadOnlyList<string>? tables, IptablesCounterUse counters, bool force, bool test)
    {
        for (int attempt = 1; ; attempt++)
        {
            using IDisposable? held = TakeLock();
            IReadOnlyList<Live> present = ReadAll(tables);
            IptablesRuleSet wanted = plan(new IptablesRuleSet { Family = _family, Names = _options.Names, Tables = [.. present.Select(live => live.Table)] });
            if (TryWrite(present, wanted, counters, test))
            {
                return;
            }

            if (attempt >= _options.Attempts)
            {
                throw new IptablesTableException($"The legacy tables changed {attempt} times while a change was planned; nothing was written. Try again, or stop the program that writes them.");
            }
        }
    }

    public void ChangeChains(IReadOnlyList<IptablesChainChange> changes) =>
        Change(
            present => changes.GroupBy(change => change.Table).Aggregate(
                present,
                (ruleSet, group) => ruleSet.With(group.Aggregate(ruleSet[group.Key] ?? IptablesTable.Empty(group.Key), ChainChanges.Apply))),
            [.. changes.Select(change => change.Table).Distinct()],
            IptablesCounterUse.Keep,
            force: false,
            test: false);

    /// <summary>Asks for a table's sizes; false where there is none. The kernel makes a table it knows when it is asked for the first time.</summary>
    public static bool TryGetInfo(IXtablesSocket socket, string table, Span<byte> info)
    {
        info.PutText(0, LegacyLayout.NameSize - 1, table);
        try
        {
            socket.GetOption(LegacyLayout.GetInfo, info);
            return true;
        }
        catch (KernelException exception) when (exception.Error is LinuxError.ENOENT or LinuxError.ENOPROTOOPT)
        {
            return false;
        }
    }

    private FileStream? TakeLock()
    {
        if (_options.LockFile is not { } path)
        {
            return null;
        }

        // .NET takes flock(2) for a file it does not share: the lock iptables-legacy takes on the same file.
        long since = _time.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException exception)
            {
                if (_time.GetElapsedTime(since) > LockPatience)
                {
                    throw new IptablesTableException($"Another program holds {path} for longer than {LockPatience.TotalSeconds:0} s; nothing was read or written.", exception);
                }

                Task.Delay(TimeSpan.FromMilliseconds(10), _time).GetAwaiter().GetResult();
            }
        }
    }

    private List<Live> ReadAll(IReadOnlyList<string>? tables)
    {
        var read = new List<Live>();
        foreach (string name in tables ?? _options.LegacyTableNames?.Invoke(_family) ?? [.. BuiltinTable.All.Select(table => table.Name)])
        {
            BuiltinTable.Of(name);
            if (ReadOne(name) is { } live)
            {
                read.Add(live);
            }
        }

        return read;
    }

    private Live? ReadOne(string table)
    {
        for (int attempt = 1; ; attempt++)
        {
            byte[] info = new byte[LegacyLayout.InfoLength];
            if (!TryGetInfo(_socket, table, info))
            {
                return null;
            }

            byte[] entries = new byte[LegacyLayout.GetEntriesTable + ((ReadOnlySpan<byte>)info).UInt32(LegacyLayout.InfoSize)];
            entries.AsSpan().PutText(0, LegacyLayout.NameSize - 1, table);
            entries.AsSpan().Put32(LegacyLayout.GetEntriesSize, (uint)(entries.Length - LegacyLayout.GetEntriesTable));
            try
            {
                _socket.GetOption(LegacyLayout.GetEntries, entries);
                return new Live(LegacyTable.Read(_family, info, entries), info, entries);
            }
            catch (KernelException exception) when (exception.Error is LinuxError.EAGAIN or LinuxError.EINVAL && attempt < _options.Attempts)
            {
                // The table changed its size between the two questions.
            }
        }
    }

    /// <summary>False where somebody else wrote meanwhile.</summary>
    private bool TryWrite(IReadOnlyList<Live> present, IptablesRuleSet wanted, IptablesCounterUse counters, bool test)
    {
        var work = new List<(Live Live, IptablesTable Wanted)>();
        foreach (IptablesTable table in wanted.Tables)
        {
            TableValidation.Check(table);
            CheckRevisions(table);
            Live live = present.FirstOrDefault(one => one.Table.Name == table.Name)
                ?? ReadOne(table.Name)
                ?? throw new IptablesTableException($"The kernel has no legacy table '{table.Name}' ({(_family == IptablesFamily.Ip ? "iptable" : "ip6table")}_{table.Name} is missing).");
            if (!TableComparison.AreSame(live.Table, table, counters == IptablesCounterUse.FromModel))
            {
                work.Add((live, table));
            }
        }

        // Several tables: what the kernel would refuse is found before the first of them is touched.
        if (test || work.Count > 1)
        {
            foreach ((Live live, IptablesTable table) in work)
            {
                if (Try(live, table) is { } error)
                {
                    throw Refused(live, table, error);
                }
            }
        }

        if (test)
        {
            return true;
        }

        var done = new List<Live>();
        foreach ((Live live, IptablesTable table) in work)
        {
            if (!IsStill(live))
            {
                PutBack(done);
                return false;
            }

            try
            {
                Replace(live, table, counters);
                done.Add(live);
            }
            catch (KernelException exception) when (exception.Error == LinuxError.EAGAIN)
            {
                PutBack(done);
                return false;
            }
            catch (KernelException exception)
            {
                PutBack(done);
                throw Refused(live, table, exception.Error);
            }
        }

        return true;
    }

    /// <summary>
    /// Has the kernel check a table without taking it, and gives its error, or null: it looks at the whole blob before it compares the number
    /// of old counters, and that number is given wrong.
    /// </summary>
    private LinuxError? Try(Live live, IptablesTable table)
    {
        uint wrong = live.NumberOfEntries + 1;
        (byte[] replace, _) = LegacyTableWriter.Write(_family, table, wrong);
        try
        {
            _socket.SetOption(LegacyLayout.SetReplace, replace, LegacyLayout.ReplaceCounters, new byte[wrong * LegacyLayout.CounterSize]);
        }
        catch (KernelException exception)
        {
            return exception.Error == LinuxError.EAGAIN ? null : exception.Error;
        }

        throw new IptablesTableException($"Table {table.Name} grew by one entry while it was tried, and was replaced; it is as it was wanted.");
    }

    /// <summary>Names the rule at fault: the last of the shortest beginning of the rules that the kernel does not take.</summary>
    private IptablesTableException Refused(Live live, IptablesTable table, LinuxError error)
    {
        int taken = 0, refused = table.Chains.Sum(chain => chain.Rules.Count);
        while (refused - taken > 1)
        {
            int middle = (taken + refused) / 2;
            if (Try(live, Beginning(table, middle)) is null)
            {
                taken = middle;
            }
            else
            {
                refused = middle;
            }
        }

        if (Try(live, Beginning(table, taken)) is null)
        {
            foreach (IptablesChain chain in table.Chains)
            {
                if (refused > 0 && refused <= chain.Rules.Count)
                {
                    var guilty = new RuleLabel(_family, table.Name, chain.Name, chain.Rules[refused - 1]);
                    return new IptablesTableException($"The kernel refuses '{guilty}' in table {table.Name} ({error}); no table was changed.") { Guilty = guilty, Error = error };
                }

                refused -= chain.Rules.Count;
            }
        }

        return new IptablesTableException($"The kernel refused table {table.Name} as a whole ({error}); no table was changed.");
    }

    /// <summary>The table with its first rules only; chains stay.</summary>
    private static IptablesTable Beginning(IptablesTable table, int count)
    {
        var chains = new List<IptablesChain>();
        foreach (IptablesChain chain in table.Chains)
        {
            int kept = Math.Min(count, chain.Rules.Count);
            chains.Add(chain with { Rules = [.. chain.Rules.Take(kept)] });
            count -= kept;
        }

        return table with { Chains = chains };
    }

    private void PutBack(List<Live> done)
    {
        foreach (Live live in Enumerable.Reverse(done))
        {
            Live now = ReadOne(live.Table.Name) ?? throw new IptablesTableException($"Table {live.Table.Name} is gone.");
            Replace(now, live.Table, IptablesCounterUse.FromModel);
        }
    }

    /// <summary>Whether the table's entries are what they were, counters left out.</summary>
    private bool IsStill(Live live)
    {
        Live? now = ReadOne(live.Table.Name);
        return now is not null && TableComparison.AreSame(now.Table, live.Table, counters: false);
    }

    private void Replace(Live live, IptablesTable table, IptablesCounterUse use)
    {
        uint old = live.NumberOfEntries;
        (byte[] replace, IReadOnlyList<LegacyEntry> entries) = LegacyTableWriter.Write(_family, table, old);
        ulong[] counted = new ulong[(int)old * 2];
        _socket.SetOption(LegacyLayout.SetReplace, replace, LegacyLayout.ReplaceCounters, MemoryMarshal.AsBytes(counted.AsSpan()));
        AddCounters(table.Name, CountersAfter(live, entries, counted, use));
    }

    /// <summary>What each new entry is to begin with: a rule that stayed, what it had counted until it was replaced; a new one, what the model says.</summary>
    private IptablesCounters[] CountersAfter(Live live, IReadOnlyList<LegacyEntry> entries, ulong[] counted, IptablesCounterUse use)
    {
        if (use == IptablesCounterUse.FromModel)
        {
            return [.. entries.Select(entry => entry.Counters)];
        }

        (_, IReadOnlyList<LegacyEntry> before) = LegacyTableWriter.Write(_family, live.Table, 0);
        var kept = new Dictionary<(string Chain, IptablesRule Rule), Queue<IptablesCounters>>();
        for (int index = 0; index < before.Count && (index * 2) + 1 < counted.Length; index++)
        {
            if (KeyOf(before[index]) is { } key)
            {
                if (!kept.TryGetValue(key, out Queue<IptablesCounters>? queue))
                {
                    kept[key] = queue = new Queue<IptablesCounters>();
                }

                queue.Enqueue(new IptablesCounters(counted[index * 2], counted[(index * 2) + 1]));
            }
        }

        return [.. entries.Select(entry => KeyOf(entry) is { } key && kept.TryGetValue(key, out Queue<IptablesCounters>? queue) && queue.TryDequeue(out IptablesCounters counters) ? counters : default)];
    }

    /// <summary>What makes an entry the same as one of the old table: its chain and rule; for a policy, the chain.</summary>
    private static (string Chain, IptablesRule Rule)? KeyOf(LegacyEntry entry) => entry.Chain is null ? null : (entry.Chain, entry.Rule ?? Policy);

    /// <summary>Stands for a policy among the rules.</summary>
    private static readonly IptablesRule Policy = new() { Target = new ChainTarget("-policy-") };

    private void AddCounters(string table, IptablesCounters[] counters)
    {
        if (counters.All(counter => counter == default))
        {
            return;
        }

        byte[] value = new byte[LegacyLayout.CountersTable + (counters.Length * LegacyLayout.CounterSize)];
        value.AsSpan().PutText(0, LegacyLayout.NameSize - 1, table);
        value.AsSpan().Put32(LegacyLayout.CountersNumber, (uint)counters.Length);
        for (int index = 0; index < counters.Length; index++)
        {
            value.AsSpan().Put64(LegacyLayout.CountersTable + (index * LegacyLayout.CounterSize), counters[index].Packets);
            value.AsSpan().Put64(LegacyLayout.CountersTable + (index * LegacyLayout.CounterSize) + 8, counters[index].Bytes);
        }

        try
        {
            _socket.SetOption(LegacyLayout.SetAddCounters, value);
        }
        catch (KernelException exception) when (exception.Error is LinuxError.EINVAL or LinuxError.EAGAIN)
        {
            // Somebody replaced the table again; the counters were of entries that are gone.
        }
    }

    /// <summary>Has the kernel say whether it knows what the rules use, so that a refusal has a name.</summary>
    private void CheckRevisions(IptablesTable table)
    {
        foreach (IptablesRule rule in table.Chains.SelectMany(chain => chain.Rules))
        {
            foreach (IptablesMatch match in rule.Matches)
            {
                CheckRevision(false, match.Name, match.Revision);
            }

            if (rule.Target is ExtensionTarget target)
            {
                CheckRevision(true, target.Name, target.Revision);
            }
        }
    }

    private void CheckRevision(bool target, string name, byte revision)
    {
        if (revision == 0 || (_revisions.TryGetValue((target, name), out int known) && known >= revision))
        {
            return;
        }

        byte[] value = new byte[LegacyLayout.RevisionLength];
        value.AsSpan().PutText(0, LegacyLayout.RevisionNameSize, name);
        value[LegacyLayout.RevisionField] = revision;
        try
        {
            _socket.GetOption(target ? _layout.GetRevisionTarget : _layout.GetRevisionMatch, value);
            _revisions[(target, name)] = revision;
        }
        catch (KernelException exception) when (exception.Error is LinuxError.EPROTONOSUPPORT or LinuxError.ENOENT)
        {
            throw new IptablesTableException(
                $"The kernel does not know revision {revision} of the {(target ? "target" : "match")} '{name}' ({exception.Error}): its module is missing or older. Nothing was changed.", exception);
        }
    }

    /// <summary>A table as it was read.</summary>
    private sealed record Live(IptablesTable Table, byte[] Info, byte[] Entries)
    {
        public uint NumberOfEntries => LegacyTable.NumberOfEntries(Info);
    }
}
