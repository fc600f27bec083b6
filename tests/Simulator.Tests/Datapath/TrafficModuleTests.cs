using System.Net;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;
using static EucaNet.Simulator.Tests.Datapath.Differences.TrafficRequests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Traffic control of which this machine's kernel has no modules: netem, prio, gact, and the filters flower, fw and matchall; on Debian's kernel and on the simulated one.</summary>
[Explicit("needs sch_netem, sch_prio, act_gact, cls_flower, cls_fw, cls_matchall: DebianDatapathTests runs it under a kernel with them")]
[Category(DebianDatapathTests.Category)]
[RequiresRoot]
[RequiresProgram("ip")]
public sealed class TrafficModuleTests
{
    private const string Own = "02:00:00:00:00:10", Station = "02:00:00:00:00:20";
    private const uint Always = uint.MaxValue;

    [Test]
    public void Verdicts_of_actions_end_a_filter_or_go_on_to_the_next()
    {
        using Scene scene = AtIngress();
        // First, for Linux forgets a filter of matchall that would begin another datagram of a dump.
        Ask(scene, static machine => machine.Filter("a0", "matchall", 0xffff0000, 1, Matching(2, Generic(Shot)), protocol: 0x0806));
        Ask(scene, static machine => ByPort(machine, 7, 50, Generic(Shot)));
        Ask(scene, static machine => ByPort(machine, 2, 51, Generic(Ok)));
        Ask(scene, static machine => ByPort(machine, 3, 52, Generic(-1))); // TC_ACT_UNSPEC: on to the next filter
        Ask(scene, static machine => ByPort(machine, 4, 53, Generic(Pipe), Mirror(EgressMirror, machine.Index("b0")), Generic(Shot)));
        Ask(scene, static machine => ByPort(machine, 5, 54, Generic(0x20000005))); // TC_ACT_GOTO_CHAIN
        Ask(scene, static machine => ByPort(machine, 6, 55, Generic(0x10000002), Generic(Shot), Mirror(EgressMirror, machine.Index("c0"), Ok))); // TC_ACT_JUMP past the second
        Ask(scene, static machine => machine.Filter("a0", "u32", 0xffff0000, 8, U32(0, 0, 0, Actions(Mirror(EgressRedirect, machine.Index("b0")))), protocol: 0x0800));
        Ask(scene, static machine => machine.Filter("a0", "u32", 0xffff0000, 1, U32(54, 0xffff, 20, Actions(Mirror(EgressRedirect, machine.Index("c0")))), protocol: 0x0800, chain: 5));
        Assert.That(scene.Receive(0, Udp(50)), Is.Empty);
        Assert.That(scene.Receive(0, Udp(51)), Is.EqualTo((string[])["a0"]));
        Assert.That(scene.Receive(0, Udp(52)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Receive(0, Udp(53)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Receive(0, Udp(54)), Is.EqualTo((string[])["c1"]));
        Assert.That(scene.Receive(0, Udp(55)), Is.EqualTo((string[])["a0", "c1"]));
        Assert.That(scene.Receive(0, Frames.ArpRequest(Station, "10.9.0.2", "10.9.0.77")), Is.Empty);
        Assert.That(scene.Receive(0, Frames.Echo(Station, Own, "2001:db8::1", "2001:db8::2")), Is.EqualTo((string[])["a0"]));
        Assert.That(scene.Ask(static machine => machine.Counters("a0", 0xffff0000)), Does.Contain("matchall counted").And.Contain("action gact"));
    }

    [Test]
    public void Each_key_of_flower_chooses_the_same_frames()
    {
        byte[][] frames =
        [
            Udp(53), Frames.Udp(Station, Own, from: "10.9.7.2", fromPort: 4000, toPort: 9000, hopLimit: 3, trafficClass: 0x28),
            Frames.Tcp(Station, Own, "10.9.0.2", "10.9.0.3", 1000, 22, TcpFlags.Synchronize, 1, 0), Frames.Tcp(Station, Own, "10.9.0.2", "10.9.0.4", 1000, 80, TcpFlags.Acknowledge | TcpFlags.Push, 5, 7, 20),
            Frames.Echo(Station, Own, "10.9.0.2", "10.9.0.3"), Frames.Echo(Station, Own, "10.9.0.2", "10.9.0.3", reply: true),
            Frames.Echo(Station, Own, "2001:db8::1", "2001:db8::2"), Frames.Udp("02:00:00:00:00:21", Own, from: "2001:db8::1", to: "2001:db8::9", toPort: 53),
            Frames.ArpRequest(Station, "10.9.0.2", "10.9.0.77"), Frames.Arp(ArpHeader.Reply, Station, Own, "10.9.0.3", "10.9.0.1"),
            Fragment(Udp(53), more: true, offset: 0), Fragment(Udp(53), more: false, offset: 1), Tagged(Udp(53), 7, 3), Tagged(Udp(53), 8, 0),
        ];
        (string Name, Options Keys, ushort Protocol)[] filters =
        [
            ("ether source", Keys((6, Convert.FromHexString("020000000021"))), 3),
            ("ether destination, first half", Keys((4, Convert.FromHexString("020000ffffff")), (5, Convert.FromHexString("ffffff000000"))), 3),
            ("ip", Keys((8, [8, 0])), 3),
            ("udp", Keys((8, [8, 0]), (9, [17])), 0x0800),
            ("udp of IPv6", Keys((8, [0x86, 0xdd]), (9, [17])), 0x86dd),
            ("source network", Keys((8, [8, 0]), (10, [10, 9, 0, 0]), (11, [255, 255, 255, 0])), 0x0800),
            ("destination", Keys((8, [8, 0]), (12, [10, 9, 0, 4])), 0x0800),
            ("IPv6 source", Keys((8, [0x86, 0xdd]), (14, IPAddress.Parse("2001:db8::1").GetAddressBytes())), 0x86dd),
            ("IPv6 destination, network", Keys((8, [0x86, 0xdd]), (16, IPAddress.Parse("2001:db8::8").GetAddressBytes()), (17, [.. Enumerable.Repeat((byte)255, 15), 0xf8])), 0x86dd),
            ("udp port 53", Keys((8, [8, 0]), (9, [17]), (21, [0, 53])), 0x0800),
            ("udp ports 8192 and above", Keys((8, [8, 0]), (9, [17]), (21, [0x20, 0]), (38, [0xe0, 0])), 0x0800),
            ("udp source port 0", Keys((8, [8, 0]), (9, [17]), (20, [0, 0])), 0x0800),
            ("udp port 53 of IPv6", Keys((8, [0x86, 0xdd]), (9, [17]), (21, [0, 53])), 0x86dd),
            ("tcp port 22", Keys((8, [8, 0]), (9, [6]), (19, [0, 22])), 0x0800),
            ("tcp source port", Keys((8, [8, 0]), (9, [6]), (18, [3, 0xe8])), 0x0800),
            ("SYN only", Keys((8, [8, 0]), (9, [6]), (71, [0, 2]), (72, [0, 0x12])), 0x0800),
            ("time to live", Keys((8, [8, 0]), (9, [17]), (75, [3])), 0x0800),
            ("type of service", Keys((8, [8, 0]), (9, [17]), (73, [0x28]), (74, [0xfc])), 0x0800),
            ("echo request", Keys((8, [8, 0]), (9, [1]), (51, [8])), 0x0800),
            ("echo reply, code 0", Keys((8, [8, 0]), (9, [1]), (51, [0]), (49, [0])), 0x0800),
            ("ICMPv6 echo", Keys((8, [0x86, 0xdd]), (9, [58]), (55, [128])), 0x86dd),
            ("ARP for", Keys((8, [8, 6]), (59, [10, 9, 0, 77])), 0x0806),
            ("ARP replies from", Keys((8, [8, 6]), (61, [2]), (57, [10, 9, 0, 3])), 0x0806),
            ("ARP sender's address", Keys((8, [8, 6]), (63, Convert.FromHexString("020000000020"))), 0x0806),
            ("VLAN 7", Keys((8, [0x81, 0]), (23, [7, 0])), 0x8100),
            ("VLAN priority 3 with IPv4", Keys((8, [0x81, 0]), (24, [3]), (25, [8, 0])), 0x8100),
            ("any tagged", Keys((8, [0x81, 0])), 0x8100),
        ];
        using Scene scene = AtIngress();
        foreach ((string name, Options keys, ushort protocol) in filters)
        {
            Ask(scene, machine => machine.Filter("a0", "flower", 0xffff0000, 1, Both(keys, Matching(3, Mirror(EgressRedirect, machine.Index("b0")))), protocol));
            int chosen = frames.Count(frame => scene.Receive(0, frame).Contains("b1"));
            Assert.That(chosen, Is.InRange(1, frames.Length - 1), name);
            Ask(scene, static machine => machine.RemoveFilters("a0", 0xffff0000));
        }
    }

    [Test]
    public void Filters_and_marks_choose_a_band_of_prio()
    {
        using var scene = new Scene(static _ => { }, "a0");
        scene.Load("table netdev t {\n chain a { type filter hook egress device a0 priority 0; udp dport 60 meta mark set 7; udp dport 61 meta priority set 0x10002; }\n}");
        Ask(scene, static machine => machine.Qdisc("a0", "prio", Root, 0x10000, Priority(3, band: 0)));
        Ask(scene, static machine => machine.Qdisc("a0", "netem", 0x10003, 0x300000, NetworkEmulator(loss: Always)));
        Ask(scene, static machine => machine.Qdisc("a0", "netem", 0x10002, 0x200000, NetworkEmulator(duplicate: Always)));
        Ask(scene, static machine => machine.Filter("a0", "flower", 0x10000, 1, ToClass(0x10003, Keys((8, [8, 0]), (9, [17]), (21, [0, 53]))), protocol: 0x0800));
        Ask(scene, static machine => machine.Filter("a0", "fw", 0x10000, 2, ToClass(0x10003), handle: 7));
        Ask(scene, static machine => machine.Filter("a0", "flower", 0x10000, 3, ToClass(0x10002, Keys((8, [8, 0]), (9, [17]), (21, [0, 54]))), protocol: 0x0800));
        Assert.That(scene.Send("a0", Udp(53)), Is.Empty);
        Assert.That(scene.Send("a0", Udp(54)), Is.EqualTo((string[])["a1", "a1"]));
        Assert.That(scene.Send("a0", Udp(55)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Send("a0", Udp(60)), Is.Empty, "by the mark that a rule gave it");
        Assert.That(scene.Send("a0", Udp(61)), Is.EqualTo((string[])["a1", "a1"]), "by the priority that a rule gave it");
        scene.Ask(static machine => machine.Counters("a0", 0x10000));
    }

    [Test]
    public void A_delay_holds_frames_back_and_reordering_lets_some_overtake()
    {
        using var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "netem", Root, 0x10000, NetworkEmulator(delay: TimeSpan.FromSeconds(2), gap: 3, reorder: Always)));
        Assert.That(scene.Send("a0", Udp(1)), Is.Empty);
        Assert.That(scene.Send("a0", Udp(2)), Is.Empty);
        Assert.That(scene.Send("a0", Udp(3)), Is.EqualTo((string[])["a1"]), "every third overtakes");
        Assert.That(scene.Send("a0", Udp(4)), Is.Empty);
        Assert.That(scene.Later(TimeSpan.FromSeconds(4)), Is.EqualTo((string[])["a1", "a1", "a1"]));
        scene.Ask(static machine => machine.Counters("a0"));
    }

    [Test]
    public void A_rate_of_netem_sends_one_frame_after_the_other()
    {
        using var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "netem", Root, 0x10000, NetworkEmulator(rate: 500)));
        for (ushort port = 1; port <= 3; port++)
        {
            Assert.That(scene.Send("a0", Frames.Udp(Station, Own, toPort: port, data: 1000 - 42)), Is.Empty);
        }

