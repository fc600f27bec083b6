using System.Buffers.Binary;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>The one's complement sum of IPv4, ICMP, UDP and TCP (RFC 1071), whole and as an incremental change (RFC 1624).</summary>
internal static class InternetChecksum
{
    /// <summary>Adds <paramref name="bytes"/> to a running, unfolded sum; only the last piece of a sum may have an odd length.</summary>
    public static uint Add(uint sum, ReadOnlySpan<byte> bytes)
    {
        ulong total = sum;
        while (bytes.Length >= 4)
        {
            total += BinaryPrimitives.ReadUInt32BigEndian(bytes);
            bytes = bytes[4..];
        }

        if (bytes.Length >= 2)
        {
            total += BinaryPrimitives.ReadUInt16BigEndian(bytes);
            bytes = bytes[2..];
        }

        if (bytes.Length == 1)
        {
            total += (uint)bytes[0] << 8;
        }

        total = (total & 0xffffffff) + (total >> 32);
        return (uint)((total & 0xffffffff) + (total >> 32));
    }

    /// <summary>Folds a running sum and complements it: what stands in the header.</summary>
    public static ushort Fold(uint sum)
    {
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }

    /// <summary>The checksum of one piece.</summary>
    public static ushort Of(ReadOnlySpan<byte> bytes) => Fold(Add(0, bytes));

    /// <summary>The sum of the pseudo header that TCP, UDP and ICMPv6 put before their own bytes.</summary>
    public static uint PseudoHeader(ReadOnlySpan<byte> source, ReadOnlySpan<byte> destination, byte protocol, int length) =>
        Add(Add((uint)protocol + (uint)length, source), destination);

    /// <summary>The checksum of an IPv4 header whose time to live was lowered by one (ip_decrease_ttl).</summary>
    public static ushort Lowered(ushort checksum) => checksum >= 0xfeff ? (ushort)(checksum + 0x0101) : (ushort)(checksum + 0x0100);

    /// <summary>The checksum after the covered bytes <paramref name="before"/> became <paramref name="after"/> (equal, even lengths).</summary>
    public static ushort Replace(ushort checksum, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        uint sum = (ushort)~checksum;
        for (int i = 0; i + 1 < before.Length; i += 2)
        {
            sum += (ushort)~BinaryPrimitives.ReadUInt16BigEndian(before[i..]);
            sum += BinaryPrimitives.ReadUInt16BigEndian(after[i..]);
        }

        return Fold(sum);
    }
}
