using System.Runtime.CompilerServices;
using NUnit.Framework;

namespace EucaNet.Tests;

/// <summary>A page below docs whose C# samples stand word for word in a test, so that they compile and are carried out.</summary>
internal static class DocumentationPage
{
    /// <summary>The page's text.</summary>
    /// <param name="name">Its file name below docs.</param>
    public static string Read(string name) => File.ReadAllText(Path.Combine(Path.GetDirectoryName(Here())!, "..", "docs", name));

    /// <summary>Every paragraph of every C# sample of the page stands in the calling test's file; indentation does not matter.</summary>
    /// <param name="name">The page's file name below docs.</param>
    /// <param name="samples">How many samples it has at least.</param>
    /// <param name="test">The calling test's file.</param>
    public static void AssertIsCompiledHere(string name, int samples, [CallerFilePath] string test = "")
    {
        string source = Normalize(File.ReadAllText(test));
        string[] shown = [.. Read(name).Split("```csharp\n").Skip(1).Select(part => part[..part.IndexOf("```", StringComparison.Ordinal)])];
        Assert.That(shown, Has.Length.GreaterThanOrEqualTo(samples));
        foreach (string paragraph in shown.SelectMany(sample => sample.Split("\n\n")))
        {
            Assert.That(source, Does.Contain(Normalize(paragraph)));
        }
    }

    private static string Here([CallerFilePath] string path = "") => path;

    private static string Normalize(string text) => string.Join('\n', text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));
}
