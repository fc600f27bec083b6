using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Route;

/// <summary>Sizes of a neighbour table (struct ndt_config).</summary>
public sealed record NeighbourTableSizes
{
    private readonly Octets _bytes;

    private NeighbourTableSizes(Octets bytes) => _bytes = bytes;

    /// <summary>Bytes of an address.</summary>
    public ushort KeyLength => BitConverter.ToUInt16(_bytes.Span);

    /// <summary>Bytes of an entry in the kernel's memory.</summary>
    public ushort EntrySize => BitConverter.ToUInt16(_bytes.Span[2..]);

    /// <summary>Entries there are.</summary>
    public uint Entries => BitConverter.ToUInt32(_bytes.Span[4..]);

    /// <summary>Milliseconds since the last forced cleanup.</summary>
    public uint LastCleanup => BitConverter.ToUInt32(_bytes.Span[8..]);

    /// <summary>Packets that wait for proxies.</summary>
    public uint ProxyQueueLength => BitConverter.ToUInt32(_bytes.Span[28..]);

    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out NeighbourTableSizes? sizes)
    {
        sizes = attribute.Value.Length >= 32 ? new NeighbourTableSizes(new Octets(attribute.Value)) : null;
        return sizes is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry) => writer.WriteBytes(entry.RawType, _bytes.Span);
}

/// <summary>Counters of a neighbour table (struct ndt_stats; later kernels append to it).</summary>
public sealed record NeighbourTableStatistics
{
    private readonly Octets _counters;

    private NeighbourTableStatistics(Octets counters) => _counters = counters;

    /// <summary>Entries made.</summary>
    public ulong Allocations => this[0];

    /// <summary>Entries dropped.</summary>
    public ulong Destructions => this[1];

    /// <summary>How often the table grew.</summary>
    public ulong HashGrowths => this[2];

    /// <summary>Addresses nobody answered for.</summary>
    public ulong FailedResolutions => this[3];

    /// <summary>Look-ups.</summary>
    public ulong Lookups => this[4];

    /// <summary>Look-ups that found an entry.</summary>
    public ulong Hits => this[5];

    /// <summary>Questions received by multicast.</summary>
    public ulong MulticastProbesReceived => this[6];

    /// <summary>Questions received by unicast.</summary>
    public ulong UnicastProbesReceived => this[7];

    /// <summary>Cleanups on time.</summary>
    public ulong PeriodicCleanups => this[8];

    /// <summary>Cleanups for want of room.</summary>
    public ulong ForcedCleanups => this[9];

    /// <summary>How often the table was full.</summary>
    public ulong Overflows => this[10];

    /// <summary>Counter by its place in the kernel's structure; 0 beyond its end.</summary>
    public ulong this[int index] => index * 8 + 8 <= _counters.Length ? BitConverter.ToUInt64(_counters.Span[(index * 8)..]) : 0;

    internal static bool TryRead(in NetlinkAttribute attribute, [NotNullWhen(true)] out NeighbourTableStatistics? statistics)
    {
        statistics = attribute.Value.Length >= 10 * 8 ? new NeighbourTableStatistics(new Octets(attribute.Value)) : null;
        return statistics is not null;
    }

    internal void Write(ref NetlinkWriter writer, in WireEntry entry) => writer.WriteBytes(entry.RawType, _counters.Span);
}
