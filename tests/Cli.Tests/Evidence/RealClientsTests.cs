using System.Text.RegularExpressions;
using EucaNet.Cli.Control;
using EucaNet.Cli.Tests.Commands;
using EucaNet.Engine;

namespace EucaNet.Cli.Tests.Evidence;

/// <summary>
/// A MANAGED cloud on a real kernel as other people's programs see it, on each firewall: udhcpc and dhclient get their leases, ping, nc and arping
/// go where they may, and iptables, nft, brctl, ip, conntrack and ps show what the manual says they show.
/// </summary>
[Explicit("needs a kernel with 802.1Q: DebianKernelTests runs it under one")]
[Category(DebianKernelTests.Category)]
public sealed class RealClientsTests
{
    private const string Dhcpd = "/usr/sbin/dhcpd";

    [TestCase("nftables", "udhcpc", null)]
    [TestCase("iptables-legacy", "dhclient", null)]
    [TestCase("iptables-nft", "udhcpc", Dhcpd)]
    public async Task What_the_manual_looks_for_is_there_and_nothing_else_answers(string firewall, string client, string? daemon)
    {
        string folder = Directory.CreateTempSubdirectory("eucanet-clients-").FullName;
        try
        {
            string extra = $"VNET_FIREWALL={firewall} EUCALYPTUS={folder} {(daemon is null ? "" : $"VNET_DHCPDAEMON={daemon}")}";
            await using ManagedCloud cloud = await ManagedCloud.StartAsync("linux", extra, dhcpClient: client);
            Guest web = await cloud.RunAsync("alice", "web", "node1");
            Guest peer = await cloud.RunAsync("alice", "web", "node2");
            Guest other = await cloud.RunAsync("bob", "default", "node2");
            await cloud.FrontEnd.AuthorizeAsync("alice", "web", new IngressRule { Protocol = IngressRule.Tcp, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("0.0.0.0/0") });
            await cloud.FrontEnd.AuthorizeAsync("alice", "web", new IngressRule { Protocol = IngressRule.Icmp, Source = Ipv4Network.Parse("203.0.113.0/24") });
            await cloud.FrontEnd.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), web.Name);
            await cloud.World.RunProgramAsync(web.Name, $"for port in 22 23; do nc -k -l $port >/dev/null </dev/null 2>&1 & echo $! >>{folder}/pids; done", default);

