using System.Net;
using EucaNet.Cli.Control;
using EucaNet.Engine.Dhcp;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Recording;

namespace EucaNet.Cli.Scenarios;

/// <summary>A world of simulated kernels: no root, no real time, one seed one run.</summary>
internal sealed class SimulatedWorld : IWorld
{
    private readonly SimulatedCloud _cloud;
    private readonly Dictionary<Segment, NetworkSwitch> _switches;
    private readonly FileStream? _capture;
    private readonly CloudRecorder? _recorder;
    private readonly StreamWriter? _drawing;
    private readonly Dictionary<string, ForeignWriter> _foreign = new(StringComparer.Ordinal);
    private readonly List<ArmedFaults> _armed = [];

    /// <param name="seed">Begins everything random.</param>
    /// <param name="capture">A pcapng file of every frame and netlink message; null for none.</param>
    /// <param name="drawing">An SVG file of the machines and networks as they are at the end; null for none.</param>
    /// <exception cref="IOException">One of the files cannot be made.</exception>
    public SimulatedWorld(ulong seed, string? capture, string? drawing)
    {
        // A run of minutes must not end in a file that can't be written.
        _drawing = drawing is null ? null : File.CreateText(drawing);
        _cloud = new SimulatedCloud(seed);
        if (capture is not null)
        {
            _capture = File.Create(capture);
            _recorder = new CloudRecorder(_cloud, _capture);
        }

        _switches = new Dictionary<Segment, NetworkSwitch>
        {
            [Segment.Private] = _cloud.AddSwitch("private switch"),
            [Segment.Public] = _cloud.AddSwitch("public switch"),
        };
    }

    /// <summary>The machines, cables and switches.</summary>
    public SimulatedCloud Cloud => _cloud;

    public string Description => $"simulated kernels, seed {_cloud.Seed}";

    public TimeSpan Elapsed => _cloud.Clock.Elapsed;

    public ValueTask AddMachineAsync(MachinePlan plan, CancellationToken cancellationToken)
    {
        SimulatedHost host = _cloud.AddHost(plan.Machine.Name);
        foreach (Card card in plan.Cards)
        {
            _cloud.Connect(host, card.Name, _switches[card.Segment]);
        }

        return ValueTask.CompletedTask;
    }

    public IKernel KernelOf(string machine) => _cloud[machine].Kernel;

    public IDaemonLauncher? DaemonLauncherOf(string machine) => null;

    public ValueTask PlugAsync(string node, string virtualMachine, string interfaceName, string hardwareAddress, CancellationToken cancellationToken)
    {
        _cloud.AddVm(virtualMachine, _cloud[node], interfaceName, hardwareAddress);
        return ValueTask.CompletedTask;
    }

    public ValueTask BootAsync(string virtualMachine, CancellationToken cancellationToken)
    {
        Find(virtualMachine).Boot();
        return ValueTask.CompletedTask;
    }

    public ValueTask UnplugAsync(string virtualMachine, CancellationToken cancellationToken)
    {
        _cloud.Remove(Find(virtualMachine));
        return ValueTask.CompletedTask;
    }

    public ValueTask SetTagsPassAsync(Segment segment, bool pass, CancellationToken cancellationToken)
    {
        foreach (SwitchPort port in _switches[segment].Ports)
        {
            port.DropsTaggedFrames = !pass;
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask AdvanceAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        _cloud.Advance(time);
        return ValueTask.CompletedTask;
    }

    public Task CompleteAsync(Task task)
    {
        if (!task.IsCompleted)
        {
            _cloud.Hosts[0].Kernel.Wait(task);
        }

        return task;
    }

    public void ArmFaults(string machine, IReadOnlyList<CloudFault> kinds, double chance)
    {
        SimulatedHost host = _cloud[machine];
        if (!_foreign.TryGetValue(machine, out ForeignWriter? foreign))
        {
            _foreign.Add(machine, foreign = new ForeignWriter(host.Kernel));
        }

        _armed.Add(CloudFaults.Arm(host, kinds, chance, foreign));
    }

    public IReadOnlyDictionary<string, int> EndFaults()
    {
        var struck = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (SimulatedHost host in _armed.Select(static armed => armed.Host).Distinct())
        {
            foreach ((string name, int times) in host.Kernel.Faults.StruckByName)
            {
                struck[name] = struck.GetValueOrDefault(name) + times;
            }
        }

        _armed.ForEach(static armed => armed.Dispose());
        _armed.Clear();
        return struck;
    }

    public ValueTask<Reachability> PingAsync(string from, IPAddress to, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Reached(_cloud.Ping(_cloud[from], to)));

    public ValueTask<Reachability> ConnectAsync(string from, IPAddress to, ushort port, string? listener, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Reached(_cloud.ConnectTcp(_cloud[from], to, port, listener is null ? null : _cloud[listener])));

    public ValueTask<Reachability> SendDatagramAsync(string from, IPAddress to, ushort port, string listener, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Reached(_cloud.SendUdp(_cloud[from], to, port, _cloud[listener])));

    public ValueTask<string> RunProgramAsync(string machine, string command, CancellationToken cancellationToken) =>
        throw new RefusedException("a simulated machine runs no programs; --inspect goes with --kernel linux");

    public async ValueTask DisposeAsync()
    {
        if (_drawing is not null)
        {
            await _drawing.WriteAsync(TopologyDrawing.ToSvg(_cloud)).ConfigureAwait(false);
            await _drawing.DisposeAsync().ConfigureAwait(false);
        }

        _recorder?.Dispose();
        _capture?.Dispose();
        _cloud.Dispose();
    }

    private VirtualMachine Find(string name) => _cloud.VirtualMachines.First(machine => machine.Name == name);

    private static Reachability Reached(ProbeResult result) => new(result.Reached, result.SeenAs, result.Reached ? result.Path : $"{result.Path} ({result.Reason})");
}
