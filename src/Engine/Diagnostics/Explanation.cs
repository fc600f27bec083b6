namespace EucaNet.Engine.Diagnostics;

/// <summary>Everything about one thing.</summary>
/// <param name="Subject">The instance, group or address.</param>
/// <param name="Intent">What is wanted, line by line.</param>
/// <param name="Kernel">What the kernel has for it, line by line.</param>
public sealed record Explanation(string Subject, IReadOnlyList<string> Intent, IReadOnlyList<string> Kernel)
{
    /// <summary>What the kernel counts for it: its flows, and what was dropped on the way, line by line.</summary>
    public IReadOnlyList<string> Counters { get; init; } = [];

    /// <summary>What was refused of late that concerned it, newest first.</summary>
    public IReadOnlyList<string> Errors { get; init; } = [];

    /// <summary>Every name it goes by: instance, group, addresses.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];
}
