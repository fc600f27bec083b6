using EucaNet.Netfilter.Nftables;

namespace EucaNet.Netfilter.Iptables.Nft;

/// <summary>
/// Adds to a batch what makes live tables what they shall be: tables and chains first, then rules, then the chains that go, emptied
/// before the first of them is deleted.
/// </summary>
internal sealed class NftTableWriter(NftablesBatch batch, IptablesFamily family, bool counters)
{
    private readonly NftablesBatch _batch = batch;
    private readonly List<Action> _rules = [];
    private readonly List<Action> _flushes = [];
    private readonly List<Action> _deletions = [];

    private NftablesFamily Family => (NftablesFamily)family;

    /// <summary>Makes a whole table what it shall be.</summary>
    public void Write(NftLiveTable? present, IptablesTable wanted)
    {
        if (present is null)
        {
            Table(wanted.Name);
        }

        foreach (IptablesChain chain in wanted.Chains)
        {
            NftLiveChain? live = present?.Find(chain.Name);
            WriteChain(wanted.Name, chain, live);
            if (live is not null || chain.Rules.Count > 0)
            {
                _rules.Add(() => WriteRules(wanted.Name, chain, live));
            }
        }

        HashSet<string> names = [.. wanted.Chains.Select(chain => chain.Name)];
        foreach (NftLiveChain live in present?.Chains ?? [])
        {
            if (!names.Contains(live.Name) && live.Chain?.Hook is null)
            {
                Remove(wanted.Name, live.Name);
            }
        }
    }

    /// <summary>Writes single chains of a table.</summary>
    public void WriteChains(NftLiveTable present, IReadOnlyList<IptablesChainChange> changes)
    {
        Table(present.Name);
        foreach (IptablesChainChange change in changes)
        {
            if (change.Rules is not { } rules)
            {
                Remove(present.Name, change.Chain);
                continue;
            }

            IptablesVerdict? policy = BuiltinTable.Of(present.Name).Chain(change.Chain) is null ? null : change.Policy ?? IptablesVerdict.Accept;
            var chain = new IptablesChain { Name = change.Chain, Policy = policy, Rules = rules };
            Chain(present.Name, chain, withPolicy: change.Policy is not null);
            _rules.Add(() => WriteRules(present.Name, chain, present.Find(change.Chain)));
        }
    }

    /// <summary>Writes what had to wait for the tables and chains.</summary>
    public void Finish()
    {
        foreach (Action step in _rules.Concat(_flushes).Concat(_deletions))
        {
            step();
        }

        _batch.Label = null;
    }

    private void Table(string table)
    {
        _batch.Label = null;
        _batch.Append(NftTableMessages.Table(family, table));
    }

    /// <summary>A built-in chain that has nothing to say is left to be made by whoever puts something into it.</summary>
    private void WriteChain(string table, IptablesChain chain, NftLiveChain? live)
    {
        if (chain.Policy is null)
        {
            if (live is null)
            {
                Chain(table, chain, withPolicy: false);
            }

            return;
        }

        bool counts = counters && chain.Counters != default;
        IptablesVerdict present = live?.Chain?.Policy == ChainPolicy.Drop ? IptablesVerdict.Drop : IptablesVerdict.Accept;
        if (live is null ? chain.Rules.Count > 0 || chain.Policy != IptablesVerdict.Accept || counts : chain.Policy != present || counts)
        {
            Chain(table, chain, withPolicy: true);
        }
    }

    private void Chain(string table, IptablesChain chain, bool withPolicy)
    {
        _batch.Label = null;
        if (chain.Policy is not { } policy)
        {
            _batch.Add(Nftables.Chain.Regular(Family, table, chain.Name));
            return;
        }

        NftablesMessage message = NftTableMessages.Builtin(family, table, chain.Name, policy);
        var entity = (Chain)message.Entity;
        _batch.Append(message with
        {
            Entity = entity with
            {
                Policy = withPolicy ? entity.Policy : null,
                Counters = counters && chain.Counters != default ? new ChainCounters(chain.Counters.Packets, chain.Counters.Bytes) : null,
            },
        });
    }

    /// <summary>Rules that are there already stay, with their counters; the others come before the next that stays.</summary>
    private void WriteRules(string table, IptablesChain chain, NftLiveChain? live)
    {
        IReadOnlyList<IptablesRule?> present = live?.Decoded ?? [];
        IReadOnlyList<IptablesRule> wanted = chain.Rules;
        int[] places = RuleAlignment.Of(present, wanted, counters);
        int kept = 0;
        for (int index = 0; index < present.Count; index++)
        {
            while (kept < places.Length && places[kept] < index)
            {
                kept++;
            }

            if (kept == places.Length || places[kept] != index)
            {
                _batch.Label = null;
                _batch.Delete(live!.Rules[index]);
            }
        }

        ulong?[] before = new ulong?[places.Length];
        ulong? next = null;
        for (int index = places.Length - 1; index >= 0; index--)
        {
            before[index] = next;
            next = places[index] >= 0 ? live!.Rules[places[index]].Handle : next;
        }

        for (int index = 0; index < places.Length; index++)
        {
            if (places[index] >= 0)
            {
                continue;
            }

            _batch.Label = new RuleLabel(family, table, chain.Name, wanted[index]);
            Rule rule = NftRuleEncoder.Encode(family, table, chain.Name, counters ? wanted[index] : wanted[index] with { Counters = default });
            if (before[index] is null)
            {
                _batch.Add(rule);
            }
            else
            {
                _batch.Insert(rule, before[index]);
            }
        }
    }

    private void Remove(string table, string chain)
    {
        _flushes.Add(() => _batch.FlushChain(Family, table, chain));
        _deletions.Add(() =>
        {
            _batch.Label = null;
            _batch.Delete(Nftables.Chain.Regular(Family, table, chain));
        });
    }
}
