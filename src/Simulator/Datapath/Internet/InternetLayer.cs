using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>What became of a packet that this machine's sockets sent.</summary>
internal enum SendOutcome
{
    Sent,

    /// <summary>No way leads to the destination, or there is no address to send from.</summary>
    NoRoute,

    /// <summary>Larger than the way carries, and not to be cut (EMSGSIZE).</summary>
    TooBig,

    /// <summary>A rule dropped it (EPERM).</summary>
    Refused,
}

/// <summary>
/// Packets of one family in, through and out, with the five hooks at their places: prerouting before the route is looked up,
/// input or forward after, output before local packets get their final route, postrouting last. What IPv4 and IPv6 judge
/// differently is left to them.
/// </summary>
internal abstract partial class InternetLayer(NetworkStack stack)
{
    /// <summary>AF_INET or AF_INET6.</summary>
    public abstract byte Family { get; }

    public abstract IcmpLayer Icmp { get; }

    protected NetworkStack Stack { get; } = stack;

    /// <summary>A packet arrives at a device (ip_rcv, ipv6_rcv).</summary>
    public void Receive(NetworkDevice device, Packet packet)
    {
        // Whoever sent it, on this machine too, has let go of it (skb_orphan).
        packet.Socket = null;
        if (packet.Type == PacketType.OtherHost)
        {
            Drop(packet, packet.MacOffset < 0 ? "frame is for another station" : $"frame is for {packet.Destination}, not for {device.Name}");
            return;
        }

        if (Refuses(device, packet) is { } reason)
        {
            Drop(packet, reason);
            return;
        }

        packet.LocateTransport();
        if (packet.Bridged is { IsInPrerouting: false, HasBeenRouted: false } bridged)
        {
            // The bridge took it through these hooks already (ip_sabotage_in).
            packet.Bridged = bridged with { HasBeenRouted = true };
            Route(device, packet);
        }
        else if (Stack.Hooks.Run(Stack, Family, Hook.Prerouting, packet, device, null) && EnterDomain(device, packet) is { } input)
        {
            Route(input, packet);
        }
    }

    /// <summary>A packet of this machine's own sockets; its destination, and its source where it is known, stand in its header (ip_queue_xmit).</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="output">The device it has to leave by; null for any.</param>
    /// <param name="dontFragment">It is refused where it is larger than the way carries.</param>
    /// <param name="asAnybody">Its source need not be an address of this machine (FLOWI_FLAG_ANYSRC): rules answer in the name of whom they reject for.</param>
    public SendOutcome SendLocal(Packet packet, NetworkDevice? output = null, bool dontFragment = false, bool asAnybody = false)
    {
        InternetAddress destination = packet.DestinationAddress;
        InternetAddress? source = packet.SourceAddress is { IsAny: false } given ? given : null;
        if (source is { } claimed && !asAnybody && !MaySendFrom(claimed))
        {
            Drop(packet, $"{claimed} is no address of this machine");
            return SendOutcome.NoRoute;
        }

        if (!RouteOutput(packet, destination, source, output, out RouteDecision? route))
        {
            Drop(packet, $"no route to {destination}");
            return SendOutcome.NoRoute;
        }

        if (source is null && !MaySendUnspecified(packet))
        {
            if (Stack.Sources.For(route, destination) is not { } chosen)
            {
                Drop(packet, $"no address to send from by {route.Device.Name}");
                return SendOutcome.NoRoute;
            }

            packet.SourceAddress = chosen;
        }

        Identify(packet);
        packet.UpdateHeaderChecksum();
        packet.LocateTransport();
        if (dontFragment && packet.NetworkLength > MtuOf(route, destination))
        {
            Drop(packet, $"larger than the MTU {MtuOf(route, destination)} of the way, and may not be fragmented");
            return SendOutcome.TooBig;
        }

        packet.Route = route;
        packet.IsLocal = true;
        KeepsDeviceForLink(packet, out bool isDiscovery);
        return PassDomainOutput(packet, route) && Stack.Hooks.Run(Stack, Family, Hook.Output, packet, null, route.Device) && Postroute(packet, null, isDiscovery ? route.Device : null)
            ? SendOutcome.Sent
            : SendOutcome.Refused;
    }

