using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Fabric;

/// <summary>DHCP message types (option 53, RFC 2132).</summary>
internal enum DhcpMessageType : byte
{
    Discover = 1,
    Offer = 2,
    Request = 3,
    Decline = 4,
    Acknowledge = 5,
    Refuse = 6,
    Release = 7,
    Inform = 8,
}

/// <summary>DHCP option codes (RFC 2132).</summary>
internal static class DhcpOption
{
    public const byte SubnetMask = 1;
    public const byte Router = 3;
    public const byte DomainNameServer = 6;
    public const byte HostName = 12;
    public const byte Broadcast = 28;
    public const byte RequestedAddress = 50;
    public const byte LeaseTime = 51;
    public const byte MessageType = 53;
    public const byte ServerIdentifier = 54;
    public const byte ParameterList = 55;
    public const byte RenewalTime = 58;
    public const byte RebindingTime = 59;
    public const byte ClientIdentifier = 61;
}

/// <summary>A DHCP message (RFC 2131) and the ethernet frame around it.</summary>
internal sealed class DhcpFrame
{
    private const int FixedSize = 236;
    private const uint MagicCookie = 0x63825363;
    private const int MinimumMessage = 300;

    /// <summary>1 from clients, 2 from servers.</summary>
    public byte Operation { get; init; } = 1;

    public uint Transaction { get; init; }

    public ushort Seconds { get; init; }

    /// <summary>The client cannot take unicast frames before it has an address.</summary>
    public bool WantsBroadcast { get; init; }

    public uint ClientAddress { get; init; }

    public uint YourAddress { get; init; }

    public uint ServerAddress { get; init; }

    public uint RelayAddress { get; init; }

    public MacAddress ClientHardware { get; init; }

    /// <summary>Options in the order they are written.</summary>
    public List<(byte Code, byte[] Value)> Options { get; } = [];

    /// <summary>The MAC the frame came from.</summary>
    public MacAddress FrameSource { get; private init; }

    public DhcpMessageType Type => Option(DhcpOption.MessageType) is { Length: 1 } value ? (DhcpMessageType)value[0] : 0;

    public byte[]? Option(byte code) => Options.Find(option => option.Code == code).Value;

    public uint? Number(byte code) => Option(code) is { Length: >= 4 } value ? BinaryPrimitives.ReadUInt32BigEndian(value) : null;

    public DhcpFrame With(byte code, params byte[] value)
    {
        Options.Add((code, value));
        return this;
    }

    public DhcpFrame With(byte code, uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return With(code, bytes);
    }

    /// <summary>The whole ethernet frame.</summary>
    public byte[] ToFrame(MacAddress source, MacAddress destination, uint sourceAddress, uint destinationAddress)
    {
        int options = 4 + Options.Sum(static option => 2 + option.Value.Length) + 1;
        int message = Math.Max(FixedSize + options, MinimumMessage);
        Packet packet = Packet.OfNetwork(EtherType.Ipv4, Ipv4Header.MinimumSize + UdpHeader.Size + message);
        packet.Ipv4.Write(sourceAddress, destinationAddress, IpProtocol.Udp, UdpHeader.Size + message);
        Span<byte> datagram = packet.Network[Ipv4Header.MinimumSize..];
        Span<byte> bytes = datagram[UdpHeader.Size..];
        bytes[0] = Operation;
        bytes[1] = 1;
        bytes[2] = 6;
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Transaction);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[8..], Seconds);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[10..], WantsBroadcast ? (ushort)0x8000 : (ushort)0);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[12..], ClientAddress);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[16..], YourAddress);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[20..], ServerAddress);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[24..], RelayAddress);
        ClientHardware.CopyTo(bytes[28..]);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[FixedSize..], MagicCookie);
        int at = FixedSize + 4;
        foreach ((byte code, byte[] value) in Options)
        {
            bytes[at++] = code;
            bytes[at++] = (byte)value.Length;
            value.CopyTo(bytes[at..]);
            at += value.Length;
        }

        bytes[at] = 255;
        (ushort from, ushort to) = Operation == 1 ? ((ushort)68, (ushort)67) : ((ushort)67, (ushort)68);
        new UdpHeader(datagram).Write(from, to);
        packet.LocateTransport();
        packet.UpdateTransportChecksum();
        packet.SetLinkHeader(destination, source, EtherType.Ipv4);
        return packet.Frame.ToArray();
    }

    /// <summary>Reads a frame; false where it is no whole DHCP message to this port.</summary>
    public static bool TryRead(Span<byte> frame, ushort port, [NotNullWhen(true)] out DhcpFrame? message)
    {
        message = null;
        if (frame.Length < Packet.EthernetSize + Ipv4Header.MinimumSize || BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) != EtherType.Ipv4)
        {
            return false;
        }

        var ip = new Ipv4Header(frame[Packet.EthernetSize..]);
        if (!ip.IsValid || ip.Protocol != IpProtocol.Udp || ip.IsFragment)
        {
            return false;
        }

        Packet packet = Packet.FromFrame(frame);
        packet.TrimNetwork(ip.TotalLength);
        packet.LocateTransport();
        var udp = new UdpHeader(packet.Transport);
        if (!packet.HasValidTransport || udp.DestinationPort != port)
        {
            return false;
        }

        ReadOnlySpan<byte> bytes = udp.Payload;
        if (bytes.Length < FixedSize + 4 || bytes[1] != 1 || bytes[2] != 6 || BinaryPrimitives.ReadUInt32BigEndian(bytes[FixedSize..]) != MagicCookie)
        {
            return false;
        }

        var read = new DhcpFrame
        {
            Operation = bytes[0],
            Transaction = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
            Seconds = BinaryPrimitives.ReadUInt16BigEndian(bytes[8..]),
            WantsBroadcast = (bytes[10] & 0x80) != 0,
            ClientAddress = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]),
            YourAddress = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]),
            ServerAddress = BinaryPrimitives.ReadUInt32BigEndian(bytes[20..]),
            RelayAddress = BinaryPrimitives.ReadUInt32BigEndian(bytes[24..]),
            ClientHardware = MacAddress.Read(bytes[28..]),
            FrameSource = MacAddress.Read(frame[6..]),
        };
        for (int at = FixedSize + 4; at < bytes.Length && bytes[at] != 255;)
        {
            if (bytes[at] == 0)
            {
                at++;
                continue;
            }

            if (at + 2 > bytes.Length || at + 2 + bytes[at + 1] > bytes.Length)
            {
                return false;
            }

            read.Options.Add((bytes[at], bytes.Slice(at + 2, bytes[at + 1]).ToArray()));
            at += 2 + bytes[at + 1];
        }

        message = read;
        return true;
    }
}
