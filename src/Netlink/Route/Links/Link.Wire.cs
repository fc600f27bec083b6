using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <content>How it is read and written.</content>
public sealed partial record Link
{
    private static readonly ushort[] Order =
    [
        IFLA_EXT_MASK, IFLA_MTU, IFLA_ADDRESS, IFLA_BROADCAST, IFLA_TXQLEN, IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES, IFLA_GROUP, IFLA_MASTER,
        IFLA_NET_NS_PID, IFLA_NET_NS_FD, IFLA_IFALIAS, IFLA_OPERSTATE, IFLA_LINKMODE, IFLA_LINK, IFLA_IFNAME, IFLA_LINKINFO, IFLA_QDISC, IFLA_WEIGHT,
        IFLA_STATS64, IFLA_PROMISCUITY, IFLA_ALLMULTI, IFLA_CARRIER, IFLA_CARRIER_CHANGES, IFLA_CARRIER_UP_COUNT, IFLA_CARRIER_DOWN_COUNT,
        IFLA_PHYS_PORT_ID, IFLA_PHYS_PORT_NAME, IFLA_PHYS_SWITCH_ID, IFLA_LINK_NETNSID, IFLA_TARGET_NETNSID, IFLA_NEW_NETNSID, IFLA_NEW_IFINDEX,
        IFLA_PROTO_DOWN, IFLA_GSO_MAX_SEGS, IFLA_GSO_MAX_SIZE, IFLA_GRO_MAX_SIZE, IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE, IFLA_TSO_MAX_SIZE,
        IFLA_TSO_MAX_SEGS, IFLA_EVENT, IFLA_MIN_MTU, IFLA_MAX_MTU, IFLA_PROP_LIST, IFLA_ALT_IFNAME, IFLA_PERM_ADDRESS, IFLA_PARENT_DEV_NAME,
        IFLA_PARENT_DEV_BUS_NAME, IFLA_NETNS_IMMUTABLE, IFLA_PROTINFO, IFLA_AF_SPEC,
    ];

