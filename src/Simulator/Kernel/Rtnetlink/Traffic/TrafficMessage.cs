using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using static EucaNet.Simulator.Kernel.Rtnetlink.Traffic.TrafficConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>The header of traffic control messages (struct tcmsg).</summary>
internal readonly record struct TrafficHeader(int Index, uint Handle, uint Parent, uint Info)
{
    public const int Size = 20;

    public static TrafficHeader Read(ReadOnlySpan<byte> payload) => new(
        BinaryPrimitives.ReadInt32LittleEndian(payload[4..]), BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(payload[12..]), BinaryPrimitives.ReadUInt32LittleEndian(payload[16..]));

    public void Write(ref NetlinkWriter writer)
    {
        Span<byte> header = stackalloc byte[Size];
        header.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], Index);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Handle);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], Parent);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], Info);
        writer.Append(header);
    }
}

/// <summary>Writes queueing disciplines and classes as the kernel shows them (tc_fill_qdisc, tc_fill_tclass).</summary>
internal static class TrafficMessage
{
    /// <summary>RTM_NEWQDISC or RTM_DELQDISC.</summary>
    public static byte[] Build(Qdisc qdisc, uint parent, ushort type, Requester? requester = null, NetlinkMessageFlags flags = 0)
    {
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, flags, requester?.Sequence ?? 0, requester?.PortId ?? 0);
        new TrafficHeader(qdisc.Device.Index, qdisc.Handle, parent, References(qdisc)).Write(ref writer);
        writer.WriteString(TCA_KIND, qdisc.Kind.Name);
        qdisc.Kind.WriteOptions(ref writer, qdisc);
        writer.WriteByte(TCA_HW_OFFLOAD, 0);
        WriteStatistics(ref writer, qdisc.Counters, qdisc.Kind.OwnStatistics(qdisc));
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>RTM_NEWTCLASS or RTM_DELTCLASS.</summary>
    public static byte[] Build(Qdisc qdisc, TrafficClass one, ushort type, Requester? requester = null)
    {
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, requester?.Sequence ?? 0, requester?.PortId ?? 0);
        (uint parent, uint info) = qdisc.Kind.ClassHeader(qdisc, one);
        new TrafficHeader(qdisc.Device.Index, one.Id, parent, info).Write(ref writer);
        writer.WriteString(TCA_KIND, qdisc.Kind.Name);
        qdisc.Kind.WriteClass(ref writer, qdisc, one);
        if (qdisc.Kind.ClassStatistics(one) is { } own)
        {
            WriteStatistics(ref writer, qdisc.Kind.ClassCounters(one), own);
        }
        else
        {
            writer.WriteBytes(TCA_STATS2, []);
            writer.WriteBytes(TCA_STATS, new byte[40]);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    // A root shared by all queues is held by each of them and by the device.
    private static uint References(Qdisc qdisc) => qdisc switch
    {
        { Kind.IsIngress: true } or { Kind.IsPerQueue: true } => 1,
        _ when qdisc.Parent != TC_H_ROOT => 1,
        { Handle: 0 } => 2,
        _ => qdisc.Device.TransmitQueues + 1,
    };

    // Twice, for old programs.
    private static void WriteStatistics(ref NetlinkWriter writer, TrafficCounters counters, byte[] own)
    {
        WireMark statistics = writer.BeginNested(TCA_STATS2, nestedFlag: false);
        writer.WriteBytes(1, counters.Basic());
        writer.WriteBytes(3, counters.Queue());
        if (own.Length > 0)
        {
            writer.WriteBytes(4, own);
        }

        writer.EndAttribute(statistics);
        writer.WriteBytes(TCA_STATS, counters.Old());
        if (own.Length > 0)
        {
            writer.WriteBytes(TCA_XSTATS, own);
        }
    }
}
