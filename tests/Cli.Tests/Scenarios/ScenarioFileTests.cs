using EucaNet.Cli.Scenarios;

namespace EucaNet.Cli.Tests.Scenarios;

public sealed class ScenarioFileTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder()
    {
        _folder = Directory.CreateTempSubdirectory("eucanet-scenario-").FullName;
        File.WriteAllText(Path.Combine(_folder, "eucalyptus.conf"), "VNET_MODE=\"SYSTEM\"\n");
    }

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_whole_scenario_is_read_without_mistakes()
    {
        ScenarioFile file = Parse(
            """
            front-end front --config eucalyptus.conf --address eth0=192.168.1.254/24   # a comment
            node node1 --config eucalyptus.conf
            start
            say "Two words"
            instance run i-00000001 --user alice --on node1
            expect lease i-00000001 192.168.1.100
            expect no tcp i-00000001 front:22 --seen-as 192.168.1.100
            wait 1.5m
            """);
        Assert.Multiple(() =>
        {
            Assert.That(file.Mistakes, Is.Empty);
            Assert.That(file.Statements, Has.Count.EqualTo(8));
            Assert.That(file.Machines.First().Addresses.Single().PrefixLength, Is.EqualTo(24));
            Assert.That(file.Statements.OfType<SayStatement>().Single().Text, Is.EqualTo("Two words"));
            Assert.That(file.Statements.OfType<CommandStatement>().Single().Node, Is.EqualTo("node1"));
            Assert.That(file.Statements.OfType<WaitStatement>().Single().Time, Is.EqualTo(TimeSpan.FromSeconds(90)));
        });
    }

    [TestCase("instanse run i-1 --user a", 4, 1, "did you mean 'instance'?")]
    [TestCase("instance rum i-1 --user a", 4, 10, "did you mean 'run'?")]
    [TestCase("instance run i-1 --usr a", 4, 18, "did you mean '--user'?")]
    [TestCase("instance run i-1 --user a --on node7", 4, 32, "did you mean 'node1'?")]
    [TestCase("expect pinge node1 front", 4, 8, "did you mean 'ping'?")]
    [TestCase("expect no lease node1 10.0.0.1", 4, 11, "'no' goes with")]
    [TestCase("expect ping node1 frontt", 4, 19, "did you mean 'front'?")]
    [TestCase("expect tcp node1 front", 4, 18, "not MACHINE:PORT")]
    [TestCase("expect lease node1 10.0.0.256", 4, 20, "not an IPv4 address")]
    [TestCase("say \"not closed", 4, 5, "not closed")]
    [TestCase("wait 10", 4, 6, "not a time")]
    [TestCase("node node1 --config eucalyptus.conf", 4, 6, "already")]
    [TestCase("node node2 --config missing.conf", 4, 21, "there is no file")]
    [TestCase("node node2", 4, 1, "needs --config")]
    [TestCase("group authorize --group web --protocol tcp", 4, 40, "--user")]
    public void A_mistake_is_reported_with_its_place_and_what_was_probably_meant(string lineText, int line, int column, string message)
    {
        ScenarioFile file = Parse($"front-end front --config eucalyptus.conf\nnode node1 --config eucalyptus.conf\nstart\n{lineText}\n");
        ScenarioMistake mistake = file.Mistakes.Single();
        Assert.Multiple(() =>
        {
            Assert.That((mistake.Line, mistake.Column), Is.EqualTo((line, column)), mistake.Message);
            Assert.That(mistake.Message, Does.Contain(message));
        });
    }

    [Test]
    public void All_mistakes_are_reported_at_once()
    {
        ScenarioFile file = Parse("front-end front --config eucalyptus.conf\nfoo\nstart\nbar\nexpect baz\n");
        Assert.That(file.Mistakes.Select(mistake => mistake.Line), Is.EqualTo(new[] { 2, 4, 5 }));
    }

    [Test]
    public void A_command_above_start_is_a_mistake() =>
        Assert.That(Parse("front-end front --config eucalyptus.conf\nstatus\nstart\n").Mistakes.Single().Message, Does.Contain("write 'start' above"));

    [Test]
    public void A_scenario_without_front_end_is_a_mistake() =>
        Assert.That(Parse("node node1 --config eucalyptus.conf\nstart\n").Mistakes.Single().Message, Does.Contain("exactly one front-end"));

    private ScenarioFile Parse(string text) => ScenarioFile.Parse(Path.Combine(_folder, "test.euca"), text);
}
