using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Datapath.Link;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Datapath.Proxy;
using EucaNet.Simulator.Datapath.Traffic;
using EucaNet.Simulator.Datapath.Transport;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Datapath;

/// <summary>
/// The moving half of one simulated kernel. A frame comes in by a device, climbs through the layers that are folders and
/// files here (device, bridge, VLAN, ARP, IPv4, IPv6), meets the hooks on its way, and leaves by a device or ends in a socket.
/// All of it happens inside one call; only what crosses to another machine waits in the simulation's queue.
/// </summary>
internal sealed class NetworkStack : IDatapath
{
    public NetworkStack(SimulatedKernel kernel)
    {
        Kernel = kernel;
        Routing = new RouteLookup(kernel);
        Sources = new SourceSelection(kernel);
        Conntrack = new ConnectionTracker(kernel.Clock.Steady, kernel.Parameters, tracksDccp: !kernel.Profile.IsAtLeast(6, 17), keepsChallenged: kernel.Profile.KeepsChallengedConnections);
        Nat = new AddressTranslator(Conntrack, kernel.Random);
        Netfilter = new NetfilterHooks(this);
        SynProxy = new SynProxy(this);
        Link = new DeviceLayer(this);
        Filters = new TrafficFilters(this);
        Queues = new DeviceQueues(this);
        PacketSockets = new PacketSockets(this);
        Bridging = new BridgeForwarding(this);
        Snooping = new MulticastSnooping(this);
        Macvlans = new MacvlanForwarding(this);
        Vxlan = new VxlanTunnel(this);
        Bonding = new BondForwarding(this);
        Arp = new ArpLayer(this);
        Neighbours = new NeighbourResolver(this);
        NeighbourDiscovery = new NeighbourDiscovery(this);
        RouterDiscovery = new RouterDiscovery(this);
        Exceptions = new RouteExceptions(kernel);
        Ipv4 = new Ipv4Layer(this);
        Ipv6 = new Ipv6Layer(this);
        Udp = new UdpLayer(this);
        Tcp = new TcpLayer(this);
    }

    public SimulatedKernel Kernel { get; }

    public string HostName => Kernel.HostName;

    /// <summary>Base chains and the kernel's own functions by hook and priority.</summary>
    public HookTable Hooks { get; } = new();

    /// <summary>Switches connection tracking and address translation on where rules need them.</summary>
    public NetfilterHooks Netfilter { get; }

    /// <summary>Does handshakes in servers' stead, where a rule says so.</summary>
    public SynProxy SynProxy { get; }

    public ConnectionTracker Conntrack { get; }

    public AddressTranslator Nat { get; }

    public RouteLookup Routing { get; }

    public SourceSelection Sources { get; }

    /// <summary>What the network told about single destinations.</summary>
    public RouteExceptions Exceptions { get; }

    public DeviceLayer Link { get; }

    public TrafficFilters Filters { get; }

    public DeviceQueues Queues { get; }

    public PacketSockets PacketSockets { get; }

    public BridgeForwarding Bridging { get; }

    public MulticastSnooping Snooping { get; }

    public MacvlanForwarding Macvlans { get; }

    public VxlanTunnel Vxlan { get; }

    public BondForwarding Bonding { get; }

    /// <summary>br_netfilter, once it is loaded.</summary>
    public BridgeNetfilter? BridgeNetfilter { get; set; }

    public ArpLayer Arp { get; }

    public NeighbourResolver Neighbours { get; }

    public Ipv4Layer Ipv4 { get; }

    public Ipv6Layer Ipv6 { get; }

    public NeighbourDiscovery NeighbourDiscovery { get; }

    public RouterDiscovery RouterDiscovery { get; }

    public UdpLayer Udp { get; }

    public TcpLayer Tcp { get; }

    private bool _isDuplicating;
    private int _forwardDepth;

    /// <summary>Begins stories for frames that come from packet sockets; null where nobody listens.</summary>
    public Func<string, PacketStory?>? StoryTeller { get; set; }

    /// <summary>The address that packets leaving by a device towards this packet's next hop carry (masquerade).</summary>
    public InternetAddress? SelectSource(NetworkDevice device, Packet packet) => packet.IsIpv6
        ? Sources.SelectV6(device, packet.DestinationAddress)
        : Sources.SelectV4(device, packet.Route?.Gateway ?? packet.DestinationAddress);

    /// <summary>The layer of a family (AF_INET, AF_INET6).</summary>
    public InternetLayer Internet(byte family) => family == InternetAddress.V6 ? Ipv6 : Ipv4;

    /// <summary>A device's first primary address, of IPv6 the first that is surely its own and of the same scope.</summary>
    public InternetAddress? FirstAddress(NetworkDevice device, InternetAddress like)
    {
        foreach (InterfaceAddress address in Kernel.Addresses.Of(device, like.Family))
        {
            if (like.Family == InternetAddress.V6
                ? SourceSelection.IsUsable(address) && SourceSelection.ScopeOf(address.Local) == SourceSelection.ScopeOf(like)
                : !address.IsSecondary)
            {
                return address.Local;
            }
        }

        return null;
    }

