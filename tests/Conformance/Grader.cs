using System.Text.Json;

namespace EucaNet.Conformance;

/// <summary>How one check did on one file.</summary>
/// <param name="File">The file as named by the caller.</param>
/// <param name="Check">The check's name.</param>
/// <param name="Identical">Rows in which the product did what was recorded.</param>
/// <param name="Total">Rows that count.</param>
/// <param name="Differences">The first rows that differ.</param>
public sealed record Grade(string File, string Check, int Identical, int Total, IReadOnlyList<Difference> Differences);

/// <summary>A row that differs.</summary>
/// <param name="Row">Its number in the file, from 1.</param>
/// <param name="Subject">The rule or command of the row.</param>
/// <param name="Detail">What was expected and what came.</param>
public sealed record Difference(int Row, string Subject, string Detail);

/// <summary>Runs the checks that apply to a file.</summary>
public static class Grader
{
    /// <summary>Every check there is.</summary>
    public static IReadOnlyList<IConformanceCheck> Checks { get; } =
    [
        new NftablesEncodeCheck(),
        new NftablesDecodeCheck(),
        new NftablesReplayCheck(),
        new IptablesNftParseCheck(),
        new IptablesNftTextCheck(),
        new IptablesLegacyParseCheck(),
        new IptablesLegacyTextCheck(),
        new LegacyReplayCheck(),
        new RouteEncodeCheck(),
        new RouteDecodeCheck(),
        new RouteReplayCheck(),
        new ConntrackReplayCheck(),
        new IpsetReplayCheck(),
        new RouteEventsReplayCheck(),
        new NftablesBytecodeTextCheck(),
        new NftablesListingCheck(),
        new NftablesJsonCheck(),
    ];

    /// <summary>Runs all checks that apply and keeps up to <paramref name="show"/> differences of each.</summary>
    public static IReadOnlyList<Grade> Run(CorpusFile file, int show, IEnumerable<IConformanceCheck>? checks = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        var grades = new List<Grade>();
        foreach (IGrouping<string, IConformanceCheck> named in (checks ?? Checks).Where(check => check.AppliesTo(file.Format)).GroupBy(check => check.Name))
        {
            int identical = 0;
            int total = 0;
            var differences = new List<Difference>();
            foreach (IConformanceCheck check in named)
            {
                Func<JsonElement, CheckResult?> run = check.Begin(file);
                for (int index = 0; index < file.Rows.Count; index++)
                {
                    if (RunRow(run, file.Rows[index]) is not { } result)
                    {
                        continue;
                    }

                    total++;
                    if (result.Identical)
                    {
                        identical++;
                    }
                    else if (differences.Count < show)
                    {
                        differences.Add(new Difference(index + 1, SubjectOf(file.Rows[index]), $"{check.GetType().Name}: {result.Difference}"));
                    }
                }
            }

            if (total > 0)
            {
                grades.Add(new Grade(file.Path, named.Key, identical, total, differences));
            }
        }

        return grades;
    }

    // A row that makes the product throw is a row that differs, not the end of the run.
    private static CheckResult? RunRow(Func<JsonElement, CheckResult?> run, JsonElement row)
    {
        try
        {
            return run(row);
        }
#pragma warning disable CA1031
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return new CheckResult(false, exception.ToString());
        }
    }

    private static string SubjectOf(JsonElement row)
    {
        foreach (string field in (string[])["cmd", "rule", "ruleset"])
        {
            if (row.TryGetProperty(field, out JsonElement value))
            {
                string chain = row.TryGetProperty("family", out JsonElement family) ? family.GetString() + " " : "";
                return chain + value.GetString();
            }
        }

        return "";
    }
}
