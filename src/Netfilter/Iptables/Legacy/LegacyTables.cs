using System.Net.Sockets;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Iptables.Legacy;

/// <summary>
/// Live tables through the socket options of ip_tables and ip6_tables. A replacement names how many counters the old table has, and the
/// kernel answers EAGAIN where that number is no longer right; since that alone misses an exchange of rules, the entries are read once more
/// right before.
/// </summary>
internal sealed class LegacyTables : IIptablesBackend
{
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(5);

    private readonly IptablesFamily _family;
    private readonly TimeProvider _time;
    private readonly IptablesTablesOptions _options;
    private readonly IXtablesSocket _socket;
    private readonly LegacyRevisions _revisions;

    public LegacyTables(IKernel kernel, IptablesFamily family, IptablesTablesOptions options)
    {
        _family = family;
        _time = kernel.Time;
        _options = options;
        _socket = kernel.OpenXtables(family == IptablesFamily.Ip ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6);
        _revisions = new LegacyRevisions(_socket, LegacyLayout.Of(family));
    }

    public void Dispose() => _socket.Dispose();

    public IptablesRuleSet Read(IReadOnlyList<string>? tables)
    {
        using IDisposable? held = TakeLock();
        return RuleSet(ReadAll(tables).Select(live => live.Table));
    }

    public void Change(Func<IptablesRuleSet, IptablesRuleSet> plan, IReadOnlyList<string>? tables, IptablesCounterUse counters, bool force, bool test)
    {
        using IDisposable? held = TakeLock();
        var done = new List<LegacyReplacement>();
        try
        {
            for (int attempt = 1; !TryChange(plan, tables, counters, test, done); attempt++)
            {
                if (attempt >= _options.Attempts)
                {
                    throw new IptablesTableException($"The legacy tables changed {attempt} times while a change was planned; nothing was written. Try again, or stop the program that writes them.");
                }
            }
        }
        catch (Exception) when (done.Count > 0)
        {
            TakeBack(done);
            throw;
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

    private IptablesRuleSet RuleSet(IEnumerable<IptablesTable> tables) => new() { Family = _family, Names = _options.Names, Tables = [.. tables] };

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

    private List<LegacyTable> ReadAll(IReadOnlyList<string>? tables)
    {
        var read = new List<LegacyTable>();
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

    private LegacyTable? ReadOne(string table) => LegacyTable.Ask(_socket, _family, table, _options.Attempts);

    /// <summary>
    /// Plans and writes; false where somebody else wrote meanwhile. Tables replaced before that are <paramref name="done"/> and stay: they are planned from what they
    /// were, so that what others wrote into them since is not lost.
    /// </summary>
    private bool TryChange(Func<IptablesRuleSet, IptablesRuleSet> plan, IReadOnlyList<string>? tables, IptablesCounterUse counters, bool test, List<LegacyReplacement> done)
    {
        List<LegacyTable> present = ReadAll(tables);
        IptablesRuleSet wanted = plan(RuleSet(present.Select(live => (done.Find(one => one.Table == live.Table.Name)?.Live ?? live).Table)));
        var work = new List<LegacyReplacement>();
        foreach (IptablesTable table in wanted.Tables)
        {
            if (done.Find(one => one.Table == table.Name) is { } replaced)
            {
                if (TableComparison.AreSame(replaced.Wanted, table, counters: false))
                {
                    continue;
                }

                TakeBack(done);
                return false;
            }

            TableValidation.Check(table);
            _revisions.Check(table);
            LegacyTable live = present.Find(one => one.Table.Name == table.Name)
                ?? ReadOne(table.Name)
                ?? throw new IptablesTableException($"The kernel has no legacy table '{table.Name}' ({(_family == IptablesFamily.Ip ? "iptable" : "ip6table")}_{table.Name} is missing).");
            if (!TableComparison.AreSame(live.Table, table, counters == IptablesCounterUse.FromModel))
            {
                work.Add(new LegacyReplacement(_socket, _family, live, table));
            }
        }

        // What the kernel would refuse is found before the first table is touched; the first itself is refused without a trial.
        foreach (LegacyReplacement replacement in test ? work : work.Skip(done.Count == 0 ? 1 : 0))
        {
            if (replacement.Try() is { } error)
            {
                throw replacement.Refused(error);
            }
        }

        return test || Carry(work, counters, done);
    }

    private bool Carry(List<LegacyReplacement> work, IptablesCounterUse counters, List<LegacyReplacement> done)
    {
        foreach (LegacyReplacement replacement in work)
        {
            if (ReadOne(replacement.Table) is not { } now || !now.IsSame(replacement.Live))
            {
                return false;
            }

            try
            {
                replacement.Carry(counters);
                done.Add(replacement);
            }
            catch (KernelException exception) when (exception.Error == LinuxError.EAGAIN)
            {
                return false;
            }
            catch (KernelException exception)
            {
                throw replacement.Refused(exception.Error);
            }
        }

        return true;
    }

    /// <summary>Puts back the tables that were replaced already.</summary>
    /// <exception cref="IptablesTableException">Somebody else has written into one of them since.</exception>
    private void TakeBack(List<LegacyReplacement> done)
    {
        string[] kept = [.. Enumerable.Reverse(done).Where(one => ReadOne(one.Table) is not { } now || !one.TakeBack(now)).Select(one => one.Table)];
        done.Clear();
        if (kept.Length > 0)
        {
            throw new IptablesTableException(
                $"The change was given up after table {string.Join(" and ", kept)} had been replaced, and another program has written there since: it holds the new rules and theirs. Look at it with 'iptables-save'.");
        }
    }
}
