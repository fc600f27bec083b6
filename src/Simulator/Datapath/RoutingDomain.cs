using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Datapath;

/// <summary>The VRF a device belongs to (l3mdev): packets that come in by it are routed by the VRF's table, and the routes of its addresses stand there.</summary>
internal static class RoutingDomain
{
    /// <summary>The VRF device: the device itself, or what it is enslaved to; null for devices in no VRF.</summary>
    public static NetworkDevice? Of(NetworkDevice? device) =>
        device is null ? null : device.KindState is VrfState ? device : device.Master is { KindState: VrfState } master ? master : null;

    /// <summary>Where routes of a device's own addresses stand.</summary>
    public static uint TableOr(NetworkDevice device, uint otherwise) => Of(device)?.KindState is VrfState vrf ? vrf.Table : otherwise;
}
