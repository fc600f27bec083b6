namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>A bridge: its options and its forwarding database. Times are in clock ticks of 10 ms (USER_HZ), as the kernel shows them.</summary>
internal sealed class BridgeState(NetworkDevice device)
{
    public NetworkDevice Device { get; } = device;

    /// <summary>The ports, in the order they came; the kernel walks them from the last.</summary>
    public List<BridgePort> Ports { get; } = [];

    public uint ForwardDelay { get; set; } = 1500;

    public uint HelloTime { get; set; } = 200;

    public uint MaximumAge { get; set; } = 2000;

    public uint AgeingTime { get; set; } = 30000;

    /// <summary>0 none, 1 kernel, 2 user space.</summary>
    public uint SpanningTree { get; set; }

    public ushort Priority { get; set; } = 0x8000;

    public bool VlanFiltering { get; set; }

    public ushort VlanProtocol { get; set; } = 0x8100;

    public ushort DefaultVlan { get; set; } = 1;

    public bool VlanStatistics { get; set; }

    public bool VlanStatisticsPerPort { get; set; }

    public ushort GroupForwardMask { get; set; }

    public byte[] GroupAddress { get; set; } = [0x01, 0x80, 0xc2, 0, 0, 0];

    /// <summary>User space chose the group's address.</summary>
    public bool HasFixedGroupAddress { get; set; }

    /// <summary>Spanning tree among providers has a group of its own (IEEE 802.1ad; recalculate_group_addr).</summary>
    public void ChooseGroupAddress()
    {
        if (!HasFixedGroupAddress)
        {
            GroupAddress = [0x01, 0x80, 0xc2, 0, 0, VlanFiltering && VlanProtocol == 0x88a8 ? (byte)8 : (byte)0];
        }
    }

    public bool MulticastSnooping { get; set; } = true;

    public bool CallsIptables { get; set; }

    public bool CallsIp6tables { get; set; }

    public bool CallsArptables { get; set; }

    public bool MulticastQuerier { get; set; }

    public byte MulticastRouter { get; set; } = 1;

    public bool MulticastUsesInterfaceAddress { get; set; }

    public bool MulticastStatistics { get; set; }

    public uint MulticastHashElasticity { get; set; } = 16;

    public uint MulticastHashMaximum { get; set; } = 4096;

    public uint MulticastLastMemberCount { get; set; } = 2;

    public uint MulticastStartupQueryCount { get; set; } = 2;

    public byte MulticastIgmpVersion { get; set; } = 2;

    public byte MulticastMldVersion { get; set; } = 1;

    /// <summary>Last member, membership, querier, query, query response and startup query intervals, in 10 ms.</summary>
    public ulong[] MulticastIntervals { get; } = [100, 26000, 25500, 12500, 1000, 3124];

    /// <summary>IFLA_BR_MULTI_BOOLOPT: the options that are on, by bit (BR_BOOLOPT_*).</summary>
    public uint BooleanOptions { get; set; }

    public uint MaximumLearned { get; set; }

    /// <summary>Entries of the forwarding database that were learned from packets.</summary>
    public uint Learned => (uint)Database.Entries.Count(static entry => !entry.IsLocal && !entry.IsAddedByUser && !entry.IsExternallyLearned);

    public bool TopologyChanged { get; set; }

    /// <summary>The bridge's identifier: priority and MAC.</summary>
    public byte[] Identifier { get; } = new byte[8];

    /// <summary>The MAC was set by hand and does not follow the ports.</summary>
    public bool HasFixedAddress { get; set; }

    /// <summary>The MTU was set by hand and does not follow the ports.</summary>
    public bool HasFixedMtu { get; set; }

    /// <summary>How many ports flood and learn (auto_cnt).</summary>
    public int AutomaticPorts { get; set; }

    /// <summary>VLANs of the bridge device itself.</summary>
    public SortedDictionary<ushort, BridgeVlan> Vlans { get; } = [];

