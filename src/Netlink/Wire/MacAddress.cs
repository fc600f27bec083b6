using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace EucaNet.Netlink.Wire;

/// <summary>
/// An ethernet address: exactly six octets, kept as a number so that it can be compared, sorted and masked. A link's address, which is as long as its
/// kind of link has it, is a <see cref="HardwareAddress"/>.
/// </summary>
/// <param name="Value">The six octets as a number, the first octet highest.</param>
public readonly record struct MacAddress(ulong Value) : IComparable<MacAddress>
{
    /// <summary>The number of octets.</summary>
    public const int Size = 6;

    /// <summary>The address all stations listen to.</summary>
    public static readonly MacAddress Broadcast = new(0xffff_ffff_ffff);

    /// <summary>The address all stations listen to.</summary>
    public bool IsBroadcast => Value == Broadcast.Value;

    /// <summary>A group's address, broadcast among them.</summary>
    public bool IsMulticast => (Value & 0x0100_0000_0000) != 0;

    /// <summary>One station's address, not a group's, and not 00:00:00:00:00:00.</summary>
    public bool IsUnicast => Value != 0 && !IsMulticast;

    /// <summary>Made here rather than by a vendor (the first octet's second bit).</summary>
    public bool IsLocallyAdministered => (Value & 0x0200_0000_0000) != 0;

    /// <summary>01:80:c2:00:00:00 to 0f, which no bridge forwards (802.1D).</summary>
    public bool IsLinkLocal => (Value & 0xffff_ffff_fff0) == 0x0180_c200_0000;

    /// <summary>The six octets.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>Writes the six octets.</summary>
    public void CopyTo(Span<byte> bytes)
    {
        bytes[5] = (byte)Value;
        bytes[4] = (byte)(Value >> 8);
        bytes[3] = (byte)(Value >> 16);
        bytes[2] = (byte)(Value >> 24);
        bytes[1] = (byte)(Value >> 32);
        bytes[0] = (byte)(Value >> 40);
    }

    /// <summary>Reads six octets.</summary>
    public static MacAddress Read(ReadOnlySpan<byte> bytes) => new(
        bytes[5] | (ulong)bytes[4] << 8 | (ulong)bytes[3] << 16 | (ulong)bytes[2] << 24 | (ulong)bytes[1] << 32 | (ulong)bytes[0] << 40);

    /// <summary>Reads six octets of one or two hexadecimal digits with colons or hyphens between them.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress address)
    {
        address = default;
        return HardwareAddress.TryParse(text, out HardwareAddress parsed) && parsed.TryGetEthernet(out address);
    }

    /// <summary>Reads six octets of one or two hexadecimal digits with colons or hyphens between them.</summary>
    /// <exception cref="FormatException">It is not an ethernet address.</exception>
    public static MacAddress Parse(string text) =>
        TryParse(text, out MacAddress address) ? address : throw new FormatException($"'{text}' is not an ethernet address (six octets, aa:bb:cc:dd:ee:ff)");

    /// <inheritdoc />
    public int CompareTo(MacAddress other) => Value.CompareTo(other.Value);

    /// <summary>Six octets in lower case with colons, as the kernel prints them.</summary>
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
