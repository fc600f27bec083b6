using EucaNet.Engine.Allocation;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Discovery;
using EucaNet.Engine.State;
using EucaNet.Netlink.Wire;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Modes;

/// <summary>SYSTEM on the front-end: a random MAC for each instance, and its address found in the neighbour table. The kernel is only read.</summary>
internal sealed class SystemFrontEnd : FrontEndMode
{
    private sealed record Instance(string Id, GroupName Group, MacAddress Mac, DateTimeOffset Since);

    private readonly ILogger _logger;
    private readonly RandomSource _random;
    private readonly NeighbourWatch _neighbours;
    private readonly StateJournal _journal;
    private readonly SortedDictionary<string, Instance> _instances = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<MacAddress> _macs = [];
    private readonly ReportedAddresses _reported = new();

    public SystemFrontEnd(EngineContext context)
        : base(context)
    {
        _logger = context.Logger<SystemFrontEnd>();
        _random = RandomSource.Create(context.Options.Seed);
        _neighbours = new NeighbourWatch(context);
        _journal = new StateJournal(context.Options.StateDirectory, "front-end.journal");
    }

    public override async ValueTask StartAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        foreach (StateRecord record in _journal.Open())
        {
            if (record is { What: StateRecord.End, Instance: { } ended } && _instances.Remove(ended, out Instance? gone))
            {
                _macs.Remove(gone.Mac);
            }
            else if (record is { What: StateRecord.Run, Instance: { } id } && MacAddress.TryParse(record.Mac, out MacAddress mac))
            {
                _instances[id] = new Instance(id, new GroupName(record.User ?? "", record.Group ?? ""), mac, record.At ?? Context.Now);
                _macs.Add(mac);
            }
        }

        await _neighbours.StartAsync(cancellationToken).ConfigureAwait(false);
        _journal.Compact(_instances.Values.Select(RecordOf));
    }

    public override ValueTask StopAsync(ChangeLog changes, CancellationToken cancellationToken) => _neighbours.StopAsync();

    public override ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken) => _neighbours.RefreshAsync(cancellationToken);

    public override ValueTask<InstanceAssignment> RunInstanceAsync(InstanceRequest request, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (request.PublicAddress is not null || request.AnyPublicAddress)
        {
            throw NotHere("elastic addresses");
        }

        if (request.InstanceId.Length == 0)
        {
            throw new InvalidRequestException("instance id", "", "is empty", "give an id as i-2ECA052C");
        }

        if (_instances.ContainsKey(request.InstanceId))
        {
            throw new InUseException($"instance {request.InstanceId}", "it has a network already", "terminate it first");
        }

        MacAddress mac = InstanceMac.Random(_random, m => _macs.Contains(m) || _neighbours.Knows(m));
        var instance = new Instance(request.InstanceId, new GroupName(request.User, request.Group), mac, Context.Now);
        _instances.Add(instance.Id, instance);
        _macs.Add(mac);
        _journal.Append(RecordOf(instance));
        _logger.LogInformation("Instance {Instance}: {Mac}", instance.Id, mac);
        changes.Add(ChangeKind.Note, instance.Id, $"MAC {mac}; the local DHCP server gives the address");
        return ValueTask.FromResult(AssignmentOf(instance));
    }

    public override ValueTask TerminateInstanceAsync(string instanceId, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (!_instances.Remove(instanceId, out Instance? instance))
        {
            throw NoInstance(instanceId);
        }

        _macs.Remove(instance.Mac);
        _neighbours.Forget(instance.Mac);
        _reported.Forget(instance.Id);
        _journal.Append(new StateRecord { What = StateRecord.End, Instance = instance.Id, At = Context.Now });
        if (_journal.WantsCompacting(_instances.Count))
        {
            _journal.Compact(_instances.Values.Select(RecordOf));
        }

        return ValueTask.CompletedTask;
    }

    public override async ValueTask<IReadOnlyList<InstanceListing>> ListInstancesAsync(CancellationToken cancellationToken)
    {
        await _neighbours.CatchUpAsync(cancellationToken).ConfigureAwait(false);
        var listing = new List<InstanceListing>();
        foreach (Instance instance in _instances.Values)
        {
            Discovered? found = Newest(_neighbours.Find(instance.Mac), _reported.Find(instance.Id, Context.Now));
            listing.Add(new InstanceListing
            {
                Assignment = AssignmentOf(instance),
                PrivateAddress = found?.Address ?? Ipv4Address.Unknown,
                PublicAddress = found?.Address ?? Ipv4Address.Unknown,
                Since = instance.Since,
                Discovery = found?.ToString(),
            });
        }

        return listing;
    }

    public override EngineCounts Counts => new(_instances.Count, 0, 0, 0);

    public override EngineStatus GetStatus() => new()
    {
        Role = EngineRole.FrontEnd,
        Mode = NetworkMode.System,
        Instances = _instances.Count,
        Problems = [.. _neighbours.Problems(_macs), .. _reported.Problems(Context.Now)],
    };

    public override async ValueTask DisposeAsync()
    {
        await _neighbours.DisposeAsync().ConfigureAwait(false);
        _journal.Dispose();
    }

    public override void NoteAddress(AddressReport report)
    {
        if (!_instances.ContainsKey(report.InstanceId))
        {
            throw NoInstance(report.InstanceId);
        }

        _reported.Note(report, Context.Now);
        _logger.LogInformation("Instance {Instance}: {Address} by the DHCP server {Server}, its node reports", report.InstanceId, report.Address, report.Server);
    }

    // Whoever saw it last knows where it is now.
    private static Discovered? Newest(Discovered? first, Discovered? second) => first is null || second?.Seen > first.Seen ? second ?? first : first;

    private static InstanceAssignment AssignmentOf(Instance instance) => new()
    {
        InstanceId = instance.Id,
        Group = instance.Group,
        Mode = NetworkMode.System,
        Mac = instance.Mac,
    };

    private static StateRecord RecordOf(Instance instance) => new()
    {
        What = StateRecord.Run,
        Instance = instance.Id,
        User = instance.Group.User,
        Group = instance.Group.Group,
        Mac = instance.Mac.ToString(),
        At = instance.Since,
    };
}
