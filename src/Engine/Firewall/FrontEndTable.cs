using EucaNet.Engine.Allocation;
using EucaNet.Engine.Configuration;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// The front-end's table: a few static chains. What grows with groups, instances, rules and addresses are elements of exact hash sets and maps only;
/// the chains <c>rules</c> and <c>rules_public</c> have one rule for each combination of lengths in use (<see cref="TrafficShape"/>).
/// </summary>
internal static class FrontEndTable
{
    /// <summary>The chain of the traffic shapes' rules.</summary>
    public const string RulesChain = "rules";

    /// <summary>The same for instances that came by a public address and are judged by their own public address.</summary>
    public const string PublicRulesChain = "rules_public";

    /// <summary>The chains whose rules change with the traffic shapes.</summary>
    public static readonly string[] ShapeChains = [RulesChain, PublicRulesChain];

    private const NftablesFamily Family = NftablesFamily.Ip;
    private const string TableName = FirewallTable.Name;
    private const int Raw = -300;
    private const int DestinationNat = -100;
    private const int Filter = 0;
    private const int SourceNat = 100;
    private const uint PreRouting = 0;
    private const uint LocalIn = 1;
    private const uint Forward = 2;
    private const uint LocalOut = 3;
    private const uint PostRouting = 4;
    private const uint EstablishedOrRelated = 2 | 4;
    private const uint Invalid = 1;

    /// <summary>The static part for a configuration, and a set and rule for each traffic shape.</summary>
    public static FirewallTable Of(NetworkConfiguration configuration, FirewallContent content)
    {
        Ipv4Network subnet = configuration.Subnet;
        uint chunkMask = Ipv4Network.MaskOf(32 - System.Numerics.BitOperations.Log2((uint)configuration.AddressesPerNetwork));
        var rules = new List<Rule>();
        void Add(string chain, string comment, RuleWriter rule) => rules.Add(rule.ToRule(Family, TableName, chain, comment));

        Add("guard", "what an instance's network may send from", new RuleWriter().LoadInputInterface().LoadSource(chunkMask).In(ManagedFirewall.Sources).Accept());
        if (configuration.SingleMachine)
        {
            // With bridge-nf-call-iptables set, as Docker does, the bridges' frames come by here before the DHCP server sees them.
            Add("guard", "asks for its address", new RuleWriter().LoadInputInterface().In(ManagedFirewall.Interfaces)
                .Source(new Ipv4Network(default, 32)).DestinationPort(IngressRule.Udp, 67).Accept());
        }

        Add("guard", "foreign source", new RuleWriter().LoadInputInterface().In(ManagedFirewall.Interfaces).Count().Drop());

        if (configuration.Metadata is { } metadata)
        {
            Add("prerouting", "instance metadata", new RuleWriter().LoadInputInterface().In(ManagedFirewall.Interfaces)
                .Destination(new Ipv4Network(MetadataAddress, 32)).DestinationPort(IngressRule.Tcp, 80).RewriteDestination(metadata));
        }

        Add("prerouting", "public addresses", new RuleWriter().LoadDestination().Map(ManagedFirewall.PublicToPrivate).Rewrite(NatKind.Destination));
        Add("output", "public addresses", new RuleWriter().LoadDestination().Map(ManagedFirewall.PublicToPrivate).Rewrite(NatKind.Destination));

        Add("postrouting", "seen outside under the public address", new RuleWriter().Destination(subnet, not: true)
            .LoadSource().Map(ManagedFirewall.PrivateToPublic).Rewrite(NatKind.Source));
        Add("postrouting", "seen by instances under the public address", new RuleWriter().Rewritten().LoadSource().Map(ManagedFirewall.PrivateToPublic).Rewrite(NatKind.Source));
        Add("postrouting", "answers come back through here", new RuleWriter().Rewritten().LoadSource(chunkMask).LoadDestination(chunkMask).In(ManagedFirewall.Groups).Masquerade());
        Add("postrouting", "the others are seen as the front-end", new RuleWriter().Source(subnet).Destination(subnet, not: true).Masquerade());

        Add("forward", "flows that were let in", new RuleWriter().FlowState(EstablishedOrRelated).Accept());
        Add("forward", "no flow at all", new RuleWriter().FlowState(Invalid).Count().Drop());
        Add("forward", "to the outside", new RuleWriter().Destination(subnet, not: true).Accept());
        Add("forward", "within a group", new RuleWriter().LoadSource(chunkMask).LoadDestination(chunkMask).In(ManagedFirewall.Groups).Accept());
        Add("forward", "ingress rules", new RuleWriter().Verdict(Verdict.Jump(RulesChain)));
        Add("forward", "ingress rules for an instance that comes by a public address", new RuleWriter().Rewritten().Source(subnet).Verdict(Verdict.Jump(PublicRulesChain)));
        Add("forward", "no rule lets it in", new RuleWriter().Count().Drop());

        Add("input", "not from an instance", new RuleWriter().LoadInputInterface().In(ManagedFirewall.Interfaces, not: true).Accept());
        Add("input", "answers", new RuleWriter().FlowState(EstablishedOrRelated).Accept());
        Add("input", "DHCP", new RuleWriter().DestinationPort(IngressRule.Udp, 67).Accept());
        Add("input", "ping of the own router", new RuleWriter().LoadInputInterface().LoadDestination().In(ManagedFirewall.Routers)
            .Protocol(IngressRule.Icmp).Payload(PayloadBase.TransportHeader, 0, 1).Equal(new byte[] { 8 }).Accept());
        foreach (Ipv4Address server in configuration.DnsServers)
        {
            Add("input", "name server", new RuleWriter().Destination(new Ipv4Network(server, 32)).DestinationPort(IngressRule.Udp, 53).Accept());
            Add("input", "name server", new RuleWriter().Destination(new Ipv4Network(server, 32)).DestinationPort(IngressRule.Tcp, 53).Accept());
        }

        if (configuration.Metadata is { } service)
        {
            Add("input", "instance metadata", new RuleWriter().Rewritten().Destination(new Ipv4Network(Ipv4Address.Read(service.Address.GetAddressBytes()), 32))
                .DestinationPort(IngressRule.Tcp, (ushort)service.Port).Accept());
        }

        Add("input", "nothing else of the front-end's is theirs", new RuleWriter().Count().Drop());
        rules.AddRange(RulesOf(content.Shapes, configuration.AddressesPerNetwork));

        Chain[] chains =
        [
            Chain.Base(Family, TableName, "guard", "filter", new ChainHook(PreRouting, Raw)),
            Chain.Base(Family, TableName, "prerouting", "nat", new ChainHook(PreRouting, DestinationNat)),
            Chain.Base(Family, TableName, "output", "nat", new ChainHook(LocalOut, DestinationNat)),
            Chain.Base(Family, TableName, "postrouting", "nat", new ChainHook(PostRouting, SourceNat)),
            Chain.Regular(Family, TableName, RulesChain),
            Chain.Regular(Family, TableName, PublicRulesChain),
            Chain.Base(Family, TableName, "forward", "filter", new ChainHook(Forward, Filter), ChainPolicy.Drop),
            Chain.Base(Family, TableName, "input", "filter", new ChainHook(LocalIn, Filter)),
        ];
        return new FirewallTable(new Table { Family = Family, Name = TableName }, chains, rules, [.. StaticSets(configuration), .. content.Shapes.Select(SetOf)]);
    }

