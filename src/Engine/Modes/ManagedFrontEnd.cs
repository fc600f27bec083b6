using System.Globalization;
using EucaNet.Engine.Allocation;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Dhcp;
using EucaNet.Engine.Discovery;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Reconciliation;
using EucaNet.Engine.State;
using Microsoft.Extensions.Logging;

namespace EucaNet.Engine.Modes;

/// <summary>
/// MANAGED on the front-end. Each operation first changes the state and the firewall's content in memory, then the kernel (links and addresses,
/// then one netfilter transaction, then connection tracking), then the journal; when the kernel refuses, all of it is taken back.
/// </summary>
internal sealed class ManagedFrontEnd : FrontEndMode
{
    private readonly ILogger _logger;
    private readonly ManagedState _state;
    private readonly ManagedFirewall _firewall;
    private readonly Links _links;
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
        _problems.Clear();
        _parent = await _links.RequireAsync(Configuration.Interface, "VNET_INTERFACE", cancellationToken).ConfigureAwait(false);
        _public = await _links.RequireAsync(Configuration.PublicInterface, "VNET_PUBINTERFACE", cancellationToken).ConfigureAwait(false);
        if (!_parent.IsUp)
        {
            await _links.SetUpAsync(_parent, changes, cancellationToken).ConfigureAwait(false);
        }

        EnableForwarding(changes);
        await RemoveLeftOversAsync(changes, cancellationToken).ConfigureAwait(false);
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

        await _dhcp.CommitAsync(changes, cancellationToken).ConfigureAwait(false);
        if (publicAddress is { } released)
        {
            await _links.RemoveAddressAsync(_public!, released, 32, changes, cancellationToken).ConfigureAwait(false);
        }

