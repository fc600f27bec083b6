using System.Net;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options of a VXLAN device.</summary>
public sealed record VxlanOptions : LinkData
{
    private static readonly ushort[] Order =
    [
        IFLA_VXLAN_ID, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6, IFLA_VXLAN_LINK, IFLA_VXLAN_TOS, IFLA_VXLAN_TTL,
        IFLA_VXLAN_TTL_INHERIT, IFLA_VXLAN_DF, IFLA_VXLAN_LABEL, IFLA_VXLAN_LABEL_POLICY, IFLA_VXLAN_LEARNING, IFLA_VXLAN_AGEING, IFLA_VXLAN_LIMIT,
        IFLA_VXLAN_PORT_RANGE, IFLA_VXLAN_PROXY, IFLA_VXLAN_RSC, IFLA_VXLAN_L2MISS, IFLA_VXLAN_L3MISS, IFLA_VXLAN_PORT, IFLA_VXLAN_UDP_CSUM,
        IFLA_VXLAN_UDP_ZERO_CSUM6_TX, IFLA_VXLAN_UDP_ZERO_CSUM6_RX, IFLA_VXLAN_REMCSUM_TX, IFLA_VXLAN_REMCSUM_RX, IFLA_VXLAN_REMCSUM_NOPARTIAL,
        IFLA_VXLAN_COLLECT_METADATA, IFLA_VXLAN_GBP, IFLA_VXLAN_GPE, IFLA_VXLAN_VNIFILTER, IFLA_VXLAN_LOCALBYPASS, IFLA_VXLAN_RESERVED_BITS,
        IFLA_VXLAN_MC_ROUTE,
    ];

    /// <summary>An empty one.</summary>
    public VxlanOptions()
    {
    }

    internal VxlanOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_VXLAN_ID when attribute.Value.Length == 4:
                    Id = attribute.UInt32;
                    break;
                case IFLA_VXLAN_GROUP when attribute.Value.Length is 4 or 16:
                    Group = new IPAddress(attribute.Value);
                    break;
                case IFLA_VXLAN_GROUP6 when attribute.Value.Length is 4 or 16:
                    Group6 = new IPAddress(attribute.Value);
                    break;
                case IFLA_VXLAN_LOCAL when attribute.Value.Length is 4 or 16:
                    Local = new IPAddress(attribute.Value);
                    break;
                case IFLA_VXLAN_LOCAL6 when attribute.Value.Length is 4 or 16:
                    Local6 = new IPAddress(attribute.Value);
                    break;
                case IFLA_VXLAN_LINK when attribute.Value.Length == 4:
                    Parent = attribute.Int32;
                    break;
                case IFLA_VXLAN_TOS when attribute.Value.Length == 1:
                    Tos = attribute.Byte;
                    break;
                case IFLA_VXLAN_TTL when attribute.Value.Length == 1:
                    Ttl = attribute.Byte;
                    break;
                case IFLA_VXLAN_TTL_INHERIT when attribute.IsBoolean:
                    TtlInherit = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_DF when attribute.Value.Length == 1:
                    DontFragment = attribute.Byte;
                    break;
                case IFLA_VXLAN_LABEL when attribute.Value.Length == 4:
                    FlowLabel = attribute.UInt32BigEndian;
                    break;
                case IFLA_VXLAN_LABEL_POLICY when attribute.Value.Length == 4:
                    FlowLabelPolicy = attribute.UInt32;
                    break;
                case IFLA_VXLAN_LEARNING when attribute.IsBoolean:
                    Learning = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_AGEING when attribute.Value.Length == 4:
                    AgeingTime = attribute.UInt32;
                    break;
                case IFLA_VXLAN_LIMIT when attribute.Value.Length == 4:
                    Limit = attribute.UInt32;
                    break;
                case IFLA_VXLAN_PORT_RANGE when PortRange.TryRead(attribute, out PortRange? sourcePortsValue):
                    SourcePorts = sourcePortsValue;
                    break;
                case IFLA_VXLAN_PROXY when attribute.IsBoolean:
                    Proxy = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_RSC when attribute.IsBoolean:
                    RouteShortCircuit = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_L2MISS when attribute.IsBoolean:
                    Layer2Miss = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_L3MISS when attribute.IsBoolean:
                    Layer3Miss = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_PORT when attribute.Value.Length == 2:
                    Port = attribute.UInt16BigEndian;
                    break;
                case IFLA_VXLAN_UDP_CSUM when attribute.IsBoolean:
                    UdpChecksum = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_UDP_ZERO_CSUM6_TX when attribute.IsBoolean:
                    UdpZeroChecksum6Transmit = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_UDP_ZERO_CSUM6_RX when attribute.IsBoolean:
                    UdpZeroChecksum6Receive = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_REMCSUM_TX when attribute.IsBoolean:
                    RemoteChecksumTransmit = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_REMCSUM_RX when attribute.IsBoolean:
                    RemoteChecksumReceive = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_REMCSUM_NOPARTIAL when attribute.Value.IsEmpty:
                    RemoteChecksumNoPartial = true;
                    break;
                case IFLA_VXLAN_COLLECT_METADATA when attribute.IsBoolean:
                    CollectMetadata = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_GBP when attribute.Value.IsEmpty:
                    GroupPolicy = true;
                    break;
                case IFLA_VXLAN_GPE when attribute.Value.IsEmpty:
                    GenericProtocol = true;
                    break;
                case IFLA_VXLAN_VNIFILTER when attribute.IsBoolean:
                    VniFilter = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_LOCALBYPASS when attribute.IsBoolean:
                    LocalBypass = attribute.Byte != 0;
                    break;
                case IFLA_VXLAN_RESERVED_BITS:
                    ReservedBits = new Octets(attribute.Value);
                    break;
                case IFLA_VXLAN_MC_ROUTE when attribute.IsBoolean:
                    MulticastRoute = attribute.Byte != 0;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <inheritdoc />
    public override string Kind => "vxlan";

