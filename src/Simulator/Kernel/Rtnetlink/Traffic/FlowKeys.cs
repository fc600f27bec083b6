using System.Buffers.Binary;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>What flower reads of a packet (the kernel's flow dissector): where its transport header is. Of fragments there is none, and its fields are zero.</summary>
/// <param name="Protocol">The transport protocol, 0 where there is none.</param>
/// <param name="Transport">Where its header begins, behind the network header's first octet; -1 where it is not here.</param>
internal readonly record struct FlowKeys(byte Protocol, int Transport)
{
    private const byte Icmp = 1, Tcp = 6, Udp = 17, Icmpv6 = 58, Sctp = 132;

    public static FlowKeys Of(Packet packet)
    {
        ReadOnlySpan<byte> network = packet.Network;
        switch (packet.Protocol)
        {
            case EtherType.Ipv4 when network.Length >= Ipv4Header.MinimumSize && (network[0] & 0xf) >= 5:
                bool isFragment = (BinaryPrimitives.ReadUInt16BigEndian(network[6..]) & 0x3fff) != 0;
                return new FlowKeys(network[9], isFragment ? -1 : (network[0] & 0xf) * 4);
            case EtherType.Ipv6 when network.Length >= Ipv6Header.Size:
                byte protocol = packet.Ipv6.FindTransport(out int offset, out _);
                return new FlowKeys(protocol, packet.Ipv6.FindFragment(out _) ? -1 : offset);
            default:
                return new FlowKeys(0, -1);
        }
    }

    /// <summary>A field by its attribute (TCA_FLOWER_KEY_*), as it stands in messages; what is not in the packet stays zero.</summary>
    public void Read(ushort field, Packet packet, Span<byte> value)
    {
        bool v4 = packet.Protocol == EtherType.Ipv4, v6 = packet.Protocol == EtherType.Ipv6, arp = packet.Protocol == EtherType.Arp;
        switch (field)
        {
            case 4:
                packet.CopyLinkHeader(0, value[..6]);
                break;
            case 6:
                packet.CopyLinkHeader(6, value[..6]);
                break;
            case 8 or 25:
                BinaryPrimitives.WriteUInt16BigEndian(value, packet.Protocol);
                break;
            case 23:
                BinaryPrimitives.WriteUInt16LittleEndian(value, packet.Tag?.Id ?? 0);
                break;
            case 24:
                value[0] = packet.Tag?.Priority ?? 0;
                break;
            case 9:
                value[0] = Protocol;
                break;
            case 73:
                value[0] = v4 ? At(packet, 1) : v6 && packet.NetworkLength >= Ipv6Header.Size ? packet.Ipv6.TrafficClass : (byte)0;
                break;
            case 75:
                value[0] = v4 ? At(packet, 8) : v6 ? At(packet, 7) : (byte)0;
                break;
            case 10 or 12 when v4:
                Copy(packet, field == 10 ? 12 : 16, value[..4]);
                break;
            case 14 or 16 when v6:
                Copy(packet, field == 14 ? 8 : 24, value[..16]);
                break;
            case 18 or 19 when Protocol == Tcp:
            case 20 or 21 when Protocol == Udp:
            case 41 or 42 when Protocol == Sctp:
                CopyTransport(packet, field is 18 or 20 or 41 ? 0 : 2, value[..2]);
                break;
            case 71 when Protocol == Tcp:
                CopyTransport(packet, 12, value[..2]);
                value[0] &= 0x0f;
                break;
            case 51 or 49 when Protocol == Icmp:
            case 55 or 53 when Protocol == Icmpv6:
                CopyTransport(packet, field is 51 or 55 ? 0 : 1, value[..1]);
                break;
            case 57 or 59 when arp:
                Copy(packet, field == 57 ? 14 : 24, value[..4]);
                break;
            case 61 when arp:
                value[0] = At(packet, 7);
                break;
            case 63 or 65 when arp:
                Copy(packet, field == 63 ? 8 : 18, value[..6]);
                break;
        }
    }

    private static byte At(Packet packet, int offset) => offset < packet.NetworkLength ? packet.Network[offset] : (byte)0;

    private static void Copy(Packet packet, int offset, Span<byte> value)
    {
        if (offset + value.Length <= packet.NetworkLength)
        {
            packet.Network.Slice(offset, value.Length).CopyTo(value);
        }
    }

    private void CopyTransport(Packet packet, int offset, Span<byte> value)
    {
        if (Transport >= 0)
        {
            Copy(packet, Transport + offset, value);
        }
    }
}
