using System.Buffers.Binary;
using EucaNet.Engine;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netlink.Wire;

namespace EucaNet.Cli.Tracing;

/// <summary>Makes the first packet of a flow as an ethernet frame: a TCP SYN, a UDP datagram, an ICMP message, or a few octets of another protocol.</summary>
internal static class ProbePacket
{
    private const int EthernetLength = 14;
    private const int HeaderLength = 20;

    /// <summary>The frame.</summary>
    public static byte[] ToFrame(PacketDescription packet, int sourcePort, MacAddress from, MacAddress to)
    {
        byte[] payload = packet.Protocol switch
        {
            IngressRule.Tcp => Tcp(packet, sourcePort),
            IngressRule.Icmp => Icmp(packet),
            _ => Datagram(packet, sourcePort),
        };
        byte[] frame = new byte[EthernetLength + HeaderLength + payload.Length];
        to.CopyTo(frame);
        from.CopyTo(frame.AsSpan(6));
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(12), 0x0800);
        Span<byte> header = frame.AsSpan(EthernetLength, HeaderLength);
        header[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(HeaderLength + payload.Length));
        header[8] = 64;
        header[9] = packet.Protocol;
        packet.Source.CopyTo(header[12..]);
        packet.Destination.CopyTo(header[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], Checksum(header, 0));
        payload.CopyTo(frame, EthernetLength + HeaderLength);
        return frame;
    }

    private static byte[] Tcp(PacketDescription packet, int sourcePort)
    {
        const byte Syn = 2;
        byte[] segment = new byte[20];
        WritePorts(segment, packet, sourcePort);
        segment[12] = 5 << 4;
        segment[13] = Syn;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), 64240);
        Span<byte> pseudo = stackalloc byte[12];
        packet.Source.CopyTo(pseudo);
        packet.Destination.CopyTo(pseudo[4..]);
        pseudo[9] = packet.Protocol;
        pseudo[11] = (byte)segment.Length;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), Checksum(segment, Sum(pseudo)));
        return segment;
    }

    private static byte[] Icmp(PacketDescription packet)
    {
        byte[] message = new byte[16];
        message[0] = (byte)(packet.IcmpType ?? 8);
        message[1] = (byte)(packet.IcmpCode ?? 0);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), Checksum(message, 0));
        return message;
    }

    // UDP's checksum may be left out; of other protocols only the ports, where they have any, are looked at.
    private static byte[] Datagram(PacketDescription packet, int sourcePort)
    {
        byte[] datagram = new byte[16];
        if (IngressRule.ProtocolHasPorts(packet.Protocol))
        {
            WritePorts(datagram, packet, sourcePort);
        }

        if (packet.Protocol == IngressRule.Udp)
        {
            BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        }

        return datagram;
    }

    private static void WritePorts(Span<byte> header, PacketDescription packet, int sourcePort)
    {
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(packet.Port ?? 0));
    }

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        return sum;
    }

    private static ushort Checksum(ReadOnlySpan<byte> bytes, uint start)
    {
        uint sum = start + Sum(bytes);
        while (sum > 0xffff)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
