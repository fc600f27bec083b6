using EucaNet.Cli.Tests.Commands;

namespace EucaNet.Cli.Tests.Scenarios;

/// <summary>Faults in scenarios, and what the exit status says of them.</summary>
public sealed class ScenarioFaultTests
{
    private const string Beginning = """
        front-end front --config eucalyptus.conf --address eth1=203.0.113.1/24
        node node1 --config eucalyptus-node.conf
        start
        instance run i-0a000001 --user alice --group web --on node1
        expect lease i-0a000001 192.168.0.2

        """;

    [Test]
    public void A_cloud_that_settles_after_its_faults_is_status_0()
    {
        CommandResult run = Run(Beginning + """
            fault answer-lost device-vanishes answer-twice --chance 0.2
            group authorize --user alice --group web --protocol tcp --port 22
            group authorize --user alice --group web --protocol tcp --port 23
            group authorize --user bob --group default --protocol tcp --port 24
            faults end
            settle within 60s
            expect ping front i-0a000001
            """);
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
        Assert.That(run.Output, Does.Match("struck [1-9]"));
    }

    [Test]
    public void A_cloud_that_never_settles_is_status_3_and_says_how_to_see_it_again()
    {
        CommandResult run = Run(Beginning + """
            fault device-vanishes --chance 1 --on front
            settle within 5s
            """, "--seed", "4");
        Assert.That(run.Status, Is.EqualTo(3), run.Output + run.Errors);
        Assert.That(run.Errors, Does.Contain("again by: eucanet sim ").And.Contain("--seed 4"));
    }

    [Test]
    public void An_expectation_that_fails_is_status_1_whatever_else_settles()
    {
        CommandResult run = Run(Beginning + """
            expect no ping front i-0a000001
            settle within 5s
            """);
        Assert.That(run.Status, Is.EqualTo(1), run.Output + run.Errors);
    }

    [TestCase("fault answer-lots", "did you mean 'answer-lost'")]
    [TestCase("fault answer-lost --chance 2", "--chance needs a number")]
    [TestCase("fault killed", "keep no state over their death")]
    [TestCase("settle 30s", "settle within TIME")]
    [TestCase("faults stop", "faults end")]
    public void A_mistake_is_status_2_and_is_named(string line, string message)
    {
        CommandResult run = Run(Beginning + line + "\n");
        Assert.That(run.Status, Is.EqualTo(2), run.Output + run.Errors);
        Assert.That(run.Errors, Does.Contain(message));
    }

    private static CommandResult Run(string text, params string[] options)
    {
        string folder = Directory.CreateTempSubdirectory("eucanet-faults-").FullName;
        foreach (string name in (string[])["eucalyptus.conf", "eucalyptus-node.conf"])
        {
            File.Copy(Path.Combine(CommandLine.Repository, "examples", "managed", name), Path.Combine(folder, name));
        }

        string file = Path.Combine(folder, "faults.euca");
        File.WriteAllText(file, text);
        CommandResult run = CommandLine.Run(null, ["sim", file, .. options]);
        Directory.Delete(folder, recursive: true);
        return run;
    }
}
