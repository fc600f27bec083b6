using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Rtnetlink.Traffic;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>Sees every frame of every device, for recordings. The packet must not be kept or changed.</summary>
internal delegate void FrameTap(NetworkDevice device, Packet packet, bool outgoing);

/// <summary>
/// Frames in and out of devices: what a device of each kind does with a frame that leaves by it, and who gets one that
/// arrives (taps, ingress rules, the VLAN device of its tag, the bridge, then the protocols).
/// </summary>
internal sealed class DeviceLayer(NetworkStack stack)
{
    /// <summary>How the story of what goes round in circles ends.</summary>
    public const string InCircles = "goes round in circles";

    /// <summary>What passed more devices than this between two routers goes round in circles.</summary>
    private const int MaximumHops = 64;

    public event FrameTap? Tap;

    /// <summary>A frame leaves by a device (dev_queue_xmit). False: it was dropped there, and whoever cuts a packet sends no further piece of it.</summary>
    public bool Transmit(NetworkDevice device, Packet packet)
    {
        if (!Passes(device, packet))
        {
            device.Statistics.TransmitDropped++;
            return false;
        }

        if (!packet.SkipsEgressRules && !stack.Hooks.IsEmpty(HookFamily.Netdev, Hook.NetdevEgress, device))
        {
            HookVerdict verdict = stack.Hooks.Run(new HookContext(stack, HookFamily.Netdev, Hook.NetdevEgress, packet, null, device));
            if (verdict != HookVerdict.Accept)
            {
                return verdict == HookVerdict.Stolen;
            }
        }

        int filtered = stack.Filters.Leaves(device, packet);
        return filtered == TrafficConstants.TC_ACT_OK ? stack.Queues.Send(device, packet) : filtered == TrafficConstants.TC_ACT_STOLEN;
    }

