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

// The journal: what is written down, and how a former run's state comes back.
internal sealed partial class ManagedFrontEnd
{
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

            network = new ActiveNetwork(group, chunk, InterfaceNames.Router(Configuration, vlan));
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
