using System.Globalization;

namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>Reads a file line by line: "#" comments, "*table", ":chain policy [packets:bytes]", commands with or without counters, COMMIT.</summary>
internal sealed class SaveFileParser(IptablesFamily family, IptablesInterface? way, IptablesNames? names)
{
    private const string Commands = "AIDRNXFZPE";

    public IReadOnlyList<SaveBlock> Parse(string text)
    {
        var blocks = new List<SaveBlock>();
        List<SaveCommand> commands = [];
        string? table = null;
        int start = 0, number = 0;
        foreach (string raw in text.Split('\n'))
        {
            number++;
            string line = raw.TrimEnd('\r', ' ', '\t');
            string content = line.TrimStart(' ', '\t');
            if (content.Length == 0 || content[0] == '#')
            {
                continue;
            }

            try
            {
                if (content[0] == '*')
                {
                    table = table is null ? ReadTable(content) : throw Fail($"table {table} has no COMMIT yet", 1, content);
                    (commands, start) = ([], number);
                }
                else if (table is null)
                {
                    throw Fail("a line outside a table: it begins with '*filter' or another table's name", 1, content);
                }
                else if (content == "COMMIT")
                {
                    blocks.Add(new SaveBlock(table, start, commands));
                    table = null;
                }
                else if (content[0] == ':')
                {
                    commands.Add(ReadChain(LineTokenizer.Split(line, 1), table, number));
                }
                else if (ReadCommand(LineTokenizer.Split(line, 1), table, number) is { } command)
                {
                    commands.Add(command);
                }
            }
            catch (IptablesParseException exception)
            {
                throw exception.AtLine(number);
            }
        }

        return table is null ? blocks : throw Fail($"table {table} has no COMMIT at the end", 1, "*" + table).AtLine(start);
    }

    private static string ReadTable(string content)
    {
        string name = content[1..].Trim();
        return BuiltinTable.Find(name) is not null
            ? name
            : throw new IptablesParseException($"there is no table '{name}'", 0, 2, name, NearestWord.Find(name, BuiltinTable.All.Select(table => table.Name)));
    }

    private static DeclareChain ReadChain(List<Token> words, string table, int line)
    {
        string name = words[0].Text[1..];
        if (words.Count is < 2 or > 3)
        {
            throw Fail("a chain's line is ':name policy [packets:bytes]', the policy '-' for a user's chain", 1, words[0].Text);
        }

        IptablesVerdict? policy = words[1].Text switch
        {
            "-" => null,
            "ACCEPT" => IptablesVerdict.Accept,
            "DROP" when table != "nat" => IptablesVerdict.Drop,
            "DROP" => throw Fail("the nat table is not for filtering; its policies are ACCEPT", words[1].Column, "DROP"),
            _ => throw new IptablesParseException($"'{words[1].Text}' is no policy", 0, words[1].Column, words[1].Text, NearestWord.Find(words[1].Text, ["ACCEPT", "DROP", "-"])),
        };
        bool builtin = BuiltinTable.Of(table).Chain(name) is not null;
        if (!builtin && policy is not null)
        {
            throw new IptablesParseException(
                $"'{name}' is no built-in chain of table {table}; only those have a policy (write '-')", 0, words[0].Column + 1, name,
                NearestWord.Find(name, BuiltinTable.Of(table).Chains.Select(chain => chain.Name)));
        }

        if (!builtin)
        {
            TableValidation.CheckName(name);
        }

        return new DeclareChain(line, name, policy, words.Count == 3 ? ReadCounters(words[2]) : null);
    }

