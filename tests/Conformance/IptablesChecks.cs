using System.Text.Json;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netfilter.Iptables.Legacy;
using EucaNet.Netfilter.Iptables.Nft;
using EucaNet.Netfilter.Iptables.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Wire;

namespace EucaNet.Conformance;

/// <summary>Which rows of the iptables recordings count: those of iptables and ip6tables, not of arptables and ebtables.</summary>
internal static class IptablesRow
{
    public static IptablesFamily? Family(JsonElement row) => row.Text("prog").Split('-')[0] switch
    {
        "iptables" => IptablesFamily.Ip,
        "ip6tables" => IptablesFamily.Ip6,
        _ => null,
    };

    public static RuleContext Context(JsonElement row, IptablesFamily family, IptablesInterface way) =>
        new(family, row.Text("table"), row.Text("chain"), way);
}

/// <summary>A rule's words become the messages iptables-nft sent, and are refused where it refused them.</summary>
public sealed class IptablesNftParseCheck : IConformanceCheck
{
    /// <inheritdoc />
    public string Name => "parse";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.IptablesNft;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) => Check;

    private static CheckResult? Check(JsonElement row)
    {
        if (IptablesRow.Family(row) is not { } family)
        {
            return null;
        }

        List<string> recorded = [.. row.Datagrams("sent").SelectMany(Messages)];
        bool accepted = row.ExitStatus() == 0;
        IReadOnlyList<IptablesRule> rules;
        try
        {
            rules = RuleParser.Parse(IptablesRow.Context(row, family, IptablesInterface.Nft), Words(row.Text("rule")));
            TableValidation.Check(IptablesTable.Empty(row.Text("table")).With(row.Text("chain"), rules));
        }
        catch (IptablesParseException exception)
        {
            return accepted ? new CheckResult(false, $"refused: {exception.Message}") : CheckResult.Same;
        }

        // What the kernel refused, the tool had sent. Table and chain are sent where they are not there yet.
        if (family == IptablesFamily.Ip6)
        {
            // ip6tables-nft 1.8.9 forgets the counters of -c; ours are those that were given.
            rules = [.. rules.Select(rule => rule with { Counters = default })];
        }

        IEnumerable<string> encoded = Encode(family, row.Text("table"), row.Text("chain"), rules);
        return !accepted && recorded.Count == 0
            ? new CheckResult(false, $"accepted, but the tool said: {row.Text("err")}")
            : CheckResult.Compare(string.Join('\n', recorded), string.Join('\n', encoded.Where(message => recorded.Any(other => other[8..12] == message[8..12]))));
    }

    /// <summary>The recorder split the line at its blanks; quotation marks went to the tool as they stand.</summary>
    private static List<Token> Words(string line)
    {
        var words = new List<Token>();
        int start = 0;
        foreach (string part in line.Split(' '))
        {
            if (part.Length > 0)
            {
                words.Add(new Token(part, start + 1));
            }

            start += part.Length + 1;
        }

        return words;
    }

    private static IEnumerable<string> Encode(IptablesFamily family, string table, string chain, IReadOnlyList<IptablesRule> rules)
    {
        foreach (NftablesMessage message in NftTableMessages.Append(family, table, chain, rules))
        {
            var buffer = new NetlinkBuffer();
            var writer = new NetlinkWriter(buffer);
            message.Write(ref writer, 0, 0, WireOrder.Libnftnl);
            writer.Complete();
            yield return Convert.ToHexStringLower(buffer.Written);
        }
    }

    /// <summary>The nf_tables messages of a datagram, sequence and port masked.</summary>
    private static IEnumerable<string> Messages(byte[] datagram)
    {
        for (int offset = 0; offset + 16 <= datagram.Length;)
        {
            int length = BitConverter.ToInt32(datagram, offset);
            if (length < 16 || offset + length > datagram.Length)
            {
                yield break;
            }

            if (datagram[offset + 5] == 10 && (ushort)datagram[offset + 4] is NfTables.NFT_MSG_NEWTABLE or NfTables.NFT_MSG_NEWCHAIN or NfTables.NFT_MSG_NEWRULE)
            {
                byte[] message = datagram[offset..(offset + length)];
                message.AsSpan(8, 8).Clear();
                yield return Convert.ToHexStringLower(message);
            }

            offset += (length + 3) & ~3;
        }
    }
}

