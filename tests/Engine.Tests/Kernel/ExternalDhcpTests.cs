using EucaNet.Engine.Configuration;
using EucaNet.Engine.Dhcp;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Kernel;

/// <summary>The administrator's daemon (D1): ISC dhcpd in a namespace, asked by udhcpc.</summary>
[RequiresRoot]
[RequiresProgram("ip", "dhcpd", "udhcpc")]
public class ExternalDhcpTests
{
    /// <summary>Starts programs inside a namespace.</summary>
    private sealed class LauncherInNamespace(string name) : IDaemonLauncher
    {
        private readonly DaemonLauncher _inner = new();

        public ValueTask<DaemonResult> RunAsync(string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken = default) =>
            _inner.RunAsync("ip", ["netns", "exec", name, program, .. arguments], cancellationToken);

        public IDaemonProcess Start(string program, IReadOnlyList<string> arguments) => _inner.Start("ip", ["netns", "exec", name, program, .. arguments]);

        public void ChangeOwner(string path, string user) => _inner.ChangeOwner(path, user);
    }

    [Test]
    public async Task The_daemon_is_started_as_the_manual_says_serves_the_pair_and_its_death_is_noticed()
    {
        using var frontEnd = new TestNamespace("cc");
        using var instance = new TestNamespace("vm");
        frontEnd.Ip($"link add eth0 type veth peer name eth0 netns {instance.Name}");
        frontEnd.Ip("addr add 192.168.1.254/24 dev eth0");
        frontEnd.Ip("link set eth0 up");
        instance.Ip("link set eth0 up");
        string directory = Directory.CreateTempSubdirectory("euca").FullName;
        try
        {
            NetworkConfiguration configuration = NetworkConfiguration.Parse($"""
                EUCALYPTUS={directory} VNET_MODE="STATIC" VNET_INTERFACE="eth0" VNET_SUBNET="192.168.1.0" VNET_NETMASK="255.255.255.0" VNET_BROADCAST="192.168.1.255"
                VNET_ROUTER="192.168.1.1" VNET_DNS="192.168.1.2" VNET_MACMAP="AA:DD:11:CE:FF:ED=192.168.1.3" VNET_DHCPDAEMON="/usr/sbin/dhcpd"
                """, "eucalyptus.conf", EngineRole.FrontEnd).Configuration!;
            await using var cc = new FrontEnd(frontEnd.Kernel, configuration, new EngineOptions { DaemonLauncher = new LauncherInNamespace(frontEnd.Name) });
            await cc.StartAsync();
            Outcome<InstanceAssignment> run = await cc.RunInstanceAsync(new InstanceRequest { InstanceId = "i-1" });
            Assert.That(run.Changes.Count(ChangeKind.Daemon), Is.EqualTo(1));
            foreach (string file in new[] { "euca-dhcp.conf", "euca-dhcp.leases" })
            {
                Assert.That(File.Exists(Path.Combine(configuration.NetworkDirectory, file)), file);
            }

            instance.Ip($"link set eth0 address {run.Value.Mac}");
            string output = await Task.Run(() => instance.Run("udhcpc", "-i eth0 -n -q -f -t 8 -T 1 -s /bin/true"));
            Assert.That(output, Does.Contain("lease of 192.168.1.3 obtained from 192.168.1.254"));

            string status = (await cc.GetStatusAsync()).Dhcp!;
            Assert.That(status, Does.StartWith("/usr/sbin/dhcpd, process "));
            using (var daemon = System.Diagnostics.Process.GetProcessById(int.Parse(status.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture)))
            {
                daemon.Kill();
                await daemon.WaitForExitAsync();
            }

            for (int i = 0; i < 50 && (await cc.GetStatusAsync()).Problems.Count == 0; i++)
            {
                await Task.Delay(100);
            }

            Assert.That((await cc.GetStatusAsync()).Problems, Has.Some.Contains("/usr/sbin/dhcpd").And.Some.Contains("ended"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
