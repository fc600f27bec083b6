using EucaNet.Engine.Diagnostics;
using EucaNet.Simulator.Fabric;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>MANAGED on simulated kernels, judged by packets.</summary>
public class ManagedOnSimulatorTests
{
    private static IngressRule Tcp(int port, string source = "0.0.0.0/0") => new() { Protocol = IngressRule.Tcp, FirstPort = port, LastPort = port, Source = Ipv4Network.Parse(source) };

    private static readonly IngressRule AnyPing = new() { Protocol = IngressRule.Icmp, Source = Ipv4Network.Parse("0.0.0.0/0") };

    [Test]
    public async Task An_instance_reaches_of_the_front_end_its_own_router_by_ping_and_nothing_else()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine alice = await cloud.RunAsync("alice", "web", 0);
        await cloud.RunAsync("bob", "default", 0);
        using IDisposable service = cloud.Cloud.ListenTcp(cloud.FrontHost, 22);
        Assert.Multiple(() =>
        {
            Assert.That(cloud.Pings(alice, "192.168.0.1"), Is.True, "own router");
            Assert.That(cloud.Pings(alice, "192.168.0.65"), Is.False, "other group's router");
            Assert.That(cloud.Pings(alice, "203.0.113.1"), Is.False, "the front-end's own address");
            Assert.That(cloud.Connects(alice, "192.168.0.1", 22), Is.False, "a service of the front-end's");
        });
    }

    [Test]
    public async Task A_public_address_works_from_outside_from_the_front_end_from_peers_from_others_and_from_itself()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine web = await cloud.RunAsync("alice", "web", 0);
        VirtualMachine peer = await cloud.RunAsync("alice", "web", 1);
        VirtualMachine other = await cloud.RunAsync("bob", "default", 1);
        await cloud.Front.AuthorizeAsync("alice", "web", AnyPing);
        ChangeSummary changes = await cloud.Front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), web.Name);
        Assert.That(changes.NetfilterTransactions, Is.EqualTo(1));
        Assert.That(changes.Count(ChangeKind.Announced), Is.EqualTo(1));
        Assert.Multiple(() =>
        {
            Assert.That(cloud.Pings(cloud.Internet, "203.0.113.10"), Is.True, "from outside");
            Assert.That(cloud.Pings(cloud.FrontHost, "203.0.113.10"), Is.True, "from the front-end");
            Assert.That(cloud.Pings(peer, "203.0.113.10"), Is.True, "from a peer of the group");
            Assert.That(cloud.Pings(other, "203.0.113.10"), Is.True, "from another group");
            Assert.That(cloud.Pings(web, "203.0.113.10"), Is.True, "from itself");
            Assert.That(cloud.Cloud.ConnectTcp(web, System.Net.IPAddress.Parse("203.0.113.100"), 80, cloud.Internet).SeenAs?.ToString(), Is.EqualTo("203.0.113.10"));
            Assert.That(cloud.Cloud.ConnectTcp(peer, System.Net.IPAddress.Parse("203.0.113.100"), 80, cloud.Internet).SeenAs?.ToString(), Is.EqualTo("203.0.113.1"));
        });

        await cloud.Front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), other.Name);
        Assert.That((await cloud.Front.ListAddressesAsync()).Single(a => a.InstanceId is not null).InstanceId, Is.EqualTo(other.Name));
        Assert.That(cloud.Cloud.ConnectTcp(web, System.Net.IPAddress.Parse("203.0.113.100"), 80, cloud.Internet).SeenAs?.ToString(), Is.EqualTo("203.0.113.1"), "it moved");
    }

    [Test]
    public async Task Rules_of_every_kind_open_what_they_name_and_close_it_again()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine web = await cloud.RunAsync("alice", "web", 0);
        VirtualMachine client = await cloud.RunAsync("bob", "default", 1);
        string address = ManagedCloud.AddressOf(web);
        async Task Opens(IngressRule rule, Func<bool> reaches, Func<bool>? doesNotReach = null)
        {
            Assert.That(reaches(), Is.False, $"before '{rule}'");
            Assert.That((await cloud.Front.AuthorizeAsync("alice", "web", rule)).NetfilterTransactions, Is.EqualTo(1));
            Assert.That((await cloud.Front.AuthorizeAsync("alice", "web", rule)).IsEmpty, "adding again changes nothing");
            Assert.That(reaches(), Is.True, $"with '{rule}'");
            Assert.That(doesNotReach?.Invoke() ?? false, Is.False, $"beside '{rule}'");
            await cloud.Front.RevokeAsync("alice", "web", rule);
            Assert.That((await cloud.Front.RevokeAsync("alice", "web", rule)).IsEmpty, "revoking again changes nothing");
            Assert.That(reaches(), Is.False, $"after '{rule}'");
        }

        await Opens(Tcp(22), () => cloud.Connects(client, address, 22, web), () => cloud.Connects(client, address, 23, web));
        await Opens(new IngressRule { Protocol = 6, FirstPort = 8000, LastPort = 8080, Source = Ipv4Network.Parse("192.168.0.0/16") },
            () => cloud.Connects(client, address, 8080, web), () => cloud.Connects(client, address, 8081, web));
        await Opens(Tcp(22, ManagedCloud.AddressOf(client) + "/32"), () => cloud.Connects(client, address, 22, web));
        await Opens(new IngressRule { SourceGroup = new GroupName("bob", "default") }, () => cloud.Pings(client, address));
        await Opens(new IngressRule { Protocol = 1, IcmpType = 8, IcmpCode = 0, Source = Ipv4Network.Parse("0.0.0.0/0") }, () => cloud.Pings(client, address));
        await Opens(new IngressRule { Protocol = 1, IcmpType = 8, Source = Ipv4Network.Parse("0.0.0.0/0") }, () => cloud.Pings(client, address), () => cloud.Connects(client, address, 22, web));
        await Opens(new IngressRule { Protocol = 6, Source = Ipv4Network.Parse("192.168.0.64/26") }, () => cloud.Connects(client, address, 9999, web));
        await cloud.Front.AuthorizeAsync("alice", "web", new IngressRule { Protocol = 6, FirstPort = 0, LastPort = 21, Source = Ipv4Network.Parse("0.0.0.0/0") });
        Assert.That(cloud.Connects(client, address, 22, web), Is.False, "a range from port 0 opens no more than it says");
    }

    [Test]
    public async Task A_source_group_that_starts_later_is_let_in_from_then_on()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine web = await cloud.RunAsync("alice", "web", 0);
        await cloud.Front.AuthorizeAsync("alice", "web", new IngressRule { Protocol = 6, FirstPort = 80, LastPort = 80, SourceGroup = new GroupName("bob", "late") });
        Assert.That((await cloud.Front.ListRulesAsync()).Single().IsActive, Is.False);
        VirtualMachine late = await cloud.RunAsync("bob", "late", 1);
        Assert.That(cloud.Connects(late, ManagedCloud.AddressOf(web), 80, web), Is.True);
    }

    [Test]
    public async Task The_last_instance_takes_VLAN_and_bridge_along_and_the_VLAN_rests_before_it_is_given_again()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine first = await cloud.RunAsync("alice", "web", 0);
        Assert.That(await ManagedCloud.LinkAsync(cloud.NodeHosts[0], "eucabr10"), Is.Not.Null);
        await cloud.TerminateAsync(first);
        Assert.That(await ManagedCloud.LinkAsync(cloud.FrontHost, "eth0.10"), Is.Null);
        Assert.That(await ManagedCloud.LinkAsync(cloud.NodeHosts[0], "eucabr10"), Is.Null);
        Assert.That(await ManagedCloud.LinkAsync(cloud.NodeHosts[0], "peth0.10"), Is.Null);
        await cloud.RunAsync("alice", "web", 0);
        Assert.That((await cloud.Front.ListNetworksAsync()).Single().Vlan, Is.EqualTo(11));
        cloud.Cloud.Advance(TimeSpan.FromMinutes(2));
        await cloud.RunAsync("bob", "default", 0);
        Assert.That((await cloud.Front.ListNetworksAsync()).Select(n => n.Vlan), Is.EqualTo(new[] { 10, 11 }));
    }

    [Test]
    public async Task A_restart_with_its_state_writes_nothing_and_repairs_what_was_taken_away()
    {
        string directory = Directory.CreateTempSubdirectory("euca").FullName;
        try
        {
            await using ManagedCloud cloud = await ManagedCloud.StartAsync(options: new EngineOptions { StateDirectory = directory });
            VirtualMachine web = await cloud.RunAsync("alice", "web", 0);
            await cloud.RunAsync("bob", "default", 1);
            await cloud.Front.AuthorizeAsync("alice", "web", AnyPing);
            await cloud.Front.AuthorizeAsync("alice", "web", new IngressRule { Protocol = 6, FirstPort = 1, LastPort = 1000, SourceGroup = new GroupName("bob", "default") });
            await cloud.Front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), web.Name);
            ChangeSummary nothing = await cloud.RestartFrontAsync();
            Assert.That(nothing.ToString(), Is.EqualTo("nothing to do"));
            Assert.That(cloud.Pings(cloud.Internet, "203.0.113.10"), Is.True);
            Assert.That((await cloud.Front.ListInstancesAsync()).Count, Is.EqualTo(2));
            Assert.That((await cloud.Front.ListRulesAsync()).Count, Is.EqualTo(2));

            // A front-end that has lost its state takes away what it does not know any more.
            ChangeSummary cleaned = await cloud.RestartFrontAsync(new EngineOptions());
            Assert.That(cleaned.Count(ChangeKind.LinkRemoved), Is.EqualTo(2));
            Assert.That(cleaned.Count(ChangeKind.AddressRemoved), Is.EqualTo(1));
            ChangeSummary repaired = await cloud.RestartFrontAsync();
            Assert.That(repaired.Count(ChangeKind.LinkAdded), Is.EqualTo(2));
            Assert.That(repaired.NetfilterTransactions, Is.EqualTo(1));
            Assert.That(cloud.Pings(cloud.Internet, "203.0.113.10"), Is.True);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test]
    public async Task Metadata_requests_are_led_to_the_configured_service()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync("VNET_METADATA=203.0.113.100:8773");
        VirtualMachine vm = await cloud.RunAsync("alice", "web", 0);
        using IDisposable service = cloud.Cloud.ListenTcp(cloud.Internet, 8773);
        Assert.That(cloud.Connects(vm, "169.254.169.254", 80), Is.True);
        Assert.That(cloud.Connects(vm, "169.254.169.254", 81), Is.False);
    }

    [Test]
    public async Task The_doctor_finds_nothing_wrong_in_a_healthy_cloud_and_names_each_planted_fault()
    {
        await using ManagedCloud cloud = await ManagedCloud.StartAsync();
        VirtualMachine web = await cloud.RunAsync("alice", "web", 0);
        await cloud.Front.AuthorizeAsync("alice", "web", AnyPing);
        await cloud.Front.AssociateAddressAsync(Ipv4Address.Parse("203.0.113.10"), web.Name);
        Assert.That((await cloud.Front.ExamineAsync()).Where(f => f.Level >= FindingLevel.Warning), Is.Empty);
        Assert.That((await cloud.Nodes[0].ExamineAsync()).Where(f => f.Level >= FindingLevel.Warning), Is.Empty);

        cloud.FrontHost.Kernel.WriteParameter("net/ipv4/ip_forward", "0");
        Assert.That((await cloud.Front.ExamineAsync())[0].Check, Is.EqualTo("forwarding"));
        ChangeSummary mended = await cloud.Front.ReconcileAsync();
        Assert.That(mended.Changes.Single().Kind, Is.EqualTo(ChangeKind.Parameter));
    }
}
