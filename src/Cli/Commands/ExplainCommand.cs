using System.CommandLine;
using EucaNet.Cli.Control;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace EucaNet.Cli;

/// <summary>eucanet explain INSTANCE|GROUP|ADDRESS</summary>
internal static class ExplainCommand
{
    public static Command Build(Func<ParseResult, IVerbContext> connect)
    {
        var subject = new Argument<string>("subject") { Description = "An instance (id or address), a group (user-group) or a public address.", HelpName = "INSTANCE|GROUP|ADDRESS" };
        var command = new Command("explain", "Front-end: everything about one thing, what is wanted, what the kernel has and counts for it, and what was refused of late. Example: eucanet explain alice-web") { subject };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            ExplanationMessage explanation = await context.Control.ExplainAsync(arguments.GetRequiredValue(subject), token).ConfigureAwait(false);
            context.Show(explanation, ControlJson.Default.ExplanationMessage, () => new Rows(
            [
                new Markup($"[bold]{Markup.Escape(explanation.Subject)}[/]"),
                .. Part("wanted", explanation.Intent),
                .. Part("in the kernel", explanation.Kernel),
                .. Part("counted", explanation.Counters),
                .. Part("refused of late", explanation.Errors),
            ]));
        });
        return command;
    }

    private static IEnumerable<IRenderable> Part(string title, IReadOnlyList<string> lines) =>
        lines.Count == 0 ? [] : [new Markup($"[bold]{title}[/]"), .. lines.Select(line => new Text("  " + line))];
}
