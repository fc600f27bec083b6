using System.CommandLine;
using EucaNet.Cli.Control;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli;

/// <summary>eucanet support-bundle</summary>
internal static class SupportBundleCommand
{
    public static Command Build()
    {
        var configuration = new Option<string?>("--config", "-c") { Description = "The machine's eucalyptus.conf; the doctor's findings go in too.", HelpName = "FILE" };
        Option<EngineRole> role = RoleOption.Build();
        var output = new Option<string>("--output", "-o") { Description = "The archive to write.", HelpName = "FILE", DefaultValueFactory = _ => "eucanet-support.tar.gz" };
        var logs = new Option<string[]>("--log") { Description = "A log to put in; may be given several times.", HelpName = "FILE", DefaultValueFactory = _ => [] };
        var command = new Command(
            "support-bundle",
            """
            Packs what the manual asks users to send with a question: routes, interfaces, bridges, rules, logs. Changes nothing.

            Example: eucanet support-bundle --config /etc/eucalyptus/eucalyptus.conf --log /var/log/eucalyptus/cc.log
            """)
        { configuration, role, output, logs };
        command.SetAction(async (arguments, token) =>
        {
            NetworkConfiguration? network = arguments.GetValue(configuration) is { } file ? ConfigurationFiles.Read(file, arguments.GetValue(role)) : null;
            try
            {
                Dictionary<string, string> texts = arguments.GetRequiredValue(logs).ToDictionary(path => Path.GetFileName(path), File.ReadAllText);
                IReadOnlyList<SupportFile> files = await SupportBundle.CollectAsync(LinuxKernel.Current, network, texts, token).ConfigureAwait(false);
                await using FileStream archive = File.Create(arguments.GetRequiredValue(output));
                await SupportBundle.WriteAsync(files, archive, TimeProvider.System, token).ConfigureAwait(false);
                Console.Out.WriteLine($"{arguments.GetRequiredValue(output)}: {string.Join(", ", files.Select(part => part.Name))}");
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new RefusedException(exception.Message);
            }
        });
        return command;
    }
}
