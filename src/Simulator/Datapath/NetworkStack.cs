using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath;

/// <summary>
/// The moving half of one simulated kernel. A frame comes in by a device, climbs through the layers that are folders and
/// files here (device, bridge, VLAN, ARP, IPv4), meets the hooks on its way, and leaves by a device or ends in a socket.
/// All of it happens inside one call; only what crosses to another machine waits in the simulation's queue.
/// </summary>
internal sealed class NetworkStack
{
    public NetworkStack(SimulatedKernel kernel)
    {
        Kernel = kernel;
        Routing = new RouteLookup(kernel);
        Conntrack = new ConnectionTracker(kernel.Clock);
        Nat = new AddressTranslator(Conntrack, kernel.Random);
    }

    public SimulatedKernel Kernel { get; }

    public string HostName => Kernel.HostName;

    /// <summary>Base chains and the kernel's own functions by hook and priority.</summary>
    public HookTable Hooks { get; } = new();

    public ConnectionTracker Conntrack { get; }

    public AddressTranslator Nat { get; }

    public RouteLookup Routing { get; }

    /// <summary>The address that packets leaving by a device towards this packet's next hop carry (masquerade).</summary>
    public InternetAddress? SelectSource(NetworkDevice device, Packet packet) => packet.Protocol == EtherType.Ipv4
        ? Routing.SelectSource(device, packet.Route?.Gateway ?? InternetAddress.FromV4(packet.Ipv4.Destination))
        : FirstAddress(device, InternetAddress.V6);

    /// <summary>A device's first primary address.</summary>
    public InternetAddress? FirstAddress(NetworkDevice device, byte family)
    {
        foreach (InterfaceAddress address in Kernel.Addresses.Of(device, family))
        {
            if (!address.IsSecondary)
            {
                return address.Local;
            }
        }

        return null;
    }
}
