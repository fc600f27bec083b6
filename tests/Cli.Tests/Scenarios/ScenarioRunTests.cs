using System.Text.Json;
using EucaNet.Cli.Tests.Commands;
using EucaNet.Tests;

namespace EucaNet.Cli.Tests.Scenarios;

/// <summary>The examples, run as a user runs them.</summary>
public sealed class ScenarioRunTests
{
    private static readonly string VirtualMachine = Path.Combine(CommandLine.Repository, "tests", "vm", "run");

    [TestCase("examples/managed/first-cloud.euca")]
    [TestCase("examples/managed/single-machine.euca")]
    [TestCase("examples/managed/rules-and-addresses.euca")]
    [TestCase("examples/static/first-cloud.euca")]
    [TestCase("examples/system/first-cloud.euca")]
    [TestCase("examples/system/reports.euca")]
    [TestCase("tests/Cli.Tests/Scenarios/public-source.euca")]
    public void Every_expectation_of_the_example_holds_on_simulated_kernels(string file)
    {
        CommandResult run = CommandLine.Run(null, "sim", file);
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
        Assert.That(run.Output, Does.Contain(" 0 failed"));
    }

    [TestCase("iptables-legacy")]
    [TestCase("iptables-nft")]
    public void The_first_cloud_stands_on_another_firewall_too(string firewall) => RunWith(firewall, "examples/managed/first-cloud.euca");

    [Test]
    public void One_seed_gives_one_story()
    {
        CommandResult first = CommandLine.Run(null, "sim", "examples/managed/first-cloud.euca", "--seed", "7", "-j");
        CommandResult second = CommandLine.Run(null, "sim", "examples/managed/first-cloud.euca", "--seed", "7", "-j");
        Assert.That(second.Output, Is.EqualTo(first.Output));
    }

