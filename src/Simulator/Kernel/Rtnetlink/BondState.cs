using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>IFLA_BOND_MODE.</summary>
internal enum BondMode : byte
{
    RoundRobin = 0,
    ActiveBackup = 1,
    Xor = 2,
    Broadcast = 3,
    Lacp = 4,
    TransmitLoadBalancing = 5,
    AdaptiveLoadBalancing = 6,
}

/// <summary>A device that a bond sends by.</summary>
internal sealed class BondPort(NetworkDevice device)
{
    public NetworkDevice Device { get; } = device;

    /// <summary>The MAC it had, and has again when it leaves.</summary>
    public byte[] OwnAddress { get; } = device.HardwareAddress;

    /// <summary>What the link monitor found; without one it is taken to be up.</summary>
    public bool IsLinkUp { get; set; } = true;

    /// <summary>It carries packets; a backup does not.</summary>
    public bool IsActive { get; set; }

    public uint Failures { get; set; }

    /// <summary>Set up, with a signal (bond_slave_is_up).</summary>
    public bool IsUp => Device is { IsUp: true, HasCarrier: true };

    public bool MaySend => IsUp && IsLinkUp && IsActive;
}

/// <summary>A bond's options and ports (struct bonding).</summary>
internal sealed class BondState
{
    private const ushort ModeOption = 1, ActivePortOption = 2, Monitor = 3, ArpInterval = 7, ArpTargets = 8, PrimaryOption = 11, FailOverAddress = 13, HashPolicy = 14, Notifications = 16, PacketsPerPort = 20;

    /// <summary>Numbers as the kernel has them where nobody asked for others, in the order in which it shows them; how many octets each has.</summary>
    private static readonly (ushort Type, int Size, uint Default)[] Shown =
    [
        (Monitor, 4, 0), (4, 4, 0), (5, 4, 0), (28, 4, 0), (6, 1, 1), (7, 4, 0), (9, 4, 0), (10, 4, 0), (PrimaryOption, 4, 0), (12, 1, 0), (FailOverAddress, 1, 0), (HashPolicy, 1, 0), (15, 4, 1),
        (Notifications, 1, 1), (17, 1, 0), (18, 4, 0), (19, 4, 1), (PacketsPerPort, 4, 1), (29, 1, 1), (21, 1, 0), (22, 1, 0), (27, 1, 1), (30, 1, 2), (32, 1, 1), (33, 1, 0),
    ];

    private readonly Dictionary<ushort, uint> _values = Shown.ToDictionary(static option => option.Type, static option => option.Default);

    private byte[] _arpTargets = [];

    public BondMode Mode { get; private set; }

    public List<BondPort> Ports { get; } = [];

    /// <summary>In a mode with one active port, that port.</summary>
    public BondPort? Active { get; set; }

    /// <summary>Counts packets of the round robin.</summary>
    public uint Sent { get; set; }

    /// <summary>Milliseconds between looks at the ports' signals; 0: nobody looks.</summary>
    public uint MonitorInterval => _values[Monitor];

    /// <summary>Index of the port that is preferred; 0 for none.</summary>
    public int Primary => (int)_values[PrimaryOption];

    /// <summary>Ports keep their own MACs.</summary>
    public bool KeepsAddresses => Mode == BondMode.ActiveBackup && _values[FailOverAddress] != 0;

    /// <summary>0 layer 2, 1 layer 3+4, 2 layer 2+3, 3 and 4 as those of what is inside tunnels, 5 VLAN and source MAC.</summary>
    public byte TransmitHashPolicy => (byte)_values[HashPolicy];

    /// <summary>How often neighbours are told of a fail-over.</summary>
    public uint PeerNotifications => _values[Notifications];

    public uint PacketsEach => _values[PacketsPerPort];

    /// <summary>Takes over what a request names (bond_changelink). A mode can't change while there are ports.</summary>
    public LinuxError Change(AttributeSet data)
    {
        if (data.U8(ModeOption) is { } mode)
        {
            if (mode > (byte)BondMode.AdaptiveLoadBalancing)
            {
                return LinuxError.EINVAL;
            }

            if (Ports.Count > 0 && mode != (byte)Mode)
            {
                return LinuxError.ENOTEMPTY;
            }

            Mode = (BondMode)mode;
            if (Mode is BondMode.Lacp or BondMode.TransmitLoadBalancing or BondMode.AdaptiveLoadBalancing && MonitorInterval == 0)
            {
                _values[Monitor] = 100;
            }
        }

        if (data.U32(ActivePortOption) is { } active && Ports.Find(port => port.Device.Index == active) is { } chosen)
        {
            Choose(chosen);
        }

        _arpTargets = data.Bytes(ArpTargets) ?? _arpTargets;
        foreach ((ushort type, int size, _) in Shown)
        {
            if (data.Has(type))
            {
                _values[type] = size == 1 ? data.U8(type) ?? 0 : data.U32(type) ?? 0;
            }
        }

        return LinuxError.None;
    }

    /// <summary>Another port becomes the active one (bond_change_active_slave).</summary>
    public void Choose(BondPort? chosen)
    {
        Active = chosen;
        foreach (BondPort port in Ports)
        {
            port.IsActive = port == chosen;
        }
    }

    /// <summary>IFLA_INFO_DATA (bond_fill_info).</summary>
    public void Write(ref NetlinkWriter writer, KernelProfile profile)
    {
        writer.WriteByte(ModeOption, (byte)Mode);
        if (Active is { } active && Mode is BondMode.ActiveBackup or BondMode.TransmitLoadBalancing or BondMode.AdaptiveLoadBalancing)
        {
            writer.WriteUInt32(ActivePortOption, (uint)Active.Device.Index);
        }

        foreach ((ushort type, int size, _) in Shown)
        {
            if ((type == PrimaryOption && !Ports.Exists(port => port.Device.Index == Primary)) || (type == 32 && !profile.IsAtLeast(6, 9)) || (type == 33 && !profile.IsAtLeast(6, 17)))
            {
                continue;
            }

            if (size == 1)
            {
                writer.WriteByte(type, (byte)_values[type]);
            }
            else
            {
                writer.WriteUInt32(type, _values[type]);
            }

            if (type == ArpInterval && _arpTargets.Length > 0)
            {
                writer.WriteBytes(ArpTargets, _arpTargets);
            }
        }

        if (Mode == BondMode.Lacp)
        {
            // What an administrator sees of the actor: priority of the system, port key, and no system of its own.
            writer.WriteUInt16(24, 0xffff);
            writer.WriteUInt16(25, 0);
            writer.WriteBytes(26, new byte[6]);
        }
    }

    /// <summary>IFLA_INFO_SLAVE_DATA (bond_fill_slave_info).</summary>
    public static void WritePort(ref NetlinkWriter writer, BondPort port)
    {
        writer.WriteByte(1, port.IsActive ? (byte)0 : (byte)1);
        writer.WriteByte(2, port.IsLinkUp ? (byte)0 : (byte)2);
        writer.WriteUInt32(3, port.Failures);
        writer.WriteBytes(4, port.OwnAddress);
        writer.WriteUInt16(5, 0);
        writer.WriteUInt32(9, 0);
    }
}
