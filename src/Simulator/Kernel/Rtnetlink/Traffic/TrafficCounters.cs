using System.Buffers.Binary;

namespace EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

/// <summary>What passed a queueing discipline, a class or an action, and what waits there (struct gnet_stats_basic, struct gnet_stats_queue).</summary>
internal sealed class TrafficCounters
{
    private const int BasicSize = 16, QueueSize = 20, OldSize = 40;

    public ulong Bytes { get; set; }

    public uint Packets { get; set; }

    public uint Drops { get; set; }

    public uint Overlimits { get; set; }

    public uint Requeues { get; set; }

    /// <summary>Packets that wait.</summary>
    public uint Queued { get; set; }

    /// <summary>Their bytes.</summary>
    public uint Backlog { get; set; }

    /// <summary>A packet passed.</summary>
    public void Passed(uint length)
    {
        Bytes += length;
        Packets++;
    }

    /// <summary>TCA_STATS_BASIC.</summary>
    public byte[] Basic()
    {
        byte[] shown = new byte[BasicSize];
        BinaryPrimitives.WriteUInt64LittleEndian(shown, Bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(8), Packets);
        return shown;
    }

    /// <summary>TCA_STATS_QUEUE.</summary>
    public byte[] Queue()
    {
        byte[] shown = new byte[QueueSize];
        BinaryPrimitives.WriteUInt32LittleEndian(shown, Queued);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(4), Backlog);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(8), Drops);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(12), Requeues);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(16), Overlimits);
        return shown;
    }

    /// <summary>TCA_STATS, for old programs (struct tc_stats).</summary>
    public byte[] Old()
    {
        byte[] shown = new byte[OldSize];
        BinaryPrimitives.WriteUInt64LittleEndian(shown, Bytes);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(8), Packets);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(12), Drops);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(16), Overlimits);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(28), Queued);
        BinaryPrimitives.WriteUInt32LittleEndian(shown.AsSpan(32), Backlog);
        return shown;
    }
}
