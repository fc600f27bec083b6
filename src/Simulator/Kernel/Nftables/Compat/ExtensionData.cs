using System.Buffers.Binary;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>Reads the data of matches and targets: numbers are in the order of the host.</summary>
internal static class ExtensionData
{
    public static uint U32(ReadOnlySpan<byte> data, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(data[offset..]);

    public static ulong U64(ReadOnlySpan<byte> data, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(data[offset..]);

    public static ushort U16(ReadOnlySpan<byte> data, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(data[offset..]);

    public static bool InRange(uint value, uint first, uint last) => value >= first && value <= last;
}
