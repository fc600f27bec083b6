using System.CommandLine;
using System.Text.Json.Serialization;
using EucaNet.Engine.Configuration;
using Spectre.Console;

namespace EucaNet.Cli;

/// <summary>eucanet check FILE</summary>
internal static class CheckCommand
{
    public static Command Build()
    {
        var file = new Argument<string>("file") { Description = "A eucalyptus.conf.", HelpName = "FILE" };
        Option<EngineRole> role = RoleOption.Build();
        var command = new Command(
            "check",
            """
            Prints every mistake of a configuration with line and column, then what it has room for. Changes nothing.

            Exit status: 0 when it can be used, 1 when it cannot, 2 when the file cannot be read.
            Example: eucanet check /etc/eucalyptus/eucalyptus.conf --role node
            """)
        { file, role };
        command.SetAction(arguments =>
        {
            string path = arguments.GetRequiredValue(file);
            string text;
            try
            {
                text = File.ReadAllText(path);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine($"eucanet: {path}: {exception.Message}");
                return 2;
            }

            ConfigurationResult result = ConfigurationFiles.Parse(text, path, arguments.GetValue(role));
            if (arguments.GetValue(TerminalContext.Json))
            {
                Console.Out.WriteLine(JsonLines.Of(Report(path, result), CheckJson.Default.CheckReport));
            }
            else
            {
                Print(path, result);
            }

            return result.IsUsable ? 0 : 1;
        });
        return command;
    }

    private static void Print(string path, ConfigurationResult result)
    {
        foreach (ConfigurationDiagnostic diagnostic in result.Diagnostics)
        {
            string colour = diagnostic.Severity == DiagnosticSeverity.Error ? "red" : "yellow";
            AnsiConsole.MarkupLine($"[{colour}]{Markup.Escape(diagnostic.ToString())}[/]");
        }

        int errors = result.Diagnostics.Count(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        if (errors > 0)
        {
            Console.Out.WriteLine($"{path}: {errors} {(errors == 1 ? "mistake" : "mistakes")}; it cannot be used as it is.");
        }
        else if (result.Capacity is { } capacity)
        {
            Console.Out.WriteLine(capacity.ToString());
        }
        else
        {
            Console.Out.WriteLine($"{path}: no mistakes.");
        }
    }

    private static CheckReport Report(string path, ConfigurationResult result) => new(
        path,
        result.IsUsable,
        [.. result.Diagnostics.Select(diagnostic => new CheckFinding(
            diagnostic.Severity == DiagnosticSeverity.Error ? "error" : "warning", diagnostic.Line, diagnostic.Column, diagnostic.Key, diagnostic.Value, diagnostic.Reason, diagnostic.Suggestion))],
        result.Capacity);
}

internal sealed record CheckFinding(string Severity, int Line, int Column, string Key, string? Value, string Reason, string? Suggestion);

internal sealed record CheckReport(string File, bool Usable, IReadOnlyList<CheckFinding> Findings, CapacityReport? Capacity);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(CheckReport))]
internal sealed partial class CheckJson : JsonSerializerContext;
