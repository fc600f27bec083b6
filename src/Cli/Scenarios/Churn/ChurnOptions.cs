using EucaNet.Simulator.Faults;

namespace EucaNet.Cli.Scenarios.Churn;

/// <summary>How a churn run goes.</summary>
/// <param name="Seed">Begins everything random; the same options give the same run.</param>
/// <param name="Steps">How many things the cloud's users do while faults last.</param>
internal sealed record ChurnOptions(ulong Seed, int Steps)
{
    /// <summary>What goes wrong; null for a few kinds that the seed chooses.</summary>
    public IReadOnlyList<CloudFault>? Faults { get; init; }

    /// <summary>The chance of each kind at each place; null for one that the seed chooses.</summary>
    public double? Chance { get; init; }

    /// <summary>Where the story is told; null for nowhere.</summary>
    public TextWriter? Story { get; init; }

    /// <summary>A pcapng of all frames and netlink messages; null for none.</summary>
    public Stream? Capture { get; init; }

    /// <summary>A transcript of all frames and netlink messages; null for none.</summary>
    public TextWriter? Transcript { get; init; }

    /// <summary>The command line that does the same run again.</summary>
    public string CommandLine => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"eucanet sim churn --seed {Seed} --steps {Steps}")
        + (Faults is null ? "" : $" --faults {string.Join(',', Faults.Select(static fault => fault.Name))}")
        + (Chance is { } chance ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $" --chance {chance}") : "");
}

/// <summary>How a run ended; the numbers are exit statuses.</summary>
internal enum ChurnVerdict
{
    /// <summary>Every invariant held, and everything converged.</summary>
    Held = 0,

    /// <summary>An invariant was broken.</summary>
    Broken = 1,

    /// <summary>The faults ended and the cloud did not become what it should be, or went on writing.</summary>
    NotConverged = 3,

    /// <summary>The program itself failed.</summary>
    Crashed = 4,
}

/// <summary>An invariant was broken, or the cloud did not converge.</summary>
internal sealed class ChurnException(ChurnVerdict verdict, string message) : Exception(message)
{
    public ChurnVerdict Verdict { get; } = verdict;
}

/// <summary>What a run came to.</summary>
/// <param name="Options">Its options.</param>
/// <param name="Verdict">How it ended.</param>
/// <param name="Reason">Why, where it did not hold.</param>
/// <param name="Struck">How often each kind of fault struck.</param>
/// <param name="Figures">Counts of what happened, for people.</param>
internal sealed record ChurnResult(ChurnOptions Options, ChurnVerdict Verdict, string? Reason, IReadOnlyDictionary<string, int> Struck, ChurnFigures Figures);

/// <summary>What happened in a run.</summary>
internal sealed class ChurnFigures
{
    public int Operations { get; set; }

    public int Refused { get; set; }

    public int Restarts { get; set; }

    public int Probes { get; set; }

    /// <summary>Virtual seconds from the end of the faults until nothing was written any more.</summary>
    public double ConvergedAfter { get; set; }
}
