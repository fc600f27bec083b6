using System.Collections.Immutable;
using System.Globalization;

namespace EucaNet.Simulator.Kernel;

/// <summary>
/// The parameters of one folder below /proc/sys and their values. It never changes: a write makes another one, so that devices share the folder
/// that they began with, and kernels what a fresh namespace has. What is asked for again and again is worked out once for a folder.
/// </summary>
internal sealed class ParameterFolder
{
    private readonly ImmutableSortedDictionary<string, string> _values;
    private Dictionary<string, int>? _numbers;
    private Selection? _selections;

    private ParameterFolder(ImmutableSortedDictionary<string, string> values) => _values = values;

    /// <summary>A folder without parameters.</summary>
    public static ParameterFolder Empty { get; } = new(ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal));

    /// <summary>Names and values in the order of the names.</summary>
    public IEnumerable<KeyValuePair<string, string>> All => _values;

    public string? Read(string name) => _values.GetValueOrDefault(name);

    /// <summary>The folder in which a parameter has this value.</summary>
    public ParameterFolder With(string name, string value) => new(_values.SetItem(name, value));

    /// <summary>The parameter as a number; 0 where there is none.</summary>
    public int Number(string name) => (_numbers ?? ReadNumbers()).GetValueOrDefault(name);

    /// <summary>The numbers of several parameters, 0 for those that there are not.</summary>
    /// <param name="names">The same array with every call: it is what the answer is found again by.</param>
    public ReadOnlySpan<int> Numbers(string[] names)
    {
        Selection? first = _selections;
        for (Selection? known = first; known is not null; known = known.Next)
        {
            if (known.Names == names)
            {
                return known.Values;
            }
        }

        var added = new Selection(names, Array.ConvertAll(names, Number), first);
        _selections = added;
        return added.Values;
    }

    // Kernels of several threads may share a folder: each makes the same, and the last one stays.
    private Dictionary<string, int> ReadNumbers()
    {
        var numbers = new Dictionary<string, int>(_values.Count, StringComparer.Ordinal);
        foreach ((string name, string value) in _values)
        {
            if (int.TryParse(value, CultureInfo.InvariantCulture, out int number))
            {
                numbers.Add(name, number);
            }
        }

        return _numbers = numbers;
    }

    private sealed record Selection(string[] Names, int[] Values, Selection? Next);
}
