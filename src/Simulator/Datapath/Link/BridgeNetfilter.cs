using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>
/// br_netfilter (br_netfilter_hooks.c): IPv4, IPv6 and ARP on a bridge meet the rules of their own families too, as if the bridge
/// were a router, where net/bridge/bridge-nf-call-* or the bridge itself says so. The rules see the bridge as the device, the
/// ports stand in <see cref="Packet.Bridged"/>.
/// </summary>
internal sealed class BridgeNetfilter(NetworkStack stack)
{
    private bool _isRegistered;

    /// <summary>Hangs the functions into the bridge family's hooks, as soon as there is a bridge (brnf_device_event): chains that were there before come behind them.</summary>
    public void DeviceAdded(NetworkDevice device)
    {
        if (device.Bridge is null || _isRegistered)
        {
            return;
        }

        _isRegistered = true;
        stack.Hooks.Register(HookFamily.Bridge, Hook.Prerouting, 0, new Function("prerouting", Prerouting));
        stack.Hooks.Register(HookFamily.Bridge, Hook.Input, 0, new Function("input", Input));
        stack.Hooks.Register(HookFamily.Bridge, Hook.Forward, 0, new Function("forward", Forward));
        stack.Hooks.Register(HookFamily.Bridge, Hook.Postrouting, int.MaxValue, new Function("postrouting", Postrouting));
    }

    private HookVerdict Prerouting(HookContext context)
    {
        Packet packet = context.Packet;
        byte family = FamilyOf(packet);
        NetworkDevice port = context.Input!;
        if (family is not (HookFamily.Ipv4 or HookFamily.Ipv6) || !Calls(port, family))
        {
            return HookVerdict.Accept;
        }

        if (!Validate(packet))
        {
            return HookVerdict.Drop;
        }

        NetworkDevice bridge = LogicalDevice(port, packet);
        packet.Bridged = new BridgedPacket(port) { IsInPrerouting = true };
        InternetAddress before = packet.DestinationAddress;
        if (!Run(family, Hook.Prerouting, packet, bridge, null))
        {
            return HookVerdict.Stolen;
        }

        packet.Bridged = new BridgedPacket(port);
        return packet.DestinationAddress == before || Redirect(packet, bridge) ? HookVerdict.Accept : HookVerdict.Stolen;
    }

    /// <summary>
    /// A rule gave the packet another destination: behind this bridge, and it is bridged on to its next hop; or elsewhere, and it
    /// goes up to be routed (br_nf_pre_routing_finish). False: no way leads there.
    /// </summary>
    private bool Redirect(Packet packet, NetworkDevice bridge)
    {
        bool found = stack.Internet(packet.Family).RouteInput(bridge, packet.SourceAddress, packet.DestinationAddress, packet.Mark, out RouteDecision? route, packet.TrafficClass, packet.IsIpv6 ? packet.Ipv6.FlowLabel : 0);
        if (!found)
        {
            if (route is null && !packet.IsIpv6 && stack.IsForwarding(bridge))
            {
                // It goes up, and there the sender is told that there is no way (ip_error).
                packet.Destination = MacAddress.Read(bridge.HardwareAddress);
                packet.Type = PacketType.Host;
                return true;
            }

            // What is bridged needs no forwarding between networks.
            route = packet.IsIpv6 || stack.IsForwarding(bridge) ? null : stack.Routing.FindOutput(new RouteQuery(packet.DestinationAddress));
            if (route?.Device != bridge)
            {
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"{bridge.Name}: no way leads to {packet.DestinationAddress}");
                return false;
            }
        }

        if (route!.Device == bridge && route.Type == RouteType.Unicast)
        {
            packet.Bridged = packet.Bridged! with { Redirected = route, Sender = packet.Source };
            return true;
        }

