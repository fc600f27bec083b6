using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;
using static EucaNet.Simulator.Tests.Datapath.Differences.TrafficRequests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Frames that wait in queueing disciplines with rates, on this machine's kernel and on the simulated one: how many have left by when, and what was counted.</summary>
[RequiresRoot]
[RequiresProgram("ip")]
public sealed class TrafficQueueTests
{
    private const string Own = "02:00:00:00:00:10", Station = "02:00:00:00:00:20";

    [Test]
    public void Tokens_let_a_burst_through_and_then_frame_by_frame()
    {
        using var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "tbf", Root, 0x10000, TokenBucket(rate: 2000, burst: 1100, limit: 10000)));

        // 100 tokens are left: the second goes after 450 ms, each that follows after 500 more.
        Assert.That(scene.Send("a0", Thousand(53)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Send("a0", Thousand(53)), Is.Empty);
        Assert.That(scene.Send("a0", Thousand(53)), Is.Empty);
        Assert.That(scene.Later(TimeSpan.FromMilliseconds(700)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Later(TimeSpan.FromMilliseconds(500)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Ask(static machine => Passed(machine)), Does.StartWith("tbf passed b80b00000000000003000000"));
    }

    [Test]
    public void A_class_sends_by_its_own_rate_or_borrows_up_to_its_ceiling()
    {
        using var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "htb", Root, 0x10000, HierarchicalTokenBucket(defaultClass: 0x20)));
        Ask(scene, static machine => machine.Class("a0", "htb", Root, 0x10001, HierarchicalTokenBucketClass(4000, 4000, 1100)));
        Ask(scene, static machine => machine.Class("a0", "htb", 0x10001, 0x10010, HierarchicalTokenBucketClass(2000, 2000, 1100)));
        Ask(scene, static machine => machine.Class("a0", "htb", 0x10001, 0x10020, HierarchicalTokenBucketClass(1000, 4000, 1100, priority: 1)));
        Ask(scene, static machine => machine.Filter("a0", "u32", 0x10000, 1, ToClass(0x10010, U32(53, 0xffff, 20, null)), protocol: 0x0800));

        // As long as tokens are left the next goes, whatever its size: two at once, the third when the debt of 900 is paid.
        Assert.That(scene.Send("a0", Thousand(53)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Send("a0", Thousand(53)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Send("a0", Thousand(53)), Is.Empty);
        Assert.That(scene.Later(TimeSpan.FromMilliseconds(700)), Is.EqualTo((string[])["a1"]), "450 ms at 2,000 a second");
        Assert.That(scene.Later(TimeSpan.FromMilliseconds(800)), Is.Empty);
        Assert.That(scene.Send("a0", Thousand(54)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Send("a0", Thousand(54)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Send("a0", Thousand(54)), Is.Empty);
        Assert.That(scene.Later(TimeSpan.FromMilliseconds(500)), Is.EqualTo((string[])["a1"]), "225 ms at the 4,000 that it may borrow");
        Assert.That(scene.Ask(static machine => Passed(machine)), Does.StartWith("htb passed 701700000000000006000000"));
    }

    [Test]
    public void A_class_whose_discipline_waits_lets_the_others_go_first()
    {
        using var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "htb", Root, 0x10000, HierarchicalTokenBucket(defaultClass: 0x20)));
        Ask(scene, static machine => machine.Class("a0", "htb", Root, 0x10010, HierarchicalTokenBucketClass(1_000_000, 1_000_000, 10_000)));
        Ask(scene, static machine => machine.Class("a0", "htb", Root, 0x10020, HierarchicalTokenBucketClass(1_000_000, 1_000_000, 10_000)));
        Ask(scene, static machine => machine.Qdisc("a0", "tbf", 0x10010, 0x200000, TokenBucket(rate: 1000, burst: 1100, limit: 10000)));
        Ask(scene, static machine => machine.Filter("a0", "u32", 0x10000, 1, ToClass(0x10010, U32(53, 0xffff, 20, null)), protocol: 0x0800));
        Assert.That(scene.Send("a0", Thousand(53)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Send("a0", Thousand(53)), Is.Empty, "900 ms at 1,000 a second");
        Assert.That(scene.Send("a0", Thousand(54)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Later(TimeSpan.FromMilliseconds(1300)), Is.EqualTo((string[])["a1"]));
        scene.Ask(static machine => Passed(machine));
    }

    [Test]
    public void What_waits_is_gone_when_the_device_goes_down_or_the_discipline_goes()
    {
        using var scene = new Scene(static _ => { }, "a0");
        Ask(scene, static machine => machine.Qdisc("a0", "tbf", Root, 0x10000, TokenBucket(rate: 2000, burst: 1100, limit: 10000)));
        Assert.That(scene.Send("a0", Thousand(53)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Send("a0", Thousand(53)), Is.Empty);
        Assert.That(scene.Ask(static machine => machine.Counters("a0")), Does.Contain("queue 01000000e8030000"));
        scene.Do(static machine => machine.Down("a0"));
        scene.Do(static machine => machine.Up("a0"));
        Assert.That(scene.Later(TimeSpan.FromMilliseconds(800)), Is.Empty);
        Assert.That(scene.Ask(static machine => machine.Counters("a0")), Does.Contain("queue 0000000000000000"));
        Assert.That(scene.Send("a0", Thousand(53)), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Send("a0", Thousand(53)), Is.Empty);
        Ask(scene, static machine => machine.RemoveQdisc("a0", Root));
        Assert.That(scene.Later(TimeSpan.FromMilliseconds(800)), Is.Empty);
        Assert.That(scene.Send("a0", Thousand(53)), Is.EqualTo((string[])["a1"]));
    }

    [Test]
    public void A_rate_of_nothing_and_a_queue_too_short_for_a_frame_are_answered_as_the_kernel_does()
    {
        using var scene = new Scene(static _ => { }, "a0");
        Assert.That(scene.Ask(static machine => machine.Qdisc("a0", "tbf", Root, 0x10000, static (ref NetlinkWriter writer) =>
        {
            byte[] parameters = new byte[36];
            parameters[1] = 1;
            parameters[28] = 200;
            writer.WriteBytes(1, parameters);
        })), Is.EqualTo(-22));
        Ask(scene, static machine => machine.Qdisc("a0", "bfifo", Root, 0x10000, static (ref NetlinkWriter writer) => writer.Append([100, 0, 0, 0])));
        Assert.That(scene.Ask(static machine => machine.Send("a0", Thousand(53))), Is.EqualTo("ENOBUFS"));
        Assert.That(scene.Ask(static machine => machine.Send("a0", Frames.Udp(Station, Own))), Is.EqualTo("sent"));
        scene.Ask(static machine => Passed(machine));
    }

    private static byte[] Thousand(ushort port) => Frames.Udp(Station, Own, toPort: port, data: 1000 - 42);

    private static void Ask(Scene scene, Func<SceneMachine, int> request) => Assert.That(scene.Ask(request), Is.Zero);

    // How often a queue was found without tokens depends on whose timer is late.
    private static string Passed(SceneMachine machine) => string.Join('\n', machine.Counters("a0").Split('\n').Select(static line => line[..line.IndexOf(" queue", StringComparison.Ordinal)]));
}
