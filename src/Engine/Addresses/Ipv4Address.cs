using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace EucaNet.Engine;

/// <summary>An IPv4 address as a number, so that it can be masked, counted and sorted.</summary>
/// <param name="Value">The address in host order: 10.0.0.1 is 0x0a000001.</param>
public readonly record struct Ipv4Address(uint Value) : IComparable<Ipv4Address>
{
    /// <summary>0.0.0.0: what the instance listing shows for an address that is not known.</summary>
    public static readonly Ipv4Address Unknown;

    /// <summary>True for 0.0.0.0.</summary>
    public bool IsUnknown => Value == 0;

    /// <summary>The address's four bytes in network order.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Value);
        return bytes;
    }

    /// <summary>Writes the four bytes in network order.</summary>
    public void CopyTo(Span<byte> bytes) => BinaryPrimitives.WriteUInt32BigEndian(bytes, Value);

    /// <summary>Reads four bytes in network order.</summary>
    public static Ipv4Address Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt32BigEndian(bytes));

    /// <summary>Reads a dotted quad: four decimal numbers from 0 to 255 without leading zeros, nothing else.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Ipv4Address address)
    {
        address = default;
        if (text is null)
        {
            return false;
        }

        uint value = 0;
        int octet = -1;
        int octets = 0;
        foreach (char c in text)
        {
            if (char.IsAsciiDigit(c))
            {
                if (octet == 0)
                {
                    return false;
                }

                octet = (Math.Max(octet, 0) * 10) + (c - '0');
                if (octet > 255)
                {
                    return false;
                }
            }
            else if (c == '.' && octet >= 0 && octets < 3)
            {
                value = (value << 8) | (uint)octet;
                octet = -1;
                octets++;
            }
            else
            {
                return false;
            }
        }

        if (octet < 0 || octets != 3)
        {
            return false;
        }

        address = new Ipv4Address((value << 8) | (uint)octet);
        return true;
    }

    /// <summary>Reads a dotted quad.</summary>
    /// <exception cref="FormatException">It is not one.</exception>
    public static Ipv4Address Parse(string text) =>
        TryParse(text, out Ipv4Address address) ? address : throw new FormatException($"'{text}' is not an IPv4 address (four numbers from 0 to 255 with dots)");

    /// <inheritdoc />
    public int CompareTo(Ipv4Address other) => Value.CompareTo(other.Value);

    /// <summary>The dotted quad.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Value >> 24}.{(Value >> 16) & 255}.{(Value >> 8) & 255}.{Value & 255}");

    /// <summary>Lower address.</summary>
    public static bool operator <(Ipv4Address left, Ipv4Address right) => left.Value < right.Value;

    /// <summary>Higher address.</summary>
    public static bool operator >(Ipv4Address left, Ipv4Address right) => left.Value > right.Value;

    /// <summary>Lower or the same address.</summary>
    public static bool operator <=(Ipv4Address left, Ipv4Address right) => left.Value <= right.Value;

    /// <summary>Higher or the same address.</summary>
    public static bool operator >=(Ipv4Address left, Ipv4Address right) => left.Value >= right.Value;
}