    [Test]
    public void The_story_in_JSON_is_one_object_a_line()
    {
        CommandResult run = CommandLine.Run(null, "sim", "examples/static/first-cloud.euca", "-j");
        string[] events = [.. run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("event").GetString()!)];
        Assert.Multiple(() =>
        {
            Assert.That(events[0], Is.EqualTo("begin"));
            Assert.That(events[^1], Is.EqualTo("end"));
            Assert.That(events, Does.Contain("expect").And.Contain("did").And.Contain("step"));
        });
    }

    [Test]
    public void An_expectation_that_fails_ends_with_status_1_and_is_shown()
    {
        string folder = Directory.CreateTempSubdirectory("eucanet-failing-").FullName;
        foreach (string name in (string[])["eucalyptus.conf", "eucalyptus-node.conf"])
        {
            File.Copy(Path.Combine(CommandLine.Repository, "examples", "static", name), Path.Combine(folder, name));
        }

        string file = Path.Combine(folder, "failing.euca");
        File.WriteAllText(
            file,
            """
            front-end front --config eucalyptus.conf --address eth0=192.168.1.254/24
            node node1 --config eucalyptus-node.conf
            start
            instance run i-00000001 --user alice --on node1
            expect lease i-00000001 192.168.1.4
            expect no ping i-00000001 front
            """);
        CommandResult run = CommandLine.Run(null, "sim", file);
        Directory.Delete(folder, recursive: true);
        Assert.Multiple(() =>
        {
            Assert.That(run.Status, Is.EqualTo(1), run.Errors);
            Assert.That(run.Output, Does.Contain("2 failed").And.Contain("FAILED expect lease i-00000001 192.168.1.4"));
        });
    }

    [Test]
    public void A_scenario_with_a_typo_runs_nothing_and_ends_with_status_2()
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, "frontend front --config eucalyptus.conf\n");
        CommandResult run = CommandLine.Run(null, "sim", file);
        File.Delete(file);
        Assert.Multiple(() =>
        {
            Assert.That(run.Status, Is.EqualTo(2));
            Assert.That(run.Output, Is.Empty);
            Assert.That(run.Errors, Does.Contain($"{file}:1:1:").And.Contain("did you mean 'front-end'?"));
        });
    }

    [Test]
    public void A_cloud_that_cannot_be_raised_ends_with_status_4_says_why_and_how_to_see_it_again()
    {
        string folder = Directory.CreateTempSubdirectory("eucanet-raising-").FullName;
        File.Copy(Path.Combine(CommandLine.Repository, "examples", "static", "eucalyptus.conf"), Path.Combine(folder, "eucalyptus.conf"));
        string file = Path.Combine(folder, "twice.euca");
        File.WriteAllText(file, "front-end front --config eucalyptus.conf --address eth0=192.168.1.254/24 --address eth0=192.168.1.254/24\nstart\n");
        CommandResult run = CommandLine.Run(null, "sim", file);
        Directory.Delete(folder, recursive: true);
        Assert.That(run.Status, Is.EqualTo(4), run.Output);
        Assert.That(run.Errors, Does.Contain("EEXIST (exists already)").And.Contain($"again by: eucanet sim {file} --seed 1"));
    }

    [TestCase("--graph")]
    [TestCase("--pcap")]
    public void A_file_that_cannot_be_written_ends_with_status_2_before_anything_runs(string option)
    {
        CommandResult run = CommandLine.Run(null, "sim", "examples/static/first-cloud.euca", option, "/nowhere/at/all");
        Assert.That(run.Status, Is.EqualTo(2), run.Errors);
        Assert.That(run.Errors, Does.Contain("/nowhere/at/all"));
        Assert.That(run.Output, Is.Empty);
    }

    [TestCase("examples/static/first-cloud.euca", "built-in")]
    [TestCase("examples/static/first-cloud.euca", "udhcpc")]
    [TestCase("examples/static/first-cloud.euca", "dhclient")]
    [TestCase("examples/system/first-cloud.euca", "built-in")]
    [TestCase("examples/system/first-cloud.euca", "udhcpc")]
    [TestCase("examples/system/reports.euca", "udhcpc")]
    [RequiresRoot]
    [RequiresProgram("udhcpc", "dhclient")]
    public void The_same_scenario_holds_on_this_machines_kernel(string file, string client)
    {
        CommandResult run = CommandLine.Run(null, "sim", "--kernel", "linux", "--dhcp-client", client, file);
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
    }

    [Test]
    [RequiresVirtualMachine]
    public void The_managed_scenario_holds_under_a_stock_Debian_kernel_with_a_client_nobody_here_wrote()
    {
        CommandResult run = CommandLine.RunOther(
            null, VirtualMachine, "-t", "420", "dotnet", CommandLine.Program, "sim", "--kernel", "linux", "--dhcp-client", "udhcpc", "examples/managed/first-cloud.euca");
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
    }

    [TestCase("sim", "--nosuch", "examples/managed/first-cloud.euca")]
    [TestCase("sim", "churn", "--seeds", "0")]
    [TestCase("sim", "churn", "--seed", "abc")]
    [TestCase("nosuch")]
    public void A_command_line_with_a_mistake_is_no_failed_expectation(params string[] arguments)
    {
        CommandResult run = CommandLine.Run(null, arguments);
        Assert.That((run.Status, run.Errors.Length > 0), Is.EqualTo((2, true)), run.Errors);
    }

    [TestCase("iptables-legacy")]
    [TestCase("iptables-nft")]
    public void A_rule_for_a_public_address_works_on_another_firewall_too(string firewall) => RunWith(firewall, "tests/Cli.Tests/Scenarios/public-source.euca");

    [Test]
    [RequiresRoot]
    public void Without_802_1Q_the_error_says_so()
    {
        if (Directory.Exists("/proc/net/vlan"))
        {
            Assert.Ignore("this kernel has 802.1Q");
        }

        string examples = Path.Combine(CommandLine.Repository, "examples", "managed");
        string file = Path.GetTempFileName();
        File.WriteAllText(file, $"front-end front --config {examples}/eucalyptus.conf --address eth1=203.0.113.1/24\nnode node1 --config {examples}/eucalyptus-node.conf\nstart\ninstance run i-0a000001 --user alice --group web --on node1\n");
        CommandResult run = CommandLine.Run(null, "sim", "--kernel", "linux", file);
        File.Delete(file);
        Assert.That(run.Status, Is.EqualTo(1));
        Assert.That(run.Output + run.Errors, Does.Contain("802.1Q"));
    }

    // A scenario with the managed example's configurations, on another firewall.
    private static void RunWith(string firewall, string scenario)
    {
        string folder = Directory.CreateTempSubdirectory("eucanet-firewall-").FullName;
        foreach (string name in (string[])["eucalyptus.conf", "eucalyptus-node.conf"])
        {
            File.WriteAllText(Path.Combine(folder, name), File.ReadAllText(Path.Combine(CommandLine.Repository, "examples", "managed", name)) + $"\nVNET_FIREWALL=\"{firewall}\"\n");
        }

        string file = Path.Combine(folder, "scenario.euca");
        File.WriteAllText(file, File.ReadAllText(Path.Combine(CommandLine.Repository, scenario)).Replace("../../../examples/managed/", "", StringComparison.Ordinal));
        CommandResult run = CommandLine.Run(null, "sim", file);
        Directory.Delete(folder, recursive: true);
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
        Assert.That(run.Output, Does.Contain(" 0 failed"));
    }
}