        packet.Destination = MacAddress.Read(bridge.HardwareAddress);
        packet.Type = PacketType.Host;
        return true;
    }

    /// <summary>A copy of a flooded packet that the machine itself takes may be the first of its connection to arrive anywhere.</summary>
    private HookVerdict Input(HookContext context) =>
        context.Packet is { Type: not PacketType.Host, Connection.IsConfirmed: false } packet ? stack.Conntrack.Confirm(packet) : HookVerdict.Accept;

    private HookVerdict Forward(HookContext context)
    {
        Packet packet = context.Packet;
        byte family = FamilyOf(packet);
        if (family == HookFamily.Arp)
        {
            return !Calls(context.Output!, family) || packet.NetworkLength < ArpHeader.Size ? HookVerdict.Accept
                : stack.Hooks.Run(stack, HookFamily.Arp, Hook.ArpForward, packet, context.Input, context.Output) ? HookVerdict.Diverted
                : HookVerdict.Stolen;
        }

        if (packet.Bridged is not { } bridged || family == 0)
        {
            return HookVerdict.Accept;
        }

        if (!Validate(packet))
        {
            return HookVerdict.Drop;
        }

        packet.Bridged = bridged with { Output = context.Output };
        return Run(family, Hook.Forward, packet, LogicalDevice(context.Input!, packet), context.Output!.Master) ? HookVerdict.Diverted : HookVerdict.Stolen;
    }

    private HookVerdict Postrouting(HookContext context)
    {
        Packet packet = context.Packet;
        byte family = FamilyOf(packet);
        if (packet.Bridged?.Output is not { } port || family is not (HookFamily.Ipv4 or HookFamily.Ipv6))
        {
            return HookVerdict.Accept;
        }

        if (!Run(family, Hook.Postrouting, packet, null, port.Master))
        {
            return HookVerdict.Stolen;
        }

        packet.Bridged = null;
        if (packet.LargestFragment == 0 && packet.NetworkLength > port.Mtu)
        {
            if (packet.IsIpv6 || packet.Ipv4.DontFragment)
            {
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"larger than the MTU {port.Mtu} of port {port.Name}, and may not be fragmented");
                return HookVerdict.Stolen;
            }

            packet.LargestFragment = (int)port.Master!.Mtu;
        }

        return HookVerdict.Accept;
    }

    /// <summary>Rules of the ip families take a bridged packet to be for this machine, whomever its frame is for.</summary>
    private bool Run(byte family, byte hook, Packet packet, NetworkDevice? input, NetworkDevice? output)
    {
        PacketType type = packet.Type;
        if (type == PacketType.OtherHost)
        {
            packet.Type = PacketType.Host;
        }

        packet.LocateTransport();
        bool passed = stack.Hooks.Run(stack, family, hook, packet, input, output);
        packet.Type = type;
        return passed;
    }

    /// <summary>The checks of reception (br_validate_ipv4, br_validate_ipv6); cuts what follows the packet's end.</summary>
    private static bool Validate(Packet packet)
    {
        if (packet.IsIpv6 ? packet.NetworkLength < Ipv6Header.Size || !packet.Ipv6.IsValid || !packet.Ipv6.HasWholeHopByHop : packet.NetworkLength < Ipv4Header.MinimumSize || !packet.Ipv4.IsValid)
        {
            return false;
        }

        packet.TrimNetwork(packet.IsIpv6 ? Ipv6Header.Size + packet.Ipv6.PayloadLength : packet.Ipv4.TotalLength);
        return true;
    }

    /// <summary>Whose rules see the packet; 0 for none. Tagged frames are seen only where bridge-nf-filter-vlan-tagged says so.</summary>
    private byte FamilyOf(Packet packet)
    {
        if (packet.Tag is not null && !IsOn("bridge-nf-filter-vlan-tagged"))
        {
            return 0;
        }

        return packet.Protocol switch
        {
            EtherType.Ipv4 => HookFamily.Ipv4,
            EtherType.Ipv6 => HookFamily.Ipv6,
            EtherType.Arp => HookFamily.Arp,
            _ => 0,
        };
    }

    private bool Calls(NetworkDevice port, byte family)
    {
        BridgeState bridge = port.Port!.Bridge;
        return family switch
        {
            HookFamily.Ipv4 => IsOn("bridge-nf-call-iptables") || bridge.CallsIptables,
            HookFamily.Ipv6 => IsOn("bridge-nf-call-ip6tables") || bridge.CallsIp6tables,
            _ => IsOn("bridge-nf-call-arptables") || bridge.CallsArptables,
        };
    }

    /// <summary>The bridge, or its device for the packet's VLAN where bridge-nf-pass-vlan-input-dev asks for that.</summary>
    private NetworkDevice LogicalDevice(NetworkDevice port, Packet packet)
    {
        NetworkDevice bridge = port.Master!;
        return packet.Tag is { } tag && IsOn("bridge-nf-pass-vlan-input-dev") ? DeviceLayer.FindVlan(bridge, tag) ?? bridge : bridge;
    }

    private bool IsOn(string name) => stack.Kernel.Parameters.Number("net/", "bridge", name) != 0;

    private sealed class Function(string hook, Func<HookContext, HookVerdict> run) : IHookFunction
    {
        public string Description => $"bridge netfilter at {hook}";

        public HookVerdict Run(HookContext context) => run(context);
    }
}
