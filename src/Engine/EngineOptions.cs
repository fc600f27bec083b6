using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EucaNet.Engine;

/// <summary>What an engine is made with beside its kernel and its configuration.</summary>
public sealed record EngineOptions
{
    /// <summary>Where log lines go.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Makes the engine's meter (<see cref="EngineTelemetry"/>), as dependency injection has it; null for one of the engine's own.</summary>
    public IMeterFactory? MeterFactory { get; init; }

    /// <summary>The seed of all randomness (SYSTEM's MACs); null for a seed of the system's.</summary>
    public ulong? Seed { get; init; }

    /// <summary>The directory in which the state survives a restart; null to keep it in memory only.</summary>
    public string? StateDirectory { get; init; }

    /// <summary>How long an address, a MAC or a VLAN is not given again after its release, nor an address that its client declined.</summary>
    public TimeSpan Quarantine { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How soon the engine reconciles by itself after a change that went wrong half-way or whose outcome is not known, and again while that fails.</summary>
    public TimeSpan RepairInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often the engine reconciles even so, against programs that change what is ours; null for never.</summary>
    public TimeSpan? CheckInterval { get; init; }

    /// <summary>How long a discovered address is trusted without a sign of life (SYSTEM).</summary>
    public TimeSpan DiscoveryStaleness { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The lease time the DHCP server gives.</summary>
    public TimeSpan LeaseTime { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>How instances' assignments get to the nodes; null for nobody listening.</summary>
    public IAssignmentChannel? AssignmentChannel { get; init; }

    /// <summary>Where a node tells what addresses DHCP servers gave its instances (SYSTEM); null for nobody listening. A <see cref="FrontEnd"/> of the same process is one.</summary>
    public IAddressReports? AddressReports { get; init; }

    /// <summary>Starts and watches the external DHCP daemon (<c>VNET_DHCPDAEMON</c>); null where child processes cannot be had, then the built-in server takes its place.</summary>
    public Dhcp.IDaemonLauncher? DaemonLauncher { get; init; }

    /// <summary>How long the external DHCP daemon may take to test a configuration (<c>-t</c>) before it is given up.</summary>
    public TimeSpan DaemonPatience { get; init; } = TimeSpan.FromSeconds(20);
}

/// <summary>
/// Carries what a front-end gave an instance to whoever attaches it: the cloud's own messaging, the same process in the simulator,
/// a distributed store some day.
/// </summary>
public interface IAssignmentChannel
{
    /// <summary>A front-end gave an instance its network.</summary>
    ValueTask PublishAsync(InstanceAssignment assignment, CancellationToken cancellationToken = default);

    /// <summary>A front-end took an instance's network back.</summary>
    ValueTask WithdrawAsync(string instanceId, CancellationToken cancellationToken = default);

    /// <summary>What an instance was given, or null when it is not known (yet).</summary>
    ValueTask<InstanceAssignment?> FindAsync(string instanceId, CancellationToken cancellationToken = default);
}

/// <summary>An assignment channel within one process.</summary>
public sealed class LocalAssignmentChannel : IAssignmentChannel
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, InstanceAssignment> _assignments = new(StringComparer.Ordinal);

    /// <inheritdoc />
    public ValueTask PublishAsync(InstanceAssignment assignment, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(assignment);
        lock (_lock)
        {
            _assignments[assignment.InstanceId] = assignment;
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask WithdrawAsync(string instanceId, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            _assignments.Remove(instanceId);
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc />
    public ValueTask<InstanceAssignment?> FindAsync(string instanceId, CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return ValueTask.FromResult(_assignments.GetValueOrDefault(instanceId));
        }
    }
}
