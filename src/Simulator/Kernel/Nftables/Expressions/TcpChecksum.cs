using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>Makes a TCP segment's checksum right again after an option was changed.</summary>
internal static class TcpChecksum
{
    public static void Write(Packet packet)
    {
        Span<byte> transport = packet.Transport;
        transport[16] = transport[17] = 0;
        uint sum = 0;
        ReadOnlySpan<byte> addresses = packet.Protocol == EtherType.Ipv4 ? packet.Network.Slice(12, 8) : packet.Network.Slice(8, 32);
        Add(addresses, ref sum);
        Add(transport, ref sum);
        sum += IpProtocol.Tcp + (uint)transport.Length;
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(transport[16..], (ushort)~sum);
    }

    private static void Add(ReadOnlySpan<byte> bytes, ref uint sum)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (uint)bytes[i] << ((i & 1) == 0 ? 8 : 0);
        }
    }
}
