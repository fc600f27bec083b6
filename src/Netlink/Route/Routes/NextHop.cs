using System.Net;
using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.RouteConstants;

namespace EucaNet.Netlink.Route;

/// <summary>One way of a route with several (struct rtnexthop).</summary>
public sealed record NextHop : AttributeSet
{
    private static readonly ushort[] Order =
    [
        RTA_VIA, RTA_GATEWAY, RTA_FLOW, RTA_ENCAP, RTA_ENCAP_TYPE,
    ];

    /// <summary>An empty one.</summary>
    public NextHop()
    {
    }

    internal NextHop(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case RTA_VIA when RouteVia.TryRead(attribute, out RouteVia? viaValue):
                    Via = viaValue;
                    break;
                case RTA_GATEWAY when attribute.Value.Length is 4 or 16:
                    Gateway = new IPAddress(attribute.Value);
                    break;
                case RTA_FLOW when attribute.Value.Length == 4:
                    Realms = attribute.UInt32;
                    break;
                case RTA_ENCAP:
                    Encapsulation = new Octets(attribute.Value);
                    break;
                case RTA_ENCAP_TYPE when attribute.Value.Length == 2:
                    EncapsulationType = attribute.UInt16;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <summary>Flags, RTNH_F_*.</summary>
    public byte Flags { get; init; }

    /// <summary>Weight less one.</summary>
    public byte Hops { get; init; }

    /// <summary>Index of the link; 0 for none said.</summary>
    public int OutputInterface { get; init; }

    /// <summary>Share of the traffic, from 1.</summary>
    public int Weight => Hops + 1;

    /// <summary>Gateway of another family (RTA_VIA).</summary>
    public RouteVia? Via { get; init; }

    /// <summary>Gateway (RTA_GATEWAY).</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Realms (RTA_FLOW).</summary>
    public uint? Realms { get; init; }

    /// <summary>Encapsulation, as attributes (RTA_ENCAP).</summary>
    public Octets? Encapsulation { get; init; }

    /// <summary>Kind of encapsulation (RTA_ENCAP_TYPE).</summary>
    public ushort? EncapsulationType { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case RTA_VIA:
                Via?.Write(ref writer, entry);
                break;
            case RTA_GATEWAY:
                Write(ref writer, entry, Gateway);
                break;
            case RTA_FLOW:
                Write(ref writer, entry, Realms);
                break;
            case RTA_ENCAP:
                Write(ref writer, entry, Encapsulation);
                break;
            case RTA_ENCAP_TYPE:
                Write(ref writer, entry, EncapsulationType);
                break;
        }
    }
}
