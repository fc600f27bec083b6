using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>What a receiver makes of IPv6 extension headers (net/ipv6/exthdrs.c): options it doesn't know, source routes it won't take.</summary>
internal static class ExtensionHeaders
{
    private const byte PadOne = 0, PadMany = 1, RouterAlert = 5, Jumbo = 0xc2, Tunnel = 4, HomeAddress = 0xc9;

    /// <summary>Goes through the headers before the transport header; false: the packet ends here.</summary>
    public static bool AcceptAll(InternetLayer layer, NetworkDevice device, Packet packet)
    {
        Span<byte> network = packet.Network;
        byte next = packet.Ipv6.NextHeader;
        int offset = Ipv6Header.Size, field = 6;
        bool isMisread = false;
        if (packet.HeadersReadFrom is { } from)
        {
            // Hop-by-hop options were read before the pieces came together.
            if (next == IpProtocol.HopByHop)
            {
                (next, field, offset) = (network[offset], offset, offset + (network[offset + 1] + 1) * 8);
            }

            isMisread = from != offset;
            offset = from;
        }

        while (next is IpProtocol.HopByHop or IpProtocol.Ipv6Destination or IpProtocol.Ipv6Routing or IpProtocol.Ipv6Fragment)
        {
            if (offset + 8 > network.Length || (next == IpProtocol.HopByHop && offset != Ipv6Header.Size))
            {
                if (next == IpProtocol.HopByHop)
                {
                    // Hop-by-hop options stand first or not at all.
                    layer.Icmp.SendError(packet, device, Icmpv6Type.ParameterProblem, Icmpv6Type.UnknownHeaderCode, (uint)field);
                }

                return false;
            }

            if (next == IpProtocol.Ipv6Destination && !Accept(layer, device, packet, offset))
            {
                return false;
            }

            if (next == IpProtocol.Ipv6Routing && network[offset + 3] != 0)
            {
                // A source route with hops left: no type of it is taken here (type 0 is deprecated, accept_source_route is off).
                layer.Icmp.SendError(packet, device, Icmpv6Type.ParameterProblem, 0, (uint)offset + 2);
                return false;
            }

            field = offset;
            int length = next == IpProtocol.Ipv6Fragment ? 8 : (network[offset + 1] + 1) * 8;
            next = network[offset];
            offset += length;
        }

        // Authentication is for IPsec, which this machine has none of: it is told as any protocol that nobody takes.
        if ((isMisread && next != packet.TransportProtocol) || next == IpProtocol.Ah)
        {
            if (next != IpProtocol.Ipv6NoNext)
            {
                layer.Icmp.SendError(packet, device, Icmpv6Type.ParameterProblem, Icmpv6Type.UnknownHeaderCode, (uint)field);
            }

            return false;
        }

        return true;
    }

    /// <summary>Reads the options of one header (ip6_parse_tlv); the two highest bits of an unknown one say what is to be done.</summary>
    public static bool Accept(InternetLayer layer, NetworkDevice device, Packet packet, int header)
    {
        Span<byte> network = packet.Network;
        if (header + 2 > network.Length || header + (network[header + 1] + 1) * 8 is var end && end > network.Length)
        {
            return false;
        }

        int offset = header + 2;
        while (offset < end)
        {
            byte type = network[offset];
            if (type == PadOne)
            {
                offset++;
                continue;
            }

            if (offset + 2 > end || offset + 2 + network[offset + 1] > end)
            {
                return false;
            }

            if (type is not (PadMany or RouterAlert or Jumbo or Tunnel or HomeAddress) && type >> 6 is var action and not 0)
            {
                if (action == 2 || (action == 3 && !packet.DestinationAddress.IsMulticast))
                {
                    layer.Icmp.SendError(packet, device, Icmpv6Type.ParameterProblem, Icmpv6Type.UnknownOptionCode, (uint)offset);
                }

                return false;
            }

            offset += 2 + network[offset + 1];
        }

        return true;
    }
}
