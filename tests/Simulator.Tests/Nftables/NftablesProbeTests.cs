using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using static EucaNet.Simulator.Tests.Nftables.NftBatch;

namespace EucaNet.Simulator.Tests.Nftables;

/// <summary>Facts asked of real kernels (kernel6.1x-nfnetlink-probes.txt of the corpus), asked of the simulated one.</summary>
internal sealed class NftablesProbeTests
{
    private const NetlinkMessageFlags Ack = NetlinkMessageFlags.Acknowledge, Create = NetlinkMessageFlags.Create;
    private const byte Ipv4 = 2;

    private SimulatedKernel _kernel = null!;
    private NftConversation _talk = null!;

    [SetUp]
    public void Start() => Use(KernelProfile.Linux618);

    [TearDown]
    public void Stop()
    {
        _talk.Dispose();
        _kernel.Dispose();
    }

    [Test]
    public void Begin_and_end_are_acknowledged_since_6_10()
    {
        byte[] batch = Table(Ack, "a", Ack);
        Assert.That(_talk.Send(batch), Is.EqualTo(new[] { "1: errno 0 flags 100", "2: errno 0 flags 100", "3: errno 0 flags 100" }));

        Use(KernelProfile.Linux61);
        Assert.That(_talk.Send(batch), Is.EqualTo(new[] { "2: errno 0 flags 100" }));
    }

    [Test]
    public void A_batch_without_end_changes_nothing_and_reports_all_the_same()
    {
        Assert.That(_talk.Send(new NftBatch().Begin().Verb(0, Ack | Create, Ipv4, Text(1, "a")).ToArray()), Is.EqualTo(new[] { "2: errno 0 flags 100" }));
        Assert.That(_talk.Dump(1), Is.EqualTo(new[] { "done" }));
    }

    [Test]
    public void Every_bad_message_of_a_batch_is_reported_in_one_pass()
    {
        byte[] chain = [.. Text(1, "none"), .. Text(3, "c")];
        List<string> answers = _talk.Send(new NftBatch().Begin().Verb(0, Ack | Create, Ipv4, Text(1, "a")).Verb(3, Ack | Create, Ipv4, chain)
            .Verb(0, Ack | Create, Ipv4, Text(1, "b")).Verb(3, Ack | Create, Ipv4, chain).End().ToArray());
        Assert.That(answers, Is.EqualTo(new[] { "2: errno 0 flags 100", "3: errno 2 flags 300 2=14000000", "4: errno 0 flags 100", "5: errno 2 flags 300 2=14000000" }));
        Assert.That(_talk.Dump(1), Is.EqualTo(new[] { "done" }));
    }

    [Test]
    public void A_batch_for_another_generation_is_refused_whole()
    {
        Assert.That(
            _talk.Send(new NftBatch().Begin(generation: 77).Verb(0, Ack | Create, Ipv4, Text(1, "a")).End().ToArray()),
            Is.EqualTo(new[] { "1: errno 85 flags 100" }));
        Assert.That(
            _talk.Send(new NftBatch().Begin(generation: 1).Verb(0, Ack | Create, Ipv4, Text(1, "a")).End().ToArray()),
            Is.EqualTo(new[] { "2: errno 0 flags 100" }));
    }

    [Test]
    public void Changes_outside_a_batch_and_questions_inside_are_invalid()
    {
        Assert.That(_talk.Send(new NftBatch().Verb(0, Ack | Create, Ipv4, Text(1, "a")).ToArray()), Is.EqualTo(new[] { "1: errno 22 flags 100" }));
        Assert.That(_talk.Send(new NftBatch().Begin().Verb(1, Ack, Ipv4, Text(1, "a")).End().ToArray()), Is.EqualTo(new[] { "2: errno 22 flags 100" }));
    }

    [Test]
    public void A_name_of_256_characters_is_out_of_range_and_the_policy_says_so()
    {
        byte[] batch = Table(0, new string('x', 256), Ack);
        Assert.That(
            _talk.Send(batch),
            Is.EqualTo(new[] { "2: errno 34 flags 300 1=" + Hex("Attribute failed policy validation\0") + " 2=14000000 32772=08000700ff000000080001000b000000" }));

        Use(KernelProfile.Linux612);
        Assert.That(_talk.Send(batch), Is.EqualTo(new[] { "2: errno 34 flags 100" }));
    }

