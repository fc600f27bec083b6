using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Tests.Fuzz;

/// <summary>Everything in the library that reads bytes of others, one call each. None of it may throw, whatever the bytes.</summary>
internal sealed class Decoders
{
    private static readonly MessageCatalog[] Catalogs =
        [.. Enum.GetValues<NetlinkProtocol>().Select(MessageCatalog.Of), MessageCatalog.Empty];

    private readonly NetlinkBuffer _buffer = new(64 * 1024);

    /// <summary>Reads a datagram's messages in every way there is.</summary>
    /// <param name="datagram">The bytes.</param>
    /// <param name="prints">Also as text, which takes most of the time.</param>
    public void Read(ReadOnlySpan<byte> datagram, bool prints)
    {
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            ReadModel(message);
            ReadOpaque(message);
            Describe(message);
            if (prints)
            {
                foreach (MessageCatalog catalog in Catalogs)
                {
                    Assert.That(MessagePrinter.Print(message, catalog), Is.Not.Empty);
                }
            }
        }
    }

    private static void Describe(in NetlinkMessage message)
    {
        foreach (MessageCatalog catalog in Catalogs)
        {
            catalog.DescribeRequest(message);
            catalog.Explain(message, LinuxError.EOPNOTSUPP, null);
            catalog.PathAt(message, message.Bytes.Length / 2);
            catalog.TableAt(message, message.Bytes.Length - 4);
            NetlinkException.ReadDetails(message, message, catalog);
        }
    }

    private void ReadModel(in NetlinkMessage message)
    {
        if (!RouteMessages.TryRead(message, out RouteObject? value))
        {
            return;
        }

        RouteKey.Of(value);
        _ = value is LinkStatisticsReport report ? report.VlanCounters.Count : 0;
        _ = value is TrafficObject { Statistics: { } statistics } ? statistics.Packets + statistics.Drops : 0;
        _buffer.Clear();
        var writer = new NetlinkWriter(_buffer);
        value.WriteMessage(ref writer, message.Header.Type, message.Header.Flags, message.Header.Sequence, message.Header.PortId);
        writer.Complete();
        Same(message, "the model of");
    }

    private void ReadOpaque(in NetlinkMessage message)
    {
        _buffer.Clear();
        var writer = new NetlinkWriter(_buffer);
        OpaqueMessage.Read(message, RouteCatalog.Instance).Write(ref writer);
        writer.Complete();
        Same(message, "the attributes of");
    }

    // Padding may hold anything in a message made up, and is written as zeros.
    private void Same(in NetlinkMessage message, string what)
    {
        ReadOnlySpan<byte> read = message.Bytes;
        ReadOnlySpan<byte> written = _buffer.Written;
        bool same = written.Length - read.Length is >= 0 and <= 3;
        for (int index = 0; same && index < read.Length; index++)
        {
            same = read[index] == written[index] || (written[index] == 0 && index >= NetlinkHeader.Size);
        }

        if (!same)
        {
            Assert.Fail($"{what} {Convert.ToHexString(read)} became {Convert.ToHexString(written)}");
        }
    }
}
