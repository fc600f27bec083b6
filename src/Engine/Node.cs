using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Engine;

/// <summary>
/// A node over one kernel: attaches the interfaces that its hypervisor makes to the right bridge and, in MANAGED mode, lets each
/// send only what is its own. Calls may come from several threads; they are carried out one after the other.
/// </summary>
public sealed class Node : IAsyncDisposable
{
    private readonly NodeMode _mode;
    private readonly EngineOptions _options;
    private readonly EngineInstruments _instruments;
    private readonly EngineRun _run;

    /// <summary>A node that does nothing until it is started.</summary>
    /// <param name="kernel">The kernel it works on.</param>
    /// <param name="configuration">A configuration read for <see cref="EngineRole.Node"/> or <see cref="EngineRole.Both"/>.</param>
    /// <param name="options">The rest.</param>
    public Node(IKernel kernel, NetworkConfiguration configuration, EngineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(configuration);
        if (configuration.Role == EngineRole.FrontEnd)
        {
            throw new ArgumentException("The configuration was read for a front-end.", nameof(configuration));
        }

        Kernel = kernel;
        Configuration = configuration;
        _options = options ?? new EngineOptions();
        _instruments = new EngineInstruments(_options.MeterFactory, "node");
        var context = new EngineContext(kernel, configuration, _options) { Instruments = _instruments };
        _run = new EngineRun(context, "node");
        _mode = NodeMode.Create(context);
        _run.Repair(() => _mode.NeedsRepair, _mode.ReconcileAsync);
        _instruments.Show(() => _mode.Counts);
    }

    /// <summary>The kernel it works on.</summary>
    public IKernel Kernel { get; }

    /// <summary>The configuration in force.</summary>
    public NetworkConfiguration Configuration { get; }

    /// <summary>Checks what the mode needs and repairs what a former run left.</summary>
    /// <exception cref="EngineException">The bridge or interface is not what it must be; the message says what it is instead.</exception>
    public ValueTask<ChangeSummary> StartAsync(CancellationToken cancellationToken = default) =>
        _run.StartAsync(changes => _mode.StartAsync(changes, cancellationToken), cancellationToken);

    /// <summary>Ends the watching; the kernel keeps all that was made, so that instances go on.</summary>
    public ValueTask<ChangeSummary> StopAsync(CancellationToken cancellationToken = default) =>
        _run.StopAsync(changes => _mode.StopAsync(changes, cancellationToken), cancellationToken);

    /// <summary>
    /// Attaches an instance's interface to its bridge, making bridge and VLAN device where they are missing. In MANAGED mode the guards
    /// against foreign addresses stand before the port is up.
    /// </summary>
    /// <param name="assignment">What the front-end gave the instance.</param>
    /// <param name="interfaceName">The interface the hypervisor made, as <c>vif18.0</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="EngineException">The interface or bridge is not there; nothing was changed.</exception>
    public ValueTask<Outcome<AttachedInstance>> AttachAsync(InstanceAssignment assignment, string interfaceName, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(assignment);
        ArgumentException.ThrowIfNullOrEmpty(interfaceName);
        return _run.ChangeAsync("attach instance", $"instance {assignment.InstanceId}", changes => _mode.AttachAsync(assignment, interfaceName, changes, cancellationToken), cancellationToken);
    }

    /// <summary>The same for an instance whose assignment came over the channel of the options.</summary>
    /// <exception cref="NotKnownException">The channel knows no such instance.</exception>
    public async ValueTask<Outcome<AttachedInstance>> AttachAsync(string instanceId, string interfaceName, CancellationToken cancellationToken = default)
    {
        InstanceAssignment? assignment = _options.AssignmentChannel is { } channel ? await channel.FindAsync(instanceId, cancellationToken).ConfigureAwait(false) : null;
        return assignment is null
            ? throw new NotKnownException($"assignment of instance {instanceId}", "run it on the front-end first, or give the assignment itself")
            : await AttachAsync(assignment, interfaceName, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends an instance's attachment. The last of a VLAN takes the VLAN device and the bridge with it.</summary>
    /// <exception cref="NotKnownException">No such instance is attached.</exception>
    public ValueTask<ChangeSummary> DetachAsync(string instanceId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(instanceId);
        return _run.ChangeAsync("detach instance", $"instance {instanceId}", changes => _mode.DetachAsync(instanceId, changes, cancellationToken), cancellationToken);
    }

    /// <summary>The attached instances, by id.</summary>
    public ValueTask<IReadOnlyList<AttachedInstance>> ListInstancesAsync(CancellationToken cancellationToken = default) => _run.ReadAsync(_mode.ListInstances, cancellationToken);

    /// <summary>A few numbers, and what wants attention.</summary>
    public ValueTask<EngineStatus> GetStatusAsync(CancellationToken cancellationToken = default) =>
        _run.ReadAsync(() => _mode.GetStatus() with { Running = _run.Since is not null, Since = _run.Since }, cancellationToken);

    /// <summary>Goes through the manual's troubleshooting chapter: what should be, held against what is. Reads only; the worst comes first.</summary>
    public ValueTask<IReadOnlyList<Finding>> ExamineAsync(CancellationToken cancellationToken = default) => _run.ReadAsync(async () =>
    {
        var findings = new FindingList();
        await _mode.ExamineAsync(findings, cancellationToken).ConfigureAwait(false);
        return findings.ToList();
    }, cancellationToken);

    /// <summary>Compares all that should be in the kernel with all that is, and writes the differences.</summary>
    public ValueTask<ChangeSummary> ReconcileAsync(CancellationToken cancellationToken = default) =>
        _run.ChangeAsync("reconcile", "node", changes => _mode.ReconcileAsync(changes, cancellationToken), cancellationToken, asRepair: true);

    /// <summary>Stops, and closes the sockets.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync().ConfigureAwait(false);
        }
        finally
        {
            await _mode.DisposeAsync().ConfigureAwait(false);
            _run.Dispose();
            _instruments.Dispose();
        }
    }
}
