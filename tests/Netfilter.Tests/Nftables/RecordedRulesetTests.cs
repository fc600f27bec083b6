using System.Text.Json;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Tests.Expressions;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>
/// Rule sets of nft's own test suite, loaded from our model into an empty namespace of the real kernel; nft is the judge.
/// </summary>
[RequiresRoot]
[RequiresProgram("nft")]
public sealed class RecordedRulesetTests
{
    [Test]
    public void Rule_sets_loaded_from_what_nft_sent_are_listed_as_recorded() => Check(requests: true);

    [Test]
    public void Rule_sets_restored_from_what_the_kernel_listed_are_listed_as_recorded() => Check(requests: false);

    private static void Check(bool requests)
    {
        int total = 0;
        var failures = new List<string>();
        JsonElement[] rows = [.. RecordedRules.Rows("nft106-kernel6.18-rulesets.jsonl.gz").Where(row => row.GetProperty("rc").GetInt32() == 0)];
        for (int index = 0; index < rows.Length; index++)
        {
            JsonElement row = rows[index];
            if ((requests ? FromRequests(row) : FromDumps(row)) is not { IsEmpty: false } batch)
            {
                continue;
            }

            total++;
            using KernelUnderTest kernel = KernelUnderTest.Open(KernelKind.Linux);
            using NftablesConnection connection = NftablesConnection.Open(kernel.Kernel);
            IReadOnlyList<NftablesError> errors = connection.TrySend(batch);
            string list = errors.Count > 0 ? string.Join(Environment.NewLine, errors) : kernel.Run("nft", "list", "ruleset");
            string recorded = row.GetProperty("list").GetString()!;
            if (Evened(list) != Evened(recorded))
            {
                failures.Add($"row {index}: {row.GetProperty("file").GetString()}{Environment.NewLine}{list}{Environment.NewLine}recorded:{Environment.NewLine}{recorded}");
            }
        }

        TestContext.Out.WriteLine($"{total - failures.Count} of {total}");
        foreach (string failure in failures)
        {
            TestContext.Out.WriteLine(failure);
        }

        Assert.That(total, Is.GreaterThan(200));
        Assert.That(failures, Is.Empty);
    }

    // What time and earlier packets did is no part of the rule set.
    private static string Evened(string list) => System.Text.RegularExpressions.Regex.Replace(list, @" expires [0-9a-z]+", "").Trim();

    private static NftablesBatch FromRequests(JsonElement row)
    {
        var batch = new NftablesBatch();
        foreach (byte[] datagram in RecordedRules.Datagrams(row, "sent"))
        {
            RecordedMessages.ForEach(datagram, (message, _) =>
            {
                if (message.IsNew)
                {
                    batch.Append(message, WireOrder.Nft);
                }
            });
        }

        return batch;
    }

    private static NftablesBatch? FromDumps(JsonElement row)
    {
        var entities = new List<NftablesEntity>();
        foreach (byte[] datagram in RecordedMessages.Hex(row.GetProperty("kernel")))
        {
            RecordedMessages.ForEach(datagram, (message, _) => entities.Add(message.Entity));
        }

        if (entities.OfType<Chain>().Any(chain => (chain.Flags & ChainFlags.Binding) != 0))
        {
            return null;
        }

        // Flowtables were not recorded.
        if (entities.OfType<Rule>().Any(rule => rule.Expressions.Any(expression => expression.Name == "flow_offload")))
        {
            return null;
        }

        var batch = new NftablesBatch();
        foreach (Table table in entities.OfType<Table>())
        {
            bool Within(NftablesFamily family, string name) => family == table.Family && name == table.Name;
            NftablesDifference.Compare(
                batch,
                new TableContent(table)
                {
                    Chains = [.. entities.OfType<Chain>().Where(chain => Within(chain.Family, chain.Table)).Select(chain =>
                        new ChainContent(chain, [.. entities.OfType<Rule>().Where(rule => Within(rule.Family, rule.Table) && rule.Chain == chain.Name)]))],
                    Sets = [.. entities.OfType<NftablesSet>().Where(set => Within(set.Family, set.Table)).Select(set =>
                        new SetContent(set, [.. entities.OfType<SetElementList>().Where(list => Within(list.Family, list.Table) && list.Set == set.Name).SelectMany(list => list.Elements ?? [])]))],
                    Objects = [.. entities.OfType<NftablesObject>().Where(item => Within(item.Family, item.Table))],
                    Flowtables = [.. entities.OfType<Flowtable>().Where(item => Within(item.Family, item.Table))],
                },
                null);
        }

        return batch;
    }
}
