using EucaNet.Engine.Allocation;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Dhcp;
using EucaNet.Engine.Diagnostics;
using EucaNet.Engine.Reconciliation;
using EucaNet.Engine.State;
using EucaNet.Netlink.Wire;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Modes;

/// <summary>STATIC on the front-end: pairs of the map and a DHCP server on <c>VNET_INTERFACE</c>; nothing else of the kernel is changed.</summary>
internal sealed class StaticFrontEnd : FrontEndMode
{
    private sealed record Instance(string Id, GroupName Group, MacMapping Pair, DateTimeOffset Since);

    private readonly ILogger _logger;
    private readonly StaticPairs _pairs;
    private readonly Links _links;
    private readonly IDhcpService _dhcp;
    private readonly StateJournal _journal;
    private readonly SortedDictionary<string, Instance> _instances = new(StringComparer.OrdinalIgnoreCase);

    public StaticFrontEnd(EngineContext context)
        : base(context)
    {
        _logger = context.Logger<StaticFrontEnd>();
        _pairs = new StaticPairs(Configuration.MacMap);
        _links = new Links(context);
        _dhcp = DhcpServices.Create(context);
        _journal = new StateJournal(context.Options.StateDirectory, "front-end.journal");
    }

    public override async ValueTask StartAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        foreach (StateRecord record in _journal.Open())
        {
            Load(record);
        }

