using System.Text.Json.Serialization;
using EucaNet.Engine.Diagnostics;
using Spectre.Console;

namespace EucaNet.Cli;

/// <summary>Shows what checks found, the worst first, each with the manual's remedy.</summary>
internal static class Findings
{
    /// <summary>Prints the findings; status 1 where one is an error.</summary>
    public static int Show(IReadOnlyList<Finding> findings, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonLines.Of(findings, FindingJson.Default.IReadOnlyListFinding));
        }
        else
        {
            foreach (Finding finding in findings)
            {
                (string colour, string word) = finding.Level switch
                {
                    FindingLevel.Good => ("green", "good"),
                    FindingLevel.Notice => ("blue", "notice"),
                    FindingLevel.Warning => ("yellow", "warning"),
                    _ => ("red", "error"),
                };
                AnsiConsole.MarkupLine($"[{colour}]{word,-8}[/][bold]{Markup.Escape(finding.Check)}[/] {Markup.Escape(finding.Subject)}: {Markup.Escape(finding.Observation)}");
                if (finding.Remedy is { } remedy)
                {
                    AnsiConsole.MarkupLineInterpolated($"        {remedy}");
                }
            }
        }

        return findings.Any(finding => finding.Level == FindingLevel.Error) ? 1 : 0;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(IReadOnlyList<Finding>))]
internal sealed partial class FindingJson : JsonSerializerContext;
