using System.Xml.Linq;
using EucaNet.Simulator.Fabric;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Fabric;

public sealed class TopologyDrawingTests
{
    [Test]
    public void A_drawing_is_well_formed_and_names_every_machine_interface_and_address()
    {
        using var cloud = new SimulatedCloud(1);
        NetworkSwitch lan = cloud.AddSwitch("lan & <more>");
        SimulatedHost node = cloud.AddHost("node1");
        Cable cable = cloud.Connect(node, "eth0", lan);
        node.Address("eth0", "10.0.0.5/24");
        Links.AddVlan(node, "eth0", 10);
        Links.AddBridge(node, "eucabr10");
        Links.Enslave(node, "eth0.10", "eucabr10");
        VirtualMachine vm = cloud.AddVm("web1", node, "vif1.0", "d0:0d:00:00:00:01");
        Links.Enslave(node, "vif1.0", "eucabr10");
        vm.Address("eth0", "192.168.0.2/26");
        cable.Unplug();

        string svg = TopologyDrawing.ToSvg(cloud);
        string text = string.Join('\n', XDocument.Parse(svg).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value));
        foreach (string part in (string[])["lan & <more>", "node1", "eth0 10.0.0.5/24", "eth0.10 VLAN 10 on eth0", "eucabr10 [eth0.10, vif1.0]", "web1", "192.168.0.2/26", "(unplugged)"])
        {
            Assert.That(text, Does.Contain(part));
        }

        Assert.That(TopologyDrawing.ToSvg(cloud), Is.EqualTo(svg));
    }
}
