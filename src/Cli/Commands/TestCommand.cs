using System.CommandLine;
using System.CommandLine.Parsing;
using EucaNet.Engine;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli;

/// <summary>eucanet test vlan | public-address: the manual's tests of the local network before MANAGED mode is used.</summary>
internal static class TestCommand
{
    public static Command Build() => new("test", "The manual's tests of the network that MANAGED mode needs.") { Vlan(), PublicAddress() };

    private static Command Vlan()
    {
        var name = new Argument<string>("interface") { Description = "The interface on the local ethernet (VNET_INTERFACE).", HelpName = "INTERFACE" };
        var vlan = new Option<int>("--vlan") { Description = "The VLAN, 1 to 4094.", HelpName = "ID", DefaultValueFactory = _ => 10 };
        vlan.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 4094)
            {
                result.AddError("--vlan is a number from 1 to 4094");
            }
        });
        Option<Ipv4Address> own = AddressOption("--own", "This machine's address for the test, of an unused range.");
        Option<Ipv4Address> peer = AddressOption("--peer", "The other machine's address for the test.");
        Option<int> patience = SecondsOption("--wait", "How long to wait for the peer.", 30);
        var command = new Command(
            "vlan",
            """
            Does the switch forward VLAN tagged frames between two machines? Run it on both at once; each probes the other.
            Makes INTERFACE.ID with an address, probes the peer, and puts everything back, also when interrupted.

            Example: front-end# eucanet test vlan eth0 --own 192.168.1.1 --peer 192.168.1.2
                     node#      eucanet test vlan peth0 --own 192.168.1.2 --peer 192.168.1.1
            """)
        { name, vlan, own, peer, patience };
        command.SetAction(async (arguments, token) =>
        {
            Finding finding = await VlanTest.RunAsync(
                LinuxKernel.Current, arguments.GetRequiredValue(name), arguments.GetValue(vlan), arguments.GetValue(own), arguments.GetValue(peer),
                TimeSpan.FromSeconds(arguments.GetValue(patience)), token).ConfigureAwait(false);
            return Findings.Show([finding], arguments.GetValue(TerminalContext.Json));
        });
        return command;
    }

    private static Command PublicAddress()
    {
        var name = new Argument<string>("interface") { Description = "The public interface (VNET_PUBINTERFACE).", HelpName = "INTERFACE" };
        var address = new Argument<Ipv4Address>("address") { Description = "The public address.", HelpName = "ADDRESS", CustomParser = ParseAddress };
        Option<int> hold = SecondsOption("--hold", "How long the address stays, so that somebody outside can ping it.", 10);
        var command = new Command(
            "public-address",
            """
            Is a public address free, and can this machine have it? Asks who answers for it, takes it for a while, and puts it back.

            Example: eucanet test public-address eth1 203.0.113.10 --hold 60
            """)
        { name, address, hold };
        command.SetAction(async (arguments, token) =>
        {
            Finding finding = await PublicAddressTest.RunAsync(
                LinuxKernel.Current, arguments.GetRequiredValue(name), arguments.GetValue(address), TimeSpan.FromSeconds(arguments.GetValue(hold)), token).ConfigureAwait(false);
            return Findings.Show([finding], arguments.GetValue(TerminalContext.Json));
        });
        return command;
    }

    private static Option<Ipv4Address> AddressOption(string name, string description) =>
        new(name) { Description = description, HelpName = "ADDRESS", Required = true, CustomParser = ParseAddress };

    private static Option<int> SecondsOption(string name, string description, int seconds) =>
        new(name) { Description = description, HelpName = "SECONDS", DefaultValueFactory = _ => seconds };

    private static Ipv4Address ParseAddress(ArgumentResult result)
    {
        if (!Ipv4Address.TryParse(result.Tokens[0].Value, out Ipv4Address address))
        {
            result.AddError($"'{result.Tokens[0].Value}' is not an IPv4 address");
        }

        return address;
    }
}
