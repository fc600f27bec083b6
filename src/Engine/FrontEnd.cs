using EucaNet.Engine.Configuration;
using EucaNet.Engine.Diagnostics;
using EucaNet.Engine.Modes;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Engine;

/// <summary>
/// The cluster's front-end over one kernel: gives instances their network and, in MANAGED mode, is their router, firewall and DHCP server.
/// Calls may come from several threads; they are carried out one after the other, each completely or not at all.
/// </summary>
public sealed class FrontEnd : IAddressReports, IAsyncDisposable
{
    private readonly FrontEndMode _mode;
    private readonly EngineOptions _options;
    private readonly EngineInstruments _instruments;
    private readonly EngineRun _run;

    /// <summary>A front-end that does nothing until it is started.</summary>
    /// <param name="kernel">The kernel it works on.</param>
    /// <param name="configuration">A configuration read for <see cref="EngineRole.FrontEnd"/> or <see cref="EngineRole.Both"/>.</param>
    /// <param name="options">The rest.</param>
    public FrontEnd(IKernel kernel, NetworkConfiguration configuration, EngineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(configuration);
        if (configuration.Role == EngineRole.Node)
        {
            throw new ArgumentException("The configuration was read for a node.", nameof(configuration));
        }

        Kernel = kernel;
        Configuration = configuration;
        _options = options ?? new EngineOptions();
        _instruments = new EngineInstruments(_options.MeterFactory, "front-end");
        var context = new EngineContext(kernel, configuration, _options) { Instruments = _instruments };
        _run = new EngineRun(context, "front-end");
        _mode = FrontEndMode.Create(context);
        _run.Repair(() => _mode.NeedsRepair, _mode.ReconcileAsync);
        _instruments.Show(() => _mode.Counts);
    }

    /// <summary>The kernel it works on.</summary>
    public IKernel Kernel { get; }

    /// <summary>The configuration in force.</summary>
    public NetworkConfiguration Configuration { get; }

    /// <summary>
    /// Makes the kernel what the mode's start state and the stored state say. What is already so is not written;
    /// established connections are not disturbed.
    /// </summary>
    /// <exception cref="EngineException">It cannot be; the message says what is missing.</exception>
    public ValueTask<ChangeSummary> StartAsync(CancellationToken cancellationToken = default) =>
        _run.StartAsync(changes => _mode.StartAsync(changes, cancellationToken), cancellationToken);

    /// <summary>Ends the DHCP server and the watching; the kernel keeps all that was made, so that instances go on.</summary>
    public ValueTask<ChangeSummary> StopAsync(CancellationToken cancellationToken = default) =>
        _run.StopAsync(changes => _mode.StopAsync(changes, cancellationToken), cancellationToken);

    /// <summary>Gives an instance its network: MAC, and by mode address, VLAN, bridge, DHCP mapping, public address.</summary>
    /// <exception cref="EngineException">Nothing is left, the id is taken or no id; nothing was changed.</exception>
    public ValueTask<Outcome<InstanceAssignment>> RunInstanceAsync(InstanceRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _run.ChangeAsync("run instance", $"instance {request.InstanceId}", async changes =>
        {
            InstanceAssignment assignment = await _mode.RunInstanceAsync(request, changes, cancellationToken).ConfigureAwait(false);
            if (_options.AssignmentChannel is { } channel)
            {
                await channel.PublishAsync(assignment, cancellationToken).ConfigureAwait(false);
            }

            return assignment;
        }, cancellationToken);
    }

    /// <summary>Takes an instance's network back. The last of a group takes the group's VLAN and chunk with it.</summary>
    /// <exception cref="NotKnownException">There is no such instance.</exception>
    public ValueTask<ChangeSummary> TerminateInstanceAsync(string instanceId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(instanceId);
        return _run.ChangeAsync("terminate instance", $"instance {instanceId}", async changes =>
        {
            await _mode.TerminateInstanceAsync(instanceId, changes, cancellationToken).ConfigureAwait(false);
            if (_options.AssignmentChannel is { } channel)
            {
                await channel.WithdrawAsync(instanceId, cancellationToken).ConfigureAwait(false);
            }
        }, cancellationToken);
    }

    /// <summary>The instances, by id.</summary>
    public ValueTask<IReadOnlyList<InstanceListing>> ListInstancesAsync(CancellationToken cancellationToken = default) =>
        _run.ReadAsync(() => _mode.ListInstancesAsync(cancellationToken), cancellationToken);

