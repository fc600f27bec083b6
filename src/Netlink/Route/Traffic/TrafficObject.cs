using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;
using static EucaNet.Netlink.Route.TrafficConstants;

namespace EucaNet.Netlink.Route;

/// <summary>
/// A queueing discipline, traffic class, filter or chain of filters: all four have one form (struct tcmsg and TCA_* attributes). What a kind lays
/// down in its options is kept as bytes.
/// </summary>
public sealed record TrafficObject : RouteObject
{
    private static readonly ushort[] Order =
    [
        TCA_KIND, TCA_OPTIONS, TCA_STATS, TCA_XSTATS, TCA_RATE, TCA_STATS2, TCA_STAB, TCA_CHAIN, TCA_HW_OFFLOAD, TCA_INGRESS_BLOCK, TCA_EGRESS_BLOCK,
    ];

    /// <summary>An empty one.</summary>
    /// <param name="newType">What it is: RTM_NEWQDISC, RTM_NEWTCLASS, RTM_NEWTFILTER or RTM_NEWCHAIN.</param>
    /// <exception cref="ArgumentException">Another type.</exception>
    public TrafficObject(ushort newType) => NewType = IsTraffic(newType) ? newType : throw new ArgumentException($"Message type {newType} makes no traffic control object.", nameof(newType));

    private TrafficObject(ushort newType, AttributeReader attributes)
    {
        NewType = newType;
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case TCA_KIND when attribute.IsText:
                    Kind = attribute.String;
                    break;
                case TCA_OPTIONS:
                    Options = new Octets(attribute.Value);
                    break;
                case TCA_STATS:
                    OldStatistics = new Octets(attribute.Value);
                    break;
                case TCA_XSTATS:
                    KindStatistics = new Octets(attribute.Value);
                    break;
                case TCA_RATE:
                    RateEstimator = new Octets(attribute.Value);
                    break;
                case TCA_STATS2 when TrafficStatistics.TryRead(attribute, out TrafficStatistics? statisticsValue):
                    Statistics = statisticsValue;
                    break;
                case TCA_STAB:
                    SizeTable = new Octets(attribute.Value);
                    break;
                case TCA_CHAIN when attribute.Value.Length == 4:
                    Chain = attribute.UInt32;
                    break;
                case TCA_HW_OFFLOAD when attribute.IsBoolean:
                    IsOffloaded = attribute.Byte != 0;
                    break;
                case TCA_INGRESS_BLOCK when attribute.Value.Length == 4:
                    IngressBlock = attribute.UInt32;
                    break;
                case TCA_EGRESS_BLOCK when attribute.Value.Length == 4:
                    EgressBlock = attribute.UInt32;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    internal const int HeaderSize = 20;

    /// <inheritdoc />
    public override ushort NewType { get; }

    /// <summary>Address family, 0.</summary>
    public byte Family { get; init; }

    /// <summary>Index of the link; TCM_IFINDEX_MAGIC_BLOCK (-1) for a shared block.</summary>
    public int Index { get; init; }

    /// <summary>Handle: major number in the upper half, minor in the lower ("1:10" is 0x0001_0010).</summary>
    public uint Handle { get; init; }

    /// <summary>Handle of the discipline or class above: TC_H_ROOT, TC_H_INGRESS and so on.</summary>
    public uint Parent { get; init; }

    /// <summary>Of a filter: priority in the upper half, protocol (network byte order) in the lower; of a discipline: its users.</summary>
    public uint Information { get; init; }

    /// <summary>Kind of discipline, class or filter ("htb", "u32") (TCA_KIND).</summary>
    public string? Kind { get; init; }

    /// <summary>Options of the kind, as it lays them out; nested attributes or a structure (TCA_OPTIONS).</summary>
    public Octets? Options { get; init; }

    /// <summary>Counters of old (struct tc_stats) (TCA_STATS).</summary>
    public Octets? OldStatistics { get; init; }

    /// <summary>Counters of the kind (TCA_XSTATS).</summary>
    public Octets? KindStatistics { get; init; }

    /// <summary>Rate estimator (struct tc_estimator) (TCA_RATE).</summary>
    public Octets? RateEstimator { get; init; }

    /// <summary>Counters (TCA_STATS2).</summary>
    public TrafficStatistics? Statistics { get; init; }

    /// <summary>Size table, as nested attributes (TCA_STAB).</summary>
    public Octets? SizeTable { get; init; }

    /// <summary>Chain of filters (TCA_CHAIN).</summary>
    public uint? Chain { get; init; }

    /// <summary>The device does it (TCA_HW_OFFLOAD).</summary>
    public bool? IsOffloaded { get; init; }

    /// <summary>Block of filters shared on the way in (TCA_INGRESS_BLOCK).</summary>
    public uint? IngressBlock { get; init; }

    /// <summary>Block of filters shared on the way out (TCA_EGRESS_BLOCK).</summary>
    public uint? EgressBlock { get; init; }

    /// <summary>Reads a traffic control message; false where the payload is shorter than its header.</summary>
    public static bool TryRead(in NetlinkMessage message, [NotNullWhen(true)] out TrafficObject? value)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        var newType = (ushort)(message.Header.Type & ~3);
        value = payload.Length < HeaderSize || !IsTraffic(newType) || payload[1] != 0 || payload[2] != 0 || payload[3] != 0
            ? null
            : new TrafficObject(newType, new AttributeReader(payload[HeaderSize..]))
            {
                Family = payload[0],
                Index = BitConverter.ToInt32(payload[4..]),
                Handle = BitConverter.ToUInt32(payload[8..]),
                Parent = BitConverter.ToUInt32(payload[12..]),
                Information = BitConverter.ToUInt32(payload[16..]),
            };
        return value is not null;
    }

    /// <inheritdoc />
    public override void WritePayload(ref NetlinkWriter writer)
    {
        writer.AppendStruct((uint)Family);
        writer.AppendStruct(Index);
        writer.AppendStruct(Handle);
        writer.AppendStruct(Parent);
        writer.AppendStruct(Information);
        WriteAttributes(ref writer);
    }

    /// <summary>The types that have this form.</summary>
    internal static bool IsTraffic(ushort newType) => newType is RTM_NEWQDISC or RTM_NEWTCLASS or RTM_NEWTFILTER or RTM_NEWCHAIN;

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case TCA_KIND:
                Write(ref writer, entry, Kind);
                break;
            case TCA_OPTIONS:
                Write(ref writer, entry, Options);
                break;
            case TCA_STATS:
                Write(ref writer, entry, OldStatistics);
                break;
            case TCA_XSTATS:
                Write(ref writer, entry, KindStatistics);
                break;
            case TCA_RATE:
                Write(ref writer, entry, RateEstimator);
                break;
            case TCA_STATS2:
                Statistics?.Write(ref writer, entry);
                break;
            case TCA_STAB:
                Write(ref writer, entry, SizeTable);
                break;
            case TCA_CHAIN:
                Write(ref writer, entry, Chain);
                break;
            case TCA_HW_OFFLOAD:
                Write(ref writer, entry, IsOffloaded);
                break;
            case TCA_INGRESS_BLOCK:
                Write(ref writer, entry, IngressBlock);
                break;
            case TCA_EGRESS_BLOCK:
                Write(ref writer, entry, EgressBlock);
                break;
        }
    }
}
