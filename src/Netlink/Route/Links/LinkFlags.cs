namespace EucaNet.Netlink.Route;

/// <summary>Flags of a link (IFF_*, linux/if.h).</summary>
[Flags]
public enum LinkFlags : uint
{
#pragma warning disable CS1591 // as netdevice(7) explains them
    None = 0,
    Up = 0x1,
    Broadcast = 0x2,
    Debug = 0x4,
    Loopback = 0x8,
    PointToPoint = 0x10,
    NoTrailers = 0x20,
    Running = 0x40,
    NoArp = 0x80,
    Promiscuous = 0x100,
    AllMulticast = 0x200,
    Master = 0x400,
    Slave = 0x800,
    Multicast = 0x1000,
    PortSelection = 0x2000,
    AutoMedia = 0x4000,
    Dynamic = 0x8000,
    LowerUp = 0x10000,
    Dormant = 0x20000,
    Echo = 0x40000,
#pragma warning restore CS1591
}

/// <summary>State of a link by RFC 2863 (IF_OPER_*).</summary>
public enum OperationalState : byte
{
#pragma warning disable CS1591 // as RFC 2863 explains them
    Unknown = 0,
    NotPresent = 1,
    Down = 2,
    LowerLayerDown = 3,
    Testing = 4,
    Dormant = 5,
    Up = 6,
#pragma warning restore CS1591
}

/// <summary>State of a bridge's port in the spanning tree (BR_STATE_*).</summary>
public enum BridgePortState : byte
{
#pragma warning disable CS1591 // as IEEE 802.1D explains them
    Disabled = 0,
    Listening = 1,
    Learning = 2,
    Forwarding = 3,
    Blocking = 4,
#pragma warning restore CS1591
}

/// <summary>How a bond uses its ports.</summary>
public enum BondMode : byte
{
#pragma warning disable CS1591 // as the kernel's bonding.rst explains them
    RoundRobin = 0,
    ActiveBackup = 1,
    Xor = 2,
    Broadcast = 3,
    Ieee8023ad = 4,
    TransmitLoadBalancing = 5,
    AdaptiveLoadBalancing = 6,
#pragma warning restore CS1591
}

/// <summary>Who may talk to whom among the macvlan devices of one parent.</summary>
public enum MacvlanMode : uint
{
#pragma warning disable CS1591 // as ip-link(8) explains them
    Private = 1,
    Vepa = 2,
    Bridge = 4,
    PassThrough = 8,
    Source = 16,
#pragma warning restore CS1591
}
