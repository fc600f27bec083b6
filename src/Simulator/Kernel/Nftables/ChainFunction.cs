using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Kernel.Nftables.Expressions;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>A base chain in its hook (nft_do_chain): runs its rules over a packet, with jumps, and the policy at the end.</summary>
internal sealed class ChainFunction(NftablesSubsystem subsystem, Chain chain) : IHookFunction
{
    /// <inheritdoc />
    public string Description => $"chain {FamilyName(chain.Table.Family)} {chain.Table.Name} {chain.Name}";

    /// <inheritdoc />
    public HookVerdict Run(HookContext context)
    {
        Packet packet = context.Packet;
        if (!packet.HasTransportProtocol && packet.Protocol is EtherType.Ipv4 or EtherType.Ipv6)
        {
            packet.LocateTransport();
        }

        bool routes = context.Hook == Hook.Output && chain.Base!.Type == ChainType.Route && context.Family is HookFamily.Ipv4 or HookFamily.Ipv6;
        RouteKey before = routes ? RouteKey.Of(packet) : default;
        int verdict = Walk(new Evaluation(subsystem, context, chain.Table.Family), context);
        if (routes && (verdict & 0xff) == NF_ACCEPT && RouteKey.Of(packet) != before && !context.Stack.Internet(context.Family).Reroute(packet))
        {
            return HookVerdict.Drop;
        }

        return (verdict & 0xff) switch
        {
            NF_DROP => HookVerdict.Drop,
            NF_STOLEN => HookVerdict.Stolen,
            _ => HookVerdict.Accept,
        };
    }

    private int Walk(Evaluation evaluation, HookContext context)
    {
        var stack = new (Rule[] Rules, Chain Chain, int Next)[NftablesSubsystem.JumpStackSize];
        int depth = 0, next = 0;
        Chain current = chain;
        Rule[] rules = chain.Compiled;
        Packet packet = context.Packet;
        var trace = new TraceNotes(subsystem, context, chain);
        bool returned = false;
        while (true)
        {
            if (next >= rules.Length)
            {
                if (packet.Traced && !returned)
                {
                    trace.End(current);
                }

                returned = false;
                if (depth == 0)
                {
                    break;
                }

                (rules, current, next) = stack[--depth];
                continue;
            }

            Rule rule = rules[next++];
            evaluation.Verdict = new Verdict(NFT_CONTINUE);
            foreach (Expression expression in rule.Expressions)
            {
                expression.Evaluate(evaluation);
                if (evaluation.Verdict.Code != NFT_CONTINUE)
                {
                    break;
                }
            }

            Verdict verdict = evaluation.Verdict;
            if (verdict.Code == NFT_BREAK)
            {
                continue;
            }

            if (packet.Traced)
            {
                trace.Rule(current, rule, verdict);
            }

            Tell(packet, context, current, rule, verdict);
            switch (verdict.Code)
            {
                case NFT_CONTINUE:
                    continue;
                case NFT_JUMP:
                    if (depth == stack.Length)
                    {
                        return NF_DROP;
                    }

                    stack[depth++] = (rules, current, next);
                    goto case NFT_GOTO;
                case NFT_GOTO:
                    current = verdict.Chain!;
                    rules = current.Compiled;
                    next = 0;
                    continue;
                case NFT_RETURN:
                    next = rules.Length;
                    returned = true;
                    continue;
                default:
                    return verdict.Code;
            }
        }

        BaseChain baseChain = chain.Base!;
        if (baseChain.Counter is { } counter)
        {
            counter.Packets++;
            counter.Bytes += (ulong)context.PacketLength;
        }

        trace.Policy(baseChain.Policy);
        TellPolicy(packet, context, baseChain.Policy);

        return (int)baseChain.Policy;
    }

    private static void Tell(Packet packet, HookContext context, Chain current, Rule rule, Verdict verdict)
    {
        if (packet.Story is { } story && story.Journey.Level >= TraceLevel.Detailed)
        {
            packet.Story = story.Add(StoryKind.Decision, TraceLevel.Detailed, context.Stack.HostName, $"rule {FamilyName(current.Table.Family)} {current.Table.Name} {current.Name} handle {rule.Handle}: {verdict}");
        }
    }

    private void TellPolicy(Packet packet, HookContext context, uint policy)
    {
        if (packet.Story is { } story && story.Journey.Level >= TraceLevel.Detailed)
        {
            packet.Story = story.Add(StoryKind.Decision, TraceLevel.Detailed, context.Stack.HostName, $"{Description}: policy {(policy == NF_ACCEPT ? "accept" : "drop")}");
        }
    }

    private static string FamilyName(byte family) => family switch
    {
        NFPROTO_INET => "inet",
        NFPROTO_IPV4 => "ip",
        NFPROTO_IPV6 => "ip6",
        NFPROTO_ARP => "arp",
        NFPROTO_BRIDGE => "bridge",
        _ => "netdev",
    };
}
