using EucaNet.Engine.Configuration;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Modes;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Kernel;

/// <summary>MANAGED on iptables' two kernel interfaces, judged by the iptables programs (manual, MANAGED mode: <c>iptables -L user-group</c>, <c>iptables -L -t nat</c>).</summary>
[RequiresRoot]
[RequiresProgram("ip")]
public class IptablesOnLinuxTests
{
    private static readonly GroupName Web = new("alice", "web");

    private static NetworkConfiguration Configuration(string backend, string directory) => NetworkConfiguration.Parse(
        $"EUCALYPTUS={directory} VNET_MODE=MANAGED VNET_INTERFACE=eth0 VNET_SUBNET=192.168.0.0 VNET_NETMASK=255.255.0.0 VNET_DNS=10.0.0.2 VNET_ADDRSPERNET=64 VNET_PUBLICIPS=10.1.1.0/28 VNET_FIREWALL={(backend == "nftables" ? "" : "iptables-")}{backend}",
        "test", EngineRole.FrontEnd).Configuration!;

    [TestCase("nft", "iptables-nft")]
    [TestCase("legacy", "iptables-legacy")]
    public async Task A_groups_chain_and_an_addresss_rules_are_where_the_manual_looks_for_them(string backendName, string program)
    {
        using var machine = new TestNamespace("ipt");
        string directory = Directory.CreateTempSubdirectory("euca").FullName;
        try
        {
            NetworkConfiguration configuration = Configuration(backendName, directory);
            Directory.CreateDirectory(configuration.NetworkDirectory);
            await File.WriteAllTextAsync(Path.Combine(configuration.NetworkDirectory, "iptables-preload"), "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -s 203.0.113.66/32 -j DROP\nCOMMIT\n");
            machine.Run(program, "-A FORWARD -s 198.51.100.1 -j ACCEPT");
            var state = new ManagedState(configuration);
            var firewall = new ManagedFirewall(state);
            var context = new EngineContext(machine.Kernel, configuration, new EngineOptions());
            await using var backend = new IptablesBackend(context, state, firewall);
            var changes = new ChangeLog();
            await backend.ReconcileAsync(changes, default);
            string started = machine.Run(program + "-save", "");
            Assert.Multiple(() =>
            {
                Assert.That(started, Does.Contain(":FORWARD DROP"));
                Assert.That(started, Does.Contain("-A INPUT -s 203.0.113.66/32 -j DROP"), "the preload is loaded");
                Assert.That(started, Does.Not.Contain("198.51.100.1"), "what stood there is flushed");
                Assert.That(started, Does.Contain("-A euca-postrouting -s 192.168.0.0/16 ! -d 192.168.0.0/16 -j MASQUERADE"));
            });

            var chunk = state.Allocator.Take(Web, default);
            var network = new ActiveNetwork(Web, chunk, "eth0.10");
            state.Networks.Add(Web, network);
            firewall.Activate(network);
            await backend.CommitAsync("test", changes, default);
            firewall.Content.Accept();
            var rule = new IngressRule { Protocol = 6, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("0.0.0.0/0") };
            state.AddRule(Web, rule);
            firewall.AddRule(Web, rule);
            await backend.CommitAsync("test", changes, default);
            firewall.Content.Accept();
            var instance = new ManagedInstance("i-00000001", network, new MacAddress(1), 0, default);
            state.Associate(Ipv4Address.Parse("10.1.1.3"), instance);
            firewall.Associate(Ipv4Address.Parse("10.1.1.3"), instance);
            await backend.CommitAsync("test", changes, default);
            firewall.Content.Accept();

            string chain = machine.Run(program, "-n -L alice-web");
            string nat = machine.Run(program, "-n -t nat -L");
            Assert.That(chain, Does.Match("ACCEPT +(tcp|6) .*tcp dpt:22"));
            Assert.That(nat, Does.Match("DNAT +.* 10.1.1.3 +to:192.168.0.2"));
            Assert.That(nat, Does.Match("SNAT +.* 192.168.0.2 .*to:10.1.1.3"));
            Assert.That(nat.IndexOf("SNAT", StringComparison.Ordinal), Is.LessThan(nat.LastIndexOf("MASQUERADE", StringComparison.Ordinal)));
            Assert.That(backend.FindMissing(), Is.Empty);

            // A second start over the same tables finds nothing to do.
            await using var restarted = new IptablesBackend(context, state, firewall);
            var nothing = new ChangeLog();
            await restarted.ReconcileAsync(nothing, default);
            Assert.That(nothing.ToSummary().ToString(), Is.EqualTo("nothing to do"));

            state.Disassociate(Ipv4Address.Parse("10.1.1.3"));
            firewall.Disassociate(Ipv4Address.Parse("10.1.1.3"), instance);
            firewall.Deactivate(network);
            await backend.CommitAsync("test", changes, default);
            string after = machine.Run(program + "-save", "");
            Assert.That(after, Does.Not.Contain("alice-web").And.Not.Contain("10.1.1.3"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [TestCase("nft")]
    [TestCase("legacy")]
    public async Task A_preload_with_an_error_in_its_last_line_changes_nothing_and_is_named_by_that_line(string backendName)
    {
        using var machine = new TestNamespace("pre");
        string directory = Directory.CreateTempSubdirectory("euca").FullName;
        try
        {
            NetworkConfiguration configuration = Configuration(backendName, directory);
            Directory.CreateDirectory(configuration.NetworkDirectory);
            await File.WriteAllTextAsync(Path.Combine(configuration.NetworkDirectory, "iptables-preload"), "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 203.0.113.66/32 -j DROP\n-A INPUT -m tpc --dport 22 -j DROP\nCOMMIT\n");
            string program = "iptables-" + backendName;
            machine.Run(program, "-A FORWARD -s 198.51.100.1 -j ACCEPT");
            string before = machine.Run(program, "-S");
            var state = new ManagedState(configuration);
            var context = new EngineContext(machine.Kernel, configuration, new EngineOptions());
            await using var backend = new IptablesBackend(context, state, new ManagedFirewall(state));
            EngineException refused = Assert.ThrowsAsync<EngineException>(async () => await backend.ReconcileAsync(new ChangeLog(), default))!;
            Assert.That(refused.Message, Does.Contain("iptables-preload, line 4"));
            Assert.That(machine.Run(program, "-S"), Is.EqualTo(before));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test]
    public async Task On_nftables_the_preload_and_our_table_come_in_one_transaction_and_other_tables_stay()
    {
        using var machine = new TestNamespace("one");
        string directory = Directory.CreateTempSubdirectory("euca").FullName;
        try
        {
            NetworkConfiguration configuration = Configuration("nftables", directory);
            Directory.CreateDirectory(configuration.NetworkDirectory);
            await File.WriteAllTextAsync(Path.Combine(configuration.NetworkDirectory, "iptables-preload"), "*filter\n-A INPUT -s 203.0.113.66/32 -m conntrack --ctstate NEW -j DROP\nCOMMIT\n");
            machine.Run("nft", "add table ip foreign");
            machine.Run("iptables-nft", "-t nat -A POSTROUTING -s 198.51.100.1 -j MASQUERADE");
            using NftablesConnection connection = NftablesConnection.Open(machine.Kernel);
            uint generation = connection.GetGeneration().Id;
            var state = new ManagedState(configuration);
            var firewall = new ManagedFirewall(state);
            var context = new EngineContext(machine.Kernel, configuration, new EngineOptions());
            await using IFirewallBackend backend = FirewallBackends.Create(context, state, firewall);
            await backend.ReconcileAsync(new ChangeLog(), default);
            Assert.Multiple(() =>
            {
                Assert.That(connection.GetGeneration().Id - generation, Is.EqualTo(1), "transactions");
                Assert.That(machine.Run("iptables-nft-save", ""), Does.Contain("-A INPUT -s 203.0.113.66/32 -m conntrack --ctstate NEW -j DROP").And.Contain("-A POSTROUTING -s 198.51.100.1/32 -j MASQUERADE"));
                Assert.That(machine.Run("nft", "list tables"), Does.Contain("table ip foreign").And.Contain("eucanet"));
            });

            await using IFirewallBackend restarted = FirewallBackends.Create(context, state, firewall);
            var nothing = new ChangeLog();
            await restarted.ReconcileAsync(nothing, default);
            Assert.That(nothing.ToSummary().ToString(), Is.EqualTo("nothing to do"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [TestCase("-A INPUT -m tpc --dport 22 -j DROP", TestName = "A preload with an unknown word leaves no table of ours on nftables")]
    [TestCase("-A INPUT -j CT --helper nosuchthing", TestName = "A preload with a rule in the wrong table leaves no table of ours on nftables")]
    [TestCase("-A INPUT -m helper --helper ftp -m rateest --rateest1 nosuchthing --rateest-lt --rateest-bps 8bit -j DROP", TestName = "A preload that only the kernel refuses leaves no table of ours on nftables")]
    public async Task On_nftables_a_preload_that_cannot_be_loaded_leaves_all_as_it_was(string lastLine)
    {
        using var machine = new TestNamespace("bad");
        string directory = Directory.CreateTempSubdirectory("euca").FullName;
        try
        {
            NetworkConfiguration configuration = Configuration("nftables", directory);
            Directory.CreateDirectory(configuration.NetworkDirectory);
            await File.WriteAllTextAsync(Path.Combine(configuration.NetworkDirectory, "iptables-preload"), $"*filter\n-A INPUT -s 203.0.113.66/32 -j DROP\n{lastLine}\nCOMMIT\n");
            machine.Run("iptables-nft", "-A FORWARD -s 198.51.100.1 -j ACCEPT");
            string before = machine.Run("nft", "list ruleset");
            var state = new ManagedState(configuration);
            var context = new EngineContext(machine.Kernel, configuration, new EngineOptions());
            await using IFirewallBackend backend = FirewallBackends.Create(context, state, new ManagedFirewall(state));
            EngineException refused = Assert.ThrowsAsync<EngineException>(async () => await backend.ReconcileAsync(new ChangeLog(), default))!;
            Assert.That(refused.Message, Does.Contain("iptables-preload, line 3"));
            Assert.That(machine.Run("nft", "list ruleset"), Is.EqualTo(before));

            // The mended file is loaded by the next try of the same engine.
            await File.WriteAllTextAsync(PreloadFile.PathOf(configuration), "*filter\n-A INPUT -s 203.0.113.66/32 -j DROP\nCOMMIT\n");
            await backend.ReconcileAsync(new ChangeLog(), default);
            Assert.That(machine.Run("iptables-nft-save", ""), Does.Contain("-A INPUT -s 203.0.113.66/32 -j DROP"));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
