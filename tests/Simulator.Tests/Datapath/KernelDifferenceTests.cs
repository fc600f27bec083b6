using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>
/// The same random frames through the same random rule sets, on a machine made of this machine's kernel and on a simulated one: what
/// comes out, by which link and with which bytes, and what was counted must be the same. What is masked stands in <see cref="FrameMask"/>.
/// <see cref="RouterDifferenceTests"/> sends more packets through fewer kinds of rules.
/// </summary>
[RequiresRoot]
[RequiresProgram("ip", "nft")]
public sealed class KernelDifferenceTests
{
    private const int FramesPerProgram = 100;

    /// <summary>EUCANET_DIFFERENCE_SEEDS raises the number of programs, EUCANET_DIFFERENCE_SEED begins at another; see <see cref="DifferenceSearch"/>.</summary>
    [Test]
    public void Random_frames_through_random_rules_come_out_as_on_the_real_kernel()
    {
        new DifferenceSearch(nameof(Random_frames_through_random_rules_come_out_as_on_the_real_kernel), "EUCANET_DIFFERENCE_SEED", "EUCANET_DIFFERENCE_SEEDS", 40)
            .Run(DifferenceRun.TopologyOf, static (seed, lab) => DifferenceRun.Generate(seed, FramesPerProgram, lab));
    }

    /// <summary>Programs of rarer rules and frames; EUCANET_WIDE_DIFFERENCE_SEEDS and EUCANET_WIDE_DIFFERENCE_SEED as above.</summary>
    [Test]
    public void Random_rarer_frames_through_rarer_rules_come_out_as_on_the_real_kernel()
    {
        new DifferenceSearch(nameof(Random_rarer_frames_through_rarer_rules_come_out_as_on_the_real_kernel), "EUCANET_WIDE_DIFFERENCE_SEED", "EUCANET_WIDE_DIFFERENCE_SEEDS", 10)
            .Run(DifferenceRun.TopologyOf, static (seed, lab) => DifferenceRun.Generate(seed, FramesPerProgram, lab, isWide: true));
    }

    /// <summary>What differed once, made small, and differs no more.</summary>
    [TestCaseSource(nameof(Cases))]
    public void A_difference_that_was_found_stays_mended(string name)
    {
        DifferenceProgram program = DifferenceProgram.Parse(File.ReadAllText(Path.Combine(CasesFolder, name)));
        Assert.That(DifferenceRun.Compare(program, tells: true), Is.Null);
    }

    private static string CasesFolder => Path.Combine(TestContext.CurrentContext.TestDirectory, "Datapath", "Differences", "cases");

    private static IEnumerable<string> Cases() => Directory.Exists(CasesFolder) ? Directory.GetFiles(CasesFolder).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal) : [];
}
