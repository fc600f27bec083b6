using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Inet;
using EucaNet.Simulator.Kernel.Rtnetlink;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel;

/// <content>Links, addresses, routes and neighbours: what stands behind NETLINK_ROUTE.</content>
public sealed partial class SimulatedKernel
{
    private readonly List<SimulatedKernel> _namespaces = [];
    private readonly List<ITimer> _timers = [];

    /// <summary>The subsystem behind NETLINK_ROUTE, through which its events go out.</summary>
    internal RouteSubsystem RouteEvents { get; private set; } = null!;

    internal DeviceControl DeviceControl { get; private set; } = null!;

    internal BridgeControl Bridges { get; private set; } = null!;

    internal BondControl Bonds { get; private set; } = null!;

    internal Inet4Control Inet4 { get; private set; } = null!;

    internal Inet6Control Inet6 { get; private set; } = null!;

    internal RouteControl RouteControl { get; private set; } = null!;

    internal NextHopControl NextHopControl { get; private set; } = null!;

    internal NeighbourControl NeighbourControl { get; private set; } = null!;

    internal RouterAdvertisements RouterAdvertisements { get; private set; } = null!;

    /// <summary>Other namespaces in the order of their numbers.</summary>
    internal List<SimulatedKernel> KnownNamespaces => _namespaces;

    /// <summary>Time since boot in 10 ms, as rtnetlink's timestamps count it.</summary>
    internal uint Ticks => (uint)(Clock.Elapsed.Ticks / (TimeSpan.TicksPerMillisecond * 10));

    /// <summary>Chance by choice: the index and MAC that a device of this name is to get, so that a recording can be played again.</summary>
    internal Func<string, (int Index, byte[] Mac)?>? NewDeviceHint { get; set; }

    /// <summary>Finds a namespace that user space refers to by a file descriptor or process id.</summary>
    internal Func<bool, int, SimulatedKernel?>? NamespaceResolver { get; set; }

    /// <summary>Gives the machine a physical ethernet device, as a driver does at boot: down, with carrier once a cable is in.</summary>
    /// <param name="name">Its name ("eth0").</param>
    /// <param name="hardwareAddress">Its MAC; a random one where none is given.</param>
    /// <returns>Its index.</returns>
    public int AddPhysicalDevice(string name, ReadOnlySpan<byte> hardwareAddress = default)
    {
        using Time.SimulationQueue.Call call = Enter();
        byte[] mac = hardwareAddress.IsEmpty ? Random.NextMac() : hardwareAddress.ToArray();
        var device = new NetworkDevice(this, Devices.AllocateIndex(), name, "") { HardwareAddress = mac, PermanentAddress = mac, AddressAssignType = 0, HasNoQueue = false };
        DeviceControl.Register(device);
        DeviceControl.NotifyLink(device, uint.MaxValue);
        return device.Index;
    }

    /// <summary>Runs <paramref name="action"/> after some time, as a system call of its own.</summary>
    internal void After(TimeSpan delay, Action action)
    {
        ITimer? timer = null;
        timer = Time.CreateTimer(
            _ =>
            {
                _timers.Remove(timer!);
                timer!.Dispose();
                using Time.SimulationQueue.Call call = Enter();
                action();
            },
            null,
            delay,
            Timeout.InfiniteTimeSpan);
        _timers.Add(timer);
    }

    /// <summary>Time since a clock timestamp, in 10 ms.</summary>
    internal uint TicksSince(long timestamp) => (uint)(Clock.GetElapsedTime(timestamp).Ticks / (TimeSpan.TicksPerMillisecond * 10));

    /// <summary>The id by which this namespace knows another one; given at first use, which is told (RTM_NEWNSID).</summary>
    internal int? NamespaceIdOf(SimulatedKernel other, bool announce = true)
    {
        int id = _namespaces.IndexOf(other);
        if (id >= 0)
        {
            return id;
        }

        if (!announce)
        {
            return _namespaces.Count;
        }

        _namespaces.Add(other);
        id = _namespaces.Count - 1;
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(88, 0, 0);
        writer.Append([0, 0, 0, 0]);
        writer.WriteInt32(1, id);
        writer.EndMessage(message);
        writer.Complete();
        RouteEvents.Publish(28, buffer.Written.ToArray());
        return id;
    }

    partial void AttachRoute()
    {
        RouteEvents = new RouteSubsystem(this);
        DeviceControl = new DeviceControl(this);
        Bridges = new BridgeControl(this);
        Bonds = new BondControl(this);
        RouteControl = new RouteControl(this);
        NextHopControl = new NextHopControl(this);
        Inet4 = new Inet4Control(this);
        Inet6 = new Inet6Control(this);
        RouterAdvertisements = new RouterAdvertisements(this);
        _ = new InternetParameters(this);
        NeighbourControl = new NeighbourControl(this);
        Register(NetlinkProtocol.Route, RouteEvents);
        new LinkVerbs(this).Attach(RouteEvents);
        new LinkQueries(this).Attach(RouteEvents);
        new AddressVerbs(this).Attach(RouteEvents);
        new RouteVerbs(this).Attach(RouteEvents);
        new NeighbourVerbs(this).Attach(RouteEvents);
        new StatisticsVerbs(this).Attach(RouteEvents);
        new AddressLabelVerbs(this).Attach(RouteEvents);
        new BridgeVlanVerbs(this).Attach(RouteEvents);
        new NeighbourTableVerbs(this).Attach(RouteEvents);
        new NamespaceVerbs(this).Attach(RouteEvents);
        new Rtnetlink.Traffic.QdiscVerbs(this).Attach(RouteEvents);
        var loopback = new NetworkDevice(this, Devices.AllocateIndex(), "lo", "")
        {
            HardwareType = 772,
            BroadcastAddress = new byte[6],
            AddressAssignType = 0,
            Flags = DeviceFlags.Loopback,
            Mtu = 65536,
            MinimumMtu = 0,
            MaximumMtu = 0,
            TsoMaximumSize = 524280,
            IsBoundToNamespace = true,
        };
        Parameters.Set("net/ipv4/conf/lo/disable_policy", "1");
        DeviceControl.Register(loopback);
        Parameters.Set("net/ipv4/conf/lo/disable_xfrm", "1");
        Parameters.Set("net/ipv4/conf/lo/disable_policy", "1");
    }
}
