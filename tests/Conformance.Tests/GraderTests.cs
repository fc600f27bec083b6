using EucaNet.Conformance;

namespace EucaNet.Conformance.Tests;

public sealed class GraderTests
{
    [TestCase("nft106-kernel6.18-rules.jsonl.gz", CorpusFormat.NftRules, "6.18", 4371)]
    [TestCase("nft106-kernel6.18-rulesets.jsonl.gz", CorpusFormat.NftRulesets, "6.18", 297)]
    [TestCase("iptables189nft-kernel6.18-rules.jsonl.gz", CorpusFormat.IptablesNft, "6.18", 1593)]
    [TestCase("iptables189legacy-kernel6.18-rules.jsonl.gz", CorpusFormat.IptablesLegacy, "6.18", 1342)]
    [TestCase("iproute2-6.1-requests-kernel6.12.jsonl.gz", CorpusFormat.RouteRequests, "6.12", 198)]
    [TestCase("kernel6.12-rtnetlink-events.jsonl.gz", CorpusFormat.RouteEvents, "6.12", 66)]
    [TestCase("kernel6.12-nftables-events.jsonl.gz", CorpusFormat.NftEvents, "6.12", 80)]
    public void A_corpus_file_is_known_by_the_fields_of_its_rows(string name, CorpusFormat format, string version, int rows)
    {
        CorpusFile file = CorpusFile.Read(Corpus.PathOf(name));
        Assert.Multiple(() =>
        {
            Assert.That(file.Format, Is.EqualTo(format));
            Assert.That(file.KernelVersion, Is.EqualTo(version));
            Assert.That(file.Rows, Has.Count.EqualTo(rows));
        });
    }

    [Test]
    public void A_row_that_makes_a_check_throw_counts_as_different()
    {
        CorpusFile file = CorpusFile.Read(Corpus.PathOf("kernel6.12-nftables-events.jsonl.gz"));
        Grade grade = Grader.Run(file, show: 1, [new ThrowingCheck()]).Single();
        Assert.Multiple(() =>
        {
            Assert.That(grade, Has.Property(nameof(Grade.Identical)).EqualTo(0).And.Property(nameof(Grade.Total)).EqualTo(80));
            Assert.That(grade.Differences.Single().Detail, Does.Contain("on purpose"));
        });
    }

    private sealed class ThrowingCheck : IConformanceCheck
    {
        public string Name => "decode";

        public bool AppliesTo(CorpusFormat format) => true;

        public Func<System.Text.Json.JsonElement, CheckResult?> Begin(CorpusFile file) => _ => throw new InvalidOperationException("on purpose");
    }
}
