using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>Connections in the byte form of nf_conntrack_netlink; unlike nf_tables it sets NLA_F_NESTED.</summary>
internal static class ConntrackMessage
{
    private static readonly AttributePolicy TuplePolicy = new(
        CTA_TUPLE_ZONE, (CTA_TUPLE_IP, AttributePolicy.Nested), (CTA_TUPLE_PROTO, AttributePolicy.Nested), (CTA_TUPLE_ZONE, AttributePolicy.U16));

    private static readonly AttributePolicy AddressPolicy = new(
        CTA_IP_V6_DST,
        (CTA_IP_V4_SRC, AttributePolicy.U32),
        (CTA_IP_V4_DST, AttributePolicy.U32),
        (CTA_IP_V6_SRC, AttributePolicy.Data),
        (CTA_IP_V6_DST, AttributePolicy.Data));

    private static readonly AttributePolicy ProtocolPolicy = new(
        CTA_PROTO_ICMPV6_CODE,
        (CTA_PROTO_NUM, AttributePolicy.U8),
        (CTA_PROTO_SRC_PORT, AttributePolicy.U16),
        (CTA_PROTO_DST_PORT, AttributePolicy.U16),
        (CTA_PROTO_ICMP_ID, AttributePolicy.U16),
        (CTA_PROTO_ICMP_TYPE, AttributePolicy.U8),
        (CTA_PROTO_ICMP_CODE, AttributePolicy.U8),
        (CTA_PROTO_ICMPV6_ID, AttributePolicy.U16),
        (CTA_PROTO_ICMPV6_TYPE, AttributePolicy.U8),
        (CTA_PROTO_ICMPV6_CODE, AttributePolicy.U8));

    /// <summary>Reads a whole tuple.</summary>
    public static LinuxError ReadTuple(KernelAttribute attribute, byte family, out ConnectionTuple tuple)
    {
        tuple = default;
        LinuxError error = attribute.Parse(TuplePolicy, out ParsedAttributes outer);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (family is not (InternetAddress.V4 or InternetAddress.V6))
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (!outer.Has(CTA_TUPLE_IP) || !outer.Has(CTA_TUPLE_PROTO))
        {
            return LinuxError.EINVAL;
        }

        error = outer[CTA_TUPLE_IP].Parse(AddressPolicy, out ParsedAttributes addresses);
        if (error == LinuxError.None)
        {
            error = outer[CTA_TUPLE_PROTO].Parse(ProtocolPolicy, out ParsedAttributes protocol);
            if (error == LinuxError.None)
            {
                error = ReadTuple(addresses, protocol, family, out tuple);
            }
        }

        return error;
    }

    private static LinuxError ReadTuple(ParsedAttributes addresses, ParsedAttributes protocol, byte family, out ConnectionTuple tuple)
    {
        tuple = default;
        bool isV4 = family == InternetAddress.V4;
        KernelAttribute source = addresses[isV4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC], destination = addresses[isV4 ? CTA_IP_V4_DST : CTA_IP_V6_DST];
        if (!source.Exists || !destination.Exists || !protocol.Has(CTA_PROTO_NUM))
        {
            return LinuxError.EINVAL;
        }

        if (!isV4 && (source.Length < 16 || destination.Length < 16))
        {
            return LinuxError.ERANGE;
        }

        byte number = protocol[CTA_PROTO_NUM].Byte;
        ushort first = 0, second = 0;
        if (number is IpProtocol.Icmp or IpProtocol.Icmpv6)
        {
            bool isV6 = number == IpProtocol.Icmpv6;
            KernelAttribute id = protocol[isV6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID];
            KernelAttribute type = protocol[isV6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE];
            KernelAttribute code = protocol[isV6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE];
            if (!id.Exists || !type.Exists || !code.Exists)
            {
                return LinuxError.EINVAL;
            }

            first = id.UInt16BigEndian;
            second = (ushort)(type.Byte << 8 | code.Byte);
        }
        else if (IpProtocol.HasPorts(number) || number == IpProtocol.Gre)
        {
            if (!protocol.Has(CTA_PROTO_SRC_PORT) || !protocol.Has(CTA_PROTO_DST_PORT))
            {
                return LinuxError.EINVAL;
            }

            first = protocol[CTA_PROTO_SRC_PORT].UInt16BigEndian;
            second = protocol[CTA_PROTO_DST_PORT].UInt16BigEndian;
        }

        tuple = new ConnectionTuple(InternetAddress.Read(family, source.Value), InternetAddress.Read(family, destination.Value), number, first, second);
        return LinuxError.None;
    }

