using EucaNet.Engine.Diagnostics;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Simulator.Fabric;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>The manual's checks as calls (P1 to P4).</summary>
public class DiagnosticsTests
{
    private static T Wait<T>(ManagedCloud cloud, ValueTask<T> work)
    {
        Task<T> task = work.AsTask();
        cloud.Cloud.RunUntil(() => task.IsCompleted, TimeSpan.FromSeconds(30));
        return task.GetAwaiter().GetResult();
    }

    [Test]
    public async Task The_VLAN_test_finds_its_peer_over_a_clean_switch_and_puts_everything_back()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        Task<Finding> front = VlanTest.RunAsync(cloud.FrontHost.Kernel, "eth0", 10, Ipv4Address.Parse("192.168.1.1"), Ipv4Address.Parse("192.168.1.2"), TimeSpan.FromSeconds(10)).AsTask();
        Task<Finding> node = VlanTest.RunAsync(cloud.NodeHosts[0].Kernel, "peth0", 10, Ipv4Address.Parse("192.168.1.2"), Ipv4Address.Parse("192.168.1.1"), TimeSpan.FromSeconds(10)).AsTask();
        cloud.Cloud.RunUntil(() => front.IsCompleted && node.IsCompleted, TimeSpan.FromSeconds(30));
        Assert.That(((await front).Level, (await node).Level), Is.EqualTo((FindingLevel.Good, FindingLevel.Good)));
        Assert.That(await ManagedCloud.LinkAsync(cloud.FrontHost, "eth0.10"), Is.Null);
        Assert.That(await ManagedCloud.LinkAsync(cloud.NodeHosts[0], "peth0.10"), Is.Null);
    }

    [Test]
    public async Task The_VLAN_test_without_an_answer_gives_the_manuals_remedy_and_puts_everything_back_also_when_cut_short()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        Finding alone = Wait(cloud, VlanTest.RunAsync(cloud.FrontHost.Kernel, "eth0", 10, Ipv4Address.Parse("192.168.1.1"), Ipv4Address.Parse("192.168.1.2"), TimeSpan.FromSeconds(3)));
        Assert.That((alone.Level, alone.Remedy), Is.EqualTo((FindingLevel.Error, "run the test on the peer at the same time; if it runs there, the switch needs to be configured to forward VLAN tagged packets (see its documentation)")));
        using var stop = new CancellationTokenSource();
        Task<Finding> cut = VlanTest.RunAsync(cloud.FrontHost.Kernel, "eth0", 10, Ipv4Address.Parse("192.168.1.1"), Ipv4Address.Parse("192.168.1.2"), TimeSpan.FromSeconds(60), stop.Token).AsTask();
        cloud.Cloud.Advance(TimeSpan.FromSeconds(2));
        stop.Cancel();
        cloud.Cloud.RunUntil(() => cut.IsCompleted, TimeSpan.FromSeconds(5));
        Assert.That(cut.IsCanceled);
        Assert.That(await ManagedCloud.LinkAsync(cloud.FrontHost, "eth0.10"), Is.Null);
    }

    [Test]
    public async Task The_public_address_test_tells_a_free_address_from_one_that_somebody_answers_for()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        Finding free = Wait(cloud, PublicAddressTest.RunAsync(cloud.FrontHost.Kernel, "eth1", Ipv4Address.Parse("203.0.113.12"), TimeSpan.FromSeconds(1)));
        Finding taken = Wait(cloud, PublicAddressTest.RunAsync(cloud.FrontHost.Kernel, "eth1", Ipv4Address.Parse("203.0.113.100"), TimeSpan.Zero));
        Assert.That((free.Level, taken.Level), Is.EqualTo((FindingLevel.Good, FindingLevel.Error)));
        Assert.That(cloud.Pings(cloud.Internet, "203.0.113.12"), Is.False, "it is off again");
    }

    [Test]
    public async Task The_doctor_names_another_programs_chain_that_drops_forwarded_traffic()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        using (NftablesConnection other = NftablesConnection.Open(cloud.FrontHost.Kernel))
        {
            var batch = new NftablesBatch();
            batch.Add(new Table { Family = NftablesFamily.Inet, Name = "firewalld" });
            batch.Add(Chain.Base(NftablesFamily.Inet, "firewalld", "filter_FORWARD", "filter", new ChainHook(2, 10), ChainPolicy.Drop));
            other.Send(batch);
        }

        Finding worst = (await Doctor.ExamineAsync(cloud.FrontHost.Kernel, cloud.FrontEndConfiguration))[0];
        Assert.That((worst.Check, worst.Subject), Is.EqualTo(("firewall", "chain inet firewalld filter_FORWARD")));
        Assert.That(worst.Remedy, Does.Contain("stop the other firewall"));
    }

    [TestCase(NftablesFamily.Inet, 0u, FindingLevel.Warning)]
    [TestCase(NftablesFamily.Inet, 1u, FindingLevel.Notice)]
    [TestCase(NftablesFamily.Ip, 2u, FindingLevel.Warning)]
    [TestCase(NftablesFamily.Ip, 3u, FindingLevel.Notice)]
    [TestCase(NftablesFamily.Inet, 4u, FindingLevel.Warning)]
    [TestCase(NftablesFamily.Arp, 0u, FindingLevel.Warning)]
    [TestCase(NftablesFamily.Arp, 1u, FindingLevel.Warning)]
    [TestCase(NftablesFamily.Netdev, 0u, FindingLevel.Warning)]
    [TestCase(NftablesFamily.Ip6, 2u, FindingLevel.Good, Description = "not our traffic")]
    [TestCase(NftablesFamily.Bridge, 2u, FindingLevel.Good, Description = "a front-end bridges nothing")]
    public async Task The_doctor_names_chains_that_drop_at_any_hook_our_traffic_passes_also_by_a_jump(NftablesFamily family, uint hook, FindingLevel level)
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        using (NftablesConnection other = NftablesConnection.Open(cloud.FrontHost.Kernel))
        {
            var at = new ChainHook(hook, 10) { Device = family == NftablesFamily.Netdev ? "eth0" : null };
            var batch = new NftablesBatch();
            batch.Add(new Table { Family = family, Name = "other" });
            batch.Add(Chain.Regular(family, "other", "unwanted"));
            batch.Add(Chain.Base(family, "other", "base", "filter", at, ChainPolicy.Accept));
            batch.Add(Rule.Of(family, "other", "base", [new ImmediateExpression { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = Verdict.Jump("unwanted") }]));
            other.Send(batch);
            Assert.That(await WorstOfOthersAsync(cloud), Is.EqualTo(FindingLevel.Good), "it drops nothing yet");

            batch.Clear();
            batch.Add(Rule.Of(family, "other", "unwanted", [new ImmediateExpression { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = Verdict.Drop }]));
            other.Send(batch);
        }

        Assert.That(await WorstOfOthersAsync(cloud), Is.EqualTo(level));
    }

    [TestCase(":FORWARD ACCEPT [0:0]\n:ours - [0:0]\n-A FORWARD -j ours\n-A ours -s 192.168.0.0/16 -j DROP", FindingLevel.Warning)]
    [TestCase(":INPUT DROP [0:0]", FindingLevel.Notice)]
    [TestCase(":INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j ACCEPT", FindingLevel.Good)]
    public async Task The_doctor_names_legacy_chains_that_drop(string chains, FindingLevel level)
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        using (IptablesTables tables = IptablesTables.Open(cloud.FrontHost.Kernel, IptablesInterface.Legacy))
        {
            tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, $"*filter\n{chains}\nCOMMIT\n"));
        }

        Assert.That(await WorstOfOthersAsync(cloud), Is.EqualTo(level));
    }

    private static async Task<FindingLevel> WorstOfOthersAsync(ManagedCloud cloud) =>
        (await Doctor.ExamineAsync(cloud.FrontHost.Kernel, cloud.FrontEndConfiguration))
            .Where(finding => finding.Check == "firewall" && (finding.Subject.Contains("other", StringComparison.Ordinal) || finding.Subject.Contains("legacy", StringComparison.Ordinal))).Max(finding => finding.Level);

    [Test]
    public async Task The_doctor_names_missing_translation_and_rules()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine web = await cloud.RunAsync("alice", "web", 0);
        await cloud.Front.AuthorizeAsync("alice", "web", new IngressRule { Protocol = 6, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("0.0.0.0/0") });
        await cloud.Front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), web.Name);
        using (NftablesConnection other = NftablesConnection.Open(cloud.FrontHost.Kernel))
        {
            var batch = new NftablesBatch();
            batch.FlushSet(NftablesFamily.Ip, "eucanet", "public_to_private");
            batch.FlushSet(NftablesFamily.Ip, "eucanet", "from0_port16");
            other.Send(batch);
        }

        Finding[] errors = [.. (await cloud.Front.ExamineAsync()).Where(f => f.Level == FindingLevel.Error)];
        Assert.That(errors.Select(f => f.Subject), Is.EquivalentTo(new[] { "public_to_private", "from0_port16" }));
        await cloud.Front.ReconcileAsync();
        Assert.That((await cloud.Front.ExamineAsync()).Where(f => f.Level == FindingLevel.Error), Is.Empty);
    }

    [Test]
    public async Task The_support_bundle_holds_what_the_manual_asks_for()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine web = await cloud.RunAsync("alice", "web", 0);
        IReadOnlyList<SupportFile> files = await SupportBundle.CollectAsync(cloud.FrontHost.Kernel, cloud.FrontEndConfiguration, new Dictionary<string, string> { ["cc.log"] = "a line\n" });
        Assert.That(files.Select(f => f.Name), Is.EqualTo(new[] { "routes.txt", "interfaces.txt", "bridges.txt", "neighbours.txt", "ruleset.nft", "iptables-save.txt", "parameters.txt", "doctor.txt", "cc.log" }));
        Assert.That(files.Single(f => f.Name == "interfaces.txt").Text, Does.Contain("eth0.10").And.Contain("192.168.0.1/26"));
        Assert.That(files.Single(f => f.Name == "ruleset.nft").Text, Does.Contain("@sources accept"));
        using var archive = new MemoryStream();
        await SupportBundle.WriteAsync(files, archive, cloud.Cloud.Clock);
        Assert.That(archive.Length, Is.GreaterThan(500));
        Assert.That(web.Lease, Is.Not.Null);
    }

    [Test]
    public async Task Explaining_an_instance_a_group_and_an_address_shows_intent_and_kernel()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine web = await cloud.RunAsync("alice", "web", 0);
        await cloud.Front.AuthorizeAsync("alice", "web", new IngressRule { Protocol = 6, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("0.0.0.0/0") });
        await cloud.Front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), web.Name);
        Explanation instance = await cloud.Front.ExplainAsync(web.Name);
        Assert.That(instance.Intent, Has.Some.Contains("lets in tcp 22 from 0.0.0.0/0"));
        Assert.That(instance.Kernel, Has.Some.Contains("eth0.10 is up").And.Some.Contains("203.0.113.10/32 is on eth1"));
        Assert.That((await cloud.Front.ExplainAsync("203.0.113.10")).Subject, Is.EqualTo(instance.Subject));
        Assert.That((await cloud.Front.ExplainAsync("alice-web")).Subject, Is.EqualTo("group alice-web"));
        Assert.ThrowsAsync<NotKnownException>(async () => await cloud.Front.ExplainAsync("nothing"));
    }

    [Test]
    public async Task A_node_that_does_not_know_of_the_front_end_on_its_machine_is_told_how_to_share_it()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        await using var node = new Node(cloud.FrontHost.Kernel, ManagedCloud.Parse("VNET_MODE=MANAGED VNET_INTERFACE=eth0", EucaNet.Engine.Configuration.EngineRole.Node));
        await node.StartAsync();
        InstanceAssignment assignment = (await cloud.Front.RunInstanceAsync(new InstanceRequest { InstanceId = "i-00000077" })).Value;
        cloud.Cloud.AddVm("i-00000077", cloud.FrontHost, "vif77.0", assignment.Mac.ToString());
        EngineException refused = Assert.ThrowsAsync<EngineException>(async () => await node.AttachAsync(assignment, "vif77.0"))!;
        Assert.That(refused.Message, Does.Contain("the front-end runs on this machine too").And.Contain("--role both"));
        Assert.That(await ManagedCloud.LinkAsync(cloud.FrontHost, "eucabr10"), Is.Null);
        Assert.That(await ManagedCloud.LinkAsync(cloud.FrontHost, "eth0.10"), Is.Not.Null, "the front-end's device stays");
    }
}