    /// <summary>Where instances ask for their metadata.</summary>
    public static Ipv4Address MetadataAddress => new(0xa9fe_a9fe);

    /// <summary>The rules of the traffic shapes, the most specific sources first.</summary>
    public static IEnumerable<Rule> RulesOf(IEnumerable<TrafficShape> shapes, int addressesPerNetwork)
    {
        uint chunkMask = Ipv4Network.MaskOf(32 - System.Numerics.BitOperations.Log2((uint)addressesPerNetwork));
        foreach (TrafficShape shape in shapes)
        {
            var rule = new RuleWriter();
            if (shape.Detail is TrafficDetail.IcmpType or TrafficDetail.IcmpCode)
            {
                rule.Protocol(IngressRule.Icmp);
            }

            rule.LoadDestination(chunkMask).LoadSource(Ipv4Network.MaskOf(shape.SourceLength));
            switch (shape.Detail)
            {
                case TrafficDetail.Protocol:
                    rule.LoadProtocol();
                    break;
                case TrafficDetail.Port:
                    rule.LoadProtocol().LoadDestinationPort(shape.PortBits);
                    break;
                case TrafficDetail.IcmpType:
                    rule.Payload(PayloadBase.TransportHeader, 0, 1);
                    break;
                case TrafficDetail.IcmpCode:
                    rule.Payload(PayloadBase.TransportHeader, 0, 1).Payload(PayloadBase.TransportHeader, 1, 1);
                    break;
            }

            yield return rule.In(shape.SetName).Accept().ToRule(Family, TableName, shape.ByPublicAddress ? PublicRulesChain : RulesChain, "rules " + shape.SetName);
        }
    }

    /// <summary>The set of a traffic shape. It may grow without limit, so it declares no size.</summary>
    public static NftablesSet SetOf(TrafficShape shape) => new()
    {
        Family = Family,
        Table = TableName,
        Name = shape.SetName,
        Id = shape.SetId,
        KeyType = shape.KeyType,
        KeyLength = (uint)shape.KeyLength,
    };

    private static IEnumerable<NftablesSet> StaticSets(NetworkConfiguration configuration)
    {
        uint networks = (uint)Math.Min(configuration.Subnet.Count / configuration.AddressesPerNetwork, NetworkAllocator.HighestVlan - NetworkAllocator.LowestVlan + 1);
        uint addresses = (uint)Math.Max(configuration.PublicAddresses.Count, 1);
        yield return Set(1, ManagedFirewall.Interfaces, networks, 16, KeyTypes.InterfaceName);
        yield return Set(2, ManagedFirewall.Sources, networks, 20, KeyTypes.InterfaceName, KeyTypes.Ipv4Address);
        yield return Set(3, ManagedFirewall.Routers, networks, 20, KeyTypes.InterfaceName, KeyTypes.Ipv4Address);
        yield return Set(4, ManagedFirewall.Groups, networks, 8, KeyTypes.Ipv4Address, KeyTypes.Ipv4Address);
        yield return Map(5, ManagedFirewall.PublicToPrivate, addresses);
        yield return Map(6, ManagedFirewall.PrivateToPublic, addresses);
    }

    private static NftablesSet Set(uint id, string name, uint size, uint length, params ReadOnlySpan<uint> types) => new()
    {
        Family = Family,
        Table = TableName,
        Name = name,
        Id = id,
        KeyType = KeyTypes.Concatenate(types),
        UserData = KeyTypes.UserDataOf(types),
        KeyLength = length,
        Size = size,
    };

    private static NftablesSet Map(uint id, string name, uint size) => new()
    {
        Family = Family,
        Table = TableName,
        Name = name,
        Id = id,
        Flags = SetFlags.Map,
        KeyType = KeyTypes.Ipv4Address,
        KeyLength = 4,
        DataType = KeyTypes.Ipv4Address,
        DataLength = 4,
        Size = size,
    };
}
