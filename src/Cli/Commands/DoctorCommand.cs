using System.CommandLine;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli;

/// <summary>eucanet doctor</summary>
internal static class DoctorCommand
{
    public static Command Build()
    {
        var configuration = new Option<string>("--config", "-c") { Description = "The machine's eucalyptus.conf.", HelpName = "FILE", Required = true };
        Option<EngineRole> role = RoleOption.Build();
        var command = new Command(
            "doctor",
            """
            Looks at what the manual's troubleshooting chapter looks at: interfaces, bridges, firewall, forwarding, DHCP. Changes nothing.

            Exit status: 0 nothing keeps instances off the network, 1 something does.
            Example: eucanet doctor --config /etc/eucalyptus/eucalyptus.conf --role node
            """)
        { configuration, role };
        command.SetAction(async (arguments, token) =>
        {
            NetworkConfiguration network = ConfigurationFiles.Read(arguments.GetRequiredValue(configuration), arguments.GetValue(role));
            return Findings.Show(await Doctor.ExamineAsync(LinuxKernel.Current, network, token).ConfigureAwait(false), arguments.GetValue(TerminalContext.Json));
        });
        return command;
    }
}
