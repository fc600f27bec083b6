using EucaNet.Cli.Scenarios;
using EucaNet.Cli.Tests.Commands;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Recording;
using Spectre.Console;

namespace EucaNet.Cli.Tests.Scenarios;

/// <summary>What a scenario leaves behind, saved as text and loaded, is the same cloud: the same text, the same kernels, and the same frames from then on.</summary>
public sealed class SavedScenarioTests
{
    [TestCase("examples/managed/first-cloud.euca")]
    [TestCase("examples/managed/rules-and-addresses.euca")]
    [TestCase("examples/managed/single-machine.euca")]
    [TestCase("examples/static/first-cloud.euca")]
    [TestCase("examples/system/first-cloud.euca")]
    public async Task The_cloud_of_an_example_is_the_same_after_it_was_saved_and_loaded(string file)
    {
        var scenario = ScenarioFile.Read(Path.Combine(CommandLine.Repository, file));
        await using var world = new SimulatedWorld(seed: 1, capture: null, drawing: null);
        using (var told = new StringWriter())
        {
            var story = new Story(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(told) }), json: true);
            await using var cloud = new ScenarioCloud(world, [.. scenario.Machines.Select(MachinePlan.For)], seed: 1);
            await cloud.BuildAsync(CancellationToken.None);
            await new ScenarioRunner(scenario, cloud, story).RunAsync(CancellationToken.None);
            Assert.That(story.Status, Is.Zero, told.ToString());
        }

        string text = Text(world.Cloud);
        using SimulatedCloud again = SimulatedCloud.Load(new StringReader(text));
        Assert.That(Text(again), Is.EqualTo(text));
        foreach (SimulatedHost host in world.Cloud.Hosts)
        {
            Assert.That(KernelSnapshot.Capture(host.Kernel).DifferenceTo(KernelSnapshot.Capture(again[host.Name].Kernel)), Is.Empty, host.Name);
        }

        Assert.That(GoOn(again), Is.EqualTo(GoOn(world.Cloud)));
    }

    private static string GoOn(SimulatedCloud cloud)
    {
        using var transcript = new StringWriter();
        using (new CloudRecorder(cloud, null, transcript))
        {
            cloud.Advance(TimeSpan.FromMinutes(10));
            SimulatedHost[] hosts = [.. cloud.Hosts];
            foreach (VirtualMachine machine in cloud.VirtualMachines.Where(static machine => machine.Lease is not null))
            {
                transcript.WriteLine(cloud.Ping(hosts[0], machine.Lease!).ToString());
            }
        }

        return transcript.ToString();
    }

    private static string Text(SimulatedCloud cloud)
    {
        using var text = new StringWriter();
        cloud.Save(text);
        return text.ToString();
    }
}
