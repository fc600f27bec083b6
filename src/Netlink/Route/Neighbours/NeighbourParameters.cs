using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.NeighbourConstants;

namespace EucaNet.Netlink.Route;

/// <summary>How neighbours are found and kept. Times are in milliseconds.</summary>
public sealed record NeighbourParameters : AttributeSet
{
    private static readonly ushort[] Order =
    [
        NDTPA_IFINDEX, NDTPA_REFCNT, NDTPA_REACHABLE_TIME, NDTPA_BASE_REACHABLE_TIME, NDTPA_RETRANS_TIME, NDTPA_GC_STALETIME, NDTPA_DELAY_PROBE_TIME,
        NDTPA_INTERVAL_PROBE_TIME_MS, NDTPA_QUEUE_LEN, NDTPA_QUEUE_LENBYTES, NDTPA_APP_PROBES, NDTPA_UCAST_PROBES, NDTPA_MCAST_PROBES,
        NDTPA_MCAST_REPROBES, NDTPA_ANYCAST_DELAY, NDTPA_PROXY_DELAY, NDTPA_PROXY_QLEN, NDTPA_LOCKTIME,
    ];

    /// <summary>An empty one.</summary>
    public NeighbourParameters()
    {
    }

    internal NeighbourParameters(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case NDTPA_IFINDEX when attribute.Value.Length == 4:
                    Index = attribute.Int32;
                    break;
                case NDTPA_REFCNT when attribute.Value.Length == 4:
                    References = attribute.UInt32;
                    break;
                case NDTPA_REACHABLE_TIME when attribute.Value.Length == 8:
                    ReachableTime = attribute.UInt64;
                    break;
                case NDTPA_BASE_REACHABLE_TIME when attribute.Value.Length == 8:
                    BaseReachableTime = attribute.UInt64;
                    break;
                case NDTPA_RETRANS_TIME when attribute.Value.Length == 8:
                    RetransmitTime = attribute.UInt64;
                    break;
                case NDTPA_GC_STALETIME when attribute.Value.Length == 8:
                    StaleTime = attribute.UInt64;
                    break;
                case NDTPA_DELAY_PROBE_TIME when attribute.Value.Length == 8:
                    DelayProbeTime = attribute.UInt64;
                    break;
                case NDTPA_INTERVAL_PROBE_TIME_MS when attribute.Value.Length == 8:
                    IntervalProbeTime = attribute.UInt64;
                    break;
                case NDTPA_QUEUE_LEN when attribute.Value.Length == 4:
                    QueueLength = attribute.UInt32;
                    break;
                case NDTPA_QUEUE_LENBYTES when attribute.Value.Length == 4:
                    QueueBytes = attribute.UInt32;
                    break;
                case NDTPA_APP_PROBES when attribute.Value.Length == 4:
                    ApplicationProbes = attribute.UInt32;
                    break;
                case NDTPA_UCAST_PROBES when attribute.Value.Length == 4:
                    UnicastProbes = attribute.UInt32;
                    break;
                case NDTPA_MCAST_PROBES when attribute.Value.Length == 4:
                    MulticastProbes = attribute.UInt32;
                    break;
                case NDTPA_MCAST_REPROBES when attribute.Value.Length == 4:
                    MulticastReprobes = attribute.UInt32;
                    break;
                case NDTPA_ANYCAST_DELAY when attribute.Value.Length == 8:
                    AnycastDelay = attribute.UInt64;
                    break;
                case NDTPA_PROXY_DELAY when attribute.Value.Length == 8:
                    ProxyDelay = attribute.UInt64;
                    break;
                case NDTPA_PROXY_QLEN when attribute.Value.Length == 4:
                    ProxyQueueLength = attribute.UInt32;
                    break;
                case NDTPA_LOCKTIME when attribute.Value.Length == 8:
                    LockTime = attribute.UInt64;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <summary>Index of the link; absent for the defaults (NDTPA_IFINDEX).</summary>
    public int? Index { get; init; }

    /// <summary>Users of these settings (NDTPA_REFCNT).</summary>
    public uint? References { get; init; }

    /// <summary>How long a confirmation holds, as drawn at random (NDTPA_REACHABLE_TIME).</summary>
    public ulong? ReachableTime { get; init; }

    /// <summary>How long a confirmation holds, on average (NDTPA_BASE_REACHABLE_TIME).</summary>
    public ulong? BaseReachableTime { get; init; }

    /// <summary>Between probes (NDTPA_RETRANS_TIME).</summary>
    public ulong? RetransmitTime { get; init; }

    /// <summary>After which an unused entry is dropped (NDTPA_GC_STALETIME).</summary>
    public ulong? StaleTime { get; init; }

    /// <summary>Before a stale entry is probed (NDTPA_DELAY_PROBE_TIME).</summary>
    public ulong? DelayProbeTime { get; init; }

    /// <summary>Between probes of managed entries (NDTPA_INTERVAL_PROBE_TIME_MS).</summary>
    public ulong? IntervalProbeTime { get; init; }

    /// <summary>Packets that may wait for an answer (NDTPA_QUEUE_LEN).</summary>
    public uint? QueueLength { get; init; }

    /// <summary>Bytes that may wait for an answer (NDTPA_QUEUE_LENBYTES).</summary>
    public uint? QueueBytes { get; init; }

    /// <summary>Probes asked of a daemon (NDTPA_APP_PROBES).</summary>
    public uint? ApplicationProbes { get; init; }

    /// <summary>Probes sent to the known address (NDTPA_UCAST_PROBES).</summary>
    public uint? UnicastProbes { get; init; }

    /// <summary>Probes sent to all (NDTPA_MCAST_PROBES).</summary>
    public uint? MulticastProbes { get; init; }

    /// <summary>Further probes sent to all (NDTPA_MCAST_REPROBES).</summary>
    public uint? MulticastReprobes { get; init; }

    /// <summary>Before an anycast address is answered (NDTPA_ANYCAST_DELAY).</summary>
    public ulong? AnycastDelay { get; init; }

    /// <summary>Before a proxied address is answered (NDTPA_PROXY_DELAY).</summary>
    public ulong? ProxyDelay { get; init; }

    /// <summary>Questions that may wait for that (NDTPA_PROXY_QLEN).</summary>
    public uint? ProxyQueueLength { get; init; }

    /// <summary>How long an entry is not replaced (NDTPA_LOCKTIME).</summary>
    public ulong? LockTime { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case NDTPA_IFINDEX:
                Write(ref writer, entry, Index);
                break;
            case NDTPA_REFCNT:
                Write(ref writer, entry, References);
                break;
            case NDTPA_REACHABLE_TIME:
                Write(ref writer, entry, ReachableTime);
                break;
            case NDTPA_BASE_REACHABLE_TIME:
                Write(ref writer, entry, BaseReachableTime);
                break;
            case NDTPA_RETRANS_TIME:
                Write(ref writer, entry, RetransmitTime);
                break;
            case NDTPA_GC_STALETIME:
                Write(ref writer, entry, StaleTime);
                break;
            case NDTPA_DELAY_PROBE_TIME:
                Write(ref writer, entry, DelayProbeTime);
                break;
            case NDTPA_INTERVAL_PROBE_TIME_MS:
                Write(ref writer, entry, IntervalProbeTime);
                break;
            case NDTPA_QUEUE_LEN:
                Write(ref writer, entry, QueueLength);
                break;
            case NDTPA_QUEUE_LENBYTES:
                Write(ref writer, entry, QueueBytes);
                break;
            case NDTPA_APP_PROBES:
                Write(ref writer, entry, ApplicationProbes);
                break;
            case NDTPA_UCAST_PROBES:
                Write(ref writer, entry, UnicastProbes);
                break;
            case NDTPA_MCAST_PROBES:
                Write(ref writer, entry, MulticastProbes);
                break;
            case NDTPA_MCAST_REPROBES:
                Write(ref writer, entry, MulticastReprobes);
                break;
            case NDTPA_ANYCAST_DELAY:
                Write(ref writer, entry, AnycastDelay);
                break;
            case NDTPA_PROXY_DELAY:
                Write(ref writer, entry, ProxyDelay);
                break;
            case NDTPA_PROXY_QLEN:
                Write(ref writer, entry, ProxyQueueLength);
                break;
            case NDTPA_LOCKTIME:
                Write(ref writer, entry, LockTime);
                break;
        }
    }
}
