namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>
/// What a device can do with packets, and what it makes of that when the devices change on which it stands (__netdev_update_features). Nobody sees the features themselves; the kernel
/// tells of a link when they change, and those that stand on it look at their own again.
/// </summary>
internal sealed class DeviceFeatures
{
    private const LinkFeatures Tags = LinkFeatures.TagsOnSending | LinkFeatures.TagsOnReceipt | LinkFeatures.ServiceTagsOnSending | LinkFeatures.ServiceTagsOnReceipt;
    private const LinkFeatures Plain = LinkFeatures.ScatterGather | LinkFeatures.FragmentList | LinkFeatures.HardwareChecksum | LinkFeatures.HighMemory | LinkFeatures.SoftwareSegmentation
        | LinkFeatures.TunnelSegmentation;
    private const LinkFeatures Veth = Plain | LinkFeatures.ReceiveChecksum | LinkFeatures.SctpChecksum | Tags;
    private const LinkFeatures Ifb = Plain | LinkFeatures.TagsOnSending | LinkFeatures.ServiceTagsOnSending;
    private const LinkFeatures Bridge = LinkFeatures.ScatterGather | LinkFeatures.FragmentList | LinkFeatures.HighMemory | LinkFeatures.AnySegmentation | LinkFeatures.HardwareChecksum;
    private const LinkFeatures Tunnel = LinkFeatures.ScatterGather | LinkFeatures.HardwareChecksum | LinkFeatures.FragmentList | LinkFeatures.ReceiveChecksum | LinkFeatures.SoftwareSegmentation;
    private const LinkFeatures Bond = Plain | LinkFeatures.LargeReceive;
    private const LinkFeatures TaggedInHardware = Plain | LinkFeatures.SctpChecksum | LinkFeatures.FibreChannelChecksum | LinkFeatures.FibreChannelSegmentation;
    private const LinkFeatures MacvlanAlways = LinkFeatures.ScatterGather | LinkFeatures.HardwareChecksum | LinkFeatures.SoftwareSegmentation | LinkFeatures.Robust | LinkFeatures.TunnelSegmentation;
    private const LinkFeatures Macvlan = LinkFeatures.ScatterGather | LinkFeatures.HardwareChecksum | LinkFeatures.HighMemory | LinkFeatures.FragmentList | LinkFeatures.Segmentation
        | LinkFeatures.Tcp | LinkFeatures.LargeReceive | LinkFeatures.TcpCongestionMarks | LinkFeatures.Tcp6 | LinkFeatures.Aggregation | LinkFeatures.ReceiveChecksum
        | LinkFeatures.TagFilter | LinkFeatures.ServiceTagFilter;

    private readonly NetworkDevice _device;
    private readonly LinkFeatures _changeable, _wanted, _tagged;

    /// <summary>What the device can do when it comes to be (its driver's setup function, and register_netdevice).</summary>
    public DeviceFeatures(NetworkDevice device)
    {
        _device = device;
        LinkFeatures lower = device.Lower?.Features.Active ?? LinkFeatures.None, lowerTagged = device.Lower?.Features.Tagged ?? LinkFeatures.None;
        (Active, _changeable, _tagged) = device.Kind switch
        {
            "bridge" => (Bridge | LinkFeatures.TagsOnSending | LinkFeatures.ServiceTagsOnSending, Bridge | LinkFeatures.TagsOnSending | LinkFeatures.ServiceTagsOnSending, Bridge),
            "ifb" => (Ifb, Ifb, Plain),
            "vxlan" => (Tunnel, Tunnel, Tunnel),
            "geneve" => (Tunnel, Tunnel, LinkFeatures.None),
            "dummy" => (Plain, Plain, LinkFeatures.None),
            "bond" => (Bond | Tags | LinkFeatures.TagFilter | LinkFeatures.ServiceTagFilter | LinkFeatures.Partial,
                Bond | LinkFeatures.TagsOnReceipt | LinkFeatures.ServiceTagsOnReceipt | LinkFeatures.TagFilter | LinkFeatures.ServiceTagFilter, LinkFeatures.None),
            "macvlan" or "macvtap" => ((lower & Macvlan) | MacvlanAlways, LinkFeatures.LargeReceive, (lowerTagged & Macvlan) | MacvlanAlways),
            "vlan" => (TaggedInHardware, TaggedInHardware, lowerTagged & ~(LinkFeatures.FibreChannelChecksum | LinkFeatures.FibreChannelSegmentation)),
            _ => (Veth, Veth, Veth & ~Tags),
        };
        _changeable |= LinkFeatures.Soft;
        Active |= LinkFeatures.Soft;
        _wanted = Active & _changeable;
        _changeable |= LinkFeatures.NoCacheCopy | ((_changeable & LinkFeatures.Tcp) != 0 ? LinkFeatures.TcpMangledId : LinkFeatures.None);
        _tagged |= LinkFeatures.HighMemory;
        Update();
    }

