using System.Text.Json;
using NUnit.Framework;

namespace EucaNet.Conformance.Tests;

public sealed class NftablesTextTests
{
    // Shares of the recorded rows that were reached; they may rise, never sink.
    private static readonly TestCaseData[] Shares =
    [
        new TestCaseData(new NftablesBytecodeTextCheck(), "nft106-kernel6.18-rules.jsonl.gz", 1.0).SetArgDisplayNames("bytecode", "rules"),
        new TestCaseData(new NftablesListingCheck(), "nft106-kernel6.18-rules.jsonl.gz", 1.0).SetArgDisplayNames("listing", "rules"),
        new TestCaseData(new NftablesListingCheck(), "nft106-kernel6.18-rulesets.jsonl.gz", 1.0).SetArgDisplayNames("listing", "rulesets"),
        new TestCaseData(new NftablesJsonCheck(), "nft106-kernel6.18-rulesets.jsonl.gz", 0.99).SetArgDisplayNames("json", "rulesets"),
    ];

    [TestCaseSource(nameof(Shares))]
    public void The_text_of_recorded_rows_equals_nfts(IConformanceCheck check, string file, double share)
    {
        CorpusFile corpus = CorpusFile.Read(Corpus.PathOf(file));
        Func<JsonElement, CheckResult?> run = check.Begin(corpus);
        List<CheckResult> results = [.. corpus.Rows.Select(run).OfType<CheckResult>()];
        Assert.That(results, Is.Not.Empty);
        string differences = string.Join('\n', results.Where(result => !result.Identical).Take(5).Select(result => result.Difference));
        Assert.That((double)results.Count(result => result.Identical) / results.Count, Is.GreaterThanOrEqualTo(share), differences);
    }
}
