using EucaNet.Engine.Modes;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// One table of ours in nf_tables. A change is a batch of the few elements it concerns; only when a combination of lengths comes into use
/// or falls out of it are the rules of the chains <c>rules</c> and <c>rules_public</c> written anew, in the same batch.
/// </summary>
internal sealed class NftablesBackend(EngineContext context, FirewallContent content, Func<FirewallTable> table, Func<IptablesPreload?>? preload = null) : IFirewallBackend
{
    private readonly NftablesBatch _batch = new();
    private bool _started;
    private NftablesConnection? _connection;

    public string Description => "nftables, table 'eucanet'";

    public bool IsCommitted { get; private set; }

    private NftablesConnection Connection => _connection ??= NftablesConnection.Open(context.Kernel);

    public ValueTask CommitAsync(string subject, ChangeLog changes, CancellationToken cancellationToken)
    {
        IsCommitted = false;
        cancellationToken.ThrowIfCancellationRequested();
        FirewallDelta delta = content.PeekDelta();
        if (delta.IsEmpty)
        {
            return ValueTask.CompletedTask;
        }

        _batch.Clear();
        FirewallTable? full = delta.NewShapes.Count + delta.GoneShapes.Count > 0 ? table() : null;
        NftablesFamily family = full?.Table.Family ?? Family;
        if (full is not null)
        {
            foreach (string chain in FrontEndTable.ShapeChains)
            {
                _batch.FlushChain(family, FirewallTable.Name, chain);
            }

            foreach (TrafficShape shape in delta.NewShapes)
            {
                _batch.Add(FrontEndTable.SetOf(shape));
            }
        }

        HashSet<string> goneSets = [.. delta.GoneShapes.Select(s => s.SetName)];
        AddElements(family, delta.Removed.Where(e => !goneSets.Contains(e.Set)), remove: true);
        AddElements(family, delta.Added, remove: false);
        if (full is not null)
        {
            foreach (Rule rule in full.Rules.Where(r => FrontEndTable.ShapeChains.Contains(r.Chain)))
            {
                _batch.Add(rule);
            }

            foreach (TrafficShape shape in delta.GoneShapes)
            {
                _batch.Delete(FrontEndTable.SetOf(shape));
            }
        }

        Send(subject);
        IsCommitted = true;
        changes.Add(ChangeKind.Netfilter, $"{family.ToText()} {FirewallTable.Name}", Describe(delta, full));
        return ValueTask.CompletedTask;
    }

    public ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        IptablesPreload? loading = _started ? null : preload?.Invoke();
        FirewallTable wanted = table();
        string? detail = null;
        int preloaded = 0;
        try
        {
            // Planned against one generation: somebody else's change in between makes the plan anew. Flush, preload and our table are one batch.
            Connection.SendPlanned(_ =>
            {
                _batch.Clear();
                loading?.WriteTo(_batch, Connection);
                preloaded = _batch.Count;
                detail = TableDifference.Write(wanted, content, ReadTable(wanted.Table.Family), _batch);
                return _batch;
            });
        }
        catch (IptablesParseException refused)
        {
            throw PreloadFile.Refused(context.Configuration, refused);
        }
        catch (NftablesException refused) when (loading?.RefusedLine(refused) is { } line)
        {
            throw PreloadFile.Refused(context.Configuration, line);
        }
        catch (Exception refused) when (refused is KernelException or TimeoutException)
        {
            throw Refused("the firewall", refused);
        }

        _started = true;
        if (preloaded > 0)
        {
            changes.Add(ChangeKind.Netfilter, "iptables-nft", context.Configuration.Flush == true ? "filter and nat flushed, preload loaded" : "preload loaded");
        }

        if (detail is not null)
        {
            changes.Add(ChangeKind.Netfilter, $"{wanted.Table.Family.ToText()} {FirewallTable.Name}", detail);
        }

