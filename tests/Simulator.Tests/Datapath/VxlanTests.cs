using System.Net;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Frames through a VXLAN device, on this machine's kernel and on the simulated one: the outer packets are the same byte by byte but for their identification.</summary>
[RequiresRoot]
[RequiresProgram("ip")]
public sealed class VxlanTests
{
    private const string Own = "02:00:00:00:02:01", Station = "02:00:00:00:02:02", Other = "02:00:00:00:02:03", Broadcast = "ff:ff:ff:ff:ff:ff";
    private static readonly string Router = DifferenceLab.InnerMac(0).ToString(), Tester = DifferenceLab.OuterMac(0).ToString();
    private static readonly string RouterB = DifferenceLab.InnerMac(1).ToString(), TesterB = DifferenceLab.OuterMac(1).ToString();

    private static VxlanOptions Options => new() { Id = 5, Group = IPAddress.Parse("10.1.0.2"), Port = 4789, SourcePorts = new PortRange(2100, 2101) };

    [Test]
    public void A_frame_to_an_unknown_station_goes_to_the_remote_and_one_to_a_learned_station_to_where_it_was_heard()
    {
        using Scene scene = Tunnel(Options);
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Station)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Frames[0], Does.Contain("10.1.0.1").And.Contain("10.1.0.2:4789"));
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Broadcast)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Receive(1, Frames.Vxlan(TesterB, RouterB, "10.2.0.2", "10.2.0.1", 5, Frames.Udp(Station, Own))), Is.EqualTo((string[])["vx0"]));
        Assert.That(scene.Ask(static machine => machine.ForwardingEntries("vx0")), Has.Some.Contains($"{Station} 10.2.0.2 Reachable"));
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Station)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Story, Does.Contain("into VXLAN 5 to 10.2.0.2:4789"));

        // Another one moves before anything is sent to it: then the kernel has no route in store that it would go on using.
        Assert.That(scene.Receive(1, Frames.Vxlan(TesterB, RouterB, "10.2.0.2", "10.2.0.1", 5, Frames.Udp(Other, Own))), Is.EqualTo((string[])["vx0"]));
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 5, Frames.Udp(Other, Own))), Is.EqualTo((string[])["vx0"]));
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Other)), Is.EqualTo((string[])["a1"]));
    }

    [Test]
    public void What_is_no_frame_of_this_network_is_dropped_and_a_port_without_a_tunnel_is_unreachable()
    {
        using Scene scene = Tunnel(Options);
        byte[] inner = Frames.Udp(Station, Own);
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 6, inner)), Is.Empty, "another network");
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", null, inner)), Is.Empty, "no network named");
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 5, Frames.Udp(Own, Own))), Is.Empty, "sent by the device itself");
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 5, Frames.Udp(Broadcast, Own))), Is.Empty, "sent by nobody");
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 5, inner, port: 2200)), Is.EqualTo((string[])["a1"]), "an ICMP error");
        scene.Do(static machine => machine.Down("vx0"));
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 5, inner)), Is.EqualTo((string[])["a1"]), "an ICMP error: a tunnel that is down listens to nothing");
    }

    [Test]
    public void Entries_set_by_hand_send_to_their_far_ends_and_a_group_has_several()
    {
        using Scene scene = Tunnel(Options with { Group = null, Local = IPAddress.Parse("10.1.0.1") });
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Station)), Is.Empty, "no far end is known");
        scene.Do(static machine =>
        {
            machine.Forward("vx0", Station, "10.2.0.2");
            machine.Forward("vx0", "00:00:00:00:00:00", "10.1.0.2");
            machine.Forward("vx0", "00:00:00:00:00:00", "10.2.0.2");
        });
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Station)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Other)), Is.EqualTo((string[])["a1", "b1"]));
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Broadcast)), Is.EqualTo((string[])["a1", "b1"]));
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 5, Frames.Udp(Station, Own))), Is.Empty, "a station that is set elsewhere is not believed to be here");
        Assert.That(scene.Ask(static machine => machine.ForwardingEntries("vx0")), Has.Length.EqualTo(3));
        Assert.That(
            scene.Ask(static machine =>
            {
                try
                {
                    machine.Forward("vx0", Other, "2001:db8::1");
                    return LinuxError.None;
                }
                catch (NetlinkException refused)
                {
                    return refused.Error;
                }
            }),
            Is.EqualTo(LinuxError.EAFNOSUPPORT));
    }

    [Test]
    public void Options_write_the_outer_header()
    {
        LinkData[] devices =
        [
            Options with { Tos = 0x20 }, Options with { Tos = 1 }, Options with { Ttl = 7 }, Options with { DontFragment = 1 }, Options with { DontFragment = 2 },
            Options with { UdpChecksum = false }, Options with { Learning = false },

            // Time to live of the inner packet: a flag without a value, where the kernel's own messages have one.
            new OtherLinkData("vxlan").With(2, [10, 1, 0, 2]).With(15, [0x12, 0xb5]).With(10, [8, 52, 8, 53]).With(28, []),
        ];
        using var scene = new Scene(
            machine =>
            {
                Addresses(machine);
                for (byte i = 0; i < devices.Length; i++)
                {
                    machine.Add($"vx{i}", devices[i] switch { VxlanOptions typed => typed with { Id = 10u + i }, OtherLinkData other => other.With(1, [(byte)(10 + i), 0, 0, 0]), _ => throw new InvalidOperationException() }, mac: Own);
                }
            },
            [.. Enumerable.Range(0, devices.Length).Select(static i => $"vx{i}")]);
        for (byte i = 0; i < devices.Length; i++)
        {
            string device = $"vx{i}";
            foreach (byte congestion in (byte[])[0, 1, 2, 3])
            {
                Assert.That(scene.Send(device, Frames.Udp(Own, Station, hopLimit: 33, trafficClass: (byte)(0x48 | congestion), dontFragment: congestion < 3)), Is.EqualTo((string[])["a1"]));
            }

            Assert.That(scene.Send(device, Frames.ArpRequest(Own, "10.9.0.1", "10.9.0.2")), Is.EqualTo((string[])["a1"]));
            scene.Receive(1, Frames.Vxlan(TesterB, RouterB, "10.2.0.2", "10.2.0.1", 10u + i, Frames.Udp(Station, Own)));
            Assert.That(scene.Send(device, Frames.Udp(Own, Station)), Is.EqualTo((string[])[devices[i] is VxlanOptions { Learning: false } ? "a1" : "b1"]));
        }
    }

    [Test]
    public void Congestion_on_the_way_is_told_to_the_inner_packet()
    {
        using Scene scene = Tunnel(Options);
        int received = 0;
        for (byte outer = 0; outer < 4; outer++)
        {
            for (byte inner = 0; inner < 4; inner++)
            {
                received += scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 5, Frames.Udp(Station, Own, trafficClass: inner), trafficClass: outer)).Length;
            }
        }

        // What is marked on the way, of ends that know nothing of it, is dropped.
        Assert.That(received, Is.EqualTo(15));
    }

    [Test]
    public void A_frame_larger_than_the_way_is_cut_outside()
    {
        using Scene scene = Tunnel(Options, mtu: 1500);
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Station, data: 1472)), Is.EqualTo((string[])["a1", "a1"]));
    }

    [Test]
    public void An_error_that_quotes_the_tunnel_s_network_tells_how_large_outer_packets_may_be([Values(5u, 6u)] uint quoted)
    {
        const byte Udp = 17, DestinationUnreachable = 3, FragmentationNeeded = 4;
        using Scene scene = Tunnel(Options);
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Station, data: 1200)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Receive(0, Frames.Error(Tester, Router, "10.1.0.2", "10.1.0.1", DestinationUnreachable, FragmentationNeeded, 1000, Udp, 2100, 4789, vni: quoted)), Is.Empty);
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Station, data: 1200)), Is.EqualTo(quoted == 5 ? (string[])["a1", "a1"] : ["a1"]));
    }

    [Test]
    public void A_tunnel_in_a_bridge_joins_two_machines_links()
    {
        using var scene = new Scene(
            static machine =>
            {
                Addresses(machine);
                machine.Add("br0", new BridgeOptions { MulticastSnooping = false }, mac: "02:00:00:00:03:01");
                machine.Add("vx0", Options, mac: Own);
                machine.Enslave("vx0", "br0");
                machine.Enslave("c0", "br0");
            });
        const string Local = "02:00:00:00:00:22";
        Assert.That(scene.Receive(2, Frames.Udp(Local, Station)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 5, Frames.Udp(Station, Local))), Is.EqualTo((string[])["c1"]));
        Assert.That(scene.Story, Does.Contain("out of VXLAN 5 from 10.1.0.2").And.Contain("br0"));
    }

    [Test]
    public void The_outer_packets_may_be_IPv6()
    {
        using Scene scene = Tunnel(Options with { Group = null, Group6 = IPAddress.Parse("2001:db8:1::2") });
        Assert.That(scene.Send("vx0", Frames.Udp(Own, Station)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "2001:db8:1::2", "2001:db8:1::1", 5, Frames.Udp(Station, Own))), Is.EqualTo((string[])["vx0"]));
        Assert.That(scene.Receive(0, Frames.Vxlan(Tester, Router, "10.1.0.2", "10.1.0.1", 5, Frames.Udp(Station, Own))), Is.EqualTo((string[])["a1"]), "nothing listens on IPv4");
    }

    private static Scene Tunnel(VxlanOptions options, uint? mtu = null) => new(
        machine =>
        {
            Addresses(machine);
            machine.Add("vx0", options, mac: Own, mtu: mtu);
        },
        "vx0");

    private static void Addresses(SceneMachine machine)
    {
        machine.Address("a0", "10.1.0.1/24");
        machine.Address("b0", "10.2.0.1/24");
        machine.Address("a0", "2001:db8:1::1/64");
        machine.Neighbour("a0", "10.1.0.2", Tester);
        machine.Neighbour("b0", "10.2.0.2", TesterB);
        machine.Neighbour("a0", "2001:db8:1::2", Tester);
    }
}