    /// <summary>All VLANs that the bridge or a port is in, each with the flags of the request that made it, which VLANs of the bridge must share to be shown as one range (master VLANs).</summary>
    public SortedDictionary<ushort, ushort> KnownVlans { get; } = [];

    public ForwardingDatabase Database { get; } = new();

    public MulticastDatabase Multicast { get; } = new();
}

/// <summary>A device's membership of a bridge.</summary>
internal sealed class BridgePort(BridgeState bridge, NetworkDevice device, ushort number)
{
    public BridgeState Bridge { get; } = bridge;

    public NetworkDevice Device { get; } = device;

    /// <summary>From 1.</summary>
    public ushort Number { get; } = number;

    public BridgePortState State { get; set; }

    public uint PathCost { get; set; } = 2;

    public byte Priority { get; set; } = 32;

    /// <summary>BR_* flags as the port attributes show them; learning and flooding are on at first.</summary>
    public BridgePortFlags Flags { get; set; } =
        BridgePortFlags.Learning | BridgePortFlags.Flood | BridgePortFlags.MulticastFlood | BridgePortFlags.BroadcastFlood;

    public SortedDictionary<ushort, BridgeVlan> Vlans { get; } = [];

    /// <summary>Priority and MAC of the root, as this port believes.</summary>
    public byte[] DesignatedRoot { get; set; } = new byte[8];

    /// <summary>Priority and MAC of the bridge that serves this port's segment.</summary>
    public byte[] DesignatedBridge { get; set; } = new byte[8];

    public ushort DesignatedPort { get; set; }

    public ushort GroupForwardMask { get; set; }

    /// <summary>MDB_RTR_TYPE_*: 0 disabled, 1 by query, 2 permanent.</summary>
    public byte MulticastRouter { get; set; } = 1;

    public uint HostsLimit { get; set; } = 512;

    public uint MulticastGroups { get; set; }

    public uint MaximumMulticastGroups { get; set; }

    public NetworkDevice? BackupPort { get; set; }

    /// <summary>A next hop object that tunnelled frames for the backup port carry, 0 for none; it is kept and shown.</summary>
    public uint BackupNextHop { get; set; }

    /// <summary>The bridge has it receive everything (BR_PROMISC).</summary>
    public bool IsPromiscuous { get; set; }

    /// <summary>It learns what is behind it, and gets what is behind nobody known (BR_AUTO_MASK).</summary>
    public bool IsAutomatic => (Flags & (BridgePortFlags.Learning | BridgePortFlags.Flood)) == (BridgePortFlags.Learning | BridgePortFlags.Flood);

    public bool IsForwarding => State == BridgePortState.Forwarding;
}

/// <summary>BR_STATE_* (linux/if_bridge.h).</summary>
internal enum BridgePortState : byte
{
    Disabled = 0,
    Listening = 1,
    Learning = 2,
    Forwarding = 3,
    Blocking = 4,
}

/// <summary>What a bridge port does or lets through.</summary>
[Flags]
internal enum BridgePortFlags : uint
{
    None = 0,
    Hairpin = 1,
    Guard = 1 << 1,
    RootBlock = 1 << 2,
    FastLeave = 1 << 3,
    Learning = 1 << 5,
    Flood = 1 << 6,
    ProxyArp = 1 << 8,
    VlanTunnel = 1 << 13,
    ProxyArpWifi = 1 << 10,
    MulticastFlood = 1 << 11,
    MulticastToUnicast = 1 << 12,
    BroadcastFlood = 1 << 14,
    NeighbourSuppress = 1 << 15,
    Isolated = 1 << 16,
    Locked = 1 << 21,
    MacAuthenticationBypass = 1 << 22,
    NeighbourVlanSuppress = 1 << 23,
}

/// <summary>A VLAN on a bridge or one of its ports.</summary>
internal sealed record BridgeVlan(ushort Id, bool IsPvid, bool IsUntagged);
