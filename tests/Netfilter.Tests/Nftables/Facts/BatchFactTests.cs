using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Wire;
using NUnit.Framework;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Tests.Nftables.Facts;

/// <summary>What begins and ends a batch, which answers come, and what stands afterwards.</summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
[TestFixture(KernelKind.Simulated612)]
public sealed class BatchFactTests(KernelKind kind) : KernelFacts(kind)
{
    [Test]
    public void A_fresh_namespace_is_at_generation_one_and_says_who_asked() =>
        Assert.That(Ask(Message(NFT_MSG_GETGEN, NetlinkMessageFlags.None, 0)), Is.EqualTo(new[] { "1 message 15 flags 0 family 0 1=00000001 2=* 3=*", "1 None" }));

    [Test]
    public void A_table_is_acknowledged_and_raises_the_generation()
    {
        Assert.That(Batch(NewTable("a")), Is.EqualTo(new[] { "2 None" }));
        Assert.That(Generation(), Is.EqualTo(2));
    }

    [Test]
    public void Begin_and_end_are_acknowledged_where_they_ask_for_it() =>
        Assert.That(Ask(Begin(flags: NetlinkMessageFlags.Acknowledge), NewTable("a"), End(NetlinkMessageFlags.Acknowledge)), Is.EqualTo(new[] { "1 None", "2 None", "3 None" }));

    [Test]
    public void An_empty_batch_is_acknowledged_and_leaves_the_generation()
    {
        Assert.That(Ask(Begin(flags: NetlinkMessageFlags.Acknowledge), End(NetlinkMessageFlags.Acknowledge)), Is.EqualTo(new[] { "1 None", "2 None" }));
        Assert.That(Generation(), Is.EqualTo(1));
    }

    [Test]
    public void Without_end_it_is_a_dry_run()
    {
        Assert.That(Ask(Begin(), NewTable("a")), Is.EqualTo(new[] { "2 None" }));
        Assert.That(Generation(), Is.EqualTo(1));
    }

    [Test]
    public void What_a_dry_run_made_is_not_there() => Assert.Multiple(() =>
    {
        Ask(Begin(), NewTable("a"));
        Assert.That(Ask(Named(NFT_MSG_GETTABLE, new Table { Family = Family, Name = "a" })), Is.EqualTo(new[] { "1 ENOENT @20" }));
    });

    [Test]
    public void Every_bad_message_of_a_batch_is_reported_beside_the_good_ones() => Assert.That(
        Batch(NewTable("a"), NewChain("none", "c"), NewTable("b"), NewChain("none", "d")),
        Is.EqualTo(new[] { "2 None", "3 ENOENT @20", "4 None", "5 ENOENT @20" }));

    [Test]
    public void A_wrong_generation_restarts() => Assert.That(Ask(Begin(77), NewTable("a"), End()), Is.EqualTo(new[] { "1 ERESTART" }));

    [Test]
    public void The_right_generation_commits()
    {
        Assert.That(Ask(Begin(1), NewTable("a"), End()), Is.EqualTo(new[] { "2 None" }));
        Assert.That(Generation(), Is.EqualTo(2));
    }

    [Test]
    public void A_change_outside_a_batch_is_invalid() => Assert.That(Ask(NewTable("a")), Is.EqualTo(new[] { "1 EINVAL" }));

    [Test]
    public void A_list_inside_a_batch_is_invalid() =>
        Assert.That(Batch(Message(NFT_MSG_GETTABLE, NetlinkMessageFlags.None, (byte)Family)), Is.EqualTo(new[] { "2 EINVAL" }));

    [Test]
    public void A_message_that_is_no_request_is_invalid_in_a_batch() => Assert.That(
        Batch((ref NetlinkWriter writer, uint sequence) =>
        {
            WireMark mark = writer.BeginMessage(Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, NetlinkMessageFlags.Acknowledge, sequence);
            writer.AppendStruct(NfnetlinkHeader.Create((byte)Family));
            writer.WriteString(NFTA_TABLE_NAME, "a");
            writer.EndMessage(mark);
        }),
        Is.EqualTo(new[] { "2 EINVAL" }));

    [Test]
    public void A_batch_for_a_subsystem_that_is_none_is_invalid() =>
        Assert.That(Ask(Begin(subsystem: 99), NewTable("a"), End()), Is.EqualTo(new[] { "1 EINVAL" }));

    [Test]
    public void A_message_of_another_subsystem_is_invalid_in_a_batch() => Assert.That(Batch(OfConntrack()), Is.EqualTo(new[] { "2 EINVAL" }));

    [Test]
    public void A_begin_inside_a_batch_is_passed_over_in_silence() => Assert.That(Batch(Begin(flags: NetlinkMessageFlags.Acknowledge)), Is.Empty);

    [Test]
    public void A_message_without_the_subsystems_header_is_acknowledged_and_does_nothing() => Assert.That(
        Ask((ref NetlinkWriter writer, uint sequence) => writer.EndMessage(writer.BeginMessage(
            Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, sequence))),
        Is.EqualTo(new[] { "1 None" }));

    [Test]
    public void A_message_of_a_subsystem_that_is_none_is_invalid() => Assert.That(
        Ask((ref NetlinkWriter writer, uint sequence) =>
        {
            WireMark mark = writer.BeginMessage(99 << 8, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, sequence);
            writer.AppendStruct(NfnetlinkHeader.Create(0));
            writer.EndMessage(mark);
        }),
        Is.EqualTo(new[] { "1 EINVAL" }));

    [Test]
    public void A_verb_that_is_none_is_invalid() => Assert.That(Ask(Message(200, NetlinkMessageFlags.None, 0)), Is.EqualTo(new[] { "1 EINVAL" }));

    private static MessageWriter OfConntrack() => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = writer.BeginMessage(1 << 8, NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create((byte)NftablesFamily.Ip));
        writer.EndMessage(mark);
    };
}
