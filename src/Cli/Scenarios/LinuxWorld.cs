using System.Diagnostics;
using System.Net;
using EucaNet.Cli.Control;
using EucaNet.Engine.Dhcp;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Cli.Scenarios;

/// <summary>
/// A world on this machine's kernel: every machine, VM and the switches a network namespace without a name, joined by veth cables.
/// The namespaces live as long as this process holds them, so nothing is left behind, however it ends.
/// </summary>
internal sealed class LinuxWorld(string dhcpClient) : IWorld
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Dictionary<string, NetworkNamespace> _namespaces = [];
    private readonly Dictionary<string, IKernel> _kernels = [];
    private readonly Dictionary<string, IDisposable> _clients = [];
    private readonly Dictionary<string, string> _nodeInterfaces = [];
    private NetworkNamespace? _switches;
    private RouteConnection? _switchRoute;
    private int _cables;

    public string Description => $"this machine's kernel ({File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}), a network namespace each";

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    public async ValueTask AddMachineAsync(MachinePlan plan, CancellationToken cancellationToken)
    {
        RouteConnection switches = await SwitchesAsync(cancellationToken).ConfigureAwait(false);
        NetworkNamespace machine = AddNamespace(plan.Machine.Name);
        foreach (Card card in plan.Cards)
        {
            string port = $"port{++_cables}";
            await AddCableAsync(switches, port, machine, card.Name, null, cancellationToken).ConfigureAwait(false);
            Link segment = await switches.GetLinkAsync(NameOf(card.Segment), cancellationToken).ConfigureAwait(false);
            Link end = await switches.GetLinkAsync(port, cancellationToken).ConfigureAwait(false);
            await switches.CreateBatch().SetMaster(end.Index, segment.Index).SetUp(end.Index).ExecuteAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public IKernel KernelOf(string machine) => _kernels[machine];

    public IDaemonLauncher? DaemonLauncherOf(string machine) => new NamespaceDaemonLauncher(_namespaces[machine]);

    public async ValueTask PlugAsync(string node, string virtualMachine, string interfaceName, string hardwareAddress, CancellationToken cancellationToken)
    {
        NetworkNamespace guest = AddNamespace(virtualMachine);
        using RouteConnection route = RouteConnection.Open(KernelOf(node));
        await AddCableAsync(route, interfaceName, guest, "eth0", HardwareAddress.Parse(hardwareAddress), cancellationToken).ConfigureAwait(false);
        _nodeInterfaces[virtualMachine] = interfaceName;
    }

    public async ValueTask BootAsync(string virtualMachine, CancellationToken cancellationToken)
    {
        using (RouteConnection route = RouteConnection.Open(KernelOf(virtualMachine)))
        {
            await MachineSetup.SetUpAsync(route, "lo", cancellationToken).ConfigureAwait(false);
            await MachineSetup.SetUpAsync(route, "eth0", cancellationToken).ConfigureAwait(false);
        }

        if (dhcpClient == "built-in")
        {
            var client = new DhcpClient(KernelOf(virtualMachine), "eth0");
            _clients.Add(virtualMachine, client);
            client.Start();
        }
        else
        {
            _clients.Add(virtualMachine, ExternalDhcpClient.Start(dhcpClient, _namespaces[virtualMachine]));
        }
    }

    public ValueTask UnplugAsync(string virtualMachine, CancellationToken cancellationToken)
    {
        if (_clients.Remove(virtualMachine, out IDisposable? client))
        {
            client.Dispose();
        }

        _nodeInterfaces.Remove(virtualMachine);
        _kernels.Remove(virtualMachine, out IKernel? kernel);
        _namespaces.Remove(virtualMachine, out NetworkNamespace? guest);
        if (kernel is not null && guest is not null)
        {
            // Deleting one end takes the other along; a namespace may take its time to vanish.
            using RouteConnection route = RouteConnection.Open(kernel);
            route.CreateBatch().DeleteLink("eth0").Execute(cancellationToken);
            guest.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    // A bridge that filters by VLAN and knows only the untagged one drops the rest.
    public async ValueTask SetTagsPassAsync(Segment segment, bool pass, CancellationToken cancellationToken)
    {
        RouteConnection switches = await SwitchesAsync(cancellationToken).ConfigureAwait(false);
        Link bridge = await switches.GetLinkAsync(NameOf(segment), cancellationToken).ConfigureAwait(false);
        await switches.ChangeLinkAsync(new Link { Index = bridge.Index, Info = LinkInfo.Of(new BridgeOptions { VlanFiltering = !pass }) }, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask AdvanceAsync(TimeSpan time, CancellationToken cancellationToken) => await Task.Delay(time, cancellationToken).ConfigureAwait(false);

    public int Tries => 3;

    public async ValueTask<Reachability> PingAsync(string from, IPAddress to, CancellationToken cancellationToken) =>
        new(await LinuxProbes.PingAsync(_namespaces[from], to, cancellationToken).ConfigureAwait(false), null, "");

    public async ValueTask<Reachability> ConnectAsync(string from, IPAddress to, ushort port, string? listener, CancellationToken cancellationToken) =>
        await LinuxProbes.ConnectAsync(_namespaces[from], to, port, listener is null ? null : _namespaces[listener], cancellationToken).ConfigureAwait(false);

    public async ValueTask<Reachability> SendDatagramAsync(string from, IPAddress to, ushort port, string listener, CancellationToken cancellationToken) =>
        await LinuxProbes.SendDatagramAsync(_namespaces[from], to, port, _namespaces[listener], cancellationToken).ConfigureAwait(false);

    public async ValueTask<string> RunProgramAsync(string machine, string command, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"{command} 2>&1"]) { RedirectStandardOutput = true };
        using Process process = _namespaces[machine].Run(() => Process.Start(start)!);
        string output = await process.StandardOutput.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        return output;
    }

    public ValueTask DisposeAsync()
    {
        foreach (IDisposable client in _clients.Values)
        {
            client.Dispose();
        }

        _switchRoute?.Dispose();
        _switches?.Dispose();
        foreach (NetworkNamespace machine in _namespaces.Values)
        {
            machine.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private async ValueTask<RouteConnection> SwitchesAsync(CancellationToken cancellationToken)
    {
        if (_switchRoute is null)
        {
            try
            {
                _switches = NetworkNamespace.Create();
            }
            catch (KernelException exception) when (exception.Error == LinuxError.EPERM)
            {
                throw new RefusedException("--kernel linux makes network namespaces, which takes root; without it, run the scenario on simulated kernels");
            }

            _switchRoute = RouteConnection.Open(LinuxKernel.Open(_switches));
            foreach (Segment segment in Enum.GetValues<Segment>())
            {
                await _switchRoute.AddLinkAsync(new Link { Name = NameOf(segment), Info = LinkInfo.Of(new BridgeOptions { ForwardDelay = 0 }) }, cancellationToken).ConfigureAwait(false);
                await MachineSetup.SetUpAsync(_switchRoute, NameOf(segment), cancellationToken).ConfigureAwait(false);
            }
        }

        return _switchRoute;
    }

    private NetworkNamespace AddNamespace(string name)
    {
        NetworkNamespace machine = NetworkNamespace.Create();
        _namespaces.Add(name, machine);
        _kernels.Add(name, LinuxKernel.Open(machine));
        return machine;
    }

    private static ValueTask AddCableAsync(
        RouteConnection route, string name, NetworkNamespace far, string farName, HardwareAddress? farAddress, CancellationToken cancellationToken) =>
        route.AddLinkAsync(
            new Link
            {
                Name = name,
                Info = LinkInfo.Of(new VethOptions { Peer = new Link { Name = farName, HardwareAddress = farAddress, NamespaceDescriptor = (uint)far.Descriptor } }),
            },
            cancellationToken);

    private static string NameOf(Segment segment) => segment == Segment.Private ? "private" : "public";
}