        Assert.That(scene.Later(TimeSpan.FromSeconds(3)), Is.EqualTo((string[])["a1"]), "a thousand bytes take two seconds");
        Assert.That(scene.Later(TimeSpan.FromSeconds(2)), Is.EqualTo((string[])["a1"]));
    }

    private static Scene AtIngress()
    {
        var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "ingress", Ingress, 0xffff0000));
        return scene;
    }

    private static byte[] Udp(ushort port) => Frames.Udp(Station, Own, toPort: port);

    private static byte[] Fragment(byte[] frame, bool more, ushort offset)
    {
        byte[] copy = [.. frame];
        var header = new Ipv4Header(copy.AsSpan(14));
        header.FragmentField = (ushort)((more ? 0x2000 : 0) | offset);
        header.UpdateChecksum();
        return copy;
    }

    private static byte[] Tagged(byte[] frame, ushort vlan, byte priority) => [.. frame[..12], 0x81, 0, (byte)(priority << 5 | vlan >> 8), (byte)vlan, .. frame[12..]];

    private static int ByPort(SceneMachine machine, ushort priority, ushort port, params Options[] actions) =>
        machine.Filter("a0", "u32", 0xffff0000, priority, U32(port, 0xffff, 20, Actions(actions)), protocol: 0x0800);

    private static Options Keys(params (ushort Type, byte[] Value)[] keys) => (ref NetlinkWriter writer) =>
    {
        foreach ((ushort type, byte[] value) in keys)
        {
            writer.WriteBytes(type, value);
        }
    };

    private static Options Matching(ushort actions, params Options[] all) => (ref NetlinkWriter writer) => Nest(ref writer, actions, Actions(all));

    private static Options Both(Options one, Options other) => (ref NetlinkWriter writer) =>
    {
        one(ref writer);
        other(ref writer);
    };

    private static void Ask(Scene scene, Func<SceneMachine, int> request) => Assert.That(scene.Ask(request), Is.Zero);
}
