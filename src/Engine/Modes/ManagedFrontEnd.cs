using System.Globalization;
using EucaNet.Engine.Allocation;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Dhcp;
using EucaNet.Engine.Discovery;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Reconciliation;
using EucaNet.Engine.State;
using EucaNet.Netlink.Wire;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Modes;

/// <summary>
/// MANAGED on the front-end. Each operation first changes the state and the firewall's content in memory, then the kernel (links and addresses,
/// then one netfilter transaction, then connection tracking), then the journal; when the kernel refuses, all of it is taken back.
/// </summary>
internal sealed partial class ManagedFrontEnd : FrontEndMode
{
    private readonly ILogger _logger;
    private readonly ManagedState _state;
    private readonly ManagedFirewall _firewall;
    private readonly Links _links;
    private readonly NetworkBridges _bridges;
    private readonly IFirewallBackend _backend;
    private readonly IDhcpService _dhcp;
    private readonly FlowCutter _flows;
    private readonly StateJournal _journal;
    private readonly List<string> _problems = [];
    private LinkView? _parent;
    private LinkView? _public;

    public ManagedFrontEnd(EngineContext context)
        : base(context)
    {
        _logger = context.Logger<ManagedFrontEnd>();
        _state = new ManagedState(Configuration);
        _firewall = new ManagedFirewall(_state);
        _links = new Links(context);
        _bridges = new NetworkBridges(context.Kernel, Configuration, _links);
        _backend = FirewallBackends.Create(context, _state, _firewall);
        _dhcp = DhcpServices.Create(context);
        _flows = new FlowCutter(context);
        _journal = new StateJournal(context.Options.StateDirectory, "front-end.journal");
    }

