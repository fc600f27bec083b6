using System.Text.Json;

namespace EucaNet.Conformance;

/// <summary>One way of holding the product against recorded conversations.</summary>
public interface IConformanceCheck
{
    /// <summary>encode, decode, text, parse or replay; checks of one name are added up per file.</summary>
    string Name { get; }

    /// <summary>True where the check has something to say about files of this format.</summary>
    bool AppliesTo(CorpusFormat format);

    /// <summary>Starts on a file. The returned function is called for each row in order: null where the check does not count the row.</summary>
    Func<JsonElement, CheckResult?> Begin(CorpusFile file);
}

/// <summary>What a check found in one row.</summary>
/// <param name="Identical">The product did what was recorded.</param>
/// <param name="Difference">Otherwise: what was expected and what came, in a few lines.</param>
public sealed record CheckResult(bool Identical, string Difference = "")
{
    /// <summary>The product did what was recorded.</summary>
    public static CheckResult Same { get; } = new(true);

    /// <summary>Compares two texts and shows both where they differ.</summary>
    public static CheckResult Compare(string expected, string actual) =>
        expected == actual ? Same : new CheckResult(false, $"expected: {expected}{Environment.NewLine}actual:   {actual}");

    /// <summary>Compares two byte strings and shows both as hex, from the first difference on, where they differ.</summary>
    public static CheckResult Compare(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        if (expected.SequenceEqual(actual))
        {
            return Same;
        }

        int common = expected.CommonPrefixLength(actual);
        return new CheckResult(
            false,
            $"differs at byte {common}{Environment.NewLine}expected: {Convert.ToHexStringLower(expected)}{Environment.NewLine}actual:   {Convert.ToHexStringLower(actual)}");
    }
}
