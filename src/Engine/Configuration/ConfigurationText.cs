using System.Text;

namespace EucaNet.Engine.Configuration;

/// <summary>A place in a text, both from 1.</summary>
internal readonly record struct TextPosition(int Line, int Column);

/// <summary>One <c>KEY=value</c> of the file, with the place every character of the value came from.</summary>
internal sealed record Assignment(string Key, TextPosition KeyPosition, string Value, IReadOnlyList<TextPosition> ValuePositions, TextPosition ValueStart)
{
    /// <summary>Where character <paramref name="index"/> of the value stands in the file.</summary>
    public TextPosition At(int index) => index < ValuePositions.Count ? ValuePositions[index] : ValueStart;
}

/// <summary>A word of the file that is no assignment.</summary>
internal sealed record StrayWord(string Text, TextPosition Position, Assignment? AfterAssignment);

/// <summary>
/// Takes the assignments out of a file that shells also read: several on a line, comments, single, double or no quotes,
/// quotes that go on over line ends, <c>\</c> at a line's end, <c>$NAME</c> and <c>${NAME}</c> from earlier assignments or given variables.
/// </summary>
internal sealed class ConfigurationText
{
    private readonly string _text;
    private readonly Dictionary<string, string> _variables;
    private int _index;
    private int _line = 1;
    private int _column = 1;

    private ConfigurationText(string text, IReadOnlyDictionary<string, string> variables)
    {
        _text = text;
        _variables = new Dictionary<string, string>(variables, StringComparer.Ordinal);
    }

    /// <summary>The assignments in file order.</summary>
    public List<Assignment> Assignments { get; } = [];

    /// <summary>Words that are no assignments.</summary>
    public List<StrayWord> StrayWords { get; } = [];

    /// <summary>Quotes that are never closed: where they open, and the key they belong to.</summary>
    public List<(TextPosition Position, string Key)> OpenQuotes { get; } = [];

    /// <summary>Assignments written with spaces around '=', which a shell doesn't take.</summary>
    public List<Assignment> SpacedAssignments { get; } = [];

    /// <summary>Variables that were used and are not known: name, place, key.</summary>
    public List<(string Name, TextPosition Position, string Key)> UnknownVariables { get; } = [];

    /// <summary>Reads the whole text.</summary>
    public static ConfigurationText Read(string text, IReadOnlyDictionary<string, string> variables)
    {
        var reader = new ConfigurationText(text, variables);
        reader.ReadAll();
        return reader;
    }

    private bool AtEnd => _index >= _text.Length;

    private char Current => _text[_index];

    private TextPosition Position => new(_line, _column);

    private void Advance()
    {
        if (_text[_index++] == '\n')
        {
            _line++;
            _column = 1;
        }
        else
        {
            _column++;
        }
    }

    private bool AtContinuation()
    {
        if (AtEnd || Current != '\\' || _index + 1 >= _text.Length)
        {
            return false;
        }

        return _text[_index + 1] == '\n' || (_text[_index + 1] == '\r' && _index + 2 < _text.Length && _text[_index + 2] == '\n');
    }

    private void SkipContinuation()
    {
        while (Current != '\n')
        {
            Advance();
        }

        Advance();
    }

    /// <summary>Skips blanks; true when a line end, which ends a sequence of assignments, was among them.</summary>
    private bool SkipBlanks(bool overLineEnds)
    {
        bool lineEnd = false;
        while (!AtEnd)
        {
            if (AtContinuation())
            {
                SkipContinuation();
            }
            else if (Current == '\n' || Current == ';')
            {
                if (!overLineEnds)
                {
                    return true;
                }

                lineEnd = true;
                Advance();
            }
            else if (char.IsWhiteSpace(Current) || Current == '\ufeff')
            {
                Advance();
            }
            else if (Current == '#')
            {
                while (!AtEnd && Current != '\n')
                {
                    Advance();
                }
            }
            else
            {
                break;
            }
        }

        return lineEnd;
    }

