using System.Diagnostics.CodeAnalysis;
using System.Net;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>A route (struct rtmsg and RTA_* attributes).</summary>
public sealed record NetworkRoute : RouteObject
{
    private static readonly ushort[] Order =
    [
        RTA_DST, RTA_SRC, RTA_VIA, RTA_GATEWAY, RTA_PREFSRC, RTA_METRICS, RTA_MULTIPATH, RTA_PRIORITY, RTA_OIF, RTA_IIF, RTA_TABLE, RTA_FLOW,
        RTA_CACHEINFO, RTA_MARK, RTA_NEWDST, RTA_PREF, RTA_NH_ID, RTA_ENCAP, RTA_ENCAP_TYPE, RTA_EXPIRES, RTA_UID, RTA_TTL_PROPAGATE, RTA_IP_PROTO,
        RTA_SPORT, RTA_DPORT,
    ];

    /// <summary>An empty one.</summary>
    public NetworkRoute()
    {
    }

    internal NetworkRoute(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case RTA_DST when attribute.Value.Length is 4 or 16:
                    Destination = new IPAddress(attribute.Value);
                    break;
                case RTA_SRC when attribute.Value.Length is 4 or 16:
                    Source = new IPAddress(attribute.Value);
                    break;
                case RTA_VIA when RouteVia.TryRead(attribute, out RouteVia? viaValue):
                    Via = viaValue;
                    break;
                case RTA_GATEWAY when attribute.Value.Length is 4 or 16:
                    Gateway = new IPAddress(attribute.Value);
                    break;
                case RTA_PREFSRC when attribute.Value.Length is 4 or 16:
                    PreferredSource = new IPAddress(attribute.Value);
                    break;
                case RTA_METRICS:
                    Metrics = new RouteMetrics(attribute.Nested());
                    break;
                case RTA_MULTIPATH when NextHopList.TryRead(attribute, out NextHopList? nextHopsValue):
                    NextHops = nextHopsValue;
                    break;
                case RTA_PRIORITY when attribute.Value.Length == 4:
                    Priority = attribute.UInt32;
                    break;
                case RTA_OIF when attribute.Value.Length == 4:
                    OutputInterface = attribute.Int32;
                    break;
                case RTA_IIF when attribute.Value.Length == 4:
                    InputInterface = attribute.Int32;
                    break;
                case RTA_TABLE when attribute.Value.Length == 4:
                    TableId = attribute.UInt32;
                    break;
                case RTA_FLOW when attribute.Value.Length == 4:
                    Realms = attribute.UInt32;
                    break;
                case RTA_CACHEINFO:
                    CacheInfo = new Octets(attribute.Value);
                    break;
                case RTA_MARK when attribute.Value.Length == 4:
                    Mark = attribute.UInt32;
                    break;
                case RTA_NEWDST:
                    NewDestination = new Octets(attribute.Value);
                    break;
                case RTA_PREF when attribute.Value.Length == 1:
                    Preference = attribute.Byte;
                    break;
                case RTA_NH_ID when attribute.Value.Length == 4:
                    NextHopId = attribute.UInt32;
                    break;
                case RTA_ENCAP:
                    Encapsulation = new Octets(attribute.Value);
                    break;
                case RTA_ENCAP_TYPE when attribute.Value.Length == 2:
                    EncapsulationType = attribute.UInt16;
                    break;
                case RTA_EXPIRES when attribute.Value.Length == 4:
                    Expires = attribute.UInt32;
                    break;
                case RTA_UID when attribute.Value.Length == 4:
                    User = attribute.UInt32;
                    break;
                case RTA_TTL_PROPAGATE when attribute.IsBoolean:
                    TtlPropagate = attribute.Byte != 0;
                    break;
                case RTA_IP_PROTO when attribute.Value.Length == 1:
                    IpProtocol = attribute.Byte;
                    break;
                case RTA_SPORT when attribute.Value.Length == 2:
                    SourcePort = attribute.UInt16BigEndian;
                    break;
                case RTA_DPORT when attribute.Value.Length == 2:
                    DestinationPort = attribute.UInt16BigEndian;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    internal const int HeaderSize = 12;

    /// <summary>AF_INET or AF_INET6.</summary>
    public byte Family { get; init; }

    /// <summary>Length of the destination's prefix in bits; 0 for the default route.</summary>
    public byte DestinationLength { get; init; }

    /// <summary>Length of the source's prefix in bits.</summary>
    public byte SourceLength { get; init; }

    /// <summary>Type of service.</summary>
    public byte Tos { get; init; }

    /// <summary>Table as eight bits, RT_TABLE_*.</summary>
    public byte HeaderTable { get; init; }

    /// <summary>Who made it, RTPROT_*.</summary>
    public byte Protocol { get; init; }

    /// <summary>How far the destination is, RT_SCOPE_*.</summary>
    public byte Scope { get; init; }

    /// <summary>What becomes of packets.</summary>
    public RouteType Type { get; init; }

    /// <summary>Flags, RTM_F_* and RTNH_F_*.</summary>
    public uint Flags { get; init; }

    /// <summary>The table.</summary>
    public uint Table => TableId ?? HeaderTable;

    /// <summary>How long it still lives, to a hundredth of a second, out of <see cref="CacheInfo"/> (struct rta_cacheinfo); null for one that stays.</summary>
    public TimeSpan? ExpiresIn =>
        CacheInfo is { Length: >= 12 } information && BitConverter.ToInt32(information.Span[8..]) is var hundredths and not 0 ? TimeSpan.FromMilliseconds(hundredths * 10L) : null;

    /// <inheritdoc />
    public override ushort NewType => RTM_NEWROUTE;

    /// <summary>A unicast route of the main table, made by an administrator's tool, as iproute2 would.</summary>
    /// <param name="destination">The destination; null for the default route.</param>
    /// <param name="prefixLength">Its length in bits.</param>
    /// <param name="gateway">The gateway; null for a destination on the link itself.</param>
    /// <param name="outputInterface">Index of the link; null lets the kernel find it by the gateway.</param>
    public static NetworkRoute To(IPAddress? destination, int prefixLength, IPAddress? gateway = null, int? outputInterface = null)
    {
        byte family = (destination ?? gateway) is { } address ? FamilyOf(address) : AF_INET;
        return new NetworkRoute
        {
            Family = family,
            Destination = destination,
            DestinationLength = checked((byte)prefixLength),
            Gateway = gateway,
            OutputInterface = outputInterface,
            HeaderTable = (byte)RT_TABLE_MAIN,
            Protocol = RTPROT_BOOT,
            Scope = family == AF_INET && gateway is null ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
            Type = RouteType.Unicast,
        };
    }

    /// <summary>Reads a route message; false where the payload is shorter than its header.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out NetworkRoute? route)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        route = payload.Length < HeaderSize ? null : new NetworkRoute(new AttributeReader(payload[HeaderSize..]))
        {
            Family = payload[0],
            DestinationLength = payload[1],
            SourceLength = payload[2],
            Tos = payload[3],
            HeaderTable = payload[4],
            Protocol = payload[5],
            Scope = payload[6],
            Type = (RouteType)payload[7],
            Flags = BitConverter.ToUInt32(payload[8..]),
        };
        return route is not null;
    }

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.Append([Family, DestinationLength, SourceLength, Tos, HeaderTable, Protocol, Scope, (byte)Type]);
        writer.AppendStruct(Flags);
        WriteAttributes(ref writer);
    }

    /// <summary>Destination; null for the default route (RTA_DST).</summary>
    public IPAddress? Destination { get; init; }

    /// <summary>Source prefix (IPv6) (RTA_SRC).</summary>
    public IPAddress? Source { get; init; }

    /// <summary>Gateway of another family (RTA_VIA).</summary>
    public RouteVia? Via { get; init; }

    /// <summary>Gateway (RTA_GATEWAY).</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Source address of packets that start here (RTA_PREFSRC).</summary>
    public IPAddress? PreferredSource { get; init; }

    /// <summary>Metrics (RTA_METRICS).</summary>
    public RouteMetrics? Metrics { get; init; }

    /// <summary>Several ways (RTA_MULTIPATH).</summary>
    public NextHopList? NextHops { get; init; }

    /// <summary>Metric; the least wins (RTA_PRIORITY).</summary>
    public uint? Priority { get; init; }

    /// <summary>Index of the link (RTA_OIF).</summary>
    public int? OutputInterface { get; init; }

    /// <summary>Index of the link packets come in by (RTA_IIF).</summary>
    public int? InputInterface { get; init; }

    /// <summary>Table, where it does not fit eight bits (RTA_TABLE).</summary>
    public uint? TableId { get; init; }

    /// <summary>Realms (RTA_FLOW).</summary>
    public uint? Realms { get; init; }

    /// <summary>Bookkeeping (struct rta_cacheinfo) (RTA_CACHEINFO).</summary>
    public Octets? CacheInfo { get; init; }

    /// <summary>Mark of the packet asked about (RTA_MARK).</summary>
    public uint? Mark { get; init; }

    /// <summary>New destination (MPLS) (RTA_NEWDST).</summary>
    public Octets? NewDestination { get; init; }

    /// <summary>IPv6 router preference: 0 medium, 1 high, 3 low (RTA_PREF).</summary>
    public byte? Preference { get; init; }

    /// <summary>Id of a next hop object (RTA_NH_ID).</summary>
    public uint? NextHopId { get; init; }

    /// <summary>Encapsulation, as attributes (RTA_ENCAP).</summary>
    public Octets? Encapsulation { get; init; }

    /// <summary>Kind of encapsulation, LWTUNNEL_ENCAP_* (RTA_ENCAP_TYPE).</summary>
    public ushort? EncapsulationType { get; init; }

    /// <summary>Seconds until it is dropped (RTA_EXPIRES).</summary>
    public uint? Expires { get; init; }

    /// <summary>User asked about (RTA_UID).</summary>
    public uint? User { get; init; }

    /// <summary>Time to live goes along (MPLS) (RTA_TTL_PROPAGATE).</summary>
    public bool? TtlPropagate { get; init; }

    /// <summary>Protocol asked about (RTA_IP_PROTO).</summary>
    public byte? IpProtocol { get; init; }

    /// <summary>Source port asked about (RTA_SPORT).</summary>
    public ushort? SourcePort { get; init; }

    /// <summary>Destination port asked about (RTA_DPORT).</summary>
    public ushort? DestinationPort { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case RTA_DST:
                Write(ref writer, entry, Destination);
                break;
            case RTA_SRC:
                Write(ref writer, entry, Source);
                break;
            case RTA_VIA:
                Via?.Write(ref writer, entry);
                break;
            case RTA_GATEWAY:
                Write(ref writer, entry, Gateway);
                break;
            case RTA_PREFSRC:
                Write(ref writer, entry, PreferredSource);
                break;
            case RTA_METRICS:
                WriteNested(ref writer, entry, Metrics, nestedFlag: false);
                break;
            case RTA_MULTIPATH:
                NextHops?.Write(ref writer, entry);
                break;
            case RTA_PRIORITY:
                Write(ref writer, entry, Priority);
                break;
            case RTA_OIF:
                Write(ref writer, entry, OutputInterface);
                break;
            case RTA_IIF:
                Write(ref writer, entry, InputInterface);
                break;
            case RTA_TABLE:
                Write(ref writer, entry, TableId);
                break;
            case RTA_FLOW:
                Write(ref writer, entry, Realms);
                break;
            case RTA_CACHEINFO:
                Write(ref writer, entry, CacheInfo);
                break;
            case RTA_MARK:
                Write(ref writer, entry, Mark);
                break;
            case RTA_NEWDST:
                Write(ref writer, entry, NewDestination);
                break;
            case RTA_PREF:
                Write(ref writer, entry, Preference);
                break;
            case RTA_NH_ID:
                Write(ref writer, entry, NextHopId);
                break;
            case RTA_ENCAP:
                Write(ref writer, entry, Encapsulation);
                break;
            case RTA_ENCAP_TYPE:
                Write(ref writer, entry, EncapsulationType);
                break;
            case RTA_EXPIRES:
                Write(ref writer, entry, Expires);
                break;
            case RTA_UID:
                Write(ref writer, entry, User);
                break;
            case RTA_TTL_PROPAGATE:
                Write(ref writer, entry, TtlPropagate);
                break;
            case RTA_IP_PROTO:
                Write(ref writer, entry, IpProtocol);
                break;
            case RTA_SPORT:
                WriteBigEndian(ref writer, entry, SourcePort);
                break;
            case RTA_DPORT:
                WriteBigEndian(ref writer, entry, DestinationPort);
                break;
        }
    }
}
