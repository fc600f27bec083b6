using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options of a VLAN device.</summary>
public sealed record VlanOptions : LinkData
{
    private static readonly ushort[] Order =
    [
        IFLA_VLAN_ID, IFLA_VLAN_PROTOCOL, IFLA_VLAN_FLAGS, IFLA_VLAN_INGRESS_QOS, IFLA_VLAN_EGRESS_QOS,
    ];

    /// <summary>An empty one.</summary>
    public VlanOptions()
    {
    }

    internal VlanOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_VLAN_ID when attribute.Value.Length == 2:
                    Id = attribute.UInt16;
                    break;
                case IFLA_VLAN_PROTOCOL when attribute.Value.Length == 2:
                    Protocol = attribute.UInt16BigEndian;
                    break;
                case IFLA_VLAN_FLAGS when VlanFlagChange.TryRead(attribute, out VlanFlagChange? flagChangeValue):
                    FlagChange = flagChangeValue;
                    break;
                case IFLA_VLAN_INGRESS_QOS when VlanQosMapping.TryReadList(attribute, out EquatableList<VlanQosMapping>? ingressQosValue):
                    IngressQos = ingressQosValue;
                    break;
                case IFLA_VLAN_EGRESS_QOS when VlanQosMapping.TryReadList(attribute, out EquatableList<VlanQosMapping>? egressQosValue):
                    EgressQos = egressQosValue;
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
    public override string Kind => "vlan";

    /// <summary>VLAN, 1 to 4094 (IFLA_VLAN_ID).</summary>
    public ushort? Id { get; init; }

    /// <summary>0x8100 for 802.1Q, 0x88a8 for 802.1ad; 802.1Q where nothing is said (IFLA_VLAN_PROTOCOL).</summary>
    public ushort? Protocol { get; init; }

    /// <summary>Flags, and in requests which of them to set (IFLA_VLAN_FLAGS).</summary>
    public VlanFlagChange? FlagChange { get; init; }

    /// <summary>From priority in the tag to priority in the system (IFLA_VLAN_INGRESS_QOS).</summary>
    public EquatableList<VlanQosMapping>? IngressQos { get; init; }

    /// <summary>From priority in the system to priority in the tag (IFLA_VLAN_EGRESS_QOS).</summary>
    public EquatableList<VlanQosMapping>? EgressQos { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_VLAN_ID:
                Write(ref writer, entry, Id);
                break;
            case IFLA_VLAN_PROTOCOL:
                WriteBigEndian(ref writer, entry, Protocol);
                break;
            case IFLA_VLAN_FLAGS:
                FlagChange?.Write(ref writer, entry);
                break;
            case IFLA_VLAN_INGRESS_QOS:
                VlanQosMapping.WriteList(ref writer, entry, IngressQos);
                break;
            case IFLA_VLAN_EGRESS_QOS:
                VlanQosMapping.WriteList(ref writer, entry, EgressQos);
                break;
        }
    }
}
