using System.Text;

namespace EucaNet.Cli.Scenarios;

/// <summary>A word of a scenario line and the column it begins in, from 1.</summary>
internal readonly record struct ScenarioToken(string Text, int Column);

/// <summary>A mistake in a scenario file.</summary>
internal sealed record ScenarioMistake(string File, int Line, int Column, string Message)
{
    public override string ToString() => $"{File}:{Line}:{Column}: {Message}";
}

/// <summary>One line of a scenario, cut in words as a shell would: blanks part words, quotes keep them together, # begins a comment.</summary>
internal sealed record ScenarioLine(int Number, string Text, IReadOnlyList<ScenarioToken> Tokens)
{
    /// <summary>The words without their columns.</summary>
    public string[] Words => [.. Tokens.Select(token => token.Text)];

    /// <summary>Cuts <paramref name="text"/>; an unclosed quote is reported with its column.</summary>
    public static ScenarioLine Parse(int number, string text, Action<int, string> mistake)
    {
        var tokens = new List<ScenarioToken>();
        var word = new StringBuilder();
        int start = -1;
        for (int index = 0; index < text.Length; index++)
        {
            char c = text[index];
            if (c is '"' or '\'')
            {
                int close = text.IndexOf(c, index + 1);
                if (close < 0)
                {
                    mistake(index + 1, $"the quote {c} is not closed on this line");
                    close = text.Length;
                }

                start = start < 0 ? index : start;
                word.Append(text, index + 1, close - index - 1);
                index = close;
            }
            else if (char.IsWhiteSpace(c) || (c == '#' && start < 0))
            {
                Flush();
                if (c == '#')
                {
                    break;
                }
            }
            else
            {
                start = start < 0 ? index : start;
                word.Append(c);
            }
        }

        Flush();
        return new ScenarioLine(number, text.Trim(), tokens);

        void Flush()
        {
            if (start >= 0)
            {
                tokens.Add(new ScenarioToken(word.ToString(), start + 1));
                word.Clear();
                start = -1;
            }
        }
    }
}
