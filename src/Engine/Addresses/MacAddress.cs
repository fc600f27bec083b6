using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace EucaNet.Engine;

/// <summary>An ethernet address. Read in upper and lower case, printed in lower case, so that text compares as the kernel prints it.</summary>
/// <param name="Value">The six octets as a number, the first octet highest.</param>
public readonly record struct MacAddress(ulong Value) : IComparable<MacAddress>
{
    /// <summary>The address all stations listen to.</summary>
    public static readonly MacAddress Broadcast = new(0xffff_ffff_ffff);

    /// <summary>One station's address, not a group's, and not 00:00:00:00:00:00.</summary>
    public bool IsUnicast => Value != 0 && (Value & 0x0100_0000_0000) == 0;

    /// <summary>Made here rather than by a vendor (the first octet's second bit).</summary>
    public bool IsLocallyAdministered => (Value & 0x0200_0000_0000) != 0;

    /// <summary>The six octets.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[6];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>Writes the six octets.</summary>
    public void CopyTo(Span<byte> bytes)
    {
        for (int i = 0; i < 6; i++)
        {
            bytes[i] = (byte)(Value >> (40 - (8 * i)));
        }
    }

    /// <summary>Reads six octets.</summary>
    public static MacAddress Read(ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        foreach (byte octet in bytes[..6])
        {
            value = (value << 8) | octet;
        }

        return new MacAddress(value);
    }

    /// <summary>Reads six octets of one or two hexadecimal digits with colons or dashes between them.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress address)
    {
        address = default;
        string[] octets = text?.Split(text.Contains('-', StringComparison.Ordinal) ? '-' : ':') ?? [];
        if (octets.Length != 6)
        {
            return false;
        }

        ulong value = 0;
        foreach (string octet in octets)
        {
            if (octet.Length is not (1 or 2) || !byte.TryParse(octet, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte parsed))
            {
                return false;
            }

            value = (value << 8) | parsed;
        }

        address = new MacAddress(value);
        return true;
    }

    /// <summary>Reads six octets.</summary>
    /// <exception cref="FormatException">It is not an ethernet address.</exception>
    public static MacAddress Parse(string text) =>
        TryParse(text, out MacAddress address) ? address : throw new FormatException($"'{text}' is not an ethernet address (six octets, aa:bb:cc:dd:ee:ff)");

    /// <inheritdoc />
    public int CompareTo(MacAddress other) => Value.CompareTo(other.Value);

    /// <summary>Six octets in lower case with colons.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Value >> 40 & 255:x2}:{Value >> 32 & 255:x2}:{Value >> 24 & 255:x2}:{Value >> 16 & 255:x2}:{Value >> 8 & 255:x2}:{Value & 255:x2}");

    /// <summary>Lower address.</summary>
    public static bool operator <(MacAddress left, MacAddress right) => left.Value < right.Value;

    /// <summary>Higher address.</summary>
    public static bool operator >(MacAddress left, MacAddress right) => left.Value > right.Value;

    /// <summary>Lower or the same address.</summary>
    public static bool operator <=(MacAddress left, MacAddress right) => left.Value <= right.Value;

    /// <summary>Higher or the same address.</summary>
    public static bool operator >=(MacAddress left, MacAddress right) => left.Value >= right.Value;
}
