using System.Globalization;

namespace EucaNet.Cli;

/// <summary>
/// Names that the administrator gives to numbers, one a line: the number first in iproute2's files (/etc/iproute2/group), the name first in /etc/protocols. Where there
/// is no such file, there are no names.
/// </summary>
internal sealed class NumberNames
{
    private readonly Dictionary<uint, string> _names = [];

    private NumberNames(string path, bool nameFirst)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return;
        }

        foreach (string line in lines)
        {
            string[] words = line.Split('#')[0].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 2 && TryParse(words[nameFirst ? 1 : 0], out uint number))
            {
                _names.TryAdd(number, words[nameFirst ? 0 : 1]);
            }
        }
    }

    /// <summary>A file of iproute2's form.</summary>
    public static NumberNames OfNumbers(string path) => new(path, nameFirst: false);

    /// <summary>The names of IP protocols on this machine.</summary>
    public static NumberNames OfProtocols() => new("/etc/protocols", nameFirst: true);

    /// <summary>The name of a number, or null.</summary>
    public string? Of(uint number) => _names.GetValueOrDefault(number);

    private static bool TryParse(string word, out uint number) => word.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? uint.TryParse(word.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out number)
        : uint.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
