namespace EucaNet.Netlink.Wire;

/// <summary>Bytes that are compared by their content.</summary>
public readonly struct Octets : IEquatable<Octets>
{
    private readonly byte[]? _bytes;

    /// <summary>A copy of these bytes.</summary>
    public Octets(params ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>The number of bytes.</summary>
    public int Length => _bytes?.Length ?? 0;

    /// <summary>Same bytes.</summary>
    public static bool operator ==(Octets left, Octets right) => left.Equals(right);

    /// <summary>Other bytes.</summary>
    public static bool operator !=(Octets left, Octets right) => !left.Equals(right);

    /// <inheritdoc />
    public bool Equals(Octets other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is Octets other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>Hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(Span);
}
