using EucaNet.Engine.Configuration;
using EucaNet.Engine.State;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Modes;

/// <summary>A node's attached instances, and how they survive a restart.</summary>
internal sealed class NodeJournal(EngineContext context) : IDisposable
{
    private readonly StateJournal _journal = new(context.Options.StateDirectory, "node.journal");

    /// <summary>The attached instances, by id.</summary>
    public SortedDictionary<string, AttachedInstance> Instances { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads what a former run left.</summary>
    public void Load()
    {
        foreach (StateRecord record in _journal.Open())
        {
            if (record is { What: StateRecord.Detach, Instance: { } gone })
            {
                Instances.Remove(gone);
            }
            else if (record is { What: StateRecord.Attach, Instance: { } id, Interface: { } interfaceName } && MacAddress.TryParse(record.Mac, out MacAddress mac))
            {
                Instances[id] = new AttachedInstance
                {
                    Assignment = new InstanceAssignment
                    {
                        InstanceId = id,
                        Group = new GroupName(record.User ?? "", record.Group ?? ""),
                        Mode = context.Configuration.Mode,
                        Mac = mac,
                        Address = Ipv4Address.TryParse(record.Address, out Ipv4Address address) ? address : default,
                        Vlan = record.Vlan ?? 0,
                        Network = Ipv4Network.TryParse(record.Network, out Ipv4Network network) ? network : default,
                        Router = Ipv4Address.TryParse(record.Router, out Ipv4Address router) ? router : default,
                        BridgeName = record.Mode == nameof(NetworkMode.Managed) ? record.Bridge ?? "" : "",
                    },
                    InterfaceName = interfaceName,
                    BridgeName = record.Bridge ?? "",
                };
            }
        }

        _journal.Compact(Instances.Values.Select(RecordOf));
    }

    /// <summary>An instance is attached.</summary>
    public void Add(AttachedInstance instance)
    {
        Instances[instance.Assignment.InstanceId] = instance;
        _journal.Append(RecordOf(instance));
    }

    /// <summary>An instance is detached.</summary>
    public void Remove(string instanceId)
    {
        Instances.Remove(instanceId);
        _journal.Append(new StateRecord { What = StateRecord.Detach, Instance = instanceId, At = context.Now });
        if (_journal.WantsCompacting(Instances.Count))
        {
            _journal.Compact(Instances.Values.Select(RecordOf));
        }
    }

    public void Dispose() => _journal.Dispose();

    private static StateRecord RecordOf(AttachedInstance instance) => new()
    {
        What = StateRecord.Attach,
        Instance = instance.Assignment.InstanceId,
        User = instance.Assignment.Group.User,
        Group = instance.Assignment.Group.Group,
        Mode = instance.Assignment.Mode.ToString(),
        Vlan = instance.Assignment.Vlan == 0 ? null : instance.Assignment.Vlan,
        Mac = instance.Assignment.Mac.ToString(),
        Address = instance.Assignment.Address.ToString(),
        Network = instance.Assignment.Network.ToString(),
        Router = instance.Assignment.Router.ToString(),
        Interface = instance.InterfaceName,
        Bridge = instance.BridgeName,
    };
}
