using System.Globalization;

namespace EucaNet.Engine.Configuration;

/// <summary>How bad a finding is.</summary>
public enum DiagnosticSeverity
{
    /// <summary>It works, but probably not as meant.</summary>
    Warning,

    /// <summary>The configuration cannot be used.</summary>
    Error,
}

/// <summary>One thing that is wrong in a configuration file.</summary>
public sealed record ConfigurationDiagnostic
{
    /// <summary>How bad it is.</summary>
    public required DiagnosticSeverity Severity { get; init; }

    /// <summary>The file's name as it was given.</summary>
    public required string File { get; init; }

    /// <summary>Line from 1; 0 when it concerns the whole file (a missing key).</summary>
    public int Line { get; init; }

    /// <summary>Column from 1, in characters; 0 when it concerns the whole file.</summary>
    public int Column { get; init; }

    /// <summary>The key it is about, or an empty string.</summary>
    public string Key { get; init; } = "";

    /// <summary>The value or the part of it that is wrong, or null.</summary>
    public string? Value { get; init; }

    /// <summary>Why it is wrong.</summary>
    public required string Reason { get; init; }

    /// <summary>What to write instead, or null.</summary>
    public string? Suggestion { get; init; }

    /// <summary>One line as compilers print it: file:line:column: severity: KEY "value": reason; suggestion.</summary>
    public override string ToString()
    {
        string place = Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}:{Column}") : File;
        string subject = Key.Length == 0 ? "" : Value is null ? $"{Key}: " : $"{Key} \"{Value}\": ";
        string severity = Severity == DiagnosticSeverity.Error ? "error" : "warning";
        return $"{place}: {severity}: {subject}{Reason}{(Suggestion is null ? "" : $"; {Suggestion}")}";
    }
}
