using System.Globalization;
using System.Text;
using EucaNet.Netfilter.Nftables.Text.Listing;

namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>Tells the steps of traced packets as <c>nft monitor trace</c> of version 1.0.6 does.</summary>
public sealed class NftablesTraceText
{
    private readonly ListingOptions _options;
    private readonly Dictionary<(NftablesFamily, string, ulong), Rule> _rules = [];
    private readonly Dictionary<(NftablesFamily, string), RuleText> _texts = [];

    /// <summary>For the rules of this rule set.</summary>
    public NftablesTraceText(NftablesRuleset ruleset, ListingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(ruleset);
        _options = options ?? ListingOptions.Default;
        foreach (TableContent table in ruleset.Tables)
        {
            _texts[(table.Table.Family, table.Table.Name)] = new RuleText(table.Table.Family, table.Table.Name, table.Entities(), _options);
            foreach (Rule rule in table.Chains.SelectMany(chain => chain.Rules))
            {
                _rules[(rule.Family, rule.Table, rule.Handle ?? 0)] = rule;
            }
        }
    }

    /// <summary>The rule of this step is in the rule set.</summary>
    public bool Knows(NftablesTrace step)
    {
        ArgumentNullException.ThrowIfNull(step);
        return step.RuleHandle is { } handle && _rules.ContainsKey((step.Family, step.Table, handle));
    }

    /// <summary>The lines of a step, each with its line break: the packet, where it comes with this step, then what was decided. Empty for the end of a chain.</summary>
    public string Of(NftablesTrace step)
    {
        ArgumentNullException.ThrowIfNull(step);
        var text = new StringBuilder();
        if (step.NetworkHeader is not null || step.LinkHeader is not null)
        {
            Begin(text, step).Append("packet: ");
            new TracedPacketPrinter(text, _options).Print(step);
            text.Append('\n');
        }

        switch (step.Kind)
        {
            case NftablesTraceKind.Rule when step.RuleHandle is { } handle:
                Begin(text, step).Append("rule ");
                text.Append(_rules.TryGetValue((step.Family, step.Table, handle), out Rule? rule)
                    ? _texts[(step.Family, step.Table)].Of(rule)
                    : string.Create(CultureInfo.InvariantCulture, $"unknown rule handle {handle}"));
                text.Append($" (verdict {step.Verdict})\n");
                break;
            case NftablesTraceKind.Policy:
                Begin(text, step).Append(step.Policy == Nfnetlink.NF_DROP ? "policy drop " : "policy accept ");
                Mark(text, step);
                text.Append('\n');
                break;
            case NftablesTraceKind.Return when step.Verdict is { } verdict:
                Begin(text, step).Append($"verdict {verdict} ");
                Mark(text, step);
                text.Append('\n');
                break;
        }

        return text.ToString();
    }

    private static StringBuilder Begin(StringBuilder text, NftablesTrace step) =>
        text.Append(CultureInfo.InvariantCulture, $"trace id {step.Id:x8} {step.Family.ToText()} {step.Table} {step.Chain} ");

    private static void Mark(StringBuilder text, NftablesTrace step)
    {
        if (step.Mark is { } mark)
        {
            text.Append(CultureInfo.InvariantCulture, $"meta mark 0x{mark:x8} ");
        }
    }
}
