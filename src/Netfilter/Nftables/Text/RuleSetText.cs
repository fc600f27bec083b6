using System.Text;
using EucaNet.Netfilter.Nftables.Text.Listing;

namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>
/// Lists tables in nft's own syntax, as <c>nft list ruleset</c> does: registers, byte orders, masks and the matches nft puts in by itself disappear
/// again. The syntax is that of nft 1.0.6.
/// </summary>
public static class RuleSetText
{
    /// <summary>Lists the tables in <paramref name="entities"/> with their objects, sets, flowtables and chains, each in the order of the dump.</summary>
    /// <param name="entities">What the kernel's dumps hold, in any order of kinds: tables, chains, rules, sets, elements, objects, flowtables.</param>
    /// <param name="options">What is shown; null for nft's own defaults.</param>
    public static string Of(IEnumerable<NftablesEntity> entities, ListingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(entities);
        List<NftablesEntity> all = [.. entities];
        var text = new StringBuilder();
        foreach (Table table in all.OfType<Table>())
        {
            new TablePrinter(text, options ?? ListingOptions.Default, table, all).Print();
        }

        return text.ToString();
    }

    /// <summary>
    /// Lists one rule without its chain; sets without a name are looked up in <paramref name="entities"/>. For many rules of a table use
    /// <see cref="RuleText"/>, which looks through them once.
    /// </summary>
    public static string Of(Rule rule, IEnumerable<NftablesEntity> entities, ListingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(rule);
        return new RuleText(rule.Family, rule.Table, entities, options).Of(rule);
    }
}
