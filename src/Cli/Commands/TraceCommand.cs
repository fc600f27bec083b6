using System.CommandLine;
using System.Globalization;
using EucaNet.Cli.Control;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace EucaNet.Cli;

/// <summary>eucanet trace PROTOCOL FROM TO[:PORT]</summary>
internal static class TraceCommand
{
    public static Command Build(Func<ParseResult, IVerbContext> connect)
    {
        var protocol = new Argument<string>("protocol") { Description = "tcp, udp, icmp or a protocol number.", HelpName = "PROTOCOL" };
        var from = new Argument<string>("from") { Description = "Where the packet comes from: an instance or an address.", HelpName = "FROM" };
        var to = new Argument<string>("to") { Description = "Where it is sent to: an instance or an address, public or private; with the port.", HelpName = "TO[:PORT]" };
        var sourcePort = new Option<int>("--source-port") { Description = "The sender's port.", HelpName = "PORT", DefaultValueFactory = _ => 40000 };
        var icmp = new Option<string>("--icmp-type", "-t") { Description = "ICMP type:code.", HelpName = "TYPE:CODE", DefaultValueFactory = _ => "8:0" };
        var arrival = new Option<string?>("--in", "-i") { Description = "The interface it arrives by, where the routes do not tell.", HelpName = "INTERFACE" };
        var all = new Option<bool>("--all", "-a") { Description = "Every rule it meets, not only those that decide." };
        var command = new Command(
            "trace",
            """
            Why does a packet pass, or not? Takes the links, routes and rules that the kernel has now, other programs' too, sends the first packet of a flow through a copy
            of them, and names each rule that decides and what it was made from. Nothing is sent on any network.

            Exit status: 0 it passes, 1 it does not, or the question was refused.
            Examples: eucanet trace tcp 198.51.100.7 203.0.113.10:22
                      eucanet trace tcp 198.51.100.7 i-0a000001:22
                      eucanet trace icmp i-0a000001 i-0b000001 -j
            """)
        { protocol, from, to, sourcePort, icmp, arrival, all };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            (string target, int? port) = Split(arguments.GetRequiredValue(to));
            string[] typeAndCode = arguments.GetRequiredValue(icmp).Split(':');
            if (typeAndCode.Length > 2 || !byte.TryParse(typeAndCode[0], out byte type) || !byte.TryParse(typeAndCode.Length > 1 ? typeAndCode[1] : "0", out byte code))
            {
                throw new RefusedException($"'{arguments.GetRequiredValue(icmp)}' is not TYPE:CODE of a packet, such as 8:0");
            }

            TraceMessage trace = await context.Control.TraceAsync(
                new TraceRequestMessage
                {
                    Protocol = arguments.GetRequiredValue(protocol),
                    From = arguments.GetRequiredValue(from),
                    To = target,
                    Port = port,
                    SourcePort = arguments.GetValue(sourcePort),
                    IcmpType = type,
                    IcmpCode = code,
                    Interface = arguments.GetValue(arrival),
                },
                token).ConfigureAwait(false);
            context.Show(trace, ControlJson.Default.TraceMessage, () => Story(trace, arguments.GetValue(all)));
            return trace.Passes ? 0 : 1;
        });
        return command;
    }

    private static (string Target, int? Port) Split(string target)
    {
        int colon = target.LastIndexOf(':');
        if (colon < 0)
        {
            return (target, null);
        }

        return ushort.TryParse(target.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)
            ? (target[..colon], port)
            : throw new RefusedException($"'{target}' is not ADDRESS:PORT or INSTANCE:PORT, such as i-0a000001:22");
    }

    private static Rows Story(TraceMessage trace, bool all)
    {
        var lines = new List<IRenderable> { new Markup($"[bold]{Markup.Escape(trace.Packet)}[/]") };
        foreach (TraceStepMessage step in trace.Steps.Where(step => all || Decides(step)))
        {
            lines.Add(new Text($"  {step.What}"));
            lines.AddRange(((string?[])[step.Rule, step.Origin is { } origin ? $"because: {origin}" : null]).OfType<string>().Select(line => new Markup($"      [grey]{Markup.Escape(line)}[/]")));
        }

        lines.Add(new Markup(trace.Passes ? $"[green]passes[/]: {Markup.Escape(trace.Ending)}" : $"[red]does not pass[/]: {Markup.Escape(trace.Ending)}"));
        if (trace.FlowsUnderWay > 0)
        {
            lines.Add(new Text($"{trace.FlowsUnderWay} {(trace.FlowsUnderWay == 1 ? "flow" : "flows")} from there to there under way: packets of those pass as established"));
        }

        lines.AddRange(trace.LeftOut.Select(left => new Markup($"[yellow]left out[/]: {Markup.Escape(left)}")));
        return new Rows(lines);
    }

    // Rules that only lead to another chain, or count, decide nothing.
    private static bool Decides(TraceStepMessage step) =>
        step.Rule is null || !(step.What.Contains(": jump", StringComparison.Ordinal) || step.What.Contains(": goto", StringComparison.Ordinal) || step.What.EndsWith(": continue", StringComparison.Ordinal));
}
