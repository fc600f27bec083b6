using System.Globalization;
using System.Text.RegularExpressions;
using EucaNet.Cli.Control;
using EucaNet.Engine;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Text;
using EucaNet.Simulator.Fabric;

namespace EucaNet.Cli.Tracing;

/// <summary>Tells a packet's way in the words of the rules it met and of what they were made from: groups, ingress rules, public addresses.</summary>
internal sealed partial class TraceReader(KernelCopy copy, PacketDescription packet, PacketIntent? intent)
{
    private const string OurTable = "eucanet";
    private const string OurChains = "euca-";

    // In iptables' own tables: the chains that ours led to.
    private readonly HashSet<string> _reached = [];
    private readonly IReadOnlyList<TableContent> _tables = [.. copy.Ruleset.Tables];

    /// <summary>The packet's end and its steps.</summary>
    public (bool Passes, string Ending, List<TraceStepMessage> Steps) Read(PacketTrace trace)
    {
        var steps = new List<TraceStepMessage>();
        string? device = null;
        foreach (TraceStep step in trace.Steps.Skip(1))
        {
            switch (step.Kind)
            {
                case TraceStepKind.Device when step.Text.StartsWith(KernelCopy.OutsidePrefix, StringComparison.Ordinal):
                    return (true, $"leaves by {device ?? "this machine"}", steps);
                case TraceStepKind.Device:
                    device = step.Text.Length > 0 ? step.Text : device;
                    steps.Add(new TraceStepMessage($"device {device}"));
                    break;
                case TraceStepKind.Delivered:
                    return (true, $"reaches this machine: {step.Text}", steps);
                case TraceStepKind.Dropped when step.Text.StartsWith("nobody listens", StringComparison.Ordinal):
                    return (true, $"reaches this machine, where {step.Text}", steps);
                case TraceStepKind.Dropped:
                    return (false, step.Text, steps);
                case TraceStepKind.Change:
                    steps.Add(new TraceStepMessage(step.Text, null, OriginOfChange(step.Text)));
                    break;
                case TraceStepKind.Decision when RuleStep().Match(step.Text) is { Success: true } match:
                    steps.Add(OfRule(match));
                    break;
                default:
                    steps.Add(new TraceStepMessage(step.Text));
                    break;
            }
        }

        return (false, "its way is lost here", steps);
    }

    private TraceStepMessage OfRule(Match match)
    {
        (string family, string table, string chain, string verdict) = (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value, match.Groups[5].Value);
        ulong handle = ulong.Parse(match.Groups[4].Value, CultureInfo.InvariantCulture);
        TableContent? content = _tables.FirstOrDefault(t => t.Table.Name == table && t.Table.Family.ToText() == family);
        Rule? rule = content?.FindChain(chain)?.Rules.FirstOrDefault(r => r.Handle == handle);
        string? text = rule is null ? null : RuleSetText.Of(rule, [content!.Table, .. content.Sets.Select(s => s.Set)]);
        string? origin = table == OurTable ? OriginOfRule(chain, rule?.Comment, verdict)
            : !IsOurs(chain, verdict) ? $"not EucaNet's: table {family} {table}"
            : verdict == "accept" && _reached.Contains(chain) && !chain.StartsWith(OurChains, StringComparison.Ordinal) ? OriginOfIngress()
            : null;
        return new TraceStepMessage($"{family} {table}, chain {chain}: {verdict}", text, origin);
    }

    private bool IsOurs(string chain, string verdict)
    {
        string? target = verdict.StartsWith("jump ", StringComparison.Ordinal) || verdict.StartsWith("goto ", StringComparison.Ordinal) ? verdict[5..] : null;
        bool ours = chain.StartsWith(OurChains, StringComparison.Ordinal) || _reached.Contains(chain) || target?.StartsWith(OurChains, StringComparison.Ordinal) == true;
        if (ours && target is not null)
        {
            _reached.Add(target);
        }

        return ours;
    }

    private string? OriginOfIngress() => intent is null ? null
        : $"group {intent.Group}: {(intent.LetInBy is { Count: > 0 } rules ? string.Join("; ", rules) : "a rule that the engine does not know; reconcile")}";

    private string? OriginOfRule(string chain, string? comment, string verdict)
    {
        if (intent is null)
        {
            return null;
        }

        return (comment, verdict) switch
        {
            ({ } set, "accept") when set.StartsWith("rules ", StringComparison.Ordinal) => OriginOfIngress(),
            ("within a group", "accept") => $"both are of group {intent.Group}",
            ("no rule lets it in", _) when chain == "forward" => WhyNot(),
            _ => null,
        };
    }

    private string WhyNot()
    {
        if (intent!.Group is not { } group)
        {
            return $"{intent.PrivateDestination ?? packet.Destination} is in no active network: no instance runs there";
        }

        return intent switch
        {
            { LetInBy: [var missing, ..] } => $"group {group} should let it in by '{missing}', but the kernel does not: reconcile, and see 'eucanet doctor'",
            { OtherRules: [] } => $"group {group} has no ingress rules",
            _ => $"group {group} lets in only: {string.Join("; ", intent.OtherRules)}",
        };
    }

    private string? OriginOfChange(string text) =>
        text.StartsWith("DNAT", StringComparison.Ordinal) && intent is { PrivateDestination: not null } ? $"public address {packet.Destination} of instance {intent.DestinationInstance}"
        : text.StartsWith("SNAT", StringComparison.Ordinal) && intent is { SourceInstance: { } sender } ? $"instance {sender} as others see it"
        : null;

    [GeneratedRegex(@"^rule (\S+) (\S+) (\S+) handle (\d+): (.*)$")]
    private static partial Regex RuleStep();
}
