using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>The parts of a tuple that a request names (CTA_FILTER_F_*, same numbers).</summary>
[Flags]
internal enum TupleParts : uint
{
    None = 0,
    Source = 1 << 0,
    Destination = 1 << 1,
    Zone = 1 << 2,
    Protocol = 1 << 3,
    SourcePort = 1 << 4,
    DestinationPort = 1 << 5,
    IcmpType = 1 << 6,
    IcmpCode = 1 << 7,
    IcmpId = 1 << 8,
    Icmpv6Type = 1 << 9,
    Icmpv6Code = 1 << 10,
    Icmpv6Id = 1 << 11,
    OfProtocol = SourcePort | DestinationPort | IcmpType | IcmpCode | IcmpId | Icmpv6Type | Icmpv6Code | Icmpv6Id,
    All = (1 << 12) - 1,
}

/// <summary>Tuples and zones in the byte form of nf_conntrack_netlink.</summary>
internal static class TupleAttributes
{
    private static readonly AttributePolicy TuplePolicy = new(
        CTA_TUPLE_ZONE, (CTA_TUPLE_IP, AttributePolicy.Nested), (CTA_TUPLE_PROTO, AttributePolicy.Nested), (CTA_TUPLE_ZONE, AttributePolicy.U16));

    private static readonly AttributePolicy AddressPolicy = new(
        CTA_IP_V6_DST,
        (CTA_IP_V4_SRC, AttributePolicy.U32),
        (CTA_IP_V4_DST, AttributePolicy.U32),
        (CTA_IP_V6_SRC, AttributePolicy.Data),
        (CTA_IP_V6_DST, AttributePolicy.Data));

    private static readonly AttributePolicy NumberPolicy = new(CTA_PROTO_ICMPV6_CODE, (CTA_PROTO_NUM, AttributePolicy.U8));

    private static readonly AttributePolicy PortPolicy = new(CTA_PROTO_ICMPV6_CODE, (CTA_PROTO_SRC_PORT, AttributePolicy.U16), (CTA_PROTO_DST_PORT, AttributePolicy.U16));

    private static readonly AttributePolicy IcmpPolicy = new(
        CTA_PROTO_ICMPV6_CODE, (CTA_PROTO_ICMP_ID, AttributePolicy.U16), (CTA_PROTO_ICMP_TYPE, AttributePolicy.U8), (CTA_PROTO_ICMP_CODE, AttributePolicy.U8));

    private static readonly AttributePolicy Icmpv6Policy = new(
        CTA_PROTO_ICMPV6_CODE, (CTA_PROTO_ICMPV6_ID, AttributePolicy.U16), (CTA_PROTO_ICMPV6_TYPE, AttributePolicy.U8), (CTA_PROTO_ICMPV6_CODE, AttributePolicy.U8));

    /// <summary>Reads the zone of a whole connection.</summary>
    public static ConnectionZone ReadZone(KernelAttribute attribute) => new(attribute.Exists ? attribute.UInt16BigEndian : (ushort)0);

    /// <summary>Reads a tuple that may not say a zone.</summary>
    public static LinuxError Read(KernelAttribute attribute, byte family, out ConnectionTuple tuple)
    {
        ConnectionZone none = default;
        return Read(attribute, family, TupleParts.All, isOfConnection: false, ConnectionDirection.Original, ref none, out tuple);
    }

    /// <summary>Reads a tuple of a connection; it may say the zone of its direction, where nothing else has said a zone.</summary>
    public static LinuxError Read(KernelAttribute attribute, byte family, ConnectionDirection direction, ref ConnectionZone zone, out ConnectionTuple tuple, TupleParts parts = TupleParts.All) =>
        Read(attribute, family, parts, isOfConnection: true, direction, ref zone, out tuple);

    private static LinuxError Read(KernelAttribute attribute, byte family, TupleParts parts, bool isOfConnection, ConnectionDirection direction, ref ConnectionZone zone, out ConnectionTuple tuple)
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

        tuple = new ConnectionTuple(InternetAddress.Any(family), InternetAddress.Any(family), 0, 0, 0);
        if ((parts & (TupleParts.Source | TupleParts.Destination)) != 0 && (error = ReadAddresses(outer[CTA_TUPLE_IP], parts, ref tuple)) != LinuxError.None)
        {
            return error;
        }

        if ((parts & TupleParts.Protocol) != 0)
        {
            error = ReadProtocol(outer[CTA_TUPLE_PROTO], parts, ref tuple);
        }
        else if ((parts & TupleParts.OfProtocol) != 0)
        {
            error = LinuxError.EINVAL;
        }

        if (error == LinuxError.None && (parts & TupleParts.Zone) != 0 && outer.Has(CTA_TUPLE_ZONE))
        {
            if (!isOfConnection || zone.Id != 0)
            {
                return LinuxError.EINVAL;
            }

            zone = new ConnectionZone(outer[CTA_TUPLE_ZONE].UInt16BigEndian, (ZoneDirections)(1 << (int)direction));
        }