    internal Link(byte family, AttributeReader attributes)
    {
        Family = family;
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_EXT_MASK when attribute.Value.Length == 4:
                    ExtendedMask = attribute.UInt32;
                    break;
                case IFLA_MTU when attribute.Value.Length == 4:
                    Mtu = attribute.UInt32;
                    break;
                case IFLA_ADDRESS when attribute.Value.Length <= 32:
                    HardwareAddress = new HardwareAddress(attribute.Value);
                    break;
                case IFLA_BROADCAST when attribute.Value.Length <= 32:
                    BroadcastAddress = new HardwareAddress(attribute.Value);
                    break;
                case IFLA_TXQLEN when attribute.Value.Length == 4:
                    TransmitQueueLength = attribute.UInt32;
                    break;
                case IFLA_NUM_TX_QUEUES when attribute.Value.Length == 4:
                    TransmitQueues = attribute.UInt32;
                    break;
                case IFLA_NUM_RX_QUEUES when attribute.Value.Length == 4:
                    ReceiveQueues = attribute.UInt32;
                    break;
                case IFLA_GROUP when attribute.Value.Length == 4:
                    Group = attribute.UInt32;
                    break;
                case IFLA_MASTER when attribute.Value.Length == 4:
                    Master = attribute.Int32;
                    break;
                case IFLA_NET_NS_PID when attribute.Value.Length == 4:
                    NamespaceProcess = attribute.UInt32;
                    break;
                case IFLA_NET_NS_FD when attribute.Value.Length == 4:
                    NamespaceDescriptor = attribute.UInt32;
                    break;
                case IFLA_IFALIAS when attribute.IsText:
                    Alias = attribute.String;
                    break;
                case IFLA_OPERSTATE when attribute.Value.Length == 1:
                    OperationalState = (OperationalState)attribute.Byte;
                    break;
                case IFLA_LINKMODE when attribute.Value.Length == 1:
                    LinkMode = attribute.Byte;
                    break;
                case IFLA_LINK when attribute.Value.Length == 4:
                    Parent = attribute.Int32;
                    break;
                case IFLA_IFNAME when attribute.IsText:
                    Name = attribute.String;
                    break;
                case IFLA_LINKINFO:
                    Info = new LinkInfo(attribute.Nested());
                    break;
                case IFLA_QDISC when attribute.IsText:
                    QueueingDiscipline = attribute.String;
                    break;
                case IFLA_WEIGHT when attribute.Value.Length == 4:
                    Weight = attribute.UInt32;
                    break;
                case IFLA_STATS64 when LinkStatistics.TryRead(attribute, out LinkStatistics? statisticsValue):
                    Statistics = statisticsValue;
                    break;
                case IFLA_PROMISCUITY when attribute.Value.Length == 4:
                    Promiscuity = attribute.UInt32;
                    break;
                case IFLA_ALLMULTI when attribute.Value.Length == 4:
                    AllMulticast = attribute.UInt32;
                    break;
                case IFLA_CARRIER when attribute.IsBoolean:
                    Carrier = attribute.Byte != 0;
                    break;
                case IFLA_CARRIER_CHANGES when attribute.Value.Length == 4:
                    CarrierChanges = attribute.UInt32;
                    break;
                case IFLA_CARRIER_UP_COUNT when attribute.Value.Length == 4:
                    CarrierUpCount = attribute.UInt32;
                    break;
                case IFLA_CARRIER_DOWN_COUNT when attribute.Value.Length == 4:
                    CarrierDownCount = attribute.UInt32;
                    break;
                case IFLA_PHYS_PORT_ID:
                    PhysicalPortId = new Octets(attribute.Value);
                    break;
                case IFLA_PHYS_PORT_NAME when attribute.IsText:
                    PhysicalPortName = attribute.String;
                    break;
                case IFLA_PHYS_SWITCH_ID:
                    PhysicalSwitchId = new Octets(attribute.Value);
                    break;
                case IFLA_LINK_NETNSID when attribute.Value.Length == 4:
                    ParentNamespace = attribute.Int32;
                    break;
                case IFLA_TARGET_NETNSID when attribute.Value.Length == 4:
                    TargetNamespace = attribute.Int32;
                    break;
                case IFLA_NEW_NETNSID when attribute.Value.Length == 4:
                    NewNamespace = attribute.Int32;
                    break;
                case IFLA_NEW_IFINDEX when attribute.Value.Length == 4:
                    NewIndex = attribute.Int32;
                    break;
                case IFLA_PROTO_DOWN when attribute.IsBoolean:
                    ProtocolDown = attribute.Byte != 0;
                    break;
                case IFLA_GSO_MAX_SEGS when attribute.Value.Length == 4:
                    GsoMaximumSegments = attribute.UInt32;
                    break;
                case IFLA_GSO_MAX_SIZE when attribute.Value.Length == 4:
                    GsoMaximumSize = attribute.UInt32;
                    break;
                case IFLA_GRO_MAX_SIZE when attribute.Value.Length == 4:
                    GroMaximumSize = attribute.UInt32;
                    break;
                case IFLA_GSO_IPV4_MAX_SIZE when attribute.Value.Length == 4:
                    GsoIpv4MaximumSize = attribute.UInt32;
                    break;
                case IFLA_GRO_IPV4_MAX_SIZE when attribute.Value.Length == 4:
                    GroIpv4MaximumSize = attribute.UInt32;
                    break;
                case IFLA_TSO_MAX_SIZE when attribute.Value.Length == 4:
                    TsoMaximumSize = attribute.UInt32;
                    break;
                case IFLA_TSO_MAX_SEGS when attribute.Value.Length == 4:
                    TsoMaximumSegments = attribute.UInt32;
                    break;
                case IFLA_EVENT when attribute.Value.Length == 4:
                    Event = attribute.UInt32;
                    break;
                case IFLA_MIN_MTU when attribute.Value.Length == 4:
                    MinimumMtu = attribute.UInt32;
                    break;
                case IFLA_MAX_MTU when attribute.Value.Length == 4:
                    MaximumMtu = attribute.UInt32;
                    break;
                case IFLA_PROP_LIST when AlternativeNames.TryRead(attribute, out AlternativeNames? alternativeNamesValue):
                    AlternativeNames = alternativeNamesValue;
                    break;
                case IFLA_ALT_IFNAME when attribute.IsText:
                    AlternativeName = attribute.String;
                    break;
                case IFLA_PERM_ADDRESS when attribute.Value.Length <= 32:
                    PermanentAddress = new HardwareAddress(attribute.Value);
                    break;
                case IFLA_PARENT_DEV_NAME when attribute.IsText:
                    ParentDeviceName = attribute.String;
                    break;
                case IFLA_PARENT_DEV_BUS_NAME when attribute.IsText:
                    ParentDeviceBus = attribute.String;
                    break;
                case IFLA_NETNS_IMMUTABLE when attribute.IsBoolean:
                    NamespaceImmutable = attribute.Byte != 0;
                    break;
                case IFLA_PROTINFO when family == AF_BRIDGE:
                    BridgePort = new BridgePortOptions(attribute.Nested());
                    break;
                case IFLA_AF_SPEC when family == AF_BRIDGE && BridgeSpecification.TryRead(attribute, out BridgeSpecification? bridgeValue):
                    Bridge = bridgeValue;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    internal const int HeaderSize = 16;

    /// <summary>Reads a link message; false where the payload is shorter than its header.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out Link? link)
    {
        link = message.Payload.Length < HeaderSize ? null : FromPayload(message.Payload);
        return link is not null;
    }

    /// <summary>Reads a header with what follows it, as in a message or in VETH_INFO_PEER.</summary>
    internal static Link FromPayload(ReadOnlySpan<byte> payload) => new(payload[0], new AttributeReader(payload[HeaderSize..]))
    {
        HardwareType = BitConverter.ToUInt16(payload[2..]),
        Index = BitConverter.ToInt32(payload[4..]),
        Flags = (LinkFlags)BitConverter.ToUInt32(payload[8..]),
        ChangeMask = (LinkFlags)BitConverter.ToUInt32(payload[12..]),
    };

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.AppendStruct((ushort)Family);
        writer.AppendStruct(HardwareType);
        writer.AppendStruct(Index);
        writer.AppendStruct((uint)Flags);
        writer.AppendStruct((uint)ChangeMask);
        WriteAttributes(ref writer);
    }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_EXT_MASK:
                Write(ref writer, entry, ExtendedMask);
                break;
            case IFLA_MTU:
                Write(ref writer, entry, Mtu);
                break;
            case IFLA_ADDRESS:
                Write(ref writer, entry, HardwareAddress);
                break;
            case IFLA_BROADCAST:
                Write(ref writer, entry, BroadcastAddress);
                break;
            case IFLA_TXQLEN:
                Write(ref writer, entry, TransmitQueueLength);
                break;
            case IFLA_NUM_TX_QUEUES:
                Write(ref writer, entry, TransmitQueues);
                break;
            case IFLA_NUM_RX_QUEUES:
                Write(ref writer, entry, ReceiveQueues);
                break;
            case IFLA_GROUP:
                Write(ref writer, entry, Group);
                break;
            case IFLA_MASTER:
                Write(ref writer, entry, Master);
                break;
            case IFLA_NET_NS_PID:
                Write(ref writer, entry, NamespaceProcess);
                break;
            case IFLA_NET_NS_FD:
                Write(ref writer, entry, NamespaceDescriptor);
                break;
            case IFLA_IFALIAS:
                Write(ref writer, entry, Alias, terminated: false);
                break;
            case IFLA_OPERSTATE:
                Write(ref writer, entry, (byte?)OperationalState);
                break;
            case IFLA_LINKMODE:
                Write(ref writer, entry, LinkMode);
                break;
            case IFLA_LINK:
                Write(ref writer, entry, Parent);
                break;
            case IFLA_IFNAME:
                Write(ref writer, entry, Name);
                break;
            case IFLA_LINKINFO:
                WriteNested(ref writer, entry, Info, nestedFlag: false);
                break;
            case IFLA_QDISC:
                Write(ref writer, entry, QueueingDiscipline);
                break;
            case IFLA_WEIGHT:
                Write(ref writer, entry, Weight);
                break;
            case IFLA_STATS64:
                Statistics?.Write(ref writer, entry);
                break;
            case IFLA_PROMISCUITY:
                Write(ref writer, entry, Promiscuity);
                break;
            case IFLA_ALLMULTI:
                Write(ref writer, entry, AllMulticast);
                break;
            case IFLA_CARRIER:
                Write(ref writer, entry, Carrier);
                break;
            case IFLA_CARRIER_CHANGES:
                Write(ref writer, entry, CarrierChanges);
                break;
            case IFLA_CARRIER_UP_COUNT:
                Write(ref writer, entry, CarrierUpCount);
                break;
            case IFLA_CARRIER_DOWN_COUNT:
                Write(ref writer, entry, CarrierDownCount);
                break;
            case IFLA_PHYS_PORT_ID:
                Write(ref writer, entry, PhysicalPortId);
                break;
            case IFLA_PHYS_PORT_NAME:
                Write(ref writer, entry, PhysicalPortName);
                break;
            case IFLA_PHYS_SWITCH_ID:
                Write(ref writer, entry, PhysicalSwitchId);
                break;
            case IFLA_LINK_NETNSID:
                Write(ref writer, entry, ParentNamespace);
                break;
            case IFLA_TARGET_NETNSID:
                Write(ref writer, entry, TargetNamespace);
                break;
            case IFLA_NEW_NETNSID:
                Write(ref writer, entry, NewNamespace);
                break;
            case IFLA_NEW_IFINDEX:
                Write(ref writer, entry, NewIndex);
                break;
            case IFLA_PROTO_DOWN:
                Write(ref writer, entry, ProtocolDown);
                break;
            case IFLA_GSO_MAX_SEGS:
                Write(ref writer, entry, GsoMaximumSegments);
                break;
            case IFLA_GSO_MAX_SIZE:
                Write(ref writer, entry, GsoMaximumSize);
                break;
            case IFLA_GRO_MAX_SIZE:
                Write(ref writer, entry, GroMaximumSize);
                break;
            case IFLA_GSO_IPV4_MAX_SIZE:
                Write(ref writer, entry, GsoIpv4MaximumSize);
                break;
            case IFLA_GRO_IPV4_MAX_SIZE:
                Write(ref writer, entry, GroIpv4MaximumSize);
                break;
            case IFLA_TSO_MAX_SIZE:
                Write(ref writer, entry, TsoMaximumSize);
                break;
            case IFLA_TSO_MAX_SEGS:
                Write(ref writer, entry, TsoMaximumSegments);
                break;
            case IFLA_EVENT:
                Write(ref writer, entry, Event);
                break;
            case IFLA_MIN_MTU:
                Write(ref writer, entry, MinimumMtu);
                break;
            case IFLA_MAX_MTU:
                Write(ref writer, entry, MaximumMtu);
                break;
            case IFLA_PROP_LIST:
                AlternativeNames?.Write(ref writer, entry);
                break;
            case IFLA_ALT_IFNAME:
                Write(ref writer, entry, AlternativeName);
                break;
            case IFLA_PERM_ADDRESS:
                Write(ref writer, entry, PermanentAddress);
                break;
            case IFLA_PARENT_DEV_NAME:
                Write(ref writer, entry, ParentDeviceName);
                break;
            case IFLA_PARENT_DEV_BUS_NAME:
                Write(ref writer, entry, ParentDeviceBus);
                break;
            case IFLA_NETNS_IMMUTABLE:
                Write(ref writer, entry, NamespaceImmutable);
                break;
            case IFLA_PROTINFO:
                WriteNested(ref writer, entry, BridgePort, nestedFlag: true);
                break;
            case IFLA_AF_SPEC:
                Bridge?.Write(ref writer, entry);
                break;
        }
    }
}
