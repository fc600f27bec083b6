using System.Diagnostics.CodeAnalysis;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>What is IPv4's own (net/ipv4/ip_input.c, ip_forward.c, ip_output.c, route.c): martians and reverse paths, broadcasts, cutting on the way.</summary>
internal sealed class Ipv4Layer(NetworkStack stack) : InternetLayer(stack)
{
    private const uint AllHosts = 0xe0000001;
    private const uint Bulk = 2, InteractiveBulk = 4, Interactive = 6;

    private readonly Reassembler _reassembler = new(stack);
    private readonly RateLimit _routeErrors = new(burst: 5);
    private readonly Icmpv4Layer _icmp = new(stack);
    private ushort _identification;

    public override byte Family => InternetAddress.V4;

    public override IcmpLayer Icmp => _icmp;

    /// <summary>ip_route_input.</summary>
    public override bool RouteInput(NetworkDevice device, InternetAddress source, InternetAddress destination, uint mark, out RouteDecision? route, byte service = 0, uint flowLabel = 0)
    {
        route = null;
        uint from = (uint)source.Value, to = (uint)destination.Value;
        bool isMartian = Ipv4.IsMulticast(from) || from == Ipv4.Broadcast;
        bool toEverybody = to == Ipv4.Broadcast || (from == 0 && to == 0);
        if (!isMartian && !toEverybody)
        {
            isMartian = Ipv4.IsZeroNetwork(from) || Ipv4.IsZeroNetwork(to)
                || ((Ipv4.IsLoopback(from) || Ipv4.IsLoopback(to)) && !device.IsLoopback && !Stack.Flag(device, "route_localnet"));
        }

        if (isMartian || toEverybody)
        {
            route = new RouteDecision(RouteType.Broadcast, device, null, null, null);
            return !isMartian;
        }

        if (Ipv4.IsMulticast(to))
        {
            route = new RouteDecision(RouteType.Multicast, device, null, null, null);
            return true;
        }

        route = Stack.Routing.Find(new RouteQuery(destination) { Source = source, Input = device, Mark = mark, TypeOfService = service });
        if (route is null || (route.Type == RouteType.Unicast && !Stack.IsForwarding(device)))
        {
            route = null;
            return false;
        }

        return IsSourceValid(device, source, destination, mark, service);
    }

    protected override string? Refuses(NetworkDevice device, Packet packet)
    {
        if (packet.NetworkLength < Ipv4Header.MinimumSize || !packet.Ipv4.IsValid)
        {
            return "malformed IPv4 header";
        }

        packet.TrimNetwork(packet.Ipv4.TotalLength);
        return null;
    }

    /// <summary>Off is the default (conf/all/accept_source_route), and following a route of the sender's is not known here (ip_rcv_options).</summary>
    protected override string? RefusesToRoute(Packet packet) => HasSourceRoute(packet.Ipv4.Options) ? "source routes are not accepted" : null;

    private static bool HasSourceRoute(ReadOnlySpan<byte> options)
    {
        const byte End = 0, NoOperation = 1, Loose = 131, Strict = 137;
        while (options.Length > 1 && options[0] != End)
        {
            if (options[0] is Loose or Strict)
            {
                return true;
            }

            options = options[(options[0] == NoOperation ? 1 : Math.Clamp((int)options[1], 2, options.Length))..];
        }

        return false;
    }

    protected override bool TellsOfMissingRoute(NetworkDevice device) => Stack.IsForwarding(device);

    /// <summary>Five at once, then one in a second, whatever ICMP's own limits say (ip_error).</summary>
    protected override bool MayTellOfRoute(InternetAddress sender) => _routeErrors.Allows(sender, TimeSpan.FromSeconds(1), Stack.Kernel.Clock.GetTimestamp());

    protected override IcmpReason ReasonOf(RouteType unreachable) => unreachable == RouteType.Prohibit ? IcmpReason.Prohibited : IcmpReason.HostUnreachable;

    protected override bool IsListening(NetworkDevice device, InternetAddress group) => (uint)group.Value == AllHosts || Stack.Vxlan.IsInGroup(device, group);

    protected override bool KeepsDeviceForLink(Packet packet, out bool isDiscovery)
    {
        isDiscovery = false;
        uint destination = packet.Ipv4.Destination;
        return !Ipv4.IsMulticast(destination) && (!packet.IsLocal || destination != Ipv4.Broadcast);
    }

    protected override bool MaySendUnspecified(Packet packet) => false;

    protected override bool MaySendFrom(InternetAddress source) => Stack.Routing.IsOwn(source);

    protected override void DeliverLocal(NetworkDevice device, Packet packet)
    {
        if (packet.Ipv4.IsFragment)
        {
            if (_reassembler.Take(packet) != FragmentFate.Whole)
            {
                return;
            }
        }

        packet.LocateTransport();
        Stack.Tcp.Demultiplex(packet);
        if (Stack.Hooks.Run(Stack, Family, Hook.Input, packet, device, null))
        {
            HandToProtocol(device, packet);
        }
    }

