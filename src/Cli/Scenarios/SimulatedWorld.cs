using System.Net;
using EucaNet.Cli.Control;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Cli.Scenarios;

/// <summary>A world of simulated kernels: no root, no real time, one seed one run.</summary>
internal sealed class SimulatedWorld : IWorld
{
    private readonly SimulatedCloud _cloud;
    private readonly Dictionary<Segment, NetworkSwitch> _switches;

    public SimulatedWorld(ulong seed)
    {
        _cloud = new SimulatedCloud(seed);
        _switches = new Dictionary<Segment, NetworkSwitch>
        {
            [Segment.Private] = _cloud.AddSwitch("private switch"),
            [Segment.Public] = _cloud.AddSwitch("public switch"),
        };
    }

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

    public ValueTask AdvanceAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        _cloud.Advance(time);
        return ValueTask.CompletedTask;
    }

    public ValueTask<Reachability> PingAsync(string from, IPAddress to, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Reached(_cloud.Ping(_cloud[from], to)));

    public ValueTask<Reachability> ConnectAsync(string from, IPAddress to, ushort port, string? listener, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Reached(_cloud.ConnectTcp(_cloud[from], to, port, listener is null ? null : _cloud[listener])));

    public ValueTask<Reachability> SendDatagramAsync(string from, IPAddress to, ushort port, string listener, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Reached(_cloud.SendUdp(_cloud[from], to, port, _cloud[listener])));

    public ValueTask<string> RunProgramAsync(string machine, string command, CancellationToken cancellationToken) =>
        throw new RefusedException("a simulated machine runs no programs; --inspect goes with --kernel linux");

    public ValueTask DisposeAsync()
    {
        _cloud.Dispose();
        return ValueTask.CompletedTask;
    }

    private VirtualMachine Find(string name) => _cloud.VirtualMachines.First(machine => machine.Name == name);

    private static Reachability Reached(ProbeResult result) => new(result.Reached, result.SeenAs, result.Reached ? result.Path : $"{result.Path} ({result.Reason})");
}
