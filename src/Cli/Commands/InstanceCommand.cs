using System.CommandLine;
using System.Text.Json;
using EucaNet.Cli.Control;
using Spectre.Console;

namespace EucaNet.Cli;

/// <summary>eucanet instance run | terminate | attach | detach | list</summary>
internal static class InstanceCommand
{
    public static Command Build(Func<ParseResult, IVerbContext> connect) =>
        new("instance", "Instances (VMs): what the front-end assigns to them, what a node connects.")
        {
            Run(connect),
            Terminate(connect),
            Attach(connect),
            Detach(connect),
            Report(connect),
            List(connect),
        };

    private static Command Run(Func<ParseResult, IVerbContext> connect)
    {
        Argument<string> instance = InstanceArgument();
        var user = new Option<string>("--user", "-u") { Description = "The user it belongs to.", Required = true };
        var group = new Option<string>("--group", "-g") { Description = "The user's group, whose network it joins.", DefaultValueFactory = _ => "default" };
        var address = new Option<string?>("--public") { Description = "A public address of the pool to give it at once; 'any' for the first free one.", HelpName = "ADDRESS" };
        var command = new Command(
            "run",
            """
            Front-end: assigns VLAN, hardware address, private address and bridge to an instance that is about to run.

            Example: eucanet instance run i-2eca052c --user alice --group web
            """)
        { instance, user, group, address };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            var request = new RunMessage(arguments.GetRequiredValue(instance), arguments.GetRequiredValue(user), arguments.GetRequiredValue(group), arguments.GetValue(address));
            context.Show(await context.Control.RunInstanceAsync(request, token).ConfigureAwait(false));
        });
        return command;
    }

    private static Command Terminate(Func<ParseResult, IVerbContext> connect)
    {
        Argument<string> instance = InstanceArgument();
        var command = new Command("terminate", "Front-end: takes back what an instance was assigned. Example: eucanet instance terminate i-2eca052c") { instance };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            context.Show(await context.Control.TerminateInstanceAsync(arguments.GetRequiredValue(instance), token).ConfigureAwait(false));
        });
        return command;
    }

    private static Command Attach(Func<ParseResult, IVerbContext> connect)
    {
        var assignment = new Argument<string>("assignment") { Description = "The front-end's answer to 'instance run -j', a file or - for standard input; the instance's name where one engine is front-end and node.", HelpName = "FILE" };
        var name = new Option<string>("--interface", "-i") { Description = "The interface the hypervisor made, such as vif18.0.", Required = true };
        var command = new Command(
            "attach",
            """
            Node: connects an instance's interface as the front-end assigned.

            Examples: eucanet instance attach i-2eca052c --interface vif18.0     (one engine for both)
                      ssh front-end eucanet instance run i-2eca052c -u alice -j | eucanet instance attach - --interface vif18.0
            """)
        { assignment, name };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            InstanceMessage message = await FindAssignmentAsync(arguments.GetRequiredValue(assignment), context.Control, token).ConfigureAwait(false);
            context.Show(await context.Control.AttachInstanceAsync(new AttachMessage(message, arguments.GetRequiredValue(name)), token).ConfigureAwait(false));
        });
        return command;
    }

    private static Command Detach(Func<ParseResult, IVerbContext> connect)
    {
        Argument<string> instance = InstanceArgument();
        var command = new Command("detach", "Node: disconnects an instance; the last one of a VLAN takes bridge and VLAN device along.") { instance };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            context.Show(await context.Control.DetachInstanceAsync(arguments.GetRequiredValue(instance), token).ConfigureAwait(false));
        });
        return command;
    }

    private static Command Report(Func<ParseResult, IVerbContext> connect)
    {
        Argument<string> instance = InstanceArgument();
        var address = new Argument<string>("address") { Description = "The address its node saw a DHCP server give it.", HelpName = "ADDRESS" };
        var server = new Option<string>("--server") { Description = "That server.", HelpName = "ADDRESS", DefaultValueFactory = _ => "" };
        var lease = new Option<int>("--lease") { Description = "How long the address counts without another report.", HelpName = "SECONDS", DefaultValueFactory = _ => 3600 };
        var command = new Command(
            "report",
            """
            Front-end, SYSTEM mode: takes what a node saw of an instance's address; it counts beside the front-end's own neighbour table, the newest sign of either.
            A node's 'instance list' shows what it saw; carrying it here is the cloud's own messaging.

            Example: eucanet instance report i-2eca052c 192.168.1.23 --lease 1200
            """)
        { instance, address, server, lease };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            var report = new ReportMessage(arguments.GetRequiredValue(instance), arguments.GetRequiredValue(address), arguments.GetRequiredValue(server), arguments.GetValue(lease));
            context.Show(await context.Control.ReportAddressAsync(report, token).ConfigureAwait(false));
        });
        return command;
    }

    private static Command List(Func<ParseResult, IVerbContext> connect)
    {
        var command = new Command("list", "The instances known here, with their addresses (0.0.0.0: not known).");
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            IReadOnlyList<InstanceMessage> instances = await context.Control.ListInstancesAsync(token).ConfigureAwait(false);
            context.Show(instances, ControlJson.Default.IReadOnlyListInstanceMessage, () =>
            {
                Table table = Tables.New("instance", "user", "group", "vlan", "hardware address", "private", "public", "bridge", "interface");
                foreach (InstanceMessage row in instances)
                {
                    table.AddRow(Tables.Cells(row.Instance, row.User, row.Group, row.Vlan == 0 ? "" : $"{row.Vlan}", row.HardwareAddress, row.PrivateAddress, row.PublicAddress, row.Bridge, row.Interface ?? ""));
                }

                return table;
            });
        });
        return command;
    }

    private static Argument<string> InstanceArgument() => new("instance") { Description = "The instance's name: i- and eight hexadecimal digits.", HelpName = "i-XXXXXXXX" };

    private static async Task<InstanceMessage> FindAssignmentAsync(string nameOrPath, IControl control, CancellationToken cancellationToken)
    {
        if (nameOrPath == "-" || File.Exists(nameOrPath) || !nameOrPath.StartsWith("i-", StringComparison.Ordinal))
        {
            return ReadAssignment(nameOrPath);
        }

        IReadOnlyList<InstanceMessage> known = await control.ListInstancesAsync(cancellationToken).ConfigureAwait(false);
        return known.FirstOrDefault(row => row.Instance == nameOrPath)
            ?? throw new RefusedException($"there is no file {nameOrPath}, and this engine assigned nothing to an instance of that name; give the front-end's answer to 'instance run -j'");
    }

    private static InstanceMessage ReadAssignment(string path)
    {
        try
        {
            string text = path == "-" ? Console.In.ReadToEnd() : File.ReadAllText(path);
            using JsonDocument document = JsonDocument.Parse(text);
            // Both the whole answer of 'instance run -j' and the assignment alone are taken.
            JsonElement element = document.RootElement.TryGetProperty("instance", out JsonElement inner) && inner.ValueKind == JsonValueKind.Object ? inner : document.RootElement;
            return element.Deserialize(ControlJson.Default.InstanceMessage) ?? throw new RefusedException($"{path}: holds no assignment");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new RefusedException($"{path}: not an assignment as 'eucanet instance run -j' prints it: {exception.Message}");
        }
    }
}
