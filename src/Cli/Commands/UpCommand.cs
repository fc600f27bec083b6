using System.CommandLine;
using EucaNet.Cli.Control;
using EucaNet.Engine;
using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Kernel;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace EucaNet.Cli;

/// <summary>eucanet up: the engine as a daemon on this machine's kernel.</summary>
internal static class UpCommand
{
    private const string DefaultState = "/var/lib/eucanet";

    public static Command Build()
    {
        var configuration = new Option<string>("--config", "-c") { Description = "The machine's eucalyptus.conf.", HelpName = "FILE", Required = true };
        Option<EngineRole> role = RoleOption.Build();
        var state = new Option<string>("--state") { Description = "Where instances, groups, rules and addresses are kept over a restart.", HelpName = "FOLDER", DefaultValueFactory = _ => DefaultState };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "Log every change to the kernel." };
        var command = new Command(
            "up",
            """
            Runs the engine on this machine's kernel until it is told to stop (Ctrl-C, SIGTERM), and serves the runtime commands at --socket.
            What it made stays in the kernel; a start after any end, kill -9 included, finds it and repairs only what differs.

            Exit status: 0 stopped as told, 1 the configuration or the kernel refused.
            Examples: eucanet up --config /etc/eucalyptus/eucalyptus.conf --role front-end
                      eucanet up --config /etc/eucalyptus/eucalyptus.conf --role both      (the whole cloud on this machine)
            """)
        { configuration, role, state, verbose };
        command.SetAction(async (arguments, token) =>
        {
            await Task.Yield(); // signals are heeded from the first wait on
            using ILoggerProvider logging = new ConsoleLoggerProvider(Monitor(new ConsoleLoggerOptions { LogToStandardErrorThreshold = LogLevel.Trace }), []);
            using ILoggerFactory loggers = LoggerFactory.Create(builder => builder.AddProvider(logging).SetMinimumLevel(arguments.GetValue(verbose) ? LogLevel.Debug : LogLevel.Information));
            ILogger log = loggers.CreateLogger("eucanet");

            EngineRole machineRole = arguments.GetValue(role);
            NetworkConfiguration network = ConfigurationFiles.Read(arguments.GetRequiredValue(configuration), machineRole);
            using SocketClaim claim = SocketClaim.Take(arguments.GetRequiredValue(TerminalContext.Socket));
            var options = new EngineOptions { LoggerFactory = loggers, StateDirectory = arguments.GetRequiredValue(state), DaemonLauncher = new Engine.Dhcp.DaemonLauncher(), CheckInterval = TimeSpan.FromMinutes(1) };
            await RunAsync(network, machineRole, options, claim, logging, log, token).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    private static async Task RunAsync(
        NetworkConfiguration network, EngineRole role, EngineOptions options, SocketClaim claim, ILoggerProvider logging, ILogger log, CancellationToken token)
    {
        FrontEnd? frontEnd = role != EngineRole.Node ? new FrontEnd(LinuxKernel.Current, network, options) : null;
        Node? node = role != EngineRole.FrontEnd ? new Node(LinuxKernel.Current, network, options with { AddressReports = network.Mode == NetworkMode.System ? frontEnd : null }) : null;
        await using (frontEnd)
        await using (node)
        {
            ChangeSummary[] started =
            [
                frontEnd is null ? ChangeSummary.Nothing : await frontEnd.StartAsync(token).ConfigureAwait(false),
                node is null ? ChangeSummary.Nothing : await node.StartAsync(token).ConfigureAwait(false),
            ];
            foreach (string line in started.SelectMany(LocalControl.Lines))
            {
                log.LogInformation("{Change}", line);
            }

            await using ControlServer server = await ControlServer.StartAsync(claim, new LocalControl(frontEnd, node), logging, token).ConfigureAwait(false);
            log.LogInformation("{Mode} {Role} runs; commands at {Socket}", network.Mode.ToString().ToUpperInvariant(), RoleOption.NameOf(role), claim.Path);
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                log.LogInformation("stopping; what was made stays in the kernel");
            }
        }
    }

    private static OptionsMonitor<ConsoleLoggerOptions> Monitor(ConsoleLoggerOptions options) =>
        new(new OptionsFactory<ConsoleLoggerOptions>([new ConfigureOptions<ConsoleLoggerOptions>(target => target.LogToStandardErrorThreshold = options.LogToStandardErrorThreshold)], []), [], new OptionsCache<ConsoleLoggerOptions>());
}
