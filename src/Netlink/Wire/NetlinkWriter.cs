using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace EucaNet.Netlink.Wire;

/// <summary>Where a message or nested attribute began; its end patches the length there.</summary>
public readonly record struct WireMark(int Offset);

/// <summary>
/// Writes netlink messages and attributes into a <see cref="NetlinkBuffer"/>, allocating nothing. Call sites read straight
/// down: the first error is remembered in <see cref="Error"/> and makes <see cref="Complete"/> throw.
/// Values are in host byte order unless the method says big endian (the network's order, which nf_tables uses).
/// </summary>
public ref struct NetlinkWriter
{
    /// <summary>NLA_F_NESTED: the attribute holds attributes.</summary>
    public const ushort NestedFlag = 0x8000;

    private readonly NetlinkBuffer _buffer;
    private Span<byte> _span;
    private int _position;

    /// <summary>Continues behind what <paramref name="buffer"/> holds.</summary>
    public NetlinkWriter(NetlinkBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        _buffer = buffer;
        _span = buffer.Whole;
        _position = buffer.Length;
    }

    /// <summary>The first thing that could not be written, or null.</summary>
    public string? Error { get; private set; }

    /// <summary>The offset of the next byte from the start of the buffer.</summary>
    public readonly int Position => _position;

    /// <summary>Publishes what was written to the buffer; throws <see cref="NetlinkEncodingException"/> when something could not be written.</summary>
    public readonly void Complete()
    {
        if (Error is not null)
        {
            throw new NetlinkEncodingException(Error);
        }

        _buffer.Length = _position;
    }

    /// <summary>Begins a message; <see cref="EndMessage"/> patches its length.</summary>
    public WireMark BeginMessage(ushort type, NetlinkMessageFlags flags, uint sequence, uint portId = 0)
    {
        var mark = new WireMark(_position);
        Span<byte> header = Reserve(NetlinkHeader.Size);
        MemoryMarshal.Write(header, new NetlinkHeader(0, type, flags, sequence, portId));
        return mark;
    }

    /// <summary>Ends the message begun at <paramref name="mark"/> and pads to four bytes.</summary>
    public void EndMessage(WireMark mark)
    {
        MemoryMarshal.Write(_span[mark.Offset..], (uint)(_position - mark.Offset));
        Pad();
    }

    /// <summary>Begins an attribute whose payload is written next; <see cref="EndAttribute"/> patches its length.</summary>
    public WireMark BeginAttribute(ushort type)
    {
        var mark = new WireMark(_position);
        MemoryMarshal.Write(Reserve(4), Header(4, type));
        return mark;
    }

    /// <summary>Begins an attribute of attributes. Requests set NLA_F_NESTED, the kernel's own dumps mostly do not.</summary>
    public WireMark BeginNested(ushort type, bool nestedFlag = true) => BeginAttribute(nestedFlag ? (ushort)(type | NestedFlag) : type);

    /// <summary>Ends the attribute begun at <paramref name="mark"/> and pads to four bytes.</summary>
    public void EndAttribute(WireMark mark)
    {
        int length = _position - mark.Offset;
        if (length > ushort.MaxValue)
        {
            ushort type = MemoryMarshal.Read<ushort>(_span[(mark.Offset + 2)..]);
            Error ??= $"Attribute {type & 0x3fff} takes {length} bytes; an attribute holds at most 65535.";
        }

        MemoryMarshal.Write(_span[mark.Offset..], (ushort)length);
        Pad();
    }

    /// <summary>Writes an attribute with these bytes as its payload.</summary>
    public void WriteBytes(ushort type, scoped ReadOnlySpan<byte> value)
    {
        if (value.Length > ushort.MaxValue - 4)
        {
            WireMark mark = BeginAttribute(type);
            value.CopyTo(Reserve(value.Length));
            EndAttribute(mark);
            return;
        }

        value.CopyTo(ReserveAttribute(type, value.Length));
    }

    /// <summary>Writes an attribute without payload.</summary>
    public void WriteFlag(ushort type) => EndAttribute(BeginAttribute(type));

    /// <summary>Writes an attribute with a value of fixed layout in host byte order.</summary>
    public void Write<T>(ushort type, in T value)
        where T : unmanaged
    {
        MemoryMarshal.Write(ReserveAttribute(type, Unsafe.SizeOf<T>()), in value);
    }

    /// <summary>Writes a u8 attribute.</summary>
    public void WriteByte(ushort type, byte value) => Write(type, in value);

    /// <summary>Writes a u16 attribute in host byte order.</summary>
    public void WriteUInt16(ushort type, ushort value) => Write(type, in value);

    /// <summary>Writes a u32 attribute in host byte order.</summary>
    public void WriteUInt32(ushort type, uint value) => Write(type, in value);

    /// <summary>Writes an s32 attribute in host byte order.</summary>
    public void WriteInt32(ushort type, int value) => Write(type, in value);

    /// <summary>Writes a u64 attribute in host byte order.</summary>
    public void WriteUInt64(ushort type, ulong value) => Write(type, in value);

    /// <summary>Writes a u16 attribute in network byte order.</summary>
    public void WriteUInt16BigEndian(ushort type, ushort value) => WriteUInt16(type, BinaryPrimitives.ReverseEndianness(value));

    /// <summary>Writes a u32 attribute in network byte order.</summary>
    public void WriteUInt32BigEndian(ushort type, uint value) => WriteUInt32(type, BinaryPrimitives.ReverseEndianness(value));

    /// <summary>Writes a u64 attribute in network byte order.</summary>
    public void WriteUInt64BigEndian(ushort type, ulong value) => WriteUInt64(type, BinaryPrimitives.ReverseEndianness(value));

    /// <summary>Writes a string attribute in UTF-8 with its terminating NUL.</summary>
    public void WriteString(ushort type, scoped ReadOnlySpan<char> value)
    {
        var mark = new WireMark(_position);
        if (value.Length < 64)
        {
            // Names are short and mostly ASCII.
            Span<byte> room = ReserveAttribute(type, value.Length + 1);
            uint all = 0;
            for (int index = 0; index < value.Length; index++)
            {
                all |= value[index];
                room[index] = (byte)value[index];
            }

            room[value.Length] = 0;
            if (all < 0x80)
            {
                return;
            }

            Truncate(mark);
        }

        BeginAttribute(type);

        // Three bytes a character always suffice; what is not needed is given back.
        Span<byte> target = Reserve(value.Length * 3 + 1);
        int written = Encoding.UTF8.GetBytes(value, target);
        target[written] = 0;
        _position -= target.Length - written - 1;
        EndAttribute(mark);
    }

    /// <summary>Appends bytes as they are (a family header, a message prepared before).</summary>
    public void Append(scoped ReadOnlySpan<byte> bytes) => bytes.CopyTo(Reserve(bytes.Length));

    /// <summary>Appends a value of fixed layout in host byte order (a family header).</summary>
    public void AppendStruct<T>(in T value)
        where T : unmanaged => MemoryMarshal.Write(Reserve(Unsafe.SizeOf<T>()), in value);

    /// <summary>Pads with zero bytes to a multiple of four.</summary>
    public void Pad()
    {
        int padding = -_position & 3;
        if (padding != 0)
        {
            Reserve(padding).Clear();
        }
    }

    /// <summary>Takes back everything written from <paramref name="mark"/> on.</summary>
    public void Truncate(WireMark mark) => _position = mark.Offset;

    // The two halves of an attribute's header in one word.
    private static uint Header(int length, ushort type) => BitConverter.IsLittleEndian ? (uint)length | (uint)type << 16 : (uint)length << 16 | type;

    /// <summary>A whole attribute, its padding cleared; returns where its payload goes.</summary>
    private Span<byte> ReserveAttribute(ushort type, int length)
    {
        Span<byte> room = Reserve(4 + length + 3 & ~3);
        if ((length & 3) != 0)
        {
            // The payload goes over what of this is not padding.
            MemoryMarshal.Write(room[^4..], 0);
        }

        MemoryMarshal.Write(room, Header(4 + length, type));
        return room.Slice(4, length);
    }

    private Span<byte> Reserve(int count)
    {
        if (_position + count > _span.Length)
        {
            _span = _buffer.Grow(_position, count);
        }

        Span<byte> room = _span.Slice(_position, count);
        _position += count;
        return room;
    }
}

/// <summary>A message could not be written; nothing was sent.</summary>
public sealed class NetlinkEncodingException(string message) : Exception(message);
