using System.CommandLine;
using System.CommandLine.Parsing;
using EucaNet.Cli.Control;
using EucaNet.Engine.Configuration;

namespace EucaNet.Cli;

/// <summary>Where a runtime command goes, and where its answer is shown.</summary>
internal interface IVerbContext
{
    /// <summary>The engine it is for.</summary>
    IControl Control { get; }

    /// <summary>Shows a change that was made.</summary>
    void Show(ChangeMessage change);

    /// <summary>Shows a list or an object, as a table or as JSON.</summary>
    void Show<T>(T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, Func<Spectre.Console.Rendering.IRenderable> table);
}

/// <summary>
/// The commands against a running engine. One grammar for the terminal, where they go to the daemon, and for scenario files,
/// where they go to the engines of the scenario.
/// </summary>
internal static class EngineVerbs
{
    /// <summary>The first words of the commands.</summary>
    public static IReadOnlyList<string> Names { get; } = ["instance", "group", "address", "network", "explain", "trace", "status"];

    /// <summary>Builds the commands. <paramref name="connect"/> is called when one runs.</summary>
    public static IEnumerable<Command> Build(Func<ParseResult, IVerbContext> connect) =>
        [InstanceCommand.Build(connect), GroupCommand.Build(connect), AddressCommand.Build(connect), NetworkCommand.Build(connect), ExplainCommand.Build(connect), TraceCommand.Build(connect), StatusCommand.Build(connect)];

    /// <summary>The first mistake in a command's words and the word it is about; null where the grammar takes it.</summary>
    public static (string Word, string Message)? FindMistake(string[] words)
    {
        ParseResult result = Root(_ => throw new InvalidOperationException("only parsed, not run")).Parse(words);
        if (result.UnmatchedTokens.Count > 0)
        {
            string word = result.UnmatchedTokens[0];
            IEnumerable<string> known = result.CommandResult.Command.Subcommands.Select(command => command.Name)
                .Concat(result.CommandResult.Command.Options.Select(option => option.Name));
            return (word, $"'{string.Join(' ', words.TakeWhile(other => other != word))}' takes no '{word}'" + (NearestName.Find(word, known) is { } nearest ? $"; did you mean '{nearest}'?" : ""));
        }

        if (result.Errors.Count == 0)
        {
            return null;
        }

        ParseError error = result.Errors[0];
        string? token = error.SymbolResult is { Tokens: [var first, ..] } ? first.Value : null;
        return (token ?? words[^1], error.Message.TrimEnd('.'));
    }

    /// <summary>A root with the commands only, as scenario lines are parsed.</summary>
    public static RootCommand Root(Func<ParseResult, IVerbContext> connect)
    {
        var root = new RootCommand();
        foreach (Command command in Build(connect))
        {
            root.Add(command);
        }

        return root;
    }
}
