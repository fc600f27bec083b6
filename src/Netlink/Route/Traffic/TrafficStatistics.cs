using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.TrafficConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Counters of a queueing discipline, class or filter (the TCA_STATS_* attributes within TCA_STATS2).</summary>
public sealed record TrafficStatistics
{
    private readonly Octets _attributes;

    private TrafficStatistics(Octets attributes) => _attributes = attributes;

    /// <summary>Bytes that went through.</summary>
    public ulong Bytes => Number64(TCA_STATS_BASIC, 0);

    /// <summary>Packets that went through; kernels since 5.5 count beyond 2^32.</summary>
    public ulong Packets => Find(TCA_STATS_PKT64, 8, out NetlinkAttribute wide) ? wide.UInt64 : Number32(TCA_STATS_BASIC, 8);

    /// <summary>Packets that wait.</summary>
    public uint QueueLength => Number32(TCA_STATS_QUEUE, 0);

    /// <summary>Bytes that wait.</summary>
    public uint Backlog => Number32(TCA_STATS_QUEUE, 4);

    /// <summary>Packets dropped.</summary>
    public uint Drops => Number32(TCA_STATS_QUEUE, 8);

    /// <summary>Packets put back.</summary>
    public uint Requeues => Number32(TCA_STATS_QUEUE, 12);

    /// <summary>How often a limit was reached.</summary>
    public uint Overlimits => Number32(TCA_STATS_QUEUE, 16);

    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out TrafficStatistics? statistics)
    {
        statistics = new TrafficStatistics(new Octets(attribute.Value));
        return true;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry) => writer.WriteBytes(entry.RawType, _attributes.Span);

    private uint Number32(ushort type, int offset) => Find(type, offset + 4, out NetlinkAttribute attribute) ? BitConverter.ToUInt32(attribute.Value[offset..]) : 0;

    private ulong Number64(ushort type, int offset) => Find(type, offset + 8, out NetlinkAttribute attribute) ? BitConverter.ToUInt64(attribute.Value[offset..]) : 0;

    private bool Find(ushort type, int length, out NetlinkAttribute attribute) =>
        new AttributeReader(_attributes.Span).TryFind(type, out attribute) && attribute.Value.Length >= length;
}