    public override async ValueTask StartAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        Load(_journal.Open());
        await ReconcileAsync(changes, cancellationToken).ConfigureAwait(false);
        _journal.Compact(Standing());
    }

    public override async ValueTask StopAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        await _dhcp.StopAsync(changes).ConfigureAwait(false);
    }

    public override async ValueTask ReconcileAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        NeedsRepair = true;
        _problems.Clear();
        _parent = await _links.RequireAsync(Configuration.Interface, "VNET_INTERFACE", cancellationToken).ConfigureAwait(false);
        _public = await _links.RequireAsync(Configuration.PublicInterface, "VNET_PUBINTERFACE", cancellationToken).ConfigureAwait(false);
        if (!_parent.IsUp)
        {
            await _links.SetUpAsync(_parent, changes, cancellationToken).ConfigureAwait(false);
        }

        EnableForwarding(changes);
        await RemoveLeftOversAsync(changes, cancellationToken).ConfigureAwait(false);
        await RemoveStrayAddressesAsync(changes, cancellationToken).ConfigureAwait(false);
        foreach (ActiveNetwork network in _state.Networks.Values)
        {
            await EnsureLinkAsync(network, changes, cancellationToken).ConfigureAwait(false);
        }

        await EnsurePublicAddressesAsync(changes, cancellationToken).ConfigureAwait(false);
        await _backend.ReconcileAsync(changes, cancellationToken).ConfigureAwait(false);
        foreach (ActiveNetwork network in _state.Networks.Values)
        {
            LinkView link = await EnsureLinkAsync(network, changes, cancellationToken).ConfigureAwait(false);
            if (!link.IsUp)
            {
                await _links.SetUpAsync(link, changes, cancellationToken).ConfigureAwait(false);
            }

            await _dhcp.ServeAsync(ScopeOf(network), link.Index, cancellationToken).ConfigureAwait(false);
        }

        foreach (ManagedInstance instance in _state.Instances.Values)
        {
            _dhcp.Set(instance.Network.InterfaceName, instance.Mac, instance.Address);
        }

        await _dhcp.CommitAsync(changes, cancellationToken).ConfigureAwait(false);
        NeedsRepair = false;
    }

    public override async ValueTask<InstanceAssignment> RunInstanceAsync(InstanceRequest request, ChangeLog changes, CancellationToken cancellationToken)
    {
        GroupName group = CheckedGroup(request.User, request.Group);
        MacAddress mac = InstanceMac.FromInstanceId(request.InstanceId);
        if (_state.Instances.ContainsKey(request.InstanceId))
        {
            throw new InUseException($"instance {request.InstanceId}", "it has a network already", "terminate it first");
        }

        Ipv4Address? publicAddress = ChoosePublicAddress(request);
        using UndoLog undo = BeginChange();
        ActiveNetwork network = TakeNetwork(group, undo, out bool activated);
        int slot = network.Slots.TakeLowest(Context.Now);
        if (slot < 0)
        {
            throw new ExhaustedException($"address for instance {request.InstanceId}",
                string.Create(CultureInfo.InvariantCulture, $"network {network.Chunk.Network} of group {group} has {network.Chunk.Capacity} addresses for instances: {network.Slots.InUse} are given, {network.Slots.Resting} rest after use"),
                "end an instance of the group, wait, or run it in another group");
        }

        undo.Add(() => network.Slots.Undo(slot));
        var instance = new ManagedInstance(request.InstanceId, network, mac, slot, Context.Now);
        _state.Instances.Add(instance.Id, instance);
        network.Instances++;
        undo.Add(() =>
        {
            _state.Instances.Remove(instance.Id);
            network.Instances--;
        });

        if (publicAddress is { } address)
        {
            SetAssociation(address, instance, undo);
        }

        await CommitAsync(undo, changes, async () =>
        {
            LinkView? link = null;
            if (activated)
            {
                undo.AddKernel(() => RemoveLinkAsync(network, new ChangeLog(), CancellationToken.None));
                link = await EnsureLinkAsync(network, changes, cancellationToken).ConfigureAwait(false);
            }

            if (publicAddress is { } assigned)
            {
                await AddPublicAddressAsync(assigned, undo, changes, cancellationToken).ConfigureAwait(false);
            }

            await _backend.CommitAsync($"instance {instance.Id}", changes, cancellationToken).ConfigureAwait(false);
            if (link is not null)
            {
                await _links.SetUpAsync(link, changes, cancellationToken).ConfigureAwait(false);
                undo.AddKernel(() => _dhcp.EndAsync(network.InterfaceName));
                await _dhcp.ServeAsync(ScopeOf(network), link.Index, cancellationToken).ConfigureAwait(false);
            }

            _dhcp.Set(network.InterfaceName, mac, instance.Address);
            undo.Add(() => _dhcp.Remove(network.InterfaceName, mac));
            await _dhcp.CommitAsync(changes, cancellationToken).ConfigureAwait(false);
            changes.Add(ChangeKind.LeaseAdded, instance.Address.ToString(), $"for {mac} on {network.InterfaceName}");
        }).ConfigureAwait(false);

        if (publicAddress is { } announced)
        {
            Announce(announced, changes);
            Record(RecordOf(instance), RecordOf(announced, instance));
        }
        else
        {
            Record(RecordOf(instance));
        }

        _logger.LogInformation("Instance {Instance} of {Group}: {Address} on VLAN {Vlan}", instance.Id, group, instance.Address, network.Chunk.Vlan);
        return AssignmentOf(instance);
    }

    public override async ValueTask TerminateInstanceAsync(string instanceId, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (!_state.Instances.TryGetValue(instanceId, out ManagedInstance? instance))
        {
            throw NoInstance(instanceId);
        }

        ActiveNetwork network = instance.Network;
        Ipv4Address? publicAddress = instance.PublicAddress;
        bool last = network.Instances == 1;
        using UndoLog undo = BeginChange();
        if (publicAddress is { } associated)
        {
            ClearAssociation(associated, undo);
        }

        if (last)
        {
            _firewall.Deactivate(network);
        }

        await CommitAsync(undo, changes, async () =>
        {
            await _backend.CommitAsync($"instance {instance.Id}", changes, cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);

        // The firewall has let go of it: from here on it is gone, whatever else goes wrong.
        _state.Instances.Remove(instance.Id);
        network.Instances--;
        network.Slots.Release(instance.Slot, Context.Now + Context.Options.Quarantine);
        _dhcp.Remove(network.InterfaceName, instance.Mac);
        changes.Add(ChangeKind.LeaseRemoved, instance.Address.ToString(), $"of {instance.Mac} on {network.InterfaceName}");
        if (last)
        {
            _state.Networks.Remove(network.Group);
            _state.Allocator.Release(network.Chunk, Context.Now + Context.Options.Quarantine);
        }

        Record(new StateRecord { What = StateRecord.End, Instance = instance.Id, At = Context.Now });
        if (last)
        {
            await _dhcp.EndAsync(network.InterfaceName).ConfigureAwait(false);
        }

        await TidyAsync(() => _dhcp.CommitAsync(changes, cancellationToken)).ConfigureAwait(false);
        if (publicAddress is { } released)
        {
            await TidyAsync(() => _links.RemoveAddressAsync(_public!, released, 32, changes, cancellationToken)).ConfigureAwait(false);
        }

        _flows.CutInstance(instance.Address, changes);
        if (last)
        {
            await TidyAsync(() => RemoveLinkAsync(network, changes, cancellationToken)).ConfigureAwait(false);
        }
    }

    public override ValueTask<IReadOnlyList<InstanceListing>> ListInstancesAsync(CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<InstanceListing>>(
        [
            .. _state.Instances.Values.OrderBy(i => i.Id, StringComparer.Ordinal).Select(i => new InstanceListing
            {
                Assignment = AssignmentOf(i),
                PrivateAddress = i.Address,
                PublicAddress = i.PublicAddress ?? i.Address,
                HasElasticAddress = i.PublicAddress is not null,
                Since = i.Since,
            }),
        ]);

    private async ValueTask AuthorizeAsync(GroupName group, IngressRule rule, ChangeLog changes, CancellationToken cancellationToken)
    {
        group = CheckedGroup(group.User, group.Group);
        rule.Validate();
        IngressRule normal = rule.Normalized();
        if (!_state.AddRule(group, normal))
        {
            changes.Add(ChangeKind.Note, $"group {group}", $"has the rule already: {normal}");
            return;
        }

        using UndoLog undo = BeginChange();
        undo.Add(() => _state.RemoveRule(group, normal));
        _firewall.AddRule(group, normal);
        await CommitAsync(undo, changes, () => _backend.CommitAsync($"rule '{normal}' of group {group}", changes, cancellationToken)).ConfigureAwait(false);
        Record(StateRecord.OfRule(StateRecord.Authorize, group, normal));
    }

    public override async ValueTask RevokeAsync(GroupName group, IngressRule rule, ChangeLog changes, CancellationToken cancellationToken)
    {
        rule.Validate();
        IngressRule normal = rule.Normalized();
        if (!_state.RulesOf(group).Contains(normal))
        {
            changes.Add(ChangeKind.Note, $"group {group}", $"has no such rule: {normal}");
            return;
        }

        using UndoLog undo = BeginChange();
        Ipv4Network? source = _state.SourceOf(normal);
        _firewall.RemoveRule(group, normal);
        _state.RemoveRule(group, normal);
        undo.Add(() => _state.AddRule(group, normal));
        await CommitAsync(undo, changes, () => _backend.CommitAsync($"rule '{normal}' of group {group}", changes, cancellationToken)).ConfigureAwait(false);
        Record(StateRecord.OfRule(StateRecord.Revoke, group, normal));
        if (source is { } from && _state.Networks.TryGetValue(group, out ActiveNetwork? network))
        {
            (IngressRule Rule, Ipv4Network Source)[] remaining = [.. _state.RulesOf(group).Where(r => _state.SourceOf(r) is not null).Select(r => (r, _state.SourceOf(r)!.Value))];
            _flows.CutRevoked(network.Chunk.Network, normal, from, remaining, changes);
        }
    }

    public override IReadOnlyList<RuleListing> ListRules() =>
    [
        .. _state.GroupsWithRules.Order().SelectMany(group => _state.RulesOf(group)
            .OrderBy(r => r.ToString(), StringComparer.Ordinal)
            .Select(rule => new RuleListing(group, rule, _state.Networks.ContainsKey(group) && _state.SourceOf(rule) is not null))),
    ];

    public override async ValueTask AssociateAddressAsync(Ipv4Address address, string instanceId, ChangeLog changes, CancellationToken cancellationToken)
    {
        RequireInPool(address);
        if (!_state.Instances.TryGetValue(instanceId, out ManagedInstance? instance))
        {
            throw NoInstance(instanceId);
        }

        if (instance.PublicAddress == address)
        {
            changes.Add(ChangeKind.Note, address.ToString(), $"is associated with {instance.Id} already");
            return;
        }

        using UndoLog undo = BeginChange();
        ManagedInstance? formerOwner = _state.Associations.GetValueOrDefault(address);
        Ipv4Address? formerAddress = instance.PublicAddress;
        if (formerOwner is not null)
        {
            ClearAssociation(address, undo);
        }

        if (formerAddress is { } old)
        {
            ClearAssociation(old, undo);
        }

        SetAssociation(address, instance, undo);
        await CommitAsync(undo, changes, async () =>
        {
            if (formerOwner is null)
            {
                await AddPublicAddressAsync(address, undo, changes, cancellationToken).ConfigureAwait(false);
            }

            await _backend.CommitAsync($"address {address}", changes, cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);

        if (formerAddress is { } left)
        {
            Record(new StateRecord { What = StateRecord.Disassociate, Address = left.ToString() }, RecordOf(address, instance));
            await TidyAsync(() => _links.RemoveAddressAsync(_public!, left, 32, changes, cancellationToken)).ConfigureAwait(false);
            _flows.CutPublic(left, instance.Address, changes);
        }
        else
        {
            Record(RecordOf(address, instance));
        }

        if (formerOwner is not null)
        {
            _flows.CutPublic(address, formerOwner.Address, changes);
        }

        Announce(address, changes);
    }

    public override async ValueTask DisassociateAddressAsync(Ipv4Address address, ChangeLog changes, CancellationToken cancellationToken)
    {
        RequireInPool(address);
        if (!_state.Associations.TryGetValue(address, out ManagedInstance? instance))
        {
            changes.Add(ChangeKind.Note, address.ToString(), "is not associated with any instance");
            return;
        }

        using UndoLog undo = BeginChange();
        ClearAssociation(address, undo);
        await CommitAsync(undo, changes, () => _backend.CommitAsync($"address {address}", changes, cancellationToken)).ConfigureAwait(false);
        Record(new StateRecord { What = StateRecord.Disassociate, Address = address.ToString() });
        await TidyAsync(() => _links.RemoveAddressAsync(_public!, address, 32, changes, cancellationToken)).ConfigureAwait(false);
        _flows.CutPublic(address, instance.Address, changes);
    }

    public override IReadOnlyList<PublicAddressListing> ListAddresses() =>
    [
        .. _state.PublicPool.Select(a => _state.Associations.TryGetValue(a, out ManagedInstance? instance)
            ? new PublicAddressListing { Address = a, InstanceId = instance.Id, PrivateAddress = instance.Address }
            : new PublicAddressListing { Address = a }),
    ];

    public override IReadOnlyList<NetworkListing> ListNetworks() =>
    [
        .. _state.Networks.Values.OrderBy(n => n.Chunk.Index).Select(n => new NetworkListing
        {
            Group = n.Group,
            Vlan = n.Chunk.Vlan,
            Network = n.Chunk.Network,
            Router = n.Chunk.Router,
            InterfaceName = n.InterfaceName,
            Instances = n.Instances,
            FreeAddresses = n.Slots.Free,
        }),
    ];

    public override EngineCounts Counts => new(_state.Instances.Count, _state.Networks.Count, _state.RuleCount, _state.Associations.Count);

    public override EngineStatus GetStatus() => new()
    {
        Role = EngineRole.FrontEnd,
        Mode = NetworkMode.Managed,
        Instances = _state.Instances.Count,
        Networks = _state.Networks.Count,
        Rules = _state.RuleCount,
        AssociatedAddresses = _state.Associations.Count,
        Firewall = _backend.Description,
        Dhcp = _dhcp.Description,
        Problems = [.. _problems, .. _dhcp.Problems],
    };

    public override async ValueTask DisposeAsync()
    {
        await _dhcp.DisposeAsync().ConfigureAwait(false);
        await _backend.DisposeAsync().ConfigureAwait(false);
        await _flows.DisposeAsync().ConfigureAwait(false);
        await _links.DisposeAsync().ConfigureAwait(false);
        _journal.Dispose();
    }
}
