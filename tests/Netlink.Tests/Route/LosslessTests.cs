using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;

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

    private static byte[] RoundTrip(byte[] bytes)
    {
        var reader = new MessageReader(bytes);
        Assert.That(reader.TryRead(out NetlinkMessage message) && RouteMessages.TryRead(message, out _), Is.True);
        RouteMessages.TryRead(message, out RouteObject? value);
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        value!.WriteMessage(ref writer, message.Header.Type, message.Header.Flags, message.Header.Sequence, message.Header.PortId);
        writer.Complete();
        return buffer.Written[..Math.Min(buffer.Length, Math.Max(bytes.Length, buffer.Length - 3))].ToArray();
    }

    private static IEnumerable<byte[]> Messages(string file) =>
        RecordedMessages.Of(file).Where(message => BitConverter.ToUInt16(message, 4) >= NetlinkMessageType.FirstOfFamily);
}
