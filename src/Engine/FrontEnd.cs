using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Engine;

/// <summary>
/// The cluster's front-end over one kernel: gives instances their network and, in MANAGED mode, is their router, firewall and DHCP server.
/// Calls may come from several threads; they are carried out one after the other, each completely or not at all.
/// </summary>
public sealed class FrontEnd : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly FrontEndMode _mode;
    private readonly IKernel _kernel;
    private readonly EngineOptions _options;
    private DateTimeOffset? _since;

    /// <summary>A front-end that does nothing until it is started.</summary>
    /// <param name="kernel">The kernel it works on.</param>
    /// <param name="configuration">A configuration read for <see cref="EngineRole.FrontEnd"/>.</param>
    /// <param name="options">The rest.</param>
    public FrontEnd(IKernel kernel, NetworkConfiguration configuration, EngineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(configuration);
        if (configuration.Role != EngineRole.FrontEnd)
        {
            throw new ArgumentException("The configuration was read for a node.", nameof(configuration));
        }

        _kernel = kernel;
        _options = options ?? new EngineOptions();
        Configuration = configuration;
        _mode = FrontEndMode.Create(new EngineContext(kernel, configuration, _options));
    }

    /// <summary>The configuration in force.</summary>
    public NetworkConfiguration Configuration { get; }

    /// <summary>
    /// Makes the kernel what the mode's start state and the stored state say. What is already so is not written;
    /// established connections are not disturbed.
    /// </summary>
    /// <exception cref="EngineException">It cannot be; the message says what is missing.</exception>
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

    /// <summary>Ends the DHCP server and the watching; the kernel keeps all that was made, so that instances go on.</summary>
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

    /// <summary>Gives an instance its network: MAC, and by mode address, VLAN, bridge, DHCP mapping, public address.</summary>
    /// <exception cref="EngineException">Nothing is left, the id is taken or no id; nothing was changed.</exception>
    public async ValueTask<Outcome<InstanceAssignment>> RunInstanceAsync(InstanceRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        using Turn turn = await TakeRunningTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        InstanceAssignment assignment = await _mode.RunInstanceAsync(request, changes, cancellationToken).ConfigureAwait(false);
        if (_options.AssignmentChannel is { } channel)
        {
            await channel.PublishAsync(assignment, cancellationToken).ConfigureAwait(false);
        }

        return new Outcome<InstanceAssignment>(assignment, changes.ToSummary());
    }

    /// <summary>Takes an instance's network back. The last of a group takes the group's VLAN and chunk with it.</summary>
    /// <exception cref="NotKnownException">There is no such instance.</exception>
    public async ValueTask<ChangeSummary> TerminateInstanceAsync(string instanceId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(instanceId);
        using Turn turn = await TakeRunningTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        await _mode.TerminateInstanceAsync(instanceId, changes, cancellationToken).ConfigureAwait(false);
        if (_options.AssignmentChannel is { } channel)
        {
            await channel.WithdrawAsync(instanceId, cancellationToken).ConfigureAwait(false);
        }

        return changes.ToSummary();
    }

    /// <summary>The instances, by id.</summary>
    public async ValueTask<IReadOnlyList<InstanceListing>> ListInstancesAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        return await _mode.ListInstancesAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lets traffic into a group. Adding a rule that is there changes nothing.</summary>
    /// <exception cref="NotInThisModeException">The mode has no groups.</exception>
    public async ValueTask<ChangeSummary> AuthorizeAsync(string user, string group, IngressRule rule, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rule);
        using Turn turn = await TakeRunningTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        await _mode.AuthorizeAsync(new GroupName(user, group), rule, changes, cancellationToken).ConfigureAwait(false);
        return changes.ToSummary();
    }

    /// <summary>Takes a rule from a group and cuts the flows it had let in. Taking one that is not there changes nothing.</summary>
    /// <exception cref="NotInThisModeException">The mode has no groups.</exception>
    public async ValueTask<ChangeSummary> RevokeAsync(string user, string group, IngressRule rule, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rule);
        using Turn turn = await TakeRunningTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        await _mode.RevokeAsync(new GroupName(user, group), rule, changes, cancellationToken).ConfigureAwait(false);
        return changes.ToSummary();
    }

    /// <summary>The rules of all groups, or of one.</summary>
    /// <exception cref="NotInThisModeException">The mode has no groups.</exception>
    public async ValueTask<IReadOnlyList<RuleListing>> ListRulesAsync(string? user = null, string? group = null, CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        return [.. _mode.ListRules().Where(r => (user is null || r.Group.User == user) && (group is null || r.Group.Group == group))];
    }

    /// <summary>Makes an instance reachable and seen under a public address of the pool. An address that another instance has is moved; an instance's former address is given back.</summary>
    /// <exception cref="NotInThisModeException">The mode has no elastic addresses.</exception>
    public async ValueTask<ChangeSummary> AssociateAddressAsync(Ipv4Address publicAddress, string instanceId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(instanceId);
        using Turn turn = await TakeRunningTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        await _mode.AssociateAddressAsync(publicAddress, instanceId, changes, cancellationToken).ConfigureAwait(false);
        return changes.ToSummary();
    }

    /// <summary>Gives a public address back to the pool. One that nobody has changes nothing.</summary>
    /// <exception cref="NotInThisModeException">The mode has no elastic addresses.</exception>
    public async ValueTask<ChangeSummary> DisassociateAddressAsync(Ipv4Address publicAddress, CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeRunningTurnAsync(cancellationToken).ConfigureAwait(false);
        var changes = new ChangeLog();
        await _mode.DisassociateAddressAsync(publicAddress, changes, cancellationToken).ConfigureAwait(false);
        return changes.ToSummary();
    }

    /// <summary>The public pool.</summary>
    /// <exception cref="NotInThisModeException">The mode has no elastic addresses.</exception>
    public async ValueTask<IReadOnlyList<PublicAddressListing>> ListAddressesAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        return _mode.ListAddresses();
    }

    /// <summary>The active networks; none outside MANAGED mode.</summary>
    public async ValueTask<IReadOnlyList<NetworkListing>> ListNetworksAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        return _mode.ListNetworks();
    }

    /// <summary>A few numbers, and what wants attention.</summary>
    public async ValueTask<EngineStatus> GetStatusAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        return _mode.GetStatus() with
        {
            Running = _since is not null,
            Since = _since,
            Capacity = CapacityReport.For(Configuration),
        };
    }

    /// <summary>Goes through the manual's troubleshooting chapter: what should be, held against what is. Reads only; the worst comes first.</summary>
    public async ValueTask<IReadOnlyList<Finding>> ExamineAsync(CancellationToken cancellationToken = default)
    {
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        var findings = new FindingList();
        await _mode.ExamineAsync(findings, cancellationToken).ConfigureAwait(false);
        return findings.ToList();
    }

    /// <summary>Everything about one instance (by id or address), group (user-group) or public address: what is wanted, and what the kernel has for it.</summary>
    /// <exception cref="NotKnownException">There is no such thing.</exception>
    public async ValueTask<Explanation> ExplainAsync(string subject, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(subject);
        using Turn turn = await TakeTurnAsync(cancellationToken).ConfigureAwait(false);
        return await _mode.ExplainAsync(subject, cancellationToken).ConfigureAwait(false);
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
            throw new EngineException("front-end", "it is not started", "start it first");
        }

        return turn;
    }
}
