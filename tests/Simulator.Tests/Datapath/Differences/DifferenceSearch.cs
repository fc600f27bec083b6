using System.Globalization;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>
/// Runs random programs on both kernels and fails with those that differ. The first difference is made the smallest program that has it, a file for <c>cases/</c>;
/// EUCANET_DIFFERENCE_SHRINK=1 does so with all (that takes minutes).
/// </summary>
/// <param name="test">The test's name, for the line that repeats a seed.</param>
/// <param name="seedVariable">The first seed; without <paramref name="countVariable"/> the seeds to run, one or a list (4,5,12).</param>
/// <param name="countVariable">How many seeds.</param>
/// <param name="count">How many where nothing is said.</param>
internal sealed class DifferenceSearch(string test, string seedVariable, string countVariable, int count)
{
    /// <summary>A program for a seed, and the machine it is for; the machine has the program's rules loaded when <paramref name="generate"/> returns.</summary>
    public void Run(Func<ulong, Topology> topologyOf, Func<ulong, RealLab, DifferenceProgram> generate)
    {
        IReadOnlyList<ulong> seeds = Seeds();
        var differences = new List<string>();
        int frames = 0;
        using var labs = new LabSupply(seeds.Select(topologyOf));
        foreach (ulong seed in seeds)
        {
            DifferenceProgram program;
            string? found;
            using (RealLab lab = labs.Next())
            {
                program = generate(seed, lab);
                found = DifferenceRun.Compare(lab, program);
            }

            frames += program.Frames.Count;

            // The real kernel throws dice (ports, when two connections would have the same answers), and what follows from a
            // throw may differ once. What differs each time is a difference.
            if (found is not null && DifferenceRun.Compare(program) is not null && DifferenceRun.Compare(program) is { } difference)
            {
                bool shrinks = differences.Count == 0 || Environment.GetEnvironmentVariable("EUCANET_DIFFERENCE_SHRINK") == "1";
                DifferenceProgram small = shrinks ? DifferenceRun.Shrink(program) : program;
                differences.Add($"seed {seed}: {seedVariable}={seed} dotnet test tests/Simulator.Tests --filter Name~{test}\n{DifferenceRun.Compare(small, tells: true) ?? difference}\n{small}");
            }
        }

        TestContext.Out.WriteLine($"{frames} frames, {differences.Count} programs with a difference of {seeds.Count}");
        Assert.That(differences, Is.Empty, () => string.Join("\n\n", differences));
    }

    private IReadOnlyList<ulong> Seeds()
    {
        ulong[] listed = [.. (Environment.GetEnvironmentVariable(seedVariable) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static text => ulong.Parse(text, CultureInfo.InvariantCulture))];
        bool isCounted = int.TryParse(Environment.GetEnvironmentVariable(countVariable), CultureInfo.InvariantCulture, out int wanted);
        return listed.Length > 0 && !isCounted ? listed : [.. Enumerable.Range(0, isCounted ? wanted : count).Select(offset => (listed.Length > 0 ? listed[0] : 1) + (ulong)offset)];
    }
}
