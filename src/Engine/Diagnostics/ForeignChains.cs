using EucaNet.Engine.Configuration;
using EucaNet.Engine.Firewall;
using EucaNet.Engine.Modes;
using EucaNet.Netfilter;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Engine.Diagnostics;

/// <summary>
/// Names chains of other programs that may drop what ours let through: an accept of ours is not the last word at a hook. It looks at every hook our traffic passes,
/// and from each base chain at all that it jumps to. What instances only ask of this machine itself is a notice; what keeps their packets from passing, a warning.
/// </summary>
internal sealed class ForeignChains(EngineContext context, FindingList findings)
{
    private const string OtherFirewall = "stop the other firewall, or let it accept the traffic of VNET_SUBNET (manual, MANAGED mode, requirement 3)";
    private const string AsksThisMachine = "what instances ask of this machine (ping of their router, renewals of leases, metadata)";

    private const string SentByThisMachine = "what this machine sends";

    // By the number of the hook (NF_INET_*, NF_BR_*): prerouting, input, forward, output, postrouting.
    private static readonly string[] Traffic = ["all that arrives", AsksThisMachine, "forwarded traffic", SentByThisMachine, "all that leaves"];

    private NetworkConfiguration Configuration => context.Configuration;

    private bool HoldsRules => Configuration is { Role: not EngineRole.Node, Mode: NetworkMode.Managed };

    /// <summary>IPv4 rules see our traffic: this machine routes it, or its bridges show it to them.</summary>
    private bool SeesPackets => HoldsRules || context.Kernel.ReadParameter("net/bridge/bridge-nf-call-iptables") == "1";

    /// <summary>Looks at the chains of nf_tables and at the legacy tables beside them.</summary>
    public void Check()
    {
        bool any = CheckNftables();
        if (!CheckLegacyTable() && !any)
        {
            findings.Good("firewall", "other programs' chains", "none drops our traffic");
        }
    }

    private bool CheckNftables()
    {
        NftablesRuleset ruleset;
        try
        {
            using NftablesConnection connection = NftablesConnection.Open(context.Kernel);
            ruleset = connection.ReadRuleset();
        }
        catch (KernelException refused)
        {
            findings.Warning("firewall", "nf_tables", refused.Message, "run as root on a kernel with nf_tables");
            return true;
        }

        bool any = false;
        foreach (TableContent table in ruleset.Tables.Where(t => t.Table.Name != FirewallTable.Name && !IsOurs(t.Table)))
        {
            foreach (ChainContent chain in table.Chains)
            {
                if (chain.Chain.Hook is { } hook && TrafficAt(table.Table.Family, hook) is { } traffic && WhyItDrops(table, chain) is { } reason)
                {
                    any = true;
                    Report(chain.Chain.Describe(), traffic, reason);
                }
            }
        }

        return any;
    }

    private void Report(string subject, string traffic, string reason)
    {
        string observation = $"{reason}: {traffic}";
        if (traffic is AsksThisMachine or SentByThisMachine)
        {
            findings.Notice("firewall", subject, observation, OtherFirewall);
        }
        else
        {
            findings.Warning("firewall", subject, observation, OtherFirewall);
        }
    }

    /// <summary>What of ours passes a hook, in words; null where nothing does.</summary>
    private string? TrafficAt(NftablesFamily family, ChainHook hook)
    {
        const uint Ingress = 5;
        return family switch
        {
            NftablesFamily.Netdev or NftablesFamily.Inet when family == NftablesFamily.Netdev || hook.Number == Ingress => OurDevice(hook) is { } device ? $"frames of {device}" : null,
            NftablesFamily.Arp => hook.Number == 0 ? "ARP that arrives: nobody finds the routers' addresses" : "ARP that leaves: nobody is answered where the routers are",
            NftablesFamily.Bridge when Configuration.Role != EngineRole.FrontEnd => Traffic[hook.Number],
            NftablesFamily.Ip or NftablesFamily.Inet when SeesPackets => Traffic[hook.Number],
            _ => null,
        };
    }

