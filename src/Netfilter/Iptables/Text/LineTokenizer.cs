using System.Text;

namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>
/// Splits a line as iptables-restore does: blanks and tabs end a word, double quotes hold them together, and within
/// quotes a backslash takes the next character as it is. A closing quote ends its word.
/// </summary>
internal static class LineTokenizer
{
    public static List<Token> Split(string line, int column)
    {
        var words = new List<Token>();
        var word = new StringBuilder();
        bool quoteOpen = false, quoted = false;
        int start = -1;
        for (int index = 0; index < line.Length; index++)
        {
            char character = line[index];
            if (quoteOpen)
            {
                if (character == '\\' && index + 1 < line.Length)
                {
                    word.Append(line[++index]);
                }
                else if (character == '"')
                {
                    quoteOpen = false;
                    Push();
                }
                else
                {
                    word.Append(character);
                }

                continue;
            }

            if (character == '"')
            {
                quoteOpen = quoted = true;
                start = start < 0 ? index : start;
            }
            else if (character is ' ' or '\t' or '\r' or '\n')
            {
                if (word.Length > 0)
                {
                    Push();
                }
            }
            else
            {
                start = start < 0 ? index : start;
                word.Append(character);
            }
        }

        if (quoteOpen)
        {
            throw new IptablesParseException("a quotation mark is not closed", 0, column + start, line[start..], null);
        }

        if (word.Length > 0)
        {
            Push();
        }

        return words;

        void Push()
        {
            words.Add(new Token(word.ToString(), column + start, quoted));
            word.Clear();
            quoted = false;
            start = -1;
        }
    }
}
