using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>Changes a TCP segment's checksum by what was changed in its header; a wrong one stays wrong, as it does in the kernel.</summary>
internal static class TcpChecksum
{
    public static void Mend(Span<byte> header, ReadOnlySpan<byte> before)
    {
        Span<byte> field = header[16..];
        BinaryPrimitives.WriteUInt16BigEndian(field, InternetChecksum.Replace(BinaryPrimitives.ReadUInt16BigEndian(field), before, header));
    }
}
