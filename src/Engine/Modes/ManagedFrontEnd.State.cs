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

// What an operation asks of the state and changes in it.
internal sealed partial class ManagedFrontEnd
{
    private ActiveNetwork TakeNetwork(GroupName group, UndoLog undo, out bool activated)
    {
        activated = !_state.Networks.TryGetValue(group, out ActiveNetwork? network);
        if (network is not null)
        {
            return network;
        }

        Chunk chunk = _state.Allocator.Take(group, Context.Now);
        var fresh = new ActiveNetwork(group, chunk, InterfaceNames.Router(Configuration, chunk.Vlan));
        _state.Networks.Add(group, fresh);
        _firewall.Activate(fresh);
        undo.Add(() =>
        {
            _state.Networks.Remove(group);
            _state.Allocator.Undo(chunk);
        });
        return fresh;
    }

    private void SetAssociation(Ipv4Address address, ManagedInstance instance, UndoLog undo)
    {
        _state.Associate(address, instance);
        _firewall.Associate(address, instance);
        undo.Add(() => _state.Disassociate(address));
    }

    private void ClearAssociation(Ipv4Address address, UndoLog undo)
    {
        ManagedInstance instance = _state.Disassociate(address);
        _firewall.Disassociate(address, instance);
        undo.Add(() => _state.Associate(address, instance));
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
        BridgeName = InterfaceNames.Bridge(instance.Network.Chunk.Vlan),
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
}
