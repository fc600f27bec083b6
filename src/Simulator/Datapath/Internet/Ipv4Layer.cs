using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>
/// IPv4 in, through and out (net/ipv4/ip_input.c, ip_forward.c, ip_output.c), with the five hooks at their places: prerouting
/// before the route is looked up, input or forward after, output before local packets get their final route, postrouting last.
/// </summary>
internal sealed class Ipv4Layer(NetworkStack stack)
{
    private readonly Reassembler _reassembler = new(stack);
    private ushort _identification;

    /// <summary>A packet arrives at a device (ip_rcv).</summary>
    public void Receive(NetworkDevice device, Packet packet)
    {
        if (packet.Type == PacketType.OtherHost)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"frame is for {packet.Destination}, not for {device.Name}");
            return;
        }

        if (packet.NetworkLength < Ipv4Header.MinimumSize || !packet.Ipv4.IsValid)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "malformed IPv4 header");
            return;
        }

        packet.TrimNetwork(packet.Ipv4.TotalLength);
        packet.LocateTransport();
        if (stack.Hooks.Run(new HookContext(stack, HookFamily.Ipv4, Hook.Prerouting, packet, device, null)) == HookVerdict.Accept)
        {
            Route(device, packet);
        }
    }

    /// <summary>A packet of this machine's own sockets; source and destination stand in its header (ip_queue_xmit).</summary>
    public bool SendLocal(Packet packet, NetworkDevice? output = null)
    {
        Ipv4Header header = packet.Ipv4;
        InternetAddress destination = InternetAddress.FromV4(header.Destination);
        InternetAddress? source = header.Source == 0 ? null : InternetAddress.FromV4(header.Source);
        if (!RouteOutput(packet, destination, source, output, out RouteDecision? route))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"no route to {destination}");
            return false;
        }

        if (source is null)
        {
            if (stack.Routing.SourceFor(route, destination) is not { } chosen)
            {
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"no address to send from by {route.Device.Name}");
                return false;
            }

            header.Source = (uint)chosen.Value;
        }

        if (header.Identification == 0 && !header.DontFragment)
        {
            header.Identification = ++_identification;
        }

        header.UpdateChecksum();
        packet.LocateTransport();
        return Output(packet, route);
    }

    /// <summary>The source address a packet to <paramref name="destination"/> would have; null without a route.</summary>
    public InternetAddress? SourceFor(InternetAddress destination) =>
        stack.Routing.Find(new RouteQuery(destination)) is { } route ? stack.Routing.SourceFor(route, destination) : null;

    private static uint Address(InternetAddress address) => (uint)address.Value;

    /// <summary>Runs the output hook with a route already chosen, then sends; a rule that changed the packet gets it routed again.</summary>
    private bool Output(Packet packet, RouteDecision route)
    {
        packet.Route = route;
        packet.IsLocal = true;
        (uint destination, uint source, uint mark, byte service) = (packet.Ipv4.Destination, packet.Ipv4.Source, packet.Mark, packet.Ipv4.TypeOfService);
        if (stack.Hooks.Run(new HookContext(stack, HookFamily.Ipv4, Hook.Output, packet, null, route.Device)) != HookVerdict.Accept)
        {
            return false;
        }

        Ipv4Header header = packet.Ipv4;
        if (header.Destination != destination || header.Source != source || packet.Mark != mark || header.TypeOfService != service)
        {
            InternetAddress now = InternetAddress.FromV4(header.Destination);
            InternetAddress? from = stack.Kernel.Addresses.FindLocal(InternetAddress.FromV4(header.Source)) is null ? null : InternetAddress.FromV4(header.Source);
            if (!RouteOutput(packet, now, from, null, out RouteDecision? again))
            {
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"no route to {now}");
                return false;
            }

            packet.Route = route = again;
        }

        return Postroute(packet, null, route);
    }

    private bool RouteOutput(
        Packet packet, InternetAddress destination, InternetAddress? source, NetworkDevice? output, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out RouteDecision? route)
    {
        if (Address(destination) == Ipv4.Broadcast && output is not null)
        {
            route = new RouteDecision(RouteType.Broadcast, output, null, null, null);
            return true;
        }

        route = stack.Routing.Find(new RouteQuery(destination) { Source = source, Output = output, Mark = packet.Mark, TypeOfService = packet.Ipv4.TypeOfService });
        if (route is { Type: RouteType.Local })
        {
            route = route with { Device = stack.Kernel.Devices.Find(1)! };
        }

        if (route is { Type: not (RouteType.Blackhole or RouteType.Unreachable or RouteType.Prohibit) } && packet.Tells(TraceLevel.Summary))
        {
            packet.Tell(StoryKind.Decision, TraceLevel.Summary, stack.HostName, Describe(route, destination));
        }

        return route is { Type: not (RouteType.Blackhole or RouteType.Unreachable or RouteType.Prohibit) };
    }

    /// <summary>Decides where a received packet goes (ip_route_input).</summary>
    private void Route(NetworkDevice device, Packet packet)
    {
        Ipv4Header header = packet.Ipv4;
        InternetAddress source = InternetAddress.FromV4(header.Source), destination = InternetAddress.FromV4(header.Destination);
        if (!stack.RouteInput(device, source, destination, packet.Mark, out RouteDecision? route, header.TypeOfService))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName,
                route is null ? $"no route to {destination}" : $"{source} may not come in by {device.Name} (martian or reverse path)");
            if (route is null && stack.IsForwarding(device))
            {
                stack.Icmp.SendError(packet, device, IcmpType.DestinationUnreachable, IcmpType.NetworkUnreachableCode);
            }

            return;
        }

        packet.Route = route;
        if (packet.Tells(TraceLevel.Summary))
        {
            packet.Tell(StoryKind.Decision, TraceLevel.Summary, stack.HostName, Describe(route!, destination));
        }

        switch (route!.Type)
        {
            case RouteType.Local or RouteType.Broadcast:
                DeliverLocal(device, packet);
                break;

            case RouteType.Multicast:
                break;

            case RouteType.Unreachable:
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"route to {destination} is unreachable");
                stack.Icmp.SendError(packet, device, IcmpType.DestinationUnreachable, IcmpType.HostUnreachableCode);
                break;

            case RouteType.Prohibit:
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"route to {destination} is prohibited");
                stack.Icmp.SendError(packet, device, IcmpType.DestinationUnreachable, IcmpType.AdministrativelyProhibitedCode);
                break;

            case RouteType.Blackhole:
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"route to {destination} is a black hole");
                break;

            default:
                Forward(device, packet, route);
                break;
        }
    }

    private void DeliverLocal(NetworkDevice device, Packet packet)
    {
        if (packet.Ipv4.IsFragment)
        {
            if (_reassembler.Add(packet) is not { } whole)
            {
                return;
            }

            packet = whole;
        }

        packet.LocateTransport();
        if (stack.Hooks.Run(new HookContext(stack, HookFamily.Ipv4, Hook.Input, packet, device, null)) != HookVerdict.Accept)
        {
            return;
        }

        switch (packet.Ipv4.Protocol)
        {
            case IpProtocol.Icmp:
                stack.Icmp.Receive(device, packet);
                break;
            case IpProtocol.Udp:
                stack.Udp.Receive(device, packet);
                break;
            case IpProtocol.Tcp:
                stack.Tcp.Receive(device, packet);
                break;
            default:
                packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"nothing takes IP protocol {packet.Ipv4.Protocol}");
                stack.Icmp.SendError(packet, device, IcmpType.DestinationUnreachable, IcmpType.ProtocolUnreachableCode);
                break;
        }
    }

    private void Forward(NetworkDevice device, Packet packet, RouteDecision route)
    {
        if (packet.Type != PacketType.Host)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "a link broadcast is not forwarded");
            return;
        }

        Ipv4Header header = packet.Ipv4;
        if (header.TimeToLive <= 1)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, "time to live exceeded");
            stack.Icmp.SendError(packet, device, IcmpType.TimeExceeded, 0);
            return;
        }

        if (header.DontFragment && packet.NetworkLength > route.Device.Mtu)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"larger than the MTU {route.Device.Mtu} of {route.Device.Name}, and may not be fragmented");
            stack.Icmp.SendError(packet, device, IcmpType.DestinationUnreachable, IcmpType.FragmentationNeededCode, route.Device.Mtu);
            return;
        }

        header.TimeToLive--;
        header.UpdateChecksum();
        if (stack.Hooks.Run(new HookContext(stack, HookFamily.Ipv4, Hook.Forward, packet, device, route.Device)) == HookVerdict.Accept)
        {
            Postroute(packet, device, route);
        }
    }

    private bool Postroute(Packet packet, NetworkDevice? input, RouteDecision route)
    {
        packet.RemoveLinkHeader();
        if (stack.Hooks.Run(new HookContext(stack, HookFamily.Ipv4, Hook.Postrouting, packet, input, route.Device)) != HookVerdict.Accept)
        {
            return false;
        }

        NetworkDevice device = route.Device;
        if (packet.NetworkLength <= device.Mtu)
        {
            Transmit(packet, route);
            return true;
        }

        if (packet.Ipv4.DontFragment)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, $"larger than the MTU {device.Mtu} of {device.Name}, and may not be fragmented");
            if (!packet.IsLocal && input is not null)
            {
                stack.Icmp.SendError(packet, input, IcmpType.DestinationUnreachable, IcmpType.FragmentationNeededCode, device.Mtu);
            }

            return false;
        }

        foreach (Packet fragment in Fragmenter.Cut(packet, (int)device.Mtu))
        {
            Transmit(fragment, route);
        }

        return true;
    }

    private void Transmit(Packet packet, RouteDecision route)
    {
        uint destination = packet.Ipv4.Destination;
        if (route.Type == RouteType.Broadcast || destination == Ipv4.Broadcast)
        {
            packet.SetLinkHeader(MacAddress.Read(route.Device.BroadcastAddress), MacAddress.Read(route.Device.HardwareAddress), packet.Protocol);
            stack.Link.Transmit(route.Device, packet);
        }
        else if (Ipv4.IsMulticast(destination))
        {
            packet.SetLinkHeader(new MacAddress(0x01005e000000UL | destination & 0x7fffff), MacAddress.Read(route.Device.HardwareAddress), packet.Protocol);
            stack.Link.Transmit(route.Device, packet);
        }
        else
        {
            stack.Neighbours.Send(route.Device, route.NextHop(InternetAddress.FromV4(destination)), packet);
        }
    }

    private static string Describe(RouteDecision route, InternetAddress destination) => route.Type switch
    {
        RouteType.Local => $"route {destination}: local",
        RouteType.Broadcast => $"route {destination}: broadcast",
        RouteType.Unicast => $"route {destination}: {(route.Gateway is { } gateway ? $"via {gateway} " : "")}dev {route.Device.Name}",
        _ => $"route {destination}: {route.Type}".ToLowerInvariant(),
    };
}
