using System.Net;
using EucaNet.Simulator.Fabric;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Fabric;

/// <summary>A site's own DHCP server and VMs bridged to its network: SYSTEM mode.</summary>
public sealed class DhcpTests
{
    private SimulatedCloud _cloud = null!;
    private SimulatedHost _site = null!, _node = null!;
    private DhcpPoolServer _server = null!;

    [SetUp]
    public void Raise()
    {
        _cloud = new SimulatedCloud(11);
        NetworkSwitch lan = _cloud.AddSwitch("lan");
        _site = _cloud.AddHost("site");
        _node = _cloud.AddHost("node");
        _cloud.Connect(_site, "eth0", lan);
        _cloud.Connect(_node, "peth0", lan);
        _site.Address("eth0", "10.1.0.1/24");
        Links.AddBridge(_node, "eth0");
        Links.Enslave(_node, "peth0", "eth0");
        _node.Up("peth0").Up("eth0");
        _server = new DhcpPoolServer(_site.Kernel, "eth0", new DhcpPoolOptions(IPAddress.Parse("10.1.0.100"), IPAddress.Parse("10.1.0.101"), 24, IPAddress.Parse("10.1.0.1"))
        {
            Router = IPAddress.Parse("10.1.0.1"),
            LeaseTime = TimeSpan.FromSeconds(600),
        });
        _server.Start();
    }

    [TearDown]
    public void End()
    {
        _server.Dispose();
        _cloud.Dispose();
    }

    private VirtualMachine Boot(string name, string vif, string mac)
    {
        VirtualMachine vm = _cloud.AddVm(name, _node, vif, mac);
        Links.Enslave(_node, vif, "eth0");
        _node.Up(vif);
        return vm.Boot();
    }

    [Test]
    public void A_VM_gets_an_address_of_the_pool_and_uses_it()
    {
        VirtualMachine vm = Boot("vm1", "vif1.0", "d0:0d:00:00:00:01");
        Assert.That(vm.DhcpClient!.Failure, Is.Null);
        Assert.That(vm.Lease, Is.EqualTo(IPAddress.Parse("10.1.0.100")));
        Assert.That(_cloud.Ping(vm, IPAddress.Parse("10.1.0.1")).Reached, Is.True);
        Assert.That(_server.Leases["d0:0d:00:00:00:01"], Is.EqualTo(vm.Lease));
    }

    [Test]
    public void A_lease_is_renewed_at_half_its_time_for_as_long_as_the_VM_lives()
    {
        VirtualMachine vm = Boot("vm1", "vif1.0", "d0:0d:00:00:00:01");
        DateTimeOffset first = vm.DhcpClient!.Lease!.Obtained;
        _cloud.Advance(TimeSpan.FromSeconds(301));
        Assert.That(vm.DhcpClient.Lease!.Obtained - first, Is.EqualTo(TimeSpan.FromSeconds(300)));
        _cloud.Advance(TimeSpan.FromHours(2));
        Assert.That(vm.Lease, Is.EqualTo(IPAddress.Parse("10.1.0.100")));
    }

    [Test]
    public void A_lease_that_nobody_renews_ends_and_the_address_goes()
    {
        VirtualMachine vm = Boot("vm1", "vif1.0", "d0:0d:00:00:00:01");
        _server.Dispose();
        _cloud.Advance(TimeSpan.FromSeconds(601));
        Assert.That(vm.Lease, Is.Null);
        Assert.That(_cloud.Ping(vm, IPAddress.Parse("10.1.0.1")).Reason, Is.EqualTo("network is unreachable"));
    }

    [Test]
    public void A_full_pool_gives_nothing_until_an_address_is_released()
    {
        VirtualMachine first = Boot("vm1", "vif1.0", "d0:0d:00:00:00:01");
        Boot("vm2", "vif2.0", "d0:0d:00:00:00:02");
        VirtualMachine third = Boot("vm3", "vif3.0", "d0:0d:00:00:00:03");
        Assert.That(third.Lease, Is.Null);
        first.DhcpClient!.Release();
        _cloud.Advance(TimeSpan.FromSeconds(70));
        Assert.That(third.Lease, Is.EqualTo(IPAddress.Parse("10.1.0.100")));
    }

    [Test]
    public void A_lost_offer_is_asked_for_again()
    {
        Cable cable = _cloud.Cables[0];
        cable.LoseNext = 1;
        VirtualMachine vm = Boot("vm1", "vif1.0", "d0:0d:00:00:00:01");
        Assert.That(vm.Lease, Is.Null);
        _cloud.Advance(TimeSpan.FromSeconds(5));
        Assert.That(vm.Lease, Is.Not.Null);
    }
}
