using System.Text.Json;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;

namespace EucaNet.Conformance;

/// <summary>
/// Every rtnetlink message that a kernel sent, as reply or event, is read through the typed models, printed, and written back: the bytes are
/// the same. A row counts once; it holds if all its messages do.
/// </summary>
public sealed class RouteDecodeCheck : IConformanceCheck
{
    public string Name => "decode";

    public bool AppliesTo(CorpusFormat format) => format is CorpusFormat.RouteRequests or CorpusFormat.RouteEvents;

    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) => Check;

    private static CheckResult? Check(JsonElement row)
    {
        if (row.TryGetProperty("traffic", out _) && !RouteTraffic.IsRoute(row))
        {
            return null;
        }

        int messages = 0;
        foreach (byte[] datagram in Datagrams(row))
        {
            CheckResult result = Check(datagram, ref messages);
            if (!result.Identical)
            {
                return result;
            }
        }

        return messages == 0 ? null : CheckResult.Same;
    }

    private static CheckResult Check(byte[] datagram, ref int messages)
    {
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            if (message.Header.Type < NetlinkMessageType.FirstOfFamily)
            {
                continue;
            }

            messages++;
            if (!RouteMessages.TryRead(message, out RouteObject? value))
            {
                return new CheckResult(false, $"message type {message.Header.Type} was not read: {Convert.ToHexStringLower(message.Bytes)}");
            }

            if (MessagePrinter.Print(message, RouteCatalog.Instance).Length == 0)
            {
                return new CheckResult(false, "nothing was printed");
            }

            var buffer = new NetlinkBuffer();
            var writer = new NetlinkWriter(buffer);
            value.WriteMessage(ref writer, message.Header.Type, message.Header.Flags, message.Header.Sequence, message.Header.PortId);
            writer.Complete();
            CheckResult result = CheckResult.Compare(message.Bytes, buffer.Written[..Math.Min(buffer.Length, Math.Max(message.Bytes.Length, buffer.Length - 3))]);
            if (!result.Identical && !message.Bytes.SequenceEqual(buffer.Written[..Math.Min(message.Bytes.Length, buffer.Length)]))
            {
                return result;
            }
        }

        return CheckResult.Same;
    }

    private static IEnumerable<byte[]> Datagrams(JsonElement row) =>
        row.TryGetProperty("traffic", out _)
            ? RouteTraffic.Of(row).Where(part => !part.IsRequest).Select(part => part.Datagram)
            : row.Datagrams("events").Concat(row.Datagrams("link_dump"));
}
