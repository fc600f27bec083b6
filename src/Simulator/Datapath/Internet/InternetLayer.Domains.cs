using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Link;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <content>Packets in and out of a VRF (drivers/net/vrf.c): they pass its device too, and its hooks.</content>
internal abstract partial class InternetLayer
{
    /// <summary>A packet came in by a device of a VRF and has met prerouting there: from here on the VRF's device is the one it came in by. Null: it was dropped.</summary>
    private NetworkDevice? EnterDomain(NetworkDevice device, Packet packet)
    {
        if (device.Master is not { } master || RoutingDomain.Of(device) != master)
        {
            return device;
        }

        bool isForLink = !KeepsDeviceForLink(packet, out bool isDiscovery);
        if (!isDiscovery)
        {
            packet.DomainInterface = device.Index;
            packet.InputInterface = master.Index;
        }

        if (packet.Type == PacketType.Loopback || (isForLink && !isDiscovery))
        {
            packet.Type = packet.Type == PacketType.Loopback ? PacketType.Host : packet.Type;
            return master;
        }

        if (!isDiscovery)
        {
            DeviceLayer.Count(master, packet);
            Stack.PacketSockets.DeliverToAll(master, packet);
            packet.Tell(StoryKind.Device, TraceLevel.Minimal, Stack.HostName, master.Name);
        }

        return Stack.Hooks.Run(Stack, Family, Hook.Prerouting, packet, master, null) ? isDiscovery ? device : master : null;
    }

    /// <summary>True where the packet is for anybody; false where its destination means something on its link only. Neighbour discovery stays with the device it came in by.</summary>
    protected abstract bool KeepsDeviceForLink(Packet packet, out bool isDiscovery);

    /// <summary>A local packet leaves by a device of a VRF: output and postrouting see it leave by the VRF's device first, without its connection (vrf_l3_out). False: it was dropped there.</summary>
    private bool PassDomainOutput(Packet packet, RouteDecision route)
    {
        if (RoutingDomain.Of(route.Device) is not { } master || master == route.Device || !KeepsDeviceForLink(packet, out _))
        {
            return true;
        }

        (Connection? connection, ConnectionInfo info, bool untracked) = (packet.Connection, packet.ConnectionInfo, packet.Untracked);
        if (connection is null)
        {
            packet.Untracked = true;
            packet.ConnectionInfo = ConnectionInfo.Untracked;
        }

        packet.Route = route with { Device = master };
        bool passes = Stack.Hooks.Run(Stack, Family, Hook.Output, packet, null, master) && Stack.Hooks.Run(Stack, Family, Hook.Postrouting, packet, null, master);
        packet.Route = route;
        (packet.Connection, packet.ConnectionInfo, packet.Untracked) = (connection, info, untracked);
        return passes;
    }
}
