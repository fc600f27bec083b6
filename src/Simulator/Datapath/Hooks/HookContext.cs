using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Hooks;

/// <summary>A packet at a hook (struct nf_hook_state): what rules are evaluated on.</summary>
internal sealed class HookContext(NetworkStack stack, byte family, byte hook, Packet packet, NetworkDevice? input, NetworkDevice? output)
{
    /// <summary>The stack of the kernel: look-ups in its tables, and what a rule can make it do (reject, duplicate, forward).</summary>
    public NetworkStack Stack { get; } = stack;

    /// <summary>The family of the packet at this hook: ip, ip6, arp, bridge or netdev (never inet).</summary>
    public byte Family { get; } = family;

    public byte Hook { get; } = hook;

    public Packet Packet { get; } = packet;

    /// <summary>
    /// Octets that rules count (skb->len): from the network header on, and the ethernet header too where it is in front already
    /// (netdev egress, arp output).
    /// </summary>
    public int PacketLength => (Family == HookFamily.Netdev && Hook == Hooks.Hook.NetdevEgress) || (Family == HookFamily.Arp && Hook == Hooks.Hook.ArpOutput)
        ? Packet.Frame.Length
        : Packet.NetworkLength;

    /// <summary>The device the packet came in by; null at output and postrouting of local packets.</summary>
    public NetworkDevice? Input { get; } = input;

    /// <summary>The device the packet will leave by; null before routing and at input.</summary>
    public NetworkDevice? Output { get; } = output;

    /// <summary>A match has found the packet so broken that it is dropped, whatever the rules say (par->hotdrop).</summary>
    public bool MustDrop { get; set; }
}
