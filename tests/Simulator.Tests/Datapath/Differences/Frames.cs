using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>Whole ethernet frames for scenes.</summary>
internal static class Frames
{
    public static byte[] Udp(string source, string destination, string from = "10.9.0.2", string to = "10.9.0.3", ushort fromPort = 2001, ushort toPort = 53, int data = 4, byte hopLimit = 64, byte trafficClass = 0, bool dontFragment = false)
    {
        Packet packet = Packet.OfInternet(InternetAddress.Parse(from), InternetAddress.Parse(to), IpProtocol.Udp, UdpHeader.Size + data, hopLimit, trafficClass, dontFragment);
        new UdpHeader(packet.Transport).Write(fromPort, toPort);
        return Finish(packet, source, destination);
    }

    public static byte[] Tcp(string source, string destination, string from, string to, ushort fromPort, ushort toPort, TcpFlags flags, uint sequence, uint acknowledgement, int data = 0)
    {
        Packet packet = Packet.OfInternet(InternetAddress.Parse(from), InternetAddress.Parse(to), IpProtocol.Tcp, 20 + data);
        new TcpHeader(packet.Transport).Write(fromPort, toPort, sequence, acknowledgement, flags, 1000);
        return Finish(packet, source, destination);
    }

    public static byte[] Echo(string source, string destination, string from, string to, bool reply = false, byte hopLimit = 64)
    {
        bool isV6 = to.Contains(':', StringComparison.Ordinal);
        Packet packet = Packet.OfInternet(InternetAddress.Parse(from), InternetAddress.Parse(to), isV6 ? IpProtocol.Icmpv6 : IpProtocol.Icmp, 16, hopLimit);
        _ = new IcmpHeader(packet.Transport) { Type = (isV6, reply) switch { (true, false) => 128, (true, true) => 129, (false, true) => IcmpType.EchoReply, _ => IcmpType.EchoRequest }, Identifier = 7, Sequence = 1 };
        return Finish(packet, source, destination);
    }

    /// <summary>An ICMP error about a packet of UDP or TCP that the receiver has sent to the error's sender.</summary>
    /// <param name="information">The header's last four octets: an MTU, a gateway.</param>
    /// <param name="sequence">Of TCP, the quoted number.</param>
    /// <param name="vni">The datagram is a tunnel's, and the packet's VXLAN header is quoted too.</param>
    public static byte[] Error(
        string source, string destination, string from, string to, byte type, byte code, uint information, byte protocol, ushort quotedFrom, ushort quotedTo, uint sequence = 0, uint? vni = null)
    {
        Packet quoted = Packet.OfInternet(InternetAddress.Parse(to), InternetAddress.Parse(from), protocol, 20);
        quoted.UpdateHeaderChecksum();
        BinaryPrimitives.WriteUInt16BigEndian(quoted.Transport, quotedFrom);
        BinaryPrimitives.WriteUInt16BigEndian(quoted.Transport[2..], quotedTo);
        BinaryPrimitives.WriteUInt32BigEndian(quoted.Transport[4..], sequence);
        if (vni is { } network)
        {
            quoted.Transport[UdpHeader.Size] = 8;
            BinaryPrimitives.WriteUInt32BigEndian(quoted.Transport[(UdpHeader.Size + 4)..], network << 8);
        }

        Packet packet = Packet.OfInternet(InternetAddress.Parse(from), InternetAddress.Parse(to), to.Contains(':', StringComparison.Ordinal) ? IpProtocol.Icmpv6 : IpProtocol.Icmp, IcmpHeader.Size + quoted.NetworkLength);
        _ = new IcmpHeader(packet.Transport) { Type = type, Code = code, Information = information };
        quoted.Network.CopyTo(packet.Transport[IcmpHeader.Size..]);
        return Finish(packet, source, destination);
    }

    /// <summary>A frame in a VXLAN packet (RFC 7348).</summary>
    /// <param name="vni">The network; null writes a header that says it has none.</param>
    public static byte[] Vxlan(string source, string destination, string from, string to, uint? vni, byte[] inner, ushort port = 4789, byte trafficClass = 0)
    {
        Packet packet = Packet.OfInternet(InternetAddress.Parse(from), InternetAddress.Parse(to), IpProtocol.Udp, UdpHeader.Size + 8 + inner.Length, 64, trafficClass);
        new UdpHeader(packet.Transport).Write(2005, port);
        Span<byte> header = packet.Transport[UdpHeader.Size..];
        header[0] = (byte)(vni is null ? 0 : 8);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], (vni ?? 0) << 8);
        inner.CopyTo(header[8..]);
        return Finish(packet, source, destination);
    }

    /// <summary>A packet of another protocol, with its payload as it is; the caller wrote the checksums it needs.</summary>
    public static byte[] Of(string source, string destination, string from, string to, byte protocol, ReadOnlySpan<byte> payload, byte hopLimit = 64)
    {
        Packet packet = Packet.OfInternet(InternetAddress.Parse(from), InternetAddress.Parse(to), protocol, payload.Length, hopLimit);
        payload.CopyTo(packet.Network[(packet.NetworkLength - payload.Length)..]);
        packet.UpdateHeaderChecksum();
        packet.SetLinkHeader(MacAddress.Parse(destination), MacAddress.Parse(source), packet.Protocol);
        return packet.Frame.ToArray();
    }

    public static byte[] ArpRequest(string source, string from, string asked) => Arp(ArpHeader.Request, source, "ff:ff:ff:ff:ff:ff", from, asked);

    public static byte[] Arp(ushort operation, string source, string destination, string from, string target)
    {
        Packet packet = Packet.OfNetwork(EtherType.Arp, ArpHeader.Size);
        MacAddress sender = MacAddress.Parse(source), receiver = MacAddress.Parse(destination);
        packet.Arp.Write(operation, sender, Number(from), operation == ArpHeader.Request ? default : receiver, Number(target));
        packet.SetLinkHeader(receiver, sender, EtherType.Arp);
        return packet.Frame.ToArray();
    }

    private static uint Number(string address) => (uint)InternetAddress.Parse(address).Value;

    private static byte[] Finish(Packet packet, string source, string destination)
    {
        packet.UpdateHeaderChecksum();
        packet.UpdateTransportChecksum();
        packet.SetLinkHeader(MacAddress.Parse(destination), MacAddress.Parse(source), packet.Protocol);
        return packet.Frame.ToArray();
    }
}
