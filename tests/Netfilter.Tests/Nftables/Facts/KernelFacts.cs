using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using NUnit.Framework;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Tests.Nftables.Facts;

/// <summary>
/// The facts of kernel6.1x-nfnetlink-probes.txt are asked of a kernel: messages are written one by one, and every answer is told by its sequence number, its errno, the
/// offset of the attribute at fault and what else the kernel says. The same questions go to this machine's kernel and to simulated ones.
/// </summary>
public abstract class KernelFacts(KernelKind kind)
{
    private protected const NftablesFamily Family = NftablesFamily.Inet;
    private protected const NetlinkMessageFlags Create = NetlinkMessageFlags.Create;
    private INetlinkSocket _socket = null!;

    private protected KernelUnderTest Machine { get; private set; } = null!;

    [SetUp]
    public void Open()
    {
        Machine = KernelUnderTest.Open(kind);
        _socket = Machine.Kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { StrictChecking = false });
    }

    [TearDown]
    public void Close()
    {
        _socket.Dispose();
        Machine.Dispose();
    }

    private protected delegate void MessageWriter(ref NetlinkWriter writer, uint sequence);

    private protected static WireMark Head(ref NetlinkWriter writer, ushort type, NetlinkMessageFlags flags, byte family, uint sequence)
    {
        WireMark mark = writer.BeginMessage((ushort)(Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | type), flags | NetlinkMessageFlags.Request | NetlinkMessageFlags.Acknowledge, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create(family));
        return mark;
    }

    private protected static MessageWriter Message(ushort type, NetlinkMessageFlags flags, byte family) =>
        (ref NetlinkWriter writer, uint sequence) => writer.EndMessage(Head(ref writer, type, flags, family, sequence));

    private protected static MessageWriter Entity(ushort type, NetlinkMessageFlags flags, NftablesEntity entity) => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = Head(ref writer, type, flags, (byte)entity.Family, sequence);
        entity.WriteAttributes(ref writer, WireOrder.Nft);
        writer.EndMessage(mark);
    };

    /// <summary>A request about an object that is named.</summary>
    private protected static MessageWriter Named(ushort type, NftablesEntity entity) => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = Head(ref writer, type, NetlinkMessageFlags.None, (byte)entity.Family, sequence);
        entity.WriteIdentity(ref writer);
        writer.EndMessage(mark);
    };

    private protected static MessageWriter Dump(ushort type, byte family, NftablesEntity? filter = null) => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = writer.BeginMessage((ushort)(Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | type), NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create(family));
        filter?.WriteIdentity(ref writer);
        writer.EndMessage(mark);
    };

    private protected static MessageWriter Begin(uint? generation = null, NetlinkMessageFlags flags = 0, ushort subsystem = Nfnetlink.NFNL_SUBSYS_NFTABLES) => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = writer.BeginMessage(Nfnetlink.NFNL_MSG_BATCH_BEGIN, NetlinkMessageFlags.Request | flags, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create(0, subsystem));
        if (generation is { } id)
        {
            writer.WriteUInt32BigEndian(Nfnetlink.NFNL_BATCH_GENID, id);
        }

        writer.EndMessage(mark);
    };

    private protected static MessageWriter End(NetlinkMessageFlags flags = 0) => (ref NetlinkWriter writer, uint sequence) =>
    {
        WireMark mark = writer.BeginMessage(Nfnetlink.NFNL_MSG_BATCH_END, NetlinkMessageFlags.Request | flags, sequence);
        writer.AppendStruct(NfnetlinkHeader.Create(0, Nfnetlink.NFNL_SUBSYS_NFTABLES));
        writer.EndMessage(mark);
    };

    private protected static MessageWriter NewTable(string name, NetlinkMessageFlags flags = Create) =>
        Entity(NFT_MSG_NEWTABLE, flags, new Table { Family = Family, Name = name });

    private protected static MessageWriter NewChain(string table, string name) => Entity(NFT_MSG_NEWCHAIN, NetlinkMessageFlags.Create, Chain.Regular(Family, table, name));

    private protected static MessageWriter NewRule(string chain, params Expression[] expressions) =>
        Entity(NFT_MSG_NEWRULE, NetlinkMessageFlags.Create | NetlinkMessageFlags.Append, Rule.Of(Family, "a", chain, [.. expressions]));

    private protected static ImmediateExpression Jump(string chain) => new() { DestinationRegister = NFT_REG_VERDICT, Verdict = Verdict.Jump(chain) };

    private protected void Prepare() => Assert.That(
        Batch(
            NewTable("a"),
            NewChain("a", "one"),
            NewChain("a", "two"),
            Entity(NFT_MSG_NEWCHAIN, NetlinkMessageFlags.Create, Chain.Base(Family, "a", "base", "filter", new ChainHook(Nfnetlink.NF_INET_FORWARD, 0)))),
        Has.All.EndWith("None"));

    private protected uint Generation()
    {
        using NftablesConnection connection = NftablesConnection.Open(Machine.Kernel);
        return connection.GetGeneration().Id;
    }

    private protected string[] Batch(params MessageWriter[] messages) => Ask([Begin(), .. messages, End()]);

    /// <summary>Sends the messages in one datagram, numbered from 1, and returns the answers.</summary>
    private protected string[] Ask(params MessageWriter[] messages) => Ask(_socket, messages);

    private protected static string[] Ask(INetlinkSocket socket, params MessageWriter[] messages)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        uint sequence = 1;
        foreach (MessageWriter message in messages)
        {
            message(ref writer, sequence++);
        }

        writer.Complete();
        socket.Send(buffer.Written);
        return Waiting(socket);
    }

    /// <summary>What waits at a socket.</summary>
    private protected static string[] Waiting(INetlinkSocket socket)
    {
        var answers = new List<string>();
        var received = new NetlinkReceiveBuffer();
        while (socket.Receive(received) > 0)
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

        var text = new StringBuilder();
        if (answer.Header.Type != NetlinkMessageType.Error)
        {
            // What differs from kernel to kernel by chance is masked: who committed, and flags of a dump that others interrupted.
            bool generation = answer.Header.Type == (Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN);
            text.Append(CultureInfo.InvariantCulture, $"message {answer.Header.Type & 0xff} flags {(ushort)answer.Header.Flags:x} family {answer.Payload[0]}");
            var attributes = new AttributeReader(answer.Payload[4..]);
            while (attributes.TryRead(out NetlinkAttribute attribute))
            {
                text.Append(CultureInfo.InvariantCulture, $" {attribute.Type}=").Append(generation && attribute.Type > NFTA_GEN_ID ? "*" : Convert.ToHexStringLower(attribute.Value));
            }

            return text.ToString();
        }

        text.Append((LinuxError)(-MemoryMarshal.Read<int>(answer.Payload)));
        if ((answer.Header.Flags & NetlinkMessageFlags.ExtendedAcknowledgement) != 0)
        {
            var details = new AttributeReader(answer.Payload[20..]);
            while (details.TryRead(out NetlinkAttribute detail))
            {
                text.Append(detail.Type switch
                {
                    1 => $" \"{detail.String}\"",
                    2 => $" @{detail.UInt32}",
                    _ => $" {detail.Type}={Convert.ToHexStringLower(detail.Value)}",
                });
            }
        }

        return text.ToString();
    }
}
