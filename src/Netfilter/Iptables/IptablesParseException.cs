namespace EucaNet.Netfilter.Iptables;

/// <summary>A line of an iptables-save file, or a rule, cannot be taken as it stands. Nothing has been changed.</summary>
public sealed class IptablesParseException : Exception
{
    private readonly string _reason;

    /// <summary>Says where, at which word and why.</summary>
    /// <param name="reason">Why, in words.</param>
    /// <param name="line">Line from 1, or 0 where there is no file.</param>
    /// <param name="column">Column from 1.</param>
    /// <param name="token">The word at fault, or null.</param>
    /// <param name="suggestion">The nearest known word, or null.</param>
    public IptablesParseException(string reason, int line, int column, string? token, string? suggestion)
        : base(Say(reason, line, column, suggestion))
    {
        _reason = reason;
        Line = line;
        Column = column;
        Token = token;
        Suggestion = suggestion;
    }

    /// <summary>Line from 1, or 0 where there is no file.</summary>
    public int Line { get; }

    /// <summary>Column from 1.</summary>
    public int Column { get; }

    /// <summary>The word at fault, or null.</summary>
    public string? Token { get; }

    /// <summary>The nearest known word, or null.</summary>
    public string? Suggestion { get; }

    /// <summary>The same error, at a line of a file, and at a column where that was not known yet.</summary>
    internal IptablesParseException AtLine(int line, int? column = null) => new(_reason, line, column ?? Column, Token, Suggestion);

    private static string Say(string reason, int line, int column, string? suggestion) =>
        (line > 0 ? $"line {line}, column {column}: " : $"column {column}: ")
        + reason
        + (suggestion is null ? "" : $"; did you mean '{suggestion}'?");
}
