using System.IO.Compression;
using EucaNet.Conformance;

namespace EucaNet.Conformance.Tests;

/// <summary>The recorded conversations of ip, bridge, tc and conntrack against the simulated kernel: the whole file, and rows without those before them.</summary>
public sealed class RouteReplayTests
{
    [TestCase("6.12", 164)]
    [TestCase("6.18", 164)]
    public void The_requests_of_a_file_are_answered_as_recorded(string kernel, int atLeast)
    {
        Grade grade = Replay(CorpusFile.Read(PathOf(kernel)));
        Assert.That(grade.Identical, Is.AtLeast(atLeast), Differences(grade));
    }

    [TestCase("6.12", 163)]
    [TestCase("6.18", 163)]
    public void A_row_without_the_rows_before_it_is_answered_as_recorded(string kernel, int atLeast)
    {
        int identical = 0;
        var differ = new List<string>();
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            foreach (string line in Lines(kernel))
            {
                string path = Path.Combine(folder, $"kernel{kernel}.jsonl");
                File.WriteAllText(path, line);
                if (Grader.Run(CorpusFile.Read(path), show: 1, Grader.Checks.Where(static check => check.Name == "replay")).SingleOrDefault() is { } grade)
                {
                    identical += grade.Identical;
                    differ.AddRange(grade.Differences.Select(static difference => difference.Subject));
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Assert.That(identical, Is.AtLeast(atLeast), string.Join('\n', differ));
    }

    private static Grade Replay(CorpusFile file) => Grader.Run(file, show: 20, Grader.Checks.Where(static check => check.Name == "replay")).Single();

    private static string Differences(Grade grade) => string.Join('\n', grade.Differences.Select(static difference => $"{difference.Row} {difference.Subject}: {difference.Detail}"));

    private static string PathOf(string kernel) => Corpus.PathOf($"iproute2-6.1-requests-kernel{kernel}.jsonl.gz");

    private static IEnumerable<string> Lines(string kernel)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(PathOf(kernel)), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }
}
