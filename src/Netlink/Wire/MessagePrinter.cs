using System.Globalization;
using System.Net;
using System.Text;

namespace EucaNet.Netlink.Wire;

/// <summary>Prints messages as text with the names a catalog gives them, for reading along.</summary>
public static class MessagePrinter
{
    private const int ShownBytes = 64;

    /// <summary>Prints one message: a line for its header, then one for each attribute, indented by depth.</summary>
    public static string Print(in NetlinkMessage message, MessageCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        var text = new StringBuilder();
        Print(text, message, catalog);
        return text.ToString();
    }

    /// <summary>Prints all messages of a datagram.</summary>
    public static string PrintDatagram(ReadOnlySpan<byte> datagram, MessageCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        var text = new StringBuilder();
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            Print(text, message, catalog);
        }

        if (reader.IsTruncated)
        {
            text.Append("(the rest is no message)\n");
        }

        return text.ToString();
    }

    private static void Print(StringBuilder text, in NetlinkMessage message, MessageCatalog catalog)
    {
        NetlinkHeader header = message.Header;
        MessageDefinition? definition = catalog.Find(header.Type);
        string name = header.Type switch
        {
            NetlinkMessageType.Noop => "NLMSG_NOOP",
            NetlinkMessageType.Error => "NLMSG_ERROR",
            NetlinkMessageType.Done => "NLMSG_DONE",
            NetlinkMessageType.Overrun => "NLMSG_OVERRUN",
            _ => definition?.Name ?? $"message {header.Type}",
        };
        text.Append(CultureInfo.InvariantCulture, $"{name} flags 0x{(ushort)header.Flags:x} seq {header.Sequence} port {header.PortId} length {header.Length}");
        ReadOnlySpan<byte> payload = message.Payload;
        if (header.Type is NetlinkMessageType.Error or NetlinkMessageType.Done)
        {
            int error = payload.Length >= 4 ? BitConverter.ToInt32(payload) : 0;
            text.Append(error < 0 ? $" {((LinuxError)(-(long)error)).Describe()}\n" : " no error\n");
            Print(text, message.ExtendedAcknowledgement().Rest, ControlTables.ExtendedAcknowledgement, default, 1);
            return;
        }

        if (definition is null || payload.Length < definition.HeaderSize)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n  payload {Hex(payload)}\n");
            return;
        }

        ReadOnlySpan<byte> familyHeader = payload[..definition.HeaderSize];
        text.Append(CultureInfo.InvariantCulture, $"\n  header {Hex(familyHeader)}\n");
        Print(text, message.Attributes(definition.HeaderSize).Rest, definition.Attributes, familyHeader, 1);
    }

    private static void Print(StringBuilder text, ReadOnlySpan<byte> level, AttributeTable? table, ReadOnlySpan<byte> header, int depth)
    {
        var reader = new AttributeReader(level);
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            AttributeDefinition? definition = table?.Find(attribute.Type);
            text.Append(' ', depth * 2).Append(table?.NameOf(attribute.Type) ?? $"#{attribute.Type}");
            AttributeTable? within = definition?.TableWithin(header, level);
            if (definition?.Format is AttributeFormat.Nested or AttributeFormat.List || attribute.IsNested)
            {
                text.Append('\n');
                Print(text, attribute.Value, within, header, depth + 1);
            }
            else
            {
                text.Append(' ').Append(Value(attribute, definition?.Format ?? AttributeFormat.Binary)).Append('\n');
            }
        }

        if (reader.IsTruncated)
        {
            text.Append(' ', depth * 2).Append(CultureInfo.InvariantCulture, $"(no attribute) {Hex(reader.Rest)}\n");
        }
    }

    private static string Value(in NetlinkAttribute attribute, AttributeFormat format) => (format, attribute.Value.Length) switch
    {
        (AttributeFormat.Flag, 0) => "set",
        (AttributeFormat.UInt8, 1) => Number(attribute.Byte),
        (AttributeFormat.UInt16, 2) => Number(attribute.UInt16),
        (AttributeFormat.UInt32, 4) => Number(attribute.UInt32),
        (AttributeFormat.UInt64, 8) => attribute.UInt64.ToString(CultureInfo.InvariantCulture),
        (AttributeFormat.Int32, 4) => Number(attribute.Int32),
        (AttributeFormat.UInt16BigEndian, 2) => Number(attribute.UInt16BigEndian),
        (AttributeFormat.UInt32BigEndian, 4) => Number(attribute.UInt32BigEndian),
        (AttributeFormat.UInt64BigEndian, 8) => attribute.UInt64BigEndian.ToString(CultureInfo.InvariantCulture),
        (AttributeFormat.String, _) when attribute.IsText => $"\"{attribute.String}\"",
        (AttributeFormat.IpAddress, 4 or 16) => new IPAddress(attribute.Value).ToString(),
        (AttributeFormat.HardwareAddress, > 0 and <= HardwareAddress.MaximumLength) => new HardwareAddress(attribute.Value).ToString(),
        _ => Hex(attribute.Value),
    };

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Hex(ReadOnlySpan<byte> bytes) =>
        bytes.Length <= ShownBytes ? Convert.ToHexStringLower(bytes) : $"{Convert.ToHexStringLower(bytes[..ShownBytes])}… ({bytes.Length} bytes)";
}
