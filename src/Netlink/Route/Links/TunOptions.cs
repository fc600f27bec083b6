using EucaNet.Netlink.Wire;
using static EucaNet.Netlink.Route.LinkConstants;

namespace EucaNet.Netlink.Route;

/// <summary>What a tun or tap device is; such devices are made through /dev/net/tun, not by netlink.</summary>
public sealed record TunOptions : LinkData
{
    private static readonly ushort[] Order =
    [
        IFLA_TUN_OWNER, IFLA_TUN_GROUP, IFLA_TUN_TYPE, IFLA_TUN_PI, IFLA_TUN_VNET_HDR, IFLA_TUN_PERSIST, IFLA_TUN_MULTI_QUEUE, IFLA_TUN_NUM_QUEUES,
        IFLA_TUN_NUM_DISABLED_QUEUES,
    ];

    /// <summary>An empty one.</summary>
    public TunOptions()
    {
    }

    internal TunOptions(AttributeReader attributes)
    {
        var layout = new WireLayout.Recorder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            bool known = layout.IsNew(attribute);
            switch (known ? attribute.Type : ushort.MaxValue)
            {
                case IFLA_TUN_OWNER when attribute.Value.Length == 4:
                    Owner = attribute.UInt32;
                    break;
                case IFLA_TUN_GROUP when attribute.Value.Length == 4:
                    Group = attribute.UInt32;
                    break;
                case IFLA_TUN_TYPE when attribute.Value.Length == 1:
                    Type = attribute.Byte;
                    break;
                case IFLA_TUN_PI when attribute.IsBoolean:
                    PacketInformation = attribute.Byte != 0;
                    break;
                case IFLA_TUN_VNET_HDR when attribute.IsBoolean:
                    VirtualNetworkHeader = attribute.Byte != 0;
                    break;
                case IFLA_TUN_PERSIST when attribute.IsBoolean:
                    Persistent = attribute.Byte != 0;
                    break;
                case IFLA_TUN_MULTI_QUEUE when attribute.IsBoolean:
                    MultiQueue = attribute.Byte != 0;
                    break;
                case IFLA_TUN_NUM_QUEUES when attribute.Value.Length == 4:
                    Queues = attribute.UInt32;
                    break;
                case IFLA_TUN_NUM_DISABLED_QUEUES when attribute.Value.Length == 4:
                    DisabledQueues = attribute.UInt32;
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
    public override string Kind => "tun";

    /// <summary>User that may open it (IFLA_TUN_OWNER).</summary>
    public uint? Owner { get; init; }

    /// <summary>Group that may open it (IFLA_TUN_GROUP).</summary>
    public uint? Group { get; init; }

    /// <summary>1 tun: packets, 2 tap: frames (IFLA_TUN_TYPE).</summary>
    public byte? Type { get; init; }

    /// <summary>Packets have a header in front (IFLA_TUN_PI).</summary>
    public bool? PacketInformation { get; init; }

    /// <summary>Packets have a virtio header in front (IFLA_TUN_VNET_HDR).</summary>
    public bool? VirtualNetworkHeader { get; init; }

    /// <summary>It stays when its opener goes (IFLA_TUN_PERSIST).</summary>
    public bool? Persistent { get; init; }

    /// <summary>It may be opened several times (IFLA_TUN_MULTI_QUEUE).</summary>
    public bool? MultiQueue { get; init; }

    /// <summary>Open queues (IFLA_TUN_NUM_QUEUES).</summary>
    public uint? Queues { get; init; }

    /// <summary>Queues switched off (IFLA_TUN_NUM_DISABLED_QUEUES).</summary>
    public uint? DisabledQueues { get; init; }

    /// <inheritdoc />
    protected override ReadOnlySpan<ushort> CanonicalOrder => Order;

    /// <inheritdoc />
    protected override void WriteAttribute(ref NetlinkWriter writer, in WireEntry entry)
    {
        switch (entry.Type)
        {
            case IFLA_TUN_OWNER:
                Write(ref writer, entry, Owner);
                break;
            case IFLA_TUN_GROUP:
                Write(ref writer, entry, Group);
                break;
            case IFLA_TUN_TYPE:
                Write(ref writer, entry, Type);
                break;
            case IFLA_TUN_PI:
                Write(ref writer, entry, PacketInformation);
                break;
            case IFLA_TUN_VNET_HDR:
                Write(ref writer, entry, VirtualNetworkHeader);
                break;
            case IFLA_TUN_PERSIST:
                Write(ref writer, entry, Persistent);
                break;
            case IFLA_TUN_MULTI_QUEUE:
                Write(ref writer, entry, MultiQueue);
                break;
            case IFLA_TUN_NUM_QUEUES:
                Write(ref writer, entry, Queues);
                break;
            case IFLA_TUN_NUM_DISABLED_QUEUES:
                Write(ref writer, entry, DisabledQueues);
                break;
        }
    }
}
