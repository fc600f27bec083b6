using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>Matches on single fields of the IP and TCP headers (xt_ecn.c, xt_tcpmss.c).</summary>
internal static class HeaderMatches
{
    /// <summary>Explicit congestion notification, in the IP header and in TCP's flags.</summary>
    public static bool Ecn(ReadOnlySpan<byte> data, Packet packet, byte typeOfService)
    {
        const byte Ip = 1, Ece = 0x10, Cwr = 0x20;
        byte asked = data[0], inverted = data[1];
        if ((asked & Ip) != 0 && (typeOfService & 3) == data[2] == ((inverted & Ip) != 0))
        {
            return false;
        }

        if ((asked & (Ece | Cwr)) == 0)
        {
            return true;
        }

        if (!IsWholeTcp(packet))
        {
            return false;
        }

        // ECE is the seventh flag, CWR the eighth.
        byte flags = packet.Transport[13];
        return ((asked & Ece) == 0 || (flags & 0x40) != 0 != ((inverted & Ece) != 0)) && ((asked & Cwr) == 0 || (flags & 0x80) != 0 != ((inverted & Cwr) != 0));
    }

    /// <summary>The maximum segment size a SYN offers.</summary>
    public static bool MaximumSegment(ReadOnlySpan<byte> data, Packet packet)
    {
        if (!IsWholeTcp(packet))
        {
            return false;
        }

        ReadOnlySpan<byte> header = packet.Transport;
        bool inverted = data[4] != 0;
        int end = Math.Min((header[12] >> 4) * 4, header.Length);
        for (int at = 20; at < end;)
        {
            if (header[at] == 2 && end - at >= 4 && header[at + 1] == 4)
            {
                ushort size = BinaryPrimitives.ReadUInt16BigEndian(header[(at + 2)..]);
                return (size >= BinaryPrimitives.ReadUInt16LittleEndian(data) && size <= BinaryPrimitives.ReadUInt16LittleEndian(data[2..])) != inverted;
            }

            at += header[at] < 2 || at + 1 >= end || header[at + 1] == 0 ? 1 : header[at + 1];
        }

        return inverted;
    }

    private static bool IsWholeTcp(Packet packet) =>
        packet.HasTransportProtocol && packet.FragmentOffset == 0 && packet.TransportProtocol == IpProtocol.Tcp && packet.Transport.Length >= 20;
}
