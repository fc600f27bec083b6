using System.Net;
using EucaNet.Cli.Control;
using EucaNet.Engine;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;

namespace EucaNet.Cli.Scenarios;

/// <summary>The machines of a scenario on a world, an engine on each that has a configuration, and the VMs on the nodes.</summary>
internal sealed class ScenarioCloud : IAddressReports, IAsyncDisposable
{
    private readonly IReadOnlyList<MachinePlan> _plans;
    private readonly EngineOptions _options;
    private readonly LocalAssignmentChannel _assignments = new();
    private readonly Dictionary<string, Node> _nodes = [];
    private readonly Dictionary<string, string> _nodeOfInstance = [];
    private readonly List<DhcpPoolServer> _dhcpServers = [];
    private FrontEnd? _frontEnd;
    private int _interfaces;

    public ScenarioCloud(IWorld world, IReadOnlyList<MachinePlan> plans, ulong seed)
    {
        World = world;
        _plans = plans;
        _options = new EngineOptions { Seed = seed, AssignmentChannel = _assignments };
        FrontEndName = plans.First(plan => plan.Machine.Role is MachineRole.FrontEnd or MachineRole.Single).Machine.Name;
    }

    /// <summary>What it runs on.</summary>
    public IWorld World { get; }

    /// <summary>The front-end's name in the scenario.</summary>
    public string FrontEndName { get; }

    /// <summary>The front-end's runtime commands.</summary>
    public IControl FrontEndControl => new LocalControl(
        _frontEnd ?? throw new RefusedException("the front-end's engine has not been started; write 'start' above this line"), null);

    /// <summary>Raises machines, cables and switches.</summary>
    public async Task BuildAsync(CancellationToken cancellationToken)
    {
        foreach (MachinePlan plan in _plans)
        {
            await World.AddMachineAsync(plan, cancellationToken).ConfigureAwait(false);
            await MachineSetup.ApplyAsync(World.KernelOf(plan.Machine.Name), plan, cancellationToken).ConfigureAwait(false);
            if (plan.Machine is { Pool: { } pool, Addresses: [var own, ..] })
            {
                var server = new DhcpPoolServer(World.KernelOf(plan.Machine.Name), own.Interface, new DhcpPoolOptions(pool.First, pool.Last, own.PrefixLength, own.Address) { Router = own.Address });
                _dhcpServers.Add(server);
                server.Start();
            }
        }
    }

    /// <summary>Starts the engines.</summary>
    public async Task StartAsync(Action<string, string> did, CancellationToken cancellationToken)
    {
        foreach (MachinePlan plan in _plans.Where(plan => plan.Configuration is not null))
        {
            string name = plan.Machine.Name;
            try
            {
                if (plan.Machine.Role != MachineRole.Node)
                {
                    _frontEnd = new FrontEnd(World.KernelOf(name), plan.Configuration!, _options with { DaemonLauncher = World.DaemonLauncherOf(name) });
                    Tell(name, await _frontEnd.StartAsync(cancellationToken).ConfigureAwait(false), did);
                }

                if (plan.Machine.Role != MachineRole.FrontEnd)
                {
                    var node = new Node(World.KernelOf(name), plan.Configuration!, _options with { AddressReports = plan.Machine.Reports ? this : null });
                    _nodes.Add(name, node);
                    Tell(name, await node.StartAsync(cancellationToken).ConfigureAwait(false), did);
                }
            }
            catch (EngineException exception)
            {
                throw new RefusedException($"{name}: {exception.Message}");
            }
        }
    }

    /// <summary>What the cloud's own messaging does: tells the front-end what a node saw of an instance's address.</summary>
    public ValueTask ReportAddressAsync(AddressReport report, CancellationToken cancellationToken) =>
        _frontEnd?.ReportAddressAsync(report, cancellationToken) ?? ValueTask.CompletedTask;

    /// <summary>Has faults strike on one machine of the engine's, or on all.</summary>
    public void ArmFaults(string? machine, IReadOnlyList<CloudFault> kinds, double chance)
    {
        foreach (MachinePlan plan in _plans.Where(plan => plan.Configuration is not null && (machine is null || plan.Machine.Name == machine)))
        {
            World.ArmFaults(plan.Machine.Name, kinds, chance);
        }
    }

