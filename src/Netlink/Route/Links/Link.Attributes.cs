using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Route;

/// <content>What its attributes say; null where a message does not have them.</content>
public sealed partial record Link
{
    /// <summary>In get requests: what else to list, RTEXT_FILTER_* bits (IFLA_EXT_MASK).</summary>
    public uint? ExtendedMask { get; init; }

    /// <summary>Largest packet in bytes (IFLA_MTU).</summary>
    public uint? Mtu { get; init; }

    /// <summary>Hardware address (IFLA_ADDRESS).</summary>
    public HardwareAddress? HardwareAddress { get; init; }

    /// <summary>Hardware broadcast address, or the peer of a tunnel (IFLA_BROADCAST).</summary>
    public HardwareAddress? BroadcastAddress { get; init; }

    /// <summary>Packets the transmit queue holds (IFLA_TXQLEN).</summary>
    public uint? TransmitQueueLength { get; init; }

    /// <summary>Number of transmit queues (IFLA_NUM_TX_QUEUES).</summary>
    public uint? TransmitQueues { get; init; }

    /// <summary>Number of receive queues (IFLA_NUM_RX_QUEUES).</summary>
    public uint? ReceiveQueues { get; init; }

    /// <summary>Group of links that one request may address (IFLA_GROUP).</summary>
    public uint? Group { get; init; }

    /// <summary>Index of the bridge, bond or VRF it is a port of; 0 releases it (IFLA_MASTER).</summary>
    public int? Master { get; init; }

    /// <summary>Move to the network namespace of that process (IFLA_NET_NS_PID).</summary>
    public uint? NamespaceProcess { get; init; }

    /// <summary>Move to the network namespace open under that descriptor (IFLA_NET_NS_FD).</summary>
    public uint? NamespaceDescriptor { get; init; }

    /// <summary>Free text (IFLA_IFALIAS).</summary>
    public string? Alias { get; init; }

    /// <summary>State by RFC 2863 (IFLA_OPERSTATE).</summary>
    public OperationalState? OperationalState { get; init; }

    /// <summary>0 by default, 1 where user space brings the link up (IFLA_LINKMODE).</summary>
    public byte? LinkMode { get; init; }

    /// <summary>Index of the link it stands on; the peer of a veth (IFLA_LINK).</summary>
    public int? Parent { get; init; }

    /// <summary>Name, up to 15 characters (IFLA_IFNAME).</summary>
    public string? Name { get; init; }

    /// <summary>Kind and options of its own and as a port (IFLA_LINKINFO).</summary>
    public LinkInfo? Info { get; init; }

    /// <summary>Name of the queueing discipline at the root (IFLA_QDISC).</summary>
    public string? QueueingDiscipline { get; init; }

    /// <summary>Weight of the device, not used any more (IFLA_WEIGHT).</summary>
    public uint? Weight { get; init; }

    /// <summary>Counters (IFLA_STATS64).</summary>
    public LinkStatistics? Statistics { get; init; }

    /// <summary>How many ask for all frames (IFLA_PROMISCUITY).</summary>
    public uint? Promiscuity { get; init; }

    /// <summary>How many ask for all multicast frames (IFLA_ALLMULTI).</summary>
    public uint? AllMulticast { get; init; }

    /// <summary>There is a carrier (IFLA_CARRIER).</summary>
    public bool? Carrier { get; init; }

    /// <summary>How often the carrier came and went (IFLA_CARRIER_CHANGES).</summary>
    public uint? CarrierChanges { get; init; }

    /// <summary>How often the carrier came (IFLA_CARRIER_UP_COUNT).</summary>
    public uint? CarrierUpCount { get; init; }

    /// <summary>How often the carrier went (IFLA_CARRIER_DOWN_COUNT).</summary>
    public uint? CarrierDownCount { get; init; }

    /// <summary>Identity of the physical port (IFLA_PHYS_PORT_ID).</summary>
    public Octets? PhysicalPortId { get; init; }

