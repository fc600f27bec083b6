using EucaNet.Engine.Modes;
using EucaNet.Netfilter.Nftables;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// What the front-end's firewall holds for a <see cref="ManagedState"/>. Every event of the state changes the few elements it concerns;
/// <see cref="Of"/> makes the same from nothing, and the two always agree.
/// </summary>
internal sealed class ManagedFirewall(ManagedState state)
{
    /// <summary>Interfaces on which instances' networks stand.</summary>
    public const string Interfaces = "interfaces";

    /// <summary>Interface and network: where a network's packets may come from.</summary>
    public const string Sources = "sources";

    /// <summary>Interface and router's address: what instances may reach of the front-end.</summary>
    public const string Routers = "routers";

    /// <summary>Network and the same network: traffic within a group.</summary>
    public const string Groups = "groups";

    /// <summary>Public to private address.</summary>
    public const string PublicToPrivate = "public_to_private";

    /// <summary>Private to public address.</summary>
    public const string PrivateToPublic = "private_to_public";

    /// <summary>The elements.</summary>
    public FirewallContent Content { get; } = new();

    /// <summary>All that a state comes to.</summary>
    public static ManagedFirewall Of(ManagedState state)
    {
        var firewall = new ManagedFirewall(state);
        foreach (ActiveNetwork network in state.Networks.Values)
        {
            firewall.AddNetwork(network);
            foreach (IngressRule rule in state.RulesOf(network.Group))
            {
                firewall.AddRule(network.Group, rule);
            }
        }

        foreach ((Ipv4Address address, ManagedInstance instance) in state.Associations)
        {
            firewall.MapAddress(address, instance);
        }

        firewall.Content.Accept();
        return firewall;
    }

    /// <summary>A network became active; it is in the state already.</summary>
    public void Activate(ActiveNetwork network)
    {
        AddNetwork(network);
        foreach ((GroupName group, IngressRule rule) in RulesTouchedBy(network.Group))
        {
            AddRule(group, rule);
        }
    }

    /// <summary>A network ends; it is in the state still.</summary>
    public void Deactivate(ActiveNetwork network)
    {
        foreach ((GroupName group, IngressRule rule) in RulesTouchedBy(network.Group))
        {
            RemoveRule(group, rule);
        }

        Ipv4Network chunk = network.Chunk.Network;
        Content.Remove(Interfaces, ElementKeys.Interface(network.InterfaceName));
        Content.Remove(Sources, ElementKeys.InterfaceAddress(network.InterfaceName, chunk.Address));
        Content.Remove(Routers, ElementKeys.InterfaceAddress(network.InterfaceName, network.Chunk.Router));
        Content.Remove(Groups, ElementKeys.Addresses(chunk.Address, chunk.Address));
    }

    /// <summary>A rule is wanted; nothing happens until its group and its source are active.</summary>
    public void AddRule(GroupName group, IngressRule rule)
    {
        foreach ((TrafficShape shape, OctetString key) in ElementsOf(group, rule))
        {
            Content.Add(shape, key);
        }

        foreach ((Ipv4Address _, ManagedInstance instance) in AssociationsIn(rule))
        {
            AddByPublicAddress(group, rule, instance);
        }
    }

    /// <summary>A rule is not wanted any more; its group and source are in the state as they were.</summary>
    public void RemoveRule(GroupName group, IngressRule rule)
    {
        foreach ((TrafficShape shape, OctetString key) in ElementsOf(group, rule))
        {
            Content.Remove(shape, key);
        }

        foreach ((Ipv4Address _, ManagedInstance instance) in AssociationsIn(rule))
        {
            RemoveByPublicAddress(group, rule, instance);
        }
    }

    /// <summary>An instance has a public address; rules whose source holds that address let the instance in where it comes by a public one.</summary>
    public void Associate(Ipv4Address address, ManagedInstance instance)
    {
        MapAddress(address, instance);
        foreach ((GroupName group, IngressRule rule) in state.RulesHolding(address))
        {
            AddByPublicAddress(group, rule, instance);
        }
    }

    /// <summary>An instance has a public address no more.</summary>
    public void Disassociate(Ipv4Address address, ManagedInstance instance)
    {
        Content.Remove(PublicToPrivate, ElementKeys.Address(address));
        Content.Remove(PrivateToPublic, ElementKeys.Address(instance.Address));
        foreach ((GroupName group, IngressRule rule) in state.RulesHolding(address))
        {
            RemoveByPublicAddress(group, rule, instance);
        }
    }

    private void MapAddress(Ipv4Address address, ManagedInstance instance)
    {
        Content.Add(PublicToPrivate, ElementKeys.Address(address), ElementKeys.Address(instance.Address));
        Content.Add(PrivateToPublic, ElementKeys.Address(instance.Address), ElementKeys.Address(address));
    }

    // A rule from everywhere holds the private addresses too.
    private IEnumerable<KeyValuePair<Ipv4Address, ManagedInstance>> AssociationsIn(IngressRule rule) =>
        rule.Source is { PrefixLength: > 0 } source ? state.AssociationsIn(source) : [];

    private void AddByPublicAddress(GroupName group, IngressRule rule, ManagedInstance sender)
    {
        foreach ((TrafficShape shape, OctetString key) in ElementsByPublicAddress(group, rule, sender))
        {
            Content.Add(shape, key);
        }
    }

    private void RemoveByPublicAddress(GroupName group, IngressRule rule, ManagedInstance sender)
    {
        foreach ((TrafficShape shape, OctetString key) in ElementsByPublicAddress(group, rule, sender))
        {
            Content.Remove(shape, key);
        }
    }

    private IEnumerable<(TrafficShape Shape, OctetString Key)> ElementsByPublicAddress(GroupName group, IngressRule rule, ManagedInstance sender) =>
        state.Networks.TryGetValue(group, out ActiveNetwork? network)
            ? TrafficShape.ElementsOf(rule, network.Chunk.Network, new Ipv4Network(sender.Address, 32)).Select(e => (e.Shape with { ByPublicAddress = true }, e.Key))
            : [];

    private void AddNetwork(ActiveNetwork network)
    {
        Ipv4Network chunk = network.Chunk.Network;
        Content.Add(Interfaces, ElementKeys.Interface(network.InterfaceName));
        Content.Add(Sources, ElementKeys.InterfaceAddress(network.InterfaceName, chunk.Address));
        Content.Add(Routers, ElementKeys.InterfaceAddress(network.InterfaceName, network.Chunk.Router));
        Content.Add(Groups, ElementKeys.Addresses(chunk.Address, chunk.Address));
    }

    /// <summary>The rules whose working depends on a group: its own, and those that name it as their source.</summary>
    private IEnumerable<(GroupName Group, IngressRule Rule)> RulesTouchedBy(GroupName group) =>
        state.RulesOf(group).Select(rule => (group, rule)).Concat(state.RulesFrom(group).Where(r => r.Group != group));

    private IEnumerable<(TrafficShape Shape, OctetString Key)> ElementsOf(GroupName group, IngressRule rule) =>
        state.Networks.TryGetValue(group, out ActiveNetwork? network) && state.SourceOf(rule) is { } source
            ? TrafficShape.ElementsOf(rule, network.Chunk.Network, source)
            : [];
}
