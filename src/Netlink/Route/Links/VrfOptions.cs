using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options of a VRF device.</summary>
public sealed record VrfOptions : LinkData
{
    private static readonly ushort[] Order =
    [
        IFLA_VRF_TABLE,
    ];

    /// <summary>An empty one.</summary>
    public VrfOptions()
    {
    }

    internal VrfOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_VRF_TABLE when attribute.Value.Length == 4:
                    Table = attribute.UInt32;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <inheritdoc />
    public override string Kind => "vrf";

    /// <summary>Routing table (IFLA_VRF_TABLE).</summary>
    public uint? Table { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_VRF_TABLE:
                Write(ref writer, entry, Table);
                break;
        }
    }
}