    /// <summary>A connection as dumps and answers show it.</summary>
    /// <param name="writer">Where it goes.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="now">What its timeout is counted from.</param>
    /// <param name="resetsCounters">The counters start anew.</param>
    /// <param name="users">Who holds it: one in a dump, and whoever looked it up.</param>
    public static void Write(ref NetlinkWriter writer, Connection connection, DateTimeOffset now, bool resetsCounters, uint users = 1)
    {
        WriteTuples(ref writer, connection);
        writer.WriteUInt32BigEndian(CTA_STATUS, (uint)connection.Status);
        writer.WriteUInt32BigEndian(CTA_MARK, connection.Mark);
        writer.WriteUInt32BigEndian(CTA_ID, connection.Id);
        writer.WriteUInt32BigEndian(CTA_USE, users);
        if ((connection.Status & ConnectionStatus.Offload) == 0)
        {
            writer.WriteUInt32BigEndian(CTA_TIMEOUT, SecondsLeft(connection, now));
            WriteProtocol(ref writer, connection);
        }

        WriteCounters(ref writer, connection, resetsCounters);
        if (connection.IsMadeByRequest)
        {
            // Connections made by hand have room for the numbers of a SYN proxy, which none has.
            WireMark proxy = writer.BeginNested(CTA_SYNPROXY);
            for (ushort number = CTA_SYNPROXY_ISN; number <= CTA_SYNPROXY_TSOFF; number++)
            {
                writer.WriteUInt32BigEndian(number, 0);
            }

            writer.EndAttribute(proxy);
        }
    }

    /// <summary>A connection as an event tells of it: what is new of it.</summary>
    public static void WriteEvent(ref NetlinkWriter writer, Connection connection, DateTimeOffset now, ConnectionEvents events)
    {
        WriteTuples(ref writer, connection);
        writer.WriteUInt32BigEndian(CTA_ID, connection.Id);
        writer.WriteUInt32BigEndian(CTA_STATUS, (uint)connection.Status);
        if ((events & ConnectionEvents.Destroy) != 0)
        {
            WriteCounters(ref writer, connection, resets: false);
            WriteProtocol(ref writer, connection, isEnd: true);
        }
        else
        {
            writer.WriteUInt32BigEndian(CTA_TIMEOUT, SecondsLeft(connection, now));
            if ((events & ConnectionEvents.ProtocolInfo) != 0)
            {
                WriteProtocol(ref writer, connection);
            }
        }

        if (connection.Mark != 0 || (events & ConnectionEvents.Mark) != 0)
        {
            writer.WriteUInt32BigEndian(CTA_MARK, connection.Mark);
        }
    }

    private static void WriteTuples(ref NetlinkWriter writer, Connection connection)
    {
        WriteTuple(ref writer, CTA_TUPLE_ORIG, connection.Original);
        WriteTuple(ref writer, CTA_TUPLE_REPLY, connection.Reply);
        if (connection.Zone != 0)
        {
            writer.WriteUInt16BigEndian(CTA_ZONE, connection.Zone);
        }
    }

