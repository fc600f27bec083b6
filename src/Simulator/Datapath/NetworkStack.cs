using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Datapath.Link;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Datapath.Transport;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Datapath;

/// <summary>
/// The moving half of one simulated kernel. A frame comes in by a device, climbs through the layers that are folders and
/// files here (device, bridge, VLAN, ARP, IPv4), meets the hooks on its way, and leaves by a device or ends in a socket.
/// All of it happens inside one call; only what crosses to another machine waits in the simulation's queue.
/// </summary>
internal sealed class NetworkStack : IDatapath
{
    public NetworkStack(SimulatedKernel kernel)
    {
        Kernel = kernel;
        Routing = new RouteLookup(kernel);
        Conntrack = new ConnectionTracker(kernel.Clock);
        Nat = new AddressTranslator(Conntrack, kernel.Random);
        Netfilter = new NetfilterHooks(this);
        Link = new DeviceLayer(this);
        PacketSockets = new PacketSockets(this);
        Bridging = new BridgeForwarding(this);
        Arp = new ArpLayer(this);
        Neighbours = new NeighbourResolver(this);
        Ipv4 = new Ipv4Layer(this);
        Icmp = new IcmpLayer(this);
        Udp = new UdpLayer(this);
        Tcp = new TcpLayer(this);
    }

    public SimulatedKernel Kernel { get; }

    public string HostName => Kernel.HostName;

    /// <summary>Base chains and the kernel's own functions by hook and priority.</summary>
    public HookTable Hooks { get; } = new();

    /// <summary>Switches connection tracking and address translation on where rules need them.</summary>
    public NetfilterHooks Netfilter { get; }

    public ConnectionTracker Conntrack { get; }

    public AddressTranslator Nat { get; }

    public RouteLookup Routing { get; }

    public DeviceLayer Link { get; }

    public PacketSockets PacketSockets { get; }

    public BridgeForwarding Bridging { get; }

    public ArpLayer Arp { get; }

    public NeighbourResolver Neighbours { get; }

    public Ipv4Layer Ipv4 { get; }

    public IcmpLayer Icmp { get; }

    public UdpLayer Udp { get; }

    public TcpLayer Tcp { get; }

    /// <summary>Begins stories for frames that come from packet sockets; null where nobody listens.</summary>
    public Func<string, PacketStory?>? StoryTeller { get; set; }

    /// <summary>The address that packets leaving by a device towards this packet's next hop carry (masquerade).</summary>
    public InternetAddress? SelectSource(NetworkDevice device, Packet packet) => packet.Protocol == EtherType.Ipv4
        ? Routing.SelectSource(device, packet.Route?.Gateway ?? InternetAddress.FromV4(packet.Ipv4.Destination))
        : FirstAddress(device, InternetAddress.V6);

    /// <summary>A device's first primary address.</summary>
    public InternetAddress? FirstAddress(NetworkDevice device, byte family)
    {
        foreach (InterfaceAddress address in Kernel.Addresses.Of(device, family))
        {
            if (!address.IsSecondary)
            {
                return address.Local;
            }
        }

        return null;
    }

    /// <summary>
    /// Where a packet that came in goes (ip_route_input). False: it is refused. Then <paramref name="route"/> is null where no
    /// route leads on, and what was found where the sender may not send so (martian, reverse path).
    /// </summary>
    public bool RouteInput(NetworkDevice device, InternetAddress source, InternetAddress destination, uint mark, out RouteDecision? route, byte service = 0)
    {
        route = null;
        uint from = (uint)source.Value, to = (uint)destination.Value;
        var broadcast = new RouteDecision(RouteType.Broadcast, device, null, null, null);
        if (Formats.Ipv4.IsMulticast(from) || from == Formats.Ipv4.Broadcast)
        {
            route = broadcast;
            return false;
        }

        if (to == Formats.Ipv4.Broadcast || (from == 0 && to == 0))
        {
            route = broadcast;
            return true;
        }

        if (Formats.Ipv4.IsZeroNetwork(from) || Formats.Ipv4.IsZeroNetwork(to)
            || ((Formats.Ipv4.IsLoopback(from) || Formats.Ipv4.IsLoopback(to)) && !device.IsLoopback && !Flag(device, "route_localnet")))
        {
            route = broadcast;
            return false;
        }

        if (Formats.Ipv4.IsMulticast(to))
        {
            route = new RouteDecision(RouteType.Multicast, device, null, null, null);
            return true;
        }

        route = Routing.Find(new RouteQuery(destination) { Source = source, Input = device, Mark = mark, TypeOfService = service });
        if (route is null || (route.Type == RouteType.Unicast && !IsForwarding(device)))
        {
            route = null;
            return false;
        }

        return IsSourceValid(device, source, destination, mark, service);
    }

    /// <summary>Reverse path filter and martian sources (fib_validate_source).</summary>
    private bool IsSourceValid(NetworkDevice device, InternetAddress source, InternetAddress destination, uint mark, byte service)
    {
        if (device.IsLoopback)
        {
            return true;
        }

        int filter = Setting(device, "rp_filter");
        if (filter == 0)
        {
            return Kernel.Addresses.FindLocal(source) is null || Flag(device, "accept_local");
        }

        RouteDecision? back = Routing.Find(new RouteQuery(source) { Source = destination, Input = device, Mark = Flag(device, "src_valid_mark") ? mark : 0, TypeOfService = service });
        if (back is null)
        {
            return false;
        }

        if (back.Type != RouteType.Unicast && !(back.Type == RouteType.Local && Flag(device, "accept_local")))
        {
            return false;
        }

        return filter == 2 || back.Device == device || (back.Route is { } route && route.NextHops.Any(hop => hop.Device == device));
    }

