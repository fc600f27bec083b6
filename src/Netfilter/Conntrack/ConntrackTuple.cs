using System.Net;
using System.Net.Sockets;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Netfilter.Conntrack;

/// <summary>One direction of a connection as connection tracking knows it (CTA_TUPLE_*).</summary>
public sealed record ConntrackTuple
{
    /// <summary>Where packets of this direction come from.</summary>
    public required IPAddress Source { get; init; }

    /// <summary>Where they go to.</summary>
    public required IPAddress Destination { get; init; }

    /// <summary>The layer 4 protocol's number (6 TCP, 17 UDP, 1 ICMP).</summary>
    public required byte Protocol { get; init; }

    /// <summary>The source port of TCP, UDP, SCTP and DCCP.</summary>
    public ushort? SourcePort { get; init; }

    /// <summary>The destination port.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>The type of an ICMP message (echo request).</summary>
    public byte? IcmpType { get; init; }

    /// <summary>The code of an ICMP message.</summary>
    public byte? IcmpCode { get; init; }

    /// <summary>The identifier of an ICMP echo.</summary>
    public ushort? IcmpId { get; init; }

    /// <summary>The zone of this direction, where it has one of its own.</summary>
    public ushort? Zone { get; init; }

    /// <summary>NFPROTO_IPV4 or NFPROTO_IPV6.</summary>
    public byte Family => Source.AddressFamily == AddressFamily.InterNetworkV6 ? Nfnetlink.NFPROTO_IPV6 : Nfnetlink.NFPROTO_IPV4;

    /// <summary>As conntrack(8) writes it: <c>src=10.0.0.2 dst=10.0.0.3 sport=1025 dport=80</c>.</summary>
    public override string ToString()
    {
        string ports = SourcePort is null ? IcmpId is null ? "" : $" type={IcmpType} code={IcmpCode} id={IcmpId}" : $" sport={SourcePort} dport={DestinationPort}";
        return $"src={Source} dst={Destination}{ports}";
    }

    /// <summary>Writes it as an attribute of <paramref name="type"/> (CTA_TUPLE_ORIG, CTA_TUPLE_REPLY).</summary>
    internal void Write(ref NetlinkWriter writer, ushort type)
    {
        bool six = Family == Nfnetlink.NFPROTO_IPV6;
        WireMark tuple = writer.BeginNested(type);
        WireMark addresses = writer.BeginNested(CTA_TUPLE_IP);
        WriteAddress(ref writer, six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, Source);
        WriteAddress(ref writer, six ? CTA_IP_V6_DST : CTA_IP_V4_DST, Destination);
        writer.EndAttribute(addresses);
        WireMark protocol = writer.BeginNested(CTA_TUPLE_PROTO);
        writer.WriteByte(CTA_PROTO_NUM, Protocol);
        if (SourcePort is { } source)
        {
            writer.WriteUInt16BigEndian(CTA_PROTO_SRC_PORT, source);
        }

        if (DestinationPort is { } destination)
        {
            writer.WriteUInt16BigEndian(CTA_PROTO_DST_PORT, destination);
        }

        if (IcmpId is { } id)
        {
            writer.WriteUInt16BigEndian(six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, id);
        }

        if (IcmpType is { } icmpType)
        {
            writer.WriteByte(six ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, icmpType);
        }

        if (IcmpCode is { } code)
        {
            writer.WriteByte(six ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, code);
        }

        writer.EndAttribute(protocol);
        if (Zone is { } zone)
        {
            writer.WriteUInt16BigEndian(CTA_TUPLE_ZONE, zone);
        }

        writer.EndAttribute(tuple);
    }

    internal static void WriteAddress(ref NetlinkWriter writer, ushort type, IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        writer.WriteBytes(type, bytes[..length]);
    }

    internal static ConntrackTuple? Read(in NetlinkAttribute attribute)
    {
        IPAddress? source = null, destination = null;
        byte protocol = 0;
        ushort? sourcePort = null, destinationPort = null, icmpId = null, zone = null;
        byte? icmpType = null, icmpCode = null;
        AttributeReader parts = attribute.Nested();
        while (parts.TryRead(out NetlinkAttribute part))
        {
            AttributeReader fields = part.Nested();
            switch (part.Type)
            {
                case CTA_TUPLE_IP:
                    while (fields.TryRead(out NetlinkAttribute field))
                    {
                        switch (field.Type)
                        {
                            case CTA_IP_V4_SRC when field.Value.Length == 4:
                            case CTA_IP_V6_SRC when field.Value.Length == 16:
                                source = new IPAddress(field.Value);
                                break;
                            case CTA_IP_V4_DST when field.Value.Length == 4:
                            case CTA_IP_V6_DST when field.Value.Length == 16:
                                destination = new IPAddress(field.Value);
                                break;
                        }
                    }

                    break;
                case CTA_TUPLE_PROTO:
                    while (fields.TryRead(out NetlinkAttribute field))
                    {
                        switch (field.Type)
                        {
                            case CTA_PROTO_NUM:
                                protocol = field.Byte;
                                break;
                            case CTA_PROTO_SRC_PORT:
                                sourcePort = field.UInt16BigEndian;
                                break;
                            case CTA_PROTO_DST_PORT:
                                destinationPort = field.UInt16BigEndian;
                                break;
                            case CTA_PROTO_ICMP_ID or CTA_PROTO_ICMPV6_ID:
                                icmpId = field.UInt16BigEndian;
                                break;
                            case CTA_PROTO_ICMP_TYPE or CTA_PROTO_ICMPV6_TYPE:
                                icmpType = field.Byte;
                                break;
                            case CTA_PROTO_ICMP_CODE or CTA_PROTO_ICMPV6_CODE:
                                icmpCode = field.Byte;
                                break;
                        }
                    }

                    break;
                case CTA_TUPLE_ZONE:
                    zone = part.UInt16BigEndian;
                    break;
            }
        }

        return source is null || destination is null ? null : new ConntrackTuple
        {
            Source = source,
            Destination = destination,
            Protocol = protocol,
            SourcePort = sourcePort,
            DestinationPort = destinationPort,
            IcmpType = icmpType,
            IcmpCode = icmpCode,
            IcmpId = icmpId,
            Zone = zone,
        };
    }
}
