using System.IO.Compression;
using System.Text.Json;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>Every model reads anything and writes it back; the messages come from recorded kernels.</summary>
public sealed class LosslessTests
{
    [TestCase("kernel6.12-rtnetlink-events.jsonl.gz")]
    [TestCase("kernel6.18-rtnetlink-events.jsonl.gz")]
    public void Every_recorded_message_is_read_and_written_back(string file)
    {
        int messages = 0;
        foreach (byte[] message in Messages(file))
        {
            Assert.That(RoundTrip(message), Is.EqualTo(message));
            messages++;
        }

        Assert.That(messages, Is.GreaterThan(300));
    }

    [Test]
    public void A_mutated_message_is_read_written_back_and_printed_without_any_error()
    {
        byte[][] seeds = [.. Messages("kernel6.12-rtnetlink-events.jsonl.gz").DistinctBy(message => (message.Length, message[4]))];
        var random = new Random(20260101);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        int turns = 0;
        while (watch.Elapsed < TimeSpan.FromSeconds(5) && turns < 200_000)
        {
            byte[] message = [.. seeds[random.Next(seeds.Length)]];
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                message[random.Next(16, message.Length)] = random.Next(4) == 0 ? (byte)random.Next(256) : (byte)random.Next(16);
            }

            int length = random.Next(8) == 0 ? random.Next(16, message.Length) : message.Length;
            message = message[..length];
            BitConverter.TryWriteBytes(message, (uint)length);
            byte[]? back = RoundTrip(message);
            if (back is not null)
            {
                Assert.That(back, Is.EqualTo(message), () => Convert.ToHexString(message));
            }

            turns++;
        }

        TestContext.Out.WriteLine($"{turns} mutations");
        Assert.That(turns, Is.GreaterThan(0), "how many depends on the machine");
    }

    [Test]
    public void A_changed_copy_writes_the_change_and_keeps_what_it_does_not_know()
    {
        byte[] message = Messages("kernel6.12-rtnetlink-events.jsonl.gz").First(bytes => BitConverter.ToUInt16(bytes, 4) == RouteConstants.RTM_NEWLINK);
        Link link = Read(message);
        Assert.That(link.Layout.UnknownCount, Is.GreaterThan(0));
        Link changed = link with { Mtu = 1234 };
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        changed.WriteMessage(ref writer, RouteConstants.RTM_NEWLINK, 0);
        writer.Complete();
        Link again = Read(buffer.Written.ToArray());
        Assert.That(again.Mtu, Is.EqualTo(1234));
        Assert.That(again.Layout.UnknownCount, Is.EqualTo(link.Layout.UnknownCount));
        Assert.That(again with { Mtu = link.Mtu }, Is.EqualTo(link));
    }

    private static Link Read(byte[] bytes)
    {
        var reader = new MessageReader(bytes);
        reader.TryRead(out NetlinkMessage message);
        return Link.TryRead(message, out Link? link) ? link : throw new AssertionException("no link");
    }

    private static byte[]? RoundTrip(byte[] bytes)
    {
        var reader = new MessageReader(bytes);
        if (!reader.TryRead(out NetlinkMessage message) || !RouteMessages.TryRead(message, out RouteObject? value))
        {
            return null;
        }

        Assert.That(MessagePrinter.Print(message, RouteCatalog.Instance), Is.Not.Empty);
        RouteCatalog.Instance.DescribeRequest(message);
        RouteCatalog.Instance.PathAt(message, bytes.Length / 2);
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        value.WriteMessage(ref writer, message.Header.Type, message.Header.Flags, message.Header.Sequence, message.Header.PortId);
        writer.Complete();
        // What the reader never sees, the padding behind the last attribute, is zero when written.
        return buffer.Written.Length >= bytes.Length && Padding(bytes, buffer.Written) ? bytes : buffer.Written.ToArray();
    }

    // Padding may hold anything in a mutated message, and is written as zeros.
    private static bool Padding(ReadOnlySpan<byte> read, ReadOnlySpan<byte> written)
    {
        for (int index = 4; index < read.Length; index++)
        {
            if (read[index] != written[index] && written[index] != 0)
            {
                return false;
            }
        }

        return written.Length - read.Length <= 3;
    }

    private static IEnumerable<byte[]> Messages(string file)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Corpus.PathOf(file)), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            using JsonDocument row = JsonDocument.Parse(line);
            foreach (string field in (string[])["events", "link_dump"])
            {
                if (!row.RootElement.TryGetProperty(field, out JsonElement datagrams))
                {
                    continue;
                }

                foreach (JsonElement datagram in datagrams.EnumerateArray())
                {
                    foreach (byte[] message in Split(Convert.FromHexString(datagram.GetString()!)))
                    {
                        yield return message;
                    }
                }
            }
        }
    }

    private static List<byte[]> Split(byte[] datagram)
    {
        var messages = new List<byte[]>();
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            if (message.Header.Type >= NetlinkMessageType.FirstOfFamily)
            {
                messages.Add(message.Bytes.ToArray());
            }
        }

        return messages;
    }
}