    protected override bool Pass(NetworkDevice device, Packet packet, RouteDecision route)
    {
        Ipv4Header header = packet.Ipv4;
        if (header.TimeToLive <= 1)
        {
            Drop(packet, "time to live exceeded");
            Icmp.SendError(packet, device, IcmpReason.HopLimitExceeded);
            return false;
        }

        if (header.DontFragment && packet.NetworkLength > route.Mtu && packet.LargestFragment == 0)
        {
            TooBig(packet, device, route);
            return false;
        }

        if (route.Device == device && Stack.Flag(device, "send_redirects") && IsOnLink(device, header.Source, route))
        {
            // The sender could have reached the next hop itself.
            _icmp.SendRedirect(packet, device, route.NextHop(packet.DestinationAddress));
        }

        header.TimeToLive--;
        header.Checksum = InternetChecksum.Lowered(header.Checksum);

        // Whatever rules have written: what passes through has the priority of its type of service (ip_tos2prio).
        packet.Priority = (header.TypeOfService & 0x18) switch { 0x08 => Bulk, 0x10 => Interactive, 0x18 => InteractiveBulk, _ => 0 };
        return true;
    }

    protected override void Identify(Packet packet)
    {
        Ipv4Header header = packet.Ipv4;
        if (header.Identification == 0 && !header.DontFragment)
        {
            header.Identification = ++_identification;
        }
    }

    protected override bool Finish(Packet packet, NetworkDevice? input, RouteDecision route)
    {
        uint mtu = packet.IsLocal ? MtuOf(route, packet.DestinationAddress) : route.Mtu;
        if (packet.NetworkLength <= mtu && packet.LargestFragment == 0)
        {
            Transmit(packet, route);
            return true;
        }

        if (packet.Ipv4.DontFragment && (packet.LargestFragment == 0 || packet.LargestFragment > mtu))
        {
            if (packet.IsLocal || input is null)
            {
                Drop(packet, $"larger than the MTU {mtu} of {route.Device.Name}, and may not be fragmented");
            }
            else
            {
                TooBig(packet, input, route);
            }

            return false;
        }

        TransmitAll(Fragmenter.Cut(packet, packet.LargestFragment == 0 ? (int)mtu : Math.Min((int)mtu, packet.LargestFragment)), route);
        return true;
    }

    protected override MacAddress GroupAddress(InternetAddress group) => new(0x01005e000000UL | (uint)group.Value & 0x7fffff);

    protected override bool RouteOutput(Packet packet, InternetAddress destination, InternetAddress? source, NetworkDevice? output, [NotNullWhen(true)] out RouteDecision? route)
    {
        if ((uint)destination.Value == Ipv4.Broadcast && output is not null)
        {
            route = new RouteDecision(RouteType.Broadcast, output, null, null, null);
            return true;
        }

        return base.RouteOutput(packet, destination, source, output, out route);
    }

    private void TooBig(Packet packet, NetworkDevice input, RouteDecision route)
    {
        Drop(packet, $"larger than the MTU {route.Mtu} of {route.Device.Name}, and may not be fragmented");
        Icmp.SendError(packet, input, IcmpReason.TooBig, route.Mtu);
    }

    private bool IsOnLink(NetworkDevice device, uint source, RouteDecision route)
    {
        foreach (InterfaceAddress address in Stack.Kernel.Addresses.Of(device, InternetAddress.V4))
        {
            if (InternetAddress.FromV4(source).IsIn(address.Address, address.PrefixLength)
                && (route.Gateway is not { } gateway || Stack.Flag(device, "shared_media") || gateway.IsIn(address.Address, address.PrefixLength)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Reverse path filter and martian sources (fib_validate_source).</summary>
    private bool IsSourceValid(NetworkDevice device, InternetAddress source, InternetAddress destination, uint mark, byte service)
    {
        if (device.IsLoopback)
        {
            return true;
        }

        int filter = Stack.Setting(device, "rp_filter");
        if (filter == 0)
        {
            return Stack.Kernel.Addresses.FindLocal(source) is null || Stack.Flag(device, "accept_local");
        }

        RouteDecision? back = Stack.Routing.Find(
            new RouteQuery(source) { Source = destination, Input = device, Mark = Stack.Flag(device, "src_valid_mark") ? mark : 0, TypeOfService = service });
        if (back is null)
        {
            return false;
        }

        if (back.Type != RouteType.Unicast && !(back.Type == RouteType.Local && Stack.Flag(device, "accept_local")))
        {
            return false;
        }

        return filter == 2 || back.Device == device || back.Device.Master == device || (back.Route is { } route && route.NextHops.Any(hop => hop.Device == device));
    }
}
