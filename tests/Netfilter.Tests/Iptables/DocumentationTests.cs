using System.Runtime.CompilerServices;
using System.Text;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netfilter.Iptables.Extensions;

namespace EucaNet.Netfilter.Tests.Iptables;

/// <summary>docs/iptables.md lists what there is: the lists are made from the code, with EUCANET_UPDATE_DOCS=1 by this test.</summary>
public sealed class DocumentationTests
{
    private const string Begin = "<!-- generated: extensions -->", End = "<!-- end of generated -->";

    [Test]
    public void The_lists_in_the_documentation_are_those_of_the_code()
    {
        string path = Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "..", "docs", "iptables.md");
        string text = File.ReadAllText(path);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        int end = text.IndexOf(End, StringComparison.Ordinal);
        string wanted = text[..begin] + "\n" + Lists() + text[end..];
        if (Environment.GetEnvironmentVariable("EUCANET_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, wanted);
        }

        Assert.That(text, Is.EqualTo(wanted), "EUCANET_UPDATE_DOCS=1 brings the lists up to date");
    }

    private static string Lists()
    {
        var text = new StringBuilder();
        foreach (bool target in (bool[])[false, true])
        {
            text.Append(target ? "\n### Targets\n\n" : "\n### Matches\n\n").Append("| name | family | revisions | options |\n|---|---|---|---|\n");
            foreach (IGrouping<string, XtExtension> group in KnownExtensions.All.Where(extension => extension.IsTarget == target)
                .GroupBy(extension => extension.Name).OrderBy(group => group.Key, StringComparer.OrdinalIgnoreCase))
            {
                bool ip = group.Any(extension => extension.Family is null or IptablesFamily.Ip);
                bool ip6 = group.Any(extension => extension.Family is null or IptablesFamily.Ip6);
                string options = string.Join(' ', group.SelectMany(extension => extension.Options)
                    .Select(option => $"`{((option.Use & XtOptionUse.Invert) != 0 ? "[!] " : "")}--{option.Name}`").Distinct());
                text.Append("| `").Append(group.Key).Append("` | ").Append(ip && ip6 ? "both" : ip ? "ip" : "ip6").Append(" | ")
                    .Append(string.Join(", ", group.Select(extension => extension.Revision).Distinct().Order())).Append(" | ").Append(options).Append(" |\n");
            }
        }

        return text.Append('\n').ToString();
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