        await ReconcileAsync(changes, cancellationToken).ConfigureAwait(false);
        _journal.Compact(_instances.Values.Select(RecordOf));
    }

    public override ValueTask StopAsync(ChangeLog changes, CancellationToken cancellationToken) => _dhcp.StopAsync(changes);

    public override async ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        LinkView link = await _links.RequireAsync(Configuration.Interface, "VNET_INTERFACE", cancellationToken).ConfigureAwait(false);
        if (!link.IsUp)
        {
            throw new EngineException($"interface {link.Name} (VNET_INTERFACE)", "it is down", $"set it up: ip link set {link.Name} up");
        }

        Ipv4Address? own = null;
        foreach ((Ipv4Address address, int _) in await _links.AddressesAsync(link, cancellationToken).ConfigureAwait(false))
        {
            if (Configuration.Subnet.Contains(address))
            {
                own ??= address;
            }
        }

        if (own is not { } serverAddress)
        {
            throw new EngineException($"interface {link.Name} (VNET_INTERFACE)", $"it has no address in {Configuration.Subnet}, so instances could not reach the DHCP server",
                $"give it one (ip addr add … dev {link.Name}), or correct VNET_INTERFACE or VNET_SUBNET");
        }

        if (Configuration.MacMap.FirstOrDefault(m => m.Address == serverAddress) is { Mac.Value: not 0 })
        {
            throw new EngineException($"address {serverAddress} of VNET_MACMAP", $"it is the front-end's own, on {link.Name}", "take the pair out of VNET_MACMAP or give it another address");
        }

        await _dhcp.ServeAsync(new DhcpScope
        {
            InterfaceName = link.Name,
            ServerAddress = serverAddress,
            Network = Configuration.Subnet,
            Broadcast = Configuration.Broadcast,
            Router = Configuration.Router,
            DnsServers = Configuration.DnsServers,
            LeaseTime = Context.Options.LeaseTime,
        }, link.Index, cancellationToken).ConfigureAwait(false);
        foreach (Instance instance in _instances.Values)
        {
            _dhcp.Set(Configuration.Interface, instance.Pair.Mac, instance.Pair.Address);
        }

        await _dhcp.CommitAsync(changes, cancellationToken).ConfigureAwait(false);
    }

    public override async ValueTask<InstanceAssignment> RunInstanceAsync(InstanceRequest request, ChangeLog changes, CancellationToken cancellationToken)
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

        MacMapping pair = _pairs.Take(request.InstanceId, Context.Now);
        var instance = new Instance(request.InstanceId, new GroupName(request.User, request.Group), pair, Context.Now);
        _dhcp.Set(Configuration.Interface, pair.Mac, pair.Address);
        try
        {
            await _dhcp.CommitAsync(changes, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _dhcp.Remove(Configuration.Interface, pair.Mac);
            _pairs.Release(pair.Mac);
            throw;
        }

        _instances.Add(instance.Id, instance);
        _journal.Append(RecordOf(instance));
        changes.Add(ChangeKind.LeaseAdded, pair.Address.ToString(), $"for {pair.Mac} on {Configuration.Interface}");
        _logger.LogInformation("Instance {Instance}: {Mac}, {Address}", instance.Id, pair.Mac, pair.Address);
        return AssignmentOf(instance);
    }

    public override async ValueTask TerminateInstanceAsync(string instanceId, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (!_instances.Remove(instanceId, out Instance? instance))
        {
            throw NoInstance(instanceId);
        }

        _pairs.Release(instance.Pair.Mac);
        _dhcp.Remove(Configuration.Interface, instance.Pair.Mac);
        _journal.Append(new StateRecord { What = StateRecord.End, Instance = instance.Id, At = Context.Now });
        if (_journal.WantsCompacting(_instances.Count))
        {
            _journal.Compact(_instances.Values.Select(RecordOf));
        }

        changes.Add(ChangeKind.LeaseRemoved, instance.Pair.Address.ToString(), $"of {instance.Pair.Mac} on {Configuration.Interface}");
        await _dhcp.CommitAsync(changes, cancellationToken).ConfigureAwait(false);
    }

    public override ValueTask<IReadOnlyList<InstanceListing>> ListInstancesAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<InstanceListing>>(
        [
            .. _instances.Values.Select(i => new InstanceListing
            {
                Assignment = AssignmentOf(i),
                PrivateAddress = i.Pair.Address,
                PublicAddress = i.Pair.Address,
                Since = i.Since,
            }),
        ]);

    public override async ValueTask ExamineAsync(FindingList findings, CancellationToken cancellationToken)
    {
        await new HostChecks(Context, _links, findings).RunAsync(cancellationToken).ConfigureAwait(false);
        DhcpChecks.Add(_dhcp, $"serves {_instances.Count} instances on {Configuration.Interface}", findings);
    }

    public override EngineCounts Counts => new(_instances.Count, 0, 0, 0);

    public override EngineStatus GetStatus() => new()
    {
        Role = EngineRole.FrontEnd,
        Mode = NetworkMode.Static,
        Instances = _instances.Count,
        Dhcp = _dhcp.Description,
        Problems = _dhcp.Problems,
    };

    public override async ValueTask DisposeAsync()
    {
        await _dhcp.DisposeAsync().ConfigureAwait(false);
        await _links.DisposeAsync().ConfigureAwait(false);
        _journal.Dispose();
    }

    private InstanceAssignment AssignmentOf(Instance instance) => new()
    {
        InstanceId = instance.Id,
        Group = instance.Group,
        Mode = NetworkMode.Static,
        Mac = instance.Pair.Mac,
        Address = instance.Pair.Address,
        Network = Configuration.Subnet,
        Router = Configuration.Router,
    };

    private static StateRecord RecordOf(Instance instance) => new()
    {
        What = StateRecord.Run,
        Instance = instance.Id,
        User = instance.Group.User,
        Group = instance.Group.Group,
        Mac = instance.Pair.Mac.ToString(),
        Address = instance.Pair.Address.ToString(),
        At = instance.Since,
    };

    private void Load(StateRecord record)
    {
        if (record is { What: StateRecord.End, Instance: { } ended })
        {
            if (_instances.Remove(ended, out Instance? gone))
            {
                _pairs.Release(gone.Pair.Mac);
            }
        }
        else if (record is { What: StateRecord.Run, Instance: { } id } && MacAddress.TryParse(record.Mac, out MacAddress mac) && Ipv4Address.TryParse(record.Address, out Ipv4Address address))
        {
            var pair = new MacMapping(mac, address);
            if (_pairs.TryTake(pair))
            {
                _instances[id] = new Instance(id, new GroupName(record.User ?? "", record.Group ?? ""), pair, record.At ?? Context.Now);
            }
            else
            {
                _logger.LogWarning("Instance {Instance} had the pair {Mac}={Address}, which VNET_MACMAP does not hold any more; left out", id, mac, address);
            }
        }
    }
}
