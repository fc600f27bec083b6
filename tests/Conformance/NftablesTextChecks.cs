using System.Globalization;
using System.Text.Json;
using EucaNet.Netfilter;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Text;
using EucaNet.Netlink.Wire;

namespace EucaNet.Conformance;

/// <summary>The bytecode text of what nft sent equals what <c>nft --debug=netlink</c> printed for it. Rules that nft or the kernel refused do not count.</summary>
public sealed class NftablesBytecodeTextCheck : IConformanceCheck
{
    /// <inheritdoc/>
    public string Name => "text";

    /// <inheritdoc/>
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.NftRules;

    /// <inheritdoc/>
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) => static row =>
        row.ExitStatus() != 0 ? null : CheckResult.Compare(row.Text("debug"), BytecodeMessageText.Of(NftablesRows.Sent(row)));
}

/// <summary>Our listing of the kernel's dumps equals nft's. What nft or the kernel refused does not count.</summary>
public sealed class NftablesListingCheck : IConformanceCheck
{
    private static readonly ListingOptions Numeric = new() { Numeric = true };

    /// <inheritdoc/>
    public string Name => "text";

    /// <inheritdoc/>
    public bool AppliesTo(CorpusFormat format) => format is CorpusFormat.NftRules or CorpusFormat.NftRulesets;

    /// <inheritdoc/>
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Format == CorpusFormat.NftRules ? CheckRule : CheckRuleset;
    }

    // The rows of single rules were listed with nft -n, rule sets with nft's defaults.
    private static CheckResult? CheckRule(JsonElement row) =>
        row.ExitStatus() != 0 ? null : CheckResult.Compare(row.Text("listing"), RuleSetText.Of(NftablesRows.RuleAndSurroundings(row), Numeric));

    private static CheckResult? CheckRuleset(JsonElement row) =>
        row.ExitStatus() != 0 ? null : CheckResult.Compare(row.Text("list"), RuleSetText.Of(NftablesRows.Kernel(row)));
}

/// <summary>Decodes the datagrams of nft's rows.</summary>
public static class NftablesRows
{
    /// <summary>What nft sent, in order.</summary>
    public static IEnumerable<NftablesEntity> Sent(JsonElement row) => row.Datagrams("sent").SelectMany(Entities);

    /// <summary>The kernel's dumps of a rule set row.</summary>
    public static IEnumerable<NftablesEntity> Kernel(JsonElement row)
    {
        if (!row.TryGetProperty("kernel", out JsonElement kernel))
        {
            return [];
        }

        var entities = new List<NftablesEntity>();
        foreach (JsonProperty kind in kernel.EnumerateObject())
        {
            IEnumerable<JsonElement> lists = kind.Value.ValueKind == JsonValueKind.Object ? kind.Value.EnumerateObject().Select(property => property.Value) : [kind.Value];
            foreach (JsonElement datagram in lists.Where(list => list.ValueKind == JsonValueKind.Array).SelectMany(list => list.EnumerateArray()))
            {
                entities.AddRange(Entities(Convert.FromHexString(datagram.GetString()!)));
            }
        }

        return entities;
    }

    /// <summary>
    /// The dumped rule of a row with its table and chain, and the sets it came with: their contents are only in the request, where they
    /// have no final name yet.
    /// </summary>
    public static IEnumerable<NftablesEntity> RuleAndSurroundings(JsonElement row)
    {
        NftablesFamilyNames.TryParse(row.Text("family"), out NftablesFamily family);
        yield return new Table { Family = family, Name = row.Text("table") };
        var seen = new HashSet<string>();
        foreach (NftablesEntity entity in row.Datagrams("recv").SelectMany(Entities))
        {
            if (entity is Chain chain && chain.Name == row.Text("chain") && seen.Add(chain.Name))
            {
                yield return chain;
            }
        }

        foreach (NftablesEntity entity in row.Datagrams("kernel_dump").SelectMany(Entities))
        {
            yield return entity;
        }

        foreach (NftablesEntity entity in Named(Sent(row)))
        {
            yield return entity;
        }
    }

    // The kernel puts the lowest free number into the name of a set without a name.
    private static IEnumerable<NftablesEntity> Named(IEnumerable<NftablesEntity> sent)
    {
        var numbers = new Dictionary<string, int>();
        var names = new Dictionary<uint, string>();
        foreach (NftablesEntity entity in sent)
        {
            switch (entity)
            {
                case NftablesSet set:
                    string name = set.Name;
                    if (name.Contains("%d", StringComparison.Ordinal))
                    {
                        int number = numbers.GetValueOrDefault(name);
                        numbers[name] = number + 1;
                        name = name.Replace("%d", number.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
                    }

                    names[set.Id ?? 0] = name;
                    yield return set with { Name = name };
                    break;
                case SetElementList list:
                    yield return list with { Set = names.GetValueOrDefault(list.SetId ?? 0, list.Set) };
                    break;
            }
        }
    }

    private static List<NftablesEntity> Entities(byte[] datagram)
    {
        var entities = new List<NftablesEntity>();
        var messages = new MessageReader(datagram);
        while (messages.TryRead(out NetlinkMessage message))
        {
            if (message.Header.Type >> 8 == Nfnetlink.NFNL_SUBSYS_NFTABLES && NftablesMessage.TryRead(message, out NftablesMessage? read) && read is { IsNew: true })
            {
                entities.Add(read.Entity);
            }
        }

        return entities;
    }
}

/// <summary>Our JSON listing of the kernel's dumps says what nft's says. What nft or the kernel refused does not count.</summary>
public sealed class NftablesJsonCheck : IConformanceCheck
{
    /// <inheritdoc/>
    public string Name => "text";

    /// <inheritdoc/>
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.NftRulesets;

    /// <inheritdoc/>
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) => static row =>
        row.ExitStatus() != 0 || row.Text("list_json").Length == 0 ? null : CheckResult.Compare(row.Text("list_json").Trim(), RuleSetJson.Of(NftablesRows.Kernel(row)).Trim());
}
