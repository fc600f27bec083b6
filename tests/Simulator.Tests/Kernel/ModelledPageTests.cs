using System.Runtime.CompilerServices;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>docs/simulator.md lists what is modelled: the tables are made from the code, with EUCANET_UPDATE_DOCS=1 by this test.</summary>
internal sealed class ModelledPageTests
{
    private const string Begin = "<!-- generated: modelled -->\n", End = "<!-- end of generated -->";

    [Test]
    public void The_tables_of_what_is_modelled_are_those_of_the_code()
    {
        string path = Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "..", "docs", "simulator.md");
        string text = File.ReadAllText(path);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        string wanted = text[..begin] + "\n" + ModelledFeatures.ToMarkdown() + "\n" + text[text.IndexOf(End, StringComparison.Ordinal)..];
        if (Environment.GetEnvironmentVariable("EUCANET_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, wanted);
        }

        Assert.That(text, Is.EqualTo(wanted), "EUCANET_UPDATE_DOCS=1 brings the tables up to date");
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
