using EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>A network device (struct net_device) of one simulated kernel. Changed only by the kernel it belongs to.</summary>
internal sealed class NetworkDevice(SimulatedKernel kernel, int index, string name, string kind)
{
    private DeviceTraffic? _traffic;
    private DeviceFeatures? _features;
    private AddressFilter? _unicastFilter;

    /// <summary>The kernel whose namespace the device is in now.</summary>
    public SimulatedKernel Kernel { get; set; } = kernel;

    public int Index { get; set; } = index;

    public string Name { get; set; } = name;

    /// <summary>IFLA_INFO_KIND; empty for the loopback device and for physical ones.</summary>
    public string Kind { get; } = kind;

    public List<string> AlternativeNames { get; } = [];

    public string? Alias { get; set; }

    /// <summary>ARPHRD_ETHER (1), ARPHRD_LOOPBACK (772), …</summary>
    public ushort HardwareType { get; set; } = 1;

    public byte[] HardwareAddress { get; set; } = new byte[6];

    public byte[] BroadcastAddress { get; set; } = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

    /// <summary>IFLA_PERM_ADDRESS, where a driver gave one.</summary>
    public byte[]? PermanentAddress { get; set; }

    /// <summary>NET_ADDR_PERM 0, NET_ADDR_RANDOM 1, NET_ADDR_STOLEN 2, NET_ADDR_SET 3.</summary>
    public byte AddressAssignType { get; set; } = 1;

    public uint Mtu { get; set; } = 1500;

    public uint MinimumMtu { get; set; } = 68;

    /// <summary>0: no limit.</summary>
    public uint MaximumMtu { get; set; } = 65535;

    /// <summary>The flags as kept by the kernel; IFF_RUNNING, IFF_LOWER_UP and IFF_DORMANT are made from the state when shown.</summary>
    public DeviceFlags Flags { get; set; } = DeviceFlags.Broadcast | DeviceFlags.Multicast;

    /// <summary>Set up by the administrator (IFF_UP).</summary>
    public bool IsUp => (Flags & DeviceFlags.Up) != 0;

    /// <summary>The lower layer has a signal; carrier of a device that has none of its own is always on.</summary>
    public bool HasCarrier { get; set; } = true;

    public OperationalState OperationalState { get; set; } = OperationalState.Unknown;

    /// <summary>Up, with carrier, and not held back: packets flow.</summary>
    public bool IsOperational => IsUp && (OperationalState is OperationalState.Up or OperationalState.Unknown);

    public bool IsLoopback => (Flags & DeviceFlags.Loopback) != 0;

    /// <summary>The bridge, bond or VRF the device is enslaved to.</summary>
    public NetworkDevice? Master { get; set; }

    /// <summary>The device this one stands on (VLAN, macvlan).</summary>
    public NetworkDevice? Lower { get; set; }

    /// <summary>Devices that stand on this one, in the order they were made.</summary>
    public List<NetworkDevice> Uppers { get; } = [];

    /// <summary>The other end of a veth pair, possibly in another kernel.</summary>
    public NetworkDevice? Peer { get; set; }

    public VlanOptions? Vlan { get; set; }

    /// <summary>What the device does as a bridge.</summary>
    public BridgeState? Bridge { get; set; }

    /// <summary>What the device does as a port of a bridge.</summary>
    public BridgePort? Port { get; set; }

    /// <summary>IPv6 on the device; null while its MTU is below 1280.</summary>
    public Inet6State? Inet6 { get; set; }

    /// <summary>IPv4 on the device; false once it is being unregistered.</summary>
    public bool HasInet { get; set; } = true;

    public DeviceStatistics Statistics { get; } = new();

    /// <summary>The queueing disciplines and their filters.</summary>
    public DeviceTraffic Traffic => _traffic ??= new DeviceTraffic(this);

    /// <summary>What it can do with packets.</summary>
    public DeviceFeatures Features => _features ??= new DeviceFeatures(this);

    /// <summary>The device has no queue of its own ("noqueue" once up).</summary>
    public bool HasNoQueue { get; init; } = true;

    /// <summary>IFLA_TSO_MAX_SEGS; 65535.</summary>
    public uint MaximumSegments { get; set; } = 65535;

    /// <summary>IFLA_GSO_MAX_SEGS.</summary>
    public uint GsoMaximumSegments { get; set; } = 65535;

    /// <summary>IFLA_GRO_MAX_SIZE.</summary>
    public uint GroMaximumSize { get; set; } = 65536;

    /// <summary>IFLA_GSO_MAX_SIZE.</summary>
    public uint GsoMaximumSize { get; set; } = 65536;

    /// <summary>IFLA_TSO_MAX_SIZE: 524280 where the driver set it, else 65536.</summary>
    public uint TsoMaximumSize { get; set; } = 65536;

    /// <summary>IFLA_HEADROOM.</summary>
    public ushort Headroom { get; set; }

    /// <summary>The device cannot be moved to another namespace.</summary>
    public bool IsBoundToNamespace { get; init; }

    public bool IsProtocolDown { get; set; }

