using System.CommandLine;
using System.Text.Json.Serialization.Metadata;
using EucaNet.Cli.Control;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace EucaNet.Cli;

/// <summary>Runtime commands typed at a terminal: they go to the daemon, answers to standard output as text or JSON.</summary>
internal sealed class TerminalContext(IControl control, bool json) : IVerbContext
{
    /// <summary>The daemon's socket, unless --socket says otherwise.</summary>
    public const string DefaultSocket = "/run/eucanet/eucanet.sock";

    /// <summary>-j, on every command that answers something.</summary>
    public static Option<bool> Json { get; } = new("--json", "-j") { Description = "Answer in JSON.", Recursive = true };

    /// <summary>--socket, on every command that talks to the daemon.</summary>
    public static Option<string> Socket { get; } = new("--socket") { Description = "The engine's control socket.", HelpName = "PATH", Recursive = true, DefaultValueFactory = _ => DefaultSocket };

    public IControl Control => control;

    public static TerminalContext Connect(ParseResult arguments) =>
        new(new HttpControl(arguments.GetRequiredValue(Socket)), arguments.GetValue(Json));

    public void Show(ChangeMessage change)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonLines.Of(change, ControlJson.Default.ChangeMessage));
            return;
        }

        if (change.Instance is { } instance)
        {
            string vlan = instance.Vlan > 0 ? $"  VLAN {instance.Vlan}" : "";
            AnsiConsole.MarkupLineInterpolated($"[bold]{instance.Instance}[/]  {instance.HardwareAddress}  {instance.PrivateAddress}{vlan}  {instance.Bridge}");
        }

        foreach (string line in change.Changes)
        {
            AnsiConsole.MarkupLineInterpolated($"  [grey]{line}[/]");
        }
    }

    public void Show<T>(T value, JsonTypeInfo<T> type, Func<IRenderable> table)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonLines.Of(value, type));
        }
        else
        {
            AnsiConsole.Write(table());
        }
    }
}
