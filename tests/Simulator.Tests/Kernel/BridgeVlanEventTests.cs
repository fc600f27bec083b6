using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>
/// RTNLGRP_BRVLAN, which "bridge monitor vlan" hears: the bytes are what Debian's 6.12 told when iproute2 did the same there, link by link and VLAN by VLAN.
/// DebianRouteTests holds the order of these events among the others.
/// </summary>
public sealed class BridgeVlanEventTests
{
    private const uint VlanGroup = 33;
    private const ushort Pvid = 2, Untagged = 4, RangeBegin = 8, RangeEnd = 16;
    private const int Bridge = 2, Port = 4;

    [Test]
    public void Bridge_and_ports_tell_of_the_VLANs_that_they_join_and_leave()
    {
        using var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = KernelProfile.Linux612 });
        using var side = new RouteSide(kernel);
        using INetlinkSocket listener = kernel.OpenNetlink(NetlinkProtocol.Route);
        listener.Join(VlanGroup);

        // ip link add br0 type bridge; ip link add va type veth peer name vb; ip link set va master br0
        Assert.That(Told(RouteOperation.AddLink("br0", "bridge", "", [2, 0, 0, 0, 1, 1], 0x605)), Is.EqualTo((string[])
            ["3c0000007000000000000000000000000700000002000000240001800800010006000100050003000300000005000900000000000500060001000000"]));
        Assert.That(Told(RouteOperation.AddLink("va", "veth", "vb", [2, 0, 0, 0, 2, 1], 0x605)), Is.Empty);
        Assert.That(Told(RouteOperation.SetMaster("va", "br0")), Is.EqualTo((string[])
            ["3c0000007000000000000000000000000700000004000000240001800800010006000100050003000300000005000900000000000500060001000000"]));

        // bridge vlan add vid 10-12 dev va
        Assert.That(Told(Vlans(19, Port, isSelf: false, (RangeBegin, 10), (RangeEnd, 12))), Is.EqualTo((string[])
            ["4400000070000000000000000000000007000000040000002c0001800800010000000a00060002000c000000050003000300000005000900000000000500060001000000"]));

        // bridge vlan add vid 20 dev va pvid untagged, twice; bridge vlan add vid 11 dev va untagged
        Assert.That(Told(Vlans(19, Port, isSelf: false, (Pvid | Untagged, 20))), Is.EqualTo((string[])
            ["3c0000007000000000000000000000000700000004000000240001800800010006001400050003000300000005000900000000000500060001000000"]));
        Assert.That(Told(Vlans(19, Port, isSelf: false, (Pvid | Untagged, 20))), Is.Empty);
        Assert.That(Told(Vlans(19, Port, isSelf: false, (Untagged, 11))), Is.EqualTo((string[])
            ["3c0000007000000000000000000000000700000004000000240001800800010004000b00050003000300000005000900000000000500060001000000"]));

        // bridge vlan del vid 9-12 dev va: the first of them was none of its own
        Assert.That(Told(Vlans(17, Port, isSelf: false, (RangeBegin, 9), (RangeEnd, 12))), Is.EqualTo((string[])
            ["2c0000007100000000000000000000000700000004000000140001800800010000000a00060002000c000000"]));

        // ip link set br0 type bridge vlan_default_pvid 5: the port chose another VLAN by now and keeps what it has
        Assert.That(Told(DefaultVlan(5)), Is.EqualTo((string[])
        [
            "2400000071000000000000000000000007000000020000000c0001800800010000000100",
            "3c0000007000000000000000000000000700000002000000240001800800010006000500050003000300000005000900000000000500060001000000",
        ]));

        // bridge vlan add vid 30 dev br0 self; ip link set va nomaster; ip link del br0
        Assert.That(Told(Vlans(19, Bridge, isSelf: true, (0, 30))), Is.EqualTo((string[])
            ["3c0000007000000000000000000000000700000002000000240001800800010000001e00050003000300000005000900000000000500060001000000"]));
        Assert.That(Told(RouteOperation.Release("va")), Is.EqualTo((string[])
        [
            "2400000071000000000000000000000007000000040000000c0001800800010000000100",
            "2400000071000000000000000000000007000000040000000c0001800800010000001400",
        ]));
        Assert.That(Told(new RouteOperation("link del br0", static to => to.Ask(17, 5, static (ref NetlinkWriter w) =>
        {
            w.AppendStruct(0);
            w.AppendStruct(Bridge);
            w.AppendStruct(0L);
        }))), Is.EqualTo((string[])
        [
            "2400000071000000000000000000000007000000020000000c0001800800010000000500",
            "2400000071000000000000000000000007000000020000000c0001800800010000001e00",
        ]));

        List<string> Told(RouteOperation operation)
        {
            Assert.That(operation.Run(side), Is.EqualTo("None"), operation.Text);
            var told = new List<string>();
            var buffer = new NetlinkReceiveBuffer(16);
            for (int count = listener.Receive(buffer); count > 0; count = listener.Receive(buffer))
            {
                for (int index = 0; index < count; index++)
                {
                    told.Add(Convert.ToHexStringLower(buffer.Bytes(index)));
                }
            }

            return told;
        }
    }

    /// <summary>RTM_SETLINK (19) or RTM_DELLINK (17) of AF_BRIDGE with IFLA_BRIDGE_VLAN_INFO.</summary>
    private static RouteOperation Vlans(ushort type, int device, bool isSelf, params (int Flags, int Id)[] vlans) => new($"bridge vlan {type} {string.Join(' ', vlans)}", side => side.Ask(type, 5, (ref NetlinkWriter w) =>
    {
        w.Append([7, 0, 0, 0]);
        w.AppendStruct(device);
        w.AppendStruct(0L);
        WireMark families = w.BeginNested(26);
        if (isSelf)
        {
            w.WriteUInt16(0, 2);
        }

        foreach ((int flags, int id) in vlans)
        {
            w.WriteUInt32(2, (uint)flags | (uint)id << 16);
        }

        w.EndAttribute(families);
    }));

    private static RouteOperation DefaultVlan(ushort id) => new($"default VLAN {id}", side => side.Ask(16, 5, (ref NetlinkWriter w) =>
    {
        w.AppendStruct(0);
        w.AppendStruct(Bridge);
        w.AppendStruct(0L);
        WireMark info = w.BeginNested(18);
        w.WriteString(1, "bridge");
        WireMark data = w.BeginNested(2);
        w.WriteUInt16(39, id);
        w.EndAttribute(data);
        w.EndAttribute(info);
    }));
}