        await _flows.CutInstanceAsync(instance.Address, publicAddress, changes, cancellationToken).ConfigureAwait(false);
        if (last)
        {
            await RemoveLinkAsync(network, changes, cancellationToken).ConfigureAwait(false);
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

    public override async ValueTask AuthorizeAsync(GroupName group, IngressRule rule, ChangeLog changes, CancellationToken cancellationToken)
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
            await _flows.CutRevokedAsync(network.Chunk.Network, normal, from, remaining, changes, cancellationToken).ConfigureAwait(false);
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
            await _links.RemoveAddressAsync(_public!, left, 32, changes, cancellationToken).ConfigureAwait(false);
            await _flows.CutPublicAsync(left, instance.Address, changes, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            Record(RecordOf(address, instance));
        }

        if (formerOwner is not null)
        {
            await _flows.CutPublicAsync(address, formerOwner.Address, changes, cancellationToken).ConfigureAwait(false);
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
        await _links.RemoveAddressAsync(_public!, address, 32, changes, cancellationToken).ConfigureAwait(false);
        await _flows.CutPublicAsync(address, instance.Address, changes, cancellationToken).ConfigureAwait(false);
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

    // ---- state -------------------------------------------------------------------------------------------------------------

    private ActiveNetwork TakeNetwork(GroupName group, UndoLog undo, out bool activated)
    {
        activated = !_state.Networks.TryGetValue(group, out ActiveNetwork? network);
        if (network is not null)
        {
            return network;
        }

        Chunk chunk = _state.Allocator.Take(group, Context.Now);
        var fresh = new ActiveNetwork(group, chunk, InterfaceNameOf(chunk));
        _state.Networks.Add(group, fresh);
        _firewall.Activate(fresh);
        undo.Add(() =>
        {
            _state.Networks.Remove(group);
            _state.Allocator.Undo(chunk);
        });
        return fresh;
    }

    private string InterfaceNameOf(Chunk chunk) => string.Create(CultureInfo.InvariantCulture, $"{Configuration.Interface}.{chunk.Vlan}");

    private void SetAssociation(Ipv4Address address, ManagedInstance instance, UndoLog undo)
    {
        _state.Associations.Add(address, instance);
        instance.PublicAddress = address;
        _firewall.Associate(address, instance);
        undo.Add(() =>
        {
            _state.Associations.Remove(address);
            instance.PublicAddress = null;
        });
    }

    private void ClearAssociation(Ipv4Address address, UndoLog undo)
    {
        _state.Associations.Remove(address, out ManagedInstance? instance);
        instance!.PublicAddress = null;
        _firewall.Disassociate(address, instance);
        undo.Add(() =>
        {
            _state.Associations.Add(address, instance);
            instance.PublicAddress = address;
        });
    }

    private Ipv4Address? ChoosePublicAddress(InstanceRequest request)
    {
        if (request.PublicAddress is { } asked)
        {
            RequireInPool(asked);
            return _state.Associations.TryGetValue(asked, out ManagedInstance? owner)
                ? throw new InUseException($"address {asked}", $"instance {owner.Id} has it", "associate it after the boot to move it, or name a free one")
                : asked;
        }

        if (!request.AnyPublicAddress)
        {
            return null;
        }

        foreach (Ipv4Address address in _state.PublicPool)
        {
            if (!_state.Associations.ContainsKey(address))
            {
                return address;
            }
        }

        throw new ExhaustedException($"public address for instance {request.InstanceId}",
            string.Create(CultureInfo.InvariantCulture, $"all {_state.PublicPool.Count} addresses of VNET_PUBLICIPS are associated"), "disassociate one, or add addresses to VNET_PUBLICIPS");
    }

    private void RequireInPool(Ipv4Address address)
    {
        if (!_state.InPublicPool.Contains(address))
        {
            throw new NotKnownException($"public address {address}", "VNET_PUBLICIPS does not hold it; 'address list' shows the pool");
        }
    }

    private static GroupName CheckedGroup(string user, string group)
    {
        foreach ((string what, string value) in new[] { ("user", user), ("group", group) })
        {
            if (value.Length is 0 or > 255 || value.Any(char.IsControl))
            {
                throw new InvalidRequestException(what, value, "a name has 1 to 255 characters and no control characters", "choose another name");
            }
        }

        return new GroupName(user, group);
    }

    private static InstanceAssignment AssignmentOf(ManagedInstance instance) => new()
    {
        InstanceId = instance.Id,
        Group = instance.Network.Group,
        Mode = NetworkMode.Managed,
        Mac = instance.Mac,
        Address = instance.Address,
        Vlan = instance.Network.Chunk.Vlan,
        Network = instance.Network.Chunk.Network,
        Router = instance.Network.Chunk.Router,
        BridgeName = string.Create(CultureInfo.InvariantCulture, $"eucabr{instance.Network.Chunk.Vlan}"),
    };

    private DhcpScope ScopeOf(ActiveNetwork network) => new()
    {
        InterfaceName = network.InterfaceName,
        ServerAddress = network.Chunk.Router,
        Network = network.Chunk.Network,
        Broadcast = network.Chunk.Network.Last,
        Router = network.Chunk.Router,
        DnsServers = Configuration.DnsServers,
        LeaseTime = Context.Options.LeaseTime,
    };

    // ---- kernel ------------------------------------------------------------------------------------------------------------

    private UndoLog BeginChange()
    {
        var undo = new UndoLog();
        undo.Add(_firewall.Content.Revert);
        return undo;
    }

    /// <summary>Runs the kernel's part of an operation; when it fails, everything is taken back before the error goes on.</summary>
    private async ValueTask CommitAsync(UndoLog undo, ChangeLog changes, Func<ValueTask> act)
    {
        try
        {
            await act().ConfigureAwait(false);
            undo.Keep();
            _firewall.Content.Accept();
        }
        catch (Exception failed)
        {
            _logger.LogWarning("Taking back: {Reason}", failed.Message);
            bool firewallStands = _backend.IsCommitted;
            undo.TakeBack();
            if (firewallStands)
            {
                await _backend.ReconcileAsync(changes, CancellationToken.None).ConfigureAwait(false);
            }

            await undo.TakeBackKernelAsync(_logger).ConfigureAwait(false);
            throw;
        }
    }

    private void EnableForwarding(ChangeLog changes)
    {
        const string Forwarding = "net/ipv4/ip_forward";
        if (Context.Kernel.ReadParameter(Forwarding) != "1")
        {
            Context.Kernel.WriteParameter(Forwarding, "1");
            changes.Add(ChangeKind.Parameter, "net.ipv4.ip_forward", "1");
        }
    }

    private async ValueTask<LinkView> EnsureLinkAsync(ActiveNetwork network, ChangeLog changes, CancellationToken cancellationToken)
    {
        LinkView link = await _links.EnsureVlanAsync(network.InterfaceName, _parent!, network.Chunk.Vlan, $"network of {network.Group}", changes, cancellationToken).ConfigureAwait(false);
        if (link.MasterIndex != 0)
        {
            throw new EngineException($"interface {link.Name}", "it is a port of a bridge: a node runs on this machine too, and in MANAGED mode front-end and node cannot share one (manual, MANAGED mode, CAVEATS)",
                "run the node on another machine, or use SYSTEM or STATIC mode");
        }

        Links.Harden(Context.Kernel, link.Name);
        await _links.EnsureAddressAsync(link, network.Chunk.Router, network.Chunk.Network.PrefixLength, network.Chunk.Network.Last, changes, cancellationToken).ConfigureAwait(false);
        return link;
    }

    private async ValueTask RemoveLinkAsync(ActiveNetwork network, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (await _links.FindAsync(network.InterfaceName, cancellationToken).ConfigureAwait(false) is { IsOurs: true } link)
        {
            await _links.DeleteAsync(link, changes, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Removes VLAN devices that a former run made and the state does not know.</summary>
    private async ValueTask RemoveLeftOversAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        HashSet<string> wanted = [.. _state.Networks.Values.Select(n => n.InterfaceName)];
        foreach (LinkView link in await _links.ListAsync(cancellationToken).ConfigureAwait(false))
        {
            if (link.IsOurs && link.Kind == "vlan" && link.ParentIndex == _parent!.Index && !wanted.Contains(link.Name) && link.MasterIndex == 0)
            {
                await _links.DeleteAsync(link, changes, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async ValueTask EnsurePublicAddressesAsync(ChangeLog changes, CancellationToken cancellationToken)
    {
        var present = new HashSet<Ipv4Address>();
        foreach ((Ipv4Address address, int prefixLength) in await _links.AddressesAsync(_public!, cancellationToken).ConfigureAwait(false))
        {
            if (prefixLength == 32 && _state.InPublicPool.Contains(address) && !_state.Associations.ContainsKey(address))
            {
                await _links.RemoveAddressAsync(_public!, address, 32, changes, cancellationToken).ConfigureAwait(false);
            }

            present.Add(address);
        }

        foreach (Ipv4Address address in _state.Associations.Keys)
        {
            if (!present.Contains(address))
            {
                await _links.EnsureAddressAsync(_public!, address, 32, null, changes, cancellationToken).ConfigureAwait(false);
                Announce(address, changes);
            }
        }
    }

    private async ValueTask AddPublicAddressAsync(Ipv4Address address, UndoLog undo, ChangeLog changes, CancellationToken cancellationToken)
    {
        if (await _links.EnsureAddressAsync(_public!, address, 32, null, changes, cancellationToken).ConfigureAwait(false))
        {
            undo.AddKernel(() => _links.RemoveAddressAsync(_public!, address, 32, new ChangeLog(), CancellationToken.None));
        }
    }

    private void Announce(Ipv4Address address, ChangeLog changes)
    {
        if (Announcement.Send(Context, _public!, address, _logger))
        {
            changes.Add(ChangeKind.Announced, address.ToString(), $"gratuitous ARP on {_public!.Name}");
        }
    }

    // ---- journal -----------------------------------------------------------------------------------------------------------

    private void Record(params ReadOnlySpan<StateRecord> records)
    {
        _journal.Append(records);
        if (_journal.WantsCompacting(_state.Instances.Count + _state.RuleCount + _state.Associations.Count))
        {
            _journal.Compact(Standing());
        }
    }

    private static StateRecord RecordOf(ManagedInstance instance) => new()
    {
        What = StateRecord.Run,
        Instance = instance.Id,
        User = instance.Network.Group.User,
        Group = instance.Network.Group.Group,
        Vlan = instance.Network.Chunk.Vlan,
        Address = instance.Address.ToString(),
        At = instance.Since,
    };

    private static StateRecord RecordOf(Ipv4Address address, ManagedInstance instance) =>
        new() { What = StateRecord.Associate, Address = address.ToString(), Instance = instance.Id };

    private IEnumerable<StateRecord> Standing() =>
        _state.Instances.Values.Select(RecordOf)
            .Concat(_state.GroupsWithRules.SelectMany(g => _state.RulesOf(g).Select(r => StateRecord.OfRule(StateRecord.Authorize, g, r))))
            .Concat(_state.Associations.Select(a => RecordOf(a.Key, a.Value)));

    private void Load(IReadOnlyList<StateRecord> records)
    {
        using UndoLog undo = BeginChange();
        foreach (StateRecord record in records)
        {
            if (!TryLoad(record, undo))
            {
                _logger.LogWarning("The stored {What} of {Object} does not fit the configuration any more; left out", record.What, record.Instance ?? record.Address ?? record.Group);
            }
        }

        undo.Keep();
        _firewall.Content.Accept();
    }

    private bool TryLoad(StateRecord record, UndoLog undo)
    {
        switch (record.What)
        {
            case StateRecord.Run:
                return TryLoadInstance(record);
            case StateRecord.End when record.Instance is { } id && _state.Instances.Remove(id, out ManagedInstance? ended):
                if (ended.PublicAddress is { } held)
                {
                    ClearAssociation(held, undo);
                }

                DateTimeOffset until = (record.At ?? Context.Now) + Context.Options.Quarantine;
                ended.Network.Slots.Release(ended.Slot, until);
                if (--ended.Network.Instances == 0)
                {
                    _firewall.Deactivate(ended.Network);
                    _state.Networks.Remove(ended.Network.Group);
                    _state.Allocator.Release(ended.Network.Chunk, until);
                }

                return true;
            case StateRecord.Authorize when record.User is not null && record.Group is not null:
                var group = new GroupName(record.User, record.Group);
                IngressRule rule = record.ToRule();
                if (_state.AddRule(group, rule))
                {
                    _firewall.AddRule(group, rule);
                }

                return true;
            case StateRecord.Revoke when record.User is not null && record.Group is not null:
                var from = new GroupName(record.User, record.Group);
                IngressRule gone = record.ToRule();
                if (_state.RulesOf(from).Contains(gone))
                {
                    _firewall.RemoveRule(from, gone);
                    _state.RemoveRule(from, gone);
                }

                return true;
            case StateRecord.Associate when Ipv4Address.TryParse(record.Address, out Ipv4Address address):
                if (!_state.InPublicPool.Contains(address) || record.Instance is null || !_state.Instances.TryGetValue(record.Instance, out ManagedInstance? instance))
                {
                    return false;
                }

                if (_state.Associations.ContainsKey(address))
                {
                    ClearAssociation(address, undo);
                }

                SetAssociation(address, instance, undo);
                return true;
            case StateRecord.Disassociate when Ipv4Address.TryParse(record.Address, out Ipv4Address freed):
                if (_state.Associations.ContainsKey(freed))
                {
                    ClearAssociation(freed, undo);
                }

                return true;
            default:
                return false;
        }
    }

    private bool TryLoadInstance(StateRecord record)
    {
        if (record is not { Instance: { } id, User: { } user, Group: { } name, Vlan: { } vlan } || !Ipv4Address.TryParse(record.Address, out Ipv4Address address))
        {
            return false;
        }

        var group = new GroupName(user, name);
        if (!_state.Networks.TryGetValue(group, out ActiveNetwork? network))
        {
            if (!_state.Allocator.TryTake(vlan, out Chunk chunk))
            {
                return false;
            }

            network = new ActiveNetwork(group, chunk, InterfaceNameOf(chunk));
            _state.Networks.Add(group, network);
            _firewall.Activate(network);
        }

        int slot = network.Chunk.SlotOf(address);
        if (network.Chunk.Vlan != vlan || !network.Chunk.Network.Contains(address) || !network.Slots.TryTake(slot))
        {
            if (network.Instances == 0)
            {
                _firewall.Deactivate(network);
                _state.Networks.Remove(group);
                _state.Allocator.Undo(network.Chunk);
            }

            return false;
        }

        network.Instances++;
        _state.Instances[id] = new ManagedInstance(id, network, InstanceMac.FromInstanceId(id), slot, record.At ?? Context.Now);
        return true;
    }
}
