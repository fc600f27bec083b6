using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath;

/// <content>What IPv4 and IPv6 headers have in common, by the packet's <see cref="Protocol"/>.</content>
internal sealed partial class Packet
{
    /// <summary>The packet is IPv6; else what follows speaks of IPv4.</summary>
    public bool IsIpv6 => Protocol == EtherType.Ipv6;

    /// <summary>AF_INET or AF_INET6, which are the hook families' numbers too.</summary>
    public byte Family => IsIpv6 ? InternetAddress.V6 : InternetAddress.V4;

    public InternetAddress SourceAddress
    {
        get => InternetAddress.Read(Family, SourceBytes);
        set => value.Write(SourceBytes);
    }

    public InternetAddress DestinationAddress
    {
        get => InternetAddress.Read(Family, DestinationBytes);
        set => value.Write(DestinationBytes);
    }

    /// <summary>Time to live; a setter leaves IPv4's checksum alone.</summary>
    public byte HopLimit
    {
        get => Network[IsIpv6 ? 7 : 8];
        set => Network[IsIpv6 ? 7 : 8] = value;
    }

    /// <summary>Type of service, traffic class.</summary>
    public byte TrafficClass => IsIpv6 ? Ipv6.TrafficClass : Ipv4.TypeOfService;

    /// <summary>The largest piece it was reassembled from (frag_max_size); 0 where it came whole. It leaves in pieces no larger.</summary>
    public int LargestFragment { get; set; }

    /// <summary>Other copies share the pieces it was put together from, so it is cut anew, and as IPv6 not below 1280 octets; else it leaves in the very pieces it came in.</summary>
    public bool SharesPieces { get; set; }

    /// <summary>
    /// Where headers of IPv6 are read from on delivery, if not where they stand: behind those that came before the fragment header, when tracking has put the pieces together
    /// (nf_ct_frag6_reasm leaves the transport header there).
    /// </summary>
    public int? HeadersReadFrom { get; set; }

    /// <summary>How large the pieces of a packet that was put together may be when it leaves.</summary>
    public int LargestPiece => IsIpv6 && SharesPieces ? Math.Max(LargestFragment, Ipv6Header.MinimumMtu) : LargestFragment;

    /// <summary>The largest of the pieces it came in was not to be cut, so those it leaves in are neither (IPSKB_FRAG_PMTU); any other mark in its header is lost by cutting.</summary>
    public bool CutsWithDontFragment { get; set; }

    private Span<byte> SourceBytes => IsIpv6 ? Network.Slice(8, 16) : Network.Slice(12, 4);

    private Span<byte> DestinationBytes => IsIpv6 ? Network.Slice(24, 16) : Network.Slice(16, 4);

    /// <summary>A packet of this machine with its network header written, and room for what it carries at <see cref="Transport"/>.</summary>
    public static Packet OfInternet(
        InternetAddress source, InternetAddress destination, byte protocol, int length, byte hopLimit = 64, byte trafficClass = 0, bool dontFragment = false)
    {
        bool isV6 = destination.Family == InternetAddress.V6;
        int header = isV6 ? Ipv6Header.Size : Ipv4Header.MinimumSize;
        Packet packet = OfNetwork(isV6 ? EtherType.Ipv6 : EtherType.Ipv4, header + length);
        if (isV6)
        {
            packet.Ipv6.Write(protocol, length, hopLimit, trafficClass);
            packet.SourceAddress = source;
            packet.DestinationAddress = destination;
        }
        else
        {
            packet.Ipv4.Write((uint)source.Value, (uint)destination.Value, protocol, length, hopLimit, 0, dontFragment ? Ipv4Header.DontFragmentFlag : (ushort)0, trafficClass);
        }

        packet.LocateTransport();
        return packet;
    }

    /// <summary>The sum of the pseudo header that a transport protocol's checksum covers.</summary>
    public uint PseudoHeader(byte protocol, int length) => InternetChecksum.PseudoHeader(SourceBytes, DestinationBytes, protocol, length);

    /// <summary>The transport header is whole and its checksum right; of protocols without a checksum nothing is asked.</summary>
    public bool HasValidTransport
    {
        get
        {
            Span<byte> transport = Transport;
            switch (TransportProtocol)
            {
                case IpProtocol.Tcp:
                    return new TcpHeader(transport).IsWellFormed && SumOf(transport, transport.Length) == 0;
                case IpProtocol.Udp:
                    var udp = new UdpHeader(transport);
                    return udp.IsWellFormed && ((udp.Checksum == 0 && !IsIpv6) || SumOf(transport[..udp.Length], udp.Length) == 0);
                case IpProtocol.Icmp when !IsIpv6:
                    return new IcmpHeader(transport).IsValid;
                case IpProtocol.Icmpv6 when IsIpv6:
                    return transport.Length >= IcmpHeader.Size && SumOf(transport, transport.Length) == 0;
                default:
                    return true;
            }
        }
    }

    /// <summary>The checksum is right for all that follows in the packet, whatever length the transport header says; IPv4's pseudo header counts for TCP and UDP only (nf_ip_checksum, nf_ip6_checksum).</summary>
    public bool HasRightSum => (IsIpv6 || TransportProtocol is IpProtocol.Tcp or IpProtocol.Udp ? SumOf(Transport, Transport.Length) : InternetChecksum.Of(Transport)) == 0;

    /// <summary>Writes the checksum of the TCP, UDP, ICMP or ICMPv6 message, for the addresses that stand in the header now.</summary>
    public void UpdateTransportChecksum()
    {
        Span<byte> transport = Transport;
        int offset = TransportProtocol switch
        {
            IpProtocol.Tcp => 16,
            IpProtocol.Udp => 6,
            _ => 2,
        };
        Span<byte> field = transport[offset..];
        BinaryPrimitives.WriteUInt16BigEndian(field, 0);
        ushort sum = TransportProtocol == IpProtocol.Icmp ? InternetChecksum.Of(transport) : SumOf(transport, transport.Length);
        BinaryPrimitives.WriteUInt16BigEndian(field, sum == 0 && TransportProtocol == IpProtocol.Udp ? (ushort)0xffff : sum);
    }

    /// <summary>A changed header's checksum, where the header has one.</summary>
    public void UpdateHeaderChecksum()
    {
        if (!IsIpv6)
        {
            Ipv4.UpdateChecksum();
        }
    }

    /// <summary>An answer belongs to the connection of the packet it answers, even where that is not in the table yet (nf_ct_attach).</summary>
    public void AttachTo(Packet cause)
    {
        if (cause.Connection is { } connection)
        {
            Connection = connection;
            ConnectionInfo = Conntrack.Connection.DirectionOf(cause.ConnectionInfo) == ConnectionDirection.Original ? ConnectionInfo.RelatedReply : ConnectionInfo.Related;
        }
    }

    private ushort SumOf(ReadOnlySpan<byte> transport, int length) =>
        InternetChecksum.Fold(InternetChecksum.Add(PseudoHeader(TransportProtocol, length), transport));
}
