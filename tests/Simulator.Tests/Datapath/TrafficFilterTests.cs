using System.Buffers.Binary;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;
using static EucaNet.Simulator.Tests.Datapath.Differences.TrafficRequests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Frames that meet filters of traffic control, on this machine's kernel and on the simulated one: where they come out, and what was counted.</summary>
[RequiresRoot]
[RequiresProgram("ip")]
public sealed class TrafficFilterTests
{
    private const string Own = "02:00:00:00:00:10", Station = "02:00:00:00:00:20";
    private const uint PortMask = 0xffff;

    [Test]
    public void A_filter_at_ingress_sends_frames_to_another_device_or_copies_them()
    {
        using var scene = new Scene(static _ => { }, "a0", "b0", "c0");
        scene.Load("table netdev t {\n chain b { type filter hook egress device b0 priority 0; udp dport 53 counter drop; }\n}"); // which what filters send on does not meet
        Ask(scene, static machine => machine.Qdisc("a0", "ingress", Ingress, 0xffff0000));
        Ask(scene, static machine => ByPort(machine, 1, 53, Mirror(EgressRedirect, machine.Index("b0"))));
        Ask(scene, static machine => ByPort(machine, 2, 54, Mirror(EgressMirror, machine.Index("b0"))));
        Ask(scene, static machine => ByPort(machine, 3, 55, Mirror(IngressRedirect, machine.Index("c0"))));
        Ask(scene, static machine => ByPort(machine, 4, 56, Mirror(IngressMirror, machine.Index("c0"), Ok)));
        Ask(scene, static machine => ByPort(machine, 5, 57, Mirror(EgressMirror, machine.Index("b0"), Shot)));
        Assert.That(scene.Receive(0, Udp(53)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Receive(0, Udp(54)), Is.EqualTo((string[])["a0", "b1"]));
        Assert.That(scene.Receive(0, Udp(55)), Is.EqualTo((string[])["c0"]));
        Assert.That(scene.Receive(0, Udp(56)), Is.EqualTo((string[])["a0", "c0"]));
        Assert.That(scene.Receive(0, Udp(57)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Receive(0, Udp(58)), Is.EqualTo((string[])["a0"]), "no filter wants it");
        Assert.That(scene.Receive(0, Frames.ArpRequest(Station, "10.9.0.2", "10.9.0.77")), Is.EqualTo((string[])["a0"]));
        scene.Do(static machine => machine.Down("b0"));
        Assert.That(scene.Receive(0, Udp(53)), Is.Empty, "what is redirected to a device that is down is lost");
        Assert.That(scene.Receive(0, Udp(54)), Is.EqualTo((string[])["a0"]));
        string counters = scene.Ask(static machine => machine.Counters("a0", 0xffff0000));
        Assert.That(counters.Split('\n'), Has.Length.GreaterThan(6));
    }

    [Test]
    public void A_filter_of_clsact_sees_what_leaves_and_its_frames_meet_no_rules_of_the_next_device()
    {
        using var scene = new Scene(static _ => { }, "a0", "b0", "c0");
        scene.Load("table netdev t {\n chain b { type filter hook egress device b0 priority 0; udp dport 53 counter drop; }\n chain a { type filter hook egress device a0 priority 0; udp dport 60 meta mark set 7; }\n}");
        Ask(scene, static machine => machine.Qdisc("a0", "clsact", Ingress, 0xffff0000));
        Ask(scene, static machine => ByPort(machine, 1, 53, Mirror(EgressRedirect, machine.Index("b0")), EgressFilters));
        Ask(scene, static machine => ByPort(machine, 2, 54, Mirror(EgressMirror, machine.Index("c0")), EgressFilters));
        Ask(scene, static machine => ByPort(machine, 3, 55, Mirror(IngressRedirect, machine.Index("c0")), EgressFilters));
        Ask(scene, static machine => machine.Filter("a0", "u32", EgressFilters, 4, U32(0, 0, 0, Actions(Mirror(EgressRedirect, machine.Index("c0"))), mark: 7)));
        Assert.That(scene.Send("a0", Udp(53)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Send("a0", Udp(54)), Is.EqualTo((string[])["a1", "c1"]));
        Assert.That(scene.Send("a0", Udp(55)), Is.EqualTo((string[])["c0"]));
        Assert.That(scene.Send("a0", Udp(60)), Is.EqualTo((string[])["c1"]), "a rule's mark is seen by filters at egress");
        Assert.That(scene.Receive(0, Udp(53)), Is.EqualTo((string[])["a0"]), "what arrives is not theirs");
        scene.Ask(static machine => machine.Counters("a0", EgressFilters, IngressFilters));
        scene.AskCounters();
        Ask(scene, static machine => machine.RemoveQdisc("a0", Ingress));
        Assert.That(scene.Send("a0", Udp(53)), Is.EqualTo((string[])["a1"]));
    }

    [Test]
    public void Words_are_counted_from_the_network_header_the_ethernet_header_before_it()
    {
        using var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "ingress", Ingress, 0xffff0000));
        Ask(scene, static machine => machine.Filter("a0", "u32", 0xffff0000, 1, U32(0x02000000, 0xffffffff, -8, Actions(Mirror(EgressRedirect, machine.Index("b0"))))));
        Ask(scene, static machine => machine.Filter("a0", "u32", 0xffff0000, 2, U32(0xffffffff, 0xffffffff, 5000, Actions(Mirror(EgressRedirect, machine.Index("b0"))))));
        Ask(scene, static machine => machine.Filter("a0", "u32", 0xffff0000, 3, U32(0x0a090005, 0xffffffff, 16, Actions(Mirror(EgressRedirect, machine.Index("c0")))), protocol: 0x0800));
        Assert.That(scene.Receive(0, Udp(1)), Is.EqualTo((string[])["b1"]), "its sender's address begins so");
        Assert.That(scene.Receive(0, Frames.Udp("06:00:00:00:00:20", Own, to: "10.9.0.5")), Is.EqualTo((string[])["c1"]));
        Assert.That(scene.Receive(0, Frames.Udp("06:00:00:00:00:20", Own, to: "10.9.0.6")), Is.EqualTo((string[])["a0"]));
        scene.Ask(static machine => machine.Counters("a0", 0xffff0000));
    }

    [Test]
    public void A_change_of_a_filter_is_of_its_actions_only()
    {
        using var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "ingress", Ingress, 0xffff0000));
        Ask(scene, static machine => ByPort(machine, 1, 53, Mirror(EgressRedirect, machine.Index("b0"))));
        Assert.That(scene.Receive(0, Udp(53)), Is.EqualTo((string[])["b1"]));

