using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>What the kernel demands of the attributes of a link request.</summary>
internal static class LinkPolicy
{
    /// <summary>IFLA_*; see <see cref="LinkOf"/>.</summary>
    private static PolicyTable Link { get; } = new(
        69,
        (IFLA_IFNAME, new(AttributeKind.String, 15)),
        (IFLA_ADDRESS, new(AttributeKind.Binary, 32)),
        (IFLA_BROADCAST, new(AttributeKind.Binary, 32)),
        (IFLA_MAP, AttributePolicy.Any(28)),
        (IFLA_MTU, new(AttributeKind.U32)),
        (IFLA_LINK, new(AttributeKind.U32)),
        (IFLA_MASTER, new(AttributeKind.U32)),
        (IFLA_CARRIER, new(AttributeKind.U8)),
        (IFLA_TXQLEN, new(AttributeKind.U32)),
        (IFLA_OPERSTATE, new(AttributeKind.U8)),
        (IFLA_LINKMODE, new(AttributeKind.U8)),
        (IFLA_LINKINFO, new(AttributeKind.Nested)),
        (IFLA_NET_NS_PID, new(AttributeKind.U32)),
        (IFLA_NET_NS_FD, new(AttributeKind.U32)),
        (IFLA_IFALIAS, new(AttributeKind.Binary, 255)),
        (IFLA_AF_SPEC, new(AttributeKind.Nested)),
        (IFLA_EXT_MASK, new(AttributeKind.U32)),
        (IFLA_PROMISCUITY, new(AttributeKind.U32)),
        (IFLA_NUM_TX_QUEUES, new(AttributeKind.U32)),
        (IFLA_NUM_RX_QUEUES, new(AttributeKind.U32)),
        (IFLA_GSO_MAX_SEGS, new(AttributeKind.U32)),
        (IFLA_GSO_MAX_SIZE, new(AttributeKind.U32, 0, 193)),
        (IFLA_CARRIER_CHANGES, new(AttributeKind.U32)),
        (IFLA_LINK_NETNSID, new(AttributeKind.S32)),
        (IFLA_PROTO_DOWN, new(AttributeKind.U8)),
        (IFLA_XDP, new(AttributeKind.Nested)),
        (IFLA_GROUP, new(AttributeKind.U32)),
        (IFLA_TARGET_NETNSID, new(AttributeKind.S32)),
        (IFLA_MIN_MTU, new(AttributeKind.U32)),
        (IFLA_MAX_MTU, new(AttributeKind.U32)),
        (IFLA_PROP_LIST, new(AttributeKind.Nested)),
        (IFLA_ALT_IFNAME, new(AttributeKind.String, 127)),
        (IFLA_PERM_ADDRESS, new(AttributeKind.Rejected)),
        (IFLA_NEW_IFINDEX, new(AttributeKind.S32, 0, 1)),
        (IFLA_ALLMULTI, new(AttributeKind.Rejected)),
        (15, new(AttributeKind.U32)), (22, new(AttributeKind.Nested)), (24, new(AttributeKind.Nested)), (25, new(AttributeKind.Nested)),
        (34, new(AttributeKind.Binary, 32)), (36, new(AttributeKind.Binary, 32)), (44, new(AttributeKind.U32)), (47, new(AttributeKind.U32)), (48, new(AttributeKind.U32)),
        (55, new(AttributeKind.Nested)), (56, new(AttributeKind.NulString)), (58, new(AttributeKind.U32)), (59, new(AttributeKind.Rejected)), (60, new(AttributeKind.Rejected)),
        (63, new(AttributeKind.U32, 0, 193)), (64, new(AttributeKind.U32)), (67, new(AttributeKind.Rejected)), (68, new(AttributeKind.Rejected)), (69, new(AttributeKind.Rejected)))
    {
        StrictFrom = 65,
    };

    private static PolicyTable LinkWithLimits { get; } = Link.With(IFLA_TXQLEN, new(AttributeKind.U32, 0, 0, short.MaxValue));

    /// <summary>IFLA_*, as a kernel wants them.</summary>
    public static PolicyTable LinkOf(KernelProfile profile) => profile.LimitsQueueLength ? LinkWithLimits : Link;

    /// <summary>IFLA_INFO_*.</summary>
    public static PolicyTable Info { get; } = new(
        5,
        (IFLA_INFO_KIND, new(AttributeKind.String)),
        (IFLA_INFO_DATA, new(AttributeKind.Nested)),
        (IFLA_INFO_SLAVE_KIND, new(AttributeKind.String)),
        (IFLA_INFO_SLAVE_DATA, new(AttributeKind.Nested)));

    /// <summary>IFLA_VLAN_*.</summary>
    public static PolicyTable Vlan { get; } = new(
        5,
        (IFLA_VLAN_ID, new(AttributeKind.U16)),
        (IFLA_VLAN_FLAGS, AttributePolicy.Any(8)),
        (IFLA_VLAN_EGRESS_QOS, new(AttributeKind.Nested)),
        (IFLA_VLAN_INGRESS_QOS, new(AttributeKind.Nested)),
        (IFLA_VLAN_PROTOCOL, new(AttributeKind.U16)));

    /// <summary>VETH_INFO_*.</summary>
    public static PolicyTable Veth { get; } = new(1, (VETH_INFO_PEER, AttributePolicy.Any(16)));

    /// <summary>IFLA_MACVLAN_*.</summary>
    public static PolicyTable Macvlan { get; } = new(
        9, (1, new(AttributeKind.U32)), (2, new(AttributeKind.U16)), (3, new(AttributeKind.U32)), (4, new(AttributeKind.Binary, 32)),
        (5, new(AttributeKind.Nested)), (6, new(AttributeKind.U32)), (7, new(AttributeKind.U32)), (8, new(AttributeKind.Rejected)), (9, new(AttributeKind.S32)));

    /// <summary>IFLA_VRF_*.</summary>
    public static PolicyTable Vrf { get; } = new(1, (1, new(AttributeKind.U32)));

    /// <summary>No demands.</summary>
    public static PolicyTable None { get; } = new(64);
}
