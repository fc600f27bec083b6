using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Wire.ControlTables;

namespace EucaNet.Netlink.Sockets;

/// <summary>What the kernel adds to an acknowledgement or error (NETLINK_EXT_ACK, Linux 4.12).</summary>
public sealed record ExtendedAcknowledgement
{
    /// <summary>The kernel's words.</summary>
    public string? Message { get; init; }

    /// <summary>Where in the request, counted from its netlink header, the refused attribute begins.</summary>
    public int? Offset { get; init; }

    /// <summary>The refused attribute by name, from the outermost in ("IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_VLAN_ID").</summary>
    public string? AttributePath { get; init; }

    /// <summary>What the attribute may hold.</summary>
    public AttributePolicy? Policy { get; init; }

    /// <summary>The type of an attribute that is missing (Linux 6.1).</summary>
    public int? MissingType { get; init; }

    /// <summary>Where the nest begins that lacks it; null for the outermost level.</summary>
    public int? MissingNest { get; init; }

    /// <summary>The missing attribute by name.</summary>
    public string? MissingPath { get; init; }

    /// <summary>Up to 20 bytes of the family's own.</summary>
    public ReadOnlyMemory<byte> Cookie { get; init; }

    /// <summary>Reads the attributes behind an acknowledgement and names what they point at in <paramref name="request"/>.</summary>
    internal static ExtendedAcknowledgement Read(AttributeReader reader, in NetlinkMessage request, MessageCatalog catalog)
    {
        var result = new ExtendedAcknowledgement();
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            result = attribute.Type switch
            {
                NLMSGERR_ATTR_MSG => result with { Message = attribute.String },
                NLMSGERR_ATTR_OFFS => result with { Offset = attribute.Int32 },
                NLMSGERR_ATTR_COOKIE => result with { Cookie = attribute.Value.ToArray() },
                NLMSGERR_ATTR_POLICY => result with { Policy = AttributePolicy.Read(attribute.Nested()) },
                NLMSGERR_ATTR_MISS_TYPE => result with { MissingType = attribute.Int32 },
                NLMSGERR_ATTR_MISS_NEST => result with { MissingNest = attribute.Int32 },
                _ => result,
            };
        }

        if (request.Bytes.IsEmpty)
        {
            return result;
        }

        if (result.Offset is { } offset)
        {
            result = result with { AttributePath = catalog.PathAt(request, offset) };
        }

        return result.MissingType is { } missing
            ? result with { MissingPath = MissingPathOf((ushort)missing, result.MissingNest, request, catalog) }
            : result;
    }

    private static string MissingPathOf(ushort type, int? nest, in NetlinkMessage request, MessageCatalog catalog)
    {
        MessageDefinition? definition = catalog.Find(request.Header.Type);
        if (nest is not { } offset)
        {
            return definition?.Attributes.NameOf(type) ?? $"#{type}";
        }

        return catalog.TableAt(request, offset) is var (path, table) ? $"{path}.{table?.NameOf(type) ?? $"#{type}"}" : $"#{type}";
    }
}
