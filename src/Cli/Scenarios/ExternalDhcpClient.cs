using System.Diagnostics;
using EucaNet.Cli.Control;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Cli.Scenarios;

/// <summary>A DHCP client of the machine's packages (udhcpc, dhclient) as a VM's own: it runs inside the VM's namespace and sets its eth0.</summary>
internal sealed class ExternalDhcpClient : IDisposable
{
    // Both clients call it with their result, each in variables of its own.
    private const string Script =
        """
        #!/bin/sh
        case "${reason:-$1}" in
        bound|renew|BOUND|RENEW|REBIND|REBOOT)
            ip addr replace "${new_ip_address:-$ip}/${new_subnet_mask:-$subnet}" dev "$interface"
            for gateway in ${new_routers:-$router}; do ip route replace default via "$gateway"; break; done ;;
        esac
        """;

    private readonly Process _process;
    private readonly string _folder;

    private ExternalDhcpClient(Process process, string folder)
    {
        _process = process;
        _folder = folder;
    }

    /// <summary>Starts the client on eth0 of the namespace.</summary>
    public static ExternalDhcpClient Start(string program, NetworkNamespace guest)
    {
        string folder = Directory.CreateTempSubdirectory("eucanet-dhcp-").FullName;
        string script = Path.Combine(folder, "script");
        File.WriteAllText(script, Script + "\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        string[] arguments = program == "udhcpc"
            ? ["-i", "eth0", "-f", "-s", script, "-t", "20", "-T", "1"]
            : ["-4", "-d", "-sf", script, "-lf", Path.Combine(folder, "leases"), "-pf", Path.Combine(folder, "pid"), "eth0"];
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin";
        try
        {
            Process process = guest.Run(() => Process.Start(start)!);
            process.OutputDataReceived += static (_, _) => { };
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            return new ExternalDhcpClient(process, folder);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            Directory.Delete(folder, recursive: true);
            throw new RefusedException($"the DHCP client {program} cannot be started: {exception.Message}; install it, or leave --dhcp-client out");
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
