using System.Net.Sockets;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Kernel;

/// <summary>
/// One network namespace of a Linux machine, in memory: it takes the bytes a real kernel takes and gives those it gives.
/// Nothing moves in it but by system calls and by its clock, so one seed gives one run, byte for byte.
/// </summary>
public sealed partial class SimulatedKernel : IKernel, IDisposable
{
    private readonly Dictionary<NetlinkProtocol, INetlinkSubsystem> _subsystems = [];
    private readonly List<SimulatedNetlinkSocket> _sockets = [];
    private readonly List<SimulatedProcess> _processes = [];
    private uint _lastPortId;

    /// <summary>A fresh namespace with its loopback device, down.</summary>
    public SimulatedKernel(SimulatedKernelOptions? options = null)
    {
        Options = options ?? new SimulatedKernelOptions();
        Clock = Options.Clock ?? new VirtualClock();
        Time = Clock.Of(Identity);
        Random = new RandomSource(Options.Seed);
        Faults = new FaultPlan(Options.Seed, Changing);
        AttachRoute();
        AttachNetfilter();
        AttachDatapath();
    }

    /// <summary>What the kernel was made of.</summary>
    public SimulatedKernelOptions Options { get; }

    /// <summary>Which kernel it is.</summary>
    public KernelProfile Profile => Options.Profile;

    /// <summary>The machine's name.</summary>
    public string HostName => Options.HostName;

    /// <summary>The clock that everything in it goes by.</summary>
    public VirtualClock Clock { get; }

    /// <inheritdoc />
    public TimeProvider Time { get; }

    /// <summary>What goes wrong on this machine; nothing until something is added.</summary>
    public FaultPlan Faults { get; }

    /// <summary>The machine, in this cloud and its forks.</summary>
    internal MachineIdentity Identity { get; } = new();

    /// <summary>The programs that were started here and have not been killed.</summary>
    internal IReadOnlyList<SimulatedProcess> Processes => _processes;

    /// <summary>Everything random in this kernel comes from here.</summary>
    internal RandomSource Random { get; }

    internal SimulationQueue Queue => Clock.Queue;

    internal DeviceTable Devices { get; } = new();

    internal AddressTable Addresses { get; } = new();

    internal ForwardingTables Routes { get; } = new();

    internal RuleTable Rules { get; } = new();

    internal NeighbourTable Neighbours { get; } = new();

    internal NextHopTable NextHops { get; } = new();

    internal ParameterTable Parameters { get; } = new();

    /// <summary>What carries packets; null before it is attached.</summary>
    internal IDatapath? Datapath { get; set; }

    /// <summary>Makes the sockets of legacy xtables; null where the kernel has none.</summary>
    internal Func<AddressFamily, IXtablesSocket>? XtablesOpener { get; set; }

    /// <inheritdoc />
    public INetlinkSocket OpenNetlink(NetlinkProtocol protocol, NetlinkSocketOptions? options = null)
    {
        using SimulationQueue.Call call = Enter();
        if (!_subsystems.TryGetValue(protocol, out INetlinkSubsystem? subsystem))
        {
            throw new KernelException($"open netlink socket of protocol {(int)protocol}", LinuxError.EPROTONOSUPPORT);
        }

        if (Faults.Strike(FaultPoint.Open, protocol, 0, default) is { Kind: FaultKind.Fail } fault)
        {
            throw new KernelException($"open netlink socket of protocol {(int)protocol}", fault.Error);
        }

        var socket = new SimulatedNetlinkSocket(this, protocol, subsystem, ++_lastPortId, options ?? new NetlinkSocketOptions());
        _sockets.Add(socket);
        return socket;
    }

    /// <inheritdoc />
    public IPacketSocket OpenPacket(int interfaceIndex, ushort etherType, PacketFilter? filter = null)
    {
        using SimulationQueue.Call call = Enter();
        RequirePrivilege("open packet socket");
        NetworkDevice device = Devices.Find(interfaceIndex) ?? throw new KernelException($"bind packet socket to interface {interfaceIndex}", LinuxError.ENODEV);
        return Datapath is { } datapath
            ? datapath.OpenPacket(device, etherType, filter)
            : throw new KernelException("open packet socket", LinuxError.EAFNOSUPPORT);
    }

    /// <inheritdoc />
    public IDisposable ReserveUdpPort(string interfaceName, ushort port)
    {
        using SimulationQueue.Call call = Enter();
        NetworkDevice device = Devices.Find(interfaceName) ?? throw new KernelException($"bind UDP socket to {interfaceName}", LinuxError.ENODEV);
        return Datapath is { } datapath
            ? datapath.ReserveUdpPort(device, port)
            : throw new KernelException("open UDP socket", LinuxError.EAFNOSUPPORT);
    }

