using System.Net;
using System.Net.Sockets;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Datapath.Transport;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Fabric;

/// <summary>
/// A whole cloud in memory: machines with kernels of their own, switches, cables and virtual machines, under one clock that
/// only goes on when told. One seed gives one run, byte for byte. Use it from one thread.
/// </summary>
/// <example>
/// <code>
/// using var cloud = new SimulatedCloud(seed: 1);
/// NetworkSwitch lan = cloud.AddSwitch("lan");
/// SimulatedHost a = cloud.AddHost("a"), b = cloud.AddHost("b");
/// cloud.Connect(a, "eth0", lan);
/// cloud.Connect(b, "eth0", lan);
/// a.Address("eth0", "10.0.0.1/24");
/// b.Address("eth0", "10.0.0.2/24");
/// Assert.That(cloud.Ping(a, IPAddress.Parse("10.0.0.2")).Reached);
/// </code>
/// </example>
public sealed class SimulatedCloud : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly RandomSource _random;
    private readonly List<SimulatedHost> _hosts = [];
    private readonly List<NetworkSwitch> _switches = [];
    private readonly List<Cable> _cables = [];

    /// <summary>An empty cloud.</summary>
    /// <param name="seed">Begins everything random: MAC addresses, ports, faults.</param>
    /// <param name="profile">The kernel of machines that name none; Debian 13's where null.</param>
    public SimulatedCloud(ulong seed = 1, KernelProfile? profile = null)
    {
        Seed = seed;
        Profile = profile ?? KernelProfile.Linux612;
        _random = new RandomSource(seed);
    }

    /// <summary>What the run began with; the same seed gives the same run.</summary>
    public ulong Seed { get; }

    /// <summary>The kernel of machines that name none.</summary>
    public KernelProfile Profile { get; }

    /// <summary>The clock of all machines.</summary>
    public VirtualClock Clock { get; } = new();

    /// <summary>Machines, virtual ones too, in the order they came.</summary>
    public IReadOnlyList<SimulatedHost> Hosts => _hosts;

    /// <summary>The virtual machines.</summary>
    public IEnumerable<VirtualMachine> VirtualMachines => _hosts.OfType<VirtualMachine>();

    /// <summary>Switches in the order they came.</summary>
    public IReadOnlyList<NetworkSwitch> Switches => _switches;

    /// <summary>Cables in the order they came.</summary>
    public IReadOnlyList<Cable> Cables => _cables;

    /// <summary>Told of every machine that comes, before anything happens on it (recordings).</summary>
    internal event Action<SimulatedHost>? HostAdded;

    /// <summary>The machine of this name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public SimulatedHost this[string name] => _hosts.Find(host => host.Name == name) ?? throw new KeyNotFoundException($"The cloud has no machine '{name}'.");

    /// <summary>Adds a machine without network cards; its loopback is up.</summary>
    public SimulatedHost AddHost(string name, KernelProfile? profile = null)
    {
        RequireNew(name);
        return Add(new SimulatedHost(this, name, profile ?? Profile, _random.NextUInt64()));
    }

    /// <summary>Adds a switch.</summary>
    public NetworkSwitch AddSwitch(string name)
    {
        RequireNew(name);
        var added = new NetworkSwitch(this, name);
        _switches.Add(added);
        return added;
    }

    /// <summary>Plugs a cable between a machine's card, which is added where it isn't there, and a new port of a switch.</summary>
    public Cable Connect(SimulatedHost host, string interfaceName, NetworkSwitch networkSwitch)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(networkSwitch);
        NetworkCard card = Free(host, interfaceName);
        SwitchPort port = networkSwitch.AddPort();
        Cable cable = Join(card, port);
        port.Cable = cable;
        card.Plug(cable);
        return cable;
    }

    /// <summary>Plugs a cable between the cards of two machines; they are added where they aren't there.</summary>
    public Cable Connect(SimulatedHost first, string firstInterface, SimulatedHost second, string secondInterface)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return Plug(Free(first, firstInterface), Free(second, secondInterface));
    }

    /// <summary>Plugs a cable between two switches.</summary>
    public Cable Connect(NetworkSwitch first, NetworkSwitch second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        SwitchPort a = first.AddPort(), b = second.AddPort();
        Cable cable = Join(a, b);
        a.Cable = b.Cable = cable;
        return cable;
    }

    /// <summary>
    /// Starts a virtual machine on a node, as a hypervisor does: the node gets an interface (down, in no bridge) whose other
    /// end is the VM's eth0.
    /// </summary>
    /// <param name="name">The VM's name.</param>
    /// <param name="node">The machine it runs on.</param>
    /// <param name="interfaceName">The interface on the node ("vif18.0").</param>
    /// <param name="hardwareAddress">The MAC of the VM's eth0.</param>
    public VirtualMachine AddVm(string name, SimulatedHost node, string interfaceName, string hardwareAddress)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(hardwareAddress);
        RequireNew(name);
        return Add(new VirtualMachine(this, name, Profile, _random.NextUInt64(), node, interfaceName, hardwareAddress));
    }

    /// <summary>Ends a virtual machine: its kernel stops and its interface on the node goes.</summary>
    public void Remove(VirtualMachine machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (_hosts.Remove(machine))
        {
            machine.Shutdown();
            if (machine.Interface.Cable is { } cable)
            {
                _cables.Remove(cable);
                machine.Interface.Unplug();
                machine.NodeInterface.Unplug();
            }

            machine.Node.Remove(machine.NodeInterface);
            machine.Kernel.Dispose();
        }
    }

    /// <summary>Takes a cable away; both ends lose their signal.</summary>
    public void Disconnect(Cable cable)
    {
        ArgumentNullException.ThrowIfNull(cable);
        if (_cables.Remove(cable))
        {
            cable.Unplug();
            foreach (ICableEnd end in (ICableEnd[])[cable.First, cable.Second])
            {
                if (end is NetworkCard card)
                {
                    card.Unplug();
                }
                else if (end is SwitchPort port)
                {
                    port.Switch.Remove(port);
                }
            }
        }
    }

    /// <summary>Lets time pass; leases, entries and timers age meanwhile.</summary>
    public void Advance(TimeSpan time)
    {
        using var pump = new Pump();
        Clock.Advance(time);
    }

    /// <summary>Lets time pass until a condition holds, from timer to timer; false when it didn't within the limit, which then has passed.</summary>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(condition);
        using var pump = new Pump();
        TimeSpan end = Clock.Elapsed + limit;
        while (!condition())
        {
            TimeSpan left = end - Clock.Elapsed;
            if (left < TimeSpan.Zero || !Clock.AdvanceToNextTimer(left))
            {
                Clock.Advance(left > TimeSpan.Zero ? left : TimeSpan.Zero);
                return condition();
            }
        }

        return true;
    }

    /// <summary>
    /// Lets a little time pass, so that everything that is under way arrives: handshakes, address look-ups, DHCP. Frames that
    /// need no timer have arrived anyway when a call returns.
    /// </summary>
    public void Settle(TimeSpan? time = null) => Advance(time ?? TimeSpan.FromSeconds(1));

    /// <summary>Sends ICMP echo requests until one is answered, an error comes back, or the patience ends.</summary>
    /// <param name="from">The machine that asks.</param>
    /// <param name="to">Whom it asks.</param>
    /// <param name="options">How.</param>
    public ProbeResult Ping(SimulatedHost from, IPAddress to, ProbeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        options ??= new ProbeOptions();
        InternetAddress destination = AddressOf(to);
        var journey = new PacketJourney(options.Level);
        NetworkStack stack = from.Kernel.Stack;
        bool reached = false;
        string? reason = null;
        var failure = SendOutcome.Sent;
        using (var pump = new Pump())
        {
            IcmpLayer icmp = stack.Internet(destination.Family).Icmp;
            using IDisposable echo = icmp.OpenEcho(out ushort identifier, packet =>
            {
                if (new IcmpHeader(packet.Transport).Type is IcmpType.EchoReply or Icmpv6Type.EchoReply)
                {
                    reached = true;
                }
                else
                {
                    reason = $"{IcmpLayer.ErrorOf(packet)} from {packet.SourceAddress}";
                }
            });
            using (SimulationQueue.Call call = from.Kernel.Enter())
            {
                PacketStory story = PacketStory.Begin(journey, from.Name, $"ping {to}");
                failure = icmp.SendEcho(destination, identifier, 1, options.DataLength, options.TimeToLive, options.DontFragment, null, OutputFor(from, to), story);
            }

            reason ??= ReasonOf(failure);
            if (!reached && failure == SendOutcome.Sent && reason is null)
            {
                RunUntil(() => reached || reason is not null, options.Patience ?? Patience);
            }
        }

        return Result(reached, reason, null, journey);
    }

    /// <summary>Opens a TCP connection, sends a few octets and takes them back, and closes it.</summary>
    /// <param name="from">The machine that connects.</param>
    /// <param name="to">The address.</param>
    /// <param name="port">The port.</param>
    /// <param name="listener">The machine that a server runs on meanwhile, at any of its addresses; null where a server runs already, or none.</param>
    /// <param name="options">How.</param>
    public ProbeResult ConnectTcp(SimulatedHost from, IPAddress to, int port, SimulatedHost? listener = null, ProbeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        options ??= new ProbeOptions();
        InternetAddress destination = AddressOf(to);
        var journey = new PacketJourney(options.Level);
        NetworkStack stack = from.Kernel.Stack;
        bool connected = false, echoed = false;
        string? reason = null;
        IPAddress? seenAs = null;
        TcpEndpoint? client = null;
        using (var pump = new Pump())
        {
            using IDisposable? server = listener is null ? null : Listen(listener, (ushort)port, peer => seenAs = peer);
            using (SimulationQueue.Call call = from.Kernel.Enter())
            {
                PacketStory story = PacketStory.Begin(journey, from.Name, $"connect {to}:{port}");
                client = stack.Tcp.Connect(destination, (ushort)port, story, OutputFor(from, to), prepare: endpoint =>
                {
                    endpoint.Connected = (_, _) => connected = true;
                    endpoint.Received = (_, _) => echoed = true;
                    endpoint.Ended = (_, why, packet) => reason ??= why is null ? null : packet is null ? why : $"{why} by {packet.SourceAddress}";
                });
                reason = client is null ? "network is unreachable" : null;
            }

            if (reason is null && RunUntil(() => connected || reason is not null, options.Patience ?? Patience) && connected)
            {
                if (server is not null)
                {
                    using (SimulationQueue.Call call = from.Kernel.Enter())
                    {
                        client!.Send("eucanet"u8);
                    }

                    RunUntil(() => echoed || reason is not null, options.Patience ?? Patience);
                    reason = echoed ? null : reason ?? "connected, but the data was not answered";
                    connected = echoed;
                }

                using (SimulationQueue.Call call = from.Kernel.Enter())
                {
                    client!.Close();
                }

                RunUntil(() => client.State == TcpSocketState.Closed, TimeSpan.FromMilliseconds(100));
            }

            using (SimulationQueue.Call call = from.Kernel.Enter())
            {
                client?.Abort();
            }
        }

        return Result(connected, reason, seenAs, journey);
    }

    /// <summary>Sends a UDP datagram.</summary>
    /// <param name="from">The machine that sends.</param>
    /// <param name="to">The address.</param>
    /// <param name="port">The port.</param>
    /// <param name="listener">The machine that must get it; null where only errors are of interest.</param>
    /// <param name="options">How.</param>
    public ProbeResult SendUdp(SimulatedHost from, IPAddress to, int port, SimulatedHost? listener = null, ProbeOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(from);
        options ??= new ProbeOptions();
        InternetAddress destination = AddressOf(to);
        var journey = new PacketJourney(options.Level);
        NetworkStack stack = from.Kernel.Stack;
        bool reached = false;
        string? reason = null;
        var failure = SendOutcome.Sent;
        IPAddress? seenAs = null;
        using (var pump = new Pump())
        {
            UdpEndpoint? server = null;
            if (listener is not null)
            {
                server = listener.Kernel.Stack.Udp.Open(null, (ushort)port);
                server.Received = (_, source, _, _) =>
                {
                    reached = true;
                    seenAs = new IPAddress(source.ToBytes());
                };
            }

            UdpEndpoint client = stack.Udp.Open(null, 0);
            client.Failed = (packet, error) => reason = $"{error} from {packet.SourceAddress}";
            using (SimulationQueue.Call call = from.Kernel.Enter())
            {
                PacketStory story = PacketStory.Begin(journey, from.Name, $"udp {to}:{port}");
                failure = client.Send(destination, (ushort)port, new byte[options.DataLength], hopLimit: options.TimeToLive, output: OutputFor(from, to), story: story);
            }

            reason ??= ReasonOf(failure);
            if (failure == SendOutcome.Sent)
            {
                RunUntil(() => reached || reason is not null, options.Patience ?? Patience);
            }

            client.Dispose();
            server?.Dispose();
        }

        return Result(reached, reason, seenAs, journey);
    }

    /// <summary>Runs a TCP server on a machine that sends back what it gets; dispose what this returns to stop it.</summary>
    public IDisposable ListenTcp(SimulatedHost host, int port)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.Cloud == this
            ? Listen(host, (ushort)port, static _ => { })
            : throw new ArgumentException($"{host.Name} is a machine of another cloud.", nameof(host));
    }

    /// <summary>
    /// Makes a second cloud that is as this one is now; both go on from here, each for itself. The cost grows with what the cloud holds: every object is copied.
    /// </summary>
    /// <param name="programs">Objects outside the cloud that belong to it, an engine on one of its kernels: they get twins that work on the second cloud.</param>
    /// <exception cref="NotSupportedException">Something that hangs on the cloud cannot be copied, as a recording into a file.</exception>
    [System.Diagnostics.CodeAnalysis.RequiresUnreferencedCode("A fork copies objects field by field.")]
    public CloudFork Fork(params object[] programs)
    {
        ArgumentNullException.ThrowIfNull(programs);
        return new CloudFork(this, programs);
    }

    /// <summary>Ends all machines.</summary>
    public void Dispose()
    {
        foreach (VirtualMachine machine in VirtualMachines.ToArray())
        {
            machine.Shutdown();
        }

        foreach (SimulatedHost host in _hosts)
        {
            host.Kernel.Dispose();
        }
    }

    internal Cable Plug(NetworkCard first, NetworkCard second)
    {
        Cable cable = Join(first, second);
        first.Plug(cable);
        second.Plug(cable);
        return cable;
    }

    private static IDisposable Listen(SimulatedHost host, ushort port, Action<IPAddress> accepted) =>
        host.Kernel.Stack.Tcp.Listen(null, port, endpoint =>
        {
            accepted(new IPAddress(endpoint.Remote.ToBytes()));
            endpoint.Received = static (connection, data) => connection.Send(data);
        });

    private static InternetAddress AddressOf(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        byte[] bytes = address.GetAddressBytes();
        return InternetAddress.Read(bytes.Length == 4 ? InternetAddress.V4 : InternetAddress.V6, bytes);
    }

    /// <summary>Addresses of a link name it by the interface's number (fe80::1%2).</summary>
    private static NetworkDevice? OutputFor(SimulatedHost from, IPAddress to) =>
        to.AddressFamily == AddressFamily.InterNetworkV6 && to.ScopeId != 0 ? from.Kernel.Devices.Find((int)to.ScopeId) : null;

    /// <summary>Why nothing was sent; null where it was, or where the packet's way tells.</summary>
    private static string? ReasonOf(SendOutcome outcome) => outcome switch
    {
        SendOutcome.NoRoute => "network is unreachable",
        SendOutcome.TooBig => "message too long",
        _ => null,
    };

    private static ProbeResult Result(bool reached, string? reason, IPAddress? seenAs, PacketJourney journey)
    {
        var trace = new PacketTrace(journey);
        return new ProbeResult(reached, reached ? null : reason ?? trace.DropReason ?? "no answer", seenAs, trace);
    }

    private static NetworkCard Free(SimulatedHost host, string interfaceName)
    {
        NetworkCard card = host.Card(interfaceName);
        return card.Cable is null ? card : throw new InvalidOperationException($"{host.Name} {interfaceName} has a cable already: {card.Cable.Name}.");
    }

    private T Add<T>(T host)
        where T : SimulatedHost
    {
        _hosts.Add(host);
        HostAdded?.Invoke(host);
        return host;
    }

    private Cable Join(ICableEnd first, ICableEnd second)
    {
        var cable = new Cable(this, first, second, _random.NextUInt64());
        _cables.Add(cable);
        return cable;
    }

    private void RequireNew(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (_hosts.Exists(host => host.Name == name) || _switches.Exists(other => other.Name == name))
        {
            throw new ArgumentException($"The cloud has a '{name}' already.", nameof(name));
        }
    }

    /// <summary>
    /// While it lives, what simulated sockets and timers wake runs at once on this thread, not on the caller's synchronization
    /// context: the order of a run does not depend on where it is run.
    /// </summary>
    private readonly ref struct Pump
    {
        private readonly SynchronizationContext? _context;

        public Pump()
        {
            _context = SynchronizationContext.Current;
            SynchronizationContext.SetSynchronizationContext(null);
        }

        public void Dispose() => SynchronizationContext.SetSynchronizationContext(_context);
    }
}

/// <summary>How a probe is sent.</summary>
public sealed record ProbeOptions
{
    /// <summary>How long to wait, in virtual time; 5 seconds where null.</summary>
    public TimeSpan? Patience { get; init; }

    /// <summary>Octets of data.</summary>
    public int DataLength { get; init; } = 56;

    /// <summary>The packet's TTL.</summary>
    public byte TimeToLive { get; init; } = 64;

    /// <summary>The packet may not be fragmented.</summary>
    public bool DontFragment { get; init; }

    /// <summary>How much the trace tells.</summary>
    public TraceLevel Level { get; init; } = TraceLevel.Minimal;
}
