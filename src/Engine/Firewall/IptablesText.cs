using System.Globalization;
using System.Text;
using EucaNet.Engine.Configuration;
using EucaNet.Engine.Modes;

namespace EucaNet.Engine.Firewall;

/// <summary>
/// MANAGED in iptables' words: a chain for each group, one DNAT and one SNAT for each public address, SNAT before MASQUERADE. The built-in chains
/// hold one jump each to a chain of ours, behind what the administrator's preload put there.
/// </summary>
internal sealed class IptablesText(NetworkConfiguration configuration, ManagedState state, FirewallContent content)
{
    public const string Forward = "euca-forward";
    public const string Input = "euca-input";
    public const string PreRouting = "euca-prerouting";
    public const string Output = "euca-output";
    public const string PostRouting = "euca-postrouting";

    /// <summary>The jumps in the built-in chains: table, chain, rule.</summary>
    public IEnumerable<(string Table, string Chain, string Rule)> Jumps()
    {
        yield return ("filter", "INPUT", $"-i {InterfaceNames.RouterPattern(configuration)} -j {Input}");
        yield return ("filter", "FORWARD", $"-j {Forward}");
        yield return ("nat", "PREROUTING", $"-j {PreRouting}");
        yield return ("nat", "OUTPUT", $"-j {Output}");
        yield return ("nat", "POSTROUTING", $"-j {PostRouting}");
    }

    /// <summary>The networks that are active in the content, which may be ahead of the state while one ends.</summary>
    public IEnumerable<ActiveNetwork> Active() => state.Networks.Values.Where(IsActive).OrderBy(n => n.Chunk.Index);

    /// <summary>True when the content holds a network.</summary>
    public bool IsActive(ActiveNetwork network) => content.Contains(ManagedFirewall.Groups, ElementKeys.Addresses(network.Chunk.Network.Address, network.Chunk.Network.Address));

    /// <summary>A table with all chains of ours, in iptables-save's format.</summary>
    public string Table(string table, IReadOnlyCollection<string>? onlyChains = null)
    {
        var text = new StringBuilder().Append('*').Append(table).Append('\n');
        (string Chain, IEnumerable<string> Rules)[] chains = [.. Chains(table).Where(c => onlyChains is null || onlyChains.Contains(c.Chain))];
        foreach (string chain in chains.Select(c => c.Chain).Concat(table == "filter" && onlyChains?.Contains(Forward) != false ? Active().Select(n => GroupChainName.Of(n.Group)) : []).Distinct())
        {
            text.Append(CultureInfo.InvariantCulture, $":{chain} - [0:0]\n");
        }

        foreach ((string chain, IEnumerable<string> rules) in chains)
        {
            foreach (string rule in rules)
            {
                text.Append(CultureInfo.InvariantCulture, $"-A {chain} {rule}\n");
            }
        }

        return text.Append("COMMIT\n").ToString();
    }

    /// <summary>The chains of a table with their rules.</summary>
    public IEnumerable<(string Chain, IEnumerable<string> Rules)> Chains(string table)
    {
        if (table == "nat")
        {
            yield return (PreRouting, MetadataRules().Concat(DestinationRules()));
            yield return (Output, DestinationRules());
            yield return (PostRouting, SourceRules());
            yield break;
        }

        yield return (Forward, ForwardRules());
        yield return (Input, InputRules());
        foreach (ActiveNetwork network in Active())
        {
            yield return (GroupChainName.Of(network.Group), GroupRules(network));
        }
    }

    private IEnumerable<string> ForwardRules()
    {
        foreach (ActiveNetwork network in Active())
        {
            yield return $"! -s {network.Chunk.Network} -i {network.InterfaceName} -j DROP";
        }

        yield return "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";
        yield return "-m conntrack --ctstate INVALID -j DROP";
        yield return $"! -d {configuration.Subnet} -j ACCEPT";
        foreach (ActiveNetwork network in Active())
        {
            yield return $"-s {network.Chunk.Network} -d {network.Chunk.Network} -j ACCEPT";
            yield return $"-d {network.Chunk.Network} -m comment --comment {Quote(network.Group.ToString())} -j {GroupChainName.Of(network.Group)}";
        }
    }

