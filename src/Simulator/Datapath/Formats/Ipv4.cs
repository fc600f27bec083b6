using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>IPv4 addresses as numbers: 192.168.0.1 is 0xc0a80001 whatever the machine's byte order.</summary>
internal static class Ipv4
{
    public const uint Broadcast = 0xffffffff;

    public static bool IsMulticast(uint address) => address >> 28 == 0xe;

    public static bool IsLoopback(uint address) => address >> 24 == 127;

    /// <summary>0.0.0.0/8, "this network".</summary>
    public static bool IsZeroNetwork(uint address) => address >> 24 == 0;

    public static uint Mask(int prefixLength) => prefixLength == 0 ? 0 : uint.MaxValue << 32 - prefixLength;

    public static uint From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (address.AddressFamily != AddressFamily.InterNetwork)
        {
            throw new ArgumentException($"{address} is not an IPv4 address.", nameof(address));
        }

        Span<byte> bytes = stackalloc byte[4];
        address.TryWriteBytes(bytes, out _);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    public static uint Parse(string text) =>
        IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetwork && text.Count(c => c == '.') == 3
            ? From(address)
            : throw new FormatException($"'{text}' is not an IPv4 address.");

    public static IPAddress ToAddress(uint address) =>
        new([(byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address]);

    public static string Text(uint address) => string.Create(CultureInfo.InvariantCulture,
        $"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}");
}
