using System.Buffers.Binary;
using System.Net;

namespace EucaNet.Cli.Tests.Evidence.Attacks;

/// <summary>Ethernet frames written by hand, as root in a VM can write them.</summary>
internal static class Frames
{
    public const ushort Ipv4Type = 0x0800;
    public const ushort ArpType = 0x0806;
    public const ushort RarpType = 0x8035;
    public const ushort Ipv6Type = 0x86dd;
    public const ushort VlanType = 0x8100;
    public const ushort ServiceVlanType = 0x88a8;
    public const byte Icmp = 1;
    public const byte Tcp = 6;
    public const byte Udp = 17;
    public const byte Icmpv6 = 58;

    /// <summary>In every frame that is looked for.</summary>
    public static byte[] Marker { get; } = "EUCANET-ATTACK"u8.ToArray();

    public static byte[] Broadcast { get; } = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

    public static byte[] Ethernet(byte[] to, byte[] from, ushort type, byte[] payload) => [.. to, .. from, .. Number(type), .. payload];

    /// <summary>Puts a VLAN tag behind the addresses of a frame.</summary>
    public static byte[] Tag(byte[] frame, ushort identifier, ushort type = VlanType) => [.. frame[..12], .. Number(type), .. Number(identifier), .. frame[12..]];

    public static byte[] Arp(byte[] from, ushort operation, byte[] sender, IPAddress senderAddress, byte[] target, IPAddress targetAddress, byte[]? to = null, ushort type = ArpType) =>
        Ethernet(to ?? Broadcast, from, type, [0, 1, 8, 0, 6, 4, .. Number(operation), .. sender, .. senderAddress.GetAddressBytes(), .. target, .. targetAddress.GetAddressBytes(), .. Marker]);

    /// <summary>An IPv4 packet with its checksum.</summary>
    /// <param name="fragment">The field of flags (0x2000: more follow) and offset in eights of octets.</param>
    public static byte[] Ipv4(IPAddress from, IPAddress to, byte protocol, byte[] payload, byte[]? options = null, ushort fragment = 0, ushort identification = 7)
    {
        byte[] header =
        [
            (byte)(0x45 + ((options?.Length ?? 0) / 4)), 0, .. Number((ushort)(20 + (options?.Length ?? 0) + payload.Length)), .. Number(identification), .. Number(fragment), 64, protocol, 0, 0,
            .. from.GetAddressBytes(), .. to.GetAddressBytes(), .. options ?? [],
        ];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), Checksum(header));
        return [.. header, .. payload];
    }

    /// <summary>A UDP datagram without checksum, which IPv4 allows.</summary>
    public static byte[] UdpDatagram(ushort from, ushort to, byte[]? data = null) => [.. Number(from), .. Number(to), .. Number((ushort)(8 + (data ?? Marker).Length)), 0, 0, .. data ?? Marker];

    /// <summary>A TCP segment with its checksum.</summary>
    /// <param name="flags">2 SYN, 16 ACK, 4 RST, 1 FIN.</param>
    public static byte[] TcpSegment(IPAddress from, IPAddress to, ushort fromPort, ushort toPort, byte flags)
    {
        byte[] segment = [.. Number(fromPort), .. Number(toPort), 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0x10, 0, 0, 0, 0, 0, .. Marker];
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), Checksum([.. from.GetAddressBytes(), .. to.GetAddressBytes(), 0, Tcp, .. Number((ushort)segment.Length), .. segment]));
        return segment;
    }

    public static byte[] IcmpMessage(byte type, byte code, byte[]? data = null)
    {
        byte[] message = [type, code, 0, 0, 0, 9, 0, 1, .. data ?? Marker];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), Checksum(message));
        return message;
    }

    public static byte[] Ipv6(IPAddress from, IPAddress to, byte nextHeader, byte[] payload) =>
        [0x60, 0, 0, 0, .. Number((ushort)payload.Length), nextHeader, 255, .. from.GetAddressBytes(), .. to.GetAddressBytes(), .. payload];

    public static byte[] Icmpv6Message(IPAddress from, IPAddress to, byte type, byte[] body)
    {
        byte[] message = [type, 0, 0, 0, .. body];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), Checksum([.. from.GetAddressBytes(), .. to.GetAddressBytes(), 0, 0, .. Number((ushort)message.Length), 0, 0, 0, Icmpv6, .. message]));
        return message;
    }

    /// <summary>The link-local address that a host makes from its hardware address (RFC 4291, appendix A).</summary>
    public static IPAddress LinkLocal(byte[] mac) => new([0xfe, 0x80, 0, 0, 0, 0, 0, 0, (byte)(mac[0] ^ 2), mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]]);

    /// <summary>A DHCP message (RFC 2131), of a client or a server.</summary>
    /// <param name="operation">1 of a client, 2 of a server.</param>
    /// <param name="type">Option 53: 1 DISCOVER, 2 OFFER, 3 REQUEST, 4 DECLINE, 5 ACK, 7 RELEASE.</param>
    public static byte[] Dhcp(byte operation, byte type, byte[] client, IPAddress? clientAddress = null, IPAddress? yours = null) =>
    [
        operation, 1, 6, 0, .. Marker.AsSpan(0, 4), 0, 0, 0x80, 0, .. (clientAddress ?? IPAddress.Any).GetAddressBytes(), .. (yours ?? IPAddress.Any).GetAddressBytes(), 0, 0, 0, 0, 0, 0, 0, 0,
        .. client, .. new byte[10], .. Marker, .. new byte[192 - Marker.Length], 0x63, 0x82, 0x53, 0x63, 53, 1, type, 255,
    ];

    public static byte[] Number(ushort value) => [(byte)(value >> 8), (byte)value];

    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int index = 0; index < bytes.Length; index += 2)
        {
            sum += (uint)(bytes[index] << 8 | (index + 1 < bytes.Length ? bytes[index + 1] : 0));
        }

        while (sum > 0xffff)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
