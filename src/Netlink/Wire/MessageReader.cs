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
}
