using System.Text.Json;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;

namespace EucaNet.Conformance;

/// <summary>
/// Every datagram that a kernel sent, as reply or event and of whatever netlink family, is read, printed, and written back: the bytes are the same.
/// Rtnetlink messages go through the typed models, other families and control messages through <see cref="OpaqueMessage"/>. A row counts once; it
/// holds if all its messages do.
/// </summary>
public sealed class RouteDecodeCheck : IConformanceCheck
{
    public string Name => "decode";

    public bool AppliesTo(CorpusFormat format) => format is CorpusFormat.RouteRequests or CorpusFormat.RouteEvents;

    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) => Check;

    private static CheckResult? Check(JsonElement row)
    {
        bool any = false;
        foreach ((NetlinkProtocol protocol, byte[] datagram) in Datagrams(row))
        {
            any = true;
            CheckResult result = Check(protocol, datagram);
            if (!result.Identical)
            {
                return result;
            }
        }

        return any ? CheckResult.Same : null;
    }

    private static CheckResult Check(NetlinkProtocol protocol, byte[] datagram)
    {
        MessageCatalog catalog = MessageCatalog.Of(protocol);
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            // A datagram of one message may end without padding.
            bool isModel = protocol == NetlinkProtocol.Route && message.Header.Type >= NetlinkMessageType.FirstOfFamily;
            if (!isModel)
            {
                OpaqueMessage.Read(message, catalog).Write(ref writer);
            }
            else if (RouteMessages.TryRead(message, out RouteObject? value))
            {
                value.WriteMessage(ref writer, message.Header.Type, message.Header.Flags, message.Header.Sequence, message.Header.PortId);
            }
            else
            {
                return new CheckResult(false, $"message type {message.Header.Type} was not read: {Convert.ToHexStringLower(message.Bytes)}");
            }

            if (MessagePrinter.Print(message, catalog).Length == 0)
            {
                return new CheckResult(false, "nothing was printed");
            }
        }

        writer.Complete();
        return reader.IsTruncated
            ? new CheckResult(false, $"the datagram's end is no message: {Convert.ToHexStringLower(datagram)}")
            : CheckResult.Compare(datagram, buffer.Length - datagram.Length is > 0 and < 4 ? buffer.Written[..datagram.Length] : buffer.Written);
    }

    private static IEnumerable<(NetlinkProtocol Protocol, byte[] Datagram)> Datagrams(JsonElement row)
    {
        if (!row.TryGetProperty("traffic", out _))
        {
            return row.Datagrams("events").Concat(row.Datagrams("link_dump")).Select(datagram => (NetlinkProtocol.Route, datagram));
        }

        Dictionary<int, NetlinkProtocol> protocols = RouteTraffic.Protocols(row);
        return RouteTraffic.Of(row).Where(part => !part.IsRequest).Select(part => (protocols[part.Descriptor], part.Datagram));
    }
}
