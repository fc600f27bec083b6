using System.Buffers.Binary;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Dhcp;

/// <summary>What became of a client's message.</summary>
internal enum DhcpOutcome
{
    /// <summary>Not for us: another protocol, another server, an unknown client.</summary>
    Ignored,

    /// <summary>An address was offered.</summary>
    Offered,

    /// <summary>An address was confirmed.</summary>
    Confirmed,

    /// <summary>The client asked for an address that isn't its own.</summary>
    Refused,

    /// <summary>Only parameters were asked for.</summary>
    Informed,

    /// <summary>The client found its address in use by somebody else.</summary>
    Declined,

    /// <summary>The client gave its address back; the mapping stays.</summary>
    Released,
}

/// <summary>Answers one frame by RFC 2131 §4.3, from static mappings alone. Pure: bytes in, bytes out.</summary>
internal static class DhcpResponder
{
    private const int EthernetLength = 14;
    private const int HeadersLength = EthernetLength + 20 + 8;

    /// <summary>Room that any answer fits.</summary>
    public const int LongestReply = HeadersLength + DhcpRequest.FixedLength + 1024;

    /// <summary>Answers <paramref name="frame"/> into <paramref name="reply"/>; <paramref name="length"/> is 0 when nothing is to be sent.</summary>
    public static DhcpOutcome Respond(DhcpScope scope, ReadOnlySpan<byte> serverMac, ReadOnlySpan<byte> frame, Span<byte> reply, out int length, out MacAddress client)
    {
        length = 0;
        client = default;
        if (!DhcpRequest.TryRead(frame, out DhcpRequest request))
        {
            return DhcpOutcome.Ignored;
        }

        // A message for another network's server is not this one's, though the same machine may be both.
        client = request.ClientMac;
        Ipv4Address to = request.Destination;
        if ((to != scope.ServerAddress && to != scope.Broadcast && to.Value != uint.MaxValue) || !scope.TryGet(client, out Ipv4Address address))
        {
            return DhcpOutcome.Ignored;
        }

        switch (request.MessageType)
        {
            case DhcpMessageType.Discover:
                length = Write(scope, serverMac, request, DhcpMessageType.Offer, address, reply);
                return DhcpOutcome.Offered;
            case DhcpMessageType.Request:
                return Confirm(scope, serverMac, request, address, reply, out length);
            case DhcpMessageType.Inform:
                length = Write(scope, serverMac, request, DhcpMessageType.Ack, default, reply);
                return DhcpOutcome.Informed;
            case DhcpMessageType.Decline when IsForUs(scope, request):
                return DhcpOutcome.Declined;
            case DhcpMessageType.Release when IsForUs(scope, request):
                return DhcpOutcome.Released;
            default:
                return DhcpOutcome.Ignored;
        }
    }

    private static bool IsForUs(DhcpScope scope, in DhcpRequest request) => request.ServerIdentifier is not { } server || server == scope.ServerAddress;

    private static DhcpOutcome Confirm(DhcpScope scope, ReadOnlySpan<byte> serverMac, in DhcpRequest request, Ipv4Address address, Span<byte> reply, out int length)
    {
        length = 0;
        if (!IsForUs(scope, request))
        {
            return DhcpOutcome.Ignored;
        }

        // SELECTING and INIT-REBOOT name the address in option 50, RENEWING and REBINDING in ciaddr (RFC 2131 §4.3.2).
        Ipv4Address? wanted = request.RequestedAddress ?? (request.ClientAddress.IsUnknown ? null : request.ClientAddress);
        if (wanted is null)
        {
            return DhcpOutcome.Ignored;
        }

        bool confirmed = wanted == address;
        length = Write(scope, serverMac, request, confirmed ? DhcpMessageType.Ack : DhcpMessageType.Nak, confirmed ? address : default, reply);
        return confirmed ? DhcpOutcome.Confirmed : DhcpOutcome.Refused;
    }

