using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>Fields of an information block by their offset. Host byte order (little endian) unless the name says big endian.</summary>
internal static class XtInfo
{
    public static ushort UInt16(this ReadOnlySpan<byte> info, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(info[offset..]);

    public static uint UInt32(this ReadOnlySpan<byte> info, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(info[offset..]);

    public static ulong UInt64(this ReadOnlySpan<byte> info, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(info[offset..]);

    public static ushort UInt16Big(this ReadOnlySpan<byte> info, int offset) => BinaryPrimitives.ReadUInt16BigEndian(info[offset..]);

    public static uint UInt32Big(this ReadOnlySpan<byte> info, int offset) => BinaryPrimitives.ReadUInt32BigEndian(info[offset..]);

    public static void Put16(this Span<byte> info, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(info[offset..], value);

    public static void Put32(this Span<byte> info, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(info[offset..], value);

    public static void Put64(this Span<byte> info, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(info[offset..], value);

    public static void Put16Big(this Span<byte> info, int offset, ushort value) => BinaryPrimitives.WriteUInt16BigEndian(info[offset..], value);

    public static void Put32Big(this Span<byte> info, int offset, uint value) => BinaryPrimitives.WriteUInt32BigEndian(info[offset..], value);

    /// <summary>Sets bits of a 32-bit field.</summary>
    public static void Or32(this Span<byte> info, int offset, uint bits) => info.Put32(offset, ((ReadOnlySpan<byte>)info).UInt32(offset) | bits);

    /// <summary>Sets bits of a 16-bit field.</summary>
    public static void Or16(this Span<byte> info, int offset, ushort bits) =>
        info.Put16(offset, (ushort)(((ReadOnlySpan<byte>)info).UInt16(offset) | bits));

    public static double Double(this ReadOnlySpan<byte> info, int offset) => MemoryMarshal.Read<double>(info[offset..]);

    /// <summary>A NUL-terminated text in a field of <paramref name="length"/> bytes, bytes outside ASCII as Latin-1 so that none is lost.</summary>
    public static string Text(this ReadOnlySpan<byte> info, int offset, int length)
    {
        ReadOnlySpan<byte> field = info.Slice(offset, Math.Min(length, info.Length - offset));
        int end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }

    /// <summary>Writes a text into a field of <paramref name="length"/> bytes; the caller has checked that it fits.</summary>
    public static void PutText(this Span<byte> info, int offset, int length, string value)
    {
        Span<byte> field = info.Slice(offset, length);
        field.Clear();
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        bytes.AsSpan(0, Math.Min(bytes.Length, length)).CopyTo(field);
    }

    public static void PutAddress(this Span<byte> info, int offset, IPAddress address) => address.TryWriteBytes(info[offset..], out _);

    /// <summary>The IPv4 or IPv6 address at an offset.</summary>
    public static IPAddress Address(this ReadOnlySpan<byte> info, int offset, IptablesFamily family) =>
        new(info.Slice(offset, family == IptablesFamily.Ip ? 4 : 16));

    /// <summary>Rounds up to the eight bytes every block is aligned to.</summary>
    public static int Align(int size) => (size + 7) & ~7;
}
