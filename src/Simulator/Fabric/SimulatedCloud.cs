using EucaNet.Simulator.Kernel;
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
public sealed partial class SimulatedCloud : IDisposable
{
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

    /// <summary>Ends all machines.</summary>
    public void Dispose()
    {
        SimulatedHost[] here = [.. _hosts.Where(static host => host.IsHere)];
        if (Clock.Queue.Forks?.Any != true)
        {
            _origin?.Abandon();
        }

        foreach (VirtualMachine machine in here.OfType<VirtualMachine>())
        {
            machine.Shutdown();
        }

        foreach (SimulatedHost host in here)
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
