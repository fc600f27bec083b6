using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Wire;
using NUnit.Framework;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Tests.Nftables.Facts;

/// <summary>Tables: flags, names, families, what is there and what is not.</summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
[TestFixture(KernelKind.Simulated612)]
public sealed class TableFactTests(KernelKind kind) : KernelFacts(kind)
{
    [Test]
    public void An_exclusive_table_that_exists_is_refused()
    {
        Batch(NewTable("a"));
        Assert.That(Batch(NewTable("a", Create | NetlinkMessageFlags.Exclusive)), Is.EqualTo(new[] { "2 EEXIST @20" }));
    }

    [Test]
    public void Replacing_a_table_is_not_supported()
    {
        Batch(NewTable("a"));
        Assert.That(Batch(NewTable("a", Create | NetlinkMessageFlags.Replace)), Is.EqualTo(new[] { "2 EOPNOTSUPP" }));
    }

    [Test]
    public void A_name_may_have_255_bytes() => Assert.That(Batch(NewTable(new string('x', 255))), Is.EqualTo(new[] { "2 None" }));

    [Test]
    public void A_name_of_256_bytes_is_out_of_range_and_since_6_13_the_policy_says_so() => Assert.That(
        Batch(NewTable(new string('x', 256))),
        Is.EqualTo(new[] { Machine.IsAtLeast(6, 13) ? "2 ERANGE \"Attribute failed policy validation\" @20 4=08000700ff000000080001000b000000" : "2 ERANGE" }));

    [Test]
    public void An_unknown_flag_is_not_supported() => Assert.That(
        Batch(Entity(NFT_MSG_NEWTABLE, Create, new Table { Family = Family, Name = "a", Flags = (TableFlags)0x100 })),
        Is.EqualTo(new[] { "2 EOPNOTSUPP" }));

    [Test]
    public void An_unknown_attribute_is_ignored() => Assert.That(
        Batch((ref NetlinkWriter writer, uint sequence) =>
        {
            WireMark mark = Head(ref writer, NFT_MSG_NEWTABLE, Create, (byte)Family, sequence);
            writer.WriteString(NFTA_TABLE_NAME, "a");
            writer.WriteUInt32(60, 1);
            writer.EndMessage(mark);
        }),
        Is.EqualTo(new[] { "2 None" }));

    [Test]
    public void An_unknown_family_is_not_supported() => Assert.That(
        Batch(Entity(NFT_MSG_NEWTABLE, Create, new Table { Family = (NftablesFamily)99, Name = "a" })),
        Is.EqualTo(new[] { "2 EOPNOTSUPP" }));

    [Test]
    public void A_table_without_a_name_is_invalid() => Assert.That(Batch(Message(NFT_MSG_NEWTABLE, Create, (byte)Family)), Is.EqualTo(new[] { "2 EINVAL" }));

    [Test]
    public void Deleting_what_is_not_there_fails() =>
        Assert.That(Batch(Named(NFT_MSG_DELTABLE, new Table { Family = Family, Name = "none" })), Is.EqualTo(new[] { "2 ENOENT @20" }));

    [Test]
    public void Destroying_what_is_not_there_does_not_fail() =>
        Assert.That(Batch(Named(NFT_MSG_DESTROYTABLE, new Table { Family = Family, Name = "none" })), Is.EqualTo(new[] { "2 None" }));

    [Test]
    public void Deleting_all_tables_is_invalid_outside_a_batch() =>
        Assert.That(Ask(Message(NFT_MSG_DELTABLE, NetlinkMessageFlags.None, 0)), Is.EqualTo(new[] { "1 EINVAL" }));

    [Test]
    public void Deleting_a_table_of_no_family_and_no_name_deletes_all()
    {
        Batch(NewTable("a"), NewTable("b"));
        Assert.That(Batch(Message(NFT_MSG_DELTABLE, NetlinkMessageFlags.None, 0)), Is.EqualTo(new[] { "2 None" }));
        Assert.That(Ask(Dump(NFT_MSG_GETTABLE, 0)), Is.EqualTo(new[] { "1 Done" }));
    }

    [Test]
    public void A_dump_lists_tables_oldest_first_with_handle_flags_and_use()
    {
        Batch(NewTable("a"));
        Batch(NewTable("b"), NewChain("a", "c"));
        Assert.That(Ask(Dump(NFT_MSG_GETTABLE, (byte)Family)), Is.EqualTo(new[]
        {
            "1 message 0 flags 2 family 1 1=6100 3=00000001 4=0000000000000001 2=00000000",
            "1 message 0 flags 2 family 1 1=6200 3=00000000 4=0000000000000002 2=00000000",
            "1 Done",
        }));
    }

    [Test]
    public void A_dump_of_a_family_that_is_none_is_empty() => Assert.That(Ask(Dump(NFT_MSG_GETTABLE, 99)), Is.EqualTo(new[] { "1 Done" }));

    [Test]
    public void A_dump_of_the_rules_of_a_table_that_is_not_there_is_empty() =>
        Assert.That(Ask(Dump(NFT_MSG_GETRULE, (byte)Family, new Rule { Family = Family, Table = "none" })), Is.EqualTo(new[] { "1 Done" }));

    [Test]
    public void A_chain_of_a_table_that_is_not_there_is_not_found_at_the_tables_name() =>
        Assert.That(Ask(Named(NFT_MSG_GETCHAIN, Chain.Regular(Family, "none", "c"))), Is.EqualTo(new[] { "1 ENOENT @20" }));

    [Test]
    public void One_table_comes_before_its_acknowledgement()
    {
        Batch(NewTable("a"));
        Assert.That(Ask(Named(NFT_MSG_GETTABLE, new Table { Family = Family, Name = "a" })), Is.EqualTo(new[]
        {
            "1 message 0 flags 0 family 1 1=6100 3=00000000 4=0000000000000001 2=00000000", "1 None",
        }));
    }
}
