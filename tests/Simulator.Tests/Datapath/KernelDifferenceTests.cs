using System.Globalization;
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

    /// <summary>
    /// EUCANET_DIFFERENCE_SEEDS raises the number of programs, EUCANET_DIFFERENCE_SEED begins at another (alone: runs the listed ones, 4,5,12). The first difference is made the smallest program
    /// that has it, a file for <c>cases/</c>; EUCANET_DIFFERENCE_SHRINK=1 does so with all (that takes minutes).
    /// </summary>
    [Test]
    public void Random_frames_through_random_rules_come_out_as_on_the_real_kernel()
    {
        IReadOnlyList<ulong> seeds = Seeds();
        var differences = new List<string>();
        int frames = 0;
        using var labs = new LabSupply(seeds.Select(DifferenceRun.TopologyOf));
        foreach (ulong seed in seeds)
        {
            DifferenceProgram program;
            string? found;
            using (RealLab lab = labs.Next())
            {
                program = DifferenceRun.Generate(seed, FramesPerProgram, lab);
                found = DifferenceRun.Compare(lab, program);
            }

            frames += program.Frames.Count;

            // The real kernel throws dice (ports, when two connections would have the same answers), and what follows from a
            // throw may differ once. What differs each time is a difference.
            if (found is not null && DifferenceRun.Compare(program) is not null && DifferenceRun.Compare(program) is { } difference)
            {
                bool shrinks = differences.Count == 0 || Environment.GetEnvironmentVariable("EUCANET_DIFFERENCE_SHRINK") == "1";
                DifferenceProgram small = shrinks ? DifferenceRun.Shrink(program) : program;
                differences.Add($"seed {seed}: EUCANET_DIFFERENCE_SEED={seed} dotnet test tests/Simulator.Tests --filter Name~Random_frames\n{DifferenceRun.Compare(small, tells: true) ?? difference}\n{small}");
            }
        }

        TestContext.Out.WriteLine($"{frames} frames, {differences.Count} programs with a difference of {seeds.Count}");
        Assert.That(differences, Is.Empty, () => string.Join("\n\n", differences));
    }

    /// <summary>What differed once, made small, and differs no more.</summary>
    [TestCaseSource(nameof(Cases))]
    public void A_difference_that_was_found_stays_mended(string name)
    {
        DifferenceProgram program = DifferenceProgram.Parse(File.ReadAllText(Path.Combine(CasesFolder, name)));
        Assert.That(DifferenceRun.Compare(program, tells: true), Is.Null);
    }

    private static IReadOnlyList<ulong> Seeds()
    {
        ulong[] listed = [.. (Environment.GetEnvironmentVariable("EUCANET_DIFFERENCE_SEED") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static text => ulong.Parse(text, CultureInfo.InvariantCulture))];
        bool isCounted = int.TryParse(Environment.GetEnvironmentVariable("EUCANET_DIFFERENCE_SEEDS"), CultureInfo.InvariantCulture, out int count);
        return listed.Length > 0 && !isCounted ? listed : [.. Enumerable.Range(0, isCounted ? count : 40).Select(offset => (listed.Length > 0 ? listed[0] : 1) + (ulong)offset)];
    }

    private static string CasesFolder => Path.Combine(TestContext.CurrentContext.TestDirectory, "Datapath", "Differences", "cases");

    private static IEnumerable<string> Cases() => Directory.Exists(CasesFolder) ? Directory.GetFiles(CasesFolder).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal) : [];
}
