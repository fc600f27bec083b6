using System.Net;
using EucaNet.Engine;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using MachineSetup = EucaNet.Cli.Scenarios.MachineSetup;
using Segment = EucaNet.Cli.Scenarios.Segment;

namespace EucaNet.Cli.Tests.Evidence;

/// <summary>
/// The manual's troubleshooting chapter on a running MANAGED cloud: each fault it describes is planted as an administrator's hand or another
/// program would make it, the check that the chapter does by hand names it with the chapter's remedy, and is content again when it is mended.
/// </summary>
[TestFixtureSource(typeof(Worlds), nameof(Worlds.Managed))]
[Category(DebianKernelTests.Category)]
public sealed class TroubleshootingTests(string world)
{
    private const string CheckInterface = "check your VNET_INTERFACE";
    private const string OtherFirewall = "stop the other firewall";
    private static readonly Ipv4Address PublicAddress = Ipv4Address.Parse("203.0.113.10");

    /// <summary>A fault: how it comes, which finding must name it, how it goes.</summary>
    private sealed record Fault(string Check, string Subject, string Remedy, Func<ManagedCloud, Task> Plant)
    {
        /// <summary>Where it is looked for.</summary>
        public string Machine { get; init; } = ManagedCloud.Front;

        /// <summary>Mends it where the engine's reconciling does not: what is not ours.</summary>
        public Func<ManagedCloud, Task>? Mend { get; init; }
    }

    private static IEnumerable<Fault> Faults =>
    [
        new("interface", "eth0.10", CheckInterface, async cloud => await cloud.RouteOf(ManagedCloud.Front).SetDownAsync(await IndexAsync(cloud, ManagedCloud.Front, "eth0.10"))),
        new("interface", "eth0.10", CheckInterface, async cloud => await cloud.RouteOf(ManagedCloud.Front).DeleteLinkAsync("eth0.10")),
        new("interface", "eth0.10", CheckInterface, cloud => RemoveAddressAsync(cloud, "eth0.10", "192.168.0.1", 26)),
        new("interface", "eth0", "set it up", async cloud => await cloud.RouteOf(ManagedCloud.Front).SetDownAsync(await IndexAsync(cloud, ManagedCloud.Front, "eth0"))),
        new("bridge", "eucabr10", CheckInterface, async cloud => await cloud.RouteOf("node1").SetMasterAsync(await IndexAsync(cloud, "node1", "peth0.10"), 0)) { Machine = "node1" },
        new("bridge", "eucabr10", CheckInterface, async cloud => await cloud.RouteOf("node1").SetMasterAsync(await IndexAsync(cloud, "node1", "vif1.0"), 0)) { Machine = "node1" },
        new("firewall", "guards: macs", "reconciling mends it", cloud => ChangeAsync(cloud, "node1", batch => batch.FlushSet(NftablesFamily.Bridge, "eucanet", "macs"))) { Machine = "node1" },
        new("firewall", "from0_port16", "the group's ingress rules are not in force", cloud => ChangeAsync(cloud, ManagedCloud.Front, batch => batch.FlushSet(NftablesFamily.Ip, "eucanet", "from0_port16"))),
        new("firewall", "public_to_private", "one DNAT and one SNAT", cloud => ChangeAsync(cloud, ManagedCloud.Front, batch => batch.FlushSet(NftablesFamily.Ip, "eucanet", "public_to_private"))),
        new("firewall", "private_to_public", "one DNAT and one SNAT", cloud => ChangeAsync(cloud, ManagedCloud.Front, batch => batch.FlushSet(NftablesFamily.Ip, "eucanet", "private_to_public"))),
        new("firewall", "forward", "another program changed our table", cloud => ChangeAsync(cloud, ManagedCloud.Front, batch => batch.FlushChain(NftablesFamily.Ip, "eucanet", "forward"))),
        new("address", "203.0.113.10", "ip addr add 203.0.113.10/32 dev eth1", cloud => RemoveAddressAsync(cloud, "eth1", "203.0.113.10", 32)),
        new("forwarding", "net.ipv4.ip_forward", "sysctl -w net.ipv4.ip_forward=1", cloud =>
        {
            cloud.KernelOf(ManagedCloud.Front).WriteParameter("net/ipv4/ip_forward", "0");
            return Task.CompletedTask;
        }),
        new("subnet", "192.168.0.0/16", "choose a range of addresses for VNET_SUBNET that is completely unused", cloud => AddAddressAsync(cloud, ManagedCloud.Front, "eth1", "192.168.77.1", 24))
        {
            Mend = cloud => RemoveAddressAsync(cloud, "eth1", "192.168.77.1", 24),
        },
        new("firewall", "chain inet firewalld filter_FORWARD", OtherFirewall, cloud => ChangeAsync(cloud, ManagedCloud.Front, batch =>
        {
            batch.Add(new Table { Family = NftablesFamily.Inet, Name = "firewalld" });
            batch.Add(Chain.Base(NftablesFamily.Inet, "firewalld", "filter_FORWARD", "filter", new ChainHook(2, 10), ChainPolicy.Drop));
        }))
        {
            Mend = cloud => ChangeAsync(cloud, ManagedCloud.Front, batch => batch.Delete(new Table { Family = NftablesFamily.Inet, Name = "firewalld" })),
        },
        new("firewall", "chain ip filter FORWARD", OtherFirewall, cloud => RestoreAsync(cloud, IptablesInterface.Nft, ":FORWARD DROP [0:0]"))
        {
            Mend = cloud => ChangeAsync(cloud, ManagedCloud.Front, batch => batch.Delete(new Table { Family = NftablesFamily.Ip, Name = "filter" })),
        },
        new("firewall", "iptables-legacy chain FORWARD", OtherFirewall, cloud => RestoreAsync(cloud, IptablesInterface.Legacy, ":FORWARD DROP [0:0]"))
        {
            Mend = cloud => RestoreAsync(cloud, IptablesInterface.Legacy, ":FORWARD ACCEPT [0:0]"),
        },
        new("firewall", "iptables-legacy chain FORWARD", OtherFirewall, cloud => RestoreAsync(cloud, IptablesInterface.Legacy, ":FORWARD ACCEPT [0:0]\n-A FORWARD -d 192.168.0.0/16 -j DROP"))
        {
            Mend = cloud => RestoreAsync(cloud, IptablesInterface.Legacy, ":FORWARD ACCEPT [0:0]"),
        },
    ];

