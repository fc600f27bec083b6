using EucaNet.Netlink.Kernel;

namespace EucaNet.Netlink.Wire;

/// <summary>
/// What a netlink family calls its messages and attributes, for errors and for reading along. Families outside this library
/// derive their own and give it to the connection.
/// </summary>
public abstract class MessageCatalog
{
    /// <summary>A catalog that knows no message.</summary>
    public static MessageCatalog Empty { get; } = new EmptyCatalog();

    /// <summary>What this library knows of a protocol.</summary>
    public static MessageCatalog Of(NetlinkProtocol protocol) => protocol switch
    {
        NetlinkProtocol.Route => Route.RouteCatalog.Instance,
        NetlinkProtocol.Xfrm => FamilyCatalog.Xfrm,
        NetlinkProtocol.Netfilter => FamilyCatalog.Netfilter,
        NetlinkProtocol.Generic => FamilyCatalog.Generic,
        _ => Empty,
    };

    /// <summary>A message type's name and form, or null where the family does not know it.</summary>
    public abstract MessageDefinition? Find(ushort type);

    /// <summary>What a request asks for, in words, for error messages ("add link 'br0'").</summary>
    public virtual string DescribeRequest(in NetlinkMessage request) => Find(request.Header.Type)?.Name ?? $"message type {request.Header.Type}";

    /// <summary>Says what an error of this request means where the kernel's own words leave it open; null where there is nothing to add.</summary>
    public virtual string? Explain(in NetlinkMessage request, LinuxError error, string? kernelMessage) => null;

    /// <summary>The path by name ("IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_VLAN_ID") of what stands at <paramref name="offset"/> of a message; null where it is no attribute.</summary>
    public string? PathAt(in NetlinkMessage message, int offset) => Locate(message, offset)?.Path;

    /// <summary>The path of the nested attribute that begins at <paramref name="offset"/> and the table of what stands within; null where none begins there.</summary>
    public (string Path, AttributeTable? Within)? TableAt(in NetlinkMessage message, int offset) =>
        Locate(message, offset) is { } place ? (place.Path, place.Within) : null;

    private Place? Locate(in NetlinkMessage message, int offset)
    {
        if (Find(message.Header.Type) is not { } definition)
        {
            return null;
        }

        int start = NetlinkHeader.Size + (definition.HeaderSize + 3 & ~3);
        if (offset < start || offset >= message.Bytes.Length)
        {
            return null;
        }

        ReadOnlySpan<byte> header = message.Payload[..Math.Min(definition.HeaderSize, message.Payload.Length)];
        return Locate(message.Bytes[start..], offset - start, definition.Attributes, isList: false, "", header);
    }

    // Walks down the attributes that enclose the offset; an offset inside a payload that is not nested names that attribute.
    private static Place? Locate(ReadOnlySpan<byte> level, int offset, AttributeTable? table, bool isList, string parent, ReadOnlySpan<byte> header)
    {
        var reader = new AttributeReader(level);
        for (int index = 0, begin = 0; reader.TryRead(out NetlinkAttribute attribute); index++, begin = level.Length - reader.Rest.Length)
        {
            if (offset >= level.Length - reader.Rest.Length)
            {
                continue;
            }

            AttributeDefinition? definition = isList ? null : table?.Find(attribute.Type);
            string path = isList ? $"{parent}[{index}]" : (parent.Length == 0 ? "" : parent + ".") + (table?.NameOf(attribute.Type) ?? $"#{attribute.Type}");
            AttributeTable? within = isList ? table : definition?.TableWithin(header, level);
            var place = new Place(path, within);
            bool enters = offset >= begin + 4 && (within is not null || attribute.IsNested);
            return enters
                ? Locate(attribute.Value, offset - begin - 4, within, definition?.Format == AttributeFormat.List, path, header) ?? place
                : place;
        }

        return null;
    }

    private sealed class EmptyCatalog : MessageCatalog
    {
        public override MessageDefinition? Find(ushort type) => null;
    }

    private sealed record Place(string Path, AttributeTable? Within);
}