        // Another port, and a selector that says more keys than it has: neither is looked at.
        Ask(scene, static machine => machine.ChangeFilter("a0", "u32", 0xffff0000, 1, U32(54, PortMask, 20, Actions(Mirror(EgressRedirect, machine.Index("c0")))), 0x0800, 0x80000800));
        Assert.That(scene.Receive(0, Udp(53)), Is.EqualTo((string[])["c1"]));
        Ask(scene, static machine => machine.ChangeFilter("a0", "u32", 0xffff0000, 1, Short(Actions(Mirror(EgressRedirect, machine.Index("b0")))), 0x0800, 0x80000800));
        Assert.That(scene.Receive(0, Udp(53)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Receive(0, Udp(54)), Is.EqualTo((string[])["a0"]));

        static Options Short(Options actions) => (ref NetlinkWriter writer) =>
        {
            writer.WriteBytes(5, [1, 0, 1, .. new byte[13]]);
            Nest(ref writer, 7, actions);
        };
    }

    [Test]
    public void Random_words_of_random_frames_are_found_where_the_kernel_finds_them()
    {
        byte[][] frames =
        [
            Udp(53), Frames.Udp(Station, Own, from: "10.9.7.2", toPort: 9000, data: 40), Frames.Udp(Station, Own, from: "2001:db8::1", to: "2001:db8::9"), Frames.Echo(Station, Own, "10.9.0.2", "10.9.0.3"),
            Frames.ArpRequest(Station, "10.9.0.2", "10.9.0.77"), [.. Udp(54)[..12], 0x81, 0, 0x60, 7, .. Udp(54)[12..]],
        ];
        using var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "ingress", Ingress, 0xffff0000));
        var random = new Random(11);
        int chosen = 0, all = 0;
        for (int round = 0; round < 40; round++)
        {
            for (ushort priority = 1; priority <= 2; priority++)
            {
                byte[] model = frames[random.Next(frames.Length)];
                (uint, uint, int)[] keys = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ =>
                {
                    int at = random.Next(model.Length - 3);
                    uint mask = random.Next(3) switch { 0 => 0xffffffff, 1 => 0xffu << (8 * random.Next(4)), _ => (uint)random.NextInt64(uint.MaxValue) };
                    return (BinaryPrimitives.ReadUInt32BigEndian(model.AsSpan(at)), mask, at - 14);
                })];
                ushort protocol = (ushort)(random.Next(4) switch { 0 => 0x0800, 1 => 0x8100, _ => 3 });
                string to = random.Next(2) == 0 ? "b0" : "c0";
                ushort order = priority;
                Ask(scene, machine => machine.Filter("a0", "u32", 0xffff0000, order, U32(keys, Actions(Mirror(EgressRedirect, machine.Index(to)))), protocol));
            }

            foreach (byte[] frame in frames)
            {
                all++;
                chosen += scene.Receive(0, frame).Contains("a0") ? 0 : 1;
            }

            Ask(scene, static machine => machine.RemoveFilters("a0", 0xffff0000));
        }

        TestContext.Out.WriteLine($"{chosen} of {all} frames were sent on");
        Assert.That(chosen, Is.InRange(all / 10, all * 9 / 10));
    }

    [Test]
    public void Who_sends_a_frame_learns_that_it_was_dropped_on_its_way_out()
    {
        using var scene = new Scene(static _ => { }, "a0", "b0", "c0");
        scene.Load("table netdev t {\n chain b { type filter hook egress device b0 priority 0; udp dport 53 drop; }\n}");
        Ask(scene, static machine => machine.Qdisc("a0", "clsact", Ingress, 0xffff0000));
        Ask(scene, static machine => ByPort(machine, 1, 53, Mirror(EgressRedirect, machine.Index("c0")), EgressFilters));
        Ask(scene, static machine => machine.Qdisc("c0", "tbf", Root, 0x10000, TokenBucket(rate: 2000, burst: 1100, limit: 500)));
        foreach ((string device, byte[] frame, string outcome) in ((string, byte[], string)[])[
            ("b0", Udp(53), "ENOBUFS"), ("b0", Udp(54), "sent"), ("a0", Udp(54), "sent"), ("c0", Frames.Udp(Station, Own, data: 1100), "ENOBUFS"), ("c0", Udp(1), "sent")])
        {
            Assert.That(scene.Ask(machine => machine.Send(device, frame)), Is.EqualTo(outcome));
        }

        scene.Do(static machine => machine.Down("c0"));
        Assert.That(scene.Ask(static machine => machine.Send("a0", Udp(53))), Is.EqualTo("ENOBUFS"), "redirected to a device that is down");
        scene.Unplug(0);
        Assert.That(scene.Ask(static machine => machine.Send("a0", Udp(54))), Is.EqualTo("sent"), "a device without a signal swallows it");
    }

    private static byte[] Udp(ushort port) => Frames.Udp(Station, Own, toPort: port);

    // An IPv4 datagram without options to a port.
    private static int ByPort(SceneMachine machine, ushort priority, ushort port, Options action, uint parent = 0xffff0000) =>
        machine.Filter("a0", "u32", parent, priority, U32(port, PortMask, 20, Actions(action)), protocol: 0x0800);

    private static void Ask(Scene scene, Func<SceneMachine, int> request) => Assert.That(scene.Ask(request), Is.Zero);
}
