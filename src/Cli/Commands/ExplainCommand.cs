using System.CommandLine;
using EucaNet.Cli.Control;
using Spectre.Console;

namespace EucaNet.Cli;

/// <summary>eucanet explain INSTANCE|GROUP|ADDRESS</summary>
internal static class ExplainCommand
{
    public static Command Build(Func<ParseResult, IVerbContext> connect)
    {
        var subject = new Argument<string>("subject") { Description = "An instance (id or address), a group (user-group) or a public address.", HelpName = "INSTANCE|GROUP|ADDRESS" };
        var command = new Command("explain", "Front-end: everything about one thing, what is wanted and what the kernel has for it. Example: eucanet explain alice-web") { subject };
        command.SetAction(async (arguments, token) =>
        {
            IVerbContext context = connect(arguments);
            ExplanationMessage explanation = await context.Control.ExplainAsync(arguments.GetRequiredValue(subject), token).ConfigureAwait(false);
            context.Show(explanation, ControlJson.Default.ExplanationMessage, () => new Rows(
            [
                new Markup($"[bold]{Markup.Escape(explanation.Subject)}[/]"),
                new Markup("[bold]wanted[/]"),
                .. explanation.Intent.Select(line => new Text("  " + line)),
                new Markup("[bold]in the kernel[/]"),
                .. explanation.Kernel.Select(line => new Text("  " + line)),
            ]));
        });
        return command;
    }
}
