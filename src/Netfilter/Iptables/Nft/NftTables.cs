using EucaNet.Netfilter.Iptables.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Iptables.Nft;

/// <summary>
/// Live tables through nf_tables, in the shape iptables-nft gives them. A change is planned on one generation and written under the condition
/// that it still is the present one. Of each chain only what lies between the equal beginning and the equal end is written.
/// </summary>
internal sealed class NftTables : IIptablesBackend
{
    private readonly IptablesFamily _family;
    private readonly IptablesTablesOptions _options;
    private readonly NftablesConnection _connection;

    public NftTables(IKernel kernel, IptablesFamily family, IptablesTablesOptions options)
    {
        _family = family;
        _options = options;
        _connection = NftablesConnection.Open(kernel, new NftablesConnectionOptions { PlanAttempts = options.Attempts });
    }

    private NftablesFamily Family => (NftablesFamily)_family;

    public void Dispose() => _connection.Dispose();

    public IptablesRuleSet Read(IReadOnlyList<string>? tables)
    {
        NftablesRuleset ruleset = tables is { Count: 1 }
            ? new NftablesRuleset(0, _connection.ReadTable(Family, tables[0]) is { } only ? [only] : [])
            : _connection.ReadRuleset(Family);
        return new IptablesRuleSet { Family = _family, Names = _options.Names, Tables = [.. Live(ruleset, tables).Select(table => table.ToModel(force: false))] };
    }

    public void Change(Func<IptablesRuleSet, IptablesRuleSet> plan, IReadOnlyList<string>? tables, IptablesCounterUse counters, bool force, bool test)
    {
        if (test)
        {
            NftablesBatch batch = Plan(plan, tables, counters, force);
            IReadOnlyList<NftablesError> errors = _connection.DryRun(batch);
            if (errors.Count > 0)
            {
                throw new NftablesException(errors, batch.Count);
            }

            return;
        }

        _connection.SendPlanned(_ => Plan(plan, tables, counters, force));
    }

    public void ChangeChains(IReadOnlyList<IptablesChainChange> changes)
    {
        foreach (IptablesChainChange change in changes)
        {
            ChainChanges.Apply(IptablesTable.Empty(change.Table), change);
        }

        _connection.SendPlanned(_ =>
        {
            var writer = new NftTableWriter(_family, counters: false);
            foreach (IGrouping<string, IptablesChainChange> group in changes.GroupBy(change => change.Table))
            {
                var present = new NftLiveTable(group.Key, [.. group.Select(change => ReadChain(group.Key, change.Chain))]);
                writer.WriteChains(present, [.. group]);
            }

            return writer.Finish();
        });
    }

    private NftLiveChain ReadChain(string table, string chain)
    {
        IReadOnlyList<Rule> rules = [];
        try
        {
            rules = _connection.ListRules(Family, table, chain);
        }
        catch (KernelException exception) when (exception.Error == LinuxError.ENOENT)
        {
            // Neither table nor chain need be there yet.
        }

        return new NftLiveChain(chain, null, rules);
    }

    private NftablesBatch Plan(Func<IptablesRuleSet, IptablesRuleSet> plan, IReadOnlyList<string>? tables, IptablesCounterUse counters, bool force)
    {
        List<NftLiveTable> present = Live(_connection.ReadRuleset(Family), tables);
        IptablesRuleSet wanted = plan(new IptablesRuleSet { Family = _family, Names = _options.Names, Tables = [.. present.Select(table => table.ToModel(force))] });
        var writer = new NftTableWriter(_family, counters == IptablesCounterUse.FromModel);
        foreach (IptablesTable table in wanted.Tables)
        {
            TableValidation.Check(table);
            writer.Write(present.Find(live => live.Name == table.Name), table);
        }

        return writer.Finish();
    }

    private List<NftLiveTable> Live(NftablesRuleset ruleset, IReadOnlyList<string>? tables)
    {
        var live = new List<NftLiveTable>();
        foreach (BuiltinTable shape in BuiltinTable.All)
        {
            if ((tables is null || tables.Contains(shape.Name)) && ruleset.Find(Family, shape.Name) is { } content)
            {
                live.Add(NftLiveTable.Of(content, shape));
            }
        }

        return live;
    }
}