    /// <summary>Name of the physical port (IFLA_PHYS_PORT_NAME).</summary>
    public string? PhysicalPortName { get; init; }

    /// <summary>Identity of the switch chip (IFLA_PHYS_SWITCH_ID).</summary>
    public Octets? PhysicalSwitchId { get; init; }

    /// <summary>Id of the namespace that holds the parent or peer (IFLA_LINK_NETNSID).</summary>
    public int? ParentNamespace { get; init; }

    /// <summary>Id of the namespace the request is about (IFLA_TARGET_NETNSID).</summary>
    public int? TargetNamespace { get; init; }

    /// <summary>Id of the namespace it moved to (IFLA_NEW_NETNSID).</summary>
    public int? NewNamespace { get; init; }

    /// <summary>Index it has in the namespace it moved to (IFLA_NEW_IFINDEX).</summary>
    public int? NewIndex { get; init; }

    /// <summary>Held down by a protocol (IFLA_PROTO_DOWN).</summary>
    public bool? ProtocolDown { get; init; }

    /// <summary>Segments of one offloaded packet (IFLA_GSO_MAX_SEGS).</summary>
    public uint? GsoMaximumSegments { get; init; }

    /// <summary>Bytes of one offloaded packet (IFLA_GSO_MAX_SIZE).</summary>
    public uint? GsoMaximumSize { get; init; }

    /// <summary>Bytes of one merged packet (IFLA_GRO_MAX_SIZE).</summary>
    public uint? GroMaximumSize { get; init; }

    /// <summary>Bytes of one offloaded IPv4 packet (IFLA_GSO_IPV4_MAX_SIZE).</summary>
    public uint? GsoIpv4MaximumSize { get; init; }

    /// <summary>Bytes of one merged IPv4 packet (IFLA_GRO_IPV4_MAX_SIZE).</summary>
    public uint? GroIpv4MaximumSize { get; init; }

    /// <summary>Bytes of one packet the device segments (IFLA_TSO_MAX_SIZE).</summary>
    public uint? TsoMaximumSize { get; init; }

    /// <summary>Segments of one packet the device segments (IFLA_TSO_MAX_SEGS).</summary>
    public uint? TsoMaximumSegments { get; init; }

    /// <summary>What made the kernel send the message, IFLA_EVENT_* (IFLA_EVENT).</summary>
    public uint? Event { get; init; }

    /// <summary>Least MTU the device takes (IFLA_MIN_MTU).</summary>
    public uint? MinimumMtu { get; init; }

    /// <summary>Greatest MTU the device takes; 0 for no limit (IFLA_MAX_MTU).</summary>
    public uint? MaximumMtu { get; init; }

    /// <summary>Further names, up to 127 characters each (IFLA_PROP_LIST).</summary>
    public AlternativeNames? AlternativeNames { get; init; }

    /// <summary>In requests: an alternative name the link is meant by (IFLA_ALT_IFNAME).</summary>
    public string? AlternativeName { get; init; }

    /// <summary>Hardware address the device was made with (IFLA_PERM_ADDRESS).</summary>
    public HardwareAddress? PermanentAddress { get; init; }

    /// <summary>Name of the device on its bus (IFLA_PARENT_DEV_NAME).</summary>
    public string? ParentDeviceName { get; init; }

    /// <summary>Name of that bus (IFLA_PARENT_DEV_BUS_NAME).</summary>
    public string? ParentDeviceBus { get; init; }

    /// <summary>It may not leave its namespace (IFLA_NETNS_IMMUTABLE).</summary>
    public bool? NamespaceImmutable { get; init; }

    /// <summary>Options as a bridge port, in messages of the bridge family (IFLA_PROTINFO).</summary>
    public BridgePortOptions? BridgePort { get; init; }

    /// <summary>Flags and VLANs, in messages of the bridge family (IFLA_AF_SPEC).</summary>
    public BridgeSpecification? Bridge { get; init; }
}
