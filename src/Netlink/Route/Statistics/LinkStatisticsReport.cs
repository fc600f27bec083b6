using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>
/// Counters of a link without the rest of it (struct if_stats_msg and IFLA_STATS_* attributes, Linux 4.7): of every link, of its kind, and as a port.
/// </summary>
public sealed record LinkStatisticsReport : RouteObject
{
    private static readonly ushort[] Order =
    [
        IFLA_STATS_LINK_64, IFLA_STATS_LINK_XSTATS, IFLA_STATS_LINK_XSTATS_SLAVE, IFLA_STATS_LINK_OFFLOAD_XSTATS, IFLA_STATS_AF_SPEC,
    ];

    /// <summary>An empty one.</summary>
    public LinkStatisticsReport()
    {
    }

    private LinkStatisticsReport(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_STATS_LINK_64 when LinkStatistics.TryRead(attribute, out LinkStatistics? countersValue):
                    Counters = countersValue;
                    break;
                case IFLA_STATS_LINK_XSTATS:
                    KindStatistics = new Octets(attribute.Value);
                    break;
                case IFLA_STATS_LINK_XSTATS_SLAVE:
                    PortStatistics = new Octets(attribute.Value);
                    break;
                case IFLA_STATS_LINK_OFFLOAD_XSTATS:
                    OffloadStatistics = new Octets(attribute.Value);
                    break;
                case IFLA_STATS_AF_SPEC:
                    FamilyStatistics = new Octets(attribute.Value);
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    internal const int HeaderSize = 12;

    /// <summary>Address family, 0.</summary>
    public byte Family { get; init; }

    /// <summary>Index of the link.</summary>
    public int Index { get; init; }

    /// <summary>In requests: what is asked for, a bit for each attribute (<c>1 &lt;&lt; (IFLA_STATS_… − 1)</c>); EINVAL for none.</summary>
    public uint FilterMask { get; init; }

    /// <inheritdoc />
    public override ushort NewType => RTM_NEWSTATS;

    /// <summary>Counters every link has (IFLA_STATS_LINK_64).</summary>
    public LinkStatistics? Counters { get; init; }

    /// <summary>Counters of its kind, as nested attributes (IFLA_STATS_LINK_XSTATS).</summary>
    public Octets? KindStatistics { get; init; }

    /// <summary>Counters of the kind it is a port of, as nested attributes (IFLA_STATS_LINK_XSTATS_SLAVE).</summary>
    public Octets? PortStatistics { get; init; }

    /// <summary>What the device did by itself, as nested attributes (IFLA_STATS_LINK_OFFLOAD_XSTATS).</summary>
    public Octets? OffloadStatistics { get; init; }

    /// <summary>Counters by address family, as nested attributes (IFLA_STATS_AF_SPEC).</summary>
    public Octets? FamilyStatistics { get; init; }

    /// <summary>A bridge's or port's traffic by VLAN, where it counts so (<see cref="BridgeOptions"/>' VLAN statistics).</summary>
    public IReadOnlyList<BridgeVlanCounters> VlanCounters => BridgeVlanCounters.ReadList((KindStatistics ?? PortStatistics ?? default).Span);

    /// <summary>Reads a statistics message; false where the payload is shorter than its header.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out LinkStatisticsReport? report)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        report = payload.Length < HeaderSize || payload[1] != 0 || payload[2] != 0 || payload[3] != 0
            ? null
            : new LinkStatisticsReport(new AttributeReader(payload[HeaderSize..]))
            {
                Family = payload[0],
                Index = BitConverter.ToInt32(payload[4..]),
                FilterMask = BitConverter.ToUInt32(payload[8..]),
            };
        return report is not null;
    }

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.AppendStruct((uint)Family);
        writer.AppendStruct(Index);
        writer.AppendStruct(FilterMask);
        WriteAttributes(ref writer);
    }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_STATS_LINK_64:
                Counters?.Write(ref writer, entry);
                break;
            case IFLA_STATS_LINK_XSTATS:
                Write(ref writer, entry, KindStatistics);
                break;
            case IFLA_STATS_LINK_XSTATS_SLAVE:
                Write(ref writer, entry, PortStatistics);
                break;
            case IFLA_STATS_LINK_OFFLOAD_XSTATS:
                Write(ref writer, entry, OffloadStatistics);
                break;
            case IFLA_STATS_AF_SPEC:
                Write(ref writer, entry, FamilyStatistics);
                break;
        }
    }
}
