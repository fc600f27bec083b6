using System.Runtime.InteropServices;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using NUnit.Framework;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>The facts of kernel6.1x-nfnetlink-probes.txt: errno and offset for each question, on both kernels.</summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
public sealed class KernelFactTests(KernelKind kind)
{
    private const NftablesFamily Family = NftablesFamily.Inet;
    private KernelUnderTest _kernel = null!;
    private INetlinkSocket _socket = null!;

    [SetUp]
    public void Open()
    {
        _kernel = KernelUnderTest.Open(kind);
        _socket = _kernel.Kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { StrictChecking = false });
    }

    [TearDown]
    public void Close()
    {
        _socket.Dispose();
        _kernel.Dispose();
    }

    [Test]
    public void A_fresh_namespace_is_at_generation_one() => Assert.That(Generation(), Is.EqualTo(1));

    [Test]
    public void A_table_is_acknowledged_and_raises_the_generation()
    {
        Assert.That(Batch(NewTable("a")), Is.EqualTo(new[] { "2 None" }));
        Assert.That(Generation(), Is.EqualTo(2));
    }

    [Test]
    public void Without_end_it_is_a_dry_run()
    {
        Assert.That(Ask(Begin(), NewTable("a")), Is.EqualTo(new[] { "2 None" }));
        Assert.That(Generation(), Is.EqualTo(1));
        Assert.That(Batch(Delete(NFT_MSG_DELTABLE, new Table { Family = Family, Name = "a" })), Is.EqualTo(new[] { "2 ENOENT @20" }));
    }

    [Test]
    public void Every_bad_message_of_a_batch_is_reported_beside_the_good_ones() => Assert.That(
        Batch(NewTable("a"), NewChain("none", "c"), NewTable("b"), NewChain("none", "d")),
        Is.EqualTo(new[] { "2 None", "3 ENOENT @20", "4 None", "5 ENOENT @20" }));

    [Test]
    public void A_wrong_generation_restarts_and_the_right_one_commits()
    {
        Assert.That(Ask(Begin(77), NewTable("a"), End()), Is.EqualTo(new[] { "1 ERESTART" }));
        Assert.That(Ask(Begin(1), NewTable("a"), End()), Is.EqualTo(new[] { "2 None" }));
        Assert.That(Generation(), Is.EqualTo(2));
    }

    [Test]
    public void A_change_outside_a_batch_is_invalid() => Assert.That(Ask(NewTable("a")), Is.EqualTo(new[] { "1 EINVAL" }));

    [Test]
    public void A_list_inside_a_batch_is_invalid() =>
        Assert.That(Batch(Message(NFT_MSG_GETTABLE, NetlinkMessageFlags.None, (byte)Family)), Is.EqualTo(new[] { "2 EINVAL" }));

    [Test]
    public void An_exclusive_table_that_exists_is_refused_and_replacing_one_is_not_supported()
    {
        Batch(NewTable("a"));
        Assert.That(Batch(NewTable("a", NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive)), Is.EqualTo(new[] { "2 EEXIST @20" }));
        Assert.That(Batch(NewTable("a", NetlinkMessageFlags.Create | NetlinkMessageFlags.Replace)), Is.EqualTo(new[] { "2 EOPNOTSUPP" }));
    }

    [TestCase(255, "2 None")]
    [TestCase(256, "2 ERANGE")]
    public void Names_take_up_to_255_bytes(int length, string answer) => Assert.That(Batch(NewTable(new string('x', length)))[0], Does.StartWith(answer));

    [Test]
    public void An_unknown_table_flag_is_not_supported() => Assert.That(
        Batch(Entity(NFT_MSG_NEWTABLE, NetlinkMessageFlags.Create, new Table { Family = Family, Name = "a", Flags = (TableFlags)0x100 })),
        Is.EqualTo(new[] { "2 EOPNOTSUPP" }));

    [Test]
    public void An_unknown_family_is_not_supported() => Assert.That(
        Batch(Entity(NFT_MSG_NEWTABLE, NetlinkMessageFlags.Create, new Table { Family = (NftablesFamily)99, Name = "a" })),
        Is.EqualTo(new[] { "2 EOPNOTSUPP" }));

    [Test]
    public void A_table_without_a_name_is_invalid() =>
        Assert.That(Batch(Message(NFT_MSG_NEWTABLE, NetlinkMessageFlags.Create, (byte)Family)), Is.EqualTo(new[] { "2 EINVAL" }));

    [Test]
    public void An_unknown_attribute_is_ignored() => Assert.That(
        Batch((ref NetlinkWriter writer, uint sequence) =>
        {
            WireMark mark = Head(ref writer, NFT_MSG_NEWTABLE, NetlinkMessageFlags.Create, (byte)Family, sequence);
            writer.WriteString(NFTA_TABLE_NAME, "a");
            writer.WriteUInt32(60, 1);
            writer.EndMessage(mark);
        }),
        Is.EqualTo(new[] { "2 None" }));

    [Test]
    public void Deleting_what_is_not_there_fails_and_destroying_it_does_not()
    {
        var missing = new Table { Family = Family, Name = "none" };
        Assert.That(Batch(Delete(NFT_MSG_DELTABLE, missing)), Is.EqualTo(new[] { "2 ENOENT @20" }));
        Assert.That(Batch(Delete(NFT_MSG_DESTROYTABLE, missing)), Is.EqualTo(new[] { "2 None" }));
    }

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
    public void A_jump_to_nowhere_or_to_a_base_chain_is_refused_at_its_expression()
    {
        Prepare();
        Assert.That(Batch(NewRule("one", Jump("none"))), Is.EqualTo(new[] { "2 ENOENT @40" }));
        Assert.That(Batch(NewRule("one", Jump("base"))), Is.EqualTo(new[] { "2 EOPNOTSUPP @40" }));
    }

    [Test]
    public void A_chain_in_use_is_busy()
    {
        Prepare();
        Batch(NewRule("one", Jump("two")));
        Assert.That(Batch(Delete(NFT_MSG_DELCHAIN, Chain.Regular(Family, "a", "two")))[0], Does.StartWith("2 EBUSY @28"));
    }

    [Test]
    public void An_unknown_expression_is_not_found()
    {
        Prepare();
        Assert.That(Batch(NewRule("one", new RawExpression("nosuch", default))), Is.EqualTo(new[] { "2 ENOENT @40" }));
    }

    [Test]
    public void A_rule_has_at_most_128_expressions()
    {
        Prepare();
        var counter = new CounterExpression { Bytes = 0, Packets = 0 };
        Assert.That(Batch(NewRule("one", [.. Enumerable.Repeat(counter, 128)])), Is.EqualTo(new[] { "2 None" }));
        Assert.That(Batch(NewRule("one", [.. Enumerable.Repeat(counter, 129)]))[0], Is.EqualTo("2 EINVAL"));
    }

    [Test]
    public void A_rule_behind_or_instead_of_one_that_is_not_there_is_refused_at_that_number()
    {
        Prepare();
        Assert.That(Batch(Delete(NFT_MSG_DELRULE, new Rule { Family = Family, Table = "a", Chain = "one", Handle = 999 })), Is.EqualTo(new[] { "2 ENOENT @36" }));
    }

    [Test]
    public void A_dump_of_a_table_that_is_not_there_is_empty() => Assert.That(
        Ask(Dump(NFT_MSG_GETRULE, new Rule { Family = Family, Table = "none" })),
        Is.EqualTo(new[] { "1 Done" }));

    [Test]
    public void Four_messages_of_2000_elements_are_taken()
    {
        Prepare();
        Batch(Entity(NFT_MSG_NEWSET, NetlinkMessageFlags.Create, new NftablesSet { Family = Family, Table = "a", Name = "s", KeyLength = 4, Id = 1 }));
        MessageWriter Elements(int part) => Entity(NFT_MSG_NEWSETELEM, NetlinkMessageFlags.Create, new SetElementList
        {
            Family = Family,
            Table = "a",
            Set = "s",
            Elements = [.. Enumerable.Range(part * 2000, 2000).Select(number => SetElement.Of(BitConverter.GetBytes(number)))],
        });
        Assert.That(Batch(Elements(0), Elements(1), Elements(2), Elements(3)), Is.EqualTo(new[] { "2 None", "3 None", "4 None", "5 None" }));
    }

    private delegate void MessageWriter(ref NetlinkWriter writer, uint sequence);

    private static WireMark Head(ref NetlinkWriter writer, ushort type, NetlinkMessageFlags flags, byte family, uint sequence)
    {
        WireMark mark = writer.BeginMessage((ushort)(Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | type), flags | NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create(family));
        return mark;
    }

    private static MessageWriter Message(ushort type, NetlinkMessageFlags flags, byte family) =>
        (ref NetlinkWriter writer, uint sequence) => writer.EndMessage(Head(ref writer, type, flags, family, sequence));

    private static MessageWriter Entity(ushort type, NetlinkMessageFlags flags, NftablesEntity entity) => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = Head(ref writer, type, flags, (byte)entity.Family, sequence);
        entity.WriteAttributes(ref writer, WireOrder.Nft);
        writer.EndMessage(mark);
    };

    private static MessageWriter Delete(ushort type, NftablesEntity entity) => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = Head(ref writer, type, NetlinkMessageFlags.None, (byte)entity.Family, sequence);
        entity.WriteIdentity(ref writer);
        writer.EndMessage(mark);
    };

    private static MessageWriter Dump(ushort type, NftablesEntity entity) => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = writer.BeginMessage((ushort)(Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | type), NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create((byte)entity.Family));
        entity.WriteIdentity(ref writer);
        writer.EndMessage(mark);
    };

    private static MessageWriter Begin(uint? generation = null) => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = writer.BeginMessage(Nfnetlink.NFNL_MSG_BATCH_BEGIN, NetlinkMessageFlags.Request, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create(0, Nfnetlink.NFNL_SUBSYS_NFTABLES));
        if (generation is { } id)
        {
            writer.WriteUInt32BigEndian(Nfnetlink.NFNL_BATCH_GENID, id);
        }

        writer.EndMessage(mark);
    };

    private static MessageWriter End() => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = writer.BeginMessage(Nfnetlink.NFNL_MSG_BATCH_END, NetlinkMessageFlags.Request, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create(0, Nfnetlink.NFNL_SUBSYS_NFTABLES));
        writer.EndMessage(mark);
    };

    private static MessageWriter NewTable(string name, NetlinkMessageFlags flags = NetlinkMessageFlags.Create) =>
        Entity(NFT_MSG_NEWTABLE, flags, new Table { Family = Family, Name = name });

    private static MessageWriter NewChain(string table, string name) => Entity(NFT_MSG_NEWCHAIN, NetlinkMessageFlags.Create, Chain.Regular(Family, table, name));

    private static MessageWriter NewRule(string chain, params Expression[] expressions) =>
        Entity(NFT_MSG_NEWRULE, NetlinkMessageFlags.Create | NetlinkMessageFlags.Append, Rule.Of(Family, "a", chain, [.. expressions]));

    private static ImmediateExpression Jump(string chain) => new() { DestinationRegister = NFT_REG_VERDICT, Verdict = Verdict.Jump(chain) };

    private void Prepare() => Assert.That(
        Batch(
            NewTable("a"),
            NewChain("a", "one"),
            NewChain("a", "two"),
            Entity(NFT_MSG_NEWCHAIN, NetlinkMessageFlags.Create, Chain.Base(Family, "a", "base", "filter", new ChainHook(Nfnetlink.NF_INET_FORWARD, 0)))),
        Has.All.EndWith("None"));

    private uint Generation()
    {
        using NftablesConnection connection = NftablesConnection.Open(_kernel.Kernel);
        return connection.GetGeneration().Id;
    }

    private string[] Batch(params MessageWriter[] messages) => Ask([Begin(), .. messages, End()]);

    /// <summary>Sends the messages in one datagram, numbered from 1, and returns the answers: number, errno, offset.</summary>
    private string[] Ask(params MessageWriter[] messages)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        uint sequence = 1;
        foreach (MessageWriter message in messages)
        {
            message(ref writer, sequence++);
        }

        writer.Complete();
        _socket.Send(buffer.Written);
        var answers = new List<string>();
        var received = new NetlinkReceiveBuffer();
        while (_socket.Receive(received) > 0)
        {
            for (int index = 0; index < received.Count; index++)
            {
                var reader = new MessageReader(received.Bytes(index));
                while (reader.TryRead(out NetlinkMessage answer))
                {
                    answers.Add($"{answer.Header.Sequence} {Describe(answer)}");
                }
            }
        }

        return [.. answers];
    }

    private static string Describe(in NetlinkMessage answer)
    {
        if (answer.Header.Type == NetlinkMessageType.Done)
        {
            return "Done";
        }

        if (answer.Header.Type != NetlinkMessageType.Error)
        {
            return $"message {answer.Header.Type & 0xff}";
        }

        var error = (LinuxError)(-MemoryMarshal.Read<int>(answer.Payload));
        bool extended = (answer.Header.Flags & NetlinkMessageFlags.ExtendedAcknowledgement) != 0;
        return extended && new AttributeReader(answer.Payload[20..]).TryFind(2, out NetlinkAttribute offset) ? $"{error} @{offset.UInt32}" : error.ToString();
    }
}
