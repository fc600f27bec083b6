using System.Text;
using EucaNet.Netfilter.Nftables.Text.Listing;

namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>Lists rules of one table one by one, without their chains, in nft's syntax.</summary>
public sealed class RuleText
{
    private readonly StringBuilder _text = new();
    private readonly TablePrinter _printer;

    /// <summary>For rules of this table; <paramref name="entities"/> holds its sets, their elements, and the chains and rules that rules carry within.</summary>
    public RuleText(NftablesFamily family, string table, IEnumerable<NftablesEntity> entities, ListingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(table);
        ArgumentNullException.ThrowIfNull(entities);
        _printer = new TablePrinter(_text, options ?? ListingOptions.Default, new Table { Family = family, Name = table }, [.. entities]);
    }

    /// <summary>The rule as one line, without a line break at its end.</summary>
    public string Of(Rule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        _text.Clear();
        _printer.PrintRule(rule);
        return _text.ToString();
    }
}
