using EucaNet.Engine.Configuration;
using EucaNet.Engine.Reconciliation;

namespace EucaNet.Engine.Modes;

/// <summary>What a node asks before it attaches an instance, in every mode.</summary>
internal static class NodeChecks
{
    public static void RequireMode(InstanceAssignment assignment, NetworkMode mode)
    {
        if (assignment.Mode != mode)
        {
            throw new EngineException($"assignment of instance {assignment.InstanceId}",
                $"it was made by a front-end in {assignment.Mode.ToString().ToUpperInvariant()} mode and this node is in {mode.ToString().ToUpperInvariant()} mode", "give VNET_MODE the same value on both");
        }
    }

    public static void RequireFree(InstanceAssignment assignment, string interfaceName, IReadOnlyDictionary<string, AttachedInstance> instances)
    {
        if (instances.TryGetValue(assignment.InstanceId, out AttachedInstance? attached))
        {
            throw new InUseException($"instance {assignment.InstanceId}", $"it is attached already, by {attached.InterfaceName}", "detach it first");
        }

        if (instances.Values.FirstOrDefault(i => i.InterfaceName == interfaceName) is { } other)
        {
            throw new InUseException($"interface {interfaceName}", $"it belongs to instance {other.Assignment.InstanceId}", "detach that instance first, or name this instance's own interface");
        }
    }

    public static void RequireUnattached(LinkView link, LinkView? bridge, string instanceId)
    {
        if (link.MasterIndex != 0 && link.MasterIndex != bridge?.Index)
        {
            throw new InUseException($"interface {link.Name} of instance {instanceId}", "it is a port of another bridge already", $"take it out first (ip link set {link.Name} nomaster)");
        }
    }

    public static NotKnownException NotAttached(string instanceId) => new($"instance {instanceId}", "it is not attached on this node; 'instance list' shows those that are");
}