    private static int Write(DhcpScope scope, ReadOnlySpan<byte> serverMac, in DhcpRequest request, DhcpMessageType type, Ipv4Address address, Span<byte> reply)
    {
        Span<byte> message = reply[HeadersLength..];
        message[..DhcpRequest.FixedLength].Clear();
        request.Fixed[..8].CopyTo(message);
        message[0] = 2;
        message[3] = 0;
        request.Fixed.Slice(10, 2).CopyTo(message[10..]);
        if (type == DhcpMessageType.Ack)
        {
            request.Fixed.Slice(12, 4).CopyTo(message[12..]);
        }

        address.CopyTo(message[16..]);
        request.Fixed.Slice(24, 20).CopyTo(message[24..]);
        BinaryPrimitives.WriteUInt32BigEndian(message[236..], 0x63825363);

        int end = DhcpRequest.FixedLength;
        Put(message, ref end, DhcpOption.MessageType, (byte)type);
        Put(message, ref end, DhcpOption.ServerIdentifier, scope.ServerAddress);
        if (type != DhcpMessageType.Nak)
        {
            if (!address.IsUnknown)
            {
                uint seconds = (uint)scope.LeaseTime.TotalSeconds;
                Put(message, ref end, DhcpOption.LeaseTime, new Ipv4Address(seconds));
                Put(message, ref end, DhcpOption.RenewalTime, new Ipv4Address(seconds / 2));
                Put(message, ref end, DhcpOption.RebindingTime, new Ipv4Address((uint)(seconds * 7L / 8)));
            }

            Put(message, ref end, DhcpOption.SubnetMask, scope.Network.Netmask);
            if (!scope.Router.IsUnknown)
            {
                Put(message, ref end, DhcpOption.Router, scope.Router);
            }

            PutServers(message, ref end, scope.DnsServers);
            Put(message, ref end, DhcpOption.BroadcastAddress, scope.Broadcast);
        }
        else
        {
            Put(message, ref end, DhcpOption.Message, "not your address"u8);
        }

        if (request.TryFind(DhcpOption.ClientIdentifier, out ReadOnlySpan<byte> identifier))
        {
            Put(message, ref end, DhcpOption.ClientIdentifier, identifier);
        }

        if (request.TryFind(DhcpOption.RelayAgentInformation, out ReadOnlySpan<byte> relay))
        {
            Put(message, ref end, DhcpOption.RelayAgentInformation, relay);
        }

        message[end++] = DhcpOption.End;

        // BOOTP's 300 bytes are the least that old clients and relays take.
        if (end < 300)
        {
            message[end..300].Clear();
            end = 300;
        }

        WriteHeaders(scope, serverMac, request, type, address, reply, end);
        return HeadersLength + end;
    }

    private static void WriteHeaders(DhcpScope scope, ReadOnlySpan<byte> serverMac, in DhcpRequest request, DhcpMessageType type, Ipv4Address address, Span<byte> frame, int messageLength)
    {
        MacAddress to = request.ClientMac;
        Ipv4Address destination = address;
        int port = 68;
        if (!request.RelayAddress.IsUnknown)
        {
            to = request.Sender;
            destination = request.RelayAddress;
            port = 67;
            if (type == DhcpMessageType.Nak)
            {
                frame[HeadersLength + 10] |= 0x80;
            }
        }
        else if (type == DhcpMessageType.Nak || (request.ClientAddress.IsUnknown && (request.WantsBroadcast || address.IsUnknown)))
        {
            to = MacAddress.Broadcast;
            destination = new Ipv4Address(uint.MaxValue);
        }
        else if (!request.ClientAddress.IsUnknown)
        {
            destination = request.ClientAddress;
        }

        to.CopyTo(frame);
        serverMac[..6].CopyTo(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], 0x0800);

        Span<byte> packet = frame[EthernetLength..];
        packet[..28].Clear();
        packet[0] = 0x45;
        packet[1] = 0x10;
        BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)(28 + messageLength));
        packet[8] = 64;
        packet[9] = 17;
        scope.ServerAddress.CopyTo(packet[12..]);
        destination.CopyTo(packet[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(packet[10..], Fold(Sum(packet[..20], 0)));

        Span<byte> datagram = packet[20..];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, 67);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[2..], (ushort)port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram[4..], (ushort)(8 + messageLength));
        ushort checksum = Fold(Sum(datagram[..(8 + messageLength)], Sum(packet.Slice(12, 8), (uint)(17 + 8 + messageLength))));
        BinaryPrimitives.WriteUInt16BigEndian(datagram[6..], checksum == 0 ? (ushort)0xffff : checksum);
    }

    private static void Put(Span<byte> message, ref int end, byte code, byte value) => Put(message, ref end, code, [value]);

    private static void Put(Span<byte> message, ref int end, byte code, Ipv4Address value)
    {
        message[end] = code;
        message[end + 1] = 4;
        value.CopyTo(message[(end + 2)..]);
        end += 6;
    }

    private static void Put(Span<byte> message, ref int end, byte code, ReadOnlySpan<byte> value)
    {
        message[end] = code;
        message[end + 1] = (byte)value.Length;
        value.CopyTo(message[(end + 2)..]);
        end += 2 + value.Length;
    }

    private static void PutServers(Span<byte> message, ref int end, IReadOnlyList<Ipv4Address> servers)
    {
        int count = Math.Min(servers.Count, 32);
        if (count == 0)
        {
            return;
        }

        message[end++] = DhcpOption.DomainNameServer;
        message[end++] = (byte)(4 * count);
        for (int i = 0; i < count; i++)
        {
            servers[i].CopyTo(message[end..]);
            end += 4;
        }
    }

    private static uint Sum(ReadOnlySpan<byte> bytes, uint sum)
    {
        for (int i = 0; i + 1 < bytes.Length; i += 2)
        {
            sum += (uint)((bytes[i] << 8) | bytes[i + 1]);
        }

        return (bytes.Length & 1) != 0 ? sum + ((uint)bytes[^1] << 8) : sum;
    }

    private static ushort Fold(uint sum)
    {
        while (sum > 0xffff)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