    [Test]
    public async Task Each_fault_of_the_chapter_is_named_with_its_remedy_and_gone_when_it_is_mended()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync(world);
        Guest web = await cloud.RunAsync("alice", "web", "node1");
        await cloud.FrontEnd.AuthorizeAsync("alice", "web", new IngressRule { Protocol = IngressRule.Tcp, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("0.0.0.0/0") });
        await cloud.FrontEnd.AssociateAddressAsync(PublicAddress, web.Name);
        var wrong = new List<string>();
        wrong.AddRange((await TroublesAsync(cloud)).Select(f => $"nothing was planted, yet: {f}"));
        foreach (Fault fault in Faults)
        {
            await fault.Plant(cloud);
            Finding[] found = await TroublesAsync(cloud);
            if (!found.Any(f => f.Check == fault.Check && f.Subject == fault.Subject && f.Remedy!.Contains(fault.Remedy, StringComparison.Ordinal)))
            {
                wrong.Add($"{fault.Check} {fault.Subject} is not named; found: {string.Join<Finding>(" | ", found)}");
            }

            await (fault.Mend?.Invoke(cloud) ?? Task.CompletedTask);
            await cloud.FrontEnd.ReconcileAsync();
            await cloud.NodeOf("node1").ReconcileAsync();
            wrong.AddRange((await TroublesAsync(cloud)).Select(f => $"{fault.Check} {fault.Subject} was mended, yet: {f}"));
        }