    /// <summary>A frame's turn has come to leave by a device (dev_hard_start_xmit).</summary>
    public bool Leave(NetworkDevice device, Packet packet)
    {
        packet.SkipsEgressRules = false;
        packet.Tell(StoryKind.Device, TraceLevel.Minimal, stack.HostName, device.Name);
        stack.PacketSockets.Deliver(device, packet, outgoing: true);
        Tap?.Invoke(device, packet, true);
        device.Statistics.TransmittedPackets++;
        device.Statistics.TransmittedBytes += (ulong)packet.WireLength;

        if (device.Bridge is { } bridge)
        {
            stack.Bridging.TransmitFromHost(bridge, packet);
        }
        else if (device.Vlan is { } vlan && device.Lower is { } lower)
        {
            packet.StoreTag();
            packet.Tag = new VlanTag(vlan.Protocol, (ushort)(EgressPriority(vlan, packet.Priority) << 13 | vlan.Id));
            return lower.Kernel.Stack.Link.Transmit(lower, packet);
        }
        else if (device is { KindState: MacvlanState macvlan, Lower: { } below })
        {
            return MacvlanForwarding.Transmit(device, macvlan, below, packet);
        }
        else if (device.KindState is VxlanState vxlan)
        {
            return stack.Vxlan.Transmit(device, vxlan, packet);
        }
        else if (device.KindState is BondState bond)
        {
            return stack.Bonding.Transmit(device, bond, packet);
        }
        else if (device.IsLoopback || device.KindState is VrfState)
        {
            packet.Type = PacketType.Host;
            packet.IsLocal = false;
            stack.Kernel.Queue.Post(() => Receive(device, packet));
        }
        else if (device.Peer is { } peer)
        {
            return SendToPeer(device, peer, packet);
        }
        else if (device.Datapath is Wire { Send: { } send })
        {
            send(packet);
        }
        else if (device.Cable is { } cable)
        {
            cable(packet.ToWire());
        }
        else
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, LinkKinds.CarriesPackets(device.Kind)
                ? $"{device.Name} leads nowhere"
                : $"{device.Name}: packets through a {device.Kind} are not modelled");
        }

        return true;
    }

    /// <summary>A frame arrives at a device (netif_receive_skb); its ethernet header stands before the network header.</summary>
    public void Receive(NetworkDevice device, Packet packet) => Receive(device, packet, isClassified: false);

    /// <summary>A frame climbs from a bridge's port to the bridge device: for whom it is was decided when it came in.</summary>
    public void PassUp(NetworkDevice bridge, Packet packet) => Receive(bridge, packet, isClassified: true);

    private void Receive(NetworkDevice device, Packet packet, bool isClassified)
    {
        if (!Passes(device, packet))
        {
            device.Statistics.ReceiveDropped++;
            return;
        }

        if (!isClassified)
        {
            ClassifyFor(device, packet);
        }

        Count(device, packet);
        Climb(device, packet, device);
    }

    /// <summary>A frame that is on its way up comes in by another device at once (netif_receive_skb).</summary>
    public void PassOn(NetworkDevice device, Packet packet)
    {
        if (Passes(device, packet))
        {
            Climb(device, packet, device);
        }
    }

    /// <summary>A frame comes in by a device that stands on another one, or again by the one it left by (netif_rx): when what is under way is done. Its type and the device's counters are the caller's.</summary>
    public void Enqueue(NetworkDevice device, Packet packet) => stack.Kernel.Queue.Post(() =>
    {
        using Time.SimulationQueue.Call call = stack.Kernel.Enter();
        if (Passes(device, packet))
        {
            Climb(device, packet, device);
        }
    });

    /// <summary>A frame has come in by a device and looks for its receiver: packet sockets, ingress rules, what stands on the device, the protocols (__netif_receive_skb_core).</summary>
    /// <param name="device">Where it is now.</param>
    /// <param name="packet">The frame.</param>
    /// <param name="origin">Where it came in: sockets there for its protocol see it, wherever it ends.</param>
    private void Climb(NetworkDevice device, Packet packet, NetworkDevice origin)
    {
        if (device.Kernel != stack.Kernel)
        {
            // What stands on a device may be in another namespace.
            device.Kernel.Stack.Link.Climb(device, packet, origin);
            return;
        }

        packet.InputInterface = device.Index;
        packet.Tell(StoryKind.Device, TraceLevel.Minimal, stack.HostName, device.Name);
        Tap?.Invoke(device, packet, false);
        if (!packet.TakeTag())
        {
            return;
        }

        stack.PacketSockets.DeliverToAll(device, packet);
        if (!stack.Filters.Arrives(device, packet))
        {
            return;
        }

        if (!stack.Hooks.IsEmpty(HookFamily.Netdev, Hook.NetdevIngress, device)
            && stack.Hooks.Run(new HookContext(stack, HookFamily.Netdev, Hook.NetdevIngress, packet, device, null)) != HookVerdict.Accept)
        {
            return;
        }

        if (packet.Tag is { } tag && FindVlan(device, tag) is { } vlan)
        {
            ClimbVlan(vlan, tag, packet, origin);
            return;
        }

        if (device.Port is { } port && packet.Type != PacketType.Loopback)
        {
            stack.Bridging.Receive(port, packet);
            return;
        }

        NetworkDevice? next = device.Master is { KindState: BondState bond } master ? stack.Bonding.Receive(device, master, bond, packet)
            : MacvlanForwarding.HasAny(device) ? stack.Macvlans.Receive(device, packet)
            : device;
        if (next is not null && next != device)
        {
            Climb(next, packet, origin);
        }
        else if (next is not null)
        {
            DeliverUp(device, packet, origin);
        }
    }

    private void ClimbVlan(NetworkDevice vlan, VlanTag tag, Packet packet, NetworkDevice origin)
    {
        if (!vlan.IsUp)
        {
            vlan.Statistics.ReceiveDropped++;
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"{vlan.Name} is down");
            return;
        }

        packet.Priority = vlan.Vlan!.IngressMap[tag.Priority];
        packet.Tag = null;
        if (packet.Type == PacketType.OtherHost)
        {
            ClassifyFor(vlan, packet);
        }

        Count(vlan, packet);
        Climb(vlan, packet, origin);
    }

    /// <summary>A frame goes to the protocols of this machine.</summary>
    public void DeliverUp(NetworkDevice device, Packet packet) => DeliverUp(device, packet, device);

    private void DeliverUp(NetworkDevice device, Packet packet, NetworkDevice origin)
    {
        if (packet.Tag is { } tag)
        {
            if (tag.Id != 0)
            {
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"VLAN {tag.Id} has no device on {device.Name}");
                packet.Type = PacketType.OtherHost;
            }

            packet.Tag = null;
        }

        origin.Kernel.Stack.PacketSockets.Deliver(origin, packet, outgoing: false);
        if (device != origin)
        {
            stack.PacketSockets.Deliver(device, packet, outgoing: false);
        }

        switch (packet.Protocol)
        {
            case EtherType.Arp:
                stack.Arp.Receive(device, packet);
                break;
            case EtherType.Ipv4:
                stack.Ipv4.Receive(device, packet);
                break;
            case EtherType.Ipv6:
                stack.Ipv6.Receive(device, packet);
                break;
            default:
                packet.Tell(StoryKind.Dropped, TraceLevel.Summary, stack.HostName, $"no handler for protocol 0x{packet.Protocol:x4}");
                break;
        }
    }

    /// <summary>Whose VLAN device takes a tag of this device.</summary>
    public static NetworkDevice? FindVlan(NetworkDevice device, VlanTag tag)
    {
        foreach (NetworkDevice upper in device.Uppers)
        {
            if (upper.Vlan is { } vlan && vlan.Id == tag.Id && vlan.Protocol == tag.Protocol)
            {
                return upper;
            }
        }

        return null;
    }

    private bool Passes(NetworkDevice device, Packet packet)
    {
        if (!device.IsUp || !device.HasCarrier)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, device.IsUp ? $"{device.Name} has no carrier" : $"{device.Name} is down");
            return false;
        }

        if (++packet.Hops > MaximumHops)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"{InCircles} ({MaximumHops} devices passed)");
            return false;
        }

        return true;
    }

    /// <summary>To the other end of a veth pair: another queue, often another machine.</summary>
    private bool SendToPeer(NetworkDevice device, NetworkDevice peer, Packet packet)
    {
        if (!peer.IsUp || packet.WireLength > peer.Mtu + Packet.EthernetSize + VlanTag.Size)
        {
            device.Statistics.TransmitDropped++;
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, peer.IsUp ? $"larger than the MTU {peer.Mtu} of {peer.Name}" : $"the peer {peer.Name} is down");
            return false;
        }

        packet.Scrub(peer.Kernel != device.Kernel);
        NetworkStack other = peer.Kernel.Stack;
        stack.Kernel.Queue.Post(() =>
        {
            using Time.SimulationQueue.Call call = peer.Kernel.Enter();
            other.Link.Receive(peer, packet);
        });
        return true;
    }

    /// <summary>For whom a frame is, by its destination and the device's MAC (eth_type_trans).</summary>
    public static void ClassifyFor(NetworkDevice device, Packet packet)
    {
        MacAddress destination = packet.Destination;
        packet.Type = destination.IsBroadcast ? PacketType.Broadcast
            : destination.IsMulticast ? PacketType.Multicast
            : device.IsLoopback || destination == MacAddress.Read(device.HardwareAddress) ? PacketType.Host
            : PacketType.OtherHost;
    }

    /// <summary>A frame came in by a device.</summary>
    public static void Count(NetworkDevice device, Packet packet)
    {
        device.Statistics.ReceivedPackets++;
        device.Statistics.ReceivedBytes += (ulong)packet.WireLength;
        if (packet.Type == PacketType.Multicast)
        {
            device.Statistics.Multicast++;
        }
    }

    private static uint EgressPriority(VlanOptions vlan, uint priority)
    {
        foreach ((uint from, uint to) in vlan.EgressMap)
        {
            if (from == priority)
            {
                return to & 7;
            }
        }

        return 0;
    }
}

/// <summary>Where frames of a physical device go, with all that is known of them; kept in <see cref="NetworkDevice.Datapath"/>.</summary>
internal sealed class Wire
{
    public Action<Packet>? Send { get; set; }
}
