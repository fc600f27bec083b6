using System.Globalization;
using EucaNet.Netfilter.Nftables;

namespace EucaNet.Engine.Firewall;

/// <summary>Writes what turns the kernel's table into the one that should be.</summary>
internal static class TableDifference
{
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
