using System.Buffers.Binary;
using System.Text;

namespace EucaNet.Netfilter.Nftables;

/// <summary>Immutable bytes that compare by content: keys, data, masks, user data.</summary>
public readonly struct OctetString : IEquatable<OctetString>
{
    private readonly byte[]? _bytes;

    /// <summary>A copy of <paramref name="bytes"/>.</summary>
    public OctetString(ReadOnlySpan<byte> bytes) => _bytes = bytes.IsEmpty ? null : bytes.ToArray();

    private OctetString(byte[] owned) => _bytes = owned;

    /// <summary>Bytes held.</summary>
    public int Length => _bytes?.Length ?? 0;

    /// <summary>There are none.</summary>
    public bool IsEmpty => Length == 0;

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>The bytes, for asynchronous use.</summary>
    public ReadOnlyMemory<byte> Memory => _bytes;

    /// <summary>The byte at <paramref name="index"/>.</summary>
    public byte this[int index] => Span[index];

    /// <summary>A copy of an array.</summary>
    public static implicit operator OctetString(byte[] bytes) => new(bytes.AsSpan());

    /// <summary>A copy of a span.</summary>
    public static implicit operator OctetString(ReadOnlySpan<byte> bytes) => new(bytes);

    /// <summary>Takes <paramref name="bytes"/> without copying; the caller gives the array away.</summary>
    internal static OctetString Own(byte[] bytes) => new(bytes);

    /// <summary>The array itself; null for no bytes.</summary>
    internal byte[]? Owned => _bytes;

    /// <summary>A copy of an array.</summary>
    public static OctetString FromArray(byte[] bytes) => new(bytes.AsSpan());

    /// <summary>Four bytes in network byte order.</summary>
    public static OctetString FromUInt32BigEndian(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return new OctetString(bytes);
    }

    /// <summary>Two bytes in network byte order.</summary>
    public static OctetString FromUInt16BigEndian(ushort value)
    {
        byte[] bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        return new OctetString(bytes);
    }

    /// <summary>Four bytes in host byte order (marks, connection states).</summary>
    public static OctetString FromUInt32(uint value) => new(BitConverter.GetBytes(value));

    /// <summary>Text in UTF-8 without a terminating NUL.</summary>
    public static OctetString FromText(string text) => new(Encoding.UTF8.GetBytes(text));

    /// <summary>Bytes written in hexadecimal.</summary>
    public static OctetString FromHex(string hex) => new(Convert.FromHexString(hex));

    /// <inheritdoc />
    public bool Equals(OctetString other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is OctetString other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>The bytes in hexadecimal.</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);

    /// <summary>Same bytes.</summary>
    public static bool operator ==(OctetString left, OctetString right) => left.Equals(right);

    /// <summary>Other bytes.</summary>
    public static bool operator !=(OctetString left, OctetString right) => !left.Equals(right);
}

/// <summary>An <see cref="OctetString"/> or none in the room of one reference, for values of which there are very many: a nullable one takes twice that.</summary>
internal readonly struct OptionalOctets : IEquatable<OptionalOctets>
{
    private readonly byte[]? _bytes;

    private OptionalOctets(byte[] bytes) => _bytes = bytes;

    public static implicit operator OptionalOctets(OctetString? octets) => octets is { } value ? new OptionalOctets(value.Owned ?? []) : default;

    public static implicit operator OctetString?(OptionalOctets octets) => octets._bytes is { } bytes ? OctetString.Own(bytes) : default(OctetString?);

    public bool Equals(OptionalOctets other) => _bytes is null == other._bytes is null && _bytes.AsSpan().SequenceEqual(other._bytes);

    public override bool Equals(object? obj) => obj is OptionalOctets other && Equals(other);

    public override int GetHashCode() => ((OctetString?)this).GetHashCode();
}
