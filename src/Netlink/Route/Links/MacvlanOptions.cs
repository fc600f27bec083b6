using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>Options of a macvlan or macvtap device.</summary>
public sealed record MacvlanOptions : LinkData
{
    private static readonly ushort[] Order =
    [
        IFLA_MACVLAN_FLAGS, IFLA_MACVLAN_BC_QUEUE_LEN, IFLA_MACVLAN_BC_CUTOFF, IFLA_MACVLAN_MODE, IFLA_MACVLAN_MACADDR_MODE, IFLA_MACVLAN_MACADDR,
        IFLA_MACVLAN_MACADDR_COUNT, IFLA_MACVLAN_MACADDR_DATA, IFLA_MACVLAN_BC_QUEUE_LEN_USED,
    ];

    /// <summary>An empty one.</summary>
    public MacvlanOptions()
    {
    }

    internal MacvlanOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_MACVLAN_FLAGS when attribute.Value.Length == 2:
                    Options = attribute.UInt16;
                    break;
                case IFLA_MACVLAN_BC_QUEUE_LEN when attribute.Value.Length == 4:
                    BroadcastQueueLength = attribute.UInt32;
                    break;
                case IFLA_MACVLAN_BC_CUTOFF when attribute.Value.Length == 4:
                    BroadcastCutoff = attribute.Int32;
                    break;
                case IFLA_MACVLAN_MODE when attribute.Value.Length == 4:
                    Mode = (MacvlanMode)attribute.UInt32;
                    break;
                case IFLA_MACVLAN_MACADDR_MODE when attribute.Value.Length == 4:
                    AddressMode = attribute.UInt32;
                    break;
                case IFLA_MACVLAN_MACADDR when attribute.Value.Length <= 32:
                    Address = new HardwareAddress(attribute.Value);
                    break;
                case IFLA_MACVLAN_MACADDR_COUNT when attribute.Value.Length == 4:
                    AddressCount = attribute.UInt32;
                    break;
                case IFLA_MACVLAN_MACADDR_DATA:
                    Addresses = new Octets(attribute.Value);
                    break;
                case IFLA_MACVLAN_BC_QUEUE_LEN_USED when attribute.Value.Length == 4:
                    BroadcastQueueLengthUsed = attribute.UInt32;
                    break;
                default:
                    known = false;
                    break;
            }

            layout.Note(attribute, known);
        }

        Layout = layout.Finish(attributes);
    }

    /// <summary>It is a macvtap device: frames go to a character device.</summary>
    public bool IsTap { get; init; }

    /// <inheritdoc />
    public override string Kind => IsTap ? "macvtap" : "macvlan";

    /// <summary>MACVLAN_FLAG_* bits (IFLA_MACVLAN_FLAGS).</summary>
    public ushort? Options { get; init; }

    /// <summary>Broadcast packets that may wait (IFLA_MACVLAN_BC_QUEUE_LEN).</summary>
    public uint? BroadcastQueueLength { get; init; }

    /// <summary>Receivers from which on broadcast goes through the queue (IFLA_MACVLAN_BC_CUTOFF).</summary>
    public int? BroadcastCutoff { get; init; }

    /// <summary>Who may talk to whom (IFLA_MACVLAN_MODE).</summary>
    public MacvlanMode? Mode { get; init; }

    /// <summary>In requests: what to do to the sources of source mode (IFLA_MACVLAN_MACADDR_MODE).</summary>
    public uint? AddressMode { get; init; }

    /// <summary>In requests: the source address (IFLA_MACVLAN_MACADDR).</summary>
    public HardwareAddress? Address { get; init; }

    /// <summary>Number of source addresses (IFLA_MACVLAN_MACADDR_COUNT).</summary>
    public uint? AddressCount { get; init; }

    /// <summary>Source addresses, as attributes (IFLA_MACVLAN_MACADDR_DATA).</summary>
    public Octets? Addresses { get; init; }

    /// <summary>What the parent uses (IFLA_MACVLAN_BC_QUEUE_LEN_USED).</summary>
    public uint? BroadcastQueueLengthUsed { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_MACVLAN_FLAGS:
                Write(ref writer, entry, Options);
                break;
            case IFLA_MACVLAN_BC_QUEUE_LEN:
                Write(ref writer, entry, BroadcastQueueLength);
                break;
            case IFLA_MACVLAN_BC_CUTOFF:
                Write(ref writer, entry, BroadcastCutoff);
                break;
            case IFLA_MACVLAN_MODE:
                Write(ref writer, entry, (uint?)Mode);
                break;
            case IFLA_MACVLAN_MACADDR_MODE:
                Write(ref writer, entry, AddressMode);
                break;
            case IFLA_MACVLAN_MACADDR:
                Write(ref writer, entry, Address);
                break;
            case IFLA_MACVLAN_MACADDR_COUNT:
                Write(ref writer, entry, AddressCount);
                break;
            case IFLA_MACVLAN_MACADDR_DATA:
                Write(ref writer, entry, Addresses);
                break;
            case IFLA_MACVLAN_BC_QUEUE_LEN_USED:
                Write(ref writer, entry, BroadcastQueueLengthUsed);
                break;
        }
    }
}