    /// <inheritdoc />
    public IXtablesSocket OpenXtables(AddressFamily family)
    {
        using SimulationQueue.Call call = Enter();
        RequirePrivilege("open raw socket");
        return XtablesOpener?.Invoke(family) ?? throw new KernelException("open xtables socket", LinuxError.EPROTONOSUPPORT);
    }

    /// <inheritdoc />
    public string? ReadParameter(string path)
    {
        using SimulationQueue.Call call = Enter();
        return Parameters.Read(path);
    }

    /// <inheritdoc />
    public void WriteParameter(string path, string value)
    {
        using SimulationQueue.Call call = Enter();
        if (!Options.IsPrivileged)
        {
            throw new KernelException($"write /proc/sys/{path}", LinuxError.EACCES);
        }

        Parameters.Write(path, value);
    }

    /// <summary>Lets virtual time pass, from timer to timer, until a task has ended; then throws what it threw.</summary>
    /// <exception cref="InvalidOperationException">It has not ended after a day of virtual time, or no timer is left that could end it.</exception>
    public void Wait(Task task)
    {
        ArgumentNullException.ThrowIfNull(task);
        TimeSpan end = Clock.Elapsed + TimeSpan.FromDays(1);
        while (!task.IsCompleted)
        {
            if (Clock.Elapsed > end || !Clock.AdvanceToNextTimer(TimeSpan.FromDays(1)))
            {
                throw new InvalidOperationException($"A program on {HostName} waits for something that does not happen within a day.");
            }
        }

        task.GetAwaiter().GetResult();
    }

    /// <summary>Starts a program: a kernel as only this program sees it, which can be killed at any of its system calls.</summary>
    /// <param name="name">A name for messages ("engine").</param>
    public SimulatedProcess StartProcess(string name)
    {
        var process = new SimulatedProcess(this, name);
        _processes.RemoveAll(static other => other.IsDead);
        _processes.Add(process);
        return process;
    }

    /// <summary>Closes every socket.</summary>
    public void Dispose()
    {
        foreach (SimulatedNetlinkSocket socket in _sockets.ToArray())
        {
            socket.Dispose();
        }
    }

    /// <summary>Enters a system call: what it wakes runs when it has returned.</summary>
    internal SimulationQueue.Call Enter()
    {
        Changing();
        return Queue.Enter();
    }

    /// <summary>Something in this kernel may change: forks copy it first.</summary>
    internal void Changing() => Queue.Forks?.Changing(Identity);

    /// <summary>A program of a machine may change: forks copy it first, where the kernel is a simulated one.</summary>
    internal static void Changing(IKernel kernel)
    {
        switch (kernel)
        {
            case SimulatedKernel simulated:
                simulated.Changing();
                break;
            case SimulatedProcess process:
                process.Changing();
                break;
        }
    }

    /// <summary>Puts a subsystem behind the sockets of a protocol.</summary>
    internal void Register(NetlinkProtocol protocol, INetlinkSubsystem subsystem) => _subsystems[protocol] = subsystem;

    /// <summary>Multicasts a datagram to everyone who listens to the group, except <paramref name="except"/>.</summary>
    internal void Notify(NetlinkProtocol protocol, uint group, byte[] datagram, SimulatedNetlinkSocket? except = null)
    {
        foreach (SimulatedNetlinkSocket socket in _sockets)
        {
            if (socket.Protocol == protocol && socket != except && socket.IsIn(group))
            {
                socket.Deliver(datagram, group);
            }
        }
    }

    /// <summary>Somebody listens to the group.</summary>
    internal bool HasListeners(NetlinkProtocol protocol, uint group) =>
        _sockets.Exists(socket => socket.Protocol == protocol && socket.IsIn(group));

    internal void SocketClosed(SimulatedNetlinkSocket socket) => _sockets.Remove(socket);

    partial void AttachRoute();

    /// <summary>Registers nf_tables and its neighbours (Kernel/Nftables).</summary>
    partial void AttachNetfilter();

    /// <summary>Sets <see cref="Datapath"/> (Datapath/).</summary>
    partial void AttachDatapath();

    private void RequirePrivilege(string operation)
    {
        if (!Options.IsPrivileged)
        {
            throw new KernelException(operation, LinuxError.EPERM);
        }
    }
}
