using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace EucaNet.Netlink.Wire;

/// <summary>
/// Walks attributes (<c>struct nlattr</c>: length u16 with its four header bytes, type u16, payload, padding to four)
/// without copying. A length that does not fit ends the walk and sets <see cref="IsTruncated"/>.
/// </summary>
public ref struct AttributeReader(ReadOnlySpan<byte> attributes)
{
    private ReadOnlySpan<byte> _rest = attributes;

    /// <summary>The walk ended before the bytes did.</summary>
    public bool IsTruncated { get; private set; }

    /// <summary>Bytes of padding that the last attribute lacks; the kernel does not ask for them.</summary>
    public int MissingPadding { get; private set; }

    /// <summary>What has not been read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>The next attribute, or false at the end.</summary>
    public bool TryRead(out NetlinkAttribute attribute)
    {
        attribute = default;
        if (_rest.Length < 4)
        {
            IsTruncated = _rest.Length > 0;
            return false;
        }

        ushort length = MemoryMarshal.Read<ushort>(_rest);
        if (length < 4 || length > _rest.Length)
        {
            IsTruncated = true;
            return false;
        }

        attribute = new NetlinkAttribute(MemoryMarshal.Read<ushort>(_rest[2..]), _rest[4..length]);
        int padded = length + 3 & ~3;
        MissingPadding = Math.Max(0, padded - _rest.Length);
        _rest = _rest[Math.Min(padded, _rest.Length)..];
        return true;
    }

    /// <summary>The first attribute of <paramref name="type"/> from here on; the walk itself does not move.</summary>
    public readonly bool TryFind(ushort type, out NetlinkAttribute attribute)
    {
        var walk = new AttributeReader(_rest);
        while (walk.TryRead(out attribute))
        {
            if (attribute.Type == type)
            {
                return true;
            }
        }

        attribute = default;
        return false;
    }
}

/// <summary>One attribute as it stands in a message; valid as long as the message's memory is.</summary>
public readonly ref struct NetlinkAttribute(ushort rawType, ReadOnlySpan<byte> value)
{
    /// <summary>The type with its two flag bits, as on the wire.</summary>
    public ushort RawType { get; } = rawType;

    /// <summary>The type without flags.</summary>
    public ushort Type => (ushort)(RawType & 0x3fff);

    /// <summary>NLA_F_NESTED is set.</summary>
    public bool IsNested => (RawType & 0x8000) != 0;

    /// <summary>The payload without padding.</summary>
    public ReadOnlySpan<byte> Value { get; } = value;

    /// <summary>The attributes within.</summary>
    public AttributeReader Nested() => new(Value);

    /// <summary>The payload as a value of fixed layout in host byte order; false where it is too short.</summary>
    public bool TryGet<T>(out T value)
        where T : unmanaged => MemoryMarshal.TryRead(Value, out value);

    /// <summary>The payload as u8, or 0 where it is too short.</summary>
    public byte Byte => Value.IsEmpty ? (byte)0 : Value[0];

    /// <summary>The payload as u16 in host byte order, or 0 where it is too short.</summary>
    public ushort UInt16 => TryGet(out ushort value) ? value : (ushort)0;

    /// <summary>The payload as u32 in host byte order, or 0 where it is too short.</summary>
    public uint UInt32 => TryGet(out uint value) ? value : 0;

    /// <summary>The payload as s32 in host byte order, or 0 where it is too short.</summary>
    public int Int32 => TryGet(out int value) ? value : 0;

    /// <summary>The payload as u64 in host byte order, or 0 where it is too short.</summary>
    public ulong UInt64 => TryGet(out ulong value) ? value : 0;

    /// <summary>The payload as u16 in network byte order, or 0 where it is too short.</summary>
    public ushort UInt16BigEndian => BinaryPrimitives.ReverseEndianness(UInt16);

    /// <summary>The payload as u32 in network byte order, or 0 where it is too short.</summary>
    public uint UInt32BigEndian => BinaryPrimitives.ReverseEndianness(UInt32);

    /// <summary>The payload as u64 in network byte order, or 0 where it is too short.</summary>
    public ulong UInt64BigEndian => BinaryPrimitives.ReverseEndianness(UInt64);

    /// <summary>The payload is text: UTF-8 with no NUL but perhaps one at its end.</summary>
    public bool IsText
    {
        get
        {
            int end = Value.IndexOf((byte)0);
            return (end < 0 || end == Value.Length - 1) && System.Text.Unicode.Utf8.IsValid(Value);
        }
    }

    /// <summary>The payload is one byte of 0 or 1.</summary>
    public bool IsBoolean => Value.Length == 1 && Value[0] <= 1;

    /// <summary>The payload as UTF-8 up to its first NUL.</summary>
    public string String
    {
        get
        {
            int end = Value.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
        }
    }
}