    public byte LinkMode { get; set; }

    /// <summary>The device is gone from the tables (NETREG_UNREGISTERING).</summary>
    public bool IsGone { get; set; }

    /// <summary>Opaque state of the link's kind (IFLA_INFO_DATA), where no property above holds it.</summary>
    public object? KindState { get; set; }

    /// <summary>IFF_RUNNING, IFF_LOWER_UP and IFF_DORMANT made from the state, promiscuity by hand only (dev_get_flags).</summary>
    public DeviceFlags ShownFlags
    {
        get
        {
            DeviceFlags flags = Flags & ~(DeviceFlags.Promiscuous | DeviceFlags.AllMulticast | DeviceFlags.Running | DeviceFlags.LowerUp | DeviceFlags.Dormant);
            flags |= RequestedFlags & (DeviceFlags.Promiscuous | DeviceFlags.AllMulticast);
            if (IsUp)
            {
                flags |= OperationalState is OperationalState.Up or OperationalState.Unknown ? DeviceFlags.Running : 0;
                flags |= HasCarrier ? DeviceFlags.LowerUp : 0;
                flags |= OperationalState == OperationalState.Dormant ? DeviceFlags.Dormant : 0;
            }

            return flags;
        }
    }

    /// <summary>Promiscuity and all-multicast as user space asked for them (gflags).</summary>
    public DeviceFlags RequestedFlags { get; set; }

    /// <summary>Unicast addresses beside its own that it receives, for those who stand on it, for its bridge, or by hand (dev->uc).</summary>
    public AddressFilter UnicastFilter => _unicastFilter ??= new AddressFilter();

    /// <summary>There are such addresses.</summary>
    public bool ReceivesMore => _unicastFilter is { IsEmpty: false };

    /// <summary>The driver can receive some addresses beside its own without receiving all (IFF_UNICAST_FLT).</summary>
    public bool FiltersUnicast => Kind is "vlan" or "macvlan" or "macvtap" or "ipvlan" or "bond" or "team";

    /// <summary>It takes everything because it cannot filter those addresses (uc_promisc); looked at again only while it is up.</summary>
    public bool FiltersNothing { get; set; }

    /// <summary>Multicast addresses that protocols listen to: see <see cref="ReceiveFilter"/>.</summary>
    public List<byte[]> JoinedGroups { get; } = [];

    /// <summary>Multicast addresses added by user space.</summary>
    public List<byte[]> MulticastAddresses { get; } = [];

    public uint Group { get; set; }

    public uint TransmitQueueLength { get; set; } = 1000;

    public uint TransmitQueues { get; set; } = 1;

    public uint ReceiveQueues { get; set; } = 1;

    public int Promiscuity { get; set; }

    public int AllMulticast { get; set; }

    public uint CarrierUpCount { get; set; }

    public uint CarrierDownCount { get; set; }

    /// <summary>Forwarding of IPv6 was switched on while it was there: it is in the routers' groups of the site and the machine too, not only in the link's (dev_forward_change, ipv6_add_dev).</summary>
    public bool IsInRoutersOfSite { get; set; }

    /// <summary>Whatever the datapath keeps for this device.</summary>
    public object? Datapath { get; set; }

    /// <summary>Where frames go that leave a physical device; null when no cable is plugged in.</summary>
    public Action<ReadOnlyMemory<byte>>? Cable { get; set; }

    public override string ToString() => $"{Kernel.HostName}:{Name}";
}

/// <summary>IFF_* (linux/if.h).</summary>
[Flags]
internal enum DeviceFlags : uint
{
    None = 0,
    Up = 1,
    Broadcast = 1 << 1,
    Debug = 1 << 2,
    Loopback = 1 << 3,
    PointToPoint = 1 << 4,
    NoTrailers = 1 << 5,
    Running = 1 << 6,
    NoArp = 1 << 7,
    Promiscuous = 1 << 8,
    AllMulticast = 1 << 9,
    Master = 1 << 10,
    Slave = 1 << 11,
    Multicast = 1 << 12,
    PortSelect = 1 << 13,
    AutoMedia = 1 << 14,
    Dynamic = 1 << 15,
    LowerUp = 1 << 16,
    Dormant = 1 << 17,
    Echo = 1 << 18,
}

/// <summary>IF_OPER_* (RFC 2863).</summary>
internal enum OperationalState : byte
{
    Unknown = 0,
    NotPresent = 1,
    Down = 2,
    LowerLayerDown = 3,
    Testing = 4,
    Dormant = 5,
    Up = 6,
}

/// <summary>What a device has counted.</summary>
internal sealed class DeviceStatistics
{
    public ulong ReceivedPackets { get; set; }

    public ulong TransmittedPackets { get; set; }

    public ulong ReceivedBytes { get; set; }

    public ulong TransmittedBytes { get; set; }

    public ulong ReceiveErrors { get; set; }

    public ulong TransmitErrors { get; set; }

    public ulong ReceiveDropped { get; set; }

    public ulong TransmitDropped { get; set; }

    public ulong Multicast { get; set; }
}
