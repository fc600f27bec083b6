using System.Reflection;
using EucaNet.Netfilter.Iptables;
using EucaNet.Tests;

namespace EucaNet.Netfilter.Tests.Iptables;

/// <summary>
/// Files as they stand on real machines, written after what those programs load (RealLife/*.rules; *.rules6 for ip6tables): restored by us and by the real program, the real program's
/// save prints the same, and so do we. With counters.
/// </summary>
[RequiresRoot]
[RequiresProgram("iptables-nft-restore", "iptables-legacy-restore", "ip6tables-nft-restore", "ip6tables-legacy-restore")]
public sealed class RealLifeFilesTests
{
    private const string Folder = "EucaNet.Netfilter.Tests.Iptables.RealLife.";

    private static readonly Assembly Here = typeof(RealLifeFilesTests).Assembly;

    private static IEnumerable<string> Names => Here.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal)).Select(name => name[Folder.Length..]).Order(StringComparer.Ordinal);

    [Test]
    public void There_are_a_dozen_and_more() => Assert.That(Names.Count(), Is.GreaterThanOrEqualTo(13));

    [Test]
    public void A_file_restored_by_us_is_saved_as_the_real_programs_restore_leaves_it([ValueSource(nameof(Names))] string name, [Values] IptablesInterface way)
    {
        using var reader = new StreamReader(Here.GetManifestResourceStream(Folder + name)!);
        string text = reader.ReadToEnd();
        IptablesFamily family = name.EndsWith('6') ? IptablesFamily.Ip6 : IptablesFamily.Ip;
        string program = $"{(family == IptablesFamily.Ip ? "iptables" : "ip6tables")}-{(way == IptablesInterface.Nft ? "nft" : "legacy")}";
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, text);
            string expected;
            using (KernelUnderTest theirs = KernelUnderTest.Open(KernelKind.Linux))
            {
                expected = RecordedFiles.WithoutComments(theirs.Run("sh", "-c", $"{program}-restore -c <{path} && {program}-save -c"));
                using IptablesTables read = IptablesTables.Open(theirs.Kernel, way, family);
                Assert.That(RecordedFiles.WithoutComments(read.Read(BlocksOf(expected)).ToText(counters: true, way)), Is.EqualTo(expected), $"restored by {program}, read by us");
            }

            using KernelUnderTest ours = KernelUnderTest.Open(KernelKind.Linux);
            using IptablesTables tables = IptablesTables.Open(ours.Kernel, way, family);
            tables.Restore(IptablesSaveFile.Parse(family, text, way, tables.Names), counters: true, test: true);
            Assert.That(Rules(ours.Run(program + "-save")), Is.Empty, "a trial leaves nothing");
            tables.Restore(IptablesSaveFile.Parse(family, text, way, tables.Names), counters: true);
            Assert.That(Restricted(ours.Run(program + "-save", "-c"), expected), Is.EqualTo(expected), $"restored by us, read by {program}-save");

            // What a save prints is a file again, and changes nothing.
            tables.Restore(IptablesSaveFile.Parse(family, expected, way, tables.Names), counters: true);
            Assert.That(Restricted(ours.Run(program + "-save", "-c"), expected), Is.EqualTo(expected), "restored from what was saved");
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static string[] BlocksOf(string saved) => [.. saved.Split('\n').Where(line => line.StartsWith('*')).Select(line => line[1..])];

    private static string[] Rules(string saved) => [.. saved.Split('\n').Where(line => line.StartsWith("-A", StringComparison.Ordinal))];

    /// <summary>Of what was saved the tables that are expected: looking at a legacy table makes it.</summary>
    private static string Restricted(string saved, string expected) => string.Concat(
        RecordedFiles.WithoutComments(saved).Split("COMMIT\n", StringSplitOptions.RemoveEmptyEntries).Where(block => BlocksOf(expected).Contains(block[1..block.IndexOf('\n', StringComparison.Ordinal)])).Select(block => block + "COMMIT\n"));
}
