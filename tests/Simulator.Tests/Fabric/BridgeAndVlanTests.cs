using System.Net;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel.Devices;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Fabric;

/// <summary>Two nodes with a bridge per VLAN over a VLAN-clean switch: the MANAGED mode's shape, made by hand.</summary>
public sealed class BridgeAndVlanTests
{
    private SimulatedCloud _cloud = null!;
    private SimulatedHost _node1 = null!, _node2 = null!;
    private VirtualMachine _web1 = null!, _web2 = null!, _other = null!;

    [SetUp]
    public void Raise()
    {
        _cloud = new SimulatedCloud(7);
        NetworkSwitch lan = _cloud.AddSwitch("lan");
        _node1 = _cloud.AddHost("node1");
        _node2 = _cloud.AddHost("node2");
        _cloud.Connect(_node1, "eth0", lan);
        _cloud.Connect(_node2, "eth0", lan);
        _node1.Up("eth0");
        _node2.Up("eth0");
        _web1 = Vm("web1", _node1, "vif1.0", "d0:0d:00:00:00:01", 10, "192.168.0.2/26");
        _web2 = Vm("web2", _node2, "vif2.0", "d0:0d:00:00:00:02", 10, "192.168.0.3/26");
        _other = Vm("other", _node1, "vif3.0", "d0:0d:00:00:00:03", 11, "192.168.0.4/26");
    }

    [TearDown]
    public void End() => _cloud.Dispose();

    private VirtualMachine Vm(string name, SimulatedHost node, string vif, string mac, int vlan, string address)
    {
        VirtualMachine vm = _cloud.AddVm(name, node, vif, mac);
        if (node.Kernel.Devices.Find($"eucabr{vlan}") is null)
        {
            Links.AddVlan(node, "eth0", vlan);
            Links.AddBridge(node, $"eucabr{vlan}");
            Links.Enslave(node, $"eth0.{vlan}", $"eucabr{vlan}");
            node.Up($"eth0.{vlan}").Up($"eucabr{vlan}");
        }

        Links.Enslave(node, vif, $"eucabr{vlan}");
        node.Up(vif);
        vm.Address("eth0", address);
        return vm;
    }

    [Test]
    public void VMs_of_one_VLAN_reach_each_other_across_nodes_by_tagged_frames()
    {
        ProbeResult ping = _cloud.Ping(_web1, IPAddress.Parse("192.168.0.3"));
        Assert.That(ping.Reached, Is.True, ping.ToString());
        Assert.That(ping.Path, Is.EqualTo("web1 eth0 > node1 vif1.0 > eucabr10 > eth0.10 > eth0 > lan > node2 eth0 > eth0.10 > eucabr10 > vif2.0 > web2 eth0 > (echo request)"));
    }

    [Test]
    public void VMs_of_different_VLANs_do_not_reach_each_other_even_in_one_subnet()
    {
        Assert.That(_cloud.Ping(_web1, IPAddress.Parse("192.168.0.4")).Reached, Is.False);
        Assert.That(_cloud.Ping(_other, IPAddress.Parse("192.168.0.3")).Reached, Is.False);
    }

    [Test]
    public void A_switch_port_that_drops_tagged_frames_cuts_the_VLANs()
    {
        _cloud.Switches[0].Ports[1].DropsTaggedFrames = true;
        ProbeResult ping = _cloud.Ping(_web1, IPAddress.Parse("192.168.0.3"));
        Assert.That(ping.Reached, Is.False);
        Assert.That(ping.Reason, Is.EqualTo("host unreachable from 192.168.0.2"));
    }

    [Test]
    public void An_unplugged_cable_takes_the_carrier_and_plugging_it_in_gives_it_back()
    {
        Assert.That(_cloud.Ping(_web1, IPAddress.Parse("192.168.0.3")).Reached, Is.True);
        _cloud.Cables[0].Unplug();
        Assert.That(_node1.Kernel.Devices.Find("eth0")!.HasCarrier, Is.False);
        Assert.That(_node1.Kernel.Devices.Find("eth0.10")!.HasCarrier, Is.False);
        Assert.That(_cloud.Ping(_web1, IPAddress.Parse("192.168.0.3")).Reached, Is.False);
        _cloud.Cables[0].Plug();
        _cloud.Settle();
        Assert.That(_cloud.Ping(_web1, IPAddress.Parse("192.168.0.3")).Reached, Is.True);
    }

    [Test]
    public void A_bridge_learns_where_senders_are_and_forgets_after_its_ageing_time()
    {
        // A host that looks for IPv6 routers is never silent for long.
        _web2.Kernel.WriteParameter("net/ipv6/conf/all/disable_ipv6", "1");
        _cloud.Ping(_web1, IPAddress.Parse("192.168.0.3"));
        BridgeState bridge = _node1.Kernel.Devices.Find("eucabr10")!.Bridge!;
        byte[] far = [0xd0, 0x0d, 0, 0, 0, 2];
        ForwardingEntry? entry = bridge.Database.Find(far, 0);
        Assert.That(entry?.Port?.Device.Name, Is.EqualTo("eth0.10"));

        // The receiver's own ARP probe, five seconds after its answer, is the last it sends.
        _cloud.Advance(TimeSpan.FromSeconds(306));
        Assert.That(_node1.Kernel.Stack.Bridging.Find(bridge, EucaNet.Netlink.Wire.MacAddress.Read(far), 0), Is.Null);
    }

    [Test]
    public void Isolated_ports_of_a_bridge_do_not_reach_each_other_but_reach_the_others()
    {
        VirtualMachine third = Vm("third", _node1, "vif4.0", "d0:0d:00:00:00:04", 10, "192.168.0.5/26");
        Assert.That(_cloud.Ping(_web1, IPAddress.Parse("192.168.0.5")).Reached, Is.True);
        foreach (string vif in (string[])["vif1.0", "vif4.0"])
        {
            _node1.Kernel.Devices.Find(vif)!.Port!.Flags |= BridgePortFlags.Isolated;
        }

        Assert.That(_cloud.Ping(_web1, IPAddress.Parse("192.168.0.5")).Reached, Is.False);
        Assert.That(_cloud.Ping(third, IPAddress.Parse("192.168.0.3")).Reached, Is.True);
    }

    [Test]
    public void A_removed_VM_takes_its_interface_along()
    {
        _cloud.Remove(_web1);
        Assert.That(_node1.Kernel.Devices.Find("vif1.0"), Is.Null);
        Assert.That(_cloud.Ping(_web2, IPAddress.Parse("192.168.0.2")).Reached, Is.False);
    }
}
