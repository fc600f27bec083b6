using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.NeighbourConstants;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Settings of a neighbour table, or of one link in it (struct ndtmsg and NDTA_* attributes).</summary>
public sealed record NeighbourTable : RouteObject
{
    private static readonly ushort[] Order =
    [
        NDTA_NAME, NDTA_THRESH1, NDTA_THRESH2, NDTA_THRESH3, NDTA_GC_INTERVAL, NDTA_CONFIG, NDTA_STATS, NDTA_PARMS,
    ];

    /// <summary>An empty one.</summary>
    public NeighbourTable()
    {
    }

    internal NeighbourTable(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case NDTA_NAME when attribute.IsText:
                    Name = attribute.String;
                    break;
                case NDTA_THRESH1 when attribute.Value.Length == 4:
                    Threshold1 = attribute.UInt32;
                    break;
                case NDTA_THRESH2 when attribute.Value.Length == 4:
                    Threshold2 = attribute.UInt32;
                    break;
                case NDTA_THRESH3 when attribute.Value.Length == 4:
                    Threshold3 = attribute.UInt32;
                    break;
                case NDTA_GC_INTERVAL when attribute.Value.Length == 8:
                    CleanupInterval = attribute.UInt64;
                    break;
                case NDTA_CONFIG when NeighbourTableSizes.TryRead(attribute, out NeighbourTableSizes? sizes):
                    Sizes = sizes;
                    break;
                case NDTA_STATS when NeighbourTableStatistics.TryRead(attribute, out NeighbourTableStatistics? statistics):
                    Statistics = statistics;
                    break;
                case NDTA_PARMS:
                    Parameters = new NeighbourParameters(attribute.Nested());
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    internal const int HeaderSize = 4;

    /// <summary>AF_INET or AF_INET6.</summary>
    public byte Family { get; init; }

    /// <inheritdoc />
    public override ushort NewType => RTM_NEWNEIGHTBL;

    /// <summary>Reads a table message; false where the payload is shorter than its header.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out NeighbourTable? table)
    {
        table = message.Payload.Length < HeaderSize ? null : new NeighbourTable(new AttributeReader(message.Payload[HeaderSize..])) { Family = message.Payload[0] };
        return table is not null;
    }

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.AppendStruct((uint)Family);
        WriteAttributes(ref writer);
    }

    /// <summary>Name: arp_cache or ndisc_cache (NDTA_NAME).</summary>
    public string? Name { get; init; }

    /// <summary>Entries below which none is dropped (NDTA_THRESH1).</summary>
    public uint? Threshold1 { get; init; }

    /// <summary>Entries above which some are dropped after five seconds (NDTA_THRESH2).</summary>
    public uint? Threshold2 { get; init; }

    /// <summary>Greatest number of entries (NDTA_THRESH3).</summary>
    public uint? Threshold3 { get; init; }

    /// <summary>Milliseconds between cleanups (NDTA_GC_INTERVAL).</summary>
    public ulong? CleanupInterval { get; init; }

    /// <summary>Sizes (NDTA_CONFIG).</summary>
    public NeighbourTableSizes? Sizes { get; init; }

    /// <summary>Counters (NDTA_STATS).</summary>
    public NeighbourTableStatistics? Statistics { get; init; }

    /// <summary>Parameters, by default or of one link (NDTA_PARMS).</summary>
    public NeighbourParameters? Parameters { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case NDTA_NAME:
                Write(ref writer, entry, Name);
                break;
            case NDTA_THRESH1:
                Write(ref writer, entry, Threshold1);
                break;
            case NDTA_THRESH2:
                Write(ref writer, entry, Threshold2);
                break;
            case NDTA_THRESH3:
                Write(ref writer, entry, Threshold3);
                break;
            case NDTA_GC_INTERVAL:
                Write(ref writer, entry, CleanupInterval);
                break;
            case NDTA_CONFIG:
                Sizes?.Write(ref writer, entry);
                break;
            case NDTA_STATS:
                Statistics?.Write(ref writer, entry);
                break;
            case NDTA_PARMS:
                WriteNested(ref writer, entry, Parameters, nestedFlag: false);
                break;
        }
    }
}
