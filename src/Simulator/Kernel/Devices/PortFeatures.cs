using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>Of what a device can do with packets (NETIF_F_*), that which a bridge can do as soon as one of its ports can (NETIF_F_ONE_FOR_ALL).</summary>
[Flags]
internal enum PortFeatures
{
    None = 0,

    /// <summary>NETIF_F_SG.</summary>
    ScatterGather = 1,

    /// <summary>NETIF_F_FRAGLIST.</summary>
    FragmentLists = 2,

    /// <summary>NETIF_F_HIGHDMA.</summary>
    HighMemory = 4,

    /// <summary>NETIF_F_GSO_SOFTWARE, but for what a bridge can do in any case (NETIF_F_ALL_TSO).</summary>
    SoftwareSegmentation = 8,

    /// <summary>NETIF_F_GSO_ROBUST.</summary>
    RobustSegmentation = 16,
}

/// <summary>What kinds of devices can do, as their drivers say (their setup functions), and bridges by their ports.</summary>
internal static class DeviceFeatures
{
    private const PortFeatures Plain = PortFeatures.ScatterGather | PortFeatures.FragmentLists | PortFeatures.HighMemory | PortFeatures.SoftwareSegmentation;

    /// <summary>
    /// What a bridge can do (br_features_recompute); null without ports, where it is what the bridge can do by itself. Only whether two are the same means anything: the kernel tells of a
    /// bridge whose features change.
    /// </summary>
    public static PortFeatures? Of(BridgeState bridge) =>
        bridge.Ports.Count == 0 ? null : bridge.Ports.Aggregate(PortFeatures.None, static (all, port) => all | Of(port.Device));

    /// <summary>What a device can do.</summary>
    private static PortFeatures Of(NetworkDevice device) => device.Kind switch
    {
        "vxlan" or "geneve" => PortFeatures.ScatterGather | PortFeatures.FragmentLists | PortFeatures.SoftwareSegmentation,

        // What the lower device can do, and some in any case (macvlan_fix_features).
        "macvlan" or "macvtap" when device.Lower is { } lower => PortFeatures.ScatterGather | PortFeatures.SoftwareSegmentation | PortFeatures.RobustSegmentation
            | (Of(lower) & (PortFeatures.FragmentLists | PortFeatures.HighMemory)),
        "vlan" when device.Lower is { } lower => OfTagged(lower) | PortFeatures.SoftwareSegmentation,
        "bond" => Of(device.Kernel.Devices.All.Where(slave => slave.Master == device)),
        _ => Plain,
    };

    /// <summary>What a device can do with tagged packets (vlan_features). A dummy says nothing of them.</summary>
    private static PortFeatures OfTagged(NetworkDevice device) => device.Kind == "dummy" ? PortFeatures.HighMemory : Of(device);

    private static PortFeatures Of(IEnumerable<NetworkDevice> devices) => devices.Aggregate(PortFeatures.None, static (all, device) => all | Of(device));
}
