using System.CommandLine;
using EucaNet.Cli.Control;
using Spectre.Console;

namespace EucaNet.Cli;

/// <summary>eucanet address associate | disassociate | list</summary>
internal static class AddressCommand
{
    public static Command Build(Func<ParseResult, IVerbContext> connect) =>
        new("address", "Public (elastic) addresses (MANAGED mode).") { Associate(connect), Disassociate(connect), List(connect) };

    private static Command Associate(Func<ParseResult, IVerbContext> connect)
    {
        Argument<string> address = AddressArgument();
        var instance = new Argument<string>("instance") { Description = "The instance that gets it.", HelpName = "i-XXXXXXXX" };
        var command = new Command("associate", "Gives a public address to an instance, taking it from another if need be. Example: eucanet address associate 203.0.113.10 i-2eca052c") { address, instance };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            context.Show(await context.Control.AssociateAsync(new AssociateMessage(arguments.GetRequiredValue(address), arguments.GetRequiredValue(instance)), token).ConfigureAwait(false));
        });
        return command;
    }

    private static Command Disassociate(Func<ParseResult, IVerbContext> connect)
    {
        Argument<string> address = AddressArgument();
        var command = new Command("disassociate", "Takes a public address back; connections through it are cut.") { address };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            context.Show(await context.Control.DisassociateAsync(arguments.GetRequiredValue(address), token).ConfigureAwait(false));
        });
        return command;
    }

    private static Command List(Func<ParseResult, IVerbContext> connect)
    {
        var command = new Command("list", "The pool of public addresses and who has them.");
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            IReadOnlyList<AddressMessage> addresses = await context.Control.ListAddressesAsync(token).ConfigureAwait(false);
            context.Show(addresses, ControlJson.Default.IReadOnlyListAddressMessage, () =>
            {
                Table table = Tables.New("public", "instance", "private");
                foreach (AddressMessage row in addresses)
                {
                    table.AddRow(Tables.Cells(row.PublicAddress, row.Instance.Length > 0 ? row.Instance : "free", row.PrivateAddress));
                }

                return table;
            });
        });
        return command;
    }

    private static Argument<string> AddressArgument() => new("address") { Description = "A public address of the pool.", HelpName = "ADDRESS" };
}
