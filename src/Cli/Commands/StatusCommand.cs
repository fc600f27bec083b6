using System.CommandLine;
using EucaNet.Cli.Control;
using Spectre.Console;

namespace EucaNet.Cli;

/// <summary>eucanet status</summary>
internal static class StatusCommand
{
    public static Command Build(Func<ParseResult, IVerbContext> connect)
    {
        var command = new Command("status", "What the running engine is and has.");
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            StatusMessage status = await context.Control.GetStatusAsync(token).ConfigureAwait(false);
            context.Show(status, ControlJson.Default.StatusMessage, () =>
            {
                Table table = Tables.New("", "");
                table.HideHeaders();
                table.AddRow(Tables.Cells("role", status.Role));
                table.AddRow(Tables.Cells("mode", status.Mode));
                table.AddRow(Tables.Cells("firewall", status.Firewall));
                table.AddRow(Tables.Cells("instances", $"{status.Instances}"));
                table.AddRow(Tables.Cells("networks", $"{status.Networks}"));
                table.AddRow(Tables.Cells("public addresses", $"{status.PublicAddressesInUse} of {status.PublicAddresses} in use"));
                table.AddRow(Tables.Cells("dhcp", status.Dhcp));
                foreach (string problem in status.Problems)
                {
                    table.AddRow(Tables.Cells("problem", problem));
                }

                return table;
            });
        });
        return command;
    }
}
