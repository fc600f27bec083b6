using System.Buffers.Binary;
using System.Net;

namespace EucaNet.Simulator.Kernel;

/// <summary>An IPv4 or IPv6 address as a number in host order, so that masks and comparisons are arithmetic.</summary>
/// <param name="Family">AF_INET (2) or AF_INET6 (10).</param>
/// <param name="Value">The address; an IPv4 address in the low 32 bits.</param>
internal readonly record struct InternetAddress(byte Family, UInt128 Value) : IComparable<InternetAddress>
{
    public const byte V4 = 2;
    public const byte V6 = 10;

    /// <summary>Octets of an address of this family.</summary>
    public int Length => Family == V4 ? 4 : 16;

    /// <summary>Bits of an address of this family.</summary>
    public int Bits => Length * 8;

    /// <summary>0.0.0.0 or ::.</summary>
    public bool IsAny => Value == UInt128.Zero;

    public bool IsLoopback => Family == V4 ? (uint)Value >> 24 == 127 : Value == UInt128.One;

    public bool IsMulticast => Family == V4 ? (uint)Value >> 28 == 14 : (byte)(Value >> 120) == 0xff;

    public bool IsLinkLocal => Family == V4 ? (uint)Value >> 16 == 0xa9fe : (uint)(Value >> 118) == 0x3fa;

    public static InternetAddress Any(byte family) => new(family, 0);

    public static InternetAddress FromV4(uint value) => new(V4, value);

    /// <summary>Four or sixteen octets in network order.</summary>
    public static InternetAddress Read(byte family, ReadOnlySpan<byte> bytes) =>
        family == V4 ? new(V4, BinaryPrimitives.ReadUInt32BigEndian(bytes)) : new(family, BinaryPrimitives.ReadUInt128BigEndian(bytes));

    public static InternetAddress Parse(string text)
    {
        byte[] bytes = IPAddress.Parse(text).GetAddressBytes();
        return Read(bytes.Length == 4 ? V4 : V6, bytes);
    }

    public void Write(Span<byte> bytes)
    {
        if (Family == V4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)Value);
        }
        else
        {
            BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        }
    }

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Length];
        Write(bytes);
        return bytes;
    }

    /// <summary>The address with all bits behind the first <paramref name="prefixLength"/> cleared.</summary>
    public InternetAddress Masked(int prefixLength) => new(Family, Value & Mask(Family, prefixLength));

    /// <summary>The first <paramref name="prefixLength"/> bits are those of <paramref name="network"/>.</summary>
    public bool IsIn(InternetAddress network, int prefixLength) =>
        Family == network.Family && ((Value ^ network.Value) & Mask(Family, prefixLength)) == UInt128.Zero;

    public static UInt128 Mask(byte family, int prefixLength)
    {
        int bits = family == V4 ? 32 : 128;
        UInt128 all = family == V4 ? uint.MaxValue : UInt128.MaxValue;
        return prefixLength == 0 ? UInt128.Zero : all & (UInt128.MaxValue << (bits - prefixLength));
    }

    public int CompareTo(InternetAddress other) => Family != other.Family ? Family.CompareTo(other.Family) : Value.CompareTo(other.Value);

    public override string ToString() => new IPAddress(ToBytes()).ToString();
}
