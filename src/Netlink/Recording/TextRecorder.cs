using System.Globalization;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Recording;

/// <summary>Prints datagrams as text with the names of messages and attributes.</summary>
/// <param name="writer">Where to print.</param>
/// <param name="catalogs">Names by family; null for what this library knows.</param>
public sealed class TextRecorder(TextWriter writer, Func<NetlinkProtocol, MessageCatalog>? catalogs = null) : INetlinkRecorder
{
    private readonly Lock _gate = new();

    /// <inheritdoc />
    public void Record(NetlinkProtocol protocol, bool isSent, DateTimeOffset time, ReadOnlySpan<byte> datagram)
    {
        string text = MessagePrinter.PrintDatagram(datagram, (catalogs ?? MessageCatalog.Of)(protocol));
        lock (_gate)
        {
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"{time:HH:mm:ss.ffffff} {(isSent ? "to" : "from")} the kernel, {protocol}, {datagram.Length} bytes\n"));
            writer.Write(text);
        }
    }
}
