using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Conntrack;

/// <summary>One direction of a connection: who speaks to whom.</summary>
/// <param name="Source">Address of the sender.</param>
/// <param name="Destination">Address of the receiver.</param>
/// <param name="Protocol">Transport protocol.</param>
/// <param name="SourcePort">Port of the sender; of ICMP the identifier; 0 where the protocol has neither.</param>
/// <param name="DestinationPort">Port of the receiver; of ICMP the type in the high octet and the code in the low one.</param>
internal readonly record struct ConnectionTuple(
    InternetAddress Source, InternetAddress Destination, byte Protocol, ushort SourcePort, ushort DestinationPort)
{
    private const ushort PointToPoint = 0x880b;

    public byte Family => Source.Family;

    public byte IcmpType => (byte)(DestinationPort >> 8);

    public byte IcmpCode => (byte)DestinationPort;

    public ConnectionTuple WithSource(InternetAddress address, ushort port) => this with { Source = address, SourcePort = port };

    public ConnectionTuple WithDestination(InternetAddress address, ushort port) => this with { Destination = address, DestinationPort = port };

    /// <summary>The tuple of the answer, or null where a packet of this kind is never answered (ICMP other than requests and replies).</summary>
    public ConnectionTuple? Invert()
    {
        if (Protocol is IpProtocol.Icmp or IpProtocol.Icmpv6)
        {
            return InverseIcmpType(Protocol, IcmpType) is { } type
                ? new ConnectionTuple(Destination, Source, Protocol, SourcePort, (ushort)(type << 8 | IcmpCode))
                : null;
        }

        return new ConnectionTuple(Destination, Source, Protocol, DestinationPort, SourcePort);
    }

    /// <summary>
    /// Reads the tuple of an IPv4 or IPv6 packet that begins at <paramref name="network"/>; null for later fragments and for
    /// what is cut before the ports. Only eight octets of the transport header need be there (they are, inside ICMP errors).
    /// </summary>
    public static ConnectionTuple? Read(Span<byte> network, byte family)
    {
        byte protocol;
        int offset;
        InternetAddress source, destination;
        if (family == InternetAddress.V4)
        {
            if (network.Length < Ipv4Header.MinimumSize)
            {
                return null;
            }

            var header = new Ipv4Header(network);
            if ((header.FragmentField & Ipv4Header.OffsetMask) != 0 || header.HeaderLength < Ipv4Header.MinimumSize)
            {
                return null;
            }

            protocol = header.Protocol;
            offset = header.HeaderLength;
            source = InternetAddress.FromV4(header.Source);
            destination = InternetAddress.FromV4(header.Destination);
        }
        else
        {
            if (network.Length < Ipv6Header.Size)
            {
                return null;
            }

            var header = new Ipv6Header(network);
            protocol = header.FindTransport(out offset, out ushort fragment);
            if (fragment >> 3 != 0)
            {
                return null;
            }

            source = InternetAddress.Read(InternetAddress.V6, header.Source);
            destination = InternetAddress.Read(InternetAddress.V6, header.Destination);
        }

        ushort sourcePort = 0, destinationPort = 0;
        if (protocol is IpProtocol.Icmp or IpProtocol.Icmpv6)
        {
            if (network.Length < offset + 8)
            {
                return null;
            }

            destinationPort = BinaryPrimitives.ReadUInt16BigEndian(network[offset..]);
            sourcePort = BinaryPrimitives.ReadUInt16BigEndian(network[(offset + 4)..]);
        }
        else if (protocol == IpProtocol.Gre)
        {
            // Of PPTP's version the call stands for the port it goes to; of any other there is nothing to tell flows apart by.
            if (network.Length >= offset + 8 && (network[offset + 1] & 7) == 1)
            {
                if (BinaryPrimitives.ReadUInt16BigEndian(network[(offset + 2)..]) != PointToPoint)
                {
                    return null;
                }

                destinationPort = BinaryPrimitives.ReadUInt16BigEndian(network[(offset + 6)..]);
            }
        }
        else if (IpProtocol.HasPorts(protocol))
        {
            if (network.Length < offset + 4)
            {
                return null;
            }

            sourcePort = BinaryPrimitives.ReadUInt16BigEndian(network[offset..]);
            destinationPort = BinaryPrimitives.ReadUInt16BigEndian(network[(offset + 2)..]);
        }

        return new ConnectionTuple(source, destination, protocol, sourcePort, destinationPort);
    }

    /// <summary>Whether an ICMP message of this type may begin a connection: the requests.</summary>
    public static bool BeginsConnection(byte protocol, byte icmpType) => protocol == IpProtocol.Icmp
        ? icmpType is Formats.IcmpType.EchoRequest or Formats.IcmpType.TimestampRequest or Formats.IcmpType.InformationRequest or Formats.IcmpType.AddressMaskRequest
        : icmpType is 128 or 139;

    private static byte? InverseIcmpType(byte protocol, byte type) => protocol == IpProtocol.Icmp
        ? type switch
        {
            Formats.IcmpType.EchoRequest => (byte?)Formats.IcmpType.EchoReply,
            Formats.IcmpType.EchoReply => Formats.IcmpType.EchoRequest,
            Formats.IcmpType.TimestampRequest => Formats.IcmpType.TimestampReply,
            Formats.IcmpType.TimestampReply => Formats.IcmpType.TimestampRequest,
            Formats.IcmpType.InformationRequest => Formats.IcmpType.InformationReply,
            Formats.IcmpType.InformationReply => Formats.IcmpType.InformationRequest,
            Formats.IcmpType.AddressMaskRequest => Formats.IcmpType.AddressMaskReply,
            Formats.IcmpType.AddressMaskReply => Formats.IcmpType.AddressMaskRequest,
            _ => (byte?)null,
        }
        : type switch
        {
            128 => (byte?)129,
            129 => 128,
            139 => 140,
            140 => 139,
            _ => (byte?)null,
        };

    public override string ToString() => Protocol switch
    {
        IpProtocol.Icmp or IpProtocol.Icmpv6 => $"{Source}>{Destination} icmp type {IcmpType} code {IcmpCode} id {SourcePort}",
        IpProtocol.Tcp => $"{Source}:{SourcePort}>{Destination}:{DestinationPort} tcp",
        IpProtocol.Udp => $"{Source}:{SourcePort}>{Destination}:{DestinationPort} udp",
        _ => $"{Source}>{Destination} protocol {Protocol}",
    };
}