        Assert.That(wrong, Is.Empty);
        Assert.That((await cloud.World.ConnectAsync(ManagedCloud.Internet, IPAddress.Parse("203.0.113.10"), 22, web.Name, default)).Reached, "after all that the instance is still there");
    }

    [TestCase("VNET_INTERFACE=eth7", EngineRole.FrontEnd, "eth7")]
    [TestCase("VNET_INTERFACE=eth0 VNET_PUBINTERFACE=eth7", EngineRole.FrontEnd, "eth7")]
    [TestCase("VNET_INTERFACE=peth7", EngineRole.Node, "peth7")]
    public async Task A_wrong_VNET_INTERFACE_is_named(string keys, EngineRole role, string name)
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync(world);
        NetworkConfiguration wrong = ManagedCloud.Parse($"VNET_MODE=MANAGED VNET_SUBNET=192.168.0.0 VNET_NETMASK=255.255.0.0 VNET_DNS=198.51.100.53 VNET_ADDRSPERNET=64 {keys}", role);
        Finding worst = (await Doctor.ExamineAsync(cloud.KernelOf(role == EngineRole.Node ? "node1" : ManagedCloud.Front), wrong))[0];
        Assert.That((worst.Level, worst.Check, worst.Subject), Is.EqualTo((FindingLevel.Error, "interface", name)));
        Assert.That(worst.Remedy, Does.Contain(CheckInterface));
    }

    [Test]
    public async Task A_switch_that_drops_tagged_frames_fails_the_VLAN_test_on_both_ends()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync(world);
        (Finding front, Finding node) = await TestVlanAsync(cloud, TimeSpan.FromSeconds(20));
        Assert.That((front.Level, node.Level), Is.EqualTo((FindingLevel.Good, FindingLevel.Good)), $"{front} {node}");
        await cloud.World.SetTagsPassAsync(Segment.Private, pass: false, default);
        (front, node) = await TestVlanAsync(cloud, TimeSpan.FromSeconds(3));
        Assert.That((front.Level, node.Level), Is.EqualTo((FindingLevel.Error, FindingLevel.Error)), $"{front} {node}");
        Assert.That(front.Remedy, Does.Contain("the switch needs to be configured to forward VLAN tagged packets"));
        Assert.That(await cloud.RouteOf(ManagedCloud.Front).FindLinkAsync("eth0.10"), Is.Null, "and everything is put back");
    }

    [Test]
    public async Task A_public_address_that_somebody_has_already_fails_its_test()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync(world);
        await AddAddressAsync(cloud, ManagedCloud.Internet, "eth0", "203.0.113.15", 24);
        Finding taken = await TestAddressAsync(cloud, "203.0.113.15");
        Finding free = await TestAddressAsync(cloud, "203.0.113.16");
        Link internet = await cloud.RouteOf(ManagedCloud.Internet).GetLinkAsync("eth0");
        Assert.That((taken.Level, free.Level), Is.EqualTo((FindingLevel.Error, FindingLevel.Good)), $"{taken} {free}");
        Assert.That(taken.Observation, Does.Contain(internet.HardwareAddress.ToString()));
        Assert.That(taken.Remedy, Does.Contain("leave it out of VNET_PUBLICIPS"));
        Assert.That((await MachineAddressesAsync(cloud, "eth1")).Select(a => a.ToString()), Has.None.StartsWith("203.0.113.16"), "and it is put back");
    }

    private static async Task<Finding[]> TroublesAsync(ManagedCloud cloud) =>
    [
        .. ((Finding[])[.. await cloud.FrontEnd.ExamineAsync(), .. await cloud.NodeOf("node1").ExamineAsync()]).Where(f => f.Level >= FindingLevel.Warning),
    ];

    private static async Task<(Finding Front, Finding Node)> TestVlanAsync(ManagedCloud cloud, TimeSpan patience)
    {
        Ipv4Address front = Ipv4Address.Parse("192.168.1.1"), node = Ipv4Address.Parse("192.168.1.2");
        Task<Finding> atFront = VlanTest.RunAsync(cloud.KernelOf(ManagedCloud.Front), "eth0", 10, front, node, patience).AsTask();
        Task<Finding> atNode = VlanTest.RunAsync(cloud.KernelOf("node1"), "peth0", 10, node, front, patience).AsTask();
        return (await cloud.UntilAsync(atFront), await cloud.UntilAsync(atNode));
    }

    private static Task<Finding> TestAddressAsync(ManagedCloud cloud, string address) =>
        cloud.UntilAsync(PublicAddressTest.RunAsync(cloud.KernelOf(ManagedCloud.Front), "eth1", Ipv4Address.Parse(address), TimeSpan.FromMilliseconds(100)).AsTask());

    private static async Task<int> IndexAsync(ManagedCloud cloud, string machine, string name) => (await cloud.RouteOf(machine).GetLinkAsync(name)).Index;

    private static async Task<IReadOnlyList<IPAddress>> MachineAddressesAsync(ManagedCloud cloud, string name) =>
        await MachineSetup.AddressesAsync(cloud.KernelOf(ManagedCloud.Front), name, default);

    private static async Task AddAddressAsync(ManagedCloud cloud, string machine, string name, string address, int length) =>
        await cloud.RouteOf(machine).AddAddressAsync(InterfaceAddress.Of(await IndexAsync(cloud, machine, name), IPAddress.Parse(address), length));

    private static async Task RemoveAddressAsync(ManagedCloud cloud, string name, string address, int length) =>
        await cloud.RouteOf(ManagedCloud.Front).DeleteAddressAsync(InterfaceAddress.Of(await IndexAsync(cloud, ManagedCloud.Front, name), IPAddress.Parse(address), length));

    private static Task ChangeAsync(ManagedCloud cloud, string machine, Action<NftablesBatch> change)
    {
        using NftablesConnection connection = NftablesConnection.Open(cloud.KernelOf(machine));
        var batch = new NftablesBatch();
        change(batch);
        connection.Send(batch);
        return Task.CompletedTask;
    }

    // As "iptables-restore" does with this text.
    private static Task RestoreAsync(ManagedCloud cloud, IptablesInterface which, string forward)
    {
        using IptablesTables tables = IptablesTables.Open(cloud.KernelOf(ManagedCloud.Front), which);
        tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, $"*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{forward}\nCOMMIT\n"));
        return Task.CompletedTask;
    }
}
