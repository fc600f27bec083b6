using System.Buffers.Binary;
using System.Numerics;

namespace EucaNet.Simulator.Datapath.Formats;

/// <summary>The checksum of SCTP (RFC 9260, appendix A).</summary>
internal static class Crc32C
{
    /// <summary>Where it stands in an SCTP header.</summary>
    private const int Offset = 8;

    /// <summary>The sum of an SCTP packet as it stands in its header, the field itself taken as zeros.</summary>
    public static uint OfSctp(ReadOnlySpan<byte> packet)
    {
        uint sum = uint.MaxValue;
        for (int i = 0; i < packet.Length; i++)
        {
            sum = BitOperations.Crc32C(sum, i is >= Offset and < Offset + 4 ? (byte)0 : packet[i]);
        }

        return ~sum;
    }

    public static bool IsValid(ReadOnlySpan<byte> packet) => BinaryPrimitives.ReadUInt32LittleEndian(packet[Offset..]) == OfSctp(packet);

    public static void Write(Span<byte> packet) => BinaryPrimitives.WriteUInt32LittleEndian(packet[Offset..], OfSctp(packet));
}
