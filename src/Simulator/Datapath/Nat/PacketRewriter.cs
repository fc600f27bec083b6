using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Nat;

/// <summary>Rewrites addresses and ports in a packet's bytes and mends the checksums that cover them.</summary>
internal static class PacketRewriter
{
    /// <summary>
    /// Gives the packet at <paramref name="network"/> the source (or destination) of <paramref name="target"/>. What lies
    /// inside an ICMP error may be cut: its transport checksum is mended only where it is there.
    /// </summary>
    public static bool Rewrite(Span<byte> network, byte family, ConnectionTuple target, NatManipulation manipulation)
    {
        int headerLength;
        byte protocol;
        Span<byte> address;
        bool firstFragment = true;
        if (family == InternetAddress.V4)
        {
            if (network.Length < Ipv4Header.MinimumSize)
            {
                return false;
            }

            var header = new Ipv4Header(network);
            headerLength = header.HeaderLength;
            protocol = header.Protocol;
            firstFragment = (header.FragmentField & Ipv4Header.OffsetMask) == 0;
            address = network.Slice(manipulation == NatManipulation.Source ? 12 : 16, 4);
        }
        else
        {
            if (network.Length < Ipv6Header.Size)
            {
                return false;
            }

            var header = new Ipv6Header(network);
            protocol = header.FindTransport(out headerLength, out _);
            address = network.Slice(manipulation == NatManipulation.Source ? 8 : 24, 16);
        }

        Span<byte> before = stackalloc byte[16];
        before = before[..address.Length];
        address.CopyTo(before);
        Span<byte> after = stackalloc byte[16];
        after = after[..address.Length];
        (manipulation == NatManipulation.Source ? target.Source : target.Destination).Write(after);

        if (firstFragment && headerLength < network.Length)
        {
            RewriteTransport(network[headerLength..], protocol, target, manipulation, before, after);
        }

        after.CopyTo(address);
        if (family == InternetAddress.V4)
        {
            var header = new Ipv4Header(network);
            header.Checksum = InternetChecksum.Replace(header.Checksum, before, after);
        }

        return true;
    }

    private static void RewriteTransport(
        Span<byte> transport, byte protocol, ConnectionTuple target, NatManipulation manipulation, ReadOnlySpan<byte> addressBefore, ReadOnlySpan<byte> addressAfter)
    {
        int checksumOffset;
        int portOffset = manipulation == NatManipulation.Source ? 0 : 2;
        ushort port = manipulation == NatManipulation.Source ? target.SourcePort : target.DestinationPort;
        bool coversAddress = true;
        switch (protocol)
        {
            case IpProtocol.Tcp:
                checksumOffset = 16;
                break;
            case IpProtocol.Udp or IpProtocol.UdpLite:
                checksumOffset = 6;
                break;
            case IpProtocol.Dccp:
                checksumOffset = 6;
                break;
            case IpProtocol.Sctp:
                checksumOffset = -1;
                break;
            case IpProtocol.Icmp or IpProtocol.Icmpv6:
                checksumOffset = 2;
                portOffset = 4;
                port = target.SourcePort;
                coversAddress = protocol == IpProtocol.Icmpv6;
                if (transport.Length < 8 || !CarriesIdentifier(protocol, transport[0]))
                {
                    portOffset = -1;
                }

                break;
            default:
                return;
        }

        Span<byte> portBefore = stackalloc byte[2], portAfter = stackalloc byte[2];
        if (portOffset >= 0 && transport.Length >= portOffset + 2)
        {
            transport.Slice(portOffset, 2).CopyTo(portBefore);
            BinaryPrimitives.WriteUInt16BigEndian(portAfter, port);
            portAfter.CopyTo(transport[portOffset..]);
        }

        if (protocol == IpProtocol.Sctp && transport.Length >= 12)
        {
            Crc32C.Write(transport);
        }

        if (checksumOffset < 0 || transport.Length < checksumOffset + 2)
        {
            return;
        }

        ushort checksum = BinaryPrimitives.ReadUInt16BigEndian(transport[checksumOffset..]);
        if (checksum == 0 && protocol == IpProtocol.Udp)
        {
            return;
        }

        if (coversAddress)
        {
            checksum = InternetChecksum.Replace(checksum, addressBefore, addressAfter);
        }

        checksum = InternetChecksum.Replace(checksum, portBefore, portAfter);
        if (checksum == 0 && protocol == IpProtocol.Udp)
        {
            checksum = 0xffff;
        }

        BinaryPrimitives.WriteUInt16BigEndian(transport[checksumOffset..], checksum);
    }

    private static bool CarriesIdentifier(byte protocol, byte type) => protocol == IpProtocol.Icmp
        ? type is IcmpType.EchoRequest or IcmpType.EchoReply or IcmpType.TimestampRequest or IcmpType.TimestampReply
            or IcmpType.InformationRequest or IcmpType.InformationReply or IcmpType.AddressMaskRequest or IcmpType.AddressMaskReply
        : type is 128 or 129;
}
