using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using EucaNet.Netfilter.Iptables;

namespace EucaNet.Netfilter.Tests.Iptables;

/// <summary>Files in iptables-save's format, put together from the rules a real tool and kernel accepted.</summary>
internal static class RecordedFiles
{
    /// <summary>The accepted rules of a family on an interface: table, chain, words.</summary>
    public static IReadOnlyList<(string Table, string Chain, string Rule)> Accepted(IptablesFamily family, IptablesInterface way) => Read.GetOrAdd((family, way), ReadAccepted);

    private static readonly ConcurrentDictionary<(IptablesFamily Family, IptablesInterface Way), IReadOnlyList<(string Table, string Chain, string Rule)>> Read = new();

    private static IReadOnlyList<(string Table, string Chain, string Rule)> ReadAccepted((IptablesFamily Family, IptablesInterface Way) asked)
    {
        (IptablesFamily family, IptablesInterface way) = asked;
        string file = way == IptablesInterface.Nft ? "iptables189nft-kernel6.18-rules.jsonl.gz" : "iptables189legacy-kernel6.18-rules.jsonl.gz";
        string program = family == IptablesFamily.Ip ? "iptables-" : "ip6tables-";
        var rules = new List<(string, string, string)>();
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Corpus.PathOf(file)), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            JsonElement row = JsonSerializer.Deserialize<JsonElement>(line);
            string rule = row.GetProperty("rule").GetString()!;

            // The nft recording passed quotation marks on as they stand; lists and estimators of one name contradict each other in one file.
            if (row.GetProperty("prog").GetString()!.StartsWith(program, StringComparison.Ordinal) && row.GetProperty("rc").GetInt32() == 0
                && !rule.Contains('"', StringComparison.Ordinal) && !rule.Contains("recent", StringComparison.Ordinal) && !rule.Contains("hashlimit", StringComparison.Ordinal))
            {
                rules.Add((row.GetProperty("table").GetString()!, row.GetProperty("chain").GetString()!, rule));
            }
        }

        return rules;
    }

    /// <summary>File <paramref name="number"/> of as many as one likes: some thirty rules over several tables, with policies, chains and jumps.</summary>
    public static string Make(IptablesFamily family, IptablesInterface way, int number)
    {
        var random = new Random(number);
        IReadOnlyList<(string Table, string Chain, string Rule)> accepted = Accepted(family, way);
        var text = new StringBuilder("# made from recorded rules\n");
        var chosen = Enumerable.Range(0, 30).Select(_ => accepted[random.Next(accepted.Count)]).ToList();
        foreach (IGrouping<string, (string Table, string Chain, string Rule)> table in chosen.GroupBy(rule => rule.Table))
        {
            text.Append('*').Append(table.Key).Append('\n');
            foreach (string chain in IptablesTable.Empty(table.Key).Chains.Select(chain => chain.Name))
            {
                text.Append(':').Append(chain).Append(table.Key == "filter" && chain == "FORWARD" ? " DROP" : " ACCEPT").Append(" [0:0]\n");
            }

            string group = $"group-{number}-of-28-letters".PadRight(28, 'x');
            text.Append(':').Append(group).Append(" - [0:0]\n:a").Append(number).Append(" - [0:0]\n");
            foreach ((_, string chain, string rule) in table)
            {
                text.Append("-A ").Append(chain).Append(' ').Append(rule).Append('\n');
            }

            text.Append("-A ").Append(group).Append(" -s ").Append(family == IptablesFamily.Ip ? "10.0.0.0/8" : "2001:db8::/32")
                .Append(" -m comment --comment \"group \\\"").Append(number).Append("\\\"\" -j RETURN\n");
            text.Append("-A ").Append(table.First().Chain).Append(" -p udp -j ").Append(group).Append('\n');
            text.Append("-A ").Append(table.First().Chain).Append(" -g a").Append(number).Append("\nCOMMIT\n");
        }

        return text.ToString();
    }

    /// <summary>What iptables-save printed, without its comment lines, tables in order of their names.</summary>
    public static string WithoutComments(string text)
    {
        var blocks = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var block = new StringBuilder();
        foreach (string line in text.Split('\n').Where(line => line.Length > 0 && line[0] != '#'))
        {
            block.Append(line).Append('\n');
            if (line == "COMMIT")
            {
                string table = block.ToString();
                blocks[table[..table.IndexOf('\n', StringComparison.Ordinal)]] = table;
                block.Clear();
            }
        }

        return string.Concat(blocks.Values);
    }
}
