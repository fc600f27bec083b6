using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using NUnit.Framework;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Tests.Nftables.Facts;

/// <summary>What is told to those who asked for an echo or listen, and what becomes of it when they do not read.</summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
[TestFixture(KernelKind.Simulated612)]
public sealed class EventFactTests(KernelKind kind) : KernelFacts(kind)
{
    [Test]
    public void An_echoed_rule_comes_with_its_handle_then_the_generation_then_the_acknowledgement()
    {
        Prepare();
        Rule accepting = Rule.Of(Family, "a", "two", [new ImmediateExpression { DestinationRegister = NFT_REG_VERDICT, Verdict = Verdict.Accept }]);
        Assert.That(Batch(Entity(NFT_MSG_NEWRULE, Create | NetlinkMessageFlags.Append | NetlinkMessageFlags.Echo, accepting)), Is.EqualTo(new[]
        {
            "2 message 6 flags c00 family 1 1=6100 2=74776f00 3=0000000000000004 4=300001000e000100696d6d6564696174650000001c0002000800010000000000100002000c0002000800010000000001",
            "2 message 15 flags 0 family 0 1=00000003 2=* 3=*",
            "2 None",
        }));
    }

    [Test]
    public void Listeners_hear_of_a_new_table_and_then_of_the_generation()
    {
        using INetlinkSocket listener = Listener();
        Batch(NewTable("mc"));
        Assert.That(Waiting(listener), Is.EqualTo(new[]
        {
            "2 message 0 flags 400 family 1 1=6d6300 3=00000000 4=0000000000000001 2=00000000",
            "2 message 15 flags 0 family 0 1=00000002 2=* 3=*",
        }));
    }

    [Test]
    public void Listeners_hear_of_a_deleted_table_since_6_17_without_its_use()
    {
        Batch(NewTable("mc"));
        using INetlinkSocket listener = Listener();
        Batch(Named(NFT_MSG_DELTABLE, new Table { Family = Family, Name = "mc" }));
        Assert.That(Waiting(listener), Is.EqualTo(new[]
        {
            $"2 message 2 flags 0 family 1 1=6d6300 3=00000000 4=0000000000000001{(Machine.IsAtLeast(6, 17) ? "" : " 2=00000000")}",
            "2 message 15 flags 0 family 0 1=00000003 2=* 3=*",
        }));
    }

    [Test]
    public void A_receive_buffer_that_overflows_is_told_first_and_what_fitted_waits_behind_it()
    {
        using INetlinkSocket small = SmallSocket();
        KernelException lost = Assert.Throws<KernelException>(() => Ask(small, [Begin(), .. Tables(300), End()]))!;
        Assert.That(lost.Error, Is.EqualTo(LinuxError.ENOBUFS));
        Assert.That(Waiting(small).First(), Is.EqualTo("2 None"));
        Assert.That(Generation(), Is.EqualTo(2));
    }

    [Test]
    public void A_batch_stands_though_nobody_reads_its_acknowledgements()
    {
        INetlinkSocket unread = SmallSocket();
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        uint sequence = 1;
        foreach (MessageWriter message in (MessageWriter[])[Begin(), .. Tables(300), End()])
        {
            message(ref writer, sequence++);
        }

        writer.Complete();
        unread.Send(buffer.Written);
        unread.Dispose();
        Assert.That(Generation(), Is.EqualTo(2));
        Assert.That(Ask(Dump(NFT_MSG_GETTABLE, (byte)Family)), Has.Length.EqualTo(301));
    }

    private static IEnumerable<MessageWriter> Tables(int count) => Enumerable.Range(0, count).Select(number => NewTable($"t{number}"));

    private INetlinkSocket Listener() =>
        Machine.Kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { StrictChecking = false, Groups = [Nfnetlink.NFNLGRP_NFTABLES] });

    private INetlinkSocket SmallSocket() =>
        Machine.Kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { StrictChecking = false, ReceiveBufferSize = 2304, SendBufferSize = 1 << 20 });
}
