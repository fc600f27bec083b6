using System.Runtime.InteropServices;

namespace EucaNet.Netlink.Wire;

/// <summary>
/// Walks the messages of one datagram without copying. A length that does not fit the rest of the datagram ends the walk
/// and sets <see cref="IsTruncated"/>, as the kernel drops such a rest in silence.
/// </summary>
public ref struct MessageReader(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    /// <summary>The walk ended before the datagram did.</summary>
    public bool IsTruncated { get; private set; }

    /// <summary>The next message, or false at the end.</summary>
    public bool TryRead(out NetlinkMessage message)
    {
        message = default;
        if (_rest.Length < NetlinkHeader.Size)
        {
            IsTruncated = _rest.Length > 0;
            return false;
        }

        var header = MemoryMarshal.Read<NetlinkHeader>(_rest);
        if (header.Length < NetlinkHeader.Size || header.Length > (uint)_rest.Length)
        {
            IsTruncated = true;
            return false;
        }

        int length = (int)header.Length;
        message = new NetlinkMessage(header, _rest[..length]);
        _rest = _rest[Math.Min(length + 3 & ~3, _rest.Length)..];
        return true;
    }
}

/// <summary>One message as it stands in a datagram; valid as long as the datagram's memory is.</summary>
public readonly ref struct NetlinkMessage(NetlinkHeader header, ReadOnlySpan<byte> bytes)
{
    /// <summary>The message's header.</summary>
    public NetlinkHeader Header { get; } = header;

    /// <summary>Header and payload.</summary>
    public ReadOnlySpan<byte> Bytes { get; } = bytes;

    /// <summary>What follows the netlink header.</summary>
    public ReadOnlySpan<byte> Payload => Bytes[NetlinkHeader.Size..];

    /// <summary>The attributes behind a family header of <paramref name="familyHeaderSize"/> bytes.</summary>
    public AttributeReader Attributes(int familyHeaderSize) =>
        new(Payload.Length > familyHeaderSize ? Payload[Math.Min(familyHeaderSize + 3 & ~3, Payload.Length)..] : default);

    /// <summary>The attributes of an extended acknowledgement, where the message is an error or the end of a dump and has them.</summary>
    public AttributeReader ExtendedAcknowledgement()
    {
        int start = ExtendedAcknowledgementStart();
        return new AttributeReader(start < Payload.Length ? Payload[start..] : default);
    }

    /// <summary>Where in the payload the attributes begin; its end where there are none or the catalog does not know the type.</summary>
    internal int AttributesStart(MessageCatalog catalog) => Header.Type switch
    {
        NetlinkMessageType.Error or NetlinkMessageType.Done => ExtendedAcknowledgementStart(),
        _ when catalog.Find(Header.Type) is { } definition && Payload.Length >= definition.HeaderSize => Math.Min(definition.HeaderSize + 3 & ~3, Payload.Length),
        _ => Payload.Length,
    };

    // struct nlmsgerr: the error, the request's header, its payload unless capped; NLMSG_DONE has the error alone in front.
    private int ExtendedAcknowledgementStart()
    {
        if ((Header.Flags & NetlinkMessageFlags.ExtendedAcknowledgement) == 0 || Header.Type is not (NetlinkMessageType.Error or NetlinkMessageType.Done))
        {
            return Payload.Length;
        }

        int start = Header.Type == NetlinkMessageType.Done ? 4 : 4 + NetlinkHeader.Size;
        if (Header.Type == NetlinkMessageType.Error && (Header.Flags & NetlinkMessageFlags.Capped) == 0 && Payload.Length >= start)
        {
            uint request = BitConverter.ToUInt32(Payload[4..]);
            return (int)Math.Min(4L + request + 3 & ~3L, Payload.Length);
        }

        return Math.Min(start, Payload.Length);
    }
}