    /// <summary>A per-device IPv4 setting; the larger of the device's and that of "all".</summary>
    public int Setting(NetworkDevice device, string name) =>
        Math.Max(Kernel.Parameters.Number("net/ipv4/conf/all/" + name), Kernel.Parameters.Number($"net/ipv4/conf/{device.Name}/{name}"));

    public bool Flag(NetworkDevice device, string name) => Setting(device, name) != 0;

    /// <summary>Packets that come in by the device may leave by another.</summary>
    public bool IsForwarding(NetworkDevice device) => Kernel.Parameters.Number($"net/ipv4/conf/{device.Name}/forwarding") != 0
        || Kernel.Parameters.Number("net/ipv4/ip_forward") != 0;

    public PacketStory? BeginStory(Packet packet, string from) => packet.Story ?? StoryTeller?.Invoke(from);

    /// <summary>A neighbour's state or MAC changed by packets.</summary>
    public void OnNeighbourChanged(Neighbour neighbour) => Kernel.NeighbourControl.Notify(neighbour);

    /// <summary>A bridge learned, moved or forgot a MAC.</summary>
    public void OnForwardingEntryChanged(BridgeState bridge, ForwardingEntry entry, bool removed) =>
        Kernel.Bridges.NotifyEntry(bridge, entry, removed ? RTM_DELNEIGH : RTM_NEWNEIGH);

    /// <summary>A rule rejects a packet with an ICMP error.</summary>
    public void RejectWithIcmp(HookContext context, byte code)
    {
        if (context.Family == HookFamily.Ipv4 && MayAnswer(context.Packet))
        {
            Icmp.SendError(context.Packet, context.Input, IcmpType.DestinationUnreachable, code);
        }
    }

    /// <summary>A rule rejects a packet with a TCP reset.</summary>
    public void RejectWithReset(HookContext context)
    {
        Packet packet = context.Packet;
        if (context.Family == HookFamily.Ipv4 && packet.LocateTransport() && packet.TransportProtocol == IpProtocol.Tcp && packet.FragmentOffset == 0
            && MayAnswer(packet))
        {
            Tcp.SendReset(packet, attach: true);
        }
    }

    /// <summary>A received packet is rejected with an answer only where its own checksum is right (nf_reject_verify_csum).</summary>
    private static bool MayAnswer(Packet packet)
    {
        if (packet.IsLocal || !packet.LocateTransport() || packet.Ipv4.IsFragment)
        {
            return packet.IsLocal || packet.FragmentOffset == 0;
        }

        Ipv4Header ip = packet.Ipv4;
        return ip.Protocol switch
        {
            IpProtocol.Tcp => new TcpHeader(packet.Transport).IsValid(ip.Source, ip.Destination),
            IpProtocol.Udp => new UdpHeader(packet.Transport).IsValid(ip.Source, ip.Destination),
            IpProtocol.Icmp => new IcmpHeader(packet.Transport).IsValid,
            _ => true,
        };
    }

    /// <summary>A rule sends a copy of a packet to another next hop (dup).</summary>
    public void Duplicate(HookContext context, InternetAddress gateway, NetworkDevice? device)
    {
        if (Routing.Find(new RouteQuery(gateway) { Output = device }) is not { } route)
        {
            return;
        }

        Packet copy = context.Packet.Clone();
        copy.Connection = null;
        copy.Untracked = true;
        copy.RemoveLinkHeader();
        Neighbours.Send(route.Device, gateway, copy);
    }

    /// <summary>A netdev rule sends a packet out by another device as it is (fwd, dup).</summary>
    public void ForwardTo(NetworkDevice device, Packet packet) => Link.Transmit(device, packet);

    void IDatapath.DeviceAdded(NetworkDevice device)
    {
        // Everything there is to know of a device is looked up when a packet meets it.
    }

    void IDatapath.DeviceRemoved(NetworkDevice device)
    {
        PacketSockets.DeviceDown(device);
        Nat.MasqueradeLost(device, null);
    }

    void IDatapath.DeviceChanged(NetworkDevice device)
    {
        if (!device.IsUp)
        {
            PacketSockets.DeviceDown(device);
            Nat.MasqueradeLost(device, null);
        }
    }

    void IDatapath.AddressAdded(InterfaceAddress address)
    {
        if (address.Local.Family == InternetAddress.V4 && address.Device.IsUp && Flag(address.Device, "arp_notify"))
        {
            Arp.Announce(address.Device, address.Local);
        }
    }

    void IDatapath.AddressRemoved(InterfaceAddress address) => Nat.MasqueradeLost(address.Device, address.Local);

    void IDatapath.NeighbourChanged(Neighbour neighbour) => Neighbours.Changed(neighbour);

    void IDatapath.Receive(NetworkDevice device, ReadOnlyMemory<byte> frame)
    {
        if (frame.Length >= Packet.EthernetSize)
        {
            Link.Receive(device, Packet.FromFrame(frame.Span));
        }
    }

    IPacketSocket IDatapath.OpenPacket(NetworkDevice device, ushort etherType) => PacketSockets.Open(device, etherType);

    IDisposable IDatapath.ReserveUdpPort(NetworkDevice device, ushort port) => Udp.Reserve(device, port);
}
