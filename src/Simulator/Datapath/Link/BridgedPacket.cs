using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>What br_netfilter remembers beside a bridged packet (struct nf_bridge_info).</summary>
/// <param name="Input">The port it came in by; rules of the ip families see the bridge instead.</param>
internal sealed record BridgedPacket(NetworkDevice Input)
{
    /// <summary>The port it leaves by; null until the bridge has chosen one, and for what goes to the machine itself.</summary>
    public NetworkDevice? Output { get; init; }

    /// <summary>It is in the prerouting hooks of its ip family right now.</summary>
    public bool IsInPrerouting { get; init; }

    /// <summary>It was handed to the machine itself, past those hooks.</summary>
    public bool HasBeenRouted { get; init; }

    /// <summary>The next hop, where it was given another destination that is behind this bridge too: its MAC is looked up before the bridge forwards.</summary>
    public RouteDecision? Redirected { get; init; }

    /// <summary>Who sent a redirected packet; the look-up of the next hop writes over it.</summary>
    public MacAddress Sender { get; init; }
}
