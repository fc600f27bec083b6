namespace EucaNet.Engine.Diagnostics;

/// <summary>How a check ended.</summary>
public enum FindingLevel
{
    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Worth knowing; nothing fails because of it.</summary>
    Notice,

    /// <summary>Something may fail because of it.</summary>
    Warning,

    /// <summary>Instances are unavailable because of it.</summary>
    Error,
}

/// <summary>What a check of the manual's troubleshooting chapter found.</summary>
public sealed record Finding
{
    /// <summary>How it ended.</summary>
    public required FindingLevel Level { get; init; }

    /// <summary>What was checked: "interface", "bridge", "forwarding", "firewall", "dhcp", "address".</summary>
    public required string Check { get; init; }

    /// <summary>The object: an interface, a group, an address.</summary>
    public required string Subject { get; init; }

    /// <summary>What was found.</summary>
    public required string Observation { get; init; }

    /// <summary>What the manual says to do about it; null when there is nothing to do.</summary>
    public string? Remedy { get; init; }

    /// <summary>One line.</summary>
    public override string ToString() => $"{Level.ToString().ToLowerInvariant()}: {Check} {Subject}: {Observation}{(Remedy is null ? "" : $"; {Remedy}")}";
}

/// <summary>Gathers findings.</summary>
internal sealed class FindingList
{
    private readonly List<Finding> _findings = [];

    public void Good(string check, string subject, string observation) => Add(FindingLevel.Good, check, subject, observation, null);

    public void Notice(string check, string subject, string observation, string? remedy = null) => Add(FindingLevel.Notice, check, subject, observation, remedy);

    public void Warning(string check, string subject, string observation, string remedy) => Add(FindingLevel.Warning, check, subject, observation, remedy);

    public void Error(string check, string subject, string observation, string remedy) => Add(FindingLevel.Error, check, subject, observation, remedy);

    /// <summary>The findings, the worst first.</summary>
    public IReadOnlyList<Finding> ToList() => [.. _findings.OrderByDescending(f => f.Level)];

    private void Add(FindingLevel level, string check, string subject, string observation, string? remedy) =>
        _findings.Add(new Finding { Level = level, Check = check, Subject = subject, Observation = observation, Remedy = remedy });
}