    [Test]
    public void Tables_that_are_or_are_not_there_give_the_kernels_errors()
    {
        _talk.Send(Table(0, "a", 0));
        Assert.Multiple(() =>
        {
            Assert.That(_talk.Send(One(0, Ack | Create | NetlinkMessageFlags.Exclusive, Text(1, "a"))), Is.EqualTo(new[] { "2: errno 17 flags 300 2=14000000" }));
            Assert.That(_talk.Send(One(0, Ack | NetlinkMessageFlags.Replace, Text(1, "a"))), Is.EqualTo(new[] { "2: errno 95 flags 100" }));
            Assert.That(_talk.Send(One(0, Ack | Create, Text(1, "e"), U32(2, 0x80))), Is.EqualTo(new[] { "2: errno 95 flags 100" }));
            Assert.That(_talk.Send(One(0, Ack | Create)), Is.EqualTo(new[] { "2: errno 22 flags 100" }));
            Assert.That(_talk.Send(One(2, Ack, Text(1, "none"))), Is.EqualTo(new[] { "2: errno 2 flags 300 2=14000000" }));
            Assert.That(_talk.Send(One(26, Ack, Text(1, "none"))), Is.EqualTo(new[] { "2: errno 0 flags 100" }));
        });
    }

    [Test]
    public void A_family_or_subsystem_that_is_none_is_refused()
    {
        Assert.Multiple(() =>
        {
            Assert.That(_talk.Send(new NftBatch().Begin().Verb(0, Ack | Create, 99, Text(1, "a")).End().ToArray()), Is.EqualTo(new[] { "2: errno 95 flags 100" }));
            Assert.That(_talk.Send(new NftBatch().Message(0x10, 0, 0, 99).Verb(0, Ack, Ipv4, Text(1, "a")).End().ToArray()), Is.EqualTo(new[] { "1: errno 22 flags 100" }));
            Assert.That(_talk.Send(new NftBatch().Begin().Message(0x100, Ack, Ipv4, 0).End().ToArray()), Is.EqualTo(new[] { "2: errno 22 flags 100" }));
            Assert.That(_talk.Send(new NftBatch().Begin().Raw(0xa00, Ack, Ipv4, 0, Text(1, "a")).End().ToArray()), Is.EqualTo(new[] { "2: errno 22 flags 100" }));
            Assert.That(_talk.Send(new NftBatch().Begin().Begin(Ack).End().ToArray()), Is.Empty);
        });
    }

    [Test]
    public void Jumps_are_checked_against_their_target_and_blamed_on_their_expression()
    {
        PrepareChains();
        Assert.Multiple(() =>
        {
            Assert.That(_talk.Send(Rule("r1", Jump("none"))), Is.EqualTo(new[] { "2: errno 2 flags 300 2=28000000" }));
            Assert.That(_talk.Send(Rule("r1", Jump("in"))), Is.EqualTo(new[] { "2: errno 95 flags 300 2=28000000" }));
            Assert.That(_talk.Send(Rule("r1", Expression("nothing"))), Is.EqualTo(new[] { "2: errno 2 flags 300 2=28000000" }));
            Assert.That(_talk.Send(Rule("r1", Jump("r2"))), Is.EqualTo(new[] { "2: errno 0 flags 100" }));
            Assert.That(_talk.Send(One(5, Ack, Text(1, "a"), Text(3, "r2"))), Is.EqualTo(new[] { "2: errno 16 flags 300 2=1c000000" }));
        });
    }

    [Test]
    public void A_loop_of_jumps_is_refused_when_packets_can_reach_it()
    {
        PrepareChains();
        Assert.That(_talk.Send(Rule("r1", Jump("r2"))), Is.EqualTo(new[] { "2: errno 0 flags 100" }));
        List<string> answers = _talk.Send(Rule("r2", Jump("r1")));
        if (answers is ["2: errno 0 flags 100"])
        {
            answers = _talk.Send(Rule("in", Jump("r1")));
        }

        Assert.That(answers, Has.Some.Contain("errno 31"));
    }

    [Test]
    public void More_than_128_expressions_are_invalid()
    {
        PrepareChains();
        byte[][] expressions = [.. Enumerable.Repeat(Expression("counter"), 129)];
        Assert.That(_talk.Send(One(6, Ack | Create, Text(1, "a"), Text(2, "r1"), Nest(4, expressions))), Is.EqualTo(new[] { "2: errno 22 flags 100" }));
    }

