using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Nftables;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Conntrack;

/// <summary>Which connections a dump tells and a flush ends (struct ctnetlink_filter).</summary>
internal sealed class ConntrackFilter
{
    /// <summary>NLA_F_NESTED.</summary>
    private const ushort Nested = 0x8000;

    private byte _family;
    private (uint Value, uint Mask) _mark, _status;
    private ushort? _zone;
    private TupleParts _originalParts, _replyParts;
    private ConnectionTuple _original, _reply;

    /// <summary>Reads what a request asks for; null where it asks for all.</summary>
    public static LinuxError Read(ParsedAttributes attributes, byte family, out ConntrackFilter? filter)
    {
        filter = null;
        if (family == NFPROTO_UNSPEC && !attributes.Has(CTA_MARK) && !attributes.Has(CTA_FILTER) && !attributes.Has(CTA_STATUS) && !attributes.Has(CTA_ZONE))
        {
            return LinuxError.None;
        }

        var read = new ConntrackFilter { _family = family };
        LinuxError error = read.Read(attributes);
        filter = error == LinuxError.None ? read : null;
        return error;
    }

    private LinuxError Read(ParsedAttributes attributes)
    {
        if (attributes.Has(CTA_MARK_MASK) && !attributes.Has(CTA_MARK) || attributes.Has(CTA_STATUS_MASK) && !attributes.Has(CTA_STATUS))
        {
            return LinuxError.EINVAL;
        }

        _mark = ValueAndMask(attributes, CTA_MARK, CTA_MARK_MASK, uint.MaxValue);
        if (attributes.Has(CTA_STATUS))
        {
            _status = ValueAndMask(attributes, CTA_STATUS, CTA_STATUS_MASK, attributes[CTA_STATUS].UInt32BigEndian);
            if (_status.Mask == 0)
            {
                return LinuxError.EINVAL;
            }
        }

        ConnectionZone zone = TupleAttributes.ReadZone(attributes[CTA_ZONE]);
        _zone = attributes.Has(CTA_ZONE) ? zone.Id : null;
        if (!attributes.Has(CTA_FILTER))
        {
            return LinuxError.None;
        }

        LinuxError error = ReadParts(attributes[CTA_FILTER]);
        if (error != LinuxError.None)
        {
            return error;
        }

        error = ReadTuple(attributes[CTA_TUPLE_ORIG], ConnectionDirection.Original, _originalParts, ref zone, out _original);
        if (error == LinuxError.None)
        {
            error = ReadTuple(attributes[CTA_TUPLE_REPLY], ConnectionDirection.Reply, _replyParts, ref zone, out _reply);
        }

        _zone = _zone is null ? null : zone.Id;
        return error;
    }

    /// <summary>Which parts of the tuples count; this attribute alone is looked at strictly.</summary>
    private LinuxError ReadParts(KernelAttribute filter)
    {
        if ((filter.RawType & Nested) == 0)
        {
            return LinuxError.EINVAL;
        }

        int length = 0;
        foreach (KernelAttribute attribute in filter.Children())
        {
            length += attribute.Length + 4 + 3 & ~3;
            if (attribute.Type > CTA_FILTER_REPLY_FLAGS || attribute.Length != sizeof(uint) || ((TupleParts)attribute.UInt32 & ~TupleParts.All) != 0)
            {
                return LinuxError.EINVAL;
            }

            if (attribute.Type == CTA_FILTER_ORIG_FLAGS)
            {
                _originalParts = (TupleParts)attribute.UInt32;
            }
            else if (attribute.Type == CTA_FILTER_REPLY_FLAGS)
            {
                _replyParts = (TupleParts)attribute.UInt32;
            }
        }

        return length < filter.Length ? LinuxError.EINVAL : LinuxError.None;
    }

    private LinuxError ReadTuple(KernelAttribute attribute, ConnectionDirection direction, TupleParts parts, ref ConnectionZone zone, out ConnectionTuple tuple)
    {
        tuple = default;
        return parts == TupleParts.None ? LinuxError.None
            : !attribute.Exists ? LinuxError.EINVAL
            : TupleAttributes.Read(attribute, _family, direction, ref zone, out tuple, parts);
    }

    private static (uint Value, uint Mask) ValueAndMask(ParsedAttributes attributes, int value, int mask, uint otherwise) =>
        !attributes.Has(value) ? (0, 0) : (attributes[value].UInt32BigEndian, attributes.Has(mask) ? attributes[mask].UInt32BigEndian : otherwise);

    /// <summary>The connection is one that was asked for.</summary>
    public bool Passes(Connection connection) =>
        (_family == NFPROTO_UNSPEC || connection.Original.Family == _family)
        && (_zone is null || connection.Zone.Id == _zone)
        && Agrees(connection.Original, _original, _originalParts)
        && Agrees(connection.Reply, _reply, _replyParts)
        && (connection.Mark & _mark.Mask) == _mark.Value
        && ((uint)connection.Status & _status.Mask) == _status.Value;

    /// <summary>A slip of the kernel that became the interface: of IPv6 the connections pass whose address is another one.</summary>
    private bool Agrees(ConnectionTuple tuple, ConnectionTuple wanted, TupleParts parts)
    {
        bool wantsSame = _family == InternetAddress.V4;
        bool Differs(TupleParts part, bool isSame) => (parts & part) != 0 && !isSame;
        return !Differs(TupleParts.Source, tuple.Source == wanted.Source == wantsSame)
            && !Differs(TupleParts.Destination, tuple.Destination == wanted.Destination == wantsSame)
            && !Differs(TupleParts.Protocol, tuple.Protocol == wanted.Protocol)
            && tuple.Protocol switch
            {
                IpProtocol.Tcp or IpProtocol.Udp => !Differs(TupleParts.SourcePort, tuple.SourcePort == wanted.SourcePort) && !Differs(TupleParts.DestinationPort, tuple.DestinationPort == wanted.DestinationPort),
                IpProtocol.Icmp => !Differs(TupleParts.IcmpType, tuple.IcmpType == wanted.IcmpType) && !Differs(TupleParts.IcmpCode, tuple.IcmpCode == wanted.IcmpCode) && !Differs(TupleParts.IcmpId, tuple.SourcePort == wanted.SourcePort),
                IpProtocol.Icmpv6 => !Differs(TupleParts.Icmpv6Type, tuple.IcmpType == wanted.IcmpType) && !Differs(TupleParts.Icmpv6Code, tuple.IcmpCode == wanted.IcmpCode) && !Differs(TupleParts.Icmpv6Id, tuple.SourcePort == wanted.SourcePort),
                _ => true,
            };
    }
}
