using System.CommandLine;
using EucaNet.Cli;
using EucaNet.Cli.Control;
using EucaNet.Netlink.Kernel;
using Spectre.Console;

// One line stays one line: a terminal folds what is too long, grep and editors read the rest.
AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 1000);

var root = new RootCommand(
    """
    EucaNet: the network of a cloud's front-end and nodes, on raw netlink.

    A whole cloud without root:    eucanet sim examples/managed/first-cloud.euca
    Is a configuration right:      eucanet check /etc/eucalyptus/eucalyptus.conf
    The engine on this machine:    eucanet up --config /etc/eucalyptus/eucalyptus.conf --role front-end
    """)
{
    CheckCommand.Build(),
    SimCommand.Build(),
    IptablesCommand.Build(),
    NftCommand.Build(),
    UpCommand.Build(),
    DoctorCommand.Build(),
    TestCommand.Build(),
    SupportBundleCommand.Build(),
    LinkShowCommand.Build(),
    AddrShowCommand.Build(),
    RouteShowCommand.Build(),
    NeighShowCommand.Build(),
    BridgeShowCommand.Build(),
    MonitorCommand.Build(),
};
root.Add(TerminalContext.Json);
root.Add(TerminalContext.Socket);
foreach (Command verb in EngineVerbs.Build(TerminalContext.Connect))
{
    root.Add(verb);
}

ParseResult parsed = root.Parse(args);
foreach (Command below in parsed.CommandResult.Command.Subcommands)
{
    // A list of commands shows what each is for; its own help has the rest.
    below.Description = below.Description?.Split('\n')[0];
}

try
{
    int status = await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });

    // A line that is no command is a mistake of the caller's, not an answer: 1 would be "an expectation failed" to who runs scenarios.
    return parsed.Errors.Count > 0 ? 2 : status;
}
catch (Exception exception) when (exception is RefusedException or KernelException or EucaNet.Engine.EngineException)
{
    Console.Error.WriteLine($"eucanet: {exception.Message}");
    return 1;
}
catch (OperationCanceledException)
{
    return 130;
}
