using System.Text.Json;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Tests.Expressions;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

public sealed class RecordedMessageTests
{
    [TestCase("nft106-kernel6.18-rules.jsonl.gz", "sent")]
    [TestCase("nft106-kernel6.18-rules.jsonl.gz", "kernel_dump")]
    [TestCase("nft106-kernel6.18-rulesets.jsonl.gz", "sent")]
    [TestCase("nft106-kernel6.18-rulesets.jsonl.gz", "kernel")]
    [TestCase("iptables189nft-kernel6.18-rules.jsonl.gz", "sent")]
    [TestCase("iptables189nft-kernel6.18-rules.jsonl.gz", "kernel_dump")]
    [TestCase("kernel6.18-nftables-events.jsonl.gz", "events")]
    [TestCase("kernel6.12-nftables-events.jsonl.gz", "events")]
    public void Recorded_messages_come_out_byte_for_byte(string file, string member)
    {
        int count = 0;
        foreach (byte[] datagram in RecordedMessages.Datagrams(file, member))
        {
            RecordedMessages.ForEach(datagram, (message, bytes) =>
            {
                Assert.That(Convert.ToHexStringLower(RecordedMessages.Write(message, bytes, WireOrder.AsRead)), Is.EqualTo(Convert.ToHexStringLower(bytes)), message.ToString());
                count++;
            });
        }

        Assert.That(count, Is.GreaterThan(50));
    }

    [TestCase("nft106-kernel6.18-rules.jsonl.gz", false)]
    [TestCase("nft106-kernel6.18-rulesets.jsonl.gz", false)]
    [TestCase("iptables189nft-kernel6.18-rules.jsonl.gz", true)]
    public void What_a_request_says_is_written_as_the_program_wrote_it(string file, bool libnftnl)
    {
        foreach (byte[] datagram in RecordedMessages.Datagrams(file, "sent"))
        {
            RecordedMessages.ForEach(datagram, (message, bytes) => Assert.That(
                Convert.ToHexStringLower(RecordedMessages.Write(message, bytes, libnftnl ? WireOrder.Libnftnl : WireOrder.Nft)),
                Is.EqualTo(Convert.ToHexStringLower(bytes)),
                message.ToString()));
        }
    }

    [TestCase("kernel6.18-nftables-events.jsonl.gz", "events")]
    [TestCase("nft106-kernel6.18-rulesets.jsonl.gz", "kernel")]
    public void Nothing_the_kernel_says_of_an_object_is_unknown(string file, string member)
    {
        foreach (byte[] datagram in RecordedMessages.Datagrams(file, member))
        {
            RecordedMessages.ForEach(datagram, (message, _) => Assert.That(message.Entity.Layout.Raw.Length, Is.Zero, message.ToString()));
        }
    }
}

/// <summary>The nf_tables messages of recorded datagrams.</summary>
internal static class RecordedMessages
{
    public static IEnumerable<byte[]> Datagrams(string file, string member)
    {
        foreach (JsonElement row in RecordedRules.Rows(file))
        {
            if (row.TryGetProperty(member, out JsonElement value))
            {
                foreach (byte[] datagram in Hex(value))
                {
                    yield return datagram;
                }
            }
        }
    }

    public static IEnumerable<byte[]> Hex(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String when value.GetString() is { Length: >= 32 } text && text.All(char.IsAsciiHexDigit) => [Convert.FromHexString(text)],
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Hex),
        JsonValueKind.Object => value.EnumerateObject().SelectMany(property => Hex(property.Value)),
        _ => [],
    };

    public static void ForEach(byte[] datagram, Action<NftablesMessage, byte[]> act)
    {
        var messages = new MessageReader(datagram);
        while (messages.TryRead(out NetlinkMessage message))
        {
            if (NftablesMessage.TryRead(message, out NftablesMessage? read) && read is not null)
            {
                byte[] bytes = message.Bytes.ToArray();
                ClearPadding(bytes);
                act(read, bytes);
            }
        }
    }

    // nft leaves whatever was in memory in the padding of a name.
    private static void ClearPadding(byte[] message)
    {
        for (int offset = 20; offset + 4 <= message.Length;)
        {
            int length = BitConverter.ToUInt16(message, offset);
            int next = Math.Min(offset + Math.Max(length, 4) + 3 & ~3, message.Length);
            message.AsSpan(Math.Min(offset + length, next)..next).Clear();
            offset = next;
        }
    }

    /// <summary>The message as the model writes it, with the recorded sequence number and port id.</summary>
    public static byte[] Write(NftablesMessage message, byte[] recorded, WireOrder order)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        message.Write(ref writer, BitConverter.ToUInt32(recorded, 8), BitConverter.ToUInt32(recorded, 12), order);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
