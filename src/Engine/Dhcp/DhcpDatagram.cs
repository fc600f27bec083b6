using System.Buffers.Binary;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Dhcp;

/// <summary>A DHCP message in an ethernet frame, either way, read in place (RFC 2131 figure 1).</summary>
internal static class DhcpDatagram
{
    /// <summary>Bytes of the fixed part with the magic cookie.</summary>
    public const int FixedLength = 240;

    /// <summary>Finds the message of a frame; false for anything that is no well-formed message of this direction (BOOTREQUEST 1, BOOTREPLY 2) over ethernet.</summary>
    public static bool TryRead(ReadOnlySpan<byte> frame, byte direction, out ushort source, out ushort destination, out ReadOnlySpan<byte> message)
    {
        source = destination = 0;
        message = default;
        if (frame.Length < 14 + 20 || frame[12] != 0x08 || frame[13] != 0x00)
        {
            return false;
        }

        ReadOnlySpan<byte> packet = frame[14..];
        int headerLength = (packet[0] & 15) * 4;
        int totalLength = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        bool fragment = (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3fff) != 0;
        if (packet[0] >> 4 != 4 || headerLength < 20 || totalLength > packet.Length || totalLength < headerLength + 8 || packet[9] != 17 || fragment)
        {
            return false;
        }

        ReadOnlySpan<byte> datagram = packet[headerLength..totalLength];
        int length = BinaryPrimitives.ReadUInt16BigEndian(datagram[4..]);
        if (length > datagram.Length || length < 8 + FixedLength)
        {
            return false;
        }

        source = BinaryPrimitives.ReadUInt16BigEndian(datagram);
        destination = BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]);
        message = datagram[8..length];
        const int Ethernet = 1;
        return message[0] == direction && message[1] == Ethernet && message[2] == 6 && BinaryPrimitives.ReadUInt32BigEndian(message[236..]) == 0x63825363;
    }

    /// <summary>Finds an option in a message's options field.</summary>
    public static bool TryFind(ReadOnlySpan<byte> message, byte code, out ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> rest = message[FixedLength..];
        while (!rest.IsEmpty && rest[0] != DhcpOption.End)
        {
            if (rest[0] == DhcpOption.Pad)
            {
                rest = rest[1..];
                continue;
            }

            if (rest.Length < 2 || rest.Length < 2 + rest[1])
            {
                break;
            }

            if (rest[0] == code)
            {
                value = rest.Slice(2, rest[1]);
                return true;
            }

            rest = rest[(2 + rest[1])..];
        }

        value = default;
        return false;
    }
}

/// <summary>What a DHCP server told a client.</summary>
/// <param name="Type">Offer, acknowledgement or refusal.</param>
/// <param name="Client">Whom.</param>
/// <param name="Address">The client's address; 0.0.0.0 where only parameters were given, or nothing.</param>
/// <param name="Server">Who told it; 0.0.0.0 where the server does not say.</param>
/// <param name="LeaseTime">For how long.</param>
internal readonly record struct DhcpReply(DhcpMessageType Type, MacAddress Client, Ipv4Address Address, Ipv4Address Server, TimeSpan LeaseTime)
{
    /// <summary>Reads a frame; false for anything that is no well-formed answer from port 67.</summary>
    public static bool TryRead(ReadOnlySpan<byte> frame, out DhcpReply reply)
    {
        const int BootReply = 2;
        reply = default;
        if (!DhcpDatagram.TryRead(frame, BootReply, out ushort source, out _, out ReadOnlySpan<byte> message) || source != 67
            || !DhcpDatagram.TryFind(message, DhcpOption.MessageType, out ReadOnlySpan<byte> type) || type.Length != 1)
        {
            return false;
        }

        Ipv4Address server = DhcpDatagram.TryFind(message, DhcpOption.ServerIdentifier, out ReadOnlySpan<byte> identifier) && identifier.Length == 4 ? Ipv4Address.Read(identifier) : default;
        uint seconds = DhcpDatagram.TryFind(message, DhcpOption.LeaseTime, out ReadOnlySpan<byte> lease) && lease.Length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(lease) : 0;
        reply = new DhcpReply((DhcpMessageType)type[0], MacAddress.Read(message[28..]), Ipv4Address.Read(message[16..]), server, TimeSpan.FromSeconds(seconds));
        return true;
    }
}
