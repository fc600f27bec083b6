using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>What is IPv6's own (net/ipv6/ip6_input.c, ip6_output.c, exthdrs.c): scopes, groups, extension headers, cutting at the sender only.</summary>
internal sealed class Ipv6Layer(NetworkStack stack) : InternetLayer(stack)
{
    private const string Forwarding = "net/ipv6/conf/all/forwarding";

    private readonly Reassembler _reassembler = new(stack);
    private readonly Icmpv6Layer _icmp = new(stack);

    public override byte Family => InternetAddress.V6;

    public override IcmpLayer Icmp => _icmp;

    /// <summary>The groups every machine is in: all nodes, all routers where it is one, and one for each address ending.</summary>
    public static InternetAddress AllNodes { get; } = InternetAddress.Parse("ff02::1");

    public static InternetAddress AllRouters { get; } = InternetAddress.Parse("ff02::2");

    private static readonly InternetAddress AllRoutersOfSite = InternetAddress.Parse("ff05::2");

    /// <summary>The group that whoever has an address is in (RFC 4291, 2.7.1).</summary>
    public static InternetAddress SolicitedNode(InternetAddress address) =>
        new(InternetAddress.V6, ((UInt128)0xff02_0000_0000_0000 << 64) | 0x1_ff00_0000 | address.Value & 0xff_ffff);

    /// <summary>Addresses that mean something on their own link only: the route's device must be that link (rt6_need_strict).</summary>
    public static bool IsOfLink(InternetAddress address) => address.IsLinkLocal || (address.IsMulticast && SourceSelection.ScopeOf(address) <= 2);

    /// <summary>The machine takes packets through: everywhere, or from this device.</summary>
    public bool IsRouter => Stack.Kernel.Parameters.Number(Forwarding) != 0;

    /// <summary>IPv6 is on, and not switched off on the device.</summary>
    public bool IsEnabled(NetworkDevice device) => device.Inet6 is not null
        && Stack.Kernel.Parameters.Number("net/ipv6/conf/", device.Name, "disable_ipv6") == 0;

    /// <summary>ip6_route_input.</summary>
    public override bool RouteInput(NetworkDevice device, InternetAddress source, InternetAddress destination, uint mark, out RouteDecision? route, byte service = 0, uint flowLabel = 0)
    {
        if (destination.IsMulticast)
        {
            route = new RouteDecision(RouteType.Multicast, device, null, null, null);
            return true;
        }

        route = Stack.Routing.Find(new RouteQuery(destination)
        {
            Source = source, Input = device, Mark = mark, TypeOfService = service, FlowLabel = flowLabel, Output = IsOfLink(destination) ? device : null,
        });
        return route is not null;
    }

    protected override string? Refuses(NetworkDevice device, Packet packet)
    {
        if (!IsEnabled(device))
        {
            return $"{device.Name} takes no IPv6";
        }

        if (packet.NetworkLength < Ipv6Header.Size || !packet.Ipv6.IsValid)
        {
            return "malformed IPv6 header";
        }

        InternetAddress source = packet.SourceAddress, destination = packet.DestinationAddress;
        if (source.IsMulticast || (destination.IsMulticast && (SourceSelection.ScopeOf(destination) == 0 || (SourceSelection.ScopeOf(destination) == 1 && !device.IsLoopback)))
            || ((source.IsLoopback || destination.IsLoopback) && !device.IsLoopback))
        {
            return $"{source} may not send to {destination} by {device.Name} (martian)";
        }

        packet.TrimNetwork(Ipv6Header.Size + packet.Ipv6.PayloadLength);
        return packet.Ipv6.NextHeader == IpProtocol.HopByHop && !ExtensionHeaders.Accept(this, device, packet, Ipv6Header.Size) ? "hop-by-hop options not understood" : null;
    }

    protected override bool TellsOfMissingRoute(NetworkDevice device) => true;

    protected override bool MayTellOfRoute(InternetAddress sender) => true;

    protected override IcmpReason ReasonOf(RouteType unreachable) => unreachable == RouteType.Prohibit ? IcmpReason.Prohibited : IcmpReason.NoRoute;

    protected override bool IsListening(NetworkDevice device, InternetAddress group)
    {
        if (group == AllNodes || (group == AllRoutersOfSite && device.IsInRoutersOfSite)
            || (group == AllRouters && Stack.Kernel.Parameters.Number("net/ipv6/conf/", device.Name, "forwarding") != 0) || Stack.Vxlan.IsInGroup(device, group))
        {
            return true;
        }

        foreach (InterfaceAddress address in Stack.Kernel.Addresses.Of(device, InternetAddress.V6))
        {
            if (SolicitedNode(address.Local) == group)
            {
                return true;
            }
        }

        return false;
    }

    protected override bool KeepsDeviceForLink(Packet packet, out bool isDiscovery)
    {
        isDiscovery = packet is { TransportProtocol: IpProtocol.Icmpv6, Transport: [>= Icmpv6Type.RouterSolicitation and <= Icmpv6Type.Redirect, ..] };
        return !IsOfLink(packet.DestinationAddress);
    }

