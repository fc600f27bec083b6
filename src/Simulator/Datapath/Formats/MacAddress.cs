using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>A 48-bit ethernet address.</summary>
internal readonly record struct MacAddress(ulong Value) : IComparable<MacAddress>
{
    public const int Size = 6;

    public static readonly MacAddress Broadcast = new(0xffff_ffff_ffff);

    public bool IsBroadcast => Value == Broadcast.Value;

    /// <summary>Group addresses, broadcast among them.</summary>
    public bool IsMulticast => (Value & 0x0100_0000_0000) != 0;

    public bool IsZero => Value == 0;

    /// <summary>01:80:c2:00:00:0X, which no bridge forwards (802.1D).</summary>
    public bool IsLinkLocal => (Value & 0xffff_ffff_fff0) == 0x0180_c200_0000;

    /// <summary>An address a station may have: neither zero nor a group.</summary>
    public bool IsUnicast => !IsMulticast && !IsZero;

    public static MacAddress Read(ReadOnlySpan<byte> bytes) => new(
        (ulong)bytes[0] << 40 | (ulong)bytes[1] << 32 | (ulong)bytes[2] << 24 | (ulong)bytes[3] << 16 | (ulong)bytes[4] << 8 | bytes[5]);

    public void Write(Span<byte> bytes)
    {
        bytes[0] = (byte)(Value >> 40);
        bytes[1] = (byte)(Value >> 32);
        bytes[2] = (byte)(Value >> 24);
        bytes[3] = (byte)(Value >> 16);
        bytes[4] = (byte)(Value >> 8);
        bytes[5] = (byte)Value;
    }

    public byte[] ToArray()
    {
        byte[] bytes = new byte[Size];
        Write(bytes);
        return bytes;
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress address)
    {
        address = default;
        string[] parts = text?.Split(':', '-') ?? [];
        if (parts.Length != Size)
        {
            return false;
        }

        ulong value = 0;
        foreach (string part in parts)
        {
            if (part.Length is 0 or > 2 || !byte.TryParse(part, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte octet))
            {
                return false;
            }

            value = value << 8 | octet;
        }

        address = new MacAddress(value);
        return true;
    }

    public static MacAddress Parse(string text) =>
        TryParse(text, out MacAddress address) ? address : throw new FormatException($"'{text}' is not an ethernet address of six octets.");

    public int CompareTo(MacAddress other) => Value.CompareTo(other.Value);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{(byte)(Value >> 40):x2}:{(byte)(Value >> 32):x2}:{(byte)(Value >> 24):x2}:{(byte)(Value >> 16):x2}:{(byte)(Value >> 8):x2}:{(byte)Value:x2}");
}
