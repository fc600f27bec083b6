using EucaNet.Netfilter.Iptables.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Iptables;

/// <summary>
/// A file in iptables-save's format, read but not yet applied: what <c>iptables-restore</c> takes, so also single commands
/// (-A, -I, -D, -R, -N, -X, -F, -P, -Z, -E) within a table's block.
/// </summary>
public sealed class IptablesSaveFile
{
    private readonly IReadOnlyList<SaveBlock> _blocks;

    internal IptablesSaveFile(IptablesFamily family, IReadOnlyList<SaveBlock> blocks)
    {
        Family = family;
        _blocks = blocks;
    }

    /// <summary>The family the file was read for.</summary>
    public IptablesFamily Family { get; }

    /// <summary>The tables the file speaks of, in its order.</summary>
    public IReadOnlyList<string> Tables => [.. _blocks.Select(block => block.Table).Distinct()];

    /// <summary>Reads a file. Every word is checked; what is not known is refused by name.</summary>
    /// <param name="family">The family whose words hold.</param>
    /// <param name="text">The file's text.</param>
    /// <param name="way">The kernel interface it is meant for, where known: a few demands differ.</param>
    /// <param name="names">Turns names of accounts and sets into the kernel's numbers (<see cref="IptablesTables.Names"/>); null knows only root.</param>
    /// <exception cref="IptablesParseException">Line, column, word and nearest known word of the first error.</exception>
    public static IptablesSaveFile Parse(IptablesFamily family, string text, IptablesInterface? way = null, IptablesNames? names = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new IptablesSaveFile(family, new SaveFileParser(family, way, names).Parse(text));
    }

    /// <summary>What the tables are once the file was applied to <paramref name="present"/>; tables it does not speak of stay.</summary>
    /// <param name="present">What there is.</param>
    /// <param name="flush">Empty each table of the file first (policies stay); as iptables-restore without --noflush.</param>
    /// <param name="counters">Take the counters that stand in the file, for rules and policies.</param>
    /// <exception cref="IptablesParseException">A command cannot be carried out, or a jump leads nowhere; with its line.</exception>
    public IptablesRuleSet ApplyTo(IptablesRuleSet present, bool flush = true, bool counters = false)
    {
        ArgumentNullException.ThrowIfNull(present);
        IptablesRuleSet result = present;
        var flushed = new HashSet<string>();
        foreach (SaveBlock block in _blocks)
        {
            IptablesTable table = result[block.Table] ?? IptablesTable.Empty(block.Table);
            if (flush && flushed.Add(block.Table))
            {
                table = table.Flushed();
            }

            result = result.With(block.ApplyTo(table, counters));
        }

        return result;
    }

    /// <summary>A rule of the file that only the kernel refuses, traced back to its line; null where none is to blame.</summary>
    internal IptablesParseException? RefusedLine(NftablesException refused)
    {
        ArgumentNullException.ThrowIfNull(refused);
        foreach (NftablesError error in refused.Errors)
        {
            if (error.Label is RuleLabel label && RefusedLine(label, error.Error, error.Place) is { } line)
            {
                return line;
            }
        }

        return null;
    }

    /// <summary>The line of a rule that the kernel refused; null where the rule is not the file's.</summary>
    internal IptablesParseException? RefusedLine(RuleLabel label, LinuxError error, string? place) =>
        LineOf(label.Table, label.Chain, label.Rule) is { } line
            ? new IptablesParseException($"the kernel refuses '{label}': {error}{(place is null ? "" : " at " + place)}", line, 1, null, null)
            : null;

    /// <summary>The line that puts a rule into a chain, or null.</summary>
    internal int? LineOf(string table, string chain, IptablesRule rule) => _blocks
        .Where(block => block.Table == table)
        .SelectMany(block => block.Commands)
        .OfType<PutRules>()
        .FirstOrDefault(command => command.Chain == chain && command.Rules.Contains(rule))?.Line;
}