    /// <summary>SYSTEM mode: a node saw a DHCP server give an instance an address, which counts beside the neighbour table; the newest sign of either is shown.</summary>
    /// <exception cref="EngineException">There is no such instance, or the mode gives the addresses itself.</exception>
    public async ValueTask ReportAddressAsync(AddressReport report, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(report);
        await _run.ChangeAsync("report address", $"instance {report.InstanceId}", _ =>
        {
            _mode.NoteAddress(report);
            return ValueTask.CompletedTask;
        }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Lets traffic into a group. Adding a rule that is there changes nothing. Rules that wait for their turn together are written to the kernel
    /// together; each is still reported, or refused, for itself.
    /// </summary>
    /// <exception cref="NotInThisModeException">The mode has no groups.</exception>
    public async ValueTask<ChangeSummary> AuthorizeAsync(string user, string group, IngressRule rule, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rule);
        using WaitingRule waiting = _mode.Burst.Add(new GroupName(user, group), rule);
        try
        {
            return await _run.ChangeAsync("authorize", $"group {waiting.Group}", changes => _mode.AuthorizeAsync(waiting, changes, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (await waiting.GiveUpAsync().ConfigureAwait(false) is { } written)
            {
                return written.ToSummary();
            }

            throw;
        }
    }

    /// <summary>Takes a rule from a group and cuts the flows it had let in. Taking one that is not there changes nothing.</summary>
    /// <exception cref="NotInThisModeException">The mode has no groups.</exception>
    public ValueTask<ChangeSummary> RevokeAsync(string user, string group, IngressRule rule, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rule);
        var name = new GroupName(user, group);
        _mode.Burst.Part();
        return _run.ChangeAsync("revoke", $"group {name}", changes => _mode.RevokeAsync(name, rule, changes, cancellationToken), cancellationToken);
    }

    /// <summary>The rules of all groups, or of one.</summary>
    /// <exception cref="NotInThisModeException">The mode has no groups.</exception>
    public ValueTask<IReadOnlyList<RuleListing>> ListRulesAsync(string? user = null, string? group = null, CancellationToken cancellationToken = default) =>
        _run.ReadAsync<IReadOnlyList<RuleListing>>(
            () => [.. _mode.ListRules().Where(r => (user is null || r.Group.User == user) && (group is null || r.Group.Group == group))], cancellationToken);

    /// <summary>Makes an instance reachable and seen under a public address of the pool. An address that another instance has is moved; an instance's former address is given back.</summary>
    /// <exception cref="NotInThisModeException">The mode has no elastic addresses.</exception>
    public ValueTask<ChangeSummary> AssociateAddressAsync(Ipv4Address publicAddress, string instanceId, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(instanceId);
        return _run.ChangeAsync("associate address", $"address {publicAddress}, instance {instanceId}",
            changes => _mode.AssociateAddressAsync(publicAddress, instanceId, changes, cancellationToken), cancellationToken);
    }

    /// <summary>Gives a public address back to the pool. One that nobody has changes nothing.</summary>
    /// <exception cref="NotInThisModeException">The mode has no elastic addresses.</exception>
    public ValueTask<ChangeSummary> DisassociateAddressAsync(Ipv4Address publicAddress, CancellationToken cancellationToken = default) =>
        _run.ChangeAsync("disassociate address", $"address {publicAddress}", changes => _mode.DisassociateAddressAsync(publicAddress, changes, cancellationToken), cancellationToken);

    /// <summary>The public pool.</summary>
    /// <exception cref="NotInThisModeException">The mode has no elastic addresses.</exception>
    public ValueTask<IReadOnlyList<PublicAddressListing>> ListAddressesAsync(CancellationToken cancellationToken = default) =>
        _run.ReadAsync(_mode.ListAddresses, cancellationToken);

    /// <summary>The active networks; none outside MANAGED mode.</summary>
    public ValueTask<IReadOnlyList<NetworkListing>> ListNetworksAsync(CancellationToken cancellationToken = default) =>
        _run.ReadAsync(_mode.ListNetworks, cancellationToken);

    /// <summary>A few numbers, and what wants attention.</summary>
    public ValueTask<EngineStatus> GetStatusAsync(CancellationToken cancellationToken = default) =>
        _run.ReadAsync(() => _mode.GetStatus() with { Running = _run.Since is not null, Since = _run.Since, Capacity = CapacityReport.For(Configuration) }, cancellationToken);

    /// <summary>Goes through the manual's troubleshooting chapter: what should be, held against what is. Reads only; the worst comes first.</summary>
    public ValueTask<IReadOnlyList<Finding>> ExamineAsync(CancellationToken cancellationToken = default) => _run.ReadAsync(async () =>
    {
        var findings = new FindingList();
        await _mode.ExamineAsync(findings, cancellationToken).ConfigureAwait(false);
        return findings.ToList();
    }, cancellationToken);

    /// <summary>Everything about one instance (by id or address), group (user-group) or public address: what is wanted, and what the kernel has for it.</summary>
    /// <exception cref="NotKnownException">There is no such thing.</exception>
    public ValueTask<Explanation> ExplainAsync(string subject, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(subject);
        return _run.ReadAsync(async () =>
        {
            Explanation explanation = await _mode.ExplainAsync(subject, cancellationToken).ConfigureAwait(false);
            return explanation with { Errors = _run.ErrorsAbout(explanation.Names) };
        }, cancellationToken);
    }

    /// <summary>Who a packet is between, and which ingress rules let it in: what is wanted, whatever the kernel does with it.</summary>
    /// <exception cref="NotInThisModeException">The mode has no groups.</exception>
    public ValueTask<PacketIntent> ExplainPacketAsync(PacketDescription packet, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(packet);
        return _run.ReadAsync(() => _mode.ExplainPacket(packet), cancellationToken);
    }

    /// <summary>Compares all that should be in the kernel with all that is, and writes the differences.</summary>
    public ValueTask<ChangeSummary> ReconcileAsync(CancellationToken cancellationToken = default) =>
        _run.ChangeAsync("reconcile", "front-end", changes => _mode.ReconcileAsync(changes, cancellationToken), cancellationToken, asRepair: true);

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