    /// <summary>Network identifier, 0 to 16777215 (IFLA_VXLAN_ID).</summary>
    public uint? Id { get; init; }

    /// <summary>Remote IPv4 address or multicast group (IFLA_VXLAN_GROUP).</summary>
    public IPAddress? Group { get; init; }

    /// <summary>Remote IPv6 address or multicast group (IFLA_VXLAN_GROUP6).</summary>
    public IPAddress? Group6 { get; init; }

    /// <summary>Own IPv4 address (IFLA_VXLAN_LOCAL).</summary>
    public IPAddress? Local { get; init; }

    /// <summary>Own IPv6 address (IFLA_VXLAN_LOCAL6).</summary>
    public IPAddress? Local6 { get; init; }

    /// <summary>Index of the link packets go out by (IFLA_VXLAN_LINK).</summary>
    public int? Parent { get; init; }

    /// <summary>Type of service; 1 takes that of the inner packet (IFLA_VXLAN_TOS).</summary>
    public byte? Tos { get; init; }

    /// <summary>Time to live; 0 for the system's (IFLA_VXLAN_TTL).</summary>
    public byte? Ttl { get; init; }

    /// <summary>Time to live of the inner packet (IFLA_VXLAN_TTL_INHERIT). It can be set, and not taken back.</summary>
    public bool? TtlInherit { get; init; }

    /// <summary>0 unset, 1 set, 2 as the inner packet (IFLA_VXLAN_DF).</summary>
    public byte? DontFragment { get; init; }

    /// <summary>IPv6 flow label (IFLA_VXLAN_LABEL).</summary>
    public uint? FlowLabel { get; init; }

    /// <summary>0 fixed, 1 as the inner packet (IFLA_VXLAN_LABEL_POLICY).</summary>
    public uint? FlowLabelPolicy { get; init; }

    /// <summary>Remote addresses are learned (IFLA_VXLAN_LEARNING).</summary>
    public bool? Learning { get; init; }

    /// <summary>Age in seconds at which a learned address is dropped (IFLA_VXLAN_AGEING).</summary>
    public uint? AgeingTime { get; init; }

    /// <summary>Greatest number of learned addresses; 0 for no limit (IFLA_VXLAN_LIMIT).</summary>
    public uint? Limit { get; init; }

    /// <summary>Source ports (IFLA_VXLAN_PORT_RANGE).</summary>
    public PortRange? SourcePorts { get; init; }

    /// <summary>ARP is answered here (IFLA_VXLAN_PROXY).</summary>
    public bool? Proxy { get; init; }

    /// <summary>Routed frames skip the router (IFLA_VXLAN_RSC).</summary>
    public bool? RouteShortCircuit { get; init; }

    /// <summary>Unknown hardware addresses are told (IFLA_VXLAN_L2MISS).</summary>
    public bool? Layer2Miss { get; init; }

    /// <summary>Unknown IP addresses are told (IFLA_VXLAN_L3MISS).</summary>
    public bool? Layer3Miss { get; init; }

    /// <summary>UDP port (IFLA_VXLAN_PORT).</summary>
    public ushort? Port { get; init; }

    /// <summary>UDP checksums over IPv4 (IFLA_VXLAN_UDP_CSUM).</summary>
    public bool? UdpChecksum { get; init; }

    /// <summary>No UDP checksums over IPv6 (IFLA_VXLAN_UDP_ZERO_CSUM6_TX).</summary>
    public bool? UdpZeroChecksum6Transmit { get; init; }

    /// <summary>Missing UDP checksums over IPv6 are taken (IFLA_VXLAN_UDP_ZERO_CSUM6_RX).</summary>
    public bool? UdpZeroChecksum6Receive { get; init; }

    /// <summary>Remote checksum offload when sending (IFLA_VXLAN_REMCSUM_TX).</summary>
    public bool? RemoteChecksumTransmit { get; init; }

    /// <summary>Remote checksum offload when receiving (IFLA_VXLAN_REMCSUM_RX).</summary>
    public bool? RemoteChecksumReceive { get; init; }

    /// <summary>No partial remote checksums (IFLA_VXLAN_REMCSUM_NOPARTIAL).</summary>
    public bool RemoteChecksumNoPartial { get; init; }

    /// <summary>External: identifier and remote come with the route (IFLA_VXLAN_COLLECT_METADATA).</summary>
    public bool? CollectMetadata { get; init; }