    /// <summary>Reconciles every engine, again and again, until none has anything to do; false where that took longer than the limit.</summary>
    public async Task<bool> SettleAsync(TimeSpan limit, Action<string, string> did, CancellationToken cancellationToken)
    {
        var engines = new List<(string Name, Func<ValueTask<ChangeSummary>> Reconcile)> { (FrontEndName, () => _frontEnd!.ReconcileAsync(cancellationToken)) };
        engines.AddRange(_nodes.Select(node => (node.Key, (Func<ValueTask<ChangeSummary>>)(() => node.Value.ReconcileAsync(cancellationToken)))));
        for (TimeSpan end = World.Elapsed + limit; ;)
        {
            bool quiet = true;
            foreach ((string name, Func<ValueTask<ChangeSummary>> reconcile) in engines)
            {
                try
                {
                    Task<ChangeSummary> reconciled = reconcile().AsTask();
                    await World.CompleteAsync(reconciled).ConfigureAwait(false);
                    ChangeSummary changes = await reconciled.ConfigureAwait(false);
                    quiet &= changes.Changes.Count == 0;
                    Tell(name, changes, did);
                }
                catch (Exception failed) when (failed is EngineException or KernelException or TimeoutException)
                {
                    quiet = false;
                    did(name, failed.Message);
                }
            }

            if (quiet || World.Elapsed >= end)
            {
                return quiet;
            }

            await World.AdvanceAsync(TimeSpan.FromSeconds(1), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Runs an assigned instance on a node: interface, attachment, boot.</summary>
    public async Task LaunchAsync(string node, InstanceMessage assignment, Action<string, string> did, CancellationToken cancellationToken)
    {
        string interfaceName = $"vif{++_interfaces}.0";
        await World.PlugAsync(node, assignment.Instance, interfaceName, assignment.HardwareAddress, cancellationToken).ConfigureAwait(false);
        try
        {
            ChangeMessage attached = await new LocalControl(null, _nodes[node])
                .AttachInstanceAsync(new AttachMessage(assignment, interfaceName), cancellationToken).ConfigureAwait(false);
            foreach (string line in attached.Changes)
            {
                did(node, line);
            }
        }
        catch (RefusedException)
        {
            await World.UnplugAsync(assignment.Instance, cancellationToken).ConfigureAwait(false);
            throw;
        }

        _nodeOfInstance.Add(assignment.Instance, node);
        await World.BootAsync(assignment.Instance, cancellationToken).ConfigureAwait(false);
        did(assignment.Instance, $"boots on {node} as {interfaceName} with {assignment.HardwareAddress}");
    }

    /// <summary>Ends an instance on its node: detachment, then the VM.</summary>
    public async Task DestroyAsync(string instance, Action<string, string> did, CancellationToken cancellationToken)
    {
        if (!_nodeOfInstance.Remove(instance, out string? node))
        {
            return;
        }

        ChangeMessage detached = await new LocalControl(null, _nodes[node]).DetachInstanceAsync(instance, cancellationToken).ConfigureAwait(false);
        foreach (string line in detached.Changes)
        {
            did(node, line);
        }

        await World.UnplugAsync(instance, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The addresses of a machine, as the scenario gave them, or of a VM, as its kernel has them.</summary>
    public async Task<IReadOnlyList<IPAddress>> AddressesOfAsync(string name, CancellationToken cancellationToken)
    {
        if (_plans.FirstOrDefault(plan => plan.Machine.Name == name) is { } plan)
        {
            return [.. plan.Machine.Addresses.Select(address => address.Address)];
        }

        return _nodeOfInstance.ContainsKey(name) ? await MachineSetup.AddressesAsync(World.KernelOf(name), "eth0", cancellationToken).ConfigureAwait(false) : [];
    }

    /// <summary>Runs a command on every machine that the engine runs on, and shows what it prints.</summary>
    public async Task InspectAsync(string command, Story story, CancellationToken cancellationToken)
    {
        foreach (MachinePlan plan in _plans.Where(plan => plan.Configuration is not null))
        {
            story.Say($"{plan.Machine.Name}# {command}");
            story.Print(await World.RunProgramAsync(plan.Machine.Name, command, cancellationToken).ConfigureAwait(false));
        }
    }

    /// <summary>Stops the engines; the world goes with its owner.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (Node node in _nodes.Values)
        {
            await node.DisposeAsync().ConfigureAwait(false);
        }

        if (_frontEnd is not null)
        {
            await _frontEnd.DisposeAsync().ConfigureAwait(false);
        }

        foreach (DhcpPoolServer server in _dhcpServers)
        {
            server.Dispose();
        }
    }

    private static void Tell(string machine, ChangeSummary changes, Action<string, string> did)
    {
        foreach (string line in LocalControl.Lines(changes))
        {
            did(machine, line);
        }
    }
}