            async Task<string> On(string machine, string command) => await cloud.World.RunProgramAsync(machine, command, default);
            async Task<bool> Succeeds(string machine, string command) => (await On(machine, $"{command} >/dev/null && echo done")).EndsWith("done\n", StringComparison.Ordinal);
            try
            {
                await Assert.MultipleAsync(async () =>
                {
                    Assert.That(await Succeeds(web.Name, "ping -c 1 -W 3 192.168.0.1"), Is.True, "its router");
                    Assert.That(await Succeeds(peer.Name, $"ping -c 1 -W 3 {web.Address}"), Is.True, "a neighbour");
                    Assert.That(await Succeeds(ManagedCloud.Internet, "ping -c 1 -W 3 203.0.113.10"), Is.True, "the public address");
                    Assert.That(await Succeeds(ManagedCloud.Internet, "nc -z -w 3 203.0.113.10 22"), Is.True, "the open port");
                    Assert.That(await Succeeds(ManagedCloud.Internet, "nc -z -w 1 203.0.113.10 23"), Is.False, "a closed port");
                    Assert.That(await Succeeds(other.Name, $"nc -z -w 3 {web.Address} 22"), Is.True, "the open port from another group");
                    Assert.That(await Succeeds(other.Name, $"ping -c 1 -W 1 {web.Address}"), Is.False, "ping from another group");
                    Assert.That(await Succeeds(other.Name, "nc -z -w 3 203.0.113.10 22"), Is.True, "the public address from another group");
                    Assert.That(await On(web.Name, "arping -c 1 -w 3 -I eth0 192.168.0.1 || arping -c 1 -W 3 -i eth0 192.168.0.1"), Does.Match("(?i)from|reply"), "arping");
                    Assert.That(await Succeeds(web.Name, "nc -z -w 1 192.168.0.1 22"), Is.False, "nothing of the front-end's");
                });

                // One that stays: a slow machine forgets the others before they are looked for.
                await On(ManagedCloud.Internet, $"nc -d 203.0.113.10 22 >/dev/null 2>&1 & echo $! >>{folder}/pids");
                TraceMessage open = await TraceAsync(cloud, 22), closed = await TraceAsync(cloud, 23);
                for (int attempt = 0; attempt < 100 && open.FlowsUnderWay == 0; attempt++)
                {
                    await Task.Delay(100);
                    open = await TraceAsync(cloud, 22);
                }

                Assert.That(open.LeftOut.Concat(closed.LeftOut), Is.Empty, "eucanet trace");
                Assert.That((open.Passes, closed.Passes), Is.EqualTo((true, false)), $"eucanet trace: {open} {closed}");
                Assert.That(open.FlowsUnderWay, Is.Positive, "what nc opened");

                Assert.That(await On(ManagedCloud.Front, "conntrack -L -p tcp"), Does.Match(@"src=203\.0\.113\.100 dst=203\.0\.113\.10 .*dport=22 src=192\.168\.0\.2"), "conntrack -L");
                Assert.That(await On(ManagedCloud.Front, "ip -d link show eth0.10"), Does.Contain("vlan protocol 802.1Q id 10").And.Contain("state UP"));
                Assert.That(await On(ManagedCloud.Front, "ip addr show eth0.10"), Does.Contain("inet 192.168.0.1/26"));
                Assert.That(await On(ManagedCloud.Front, "ip addr show eth1"), Does.Contain("inet 203.0.113.10/32"));
                Assert.That(await On("node1", "brctl show eucabr10"), Does.Match(@"eucabr10\s+8000\.\w+\s+no\s+peth0\.10\s+vif1\.0"), "brctl show, as the manual prints it");
                Assert.That(await On("node1", "ip -d link show eucabr10"), Does.Contain("forward_delay 0"));
                Assert.That(await On("node1", "nft list table bridge eucanet"), Does.Contain("\"vif1.0\""));
                await AssertFirewallAsync(firewall, command => On(ManagedCloud.Front, command));
                if (daemon is not null)
                {
                    Assert.That(await On(ManagedCloud.Front, "ps axww | grep -i dhcpd | grep -i euca"), Does.Match($@"{daemon} .*euca-dhcp\.conf.* eth0\.10 eth0\.11"), "as the manual looks for it");
                }

                await cloud.FrontEnd.TerminateInstanceAsync(other.Name);
                await cloud.NodeOf("node2").DetachAsync(other.Name);
                Assert.That(await On(ManagedCloud.Front, "ip link"), Does.Not.Contain("eth0.11"));
                Assert.That(await On("node2", "ip link"), Does.Not.Contain("eucabr11").And.Not.Contain("peth0.11"));
            }
            finally
            {
                await On(web.Name, $"kill $(cat {folder}/pids)");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestCase("examples/managed/rules-and-addresses.euca", "udhcpc")]
    [TestCase("examples/managed/single-machine.euca", "built-in")]
    [TestCase("tests/Cli.Tests/Scenarios/public-source.euca", "built-in")]
    public void A_scenario_holds_as_it_does_on_simulated_kernels(string file, string client)
    {
        CommandResult run = CommandLine.Run(null, "sim", "--kernel", "linux", "--dhcp-client", client, file);
        Assert.That(run.Status, Is.Zero, run.Output + run.Errors);
    }

    private static Task<TraceMessage> TraceAsync(ManagedCloud cloud, int port) =>
        new LocalControl(cloud.FrontEnd, null).TraceAsync(new TraceRequestMessage { Protocol = "tcp", From = "203.0.113.100", To = "203.0.113.10", Port = port }, default);

    private static async Task AssertFirewallAsync(string firewall, Func<string, Task<string>> run)
    {
        if (firewall == "nftables")
        {
            Assert.That(await run("nft list table ip eucanet"), Does.Contain("203.0.113.10 : 192.168.0.2").And.Contain("policy drop"));
            return;
        }

        Assert.That(await run($"{firewall} -n -L alice-web"), Does.Match("ACCEPT +(tcp|6) .*tcp dpt:22"), "iptables -L <user>-<group>");
        Assert.That(await run($"{firewall} -n -L FORWARD"), Does.Contain("policy DROP"));
        string nat = await run($"{firewall} -n -L -t nat");
        Assert.That(Regex.Matches(nat, "DNAT +.* 203\\.0\\.113\\.10 +to:192\\.168\\.0\\.2"), Has.Count.GreaterThanOrEqualTo(1), nat);
        Assert.That(Regex.Matches(nat, "SNAT +.* 192\\.168\\.0\\.2 .*to:203\\.0\\.113\\.10"), Has.Count.GreaterThanOrEqualTo(1), nat);
    }
}
