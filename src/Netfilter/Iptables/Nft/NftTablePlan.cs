using EucaNet.Netfilter.Nftables;

namespace EucaNet.Netfilter.Iptables.Nft;

/// <summary>From the live tables to the messages that make them what they shall be, in a batch that may hold other things too.</summary>
internal static class NftTablePlan
{
    /// <summary>Reads the tables, has them planned, and writes what differs.</summary>
    /// <param name="batch">Where the messages go.</param>
    /// <param name="connection">Reads the live tables.</param>
    /// <param name="empty">A rule set without tables: the family and the names.</param>
    /// <param name="plan">Wanted tables from present ones.</param>
    /// <param name="tables">The tables to read; null for all there are.</param>
    /// <param name="counters">Where counters come from.</param>
    /// <param name="force">Rules that are not of iptables go with the rest; without it they are an error.</param>
    public static void Write(
        NftablesBatch batch, NftablesConnection connection, IptablesRuleSet empty, Func<IptablesRuleSet, IptablesRuleSet> plan,
        IReadOnlyList<string>? tables, IptablesCounterUse counters, bool force)
    {
        // That all is of one generation the caller makes sure when it sends the batch.
        NftablesFamily family = (NftablesFamily)empty.Family;
        NftablesRuleset read = tables is null ? connection.ReadRuleset(family) : new NftablesRuleset(0, [.. tables.Select(table => connection.ReadTable(family, table)).OfType<TableContent>()]);
        List<NftLiveTable> present = Live(read, empty.Family, tables);
        IptablesRuleSet wanted = plan(empty with { Tables = [.. present.Select(table => table.ToModel(force))] });
        var writer = new NftTableWriter(batch, empty.Family, counters == IptablesCounterUse.FromModel);
        foreach (IptablesTable table in wanted.Tables)
        {
            TableValidation.Check(table);
            writer.Write(present.Find(live => live.Name == table.Name), table);
        }

        writer.Finish();
    }

    /// <summary>The tables of iptables among all.</summary>
    public static List<NftLiveTable> Live(NftablesRuleset ruleset, IptablesFamily family, IReadOnlyList<string>? tables)
    {
        var live = new List<NftLiveTable>();
        foreach (BuiltinTable shape in BuiltinTable.All)
        {
            if ((tables is null || tables.Contains(shape.Name)) && ruleset.Find((NftablesFamily)family, shape.Name) is { } content)
            {
                live.Add(NftLiveTable.Of(content, shape));
            }
        }

        return live;
    }
}
