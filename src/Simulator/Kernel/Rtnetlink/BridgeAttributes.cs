using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>IFLA_BR_*: what a bridge shows of itself (br_fill_info).</summary>
internal static class BridgeAttributes
{
    /// <summary>What a message shows, the read-only attributes among it.</summary>
    public static PolicyTable Shown { get; } = new(50);

    public static PolicyTable Policy { get; } = new(
        49,
        (1, new(AttributeKind.U32)), (2, new(AttributeKind.U32)), (3, new(AttributeKind.U32)), (4, new(AttributeKind.U32)), (5, new(AttributeKind.U32)),
        (6, new(AttributeKind.U16)), (7, new(AttributeKind.U8)), (8, new(AttributeKind.U16)), (9, new(AttributeKind.U16)),
        (20, new(AttributeKind.Binary, 6)), (22, new(AttributeKind.U8)), (23, new(AttributeKind.U8)), (24, new(AttributeKind.U8)),
        (25, new(AttributeKind.U8)), (26, new(AttributeKind.U32)), (27, new(AttributeKind.U32)), (28, new(AttributeKind.U32)),
        (29, new(AttributeKind.U32)), (30, new(AttributeKind.U64)), (31, new(AttributeKind.U64)), (32, new(AttributeKind.U64)),
        (33, new(AttributeKind.U64)), (34, new(AttributeKind.U64)), (35, new(AttributeKind.U64)), (36, new(AttributeKind.U8)),
        (37, new(AttributeKind.U8)), (38, new(AttributeKind.U8)), (39, new(AttributeKind.U16)), (41, new(AttributeKind.U8)),
        (42, new(AttributeKind.U8)), (43, new(AttributeKind.U8)), (44, new(AttributeKind.U8)), (45, new(AttributeKind.U8)),
        (46, new(AttributeKind.Binary, 8) { IsExact = true }), (48, new(AttributeKind.Rejected)), (49, new(AttributeKind.U32)))
    {
        StrictFrom = 48,
    };

    public static void Write(ref NetlinkWriter writer, BridgeState bridge, KernelProfile profile)
    {
        for (ushort timer = 16; timer <= 19; timer++)
        {
            writer.WriteUInt64(timer, 0);
        }

        writer.WriteUInt32(1, bridge.ForwardDelay);
        writer.WriteUInt32(2, bridge.HelloTime);
        writer.WriteUInt32(3, bridge.MaximumAge);
        writer.WriteUInt32(4, bridge.AgeingTime);
        writer.WriteUInt32(5, bridge.SpanningTree);
        writer.WriteUInt16(6, bridge.Priority);
        writer.WriteByte(7, bridge.VlanFiltering ? (byte)1 : (byte)0);
        writer.WriteUInt16(9, bridge.GroupForwardMask);
        writer.WriteBytes(11, bridge.Identifier);
        writer.WriteBytes(10, bridge.Identifier);
        writer.WriteUInt16(12, 0);
        writer.WriteUInt32(13, 0);
        writer.WriteByte(14, bridge.TopologyChanged ? (byte)1 : (byte)0);
        writer.WriteByte(15, 0);
        writer.WriteBytes(20, bridge.GroupAddress);
        Span<byte> options = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(options, bridge.BooleanOptions);
        BinaryPrimitives.WriteUInt32LittleEndian(options[4..], profile.IsAtLeast(6, 17) ? 0x1fu : 7u);
        writer.WriteBytes(46, options);
        if (profile.IsAtLeast(6, 7))
        {
            writer.WriteUInt32(48, bridge.Learned);
            writer.WriteUInt32(49, bridge.MaximumLearned);
        }

        if (profile.HasVlanFiltering)
        {
            writer.WriteUInt16BigEndian(8, bridge.VlanProtocol);
            writer.WriteUInt16(39, bridge.DefaultVlan);
            writer.WriteByte(41, bridge.VlanStatistics ? (byte)1 : (byte)0);
            writer.WriteByte(45, bridge.VlanStatisticsPerPort ? (byte)1 : (byte)0);
        }

        writer.WriteByte(22, bridge.MulticastRouter);
        writer.WriteByte(23, bridge.MulticastSnooping ? (byte)1 : (byte)0);
        writer.WriteByte(24, bridge.MulticastUsesInterfaceAddress ? (byte)1 : (byte)0);
        writer.WriteByte(25, bridge.MulticastQuerier ? (byte)1 : (byte)0);
        writer.WriteByte(42, bridge.MulticastStatistics ? (byte)1 : (byte)0);
        writer.WriteUInt32(26, bridge.MulticastHashElasticity);
        writer.WriteUInt32(27, bridge.MulticastHashMaximum);
        writer.WriteUInt32(28, bridge.MulticastLastMemberCount);
        writer.WriteUInt32(29, bridge.MulticastStartupQueryCount);
        writer.WriteByte(43, bridge.MulticastIgmpVersion);
        writer.WriteByte(44, bridge.MulticastMldVersion);
        for (int index = 0; index < bridge.MulticastIntervals.Length; index++)
        {
            writer.WriteUInt64((ushort)(30 + index), bridge.MulticastIntervals[index]);
        }

        writer.WriteByte(36, bridge.CallsIptables ? (byte)1 : (byte)0);
        writer.WriteByte(37, bridge.CallsIp6tables ? (byte)1 : (byte)0);
        writer.WriteByte(38, bridge.CallsArptables ? (byte)1 : (byte)0);
    }
}
