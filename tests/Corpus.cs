using System.Runtime.CompilerServices;

namespace EucaNet;

/// <summary>Finds the recorded conversations that the tests are held against.</summary>
public static class Corpus
{
    /// <summary>The path of a file in tests/corpus.</summary>
    public static string PathOf(string name, [CallerFilePath] string here = "")
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "tests", "corpus", name);
            if (File.Exists(candidate))
            {
                return candidate;
            }
        }

        return Path.Combine(Path.GetDirectoryName(here)!, "corpus", name);
    }
}
