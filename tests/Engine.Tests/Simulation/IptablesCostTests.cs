using System.Globalization;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>What a change of MANAGED costs on iptables' two kernel interfaces, counted in writes and bytes.</summary>
public class IptablesCostTests
{
    private static readonly int[] Sizes = [10, 100, 1000];

    private sealed class Front : IAsyncDisposable
    {
        private readonly SimulatedKernel _kernel = new();
        private readonly ManagedState _state;
        private readonly ManagedFirewall _firewall;
        private readonly IptablesBackend _backend;
        private readonly List<ActiveNetwork> _networks = [];

        private Front(string way)
        {
            NetworkConfiguration configuration = ManagedCloud.Parse(
                $"VNET_MODE=MANAGED VNET_INTERFACE=eth0 VNET_SUBNET=10.0.0.0 VNET_NETMASK=255.0.0.0 VNET_DNS=192.0.2.1 VNET_ADDRSPERNET=64 VNET_PUBLICIPS=203.0.113.0/28 VNET_FIREWALL={way}", EngineRole.FrontEnd);
            Observed = new ObservedKernel(_kernel);
            _state = new ManagedState(configuration);
            _firewall = new ManagedFirewall(_state);
            _backend = new IptablesBackend(new EngineContext(Observed, configuration, new EngineOptions()), _state, _firewall);
        }

        public ObservedKernel Observed { get; }

        public static async Task<Front> WithAsync(string way, int groups)
        {
            var front = new Front(way);
            for (int number = 0; number < groups; number++)
            {
                front.Activate(number);
            }

            await front._backend.ReconcileAsync(new ChangeLog(), default);
            front._firewall.Content.Accept();
            return front;
        }

        /// <summary>Bytes written, and all bytes sent and received, of one operation that shall be one write.</summary>
        public async Task<(long Written, long Exchanged)> CostAsync(Action operation)
        {
            Observed.Forget();
            operation();
            await _backend.CommitAsync("test", new ChangeLog(), default);
            _firewall.Content.Accept();
            Assert.That(Observed.Writes, Is.EqualTo(1), "writes");
            return (Observed.BytesWritten, Observed.BytesExchanged);
        }

        public void AddRule(int group, int port)
        {
            IngressRule rule = Rule(port);
            _state.AddRule(_networks[group].Group, rule);
            _firewall.AddRule(_networks[group].Group, rule);
        }

        public void RemoveRule(int group, int port)
        {
            _firewall.RemoveRule(_networks[group].Group, Rule(port));
            _state.RemoveRule(_networks[group].Group, Rule(port));
        }

        public void Activate(int number)
        {
            var group = new GroupName("user", string.Create(CultureInfo.InvariantCulture, $"group{number:0000}"));
            var network = new ActiveNetwork(group, _state.Allocator.Take(group, default), string.Create(CultureInfo.InvariantCulture, $"eth0.{1000 + number}"));
            _state.Networks.Add(group, network);
            _networks.Add(network);
            _firewall.Activate(network);
            AddRule(_networks.Count - 1, 22);
        }

        public void Associate(int group)
        {
            var instance = new ManagedInstance("i-00000001", _networks[group], new MacAddress(1), 0, default);
            _state.Associate(Ipv4Address.Parse("203.0.113.3"), instance);
            _firewall.Associate(Ipv4Address.Parse("203.0.113.3"), instance);
        }

        public async ValueTask DisposeAsync()
        {
            await _backend.DisposeAsync();
            _kernel.Dispose();
        }

        private static IngressRule Rule(int port) => new() { Protocol = 6, FirstPort = port, LastPort = port, Source = Ipv4Network.Parse("0.0.0.0/0") };
    }

    [Test]
    public async Task On_the_nft_way_one_change_writes_and_reads_the_same_whether_there_are_10_groups_or_1000()
    {
        var rule = new List<(long, long)>();
        var removal = new List<(long, long)>();
        var group = new List<long>();
        var address = new List<long>();
        foreach (int size in Sizes)
        {
            await using Front front = await Front.WithAsync("iptables-nft", size);
            rule.Add(await front.CostAsync(() => front.AddRule(5, 443)));
            removal.Add(await front.CostAsync(() => front.RemoveRule(5, 443)));
            group.Add((await front.CostAsync(() => front.Activate(size))).Written);
            address.Add((await front.CostAsync(() => front.Associate(5))).Written);
        }

        Assert.Multiple(() =>
        {
            Assert.That(rule, Is.All.EqualTo(rule[0]), "a rule comes: bytes written, bytes exchanged");
            Assert.That(removal, Is.All.EqualTo(removal[0]), "a rule goes: bytes written, bytes exchanged");
            Assert.That(group, Is.All.EqualTo(group[0]), "a group comes: bytes written");
            Assert.That(address, Is.All.EqualTo(address[0]), "an address comes: bytes written");
            Assert.That(rule[0].Item1, Is.LessThan(2000));
            Assert.That(group[0], Is.LessThan(6000));
        });
    }