    /// <summary>Duplicate detection asks as nobody.</summary>
    protected override bool MaySendUnspecified(Packet packet) => packet.TransportProtocol == IpProtocol.Icmpv6 && packet.DestinationAddress.IsMulticast;

    /// <summary>Only a socket's own bind asks whose the address is; a route's look-up does not.</summary>
    protected override bool MaySendFrom(InternetAddress source) => true;

    protected override void DeliverLocal(NetworkDevice device, Packet packet)
    {
        Stack.Tcp.Demultiplex(packet);
        if (!Stack.Hooks.Run(Stack, Family, Hook.Input, packet, device, null))
        {
            return;
        }

        if (packet.Ipv6.FindFragment(out _))
        {
            FragmentFate fate = _reassembler.Take(packet);
            if (fate == FragmentFate.Truncated)
            {
                Icmp.SendError(packet, device, Icmpv6Type.ParameterProblem, Icmpv6Type.IncompleteHeadersCode);
            }
            else if (fate == FragmentFate.Uneven)
            {
                Icmp.SendError(packet, device, Icmpv6Type.ParameterProblem, 0, 4);
            }

            if (fate != FragmentFate.Whole)
            {
                return;
            }
        }

        packet.LocateTransport();
        if (ExtensionHeaders.AcceptAll(this, device, packet))
        {
            HandToProtocol(device, packet);
        }
    }

    protected override void UnknownProtocol(NetworkDevice device, Packet packet)
    {
        if (packet.TransportProtocol == IpProtocol.Ipv6NoNext)
        {
            Drop(packet, "carries nothing");
            return;
        }

        Drop(packet, $"nothing takes IP protocol {packet.TransportProtocol}");
        packet.Ipv6.FindLastHeader(out int field);
        Icmp.SendError(packet, device, IcmpReason.ProtocolUnreachable, (uint)field);
    }

    protected override bool Pass(NetworkDevice device, Packet packet, RouteDecision route)
    {
        if (!IsRouter && Stack.Kernel.Parameters.Number("net/ipv6/conf/", device.Name, "force_forwarding") == 0)
        {
            Drop(packet, "this machine forwards no IPv6");
            return false;
        }

        if (packet.HopLimit <= 1)
        {
            Drop(packet, "hop limit exceeded");
            Icmp.SendError(packet, device, IcmpReason.HopLimitExceeded);
            return false;
        }

        InternetAddress source = packet.SourceAddress;
        if (route.Device == device)
        {
            if (!source.IsAny && (source.IsLinkLocal || Stack.Routing.Find(new RouteQuery(source)) is { Type: RouteType.Unicast, Gateway: null } back && back.Device == device))
            {
                Stack.NeighbourDiscovery.Redirect(device, packet, route.NextHop(packet.DestinationAddress));
            }
        }
        else if (source.IsAny || source.IsMulticast || source.IsLoopback)
        {
            Drop(packet, $"{source} is nobody to send for");
            return false;
        }
        else if (source.IsLinkLocal)
        {
            Drop(packet, $"{source} means nothing beyond {device.Name}");
            Icmp.SendError(packet, device, IcmpReason.BeyondScope);
            return false;
        }

        uint mtu = Math.Max(route.Mtu, Ipv6Header.MinimumMtu);
        if (packet.LargestFragment > mtu || (packet.LargestFragment == 0 && packet.NetworkLength > mtu))
        {
            Drop(packet, $"larger than the MTU {mtu} of {route.Device.Name}");
            Icmp.SendError(packet, device, IcmpReason.TooBig, mtu);
            return false;
        }

        packet.HopLimit--;
        return true;
    }

    protected override void Identify(Packet packet)
    {
        // An IPv6 packet has a number only when it is cut.
    }

    protected override bool Finish(Packet packet, NetworkDevice? input, RouteDecision route)
    {
        if (route.Device is { IsLoopback: false } device && !IsEnabled(device))
        {
            Drop(packet, $"{device.Name} sends no IPv6");
            return false;
        }

        int mtu = (int)Math.Max(Math.Min(packet.IsLocal ? MtuOf(route, packet.DestinationAddress) : route.Mtu, int.MaxValue), Ipv6Header.MinimumMtu);
        if (packet.NetworkLength <= mtu && (packet.LargestFragment == 0 || packet.NetworkLength <= packet.LargestFragment))
        {
            Transmit(packet, route);
            return true;
        }

        int largest = packet.LargestFragment == 0 ? mtu : Math.Min(mtu, packet.LargestPiece);
        TransmitAll(Fragmenter.CutV6(packet, largest, Stack.Kernel.Random.NextUInt32()), route);
        return true;
    }

    protected override MacAddress GroupAddress(InternetAddress group) => new(0x3333_0000_0000UL | (uint)group.Value);

    protected override bool RouteOutput(Packet packet, InternetAddress destination, InternetAddress? source, NetworkDevice? output, [NotNullWhen(true)] out RouteDecision? route)
    {
        if (destination.IsMulticast && output is not null)
        {
            route = new RouteDecision(RouteType.Multicast, output, null, null, null);
            return true;
        }

        return base.RouteOutput(packet, destination, source, output, out route);
    }
}
