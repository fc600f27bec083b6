using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>IFLA_BRPORT_*: what a bridge shows of a port (br_port_fill_attrs), and sets on it.</summary>
internal static class BridgePortAttributes
{
    public const ushort IFLA_BRPORT_STATE = 1;
    public const ushort IFLA_BRPORT_PRIORITY = 2;
    public const ushort IFLA_BRPORT_COST = 3;
    public const ushort IFLA_BRPORT_FLUSH = 24;
    public const ushort IFLA_BRPORT_MULTICAST_ROUTER = 25;
    public const ushort IFLA_BRPORT_GROUP_FWD_MASK = 31;
    public const ushort IFLA_BRPORT_BACKUP_PORT = 34;
    public const ushort IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT = 37;
    public const ushort IFLA_BRPORT_MCAST_MAX_GROUPS = 42;
    public const ushort IFLA_BRPORT_BACKUP_NHID = 44;

    /// <summary>Attributes that are one flag each.</summary>
    public static readonly (ushort Type, BridgePortFlags Flag)[] FlagAttributes =
    [
        (4, BridgePortFlags.Hairpin), (5, BridgePortFlags.Guard), (7, BridgePortFlags.FastLeave), (6, BridgePortFlags.RootBlock),
        (8, BridgePortFlags.Learning), (9, BridgePortFlags.Flood), (27, BridgePortFlags.MulticastFlood), (28, BridgePortFlags.MulticastToUnicast),
        (30, BridgePortFlags.BroadcastFlood), (10, BridgePortFlags.ProxyArp), (12, BridgePortFlags.ProxyArpWifi), (29, BridgePortFlags.VlanTunnel),
        (32, BridgePortFlags.NeighbourSuppress), (33, BridgePortFlags.Isolated), (39, BridgePortFlags.Locked),
        (40, BridgePortFlags.MacAuthenticationBypass), (43, BridgePortFlags.NeighbourVlanSuppress),
    ];

    public static PolicyTable Policy { get; } = new(
        44,
        (1, new(AttributeKind.U8)), (2, new(AttributeKind.U16)), (3, new(AttributeKind.U32)), (4, new(AttributeKind.U8)), (5, new(AttributeKind.U8)),
        (6, new(AttributeKind.U8)), (7, new(AttributeKind.U8)), (8, new(AttributeKind.U8)), (9, new(AttributeKind.U8)), (10, new(AttributeKind.U8)),
        (12, new(AttributeKind.U8)), (25, new(AttributeKind.U8)), (27, new(AttributeKind.U8)), (28, new(AttributeKind.U8)), (29, new(AttributeKind.U8)),
        (30, new(AttributeKind.U8)), (31, new(AttributeKind.U16)), (32, new(AttributeKind.U8)), (33, new(AttributeKind.U8)), (34, new(AttributeKind.U32)),
        (37, new(AttributeKind.U32)), (39, new(AttributeKind.U8)), (40, new(AttributeKind.U8)), (41, new(AttributeKind.Rejected)),
        (42, new(AttributeKind.U32)), (43, new(AttributeKind.U8, 0, 0, 1)), (44, new(AttributeKind.U32)))
    {
        StrictFrom = 38,
    };

    public static void Write(ref NetlinkWriter writer, BridgePort port)
    {
        BridgeState bridge = port.Bridge;
        ushort identifier = (ushort)(port.Priority << 10 | port.Number);
        writer.WriteByte(1, (byte)port.State);
        writer.WriteUInt16(2, port.Priority);
        writer.WriteUInt32(3, port.PathCost);
        WriteFlag(ref writer, 4, port, BridgePortFlags.Hairpin);
        WriteFlag(ref writer, 5, port, BridgePortFlags.Guard);
        WriteFlag(ref writer, 6, port, BridgePortFlags.RootBlock);
        WriteFlag(ref writer, 7, port, BridgePortFlags.FastLeave);
        WriteFlag(ref writer, 28, port, BridgePortFlags.MulticastToUnicast);
        WriteFlag(ref writer, 8, port, BridgePortFlags.Learning);
        WriteFlag(ref writer, 9, port, BridgePortFlags.Flood);
        WriteFlag(ref writer, 27, port, BridgePortFlags.MulticastFlood);
        WriteFlag(ref writer, 30, port, BridgePortFlags.BroadcastFlood);
        WriteFlag(ref writer, 10, port, BridgePortFlags.ProxyArp);
        WriteFlag(ref writer, 12, port, BridgePortFlags.ProxyArpWifi);
        writer.WriteBytes(13, port.DesignatedRoot);
        writer.WriteBytes(14, port.DesignatedBridge);
        writer.WriteUInt16(15, port.DesignatedPort);
        writer.WriteUInt16(16, 0);
        writer.WriteUInt16(17, identifier);
        writer.WriteUInt16(18, port.Number);
        writer.WriteByte(19, 0);
        writer.WriteByte(20, 0);
        WriteFlag(ref writer, 29, port, BridgePortFlags.VlanTunnel);
        writer.WriteUInt16(31, port.GroupForwardMask);
        WriteFlag(ref writer, 32, port, BridgePortFlags.NeighbourSuppress);
        writer.WriteByte(35, 0);
        writer.WriteByte(36, 0);
        WriteFlag(ref writer, 33, port, BridgePortFlags.Isolated);
        WriteFlag(ref writer, 39, port, BridgePortFlags.Locked);
        KernelProfile profile = bridge.Device.Kernel.Profile;
        if (profile.IsAtLeast(6, 2))
        {
            WriteFlag(ref writer, 40, port, BridgePortFlags.MacAuthenticationBypass);
        }

        if (profile.IsAtLeast(6, 4))
        {
            WriteFlag(ref writer, 43, port, BridgePortFlags.NeighbourVlanSuppress);
        }

        writer.WriteUInt64(21, 0);
        writer.WriteUInt64(22, 0);
        writer.WriteUInt64(23, 0);
        writer.WriteByte(25, port.MulticastRouter);
        writer.WriteUInt32(37, port.HostsLimit);
        writer.WriteUInt32(38, 0);
        if (profile.IsAtLeast(6, 3))
        {
            writer.WriteUInt32(41, port.MulticastGroups);
            writer.WriteUInt32(42, port.MaximumMulticastGroups);
        }

        if (port.BackupPort is { } backup)
        {
            writer.WriteInt32(IFLA_BRPORT_BACKUP_PORT, backup.Index);
        }

        if (port.BackupNextHop != 0)
        {
            writer.WriteUInt32(IFLA_BRPORT_BACKUP_NHID, port.BackupNextHop);
        }
    }

    private static void WriteFlag(ref NetlinkWriter writer, ushort type, BridgePort port, BridgePortFlags flag) =>
        writer.WriteByte(type, (port.Flags & flag) != 0 ? (byte)1 : (byte)0);
}
