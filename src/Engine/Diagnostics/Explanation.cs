namespace EucaNet.Engine.Diagnostics;

/// <summary>Everything about one thing.</summary>
/// <param name="Subject">The instance, group or address.</param>
/// <param name="Intent">What is wanted, line by line.</param>
/// <param name="Kernel">What the kernel has for it, line by line.</param>
public sealed record Explanation(string Subject, IReadOnlyList<string> Intent, IReadOnlyList<string> Kernel);
