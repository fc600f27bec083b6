using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Metrics of a route.</summary>
public sealed record RouteMetrics : AttributeSet
{
    private static readonly ushort[] Order =
    [
        RTAX_LOCK, RTAX_MTU, RTAX_WINDOW, RTAX_RTT, RTAX_RTTVAR, RTAX_SSTHRESH, RTAX_CWND, RTAX_ADVMSS, RTAX_REORDERING, RTAX_HOPLIMIT, RTAX_INITCWND,
        RTAX_FEATURES, RTAX_RTO_MIN, RTAX_INITRWND, RTAX_QUICKACK, RTAX_CC_ALGO, RTAX_FASTOPEN_NO_COOKIE,
    ];

    /// <summary>An empty one.</summary>
    public RouteMetrics()
    {
    }

    internal RouteMetrics(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case RTAX_LOCK when attribute.Value.Length == 4:
                    Lock = attribute.UInt32;
                    break;
                case RTAX_MTU when attribute.Value.Length == 4:
                    Mtu = attribute.UInt32;
                    break;
                case RTAX_WINDOW when attribute.Value.Length == 4:
                    Window = attribute.UInt32;
                    break;
                case RTAX_RTT when attribute.Value.Length == 4:
                    RoundTripTime = attribute.UInt32;
                    break;
                case RTAX_RTTVAR when attribute.Value.Length == 4:
                    RoundTripVariance = attribute.UInt32;
                    break;
                case RTAX_SSTHRESH when attribute.Value.Length == 4:
                    SlowStartThreshold = attribute.UInt32;
                    break;
                case RTAX_CWND when attribute.Value.Length == 4:
                    CongestionWindow = attribute.UInt32;
                    break;
                case RTAX_ADVMSS when attribute.Value.Length == 4:
                    AdvertisedMss = attribute.UInt32;
                    break;
                case RTAX_REORDERING when attribute.Value.Length == 4:
                    Reordering = attribute.UInt32;
                    break;
                case RTAX_HOPLIMIT when attribute.Value.Length == 4:
                    HopLimit = attribute.UInt32;
                    break;
                case RTAX_INITCWND when attribute.Value.Length == 4:
                    InitialCongestionWindow = attribute.UInt32;
                    break;
                case RTAX_FEATURES when attribute.Value.Length == 4:
                    Features = attribute.UInt32;
                    break;
                case RTAX_RTO_MIN when attribute.Value.Length == 4:
                    MinimumRetransmissionTimeout = attribute.UInt32;
                    break;
                case RTAX_INITRWND when attribute.Value.Length == 4:
                    InitialReceiveWindow = attribute.UInt32;
                    break;
                case RTAX_QUICKACK when attribute.Value.Length == 4:
                    QuickAcknowledgements = attribute.UInt32;
                    break;
                case RTAX_CC_ALGO when attribute.IsText:
                    CongestionControl = attribute.String;
                    break;
                case RTAX_FASTOPEN_NO_COOKIE when attribute.Value.Length == 4:
                    FastOpenWithoutCookie = attribute.UInt32;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <summary>Bits of the metrics the kernel may not change (RTAX_LOCK).</summary>
    public uint? Lock { get; init; }

    /// <summary>MTU in bytes (RTAX_MTU).</summary>
    public uint? Mtu { get; init; }

    /// <summary>Greatest TCP window in bytes (RTAX_WINDOW).</summary>
    public uint? Window { get; init; }

    /// <summary>First guess, in eighths of a millisecond (RTAX_RTT).</summary>
    public uint? RoundTripTime { get; init; }

    /// <summary>First guess, in quarters of a millisecond (RTAX_RTTVAR).</summary>
    public uint? RoundTripVariance { get; init; }

    /// <summary>First guess (RTAX_SSTHRESH).</summary>
    public uint? SlowStartThreshold { get; init; }

    /// <summary>Greatest congestion window (RTAX_CWND).</summary>
    public uint? CongestionWindow { get; init; }

    /// <summary>Segment size told to peers (RTAX_ADVMSS).</summary>
    public uint? AdvertisedMss { get; init; }

    /// <summary>First guess (RTAX_REORDERING).</summary>
    public uint? Reordering { get; init; }

    /// <summary>Hop limit (RTAX_HOPLIMIT).</summary>
    public uint? HopLimit { get; init; }

    /// <summary>Congestion window at the start (RTAX_INITCWND).</summary>
    public uint? InitialCongestionWindow { get; init; }

    /// <summary>Bits (RTAX_FEATURES).</summary>
    public uint? Features { get; init; }

    /// <summary>Milliseconds (RTAX_RTO_MIN).</summary>
    public uint? MinimumRetransmissionTimeout { get; init; }

    /// <summary>Receive window at the start (RTAX_INITRWND).</summary>
    public uint? InitialReceiveWindow { get; init; }

    /// <summary>1 acknowledges at once (RTAX_QUICKACK).</summary>
    public uint? QuickAcknowledgements { get; init; }

    /// <summary>Name of the algorithm (RTAX_CC_ALGO).</summary>
    public string? CongestionControl { get; init; }

    /// <summary>1 asks for no cookie (RTAX_FASTOPEN_NO_COOKIE).</summary>
    public uint? FastOpenWithoutCookie { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case RTAX_LOCK:
                Write(ref writer, entry, Lock);
                break;
            case RTAX_MTU:
                Write(ref writer, entry, Mtu);
                break;
            case RTAX_WINDOW:
                Write(ref writer, entry, Window);
                break;
            case RTAX_RTT:
                Write(ref writer, entry, RoundTripTime);
                break;
            case RTAX_RTTVAR:
                Write(ref writer, entry, RoundTripVariance);
                break;
            case RTAX_SSTHRESH:
                Write(ref writer, entry, SlowStartThreshold);
                break;
            case RTAX_CWND:
                Write(ref writer, entry, CongestionWindow);
                break;
            case RTAX_ADVMSS:
                Write(ref writer, entry, AdvertisedMss);
                break;
            case RTAX_REORDERING:
                Write(ref writer, entry, Reordering);
                break;
            case RTAX_HOPLIMIT:
                Write(ref writer, entry, HopLimit);
                break;
            case RTAX_INITCWND:
                Write(ref writer, entry, InitialCongestionWindow);
                break;
            case RTAX_FEATURES:
                Write(ref writer, entry, Features);
                break;
            case RTAX_RTO_MIN:
                Write(ref writer, entry, MinimumRetransmissionTimeout);
                break;
            case RTAX_INITRWND:
                Write(ref writer, entry, InitialReceiveWindow);
                break;
            case RTAX_QUICKACK:
                Write(ref writer, entry, QuickAcknowledgements);
                break;
            case RTAX_CC_ALGO:
                Write(ref writer, entry, CongestionControl);
                break;
            case RTAX_FASTOPEN_NO_COOKIE:
                Write(ref writer, entry, FastOpenWithoutCookie);
                break;
        }
    }
}