    /// <summary>A rule's copy of a packet goes out as if this machine had made it (nf_dup_ipv4): through output and postrouting, to the gateway the rule names.</summary>
    public void SendCopy(Packet copy, RouteDecision route, bool ages)
    {
        if (Family == InternetAddress.V4)
        {
            Ipv4Header header = copy.Ipv4;
            header.FragmentField |= Ipv4Header.DontFragmentFlag;
        }

        if (ages)
        {
            copy.HopLimit--;
        }

        copy.UpdateHeaderChecksum();
        copy.Route = route;
        if (Stack.Hooks.Run(Stack, Family, Hook.Output, copy, null, route.Device))
        {
            Postroute(copy, null, route.Device);
        }
    }

    /// <summary>A packet of a flowtable's connection goes to its next hop past everything (nf_flow_offload_forward).</summary>
    public void SendOffloaded(Packet packet, RouteDecision route)
    {
        packet.TrimNetwork(packet.IsIpv6 ? Ipv6Header.Size + packet.Ipv6.PayloadLength : packet.Ipv4.TotalLength);
        packet.HopLimit--;
        packet.UpdateHeaderChecksum();
        packet.TakeOn();
        packet.Route = route;
        Transmit(packet, route);
    }

    /// <summary>The source address a packet to <paramref name="destination"/> would have; null without a route.</summary>
    public InternetAddress? SourceFor(InternetAddress destination, NetworkDevice? output = null) =>
        Stack.Routing.FindOutput(new RouteQuery(destination) { Output = output }) is { } route ? Stack.Sources.For(route, destination) : null;

    /// <summary>A rule changed what a local packet's route hangs on: it is routed again (ip_route_me_harder). False: nothing leads there.</summary>
    public bool Reroute(Packet packet)
    {
        InternetAddress destination = packet.DestinationAddress, source = packet.SourceAddress;
        if (!RouteOutput(packet, destination, source, RoutingDomain.Of(packet.Route?.Device), out RouteDecision? again))
        {
            Drop(packet, $"no route to {destination}");
            return false;
        }

        packet.Route = again;
        return true;
    }

    /// <summary>What a local packet may be large on this way: the learned MTU, the route's, the device's.</summary>
    public uint MtuOf(RouteDecision route, InternetAddress destination) => Math.Min(route.Mtu, Stack.Exceptions.MtuTo(destination) ?? uint.MaxValue);

    /// <summary>The largest segment for a TCP connection to a destination, headers apart.</summary>
    public int SegmentSizeTo(InternetAddress destination, int headers) =>
        Stack.Routing.Find(new RouteQuery(destination)) is { } route ? (int)Math.Min(MtuOf(route, destination), 65535) - headers : 536;

    /// <summary>Where a packet that came in goes. False: it is refused; then the route is null where none leads on, and what was found where the sender may not send so.</summary>
    public abstract bool RouteInput(NetworkDevice device, InternetAddress source, InternetAddress destination, uint mark, out RouteDecision? route, byte service = 0, uint flowLabel = 0);

    /// <summary>Why a packet is dropped on arrival, or null; cuts what follows its end.</summary>
    protected abstract string? Refuses(NetworkDevice device, Packet packet);

    /// <summary>Why a packet that rules at prerouting have seen is dropped, wherever it is for; or null.</summary>
    protected virtual string? RefusesToRoute(Packet packet) => null;

    /// <summary>No route: whether the sender is told.</summary>
    protected abstract bool TellsOfMissingRoute(NetworkDevice device);

    /// <summary>Whether a sender may be told now that no route leads on.</summary>
    protected abstract bool MayTellOfRoute(InternetAddress sender);

    protected abstract IcmpReason ReasonOf(RouteType unreachable);

