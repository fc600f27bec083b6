using EucaNet.Cli.Tests.Commands;

namespace EucaNet.Cli.Tests.Evidence;

/// <summary>The commands that README.md and the pages below docs tell people to type.</summary>
internal static class Readme
{
    /// <summary>The indented lines below a heading, without comments behind them.</summary>
    /// <param name="file">The page.</param>
    /// <param name="heading">The heading, without its signs.</param>
    public static IReadOnlyList<string> CommandsBelow(string file, string heading)
    {
        var commands = new List<string>();
        bool below = false;
        foreach (string line in File.ReadLines(Path.Combine(CommandLine.Repository, file)))
        {
            if (line.StartsWith('#'))
            {
                below = line.TrimStart('#').Trim() == heading;
            }
            else if (below && line.StartsWith("    ", StringComparison.Ordinal) && !char.IsDigit(line.TrimStart()[0]))
            {
                commands.Add(line.Split(" #")[0].Trim());
            }
        }

        return commands.Count > 0 ? commands : throw new AssertionException($"{file} has no commands below '{heading}'");
    }
}
