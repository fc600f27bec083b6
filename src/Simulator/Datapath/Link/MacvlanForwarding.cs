using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>
/// Several devices on one link, each with a MAC of its own (drivers/net/macvlan.c). Which of them hear each other is their mode: in bridge mode
/// they reach each other inside the machine, in VEPA mode only by a switch that sends frames back, in private mode not at all; a single passthru
/// device takes all that comes in; one in source mode hears the senders it lists.
/// </summary>
internal sealed class MacvlanForwarding(NetworkStack stack)
{
    /// <summary>Frames to 01:80:c2:00:00:01 stop the link's other end for a while; they are for nobody above.</summary>
    private const ushort PauseFrames = 0x8808;

    /// <summary>The macvlans that stand on a device (IFLA_LINK).</summary>
    private static IEnumerable<(NetworkDevice Device, MacvlanState State)> On(NetworkDevice lower)
    {
        foreach (NetworkDevice upper in lower.Uppers)
        {
            if (upper.KindState is MacvlanState state)
            {
                yield return (upper, state);
            }
        }
    }

    /// <summary>A macvlan stands on the device.</summary>
    public static bool HasAny(NetworkDevice lower)
    {
        foreach (NetworkDevice upper in lower.Uppers)
        {
            if (upper.KindState is MacvlanState)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A frame came in by the device below (macvlan_handle_frame): which device has it now, the device below itself or one that stands on it; null where it is dealt with.</summary>
    public NetworkDevice? Receive(NetworkDevice lower, Packet packet)
    {
        MacAddress source = packet.Source, destination = packet.Destination;
        if (destination.IsMulticast)
        {
            if (HearListed(lower, packet, source))
            {
                return null;
            }

            (NetworkDevice Device, MacvlanState State)? sender = Find(lower, source);
            if (sender is { State.Mode: not (MacvlanState.Vepa or MacvlanState.Bridge) } own)
            {
                // A frame of a private or passthru device that a switch sent back goes to that device alone.
                packet.Type = destination.IsBroadcast ? PacketType.Broadcast : PacketType.Multicast;
                PassTo(own.Device, packet);
                return null;
            }

            uint hearers = sender switch
            {
                null => MacvlanState.Private | MacvlanState.Vepa | MacvlanState.Passthrough | MacvlanState.Bridge,
                { State.Mode: MacvlanState.Vepa } => MacvlanState.Vepa | MacvlanState.Bridge,

                // Those in bridge mode have heard it on its way out.
                _ => MacvlanState.Vepa,
            };
            Broadcast(lower, packet, sender?.Device, hearers);
            return lower;
        }

        if (HearListed(lower, packet, source))
        {
            return null;
        }

        (NetworkDevice Device, MacvlanState State)? found = On(lower).Any(static upper => upper.State.Mode == MacvlanState.Passthrough) ? On(lower).First() : Find(lower, destination);
        if (found is not { State.Mode: not MacvlanState.Source } target)
        {
            return lower;
        }

        if (!target.Device.IsUp)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"{target.Device.Name} is down");
            return null;
        }

        packet.Type = PacketType.Host;
        DeviceLayer.Count(target.Device, packet);
        return target.Device;
    }

    /// <summary>A frame leaves by one of the devices (macvlan_queue_xmit).</summary>
    public static bool Transmit(NetworkDevice device, MacvlanState state, NetworkDevice lower, Packet packet)
    {
        if (state.Mode == MacvlanState.Bridge)
        {
            if (packet.Destination.IsMulticast)
            {
                Broadcast(lower, packet, device, MacvlanState.Bridge);
            }
            else if (Find(lower, packet.Destination) is { State.Mode: MacvlanState.Bridge })
            {
                // It comes in by the device below, whose taps see it, and goes up from there.
                packet.Scrub(lower.Kernel != device.Kernel);
                DeviceLayer.ClassifyFor(lower, packet);
                lower.Kernel.Stack.Link.Enqueue(lower, packet);
                return true;
            }
        }

        return lower.Kernel.Stack.Link.Transmit(lower, packet);
    }

    private static void Broadcast(NetworkDevice lower, Packet packet, NetworkDevice? sender, uint modes)
    {
        if (packet.Protocol == PauseFrames)
        {
            return;
        }

        MacAddress destination = packet.Destination;
        foreach ((NetworkDevice device, MacvlanState state) in On(lower))
        {
            if (device == sender || !device.IsUp || (state.Mode & modes) == 0 || !ListensTo(device, destination))
            {
                continue;
            }

            Packet copy = packet.Clone();
            if (modes == MacvlanState.Bridge)
            {
                copy.Scrub(device.Kernel != sender?.Kernel);
            }

            copy.Type = destination.IsBroadcast ? PacketType.Broadcast : PacketType.Multicast;
            PassTo(device, copy);
        }
    }

    /// <summary>Gives a copy to the devices in source mode that list the sender (macvlan_forward_source). True: one of them keeps what it hears to itself.</summary>
    private static bool HearListed(NetworkDevice lower, Packet packet, MacAddress sender)
    {
        bool keeps = false;
        foreach ((NetworkDevice device, MacvlanState state) in On(lower))
        {
            if (!state.Sources.Contains(sender))
            {
                continue;
            }

            keeps |= (state.Flags & MacvlanState.NoDestination) != 0;
            if (device.IsUp)
            {
                Packet copy = packet.Clone();
                copy.Type = packet.Destination == MacAddress.Read(device.HardwareAddress) ? PacketType.Host : packet.Type;
                PassTo(device, copy);
            }
        }

        return keeps;
    }

    private static void PassTo(NetworkDevice device, Packet packet)
    {
        DeviceLayer.Count(device, packet);
        device.Kernel.Stack.Link.Enqueue(device, packet);
    }

    /// <summary>The device below hands frames to those that are up only (macvlan_hash_lookup).</summary>
    private static (NetworkDevice Device, MacvlanState State)? Find(NetworkDevice lower, MacAddress mac)
    {
        foreach ((NetworkDevice device, MacvlanState state) in On(lower))
        {
            if (device.IsUp && MacAddress.Read(device.HardwareAddress) == mac)
            {
                return (device, state);
            }
        }

        return null;
    }

    private static bool ListensTo(NetworkDevice device, MacAddress group) =>
        group.IsBroadcast || (device.Flags & (DeviceFlags.Promiscuous | DeviceFlags.AllMulticast)) != 0
        || device.AllMulticast != 0 || ReceiveFilter.Multicast(device).Any(joined => MacAddress.Read(joined) == group);
}
