using System.CommandLine;
using EucaNet.Cli.Control;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Dhcp;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli;

/// <summary>eucanet doctor</summary>
internal static class DoctorCommand
{
    public static Command Build()
    {
        var configuration = new Option<string>("--config", "-c") { Description = "The machine's eucalyptus.conf: looks at the machine alone, whether an engine runs or not.", HelpName = "FILE" };
        Option<EngineRole> role = RoleOption.Build();
        var command = new Command(
            "doctor",
            """
            Looks at what the manual's troubleshooting chapter looks at: interfaces, bridges, firewall, forwarding, DHCP. Changes nothing.
            Asks the running engine, which also knows what should be there for each group, rule, address and instance; with --config it asks none.

            Exit status: 0 nothing keeps instances off the network, 1 something does.
            Examples: eucanet doctor
                      eucanet doctor --config /etc/eucalyptus/eucalyptus.conf --role node
            """)
        { configuration, role };
        command.SetAction(async (arguments, token) =>
        {
            IReadOnlyList<Finding> findings;
            if (arguments.GetValue(configuration) is { } file)
            {
                findings = await Doctor.ExamineAsync(LinuxKernel.Current, ConfigurationFiles.Read(file, arguments.GetValue(role)), new DaemonLauncher(), token).ConfigureAwait(false);
            }
            else
            {
                using var engine = new HttpControl(arguments.GetRequiredValue(TerminalContext.Socket));
                findings = await engine.ExamineAsync(token).ConfigureAwait(false);
            }

            return Findings.Show(findings, arguments.GetValue(TerminalContext.Json));
        });
        return command;
    }
}