    [Test]
    public void An_echoed_rule_comes_with_its_handle_then_the_generation_then_the_acknowledgement()
    {
        PrepareChains();
        List<string> answers = _talk.Send(new NftBatch().Begin().Verb(6, Ack | Create | NetlinkMessageFlags.Append | NetlinkMessageFlags.Echo, Ipv4, Text(1, "a"), Text(2, "r2"), Nest(4, Accept())).End().ToArray());
        Assert.That(answers, Has.Count.EqualTo(3));
        Assert.Multiple(() =>
        {
            Assert.That(answers[0], Is.EqualTo("a06 flags c00 family 2 1=6100 2=723200 3=0000000000000004 4=300001000e000100696d6d6564696174650000001c0002000800010000000000100002000c0002000800010000000001"));
            Assert.That(answers[1], Is.EqualTo("a0f flags 0 family 0 1=00000004 2=* 3=*"));
            Assert.That(answers[2], Is.EqualTo("2: errno 0 flags 100"));
        });
    }

    [Test]
    public void Listeners_hear_of_a_change_and_last_of_its_generation()
    {
        _talk.Join(7);
        Assert.That(
            _talk.Send(Table(0, "mc", Ack)),
            Is.EqualTo(new[] { "a00 flags 400 family 2 1=6d6300 3=00000000 4=0000000000000001 2=00000000", "a0f flags 0 family 0 1=00000002 2=* 3=*", "2: errno 0 flags 100" }));
        Assert.That(
            _talk.Send(One(2, 0, Text(1, "mc"))),
            Is.EqualTo(new[] { "a02 flags 0 family 2 1=6d6300 3=00000000 4=0000000000000001", "a0f flags 0 family 0 1=00000003 2=* 3=*" }));
    }

    [Test]
    public void Dumps_of_what_is_not_there_are_empty_and_gets_say_what_is_missing()
    {
        Assert.Multiple(() =>
        {
            Assert.That(_talk.Dump(1, 99), Is.EqualTo(new[] { "done" }));
            Assert.That(_talk.Dump(7, Ipv4, Text(1, "none")), Is.EqualTo(new[] { "done" }));
            Assert.That(_talk.Send(new NftBatch().Verb(4, Ack, Ipv4, Text(1, "none"), Text(3, "c")).ToArray()), Is.EqualTo(new[] { "1: errno 2 flags 300 2=14000000" }));
        });
    }

    private static byte[] Table(NetlinkMessageFlags around, string name, NetlinkMessageFlags flags) =>
        new NftBatch().Begin(around).Verb(0, flags | Create, Ipv4, Text(1, name)).End(around).ToArray();

    private static byte[] One(int verb, NetlinkMessageFlags flags, params byte[][] attributes) => new NftBatch().Begin().Verb(verb, flags, Ipv4, attributes).End().ToArray();

    private static byte[] Rule(string chain, params byte[][] expressions) => One(6, Ack | Create | NetlinkMessageFlags.Append, Text(1, "a"), Text(2, chain), Nest(4, expressions));

    private static byte[] Jump(string chain) => Expression("immediate", U32(1, 0), Nest(2, Nest(2, U32(1, unchecked((uint)-3)), Text(2, chain))));

    private static byte[] Accept() => Expression("immediate", U32(1, 0), Nest(2, Nest(2, U32(1, 1))));

    private static string Hex(string text) => Convert.ToHexStringLower(System.Text.Encoding.ASCII.GetBytes(text));

    private void PrepareChains()
    {
        _talk.Send(Table(0, "a", 0));
        _talk.Send(new NftBatch().Begin()
            .Verb(3, Create, Ipv4, Text(1, "a"), Text(3, "in"), Nest(4, U32(1, 1), U32(2, 0)), Text(7, "filter"))
            .Verb(3, Create, Ipv4, Text(1, "a"), Text(3, "r1"))
            .Verb(3, Create, Ipv4, Text(1, "a"), Text(3, "r2")).End().ToArray());
    }

    private void Use(KernelProfile profile)
    {
        _talk?.Dispose();
        _kernel?.Dispose();
        _kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = profile });
        _talk = new NftConversation(_kernel);
    }
}
