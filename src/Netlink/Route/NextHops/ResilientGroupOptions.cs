using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.NextHopConstants;

namespace EucaNet.Netlink.Route;

/// <summary>How a resilient group spreads its traffic (NHA_RES_GROUP, Linux 5.13). Times are in hundredths of a second.</summary>
public sealed record ResilientGroupOptions : AttributeSet
{
    private static readonly ushort[] Order = [NHA_RES_GROUP_BUCKETS, NHA_RES_GROUP_IDLE_TIMER, NHA_RES_GROUP_UNBALANCED_TIMER, NHA_RES_GROUP_UNBALANCED_TIME];

    /// <summary>An empty one.</summary>
    public ResilientGroupOptions()
    {
    }

    internal ResilientGroupOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case NHA_RES_GROUP_BUCKETS when attribute.Value.Length == 2:
                    Buckets = attribute.UInt16;
                    break;
                case NHA_RES_GROUP_IDLE_TIMER when attribute.Value.Length == 4:
                    IdleTimer = attribute.UInt32;
                    break;
                case NHA_RES_GROUP_UNBALANCED_TIMER when attribute.Value.Length == 4:
                    UnbalancedTimer = attribute.UInt32;
                    break;
                case NHA_RES_GROUP_UNBALANCED_TIME when attribute.Value.Length == 8:
                    UnbalancedTime = attribute.UInt64;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <summary>Number of buckets (NHA_RES_GROUP_BUCKETS).</summary>
    public ushort? Buckets { get; init; }

    /// <summary>How long a bucket is unused before it may move (NHA_RES_GROUP_IDLE_TIMER).</summary>
    public uint? IdleTimer { get; init; }

    /// <summary>How long the group may be out of balance before buckets are moved by force (NHA_RES_GROUP_UNBALANCED_TIMER).</summary>
    public uint? UnbalancedTimer { get; init; }

    /// <summary>How long it has been out of balance (NHA_RES_GROUP_UNBALANCED_TIME).</summary>
    public ulong? UnbalancedTime { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case NHA_RES_GROUP_BUCKETS:
                Write(ref writer, entry, Buckets);
                break;
            case NHA_RES_GROUP_IDLE_TIMER:
                Write(ref writer, entry, IdleTimer);
                break;
            case NHA_RES_GROUP_UNBALANCED_TIMER:
                Write(ref writer, entry, UnbalancedTimer);
                break;
            case NHA_RES_GROUP_UNBALANCED_TIME:
                Write(ref writer, entry, UnbalancedTime);
                break;
        }
    }
}
