using System.Diagnostics;
using System.Text.RegularExpressions;
using EucaNet.Cli.Control;
using EucaNet.Cli.Tests.Commands;
using EucaNet.Netlink.Kernel;
using EucaNet.Tests;

namespace EucaNet.Cli.Tests.Evidence;

/// <summary>
/// No program is ever run for the engine (K1), the DHCP daemon apart: a daemon under strace from its first instruction to its end, through a
/// start, commands, a doctor's look and a stop.
/// </summary>
[RequiresRoot]
[RequiresProgram("ip", "strace", "dhcpd")]
public sealed class ChildProcessTests
{
    private const string Static = """
        VNET_MODE="STATIC" VNET_INTERFACE="eth0" VNET_SUBNET="192.168.1.0" VNET_NETMASK="255.255.255.0" VNET_BROADCAST="192.168.1.255"
        VNET_ROUTER="192.168.1.1" VNET_DNS="192.168.1.2" VNET_MACMAP="AA:DD:11:CE:FF:ED=192.168.1.3"
        """;

    private const string Managed = """
        VNET_MODE="MANAGED" VNET_INTERFACE="eth0" VNET_SUBNET="10.0.0.0" VNET_NETMASK="255.0.0.0" VNET_DNS="192.168.1.2" VNET_ADDRSPERNET="128" VNET_PUBLICIPS="192.168.1.10"
        """;

    [TestCase(Static, new string[0])]
    [TestCase(Static + "\nVNET_DHCPDAEMON=\"/usr/sbin/dhcpd\"", new[] { "/usr/sbin/dhcpd" })]
    [TestCase(Managed + "\nVNET_FIREWALL=\"nftables\"", new string[0])]
    [TestCase(Managed + "\nVNET_FIREWALL=\"iptables-nft\"", new string[0])]
    [TestCase(Managed + "\nVNET_FIREWALL=\"iptables-legacy\"", new string[0])]
    public async Task The_daemon_runs_no_program_but_its_DHCP_daemon(string configuration, string[] programs)
    {
        using NetworkNamespace machine = NetworkNamespace.Create();
        string folder = Directory.CreateTempSubdirectory("eucanet-child-").FullName;
        string trace = Path.Combine(folder, "trace");
        string socket = Path.Combine(folder, "socket");
        try
        {
            foreach (string command in (string[])["link set lo up", "link add eth0 type veth peer name cable", "link set cable up", "link set eth0 up", "addr add 192.168.1.254/24 dev eth0"])
            {
                Assert.That(CommandLine.RunOther(machine, "ip", command.Split(' ')).Status, Is.Zero, command);
            }

            string file = Path.Combine(folder, "eucalyptus.conf");
            await File.WriteAllTextAsync(file, $"EUCALYPTUS=\"{folder}\"\n{configuration}\n");
            Task<CommandResult> running = Task.Run(() => CommandLine.RunOther(
                machine, "strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=execve,execveat", "-o", trace,
                "sh", "-c", $"echo $$ > {folder}/pid; exec dotnet {CommandLine.Program} up --config {file} --role front-end --socket {socket} --state {folder}/state"));
            using (var engine = new HttpControl(socket))
            {
                await WaitForAsync(engine, running);
                if (configuration.Contains("STATIC", StringComparison.Ordinal))
                {
                    await engine.RunInstanceAsync(new RunMessage("i-00000001", "alice", "default", null), default);
                    await engine.TerminateInstanceAsync("i-00000001", default);
                }
                else
                {
                    await engine.AuthorizeAsync(new RuleMessage { User = "alice", Group = "web", Protocol = "tcp", Ports = "22" }, default);
                }

                await engine.ExamineAsync(default);
            }

            CommandLine.RunOther(null, "kill", "-TERM", (await File.ReadAllTextAsync(Path.Combine(folder, "pid"))).Trim());
            CommandResult ended = await running;
            Assert.That(ended.Status, Is.Zero, ended.Output + ended.Errors);
            string[] run = [.. Regex.Matches(await File.ReadAllTextAsync(trace), @"execve(?:at)?\((?:AT_FDCWD, )?""([^""]+)"".* = 0").Select(match => match.Groups[1].Value)];
            Assert.That(run, Has.Some.EndsWith("/sh").And.Some.EndsWith("/dotnet"), "strace saw how the daemon itself was started");
            Assert.That(run.Where(program => !program.EndsWith("/sh", StringComparison.Ordinal) && !program.EndsWith("/dotnet", StringComparison.Ordinal)).Distinct(), Is.EqualTo(programs));
            Assert.That(run.Count(program => program.EndsWith("/sh", StringComparison.Ordinal) || program.EndsWith("/dotnet", StringComparison.Ordinal)), Is.EqualTo(2));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task WaitForAsync(HttpControl engine, Task<CommandResult> running)
    {
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < TimeSpan.FromMinutes(2))
        {
            try
            {
                await engine.GetStatusAsync(default);
                return;
            }
            catch (RefusedException) when (!running.IsCompleted)
            {
                await Task.Delay(100);
            }
        }

        throw new AssertionException("the daemon did not start");
    }
}