    private IEnumerable<string> InputRules()
    {
        yield return "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";
        yield return "-p udp -m udp --dport 67 -j ACCEPT";
        foreach (ActiveNetwork network in Active())
        {
            yield return $"-s {network.Chunk.Network} -d {network.Chunk.Router}/32 -i {network.InterfaceName} -p icmp -m icmp --icmp-type 8 -j ACCEPT";
        }

        foreach (Ipv4Address server in configuration.DnsServers)
        {
            yield return $"-d {server}/32 -p udp -m udp --dport 53 -j ACCEPT";
            yield return $"-d {server}/32 -p tcp -m tcp --dport 53 -j ACCEPT";
        }

        if (configuration.Metadata is { } metadata)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"-d {metadata.Address}/32 -p tcp -m tcp --dport {metadata.Port} -m conntrack --ctstate DNAT -j ACCEPT");
        }

        yield return "-j DROP";
    }

    private IEnumerable<string> GroupRules(ActiveNetwork network)
    {
        foreach (IngressRule rule in state.RulesOf(network.Group).OrderBy(r => r.ToString(), StringComparer.Ordinal))
        {
            if ((rule.Source ?? SourceOf(rule)) is { } source)
            {
                yield return RuleText(rule, source);
            }

            // An instance that comes by a public address is judged by its own public address too.
            foreach ((Ipv4Address address, ManagedInstance instance) in rule.Source is { PrefixLength: > 0 } holder ? state.AssociationsIn(holder) : [])
            {
                yield return "-m conntrack --ctstate DNAT " + RuleText(rule, new Ipv4Network(instance.Address, 32));
            }
        }
    }

    private Ipv4Network? SourceOf(IngressRule rule) =>
        rule.SourceGroup is { } group && state.Networks.TryGetValue(group, out ActiveNetwork? network) && IsActive(network) ? network.Chunk.Network : null;

    private static string RuleText(IngressRule rule, Ipv4Network source)
    {
        var text = new StringBuilder();
        if (source.PrefixLength > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"-s {source} ");
        }

        if (rule.Protocol is { } protocol)
        {
            string name = protocol is IngressRule.Tcp or IngressRule.Udp or IngressRule.Icmp or 33 or 132 or 136 ? IngressRule.ProtocolName(protocol) : protocol.ToString(CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"-p {name} ");
            if (rule.FirstPort is { } first)
            {
                string range = first == rule.LastPort ? first.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{first}:{rule.LastPort}");
                text.Append(protocol == 136 ? $"-m multiport --dports {range} " : $"-m {name} --dport {range} ");
            }

            if (rule.IcmpType >= 0)
            {
                text.Append(rule.IcmpCode >= 0
                    ? string.Create(CultureInfo.InvariantCulture, $"-m icmp --icmp-type {rule.IcmpType}/{rule.IcmpCode} ")
                    : string.Create(CultureInfo.InvariantCulture, $"-m icmp --icmp-type {rule.IcmpType} "));
            }
        }

        return text.Append("-j ACCEPT").ToString();
    }

    private IEnumerable<string> MetadataRules()
    {
        if (configuration.Metadata is { } metadata)
        {
            yield return $"-d {FrontEndTable.MetadataAddress}/32 -i {InterfaceNames.RouterPattern(configuration)} -p tcp -m tcp --dport 80 -j DNAT --to-destination {metadata}";
        }
    }

    private IEnumerable<string> DestinationRules() =>
        state.Associations.OrderBy(a => a.Key).Select(a => $"-d {a.Key}/32 -j DNAT --to-destination {a.Value.Address}");

    private IEnumerable<string> SourceRules()
    {
        // Traffic between instances keeps its addresses, unless it came by a public one.
        yield return $"-s {configuration.Subnet} -d {configuration.Subnet} -m conntrack ! --ctstate DNAT -j RETURN";
        foreach ((Ipv4Address address, ManagedInstance instance) in state.Associations.OrderBy(a => a.Key))
        {
            yield return $"-s {instance.Address}/32 -j SNAT --to-source {address}";
        }

        foreach (ActiveNetwork network in Active())
        {
            yield return $"-s {network.Chunk.Network} -d {network.Chunk.Network} -m conntrack --ctstate DNAT -j MASQUERADE";
        }

        yield return $"-s {configuration.Subnet} ! -d {configuration.Subnet} -j MASQUERADE";
    }

    private static string Quote(string text) => "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
}