    private string? OurDevice(ChainHook hook) => hook.GetDeviceNames().FirstOrDefault(name => name.EndsWith('*')
        ? Configuration.Interface.StartsWith(name[..^1], StringComparison.Ordinal) || Configuration.PublicInterface.StartsWith(name[..^1], StringComparison.Ordinal)
        : name == Configuration.Interface || name == Configuration.PublicInterface || name == Configuration.Bridge);

    // Where the front-end's rules stand in iptables' own tables, FORWARD is ours.
    private bool IsOurs(Table table) =>
        table is { Family: NftablesFamily.Ip, Name: "filter" } && HoldsRules && Configuration.Firewall is FirewallBackend.IptablesNft or FirewallBackend.Iptables;

    private static string? WhyItDrops(TableContent table, ChainContent chain)
    {
        if (chain.Chain.Policy == ChainPolicy.Drop)
        {
            return "its policy drops what no rule of it accepts, ours too";
        }

        var met = new HashSet<string> { chain.Chain.Name };
        var ahead = new Queue<ChainContent>([chain]);
        while (ahead.TryDequeue(out ChainContent? next))
        {
            foreach (Verdict? verdict in next.Rules.SelectMany(rule => rule.Expressions).SelectMany(expression => VerdictsOf(table, expression)))
            {
                if (verdict is null or { Code: Nfnetlink.NF_DROP })
                {
                    return next == chain ? "it has rules that drop or reject" : $"the chain {next.Chain.Name} that it leads to has rules that drop or reject";
                }

                if (verdict.Chain is { } target && met.Add(target) && table.FindChain(target) is { } reached)
                {
                    ahead.Enqueue(reached);
                }
            }
        }

        return null;
    }

    /// <summary>The verdicts an expression may give; null among them stands for a rejection.</summary>
    private static IEnumerable<Verdict?> VerdictsOf(TableContent table, Expression expression) => expression switch
    {
        RejectExpression => [null],
        ImmediateExpression { Verdict: { } verdict } => [verdict],
        LookupExpression { SetName: { } name } => table.Sets.Where(set => set.Set.Name == name).SelectMany(set => set.Elements).Where(element => element.Verdict is not null).Select(element => element.Verdict),
        TargetExpression { TargetName: "REJECT" or "DROP" } => [null],
        _ => [],
    };

    /// <summary>The tables of the legacy iptables stand beside nf_tables, and the same packets go through both.</summary>
    private bool CheckLegacyTable()
    {
        if (!SeesPackets || (HoldsRules && Configuration.Firewall is FirewallBackend.IptablesLegacy or FirewallBackend.Iptables))
        {
            return false;
        }

        IptablesTable? filter;
        try
        {
            using IptablesTables tables = IptablesTables.Open(context.Kernel, IptablesInterface.Legacy);
            filter = tables.Read("filter")["filter"];
        }
        catch (KernelException)
        {
            return false; // a kernel without them
        }

        bool any = false;
        foreach ((string name, string traffic) in new[] { ("INPUT", Traffic[1]), ("FORWARD", Traffic[2]), ("OUTPUT", Traffic[3]) })
        {
            if (filter?[name] is { } chain && WhyItDrops(filter, chain) is { } reason)
            {
                any = true;
                Report($"iptables-legacy chain {name}", traffic, reason);
            }
        }

        return any;
    }

    private static string? WhyItDrops(IptablesTable table, IptablesChain chain)
    {
        if (chain.Policy == IptablesVerdict.Drop)
        {
            return "its policy drops what no rule of it accepts, ours too";
        }

        var met = new HashSet<string> { chain.Name };
        var ahead = new Queue<IptablesChain>([chain]);
        while (ahead.TryDequeue(out IptablesChain? next))
        {
            foreach (string target in next.Rules.Select(rule => rule.Target?.Name).OfType<string>())
            {
                if (target is "DROP" or "REJECT")
                {
                    return next == chain ? "it has rules that drop or reject" : $"the chain {next.Name} that it leads to has rules that drop or reject";
                }

                if (met.Add(target) && table[target] is { } reached)
                {
                    ahead.Enqueue(reached);
                }
            }
        }

        return null;
    }
}
