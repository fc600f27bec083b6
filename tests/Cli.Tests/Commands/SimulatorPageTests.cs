using EucaNet.Simulator.Kernel;

namespace EucaNet.Cli.Tests.Commands;

/// <summary>The page on the simulator says what the code says.</summary>
public sealed class SimulatorPageTests
{
    [Test]
    public void The_tables_of_what_is_modelled_are_those_that_the_command_prints()
    {
        string page = File.ReadAllText(Path.Combine(CommandLine.Repository, "docs", "simulator.md"));
        const string Begin = "<!-- eucanet sim modelled -->\n", End = "<!-- end -->";
        int from = page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        Assert.That(page[from..page.IndexOf(End, from, StringComparison.Ordinal)].Trim(), Is.EqualTo(ModelledFeatures.ToMarkdown().Trim()),
            "docs/simulator.md is stale: put what 'eucanet sim modelled' prints between its two marks");
    }
}
