namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>What a device can do with packets by itself (NETIF_F_*, linux/netdev_features.h), with the kernel's numbers.</summary>
[Flags]
internal enum LinkFeatures : ulong
{
    None = 0,
    ScatterGather = 1UL << 0,
    Inet4Checksum = 1UL << 1,
    HardwareChecksum = 1UL << 3,
    Inet6Checksum = 1UL << 4,
    HighMemory = 1UL << 5,
    FragmentList = 1UL << 6,
    TagsOnSending = 1UL << 7,
    TagsOnReceipt = 1UL << 8,
    TagFilter = 1UL << 9,
    VlanChallenged = 1UL << 10,
    Segmentation = 1UL << 11,
    Aggregation = 1UL << 14,
    LargeReceive = 1UL << 15,
    Tcp = 1UL << 16,
    Robust = 1UL << 17,
    TcpCongestionMarks = 1UL << 18,
    TcpMangledId = 1UL << 19,
    Tcp6 = 1UL << 20,
    FibreChannelSegmentation = 1UL << 21,
    Partial = 1UL << 28,
    Sctp = 1UL << 30,
    UdpSegmentation = 1UL << 33,
    FragmentListSegmentation = 1UL << 34,
    FibreChannelChecksum = 1UL << 35,
    SctpChecksum = 1UL << 36,
    ReceiveChecksum = 1UL << 40,
    NoCacheCopy = 1UL << 41,
    ServiceTagsOnSending = 1UL << 45,
    ServiceTagsOnReceipt = 1UL << 46,
    ServiceTagFilter = 1UL << 47,

    /// <summary>NETIF_F_GSO_MASK.</summary>
    AnySegmentation = (1UL << 35) - (1UL << 16),

    /// <summary>NETIF_F_ALL_TSO.</summary>
    AnyTcp = Tcp | Tcp6 | TcpCongestionMarks | TcpMangledId,

    /// <summary>NETIF_F_GSO_SOFTWARE.</summary>
    SoftwareSegmentation = AnyTcp | Sctp | UdpSegmentation | FragmentListSegmentation,

    /// <summary>NETIF_F_GSO_ENCAP_ALL: GRE, IP in IP, UDP tunnels.</summary>
    TunnelSegmentation = (1UL << 28) - (1UL << 22),

    /// <summary>NETIF_F_CSUM_MASK.</summary>
    AnyChecksum = Inet4Checksum | Inet6Checksum | HardwareChecksum,

    /// <summary>NETIF_F_ONE_FOR_ALL: what a master can do as soon as one of its devices can.</summary>
    OneForAll = SoftwareSegmentation | Robust | ScatterGather | HighMemory | FragmentList | VlanChallenged,

    /// <summary>NETIF_F_ALL_FOR_ALL: what a master can do only if all of its devices can.</summary>
    AllForAll = NoCacheCopy | FibreChannelSegmentation,

    /// <summary>NETIF_F_SOFT_FEATURES: of every device, from the stack.</summary>
    Soft = Segmentation | Aggregation,
}
