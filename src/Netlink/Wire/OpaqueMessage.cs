namespace EucaNet.Netlink.Wire;

/// <summary>
/// A message of any family as a value that writes itself back byte for byte, for what has no model: its header, what stands in front of the attributes,
/// and the attributes as bytes in their order. Errors and the ends of dumps are such messages too.
/// </summary>
public sealed record OpaqueMessage : AttributeSet
{
    private OpaqueMessage(NetlinkHeader header, Octets prefix, WireLayout attributes)
    {
        Header = header;
        Prefix = prefix;
        Layout = attributes;
    }

    /// <summary>The header. Its length is computed anew where the message is written.</summary>
    public NetlinkHeader Header { get; init; }

    /// <summary>The family's header; of an error message the error and what it repeats of the request.</summary>
    public Octets Prefix { get; }

    /// <summary>The attributes: type with flag bits, and payload.</summary>
    public IEnumerable<KeyValuePair<ushort, ReadOnlyMemory<byte>>> Attributes
    {
        get
        {
            for (int index = 0; index < Layout.Entries.Length; index++)
            {
                WireEntry entry = Layout.Entries[index];
                yield return new KeyValuePair<ushort, ReadOnlyMemory<byte>>(entry.RawType, entry.Raw ?? default);
            }
        }
    }

    /// <summary>Reads a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="catalog">Says how long the family's header is. Where it does not know the type, the whole payload is <see cref="Prefix"/>.</param>
    public static OpaqueMessage Read(in NetlinkMessage message, MessageCatalog catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        int start = message.AttributesStart(catalog);
        var reader = new AttributeReader(message.Payload[start..]);
        var layout = new WireLayout.Recorder();
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            layout.Note(attribute, known: false);
        }

        return new OpaqueMessage(message.Header, new Octets(message.Payload[..start]), layout.Finish(reader));
    }

    /// <summary>Writes the whole message.</summary>
    public void Write(ref NetlinkWriter writer)
    {
        WireMark mark = writer.BeginMessage(Header.Type, Header.Flags, Header.Sequence, Header.PortId);
        writer.Append(Prefix.Span);
        WriteAttributes(ref writer);
        writer.EndMessage(mark);
    }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => [];

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
    }
}