    private static IptablesCounters ReadCounters(Token word)
    {
        string[] parts = word.Text is ['[', .. var inside, ']'] ? inside.Split(':') : [];
        return parts.Length == 2
            && ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong packets)
            && ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong bytes)
            ? new IptablesCounters(packets, bytes)
            : throw Fail($"'{word.Text}' are no counters as [packets:bytes]", word.Column, word.Text);
    }

    private SaveCommand? ReadCommand(List<Token> words, string table, int line)
    {
        IptablesCounters? counters = null;
        if (words[0].Text[0] == '[')
        {
            counters = ReadCounters(words[0]);
            words.RemoveAt(0);
        }

        // iptables-restore leaves lines of the other family alone.
        if (words.Exists(word => word.Text is "-4" or "--ipv4" && family == IptablesFamily.Ip6 || word.Text is "-6" or "--ipv6" && family == IptablesFamily.Ip))
        {
            return null;
        }

        int place = words.FindIndex(word => !word.Quoted && CommandLetter(word.Text) is not null);
        if (place < 0)
        {
            Token first = words.Count > 0 ? words[0] : new Token("", 1);
            throw Fail("a line in a table's part begins with a command, as '-A INPUT'", first.Column, first.Text);
        }

        char letter = CommandLetter(words[place].Text)!.Value;
        Token command = words[place];
        words.RemoveAt(place);
        Token? named = place < words.Count ? words[place] : null;
        string? chain = TakeName(words, place);
        if (chain is null && letter is not ('X' or 'F' or 'Z'))
        {
            throw Fail($"{command.Text} needs a chain's name", command.Column, command.Text);
        }

        switch (letter)
        {
            case 'A' or 'I' or 'D' or 'R':
                return ReadRule(letter, chain!, words, place, table, line, counters) with { Names = JumpOf(words) is { } jump ? [named!, jump] : [named!] };
            case 'P' or 'E':
                string argument = TakeName(words, place) ?? throw Fail($"{command.Text} needs a second word", command.Column, command.Text);
                CheckPolicy(letter, argument, table, command);
                return EndOf(words, new ChainCommand(line, letter, chain, argument)) with { Names = [named!] };
            case 'N':
                TableValidation.CheckName(chain!);
                return EndOf(words, new ChainCommand(line, letter, chain, null));
            default:
                return EndOf(words, new ChainCommand(line, letter, chain, null)) with { Names = named is null ? [] : [named] };
        }
    }

    /// <summary>The word behind -j or -g.</summary>
    private static Token? JumpOf(List<Token> words)
    {
        int place = words.FindIndex(word => !word.Quoted && word.Text is "-j" or "-g" or "--jump" or "--goto");
        return place >= 0 && place + 1 < words.Count ? words[place + 1] : null;
    }

    private static void CheckPolicy(char letter, string argument, string table, Token command)
    {
        if (letter == 'P' && (argument is not ("ACCEPT" or "DROP") || (table == "nat" && argument == "DROP")))
        {
            throw Fail($"'{argument}' is no policy in table {table}", command.Column, argument);
        }
    }

    private static ChainCommand EndOf(List<Token> words, ChainCommand command) =>
        words.Count == 0 ? command : throw Fail($"'{words[0].Text}' is one word too many", words[0].Column, words[0].Text);

    private SaveCommand ReadRule(char letter, string chain, List<Token> words, int place, string table, int line, IptablesCounters? counters)
    {
        int? position = letter == 'I' ? 1 : null;
        if (letter != 'A' && place < words.Count && Numbers.TryWhole(words[place].Text, int.MaxValue, out ulong number))
        {
            position = number > 0 ? (int)number : throw Fail("rules count from 1", words[place].Column, words[place].Text);
            words.RemoveAt(place);
        }

        if (letter == 'D' && position is not null)
        {
            return words.Count == 0 ? new DeleteRules(line, chain, position, []) : throw Fail($"'{words[0].Text}' is one word too many", words[0].Column, words[0].Text);
        }

        if (letter == 'R' && position is null)
        {
            throw Fail("-R needs the number of the rule to replace", words.Count > 0 ? words[0].Column : 1, "-R");
        }

        IReadOnlyList<IptablesRule> rules = RuleParser.Parse(new RuleContext(family, table, chain, way, names), words);
        if (counters is { } given)
        {
            rules = [.. rules.Select(rule => rule with { Counters = given })];
        }

        return letter == 'D' ? new DeleteRules(line, chain, null, rules) : new PutRules(line, chain, position, letter == 'R', rules);
    }

    private static string? TakeName(List<Token> words, int place)
    {
        if (place >= words.Count || words[place].Text.StartsWith('-') || words[place].Text == "!")
        {
            return null;
        }

        string name = words[place].Text;
        words.RemoveAt(place);
        return name;
    }

    private static char? CommandLetter(string word) => word switch
    {
        ['-', var letter] when Commands.Contains(letter, StringComparison.Ordinal) => letter,
        "--append" => 'A',
        "--insert" => 'I',
        "--delete" => 'D',
        "--replace" => 'R',
        "--new" or "--new-chain" => 'N',
        "--delete-chain" => 'X',
        "--flush" => 'F',
        "--zero" => 'Z',
        "--policy" => 'P',
        "--rename-chain" => 'E',
        _ => null,
    };

    private static IptablesParseException Fail(string reason, int column, string token) => new(reason, 0, column, token, null);
}
