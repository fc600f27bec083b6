using System.Net;
using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;
using NUnit.Framework;

namespace EucaNet.Engine.Tests.Simulation;

/// <summary>SYSTEM's and STATIC's second way to instances' addresses: the DHCP acknowledgements that go by on the node.</summary>
public sealed class LeaseSnoopTests
{
    private const string Instance = "i-0000001a";

    private sealed class Cloud : IAsyncDisposable
    {
        public Cloud(string mode, IAddressReports? reports = null)
        {
            NetworkSwitch lan = Machines.AddSwitch("lan");
            NodeHost = Machines.AddHost("node");
            Machines.Connect(NodeHost, "peth0", lan);
            using (var bridge = EucaNet.Netlink.Route.RouteConnection.Open(NodeHost.Kernel))
            {
                bridge.CreateBatch().AddLink(new EucaNet.Netlink.Route.Link { Name = "eth0", Info = EucaNet.Netlink.Route.LinkInfo.Of(new EucaNet.Netlink.Route.BridgeOptions { ForwardDelay = 0 }) }).Execute();
                int index = bridge.GetLinkAsync("eth0").AsTask().Result.Index;
                bridge.CreateBatch().SetMaster(bridge.GetLinkAsync("peth0").AsTask().Result.Index, index).SetUp(index).Execute();
            }

            NodeHost.Up("peth0");
            Site = Machines.AddHost("site");
            Machines.Connect(Site, "eth0", lan);
            Site.Address("eth0", "192.168.1.1/24");
            Mode = mode == "STATIC" ? NetworkMode.Static : NetworkMode.System;
            Node = new Node(NodeHost.Kernel, ManagedCloud.Parse($"VNET_MODE={mode} VNET_BRIDGE=eth0", EngineRole.Node), new EngineOptions { AddressReports = reports });
        }

        public NetworkMode Mode { get; }

        public SimulatedCloud Machines { get; } = new();

        public SimulatedHost NodeHost { get; }

        public SimulatedHost Site { get; }

        public Node Node { get; }

        public DhcpPoolServer Serve(string first, string last)
        {
            var server = new DhcpPoolServer(Site.Kernel, "eth0", new DhcpPoolOptions(IPAddress.Parse(first), IPAddress.Parse(last), 24, IPAddress.Parse("192.168.1.1")) { Router = IPAddress.Parse("192.168.1.1") });
            server.Start();
            return server;
        }

        public async Task<VirtualMachine> BootAsync(string id, string mac, string address = "0.0.0.0")
        {
            string port = $"vif{id[^1]}.0";
            VirtualMachine vm = Machines.AddVm(id, NodeHost, port, mac);
            await Node.AttachAsync(new InstanceAssignment { InstanceId = id, Group = new GroupName("a", "b"), Mode = Mode, Mac = MacAddress.Parse(mac), Address = Ipv4Address.Parse(address) }, port);
            vm.Boot();
            Machines.RunUntil(() => vm.Lease is not null, TimeSpan.FromSeconds(10));
            return vm;
        }

        public async ValueTask DisposeAsync()
        {
            await Node.DisposeAsync();
            Machines.Dispose();
        }
    }

    private sealed class Reports : IAddressReports
    {
        public List<AddressReport> All { get; } = [];

        public ValueTask ReportAddressAsync(AddressReport report, CancellationToken cancellationToken = default)
        {
            All.Add(report);
            return ValueTask.CompletedTask;
        }
    }

    [Test]
    public async Task A_node_lists_the_address_that_a_DHCP_server_acknowledged_and_tells_it()
    {
        var reports = new Reports();
        await using var cloud = new Cloud("SYSTEM", reports);
        await cloud.Node.StartAsync();
        using DhcpPoolServer server = cloud.Serve("192.168.1.100", "192.168.1.110");
        VirtualMachine vm = await cloud.BootAsync(Instance, "02:00:00:00:00:1a");
        AttachedInstance listed = (await cloud.Node.ListInstancesAsync()).Single();
        Assert.Multiple(() =>
        {
            Assert.That(listed.Address.ToString(), Is.EqualTo(vm.Lease!.ToString()));
            Assert.That(listed.Discovery, Does.Contain("DHCP acknowledgement of 192.168.1.1"));
            Assert.That(reports.All, Is.Not.Empty);
            Assert.That((reports.All[0].InstanceId, reports.All[0].Address.ToString(), reports.All[0].Server.ToString()), Is.EqualTo((Instance, "192.168.1.100", "192.168.1.1")));
        });

        await cloud.Node.DetachAsync(Instance);
        Assert.That(await cloud.Node.ListInstancesAsync(), Is.Empty);
    }