    /// <summary>A per-device IPv4 setting; the larger of the device's and that of "all".</summary>
    public int Setting(NetworkDevice device, string name) =>
        Math.Max(Kernel.Parameters.Number("net/ipv4/conf/", "all", name), Kernel.Parameters.Number("net/ipv4/conf/", device.Name, name));

    public bool Flag(NetworkDevice device, string name) => Setting(device, name) != 0;

    /// <summary>Packets that come in by the device may leave by another.</summary>
    public bool IsForwarding(NetworkDevice device) => Kernel.Parameters.Number("net/ipv4/conf/", device.Name, "forwarding") != 0;

    public PacketStory? BeginStory(Packet packet, string from) => packet.Story ?? StoryTeller?.Invoke(from);

    /// <summary>A neighbour's state or MAC changed by packets.</summary>
    public void OnNeighbourChanged(Neighbour neighbour) => Kernel.NeighbourControl.Notify(neighbour);

    /// <summary>A bridge learned, moved or forgot a MAC.</summary>
    public void OnForwardingEntryChanged(BridgeState bridge, ForwardingEntry entry, bool removed) =>
        Kernel.Bridges.NotifyEntry(bridge, entry, removed ? RTM_DELNEIGH : RTM_NEWNEIGH);

    /// <summary>A rule sends a copy of a packet to another next hop (dup).</summary>
    public void Duplicate(HookContext context, InternetAddress gateway, NetworkDevice? device)
    {
        if (_isDuplicating || Routing.FindOutput(new RouteQuery(gateway) { Output = device }) is not { } route)
        {
            return;
        }

        Packet copy = context.Packet.Clone();
        copy.Connection = null;
        copy.Untracked = true;
        copy.ConnectionInfo = ConnectionInfo.Untracked;
        copy.SharesPieces = true;
        copy.RemoveLinkHeader();

        // Copies of what comes in may go round between two machines; copies of copies are not made.
        bool ages = context.Hook is Hook.Prerouting or Hook.Input;
        _isDuplicating = true;
        Internet(context.Family).SendCopy(copy, route.Route is null ? route : route with { Gateway = gateway }, ages);
        _isDuplicating = false;
    }

    /// <summary>A netdev rule sends a packet out by another device as it is (fwd, dup); what such rules send meets them again, three deep at most (NF_RECURSION_LIMIT).</summary>
    public void ForwardTo(NetworkDevice device, Packet packet)
    {
        const int Deepest = 3;
        if (_forwardDepth == Deepest)
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, HostName, "sent on by rules within rules too often");
            return;
        }

        _forwardDepth++;
        Link.Transmit(device, packet);
        _forwardDepth--;
    }

    void IDatapath.DeviceAdded(NetworkDevice device) => BridgeNetfilter?.DeviceAdded(device);

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
        if (address.Local.Family == InternetAddress.V6)
        {
            if (Kernel.Parameters.Number("net/ipv6/conf/", address.Device.Name, "ndisc_notify") != 0 && !address.Device.IsLoopback)
            {
                NeighbourDiscovery.Announce(address.Device, address.Local);
            }

            if (address.Local.IsLinkLocal)
            {
                RouterDiscovery.Begin(address);
            }
        }
        else if (address.Device.IsUp && Flag(address.Device, "arp_notify"))
        {
            Arp.Announce(address.Device, address.Local);
        }
    }

    void IDatapath.NotifyPeers(NetworkDevice device)
    {
        foreach (InterfaceAddress address in Kernel.Addresses.Of(device, InternetAddress.V4))
        {
            Arp.Announce(device, address.Local);
        }

        foreach (InterfaceAddress address in Kernel.Addresses.Of(device, InternetAddress.V6))
        {
            NeighbourDiscovery.Announce(device, address.Local);
        }
    }

    void IDatapath.ProbeAddress(InterfaceAddress address) => NeighbourDiscovery.Probe(address);

    void IDatapath.AddressRemoved(InterfaceAddress address) => Nat.MasqueradeLost(address.Device, address.Local);

    void IDatapath.NeighbourChanged(Neighbour neighbour) => Neighbours.Changed(neighbour);

    void IDatapath.Receive(NetworkDevice device, ReadOnlyMemory<byte> frame)
    {
        if (frame.Length >= Packet.EthernetSize)
        {
            Link.Receive(device, Packet.FromFrame(frame.Span));
        }
    }

    IPacketSocket IDatapath.OpenPacket(NetworkDevice device, ushort etherType, PacketFilter? filter) => PacketSockets.Open(device, etherType, filter);

    IDisposable IDatapath.ReserveUdpPort(NetworkDevice device, ushort port) => Udp.Reserve(device, port);
}
