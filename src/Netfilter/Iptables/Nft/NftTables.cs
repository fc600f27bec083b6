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
        return new IptablesRuleSet { Family = _family, Names = _options.Names, Tables = [.. NftTablePlan.Live(ruleset, _family, tables).Select(table => table.ToModel(force: false))] };
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
            var batch = new NftablesBatch();
            var writer = new NftTableWriter(batch, _family, counters: false);
            foreach (IGrouping<string, IptablesChainChange> group in changes.GroupBy(change => change.Table))
            {
                var present = new NftLiveTable(group.Key, [.. group.Select(change => ReadChain(group.Key, change.Chain))]);
                writer.WriteChains(present, [.. group]);
            }

            writer.Finish();
            return batch;
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
        var batch = new NftablesBatch();
        NftTablePlan.Write(batch, _connection, new IptablesRuleSet { Family = _family, Names = _options.Names }, plan, tables, counters, force);
        return batch;
    }
}