    private static void WriteTuple(ref NetlinkWriter writer, ushort type, ConnectionTuple tuple)
    {
        bool isV4 = tuple.Family == InternetAddress.V4;
        WireMark outer = writer.BeginNested(type);
        WireMark addresses = writer.BeginNested(CTA_TUPLE_IP);
        writer.WriteBytes(isV4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, tuple.Source.ToBytes());
        writer.WriteBytes(isV4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, tuple.Destination.ToBytes());
        writer.EndAttribute(addresses);
        WireMark protocol = writer.BeginNested(CTA_TUPLE_PROTO);
        writer.WriteByte(CTA_PROTO_NUM, tuple.Protocol);
        if (tuple.Protocol is IpProtocol.Icmp or IpProtocol.Icmpv6)
        {
            bool isV6 = tuple.Protocol == IpProtocol.Icmpv6;
            writer.WriteUInt16BigEndian(isV6 ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, tuple.SourcePort);
            writer.WriteByte(isV6 ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, tuple.IcmpType);
            writer.WriteByte(isV6 ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, tuple.IcmpCode);
        }
        else if ((IpProtocol.HasPorts(tuple.Protocol) && tuple is not { Protocol: IpProtocol.Dccp, SourcePort: 0, DestinationPort: 0 }) || tuple.Protocol == IpProtocol.Gre)
        {
            writer.WriteUInt16BigEndian(CTA_PROTO_SRC_PORT, tuple.SourcePort);
            writer.WriteUInt16BigEndian(CTA_PROTO_DST_PORT, tuple.DestinationPort);
        }

        writer.EndAttribute(protocol);
        writer.EndAttribute(outer);
    }

    private static void WriteCounters(ref NetlinkWriter writer, Connection connection, bool resets)
    {
        if (connection.Packets is not { } packets || connection.Bytes is not { } bytes)
        {
            return;
        }

        for (int direction = 0; direction < 2; direction++)
        {
            WireMark mark = writer.BeginNested(direction == 0 ? CTA_COUNTERS_ORIG : CTA_COUNTERS_REPLY);
            writer.WriteUInt64BigEndian(CTA_COUNTERS_PACKETS, packets[direction]);
            writer.WriteUInt64BigEndian(CTA_COUNTERS_BYTES, bytes[direction]);
            writer.EndAttribute(mark);
            if (resets)
            {
                packets[direction] = bytes[direction] = 0;
            }
        }
    }

    /// <summary>The protocol's state; at a connection's end without what no longer matters.</summary>
    private static void WriteProtocol(ref NetlinkWriter writer, Connection connection, bool isEnd = false)
    {
        if (connection.Sctp is { } sctp)
        {
            WireMark association = writer.BeginNested(CTA_PROTOINFO);
            WireMark state = writer.BeginNested(CTA_PROTOINFO_SCTP);
            writer.WriteByte(CTA_PROTOINFO_SCTP_STATE, (byte)sctp.State);
            if (!isEnd)
            {
                writer.WriteUInt32BigEndian(CTA_PROTOINFO_SCTP_VTAG_ORIGINAL, sctp.Tags[0]);
                writer.WriteUInt32BigEndian(CTA_PROTOINFO_SCTP_VTAG_REPLY, sctp.Tags[1]);
            }

            writer.EndAttribute(state);
            writer.EndAttribute(association);
        }

        if (connection.Tcp is not { } tcp)
        {
            return;
        }

        WireMark outer = writer.BeginNested(CTA_PROTOINFO);
        WireMark inner = writer.BeginNested(CTA_PROTOINFO_TCP);
        writer.WriteByte(CTA_PROTOINFO_TCP_STATE, (byte)tcp.State);
        writer.WriteByte(CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, tcp.Side(ConnectionDirection.Original).Scale);
        writer.WriteByte(CTA_PROTOINFO_TCP_WSCALE_REPLY, tcp.Side(ConnectionDirection.Reply).Scale);
        writer.WriteBytes(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, [(byte)tcp.Side(ConnectionDirection.Original).Flags, 0]);
        writer.WriteBytes(CTA_PROTOINFO_TCP_FLAGS_REPLY, [(byte)tcp.Side(ConnectionDirection.Reply).Flags, 0]);
        writer.EndAttribute(inner);
        writer.EndAttribute(outer);
    }

    private static uint SecondsLeft(Connection connection, DateTimeOffset now) => (uint)Math.Max(0, (connection.Expires - now).TotalSeconds);
}