/// <summary>The kernel's dump of a rule prints as iptables-nft-save printed it.</summary>
public sealed class IptablesNftTextCheck : IConformanceCheck
{
    /// <inheritdoc />
    public string Name => "text";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.IptablesNft;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) => Check;

    private static CheckResult? Check(JsonElement row)
    {
        if (IptablesRow.Family(row) is not { } family || row.ExitStatus() != 0)
        {
            return null;
        }

        var lines = new List<string>();
        foreach (byte[] datagram in row.Datagrams("kernel_dump"))
        {
            var reader = new MessageReader(datagram);
            while (reader.TryRead(out NetlinkMessage message))
            {
                if (!NftablesMessage.TryRead(message, out NftablesMessage? read) || read?.Entity is not Rule rule)
                {
                    continue;
                }

                string options = NftRuleDecoder.Decode(rule, out string? refusal) is { } decoded
                    ? RulePrinter.Print(decoded, family, IptablesInterface.Nft)
                    : "refused: " + refusal;
                lines.Add($"-A {rule.Chain}{(options.Length > 0 ? " " : "")}{options}");
            }
        }

        return CheckResult.Compare(string.Join('\n', row.GetProperty("save").EnumerateArray().Select(line => line.GetString())), string.Join('\n', lines));
    }
}

/// <summary>What a row of iptables-legacy asked of the kernel.</summary>
internal sealed record LegacyCalls(byte[]? Info, byte[]? Entries, byte[]? Replace)
{
    public static LegacyCalls Of(JsonElement row)
    {
        byte[]? info = null, entries = null, replace = null;
        foreach (JsonElement call in row.GetProperty("calls").EnumerateArray())
        {
            byte[] value = Convert.FromHexString(call[3].GetString()!);
            switch (call[2].GetString())
            {
                case "IPT_SO_GET_INFO" or "IP6T_SO_GET_INFO" when replace is null:
                    info = value;
                    break;
                case "IPT_SO_GET_ENTRIES" or "IP6T_SO_GET_ENTRIES" when replace is null:
                    entries = value;
                    break;
                case "IPT_SO_SET_REPLACE" or "IP6T_SO_SET_REPLACE":
                    replace = value;
                    break;
                default:
                    break;
            }
        }

        return new LegacyCalls(info, entries, replace);
    }
}

/// <summary>A rule's words become the blob iptables-legacy sent, and are refused where it refused them.</summary>
public sealed class IptablesLegacyParseCheck : IConformanceCheck
{
    /// <inheritdoc />
    public string Name => "parse";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.IptablesLegacy;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) => Check;

    private static CheckResult? Check(JsonElement row)
    {
        if (IptablesRow.Family(row) is not { } family)
        {
            return null;
        }

        LegacyCalls calls = LegacyCalls.Of(row);
        bool accepted = row.ExitStatus() == 0;
        IReadOnlyList<IptablesRule> rules;
        try
        {
            rules = RuleParser.Parse(IptablesRow.Context(row, family, IptablesInterface.Legacy), LineTokenizer.Split(row.Text("rule"), 1));
            TableValidation.Check(IptablesTable.Empty(row.Text("table")).With(row.Text("chain"), rules));
        }
        catch (IptablesParseException exception)
        {
            return accepted ? new CheckResult(false, $"refused: {exception.Message}") : CheckResult.Same;
        }

        if (calls.Replace is null || calls.Info is null || calls.Entries is null)
        {
            return new CheckResult(accepted, $"accepted, but the tool said: {row.Text("err")}");
        }

        IptablesTable table = LegacyTable.Read(family, calls.Info, calls.Entries).Table;
        IptablesTable changed = table.With(row.Text("chain"), [.. table[row.Text("chain")]!.Rules, .. rules]);
        (byte[] replace, _) = LegacyTableWriter.Write(family, changed, LegacyTable.NumberOfEntries(calls.Info));
        calls.Replace.AsSpan(LegacyLayout.ReplaceCounters, 8).Clear();
        return CheckResult.Compare(calls.Replace, replace);
    }
}

/// <summary>The blob of a table prints as iptables-legacy-save printed it.</summary>
public sealed class IptablesLegacyTextCheck : IConformanceCheck
{
    /// <inheritdoc />
    public string Name => "text";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format == CorpusFormat.IptablesLegacy;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) => Check;

    private static CheckResult? Check(JsonElement row)
    {
        if (IptablesRow.Family(row) is not { } family || row.ExitStatus() != 0 || LegacyCalls.Of(row).Replace is not { } replace)
        {
            return null;
        }

        // The counters a blob carries are added up after it was replaced; the listing shows none yet.
        string printed = SavePrinter.Print(LegacyTableReader.ReadReplace(family, replace), family, counters: false, IptablesInterface.Legacy);
        return CheckResult.Compare(row.Text("save").TrimEnd(), printed.TrimEnd());
    }
}
