using System.CommandLine;
using EucaNet.Cli.Control;
using Spectre.Console;

namespace EucaNet.Cli;

/// <summary>eucanet network list</summary>
internal static class NetworkCommand
{
    public static Command Build(Func<ParseResult, IVerbContext> connect)
    {
        var list = new Command("list", "The active networks: one VLAN and one piece of the subnet for each group with instances.");
        list.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            IReadOnlyList<NetworkMessage> networks = await context.Control.ListNetworksAsync(token).ConfigureAwait(false);
            context.Show(networks, ControlJson.Default.IReadOnlyListNetworkMessage, () =>
            {
                Table table = Tables.New("user", "group", "vlan", "subnet", "router", "instances", "free");
                foreach (NetworkMessage row in networks)
                {
                    table.AddRow(Tables.Cells(row.User, row.Group, $"{row.Vlan}", row.Subnet, row.Router, $"{row.Instances}", $"{row.Free}"));
                }

                return table;
            });
        });
        return new Command("network", "Networks of the groups that have instances.") { list };
    }
}
