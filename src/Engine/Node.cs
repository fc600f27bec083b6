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
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly NodeMode _mode;
    private readonly IKernel _kernel;
    private readonly EngineOptions _options;
    private DateTimeOffset? _since;

    /// <summary>A node that does nothing until it is started.</summary>
    /// <param name="kernel">The kernel it works on.</param>
    /// <param name="configuration">A configuration read for <see cref="EngineRole.Node"/>.</param>
    /// <param name="options">The rest.</param>
    public Node(IKernel kernel, NetworkConfiguration configuration, EngineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(configuration);
        if (configuration.Role != EngineRole.Node)
        {
            throw new ArgumentException("The configuration was read for a front-end.", nameof(configuration));
        }

        _kernel = kernel;
        _options = options ?? new EngineOptions();
        Configuration = configuration;
        _mode = NodeMode.Create(new EngineContext(kernel, configuration, _options));
    }

    /// <summary>The configuration in force.</summary>
    public NetworkConfiguration Configuration { get; }

    /// <summary>Checks what the mode needs and repairs what a former run left.</summary>
    /// <exception cref="EngineException">The bridge or interface is not what it must be; the message says what it is instead.</exception>
    public async ValueTask<ChangeSummary> StartAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        if (_since is not null)
        {
            return ChangeSummary.Nothing;
        }

        var changes = new ChangeLog();
        await _mode.StartAsync(changes, cancellationToken).ConfigureAwait(false);
        _since = _kernel.Time.GetUtcNow();
        return changes.ToSummary();
    }

    /// <summary>Ends the watching; the kernel keeps all that was made, so that instances go on.</summary>
    public async ValueTask<ChangeSummary> StopAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        if (_since is not null)
        {
            _since = null;
            await _mode.StopAsync(changes, cancellationToken).ConfigureAwait(false);
        }

        return changes.ToSummary();
    }

    /// <summary>
    /// Attaches an instance's interface to its bridge, making bridge and VLAN device where they are missing. In MANAGED mode the guards
    /// against foreign addresses stand before the port is up.
    /// </summary>
    /// <param name="assignment">What the front-end gave the instance.</param>
    /// <param name="interfaceName">The interface the hypervisor made, as <c>vif18.0</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="EngineException">The interface or bridge is not there; nothing was changed.</exception>
    public async ValueTask<Outcome<AttachedInstance>> AttachAsync(InstanceAssignment assignment, string interfaceName, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(assignment);
        ArgumentException.ThrowIfNullOrEmpty(interfaceName);
        using Turn turn = await TakeRunningTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        AttachedInstance attached = await _mode.AttachAsync(assignment, interfaceName, changes, cancellationToken).ConfigureAwait(false);
        return new Outcome<AttachedInstance>(attached, changes.ToSummary());
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
    public async ValueTask<ChangeSummary> DetachAsync(string instanceId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(instanceId);
        using Turn turn = await TakeRunningTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        await _mode.DetachAsync(instanceId, changes, cancellationToken).ConfigureAwait(false);
        return changes.ToSummary();
    }

    /// <summary>The attached instances, by id.</summary>
    public async ValueTask<IReadOnlyList<AttachedInstance>> ListInstancesAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        return _mode.ListInstances();
    }

    /// <summary>A few numbers, and what wants attention.</summary>
    public async ValueTask<EngineStatus> GetStatusAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        return _mode.GetStatus() with { Running = _since is not null, Since = _since };
    }

    /// <summary>Goes through the manual's troubleshooting chapter: what should be, held against what is. Reads only; the worst comes first.</summary>
    public async ValueTask<IReadOnlyList<Finding>> ExamineAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        var findings = new FindingList();
        await _mode.ExamineAsync(findings, cancellationToken).ConfigureAwait(false);
        return findings.ToList();
    }

    /// <summary>Compares all that should be in the kernel with all that is, and writes the differences.</summary>
    public async ValueTask<ChangeSummary> ReconcileAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeRunningTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        await _mode.ReconcileAsync(changes, cancellationToken).ConfigureAwait(false);
        return changes.ToSummary();
    }

    /// <summary>Stops, and closes the sockets.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        await _mode.DisposeAsync().ConfigureAwait(false);
        _gate.Dispose();
    }

    private async ValueTask<Turn> TakeTurnAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Turn(_gate);
    }

    private async ValueTask<Turn> TakeRunningTurnAsync(CancellationToken cancellationToken)
    {
        Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        if (_since is null)
        {
            turn.Dispose();
            throw new EngineException("node", "it is not started", "start it first");
        }

        return turn;
    }
}