    /// <summary>To this machine's own protocols, over the input hook.</summary>
    protected abstract void DeliverLocal(NetworkDevice device, Packet packet);

    /// <summary>The packet goes to a group this machine is in by this device.</summary>
    protected abstract bool IsListening(NetworkDevice device, InternetAddress group);

    /// <summary>Whether a packet may pass through: hop limit, size, scopes; the hop limit is lowered.</summary>
    protected abstract bool Pass(NetworkDevice device, Packet packet, RouteDecision route);

    protected abstract bool MaySendUnspecified(Packet packet);

    /// <summary>Local packets may have this source; rules may have given it to what is answered.</summary>
    protected abstract bool MaySendFrom(InternetAddress source);

    /// <summary>Gives a packet its number among this machine's packets, where it needs one.</summary>
    protected abstract void Identify(Packet packet);

    /// <summary>The packet fits, or is cut, or may not be cut and goes back as an error (ip_finish_output).</summary>
    protected abstract bool Finish(Packet packet, NetworkDevice? input, RouteDecision route);

    protected abstract MacAddress GroupAddress(InternetAddress group);

    protected void Drop(Packet packet, string reason) => packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, Stack.HostName, reason);

    /// <summary>To the protocol that the transport header names.</summary>
    protected void HandToProtocol(NetworkDevice device, Packet packet)
    {
        switch (packet.TransportProtocol)
        {
            case IpProtocol.Icmp when Family == InternetAddress.V4:
            case IpProtocol.Icmpv6 when Family == InternetAddress.V6:
                Icmp.Receive(device, packet);
                break;
            case IpProtocol.Udp:
                Stack.Udp.Receive(device, packet);
                break;
            case IpProtocol.UdpLite:
                Stack.Udp.ReceiveLite(device, packet);
                break;
            case IpProtocol.Tcp:
                Stack.Tcp.Receive(device, packet);
                break;
            default:
                UnknownProtocol(device, packet);
                break;
        }
    }

    protected virtual void UnknownProtocol(NetworkDevice device, Packet packet)
    {
        Drop(packet, $"nothing takes IP protocol {packet.TransportProtocol}");
        Icmp.SendError(packet, device, IcmpReason.ProtocolUnreachable);
    }

    /// <summary>The pieces of a packet one after another; where one is dropped on the way out the rest isn't sent (ip_do_fragment, ip6_fragment).</summary>
    protected void TransmitAll(IEnumerable<Packet> fragments, RouteDecision route)
    {
        foreach (Packet fragment in fragments)
        {
            if (!Transmit(fragment, route))
            {
                return;
            }
        }
    }

    /// <summary>To the next hop, a group, or everybody on the link. False: the device dropped it.</summary>
    protected bool Transmit(Packet packet, RouteDecision route)
    {
        InternetAddress destination = packet.DestinationAddress;
        packet.RemoveLinkHeader();
        if (route.Type == RouteType.Broadcast || (destination.IsMulticast && !route.Device.IsLoopback))
        {
            MacAddress group = route.Type == RouteType.Broadcast ? MacAddress.Read(route.Device.BroadcastAddress) : GroupAddress(destination);
            packet.SetLinkHeader(group, MacAddress.Read(route.Device.HardwareAddress), packet.Protocol);
            return Stack.Link.Transmit(route.Device, packet);
        }

        return Stack.Neighbours.Send(route.Device, route.NextHop(destination), packet);
    }

    protected virtual bool RouteOutput(Packet packet, InternetAddress destination, InternetAddress? source, NetworkDevice? output, [NotNullWhen(true)] out RouteDecision? route)
    {
        route = Stack.Routing.FindOutput(new RouteQuery(destination) { Source = source, Output = output, Mark = packet.Mark, TypeOfService = packet.TrafficClass });
        if (route is null or { Type: RouteType.Blackhole or RouteType.Unreachable or RouteType.Prohibit })
        {
            return false;
        }

        if (route.Type == RouteType.Local)
        {
            route = route with { Device = RoutingDomain.Of(route.Device) ?? Stack.Kernel.Devices.Find(1)! };
        }
        else if (Stack.Exceptions.GatewayTo(destination) is { } nearer)
        {
            route = route with { Gateway = nearer };
        }

        if (packet.Tells(TraceLevel.Summary))
        {
            packet.Tell(StoryKind.Decision, TraceLevel.Summary, Stack.HostName, Describe(route, destination));
        }

        return true;
    }

    /// <summary>Decides where a received packet goes (ip_route_input).</summary>
    private void Route(NetworkDevice device, Packet packet)
    {
        InternetAddress source = packet.SourceAddress, destination = packet.DestinationAddress;
        if (device.IsLoopback && packet.Route is { Type: RouteType.Local } own && own.Device == device)
        {
            // What the machine sends to itself was routed when it left, whatever rules have made of its addresses since.
            DeliverLocal(device, packet);
            return;
        }

        if (RefusesToRoute(packet) is { } reason)
        {
            Drop(packet, reason);
            return;
        }

        if (!RouteInput(device, source, destination, packet.Mark, out RouteDecision? route, packet.TrafficClass, packet.IsIpv6 ? packet.Ipv6.FlowLabel : 0))
        {
            Drop(packet, route is null ? $"no route to {destination}" : $"{source} may not come in by {device.Name} (martian or reverse path)");
            if (route is null && TellsOfMissingRoute(device) && MayTellOfRoute(source))
            {
                Icmp.SendError(packet, device, IcmpReason.NoRoute);
            }

            return;
        }

        packet.Route = route;
        if (packet.Tells(TraceLevel.Summary))
        {
            packet.Tell(StoryKind.Decision, TraceLevel.Summary, Stack.HostName, Describe(route!, destination));
        }

        switch (route!.Type)
        {
            case RouteType.Local or RouteType.Broadcast or RouteType.Anycast:
                DeliverLocal(device, packet);
                break;

            case RouteType.Multicast when IsListening(device, destination):
                DeliverLocal(device, packet);
                break;

            case RouteType.Multicast:
                Drop(packet, $"nobody here listens to {destination}");
                break;

            case RouteType.Unreachable or RouteType.Prohibit:
                Drop(packet, $"route to {destination} is {(route.Type == RouteType.Prohibit ? "prohibited" : "unreachable")}");
                if (MayTellOfRoute(source))
                {
                    Icmp.SendError(packet, device, ReasonOf(route.Type));
                }

                break;

            case RouteType.Blackhole:
                Drop(packet, $"route to {destination} is a black hole");
                break;

            default:
                Forward(device, packet, route);
                break;
        }
    }

    private void Forward(NetworkDevice device, Packet packet, RouteDecision route)
    {
        if (packet.Type != PacketType.Host)
        {
            Drop(packet, "a link broadcast is not forwarded");
            return;
        }

        packet.IsSummed = false;
        packet.TakeOn();
        if (Pass(device, packet, route) && Stack.Hooks.Run(Stack, Family, Hook.Forward, packet, device, route.Device))
        {
            Postroute(packet, device);
        }
    }

    /// <param name="packet">The packet.</param>
    /// <param name="input">Where it came in; null for local packets.</param>
    /// <param name="own">The device that a copy and a message of neighbour discovery are made for: rules take them to have come in by it (skb->dev in ip_output).</param>
    private bool Postroute(Packet packet, NetworkDevice? input, NetworkDevice? own = null)
    {
        RouteDecision route = packet.Route!;
        return Stack.Hooks.Run(Stack, Family, Hook.Postrouting, packet, input ?? own, route.Device) && Finish(packet, input, route);
    }

    private static string Describe(RouteDecision route, InternetAddress destination) => route.Type switch
    {
        RouteType.Unicast => $"route {destination}: {(route.Gateway is { } gateway ? $"via {gateway} " : "")}dev {route.Device.Name}",
        _ => $"route {destination}: {route.Type}".ToLowerInvariant(),
    };
}
