namespace EucaNet.Engine.Discovery;

/// <summary>What nodes reported of instances' addresses, each for as long as its lease lasts.</summary>
internal sealed class ReportedAddresses
{
    private sealed record Entry(AddressReport Report, DateTimeOffset Since, DateTimeOffset Seen);

    private readonly SortedDictionary<string, Entry> _entries = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Takes a report.</summary>
    public void Note(AddressReport report, DateTimeOffset now)
    {
        if (report.Address.IsUnknown)
        {
            _entries.Remove(report.InstanceId);
            return;
        }

        DateTimeOffset since = _entries.TryGetValue(report.InstanceId, out Entry? before) && before.Report.Address == report.Address ? before.Since : now;
        _entries[report.InstanceId] = new Entry(report, since, now);
    }

    /// <summary>The instance has ended.</summary>
    public void Forget(string instanceId) => _entries.Remove(instanceId);

    /// <summary>The address reported last, or null when there is none whose lease still lasts.</summary>
    public Discovered? Find(string instanceId, DateTimeOffset now) =>
        _entries.TryGetValue(instanceId, out Entry? entry) && IsValid(entry, now)
            ? new Discovered(entry.Report.Address, entry.Since, entry.Seen, $"its node saw the DHCP server {entry.Report.Server} give it")
            : null;

    /// <summary>Addresses that several instances were given.</summary>
    public IReadOnlyList<string> Problems(DateTimeOffset now) =>
    [
        .. _entries.Values.Where(e => IsValid(e, now)).GroupBy(e => e.Report.Address).Where(g => g.Count() > 1)
            .Select(g => $"address {g.Key} was given to the instances {string.Join(" and ", g.Select(e => e.Report.InstanceId))}: two DHCP servers may be at work"),
    ];

    private static bool IsValid(Entry entry, DateTimeOffset now) => now <= entry.Seen + entry.Report.LeaseTime;
}
