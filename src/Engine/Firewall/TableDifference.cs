using System.Globalization;
using EucaNet.Netfilter.Nftables;

namespace EucaNet.Engine.Firewall;

/// <summary>Writes what turns the kernel's table into the one that should be.</summary>
internal static class TableDifference
{
    /// <summary>Writes what differs; null, and nothing written, where nothing does.</summary>
    /// <param name="wanted">The static part and the sets.</param>
    /// <param name="content">The sets' elements.</param>
    /// <param name="present">The kernel's table, or null.</param>
    /// <param name="batch">Where the changes go.</param>
    public static string? Write(FirewallTable wanted, FirewallContent content, TableContent? present, NftablesBatch batch)
    {
        if (present is null)
        {
            return WriteWhole(wanted, content, batch);
        }

        int before = batch.Count;
        NftablesDifference.Compare(batch, ToContent(wanted, content), present);
        return batch.Count == before ? null : string.Create(CultureInfo.InvariantCulture, $"repaired with {batch.Count - before} messages");
    }

    /// <summary>The table with its elements as one value.</summary>
    public static TableContent ToContent(FirewallTable wanted, FirewallContent content) => new(wanted.Table)
    {
        Chains = [.. wanted.Chains.Select(chain => new ChainContent(chain, [.. wanted.Rules.Where(rule => rule.Chain == chain.Name)]))],
        Sets = [.. wanted.Sets.Select(set => new SetContent(set, [.. content.Elements(set.Name).Select(e => e.Value is { } data ? SetElement.Of(e.Key, data) : SetElement.Of(e.Key))]))],
    };

    /// <summary>Writes the whole table into a batch, in the place of one that may be there.</summary>
    public static string WriteWhole(FirewallTable wanted, FirewallContent content, NftablesBatch batch)
    {
        // Adding first lets the deletion succeed where there was no table; the kernel sees one change.
        batch.Add(wanted.Table);
        batch.Delete(wanted.Table);
        batch.Add(wanted.Table);
        foreach (NftablesSet set in wanted.Sets)
        {
            batch.Label = set.Name;
            batch.Add(set);
        }

        foreach (Chain chain in wanted.Chains)
        {
            batch.Label = chain.Name;
            batch.Add(chain);
        }

        int elements = 0;
        foreach (NftablesSet set in wanted.Sets)
        {
            batch.Label = set.Name;
            int count = content.Count(set.Name);
            if (count > 0)
            {
                NftablesBackend.WriteElements(batch, wanted.Table.Family, set.Name, content.Elements(set.Name), remove: false);
                elements += count;
            }
        }

        foreach (Rule rule in wanted.Rules)
        {
            batch.Label = rule.Comment;
            batch.Add(rule);
        }

        batch.Label = null;
        return string.Create(CultureInfo.InvariantCulture, $"the whole table: {wanted.Chains.Count} chains, {wanted.Rules.Count} rules, {wanted.Sets.Count} sets, {elements} elements");
    }
}
