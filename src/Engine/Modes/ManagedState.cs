using EucaNet.Engine.Allocation;
using EucaNet.Engine.Configuration;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Modes;

/// <summary>A group with running instances: its chunk, its VLAN, its instances' addresses.</summary>
internal sealed class ActiveNetwork(GroupName group, Chunk chunk, string interfaceName)
{
    public GroupName Group { get; } = group;

    public Chunk Chunk { get; } = chunk;

    /// <summary>The front-end's interface: <c>eth0.10</c>.</summary>
    public string InterfaceName { get; } = interfaceName;

    public QuarantinePool Slots { get; } = new(chunk.Capacity);

    public int Instances { get; set; }
}

/// <summary>An instance of MANAGED mode.</summary>
internal sealed class ManagedInstance(string id, ActiveNetwork network, MacAddress mac, int slot, DateTimeOffset since)
{
    public string Id { get; } = id;

    public ActiveNetwork Network { get; } = network;

    public MacAddress Mac { get; } = mac;

    public int Slot { get; } = slot;

    public Ipv4Address Address { get; } = network.Chunk.AddressOf(slot);

    public DateTimeOffset Since { get; } = since;

    public Ipv4Address? PublicAddress { get; set; }
}

/// <summary>Everything a MANAGED front-end knows: networks, instances, rules, public addresses. Pure; every look-up is by key.</summary>
internal sealed class ManagedState
{
    private readonly Dictionary<GroupName, HashSet<IngressRule>> _rules = [];
    private readonly Dictionary<GroupName, HashSet<(GroupName Group, IngressRule Rule)>> _rulesBySource = [];
    private readonly Dictionary<Ipv4Network, HashSet<(GroupName Group, IngressRule Rule)>> _rulesByNetwork = [];
    private readonly Dictionary<Ipv4Address, ManagedInstance> _associations = [];
    private readonly SortedSet<Ipv4Address> _associated = [];

    public ManagedState(NetworkConfiguration configuration)
    {
        Allocator = new NetworkAllocator(configuration.Subnet, configuration.AddressesPerNetwork);
        PublicPool = configuration.PublicAddresses;
        InPublicPool = [.. configuration.PublicAddresses];
    }

    public NetworkAllocator Allocator { get; }

    public Dictionary<GroupName, ActiveNetwork> Networks { get; } = [];

    public Dictionary<string, ManagedInstance> Instances { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The public addresses that instances have.</summary>
    public IReadOnlyDictionary<Ipv4Address, ManagedInstance> Associations => _associations;

    public IReadOnlyList<Ipv4Address> PublicPool { get; }

    public HashSet<Ipv4Address> InPublicPool { get; }

    public int RuleCount { get; private set; }

    public IEnumerable<GroupName> GroupsWithRules => _rules.Keys;

    public IReadOnlyCollection<IngressRule> RulesOf(GroupName group) => _rules.TryGetValue(group, out HashSet<IngressRule>? rules) ? rules : [];

    /// <summary>The rules that name a group as their source.</summary>
    public IReadOnlyCollection<(GroupName Group, IngressRule Rule)> RulesFrom(GroupName source) =>
        _rulesBySource.TryGetValue(source, out HashSet<(GroupName, IngressRule)>? rules) ? rules : [];

    /// <summary>Adds a rule; false when it is there.</summary>
    public bool AddRule(GroupName group, IngressRule rule)
    {
        if (!_rules.TryGetValue(group, out HashSet<IngressRule>? rules))
        {
            _rules[group] = rules = [];
        }

        if (!rules.Add(rule))
        {
            return false;
        }

        RuleCount++;
        if (rule.Source is { PrefixLength: > 0 } network)
        {
            if (!_rulesByNetwork.TryGetValue(network, out HashSet<(GroupName, IngressRule)>? of))
            {
                _rulesByNetwork[network] = of = [];
            }

            of.Add((group, rule));
        }

        if (rule.SourceGroup is { } source)
        {
            if (!_rulesBySource.TryGetValue(source, out HashSet<(GroupName, IngressRule)>? from))
            {
                _rulesBySource[source] = from = [];
            }

            from.Add((group, rule));
        }

        return true;
    }

    /// <summary>Takes a rule away; false when it is not there.</summary>
    public bool RemoveRule(GroupName group, IngressRule rule)
    {
        if (!_rules.TryGetValue(group, out HashSet<IngressRule>? rules) || !rules.Remove(rule))
        {
            return false;
        }

        RuleCount--;
        if (rule.Source is { PrefixLength: > 0 } network && _rulesByNetwork.TryGetValue(network, out HashSet<(GroupName, IngressRule)>? of))
        {
            of.Remove((group, rule));
            if (of.Count == 0)
            {
                _rulesByNetwork.Remove(network);
            }
        }

        if (rules.Count == 0)
        {
            _rules.Remove(group);
        }

        if (rule.SourceGroup is { } source && _rulesBySource.TryGetValue(source, out HashSet<(GroupName, IngressRule)>? from))
        {
            from.Remove((group, rule));
            if (from.Count == 0)
            {
                _rulesBySource.Remove(source);
            }
        }

        return true;
    }

    /// <summary>An instance gets a public address that nobody has.</summary>
    public void Associate(Ipv4Address address, ManagedInstance instance)
    {
        _associations.Add(address, instance);
        _associated.Add(address);
        instance.PublicAddress = address;
    }

    /// <summary>A public address is taken from its instance, which is returned.</summary>
    public ManagedInstance Disassociate(Ipv4Address address)
    {
        ManagedInstance instance = _associations[address];
        _associations.Remove(address);
        _associated.Remove(address);
        instance.PublicAddress = null;
        return instance;
    }

    /// <summary>The associated public addresses within a network.</summary>
    public IEnumerable<KeyValuePair<Ipv4Address, ManagedInstance>> AssociationsIn(Ipv4Network network) =>
        _associated.GetViewBetween(network.Address, network.Last).Select(address => KeyValuePair.Create(address, _associations[address]));

    /// <summary>The rules whose source, a network but not all of them, holds an address.</summary>
    public IEnumerable<(GroupName Group, IngressRule Rule)> RulesHolding(Ipv4Address address)
    {
        for (int length = 1; length <= 32; length++)
        {
            var network = new Ipv4Network(new Ipv4Address(address.Value & Ipv4Network.MaskOf(length)), length);
            if (_rulesByNetwork.TryGetValue(network, out HashSet<(GroupName, IngressRule)>? rules))
            {
                foreach ((GroupName Group, IngressRule Rule) rule in rules)
                {
                    yield return rule;
                }
            }
        }
    }

    /// <summary>Where a rule's traffic may come from now; null while its source group has no instances.</summary>
    public Ipv4Network? SourceOf(IngressRule rule) =>
        rule.Source ?? (rule.SourceGroup is { } group && Networks.TryGetValue(group, out ActiveNetwork? network) ? network.Chunk.Network : null);
}