    /// <summary>What it can do now.</summary>
    public LinkFeatures Active { get; private set; }

    /// <summary>What it can do with tagged packets (vlan_features).</summary>
    private LinkFeatures Tagged => _device.Kind == "bond" ? OfAll(LinkFeatures.None, Slaves, Bond, static slave => slave.Features.Tagged) | _tagged : _tagged;

    private IEnumerable<NetworkDevice> Slaves => _device.Kernel.Devices.All.Where(slave => slave.Master == _device);

    /// <summary>Looks at the devices on which this one stands, or which it has. True: it can do more or less than before.</summary>
    public bool Update()
    {
        LinkFeatures features = Fix((Active & ~_changeable) | _wanted);
        features = WithoutContradictions(features);
        bool changed = features != Active;
        Active = features;
        return changed;
    }

    /// <summary>The driver's word (ndo_fix_features).</summary>
    private LinkFeatures Fix(LinkFeatures features)
    {
        switch (_device.Kind)
        {
            case "bridge" when _device.Bridge is { Ports.Count: > 0 } bridge:
                return OfAll(features & ~LinkFeatures.OneForAll, bridge.Ports.Select(static port => port.Device), features, static port => port.Features.Active);

            case "bond":
                return OfAll((features & ~LinkFeatures.OneForAll) | LinkFeatures.AllForAll, Slaves, features, static slave => slave.Features.Active);

            case "vlan" when _device.Lower is { } lower:
                LinkFeatures below = (lower.Features.Tagged | LinkFeatures.ReceiveChecksum) & lower.Features.Active;
                return (features & below) | (features & (LinkFeatures.Soft | LinkFeatures.SoftwareSegmentation));

            case "macvlan" or "macvtap" when _device.Lower is { } lower:
                LinkFeatures mask = features | LinkFeatures.AllForAll;
                LinkFeatures both = Increment(lower.Features.Active & (mask | ~LinkFeatures.LargeReceive), mask, mask);
                return (both | MacvlanAlways) & (MacvlanAlways | Macvlan);

            default:
                return features;
        }
    }

    private static LinkFeatures OfAll(LinkFeatures features, IEnumerable<NetworkDevice> devices, LinkFeatures mask, Func<NetworkDevice, LinkFeatures> of) =>
        Increment(devices.Aggregate(features, (all, device) => Increment(all, of(device), mask)), LinkFeatures.AnyTcp, mask);

    /// <summary>Another device comes under a master (netdev_increment_features).</summary>
    private static LinkFeatures Increment(LinkFeatures all, LinkFeatures one, LinkFeatures mask)
    {
        mask |= LinkFeatures.VlanChallenged | ((mask & LinkFeatures.HardwareChecksum) != 0 ? LinkFeatures.AnyChecksum : LinkFeatures.None);
        all |= one & (LinkFeatures.OneForAll | LinkFeatures.AnyChecksum) & mask;
        all &= one | ~LinkFeatures.AllForAll;
        return (all & LinkFeatures.HardwareChecksum) != 0 ? all & ~(LinkFeatures.Inet4Checksum | LinkFeatures.Inet6Checksum) : all;
    }

    /// <summary>What needs something else is off without it (netdev_fix_features).</summary>
    private static LinkFeatures WithoutContradictions(LinkFeatures features)
    {
        if ((features & LinkFeatures.ScatterGather) == 0)
        {
            features &= ~(LinkFeatures.AnyTcp | LinkFeatures.Segmentation);
        }

        if ((features & (LinkFeatures.HardwareChecksum | LinkFeatures.Inet4Checksum)) == 0)
        {
            features &= ~(LinkFeatures.Tcp | LinkFeatures.TcpCongestionMarks | LinkFeatures.TcpMangledId);
        }

        if ((features & (LinkFeatures.HardwareChecksum | LinkFeatures.Inet6Checksum)) == 0)
        {
            features &= ~LinkFeatures.Tcp6;
        }

        return (features & LinkFeatures.AnyChecksum) == 0 ? features & ~LinkFeatures.UdpSegmentation : features;
    }
}