    /// <summary>Group based policy extension (IFLA_VXLAN_GBP).</summary>
    public bool GroupPolicy { get; init; }

    /// <summary>Generic protocol extension (IFLA_VXLAN_GPE).</summary>
    public bool GenericProtocol { get; init; }

    /// <summary>Only identifiers that were added (IFLA_VXLAN_VNIFILTER).</summary>
    public bool? VniFilter { get; init; }

    /// <summary>Packets to an own address skip the stack (IFLA_VXLAN_LOCALBYPASS).</summary>
    public bool? LocalBypass { get; init; }

    /// <summary>Which reserved header bits are taken (IFLA_VXLAN_RESERVED_BITS).</summary>
    public Octets? ReservedBits { get; init; }

    /// <summary>Multicast packets are routed (IFLA_VXLAN_MC_ROUTE).</summary>
    public bool? MulticastRoute { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_VXLAN_ID:
                Write(ref writer, entry, Id);
                break;
            case IFLA_VXLAN_GROUP:
                Write(ref writer, entry, Group);
                break;
            case IFLA_VXLAN_GROUP6:
                Write(ref writer, entry, Group6);
                break;
            case IFLA_VXLAN_LOCAL:
                Write(ref writer, entry, Local);
                break;
            case IFLA_VXLAN_LOCAL6:
                Write(ref writer, entry, Local6);
                break;
            case IFLA_VXLAN_LINK:
                Write(ref writer, entry, Parent);
                break;
            case IFLA_VXLAN_TOS:
                Write(ref writer, entry, Tos);
                break;
            case IFLA_VXLAN_TTL:
                Write(ref writer, entry, Ttl);
                break;
            case IFLA_VXLAN_TTL_INHERIT when entry.IsRecorded:
                Write(ref writer, entry, TtlInherit);
                break;
            case IFLA_VXLAN_TTL_INHERIT:
                // The kernel tells a number and asks for a flag.
                WriteFlag(ref writer, entry, TtlInherit == true);
                break;
            case IFLA_VXLAN_DF:
                Write(ref writer, entry, DontFragment);
                break;
            case IFLA_VXLAN_LABEL:
                WriteBigEndian(ref writer, entry, FlowLabel);
                break;
            case IFLA_VXLAN_LABEL_POLICY:
                Write(ref writer, entry, FlowLabelPolicy);
                break;
            case IFLA_VXLAN_LEARNING:
                Write(ref writer, entry, Learning);
                break;
            case IFLA_VXLAN_AGEING:
                Write(ref writer, entry, AgeingTime);
                break;
            case IFLA_VXLAN_LIMIT:
                Write(ref writer, entry, Limit);
                break;
            case IFLA_VXLAN_PORT_RANGE:
                SourcePorts?.Write(ref writer, entry);
                break;
            case IFLA_VXLAN_PROXY:
                Write(ref writer, entry, Proxy);
                break;
            case IFLA_VXLAN_RSC:
                Write(ref writer, entry, RouteShortCircuit);
                break;
            case IFLA_VXLAN_L2MISS:
                Write(ref writer, entry, Layer2Miss);
                break;
            case IFLA_VXLAN_L3MISS:
                Write(ref writer, entry, Layer3Miss);
                break;
            case IFLA_VXLAN_PORT:
                WriteBigEndian(ref writer, entry, Port);
                break;
            case IFLA_VXLAN_UDP_CSUM:
                Write(ref writer, entry, UdpChecksum);
                break;
            case IFLA_VXLAN_UDP_ZERO_CSUM6_TX:
                Write(ref writer, entry, UdpZeroChecksum6Transmit);
                break;
            case IFLA_VXLAN_UDP_ZERO_CSUM6_RX:
                Write(ref writer, entry, UdpZeroChecksum6Receive);
                break;
            case IFLA_VXLAN_REMCSUM_TX:
                Write(ref writer, entry, RemoteChecksumTransmit);
                break;
            case IFLA_VXLAN_REMCSUM_RX:
                Write(ref writer, entry, RemoteChecksumReceive);
                break;
            case IFLA_VXLAN_REMCSUM_NOPARTIAL:
                WriteFlag(ref writer, entry, RemoteChecksumNoPartial);
                break;
            case IFLA_VXLAN_COLLECT_METADATA:
                Write(ref writer, entry, CollectMetadata);
                break;
            case IFLA_VXLAN_GBP:
                WriteFlag(ref writer, entry, GroupPolicy);
                break;
            case IFLA_VXLAN_GPE:
                WriteFlag(ref writer, entry, GenericProtocol);
                break;
            case IFLA_VXLAN_VNIFILTER:
                Write(ref writer, entry, VniFilter);
                break;
            case IFLA_VXLAN_LOCALBYPASS:
                Write(ref writer, entry, LocalBypass);
                break;
            case IFLA_VXLAN_RESERVED_BITS:
                Write(ref writer, entry, ReservedBits);
                break;
            case IFLA_VXLAN_MC_ROUTE:
                Write(ref writer, entry, MulticastRoute);
                break;
        }
    }
}
