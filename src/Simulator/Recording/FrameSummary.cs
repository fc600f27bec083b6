using System.Globalization;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Transport;

namespace EucaNet.Simulator.Recording;

/// <summary>A frame in one line, for transcripts.</summary>
internal static class FrameSummary
{
    public static string Describe(Packet packet)
    {
        string link = packet.MacOffset < 0 ? "" : $"{packet.Source} > {packet.Destination} ";
        string tag = packet.Tag is { } vlan ? string.Create(CultureInfo.InvariantCulture, $"vlan {vlan.Id} ") : "";
        return link + tag + Network(packet);
    }

    private static string Network(Packet packet)
    {
        Span<byte> network = packet.Network;
        switch (packet.Protocol)
        {
            case EtherType.Arp when network.Length >= ArpHeader.Size && packet.Arp.IsValid:
                ArpHeader arp = packet.Arp;
                return arp.Operation == ArpHeader.Request
                    ? $"ARP who has {Ipv4.Text(arp.TargetAddress)} tell {Ipv4.Text(arp.SenderAddress)}"
                    : $"ARP {Ipv4.Text(arp.SenderAddress)} is at {arp.SenderHardware}";

            case EtherType.Ipv4 when network.Length >= Ipv4Header.MinimumSize:
                return Ip(packet.Ipv4);

            default:
                return string.Create(CultureInfo.InvariantCulture, $"protocol 0x{packet.Protocol:x4} length {network.Length}");
        }
    }

    private static string Ip(Ipv4Header header)
    {
        string source = Ipv4.Text(header.Source), destination = Ipv4.Text(header.Destination);
        if (header.HeaderLength < Ipv4Header.MinimumSize || header.HeaderLength > header.Bytes.Length)
        {
            return $"IP {source} > {destination} malformed";
        }

        string rest = string.Create(CultureInfo.InvariantCulture, $"ttl {header.TimeToLive} id {header.Identification} length {header.TotalLength}");
        if (header.FragmentOffset != 0)
        {
            return string.Create(CultureInfo.InvariantCulture, $"IP {source} > {destination} fragment at {header.FragmentOffset} {rest}");
        }

        Span<byte> payload = header.Bytes[header.HeaderLength..];
        switch (header.Protocol)
        {
            case IpProtocol.Icmp when payload.Length >= IcmpHeader.Size:
                var icmp = new IcmpHeader(payload);
                return string.Create(CultureInfo.InvariantCulture, $"IP {source} > {destination} icmp type {icmp.Type} code {icmp.Code} id {icmp.Identifier} seq {icmp.Sequence} {rest}");
            case IpProtocol.Udp when payload.Length >= UdpHeader.Size:
                var udp = new UdpHeader(payload);
                return string.Create(CultureInfo.InvariantCulture, $"IP {source}:{udp.SourcePort} > {destination}:{udp.DestinationPort} udp {rest}");
            case IpProtocol.Tcp when payload.Length >= TcpHeader.MinimumSize:
                var tcp = new TcpHeader(payload);
                return string.Create(CultureInfo.InvariantCulture,
                    $"IP {source}:{tcp.SourcePort} > {destination}:{tcp.DestinationPort} tcp {TcpLayer.Describe(tcp.Flags)} seq {tcp.Sequence} ack {tcp.Acknowledgement} {rest}");
            default:
                return string.Create(CultureInfo.InvariantCulture, $"IP {source} > {destination} protocol {header.Protocol} {rest}");
        }
    }
}