    private void ReadAll()
    {
        Assignment? previous = null;
        while (true)
        {
            if (SkipBlanks(overLineEnds: true))
            {
                previous = null;
            }

            if (AtEnd)
            {
                return;
            }

            TextPosition start = Position;
            int nameStart = _index;
            while (!AtEnd && (char.IsAsciiLetterOrDigit(Current) || Current == '_'))
            {
                Advance();
            }

            string name = _text[nameStart.._index];
            if (name.Length > 0 && !char.IsAsciiDigit(name[0]) && TryTakeEquals(name, out bool spaced))
            {
                Assignment assignment = ReadValue(name, start);
                Assignments.Add(assignment);
                _variables[name] = assignment.Value;
                previous = assignment;
                if (spaced)
                {
                    SpacedAssignments.Add(assignment);
                }
            }
            else
            {
                while (!AtEnd && !char.IsWhiteSpace(Current) && Current != ';' && !AtContinuation())
                {
                    Advance();
                }

                StrayWords.Add(new StrayWord(_text[nameStart.._index], start, previous));
            }
        }
    }

    /// <summary>Takes '='. <c>KEY = "value"</c> the old reader took and a shell does not: it is taken for our keys, and noted.</summary>
    private bool TryTakeEquals(string name, out bool spaced)
    {
        spaced = false;
        bool ours = name.StartsWith("VNET_", StringComparison.Ordinal);
        int equals = ours ? BlanksEnd(_index) : _index;
        if (equals >= _text.Length || _text[equals] != '=')
        {
            return false;
        }

        int valueStart = BlanksEnd(equals + 1);
        bool quoteFollows = valueStart < _text.Length && _text[valueStart] is '"' or '\'';
        bool spaceBefore = equals > _index;
        bool skipAfter = ours && valueStart > equals + 1 && (spaceBefore || quoteFollows);
        spaced = spaceBefore || skipAfter;
        int stop = skipAfter ? valueStart : equals + 1;
        while (_index < stop)
        {
            Advance();
        }

        return true;
    }

    private int BlanksEnd(int index)
    {
        while (index < _text.Length && _text[index] is ' ' or '\t')
        {
            index++;
        }

        return index;
    }

    private Assignment ReadValue(string key, TextPosition keyPosition)
    {
        var value = new StringBuilder();
        var positions = new List<TextPosition>();
        TextPosition valueStart = Position;
        bool first = true;
        while (!AtEnd)
        {
            if (AtContinuation())
            {
                SkipContinuation();
            }
            else if (Current is '"' or '\'')
            {
                ReadQuoted(key, Current, value, positions);
                if (first && positions.Count > 0)
                {
                    valueStart = positions[0];
                }
            }
            else if (char.IsWhiteSpace(Current) || Current == ';')
            {
                break;
            }
            else if (Current == '$')
            {
                Expand(key, value, positions);
            }
            else
            {
                if (Current == '\\' && _index + 1 < _text.Length)
                {
                    Advance();
                }

                Take(value, positions);
            }

            first = false;
        }

        return new Assignment(key, keyPosition, value.ToString(), positions, valueStart);
    }

    private void Take(StringBuilder value, List<TextPosition> positions)
    {
        positions.Add(Position);
        value.Append(Current);
        Advance();
    }

    private void ReadQuoted(string key, char quote, StringBuilder value, List<TextPosition> positions)
    {
        TextPosition open = Position;
        Advance();
        while (!AtEnd && Current != quote)
        {
            if (quote == '"' && AtContinuation())
            {
                SkipContinuation();
            }
            else if (quote == '"' && Current == '$')
            {
                Expand(key, value, positions);
            }
            else
            {
                if (quote == '"' && Current == '\\' && _index + 1 < _text.Length && _text[_index + 1] is '"' or '\\' or '$' or '`')
                {
                    Advance();
                }

                Take(value, positions);
            }
        }

        if (AtEnd)
        {
            OpenQuotes.Add((open, key));
        }
        else
        {
            Advance();
        }
    }

    private void Expand(string key, StringBuilder value, List<TextPosition> positions)
    {
        TextPosition start = Position;
        int look = _index + 1;
        bool braced = look < _text.Length && _text[look] == '{';
        int nameStart = braced ? look + 1 : look;
        int end = nameStart;
        while (end < _text.Length && (char.IsAsciiLetterOrDigit(_text[end]) || _text[end] == '_'))
        {
            end++;
        }

        if (end == nameStart || (braced && (end >= _text.Length || _text[end] != '}')))
        {
            Take(value, positions);
            return;
        }

        string name = _text[nameStart..end];
        int stop = braced ? end + 1 : end;
        while (_index < stop)
        {
            Advance();
        }

        if (_variables.TryGetValue(name, out string? replacement))
        {
            foreach (char c in replacement)
            {
                value.Append(c);
                positions.Add(start);
            }
        }
        else
        {
            UnknownVariables.Add((name, start, key));
        }
    }
}
