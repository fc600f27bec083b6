using System.Diagnostics.CodeAnalysis;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// A short immutable run of bytes that compares by content: a register's value, a set key, user data, a match's private structure.
/// nf_tables keeps packet fields in network byte order and meta keys in the host's.
/// </summary>
public readonly struct Octets : IEquatable<Octets>
{
    private readonly byte[]? _bytes;

    private Octets(byte[] bytes) => _bytes = bytes;

    /// <summary>Copies <paramref name="bytes"/>.</summary>
    public Octets(ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>How many bytes there are.</summary>
    public int Length => _bytes?.Length ?? 0;

    /// <summary>The byte at <paramref name="index"/>.</summary>
    public byte this[int index] => Span[index];

    /// <summary>Copies <paramref name="bytes"/>.</summary>
    public static Octets Of(params ReadOnlySpan<byte> bytes) => new(bytes);

    /// <summary>The bytes that <paramref name="hex"/> spells.</summary>
    public static Octets FromHex(string hex) => new(Convert.FromHexString(hex));

    /// <summary>Takes <paramref name="bytes"/> without copying; the caller gives the array away.</summary>
    internal static Octets Own(byte[] bytes) => new(bytes);

    /// <inheritdoc/>
    public bool Equals(Octets other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Octets other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>Lower-case hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);

    /// <summary>Equal content.</summary>
    public static bool operator ==(Octets left, Octets right) => left.Equals(right);

    /// <summary>Different content.</summary>
    public static bool operator !=(Octets left, Octets right) => !left.Equals(right);
}
