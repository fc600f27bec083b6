using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace EucaNet.Netlink.Wire;

/// <summary>
/// A link's hardware address, as long as its kind of link has it: six octets for ethernet (then it is a <see cref="MacAddress"/> too), four or sixteen for tunnels, twenty
/// for InfiniBand, none for a tun device.
/// </summary>
public readonly struct HardwareAddress : IEquatable<HardwareAddress>, ISpanParsable<HardwareAddress>
{
    /// <summary>The longest address the kernel knows (MAX_ADDR_LEN).</summary>
    public const int MaximumLength = 32;

    private readonly Storage _octets;
    private readonly byte _length;

    /// <summary>An address of these octets.</summary>
    /// <exception cref="ArgumentException">More than 32.</exception>
    public HardwareAddress(params ReadOnlySpan<byte> octets)
    {
        if (octets.Length > MaximumLength)
        {
            throw new ArgumentException($"A hardware address has at most {MaximumLength} octets, not {octets.Length}.", nameof(octets));
        }

        octets.CopyTo(_octets);
        _length = (byte)octets.Length;
    }

    /// <summary>An ethernet address.</summary>
    public HardwareAddress(MacAddress address)
    {
        address.CopyTo(_octets);
        _length = MacAddress.Size;
    }

    /// <summary>The octets.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> Octets => ((ReadOnlySpan<byte>)_octets)[.._length];

    /// <summary>The number of octets.</summary>
    public int Length => _length;

    /// <summary>The group bit is set: multicast or broadcast.</summary>
    public bool IsMulticast => _length > 0 && (_octets[0] & 1) != 0;

    /// <summary>The locally administered bit is set.</summary>
    public bool IsLocallyAdministered => _length > 0 && (_octets[0] & 2) != 0;

    /// <summary>Same octets.</summary>
    public static bool operator ==(HardwareAddress left, HardwareAddress right) => left.Equals(right);

    /// <summary>Other octets.</summary>
    public static bool operator !=(HardwareAddress left, HardwareAddress right) => !left.Equals(right);

    /// <summary>An ethernet address is a hardware address.</summary>
    public static implicit operator HardwareAddress(MacAddress address) => new(address);

    /// <summary>The address as an ethernet one.</summary>
    /// <returns>False, and <paramref name="address"/> zero, when it has not six octets.</returns>
    public bool TryGetEthernet(out MacAddress address)
    {
        address = _length == MacAddress.Size ? MacAddress.Read(Octets) : default;
        return _length == MacAddress.Size;
    }

    /// <summary>Reads octets of one or two hexadecimal digits with colons or hyphens between them, the same throughout.</summary>
    public static HardwareAddress Parse(string s, IFormatProvider? provider = null) => Parse(s.AsSpan(), provider);

    /// <inheritdoc cref="Parse(string, IFormatProvider?)" />
    public static HardwareAddress Parse(ReadOnlySpan<char> s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out HardwareAddress result)
            ? result
            : throw new FormatException($"'{s}' is no hardware address; one is written as six octets with colons, as d0:0d:3a:11:08:ff.");

    /// <inheritdoc cref="Parse(string, IFormatProvider?)" />
    public static bool TryParse(string? s, out HardwareAddress result) => TryParse(s.AsSpan(), null, out result);

    /// <inheritdoc cref="Parse(string, IFormatProvider?)" />
    public static bool TryParse(string? s, IFormatProvider? provider, out HardwareAddress result) => TryParse(s.AsSpan(), provider, out result);

    /// <inheritdoc cref="Parse(string, IFormatProvider?)" />
    public static bool TryParse(ReadOnlySpan<char> s, IFormatProvider? provider, out HardwareAddress result)
    {
        result = default;
        Span<byte> octets = stackalloc byte[MaximumLength];
        int count = 0;
        char separator = s.Contains('-') ? '-' : ':';
        while (!s.IsEmpty && count < MaximumLength)
        {
            int end = s.IndexOf(separator);
            ReadOnlySpan<char> part = end < 0 ? s : s[..end];
            if (part.Length is 0 or > 2 || !byte.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out octets[count]))
            {
                return false;
            }

            count++;
            if (end < 0)
            {
                result = new HardwareAddress(octets[..count]);
                return true;
            }

            s = s[(end + 1)..];
        }

        return false;
    }

    /// <inheritdoc />
    public bool Equals(HardwareAddress other) => Octets.SequenceEqual(other.Octets);

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is HardwareAddress other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Octets);
        return hash.ToHashCode();
    }

    /// <summary>Octets in lower case with colons.</summary>
    public override string ToString()
    {
        if (_length == 0)
        {
            return "";
        }

        Span<char> text = stackalloc char[(MaximumLength * 3) - 1];
        for (int index = 0; index < _length; index++)
        {
            if (index > 0)
            {
                text[(index * 3) - 1] = ':';
            }

            _octets[index].TryFormat(text[(index * 3)..], out _, "x2", CultureInfo.InvariantCulture);
        }

        return new string(text[..((_length * 3) - 1)]);
    }

    [InlineArray(MaximumLength)]
    private struct Storage
    {
        private byte _first;
    }
}