    [Test]
    public async Task An_address_counts_while_its_lease_lasts()
    {
        await using var cloud = new Cloud("SYSTEM");
        await cloud.Node.StartAsync();
        DhcpPoolServer server = cloud.Serve("192.168.1.100", "192.168.1.110");
        VirtualMachine vm = await cloud.BootAsync(Instance, "02:00:00:00:00:1a");
        cloud.Machines.Advance(TimeSpan.FromHours(30));
        Assert.That((await cloud.Node.ListInstancesAsync()).Single().Address.ToString(), Is.EqualTo(vm.Lease!.ToString()), "the VM renews its lease, and the renewals are seen");
        server.Dispose();
        cloud.Machines.Advance(TimeSpan.FromHours(30));
        Assert.That((await cloud.Node.ListInstancesAsync()).Single().Address.ToString(), Is.EqualTo("0.0.0.0"), "nobody renews it any more");
    }

    [Test]
    public async Task In_static_mode_another_DHCP_server_on_the_network_is_reported_by_its_address()
    {
        await using var cloud = new Cloud("STATIC");
        await cloud.Node.StartAsync();
        using DhcpPoolServer server = cloud.Serve("192.168.1.100", "192.168.1.110");
        await cloud.BootAsync(Instance, "02:00:00:00:00:1a", "192.168.1.3");
        Assert.That((await cloud.Node.GetStatusAsync()).Problems.Single(), Does.Contain("192.168.1.1 gave instance i-0000001a the address 192.168.1.100, not its own 192.168.1.3"));
    }

    [Test]
    public async Task The_front_end_takes_reports_beside_its_neighbour_table_the_newest_sign_counts_and_two_of_one_address_are_a_problem()
    {
        await using var cloud = new Cloud("SYSTEM");
        SimulatedHost host = cloud.Machines.AddHost("front");
        await using var front = new FrontEnd(host.Kernel, ManagedCloud.Parse("VNET_MODE=SYSTEM", EngineRole.FrontEnd), new EngineOptions { Seed = 1 });
        await front.StartAsync();
        await front.RunInstanceAsync(new InstanceRequest { InstanceId = Instance });
        await front.RunInstanceAsync(new InstanceRequest { InstanceId = "i-0000001b" });
        async Task<string> AddressAsync() => (await front.ListInstancesAsync()).First(i => i.Assignment.InstanceId == Instance).PrivateAddress.ToString();
        var report = new AddressReport { InstanceId = Instance, Address = Ipv4Address.Parse("192.168.1.9"), Server = Ipv4Address.Parse("192.168.1.1"), LeaseTime = TimeSpan.FromMinutes(20) };
        Assert.That(await AddressAsync(), Is.EqualTo("0.0.0.0"));
        await front.ReportAddressAsync(report);
        Assert.That(await AddressAsync(), Is.EqualTo("192.168.1.9"));
        await front.ReportAddressAsync(report with { Address = Ipv4Address.Parse("192.168.1.10") });
        Assert.That(await AddressAsync(), Is.EqualTo("192.168.1.10"), "it moved");
        await front.ReportAddressAsync(report with { InstanceId = "i-0000001b", Address = Ipv4Address.Parse("192.168.1.10") });
        Assert.That((await front.GetStatusAsync()).Problems.Single(), Does.Contain("192.168.1.10 was given to the instances i-0000001a and i-0000001b"));
        cloud.Machines.Advance(TimeSpan.FromMinutes(21));
        Assert.That(await AddressAsync(), Is.EqualTo("0.0.0.0"), "the lease is over");
        NotKnownException unknown = Assert.ThrowsAsync<NotKnownException>(async () => await front.ReportAddressAsync(report with { InstanceId = "i-0000009f" }))!;
        Assert.That(unknown.Message, Does.Contain("i-0000009f"));
    }
}
