using EucaNet.Engine.Modes;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// One table of ours in nf_tables. A change is a batch of the few elements it concerns; only when a combination of lengths comes into use
/// or falls out of it are the rules of the chain <c>rules</c> written anew, in the same batch.
/// </summary>
internal sealed class NftablesBackend(EngineContext context, FirewallContent content, Func<FirewallTable> table) : IFirewallBackend
{
    private readonly NftablesBatch _batch = new();
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
            _batch.FlushChain(family, FirewallTable.Name, FrontEndTable.RulesChain);
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
            foreach (Rule rule in full.Rules.Where(r => r.Chain == FrontEndTable.RulesChain))
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
        FirewallTable wanted = table();
        string? detail = null;
        Connection.SendPlanned(generation =>
        {
            _batch.Clear();
            detail = TableDifference.WriteWhole(wanted, content, _batch);
            return _batch;
        });
        if (detail is not null)
        {
            changes.Add(ChangeKind.Netfilter, $"{wanted.Table.Family.ToText()} {FirewallTable.Name}", detail);
        }

        return ValueTask.CompletedTask;
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

    private void Send(string subject)
    {
        try
        {
            Connection.Send(_batch);
        }
        catch (KernelException refused)
        {
            throw new EngineException(subject, refused.Message, "look at 'nft list ruleset'; 'doctor' compares it with what it should be", inner: refused);
        }
    }

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
