using System.CommandLine;
using System.Globalization;
using EucaNet.Cli.Control;
using EucaNet.Cli.Scenarios;
using EucaNet.Netlink.Kernel;
using Spectre.Console;

namespace EucaNet.Cli;

/// <summary>eucanet sim FILE</summary>
internal static class SimCommand
{
    public static Command Build()
    {
        var file = new Argument<string>("file") { Description = "A scenario (docs/scenarios.md).", HelpName = "FILE" };
        var kernel = new Option<string>("--kernel") { Description = "simulated: kernels in memory, no root. linux: network namespaces of this machine (root).", DefaultValueFactory = _ => "simulated" };
        kernel.AcceptOnlyFromAmong("simulated", "linux");
        var seed = new Option<ulong>("--seed") { Description = "The seed of everything random on simulated kernels; one seed gives one run.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var client = new Option<string>("--dhcp-client") { Description = "On the Linux kernel: the program VMs get their leases with; built-in, udhcpc or dhclient.", DefaultValueFactory = _ => "built-in" };
        client.AcceptOnlyFromAmong("built-in", "udhcpc", "dhclient");
        var inspect = new Option<string[]>("--inspect") { Description = "On the Linux kernel, before the end: run this command on every machine the engine runs on, and show its output.", HelpName = "COMMAND" };
        var graph = new Option<string?>("--graph") { Description = "On simulated kernels: draw the machines and networks as they are at the end (SVG).", HelpName = "FILE" };
        var pcap = new Option<string?>("--pcap") { Description = "On simulated kernels: record every frame and every netlink message in one timeline (pcapng).", HelpName = "FILE" };
        var command = new Command(
            "sim",
            """
            Runs a scenario: a whole cloud with its VMs, commands and expectations, told as it happens.

            Exit status: 0 every expectation held, 1 one failed, 2 the scenario or a configuration has mistakes, 3 the cloud did not settle
            in time and all else held, 4 the program failed.
            Examples: eucanet sim examples/managed/first-cloud.euca
                      eucanet sim --kernel linux examples/static/first-cloud.euca
            """)
        { file, kernel, seed, client, inspect, graph, pcap, ChurnCommand.Build(), ModelledCommand.Build() };
        command.SetAction(async (arguments, token) =>
        {
            await Task.Yield(); // signals are heeded from the first wait on
            var options = new SimOptions(
                arguments.GetRequiredValue(file),
                arguments.GetRequiredValue(kernel) == "linux",
                arguments.GetValue(seed),
                arguments.GetRequiredValue(client),
                arguments.GetValue(inspect) ?? [],
                arguments.GetValue(graph),
                arguments.GetValue(pcap),
                arguments.GetValue(TerminalContext.Json));
            int status = await RunAsync(options, token).ConfigureAwait(false);
            if (status is 1 or 3 or 4)
            {
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"eucanet: status {status}; again by: eucanet sim {(options.Linux ? "--kernel linux " : "")}{options.File} --seed {options.Seed}"));
            }

            return status;
        });
        return command;
    }

    private sealed record SimOptions(string File, bool Linux, ulong Seed, string DhcpClient, IReadOnlyList<string> Inspect, string? Graph, string? Capture, bool Json);

    private static async Task<int> RunAsync(SimOptions options, CancellationToken token)
    {
        ScenarioFile scenario;
        List<MachinePlan> plans = [];
        try
        {
            scenario = ScenarioFile.Read(options.File);
            foreach (ScenarioMistake mistake in scenario.Mistakes)
            {
                Console.Error.WriteLine(mistake);
            }

            if (scenario.Mistakes.Count > 0)
            {
                return 2;
            }

            plans.AddRange(scenario.Machines.Select(MachinePlan.For));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or RefusedException)
        {
            Console.Error.WriteLine(exception is RefusedException ? exception.Message : $"eucanet: {options.File}: {exception.Message}");
            return 2;
        }

        if (options.Linux && (options.Graph ?? options.Capture) is not null)
        {
            Console.Error.WriteLine("eucanet: --graph and --pcap go with simulated kernels; on the Linux kernel --inspect shows what stands");
            return 2;
        }

        if (options.Linux && scenario.Statements.Exists(static statement => statement is FaultStatement))
        {
            Console.Error.WriteLine("eucanet: 'fault' goes with simulated kernels; a real kernel's faults cannot be ordered");
            return 2;
        }

        IWorld made;
        try
        {
            made = options.Linux ? new LinuxWorld(options.DhcpClient) : new SimulatedWorld(options.Seed, options.Capture, options.Graph);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"eucanet: {exception.Message}");
            return 2;
        }

        var story = new Story(AnsiConsole.Console, options.Json);
        await using IWorld world = made;
        story.Begin(options.File, world.Description);
        await using var cloud = new ScenarioCloud(world, plans, options.Seed);
        try
        {
            await cloud.BuildAsync(token).ConfigureAwait(false);
            await new ScenarioRunner(scenario, cloud, story).RunAsync(token).ConfigureAwait(false);
            foreach (string inspection in options.Inspect)
            {
                await cloud.InspectAsync(inspection, story, token).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (exception is RefusedException or KernelException or EucaNet.Engine.EngineException)
        {
            Console.Error.WriteLine($"eucanet: {exception.Message}");
            return 4;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Console.Error.WriteLine($"eucanet: the program failed: {exception}");
            return 4;
        }

        return story.Status;
    }
}