        return ValueTask.CompletedTask;
    }

    public IReadOnlyList<(string Set, string Missing)> FindMissing()
    {
        FirewallTable wanted = table();
        TableContent? present = ReadTable(wanted.Table.Family);
        if (present is null)
        {
            return [(wanted.Table.Describe(), "the whole table is missing")];
        }

        var missing = new List<(string, string)>();
        foreach (NftablesSet set in wanted.Sets)
        {
            HashSet<OctetString> there = [.. present.FindSet(set.Name)?.Elements.Where(e => e.Key is not null).Select(e => e.Key!.Value) ?? []];
            int lacking = content.Elements(set.Name).Count(e => !there.Contains(e.Key));
            if (lacking > 0)
            {
                missing.Add((set.Name, $"{lacking} of {content.Count(set.Name)} elements are missing"));
            }
        }

        foreach (Chain chain in wanted.Chains)
        {
            int rules = wanted.Rules.Count(r => r.Chain == chain.Name);
            int found = present.FindChain(chain.Name)?.Rules.Count ?? 0;
            if (found < rules)
            {
                missing.Add((chain.Name, $"{rules - found} of {rules} rules are missing"));
            }
        }

        return missing;
    }

    public IReadOnlyList<string> Counters(GroupName? group)
    {
        var counters = new List<string>();
        foreach (ChainContent chain in ReadTable(Family)?.Chains ?? [])
        {
            foreach (Rule rule in chain.Rules)
            {
                foreach (CounterExpression counter in rule.Expressions.OfType<CounterExpression>())
                {
                    counters.Add($"dropped in {chain.Chain.Name}, {rule.Comment}: {counter.Packets} packets of all groups");
                }
            }
        }

        return counters;
    }

    public ValueTask DisposeAsync()
    {
        _connection?.Dispose();
        return ValueTask.CompletedTask;
    }

    private NftablesFamily Family { get; } = table().Table.Family;

    private void AddElements(NftablesFamily family, IEnumerable<ElementChange> elements, bool remove)
    {
        foreach (IGrouping<string, ElementChange> set in elements.GroupBy(e => e.Set).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            WriteElements(_batch, family, set.Key, set.Select(e => KeyValuePair.Create(e.Key, e.Data)), remove);
        }
    }

    /// <summary>Adds elements of one set to a batch, or takes them away.</summary>
    internal static void WriteElements(NftablesBatch batch, NftablesFamily family, string set, IEnumerable<KeyValuePair<OctetString, OctetString?>> elements, bool remove)
    {
        using NftablesBatch.ElementWriter writer = remove
            ? batch.DeleteElements(family, FirewallTable.Name, set)
            : batch.AddElements(family, FirewallTable.Name, set);
        foreach ((OctetString key, OctetString? data) in elements)
        {
            if (!remove && data is { } value)
            {
                writer.Add(key.Span, value.Span);
            }
            else
            {
                writer.Add(key.Span);
            }
        }
    }

    private TableContent? ReadTable(NftablesFamily family) =>
        Connection.ListTables(family).Any(t => t.Name == FirewallTable.Name) ? Connection.ReadTable(family, FirewallTable.Name) : null;

    private void Send(string subject)
    {
        try
        {
            Connection.Send(_batch);
        }
        catch (Exception refused) when (refused is KernelException or TimeoutException)
        {
            // Only a refusal by name says that nothing was carried out.
            IsCommitted = refused is not NftablesException;
            throw Refused(subject, refused);
        }
    }

    private static EngineException Refused(string subject, Exception refused) => new(subject, refused.Message,
        refused is KernelException { Error: LinuxError.EPERM } ? "run as root, or with CAP_NET_ADMIN" : "'doctor' compares the firewall with what it should be", inner: refused);

    private static string Describe(FirewallDelta delta, FirewallTable? full)
    {
        var parts = new List<string>();
        void Add(int count, string what)
        {
            if (count > 0)
            {
                parts.Add($"{count} {what}{(count == 1 ? "" : "s")}");
            }
        }

        Add(delta.Added.Count, "element");
        if (parts.Count > 0)
        {
            parts[0] += " added";
        }

        if (delta.Removed.Count > 0)
        {
            Add(delta.Removed.Count, "element");
            parts[^1] += " removed";
        }

        if (full is not null)
        {
            parts.Add($"sets {string.Join(' ', delta.NewShapes.Select(s => "+" + s.SetName).Concat(delta.GoneShapes.Select(s => "-" + s.SetName)))}");
        }

        return string.Join(", ", parts);
    }
}
