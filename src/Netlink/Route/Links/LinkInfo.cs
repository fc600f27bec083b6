using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>The kind of a link with its options, and what it is to the link it is a port of (IFLA_LINKINFO).</summary>
public sealed record LinkInfo : AttributeSet
{
    private static readonly ushort[] Order = [IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_XSTATS, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA];

    /// <summary>An empty one.</summary>
    public LinkInfo()
    {
    }

    internal LinkInfo(AttributeReader attributes)
    {
        // The kinds decide what the data mean, wherever they stand.
        Kind = attributes.TryFind(IFLA_INFO_KIND, out NetlinkAttribute kind) && kind.IsText ? kind.String : null;
        PortKind = attributes.TryFind(IFLA_INFO_SLAVE_KIND, out NetlinkAttribute portKind) && portKind.IsText ? portKind.String : null;
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_INFO_KIND when Kind is not null:
                case IFLA_INFO_SLAVE_KIND when PortKind is not null:
                    break;
                case IFLA_INFO_DATA:
                    Data = LinkData.Read(Kind, attribute.Value);
                    break;
                case IFLA_INFO_SLAVE_DATA:
                    PortData = LinkData.ReadPort(PortKind, attribute.Value);
                    break;
                case IFLA_INFO_XSTATS:
                    ExtendedStatistics = new Octets(attribute.Value);
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <summary>The kind ("bridge", "veth", "vlan") (IFLA_INFO_KIND).</summary>
    public string? Kind { get; init; }

    /// <summary>Options of the kind (IFLA_INFO_DATA).</summary>
    public LinkData? Data { get; init; }

    /// <summary>Counters of the kind (IFLA_INFO_XSTATS).</summary>
    public Octets? ExtendedStatistics { get; init; }

    /// <summary>The kind of the link it is a port of (IFLA_INFO_SLAVE_KIND); requests name it so in <see cref="Kind"/> with "_slave" behind.</summary>
    public string? PortKind { get; init; }

    /// <summary>Options as a port (IFLA_INFO_SLAVE_DATA).</summary>
    public LinkData? PortData { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <summary>The kind and options of a link of that kind.</summary>
    public static LinkInfo Of(LinkData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new LinkInfo { Kind = data.Kind, Data = data };
    }

    /// <summary>A change of options as a port, as <c>ip link set type bridge_slave</c> asks for it.</summary>
    public static LinkInfo OfPort(LinkData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new LinkInfo { Kind = data.Kind + "_slave", PortData = data };
    }

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_INFO_KIND:
                // iproute2 writes the kind of a request without its NUL.
                Write(ref writer, entry, Kind, terminated: false);
                break;
            case IFLA_INFO_DATA:
                WriteNested(ref writer, entry, Data, nestedFlag: false);
                break;
            case IFLA_INFO_XSTATS:
                Write(ref writer, entry, ExtendedStatistics);
                break;
            case IFLA_INFO_SLAVE_KIND:
                Write(ref writer, entry, PortKind, terminated: false);
                break;
            case IFLA_INFO_SLAVE_DATA:
                WriteNested(ref writer, entry, PortData, nestedFlag: false);
                break;
        }
    }
}
