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
        foreach ((uint number, string name) in Read(path, nameFirst))
        {
            _names.TryAdd(number, name);
        }
    }

    private NumberNames(IEnumerable<(uint Number, string Name)> names)
    {
        foreach ((uint number, string name) in names)
        {
            _names[number] = name;
        }
    }

    /// <summary>A file of iproute2's form.</summary>
    public static NumberNames OfNumbers(string path) => new(path, nameFirst: false);

    /// <summary>
    /// What ip calls them: by the file in /etc/iproute2 (in /usr/share/iproute2 where that is not there) and the files beside it (rt_tables.d/*.conf), of which the last is right.
    /// </summary>
    /// <param name="file">"rt_tables".</param>
    /// <param name="canChange">The files have a say in what the program itself knows: so it is with tables, not with protocols and scopes.</param>
    /// <param name="known">What the program itself knows.</param>
    public static NumberNames OfRouting(string file, bool canChange, params (uint Number, string Name)[] known)
    {
        string own = "/etc/iproute2/" + file, folder = own + ".d";
        string[] more = Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder, "*.conf").Order(StringComparer.Ordinal)] : [];
        (uint, string)[] given = [.. Read(File.Exists(own) ? own : "/usr/share/iproute2/" + file, nameFirst: false), .. more.SelectMany(static path => Read(path, nameFirst: false))];
        return new NumberNames(canChange ? [.. known, .. given] : [.. given, .. known]);
    }

    /// <summary>The names of IP protocols on this machine.</summary>
    public static NumberNames OfProtocols() => new("/etc/protocols", nameFirst: true);

    /// <summary>The name of a number, or null.</summary>
    public string? Of(uint number) => _names.GetValueOrDefault(number);

    /// <summary>The number of a name, or null.</summary>
    public uint? NumberOf(string name) => _names.Where(pair => pair.Value == name).Select(static pair => (uint?)pair.Key).FirstOrDefault();

    private static IEnumerable<(uint Number, string Name)> Read(string path, bool nameFirst)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            yield break;
        }

        foreach (string line in lines)
        {
            string[] words = line.Split('#')[0].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 2 && TryParse(words[nameFirst ? 1 : 0], out uint number))
            {
                yield return (number, words[nameFirst ? 0 : 1]);
            }
        }
    }

    private static bool TryParse(string word, out uint number) => word.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? uint.TryParse(word.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out number)
        : uint.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