        return error;
    }

    private static LinuxError ReadAddresses(KernelAttribute attribute, TupleParts parts, ref ConnectionTuple tuple)
    {
        if (!attribute.Exists)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = attribute.Parse(AddressPolicy, out ParsedAttributes addresses);
        if (error != LinuxError.None)
        {
            return error;
        }

        bool isV4 = tuple.Family == InternetAddress.V4;
        if (addresses.Has(CTA_IP_V6_SRC) && addresses[CTA_IP_V6_SRC].Length < 16 || addresses.Has(CTA_IP_V6_DST) && addresses[CTA_IP_V6_DST].Length < 16)
        {
            return LinuxError.ERANGE;
        }

        KernelAttribute source = addresses[isV4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC], destination = addresses[isV4 ? CTA_IP_V4_DST : CTA_IP_V6_DST];
        bool wantsSource = (parts & TupleParts.Source) != 0, wantsDestination = (parts & TupleParts.Destination) != 0;
        if (wantsSource && !source.Exists || wantsDestination && !destination.Exists)
        {
            return LinuxError.EINVAL;
        }

        tuple = tuple with
        {
            Source = wantsSource ? InternetAddress.Read(tuple.Family, source.Value) : tuple.Source,
            Destination = wantsDestination ? InternetAddress.Read(tuple.Family, destination.Value) : tuple.Destination,
        };
        return LinuxError.None;
    }

    private static LinuxError ReadProtocol(KernelAttribute attribute, TupleParts parts, ref ConnectionTuple tuple)
    {
        if (!attribute.Exists)
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = attribute.Parse(NumberPolicy, out ParsedAttributes numbers);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (!numbers.Has(CTA_PROTO_NUM))
        {
            return LinuxError.EINVAL;
        }

        byte protocol = numbers[CTA_PROTO_NUM].Byte;
        tuple = tuple with { Protocol = protocol };
        return protocol switch
        {
            IpProtocol.Icmp => ReadIcmp(attribute, IcmpPolicy, CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMP_CODE, TupleParts.IcmpType, parts, ref tuple),
            IpProtocol.Icmpv6 => ReadIcmp(attribute, Icmpv6Policy, CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMPV6_CODE, TupleParts.Icmpv6Type, parts, ref tuple),
            _ when IpProtocol.HasPorts(protocol) || protocol == IpProtocol.Gre => ReadPorts(attribute, parts, ref tuple),
            _ => LinuxError.None,
        };
    }

    private static LinuxError ReadPorts(KernelAttribute attribute, TupleParts parts, ref ConnectionTuple tuple)
    {
        LinuxError error = attribute.Parse(PortPolicy, out ParsedAttributes ports);
        if (error != LinuxError.None)
        {
            return error;
        }

        bool wantsSource = (parts & TupleParts.SourcePort) != 0, wantsDestination = (parts & TupleParts.DestinationPort) != 0;
        if (wantsSource && !ports.Has(CTA_PROTO_SRC_PORT) || wantsDestination && !ports.Has(CTA_PROTO_DST_PORT))
        {
            return LinuxError.EINVAL;
        }

        tuple = tuple with
        {
            SourcePort = wantsSource ? ports[CTA_PROTO_SRC_PORT].UInt16BigEndian : (ushort)0,
            DestinationPort = wantsDestination ? ports[CTA_PROTO_DST_PORT].UInt16BigEndian : (ushort)0,
        };
        return LinuxError.None;
    }

    /// <summary>ICMP's numbers; the parts for code and identifier follow that for the type.</summary>
    private static LinuxError ReadIcmp(KernelAttribute attribute, AttributePolicy policy, ushort id, ushort type, ushort code, TupleParts typePart, TupleParts parts, ref ConnectionTuple tuple)
    {
        LinuxError error = attribute.Parse(policy, out ParsedAttributes numbers);
        if (error != LinuxError.None)
        {
            return error;
        }

        bool wantsType = (parts & typePart) != 0, wantsCode = ((uint)parts & (uint)typePart << 1) != 0, wantsId = ((uint)parts & (uint)typePart << 2) != 0;
        if (wantsType && !numbers.Has(type) || wantsCode && !numbers.Has(code) || wantsId && !numbers.Has(id))
        {
            return LinuxError.EINVAL;
        }

        byte number = wantsType ? numbers[type].Byte : (byte)0;
        tuple = tuple with
        {
            SourcePort = wantsId ? numbers[id].UInt16BigEndian : (ushort)0,
            DestinationPort = (ushort)(number << 8 | (wantsCode ? numbers[code].Byte : 0)),
        };
        return wantsType && tuple.Invert() is null ? LinuxError.EINVAL : LinuxError.None;
    }

    /// <summary>A tuple, with the zone of its direction where that has one of its own.</summary>
    public static void Write(ref NetlinkWriter writer, ushort type, ConnectionTuple tuple, ConnectionZone zone = default, ConnectionDirection direction = ConnectionDirection.Original)
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
        WriteZone(ref writer, CTA_TUPLE_ZONE, zone, (ZoneDirections)(1 << (int)direction));
        writer.EndAttribute(outer);
    }

    /// <summary>A zone, where it is one of just these directions.</summary>
    public static void WriteZone(ref NetlinkWriter writer, ushort type, ConnectionZone zone, ZoneDirections directions)
    {
        if (zone.Id != 0 && zone.Directions == directions)
        {
            writer.WriteUInt16BigEndian(type, zone.Id);
        }
    }
}
