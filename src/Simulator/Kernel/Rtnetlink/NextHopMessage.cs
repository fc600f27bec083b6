using EucaNet.Netlink.Wire;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Numbered next hops and the buckets of groups as messages.</summary>
internal static class NextHopMessage
{
    public const ushort NHA_ID = 1, NHA_GROUP = 2, NHA_GROUP_TYPE = 3, NHA_BLACKHOLE = 4, NHA_OIF = 5, NHA_GATEWAY = 6, NHA_ENCAP_TYPE = 7, NHA_ENCAP = 8, NHA_GROUPS = 9, NHA_MASTER = 10, NHA_FDB = 11,
        NHA_RES_GROUP = 12, NHA_RES_BUCKET = 13, NHA_OP_FLAGS = 14, NHA_GROUP_STATS = 15, NHA_HW_STATS_ENABLE = 16, NHA_HW_STATS_USED = 17;

    public const ushort NHA_RES_GROUP_BUCKETS = 1, NHA_RES_GROUP_IDLE_TIMER = 2, NHA_RES_GROUP_UNBALANCED_TIMER = 3, NHA_RES_GROUP_UNBALANCED_TIME = 4;

    public const ushort NHA_RES_BUCKET_INDEX = 1, NHA_RES_BUCKET_IDLE_TIME = 2, NHA_RES_BUCKET_NH_ID = 3;

    /// <summary>NHA_OP_FLAG_DUMP_STATS and NHA_OP_FLAG_DUMP_HW_STATS: what each of a group carried is told, too.</summary>
    public const uint DumpStatistics = 1, DumpHardwareStatistics = 2;

    /// <summary>Ticks that user space counts in a second (USER_HZ).</summary>
    private const int TicksPerSecond = 100;

    public static TimeSpan FromTicks(uint ticks) => TimeSpan.FromSeconds((double)ticks / TicksPerSecond);

    public static byte[] Build(KernelProfile profile, NumberedNextHop hop, ushort type, NetlinkMessageFlags flags, uint operation, uint sequence = 0, uint portId = 0)
    {
        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, flags, sequence, portId);
        writer.Append([hop.Way?.Family ?? AF_UNSPEC, hop.Way is { IsBlackhole: false } scoped ? scoped.Scope : RT_SCOPE_UNIVERSE, hop.Protocol, 0]);
        writer.AppendStruct(hop.Flags);
        writer.WriteUInt32(NHA_ID, hop.Id);
        if (hop.Group is { } group)
        {
            WriteGroup(ref writer, profile, group, operation);
        }
        else
        {
            WriteWay(ref writer, hop.Way!);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    public static byte[] BuildBucket(NumberedNextHop hop, ResilientBuckets buckets, int index, NetlinkMessageFlags flags)
    {
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWNEXTHOPBUCKET, flags, 0);
        writer.Append([AF_UNSPEC, RT_SCOPE_UNIVERSE, hop.Protocol, 0]);
        writer.AppendStruct(0u);
        writer.WriteUInt32(NHA_ID, hop.Id);
        WireMark bucket = writer.BeginNested(NHA_RES_BUCKET);
        writer.WriteUInt16(NHA_RES_BUCKET_INDEX, (ushort)index);
        writer.WriteUInt32(NHA_RES_BUCKET_NH_ID, buckets.HopOf(index).Id);
        writer.WriteUInt64(NHA_RES_BUCKET_IDLE_TIME, Ticks(buckets.IdleTime(index)));
        writer.EndAttribute(bucket);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static ulong Ticks(TimeSpan time) => (ulong)(time.TotalSeconds * TicksPerSecond);

    private static void WriteGroup(ref NetlinkWriter writer, KernelProfile profile, NextHopGroup group, uint operation)
    {
        if (group.IsForFdb)
        {
            writer.WriteFlag(NHA_FDB);
        }

        writer.WriteUInt16(NHA_GROUP_TYPE, (ushort)(group.Buckets is null ? 0 : 1));
        WireMark members = writer.BeginAttribute(NHA_GROUP);
        foreach (NextHopMember member in group.Members)
        {
            // The low octet of the weight, then the high one, each less one.
            writer.AppendStruct(member.Hop.Id | (ulong)(ushort)(member.Weight - 1) << 32);
        }

        writer.EndAttribute(members);
        if (group.Buckets is { } buckets)
        {
            WireMark terms = writer.BeginNested(NHA_RES_GROUP);
            writer.WriteUInt16(NHA_RES_GROUP_BUCKETS, (ushort)buckets.Count);
            writer.WriteUInt32(NHA_RES_GROUP_IDLE_TIMER, (uint)Ticks(buckets.IdleTimer));
            writer.WriteUInt32(NHA_RES_GROUP_UNBALANCED_TIMER, (uint)Ticks(buckets.UnbalancedTimer));
            writer.WriteUInt64(NHA_RES_GROUP_UNBALANCED_TIME, Ticks(buckets.UnbalancedTime));
            writer.EndAttribute(terms);
        }

        if ((operation & DumpStatistics) != 0)
        {
            WriteStatistics(ref writer, group, operation);
        }

        if (profile.HasWideWeights)
        {
            // NHA_OP_FLAG_RESP_GRP_RESVD_0: weights have two octets.
            writer.WriteUInt32(NHA_OP_FLAGS, 0x80000000);
        }
    }

    /// <summary>What each of a group carried, which nobody counts here.</summary>
    private static void WriteStatistics(ref NetlinkWriter writer, NextHopGroup group, uint operation)
    {
        const ushort Entry = 1, EntryId = 1, EntryPackets = 2, EntryHardwarePackets = 3;
        writer.WriteUInt32(NHA_HW_STATS_ENABLE, group.CountsInHardware ? 1u : 0);
        if ((operation & DumpHardwareStatistics) != 0 && group.CountsInHardware)
        {
            writer.WriteUInt32(NHA_HW_STATS_USED, 0);
        }

        WireMark statistics = writer.BeginNested(NHA_GROUP_STATS);
        foreach (NextHopMember member in group.Members)
        {
            WireMark entry = writer.BeginNested(Entry);
            writer.WriteUInt32(EntryId, member.Hop.Id);
            writer.WriteUInt32(EntryPackets, 0);
            if ((operation & DumpHardwareStatistics) != 0)
            {
                writer.WriteUInt32(EntryHardwarePackets, 0);
            }

            writer.EndAttribute(entry);
        }

        writer.EndAttribute(statistics);
    }

    private static void WriteWay(ref NetlinkWriter writer, NextHopWay way)
    {
        if (way.IsBlackhole)
        {
            writer.WriteFlag(NHA_BLACKHOLE);
            return;
        }

        if (way.IsForFdb)
        {
            writer.WriteFlag(NHA_FDB);
        }
        else
        {
            writer.WriteInt32(NHA_OIF, way.Device!.Index);
        }

        if (way.Gateway is { } gateway)
        {
            AddressMessage.WriteAddress(ref writer, NHA_GATEWAY, gateway);
        }

        if (way.Encapsulation is { } encapsulation)
        {
            writer.WriteBytes(NHA_ENCAP, encapsulation.Value);
            writer.WriteUInt16(NHA_ENCAP_TYPE, encapsulation.Type);
        }
    }
}
