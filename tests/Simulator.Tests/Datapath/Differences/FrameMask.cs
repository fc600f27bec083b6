using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Recording;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>
/// A frame as it is compared. Masked are only numbers that a kernel draws or counts for itself: the identification and flow
/// label of packets it makes or cuts, ports and numbers of echoes it drew because two connections would have had the same answers, and the checksum of resets
/// (left to the card on a real one).
/// </summary>
internal static class FrameMask
{
    private static readonly uint[] OwnAddresses = [0x0a010001, 0x0a020001];

    public static string Normal(Packet packet)
    {
        if (packet.Protocol == EtherType.Ipv4 && packet.NetworkLength >= 20 && packet.Ipv4.IsValid)
        {
            MaskV4(packet);
        }
        else if (packet.Protocol == EtherType.Ipv6 && packet.NetworkLength >= 40 && packet.Ipv6.IsValid)
        {
            MaskV6(packet);
        }

        FinishOffloadedSum(packet);
        return $"{FrameSummary.Describe(packet)} {Convert.ToHexStringLower(packet.Frame)}";
    }

    /// <summary>A tunnel's outer sum is left to the card on a real machine: what stands there is the pseudo header's.</summary>
    private static void FinishOffloadedSum(Packet packet)
    {
        if (packet is { TransportProtocol: IpProtocol.Udp, FragmentOffset: 0 } && packet.Transport.Length >= UdpHeader.Size)
        {
            var udp = new UdpHeader(packet.Transport);
            if (udp.DestinationPort == 4789 && udp.Length == packet.Transport.Length && udp.Checksum == (ushort)~InternetChecksum.Fold(packet.PseudoHeader(IpProtocol.Udp, udp.Length)))
            {
                packet.UpdateTransportChecksum();
            }
        }
    }

    private static void MaskV4(Packet packet)
    {
        packet.TrimNetwork(packet.Ipv4.TotalLength);
        packet.LocateTransport();
        Ipv4Header ip = packet.Ipv4;
        bool isWhole = ip.FragmentOffset == 0;
        bool isReset = isWhole && IsReset(packet);
        if (ip.Protocol == IpProtocol.Icmp || OwnAddresses.Contains(ip.Source) || isReset)
        {
            ip.Identification = 0;
            ip.UpdateChecksum();
        }

        if (isWhole)
        {
            MaskDrawn(packet.Transport, ip.Protocol);
        }

        if (isWhole && ip.Protocol == IpProtocol.Icmp && packet.Transport.Length > 48 && IcmpType.IsError(packet.Transport[0]))
        {
            // The packet that an ICMP error quotes.
            packet.Transport.Slice(2, 2).Clear();
            MaskDrawn(packet.Transport[28..], packet.Transport[17]);
        }

        if (isReset && !ip.IsFragment)
        {
            packet.UpdateTransportChecksum();
        }
    }

    private static void MaskV6(Packet packet)
    {
        packet.TrimNetwork(Ipv6Header.Size + packet.Ipv6.PayloadLength);
        packet.LocateTransport();
        bool isFragment = packet.Ipv6.FindFragment(out int at);
        if (isFragment)
        {
            packet.Network.Slice(at + 4, 4).Clear();
        }
        else if (packet.Ipv6.NextHeader == IpProtocol.Ipv6Fragment && packet.NetworkLength >= Ipv6Header.Size + 8)
        {
            // A fragment header that stands before a whole packet.
            packet.Network.Slice(Ipv6Header.Size + 4, 4).Clear();
        }

        bool isReset = packet.FragmentOffset == 0 && IsReset(packet);
        bool isError = packet.TransportProtocol == IpProtocol.Icmpv6 && packet.FragmentOffset == 0 && packet.Transport.Length > 48 && Icmpv6Type.IsError(packet.Transport[0]);
        if (packet.TransportProtocol == IpProtocol.Icmpv6 || isReset)
        {
            packet.Network[1] &= 0xf0;
            packet.Network.Slice(2, 2).Clear();
        }

        if (packet.FragmentOffset == 0)
        {
            MaskDrawn(packet.Transport, packet.TransportProtocol);
        }

        if (isError)
        {
            packet.Transport.Slice(2, 2).Clear();
            MaskDrawn(packet.Transport[48..], packet.Transport[14]);
        }

        if (isReset && !isFragment)
        {
            packet.UpdateTransportChecksum();
        }
    }

    private static bool IsEcho(byte type, byte protocol) =>
        (protocol == IpProtocol.Icmp && type is IcmpType.EchoRequest or IcmpType.EchoReply) || (protocol == IpProtocol.Icmpv6 && type is Icmpv6Type.EchoRequest or Icmpv6Type.EchoReply);

    private static bool IsReset(Packet packet) => packet.TransportProtocol == IpProtocol.Tcp && packet.Transport.Length >= 20 && (packet.Transport[13] & 4) != 0;

    /// <summary>For a port below 512 a kernel draws another such. Ports of a stream are those of its services and from 2000 to 2999; 8080 and 999 are what rules write, 4789 is VXLAN's. Numbers of echoes are drawn of all, those of scenes are below 512.</summary>
    private static void MaskDrawn(Span<byte> transport, byte protocol)
    {
        if (transport.Length < 8)
        {
            return;
        }

        if (IsEcho(transport[0], protocol))
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(transport[4..]) is not (< 512 or (>= 2000 and < 3000)))
            {
                transport.Slice(2, 4).Clear();
            }

            return;
        }

        if (!IpProtocol.HasPorts(protocol))
        {
            return;
        }

        int checksum = protocol == IpProtocol.Tcp ? 16 : 6;
        for (int offset = 0; offset < 4; offset += 2)
        {
            ushort port = BinaryPrimitives.ReadUInt16BigEndian(transport[offset..]);
            if (port is not (22 or 80 or 443 or 999 or (>= 2000 and < 3000) or 4789 or 5000 or 8080) && transport.Length >= checksum + 2)
            {
                transport.Slice(offset, 2).Clear();
                transport.Slice(checksum, 2).Clear();
            }
            else if (port == 999 && transport.Length >= checksum + 2)
            {
                // "th sport set" leaves the checksum as it was, which tells of the port that was drawn before.
                transport.Slice(checksum, 2).Clear();
            }
        }
    }
}