    [Test]
    public async Task On_the_legacy_way_one_change_is_one_replacement_of_the_table_it_concerns()
    {
        var rule = new List<long>();
        foreach (int size in Sizes)
        {
            await using Front front = await Front.WithAsync("iptables-legacy", size);
            rule.Add((await front.CostAsync(() => front.AddRule(5, 443))).Written);
            await front.CostAsync(() => front.RemoveRule(5, 443));
        }

        Assert.That(rule[2], Is.InRange(50 * rule[0], 150 * rule[0]), "the blob is the whole table");
    }

    [TestCase("iptables-legacy")]
    [TestCase("iptables-nft")]
    [TestCase("nftables")]
    public async Task A_burst_of_100_rules_is_two_changes_of_the_kernel_and_each_is_answered_for_itself(string way)
    {
        string directory = Directory.CreateTempSubdirectory("euca").FullName;
        try
        {
            await using ManagedCloud cloud = await ManagedCloud.StartAsync($"VNET_FIREWALL={way}");
            await cloud.Front.DisposeAsync();
            var observed = new ObservedKernel(cloud.FrontHost.Kernel);
            var options = new EngineOptions { StateDirectory = directory };
            List<Task<ChangeSummary>> burst = [];
            await using (var front = new FrontEnd(observed, cloud.FrontEndConfiguration, options))
            {
                await front.StartAsync();
                await front.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000001", User = "alice", Group = "web" });
                observed.BeforeWrite = () =>
                {
                    // While the first is on its way to the kernel the others come, one of them twice and one that cannot be.
                    observed.BeforeWrite = null;
                    burst.AddRange(Enumerable.Range(1000, 99).Select(port => front.AuthorizeAsync("alice", "web", Rule(port)).AsTask()));
                    burst.Add(front.AuthorizeAsync("alice", "web", Rule(1001)).AsTask());
                    burst.Add(front.AuthorizeAsync("alice", "web", new IngressRule { Protocol = 6, FirstPort = 9, LastPort = 1 }).AsTask());
                };
                observed.Forget();
                await front.AuthorizeAsync("alice", "web", Rule(22));
                ChangeSummary[] answers = await Task.WhenAll(burst.SkipLast(1));
                EngineException refused = Assert.CatchAsync<EngineException>(() => burst[^1])!;
                IReadOnlyList<RuleListing> rules = await front.ListRulesAsync();
                Assert.Multiple(() =>
                {
                    Assert.That(observed.Writes, Is.EqualTo(2), "the first alone, then all the others at once");
                    Assert.That(answers.SkipLast(1).Select(answer => answer.Changes.Count), Is.All.GreaterThan(0), "each says what was done");
                    Assert.That(answers[^1].ToString(), Does.Contain("has the rule already"));
                    Assert.That(refused.Message, Does.Contain("port range"));
                    Assert.That(rules, Has.Count.EqualTo(100));
                });

                // What takes rules away is not overtaken by what comes behind it.
                observed.BeforeWrite = () =>
                {
                    observed.BeforeWrite = null;
                    burst = [front.AuthorizeAsync("alice", "web", Rule(3000)).AsTask(), front.RevokeAsync("alice", "web", Rule(1000)).AsTask(), front.AuthorizeAsync("alice", "web", Rule(1000)).AsTask()];
                };
                await front.AuthorizeAsync("alice", "web", Rule(23));
                await Task.WhenAll(burst);
                rules = await front.ListRulesAsync();
                Assert.That(rules.Select(one => one.Rule.FirstPort), Is.SupersetOf(new int?[] { 22, 23, 1000, 1098, 3000 }));
            }

            // The journal has them all: another process finds them, and the kernel as it should be.
            await using var again = new FrontEnd(cloud.FrontHost.Kernel, cloud.FrontEndConfiguration, options);
            await again.StartAsync();
            Assert.That(await again.ListRulesAsync(), Has.Count.EqualTo(102));
            Assert.That((await again.ReconcileAsync()).Changes, Is.Empty);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static IngressRule Rule(int port) => new() { Protocol = 6, FirstPort = port, LastPort = port, Source = Ipv4Network.Parse("198.51.100.0/24") };
}
