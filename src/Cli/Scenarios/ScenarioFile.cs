using EucaNet.Engine.Configuration;
using EucaNet.Simulator.Faults;

namespace EucaNet.Cli.Scenarios;

/// <summary>One statement of a scenario with the line it stands on.</summary>
internal abstract record Statement(ScenarioLine Line);

/// <summary>A machine that the scenario has.</summary>
internal sealed record MachineStatement(ScenarioLine Line, Machine Machine) : Statement(Line);

/// <summary>Starts the engine on every machine that has a configuration.</summary>
internal sealed record StartStatement(ScenarioLine Line) : Statement(Line);

/// <summary>A heading in the story.</summary>
internal sealed record SayStatement(ScenarioLine Line, string Text) : Statement(Line);

/// <summary>Lets time pass.</summary>
internal sealed record WaitStatement(ScenarioLine Line, TimeSpan Time) : Statement(Line);

/// <summary>A command as typed against a running engine.</summary>
/// <param name="Words">The command's words without --on.</param>
/// <param name="Node">With "instance run": the node the VM starts on.</param>
internal sealed record CommandStatement(ScenarioLine Line, string[] Words, string? Node) : Statement(Line);

/// <summary>Something that must hold at this point.</summary>
internal sealed record ExpectStatement(ScenarioLine Line, Expectation Expectation) : Statement(Line);

/// <summary>From here on something goes wrong by chance on machines of the engine.</summary>
/// <param name="Kinds">What.</param>
/// <param name="Chance">The chance of each kind at each place.</param>
/// <param name="Machine">Where; null for everywhere.</param>
internal sealed record FaultStatement(ScenarioLine Line, IReadOnlyList<CloudFault> Kinds, double Chance, string? Machine) : Statement(Line);

/// <summary>Nothing goes wrong any more.</summary>
internal sealed record FaultsEndStatement(ScenarioLine Line) : Statement(Line);

/// <summary>Every engine must have nothing left to do within some time.</summary>
internal sealed record SettleStatement(ScenarioLine Line, TimeSpan Limit) : Statement(Line);

/// <summary>
/// A scenario: machines, then commands and expectations, one a line. Everything wrong with it is found before anything runs.
/// </summary>
internal sealed class ScenarioFile
{
    private static readonly string[] Openers = ["front-end", "node", "single-machine", "outside", "dhcp-server", "start", "say", "wait", "expect", "fault", "faults", "settle", .. EngineVerbs.Names];

    private readonly List<ScenarioMistake> _mistakes = [];

    private ScenarioFile(string path) => Path = path;

    /// <summary>The file as named by the caller.</summary>
    public string Path { get; }

    /// <summary>Its statements in order.</summary>
    public List<Statement> Statements { get; } = [];

    /// <summary>Its machines in order.</summary>
    public IEnumerable<Machine> Machines => Statements.OfType<MachineStatement>().Select(statement => statement.Machine);

    /// <summary>Everything wrong with it.</summary>
    public IReadOnlyList<ScenarioMistake> Mistakes => _mistakes;

    /// <summary>Reads and checks a scenario.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ScenarioFile Read(string path) => Parse(path, File.ReadAllText(path));

    /// <summary>Checks a scenario's text; files it names are looked for beside <paramref name="path"/>.</summary>
    public static ScenarioFile Parse(string path, string text)
    {
        var scenario = new ScenarioFile(path);
        string[] lines = text.ReplaceLineEndings("\n").Split('\n');
        for (int index = 0; index < lines.Length; index++)
        {
            int number = index + 1;
            ScenarioLine line = ScenarioLine.Parse(number, lines[index], (column, message) => scenario.Report(number, column, message));
            if (line.Tokens.Count > 0)
            {
                scenario.Read(line);
            }
        }

        scenario.CheckWhole();
        return scenario;
    }

    private void Read(ScenarioLine line)
    {
        ScenarioToken first = line.Tokens[0];
        switch (first.Text)
        {
            case "front-end": ReadMachine(line, MachineRole.FrontEnd); break;
            case "node": ReadMachine(line, MachineRole.Node); break;
            case "single-machine": ReadMachine(line, MachineRole.Single); break;
            case "outside": ReadMachine(line, MachineRole.Outside); break;
            case "dhcp-server": ReadMachine(line, MachineRole.DhcpServer); break;
            case "start": Statements.Add(new StartStatement(line)); break;
            case "say": Statements.Add(new SayStatement(line, string.Join(' ', line.Words[1..]))); break;
            case "wait": ReadWait(line); break;
            case "fault": ReadFault(line); break;
            case "faults": ReadFaultsEnd(line); break;
            case "settle": ReadSettle(line); break;
            case "expect": ReadExpectation(line); break;
            case var verb when EngineVerbs.Names.Contains(verb): ReadCommand(line); break;
            default: ReportUnknown(line.Number, first, "statement", Openers); break;
        }
    }

    private void ReadMachine(ScenarioLine line, MachineRole role)
    {
        var reader = new OptionReader(line, this);
        string name = reader.Positional("the machine's name");
        string configuration = "";
        var addresses = new List<InterfaceAddress>();
        (System.Net.IPAddress, System.Net.IPAddress)? pool = null;
        bool reports = false;
        bool engineRuns = role is MachineRole.FrontEnd or MachineRole.Node or MachineRole.Single;
        string[] known = role switch
        {
            MachineRole.DhcpServer => ["--address", "--pool"],
            MachineRole.Outside => ["--address"],
            MachineRole.FrontEnd => ["--config", "--address"],
            _ => ["--config", "--address", "--reports"],
        };
        while (reader.NextOption(known) is { } option)
        {
            switch (option.Text)
            {
                case "--config":
                    configuration = reader.File("a eucalyptus.conf");
                    break;
                case "--address":
                    addresses.AddRange(reader.InterfaceAddress());
                    break;
                case "--reports":
                    reports = true;
                    break;
                case "--pool":
                    pool = reader.AddressRange();
                    break;
            }
        }

        if (engineRuns && configuration.Length == 0)
        {
            Report(line.Number, line.Tokens[0].Column, $"{line.Tokens[0].Text} '{name}' needs --config FILE, its eucalyptus.conf");
        }

        if (role == MachineRole.DhcpServer && pool is null)
        {
            Report(line.Number, line.Tokens[0].Column, $"dhcp-server '{name}' needs --pool FIRST-LAST, the addresses it hands out");
        }

        if (Machines.Any(machine => machine.Name == name))
        {
            Report(line.Number, line.Tokens[1].Column, $"there is a machine '{name}' already; give this one another name");
        }

        Statements.Add(new MachineStatement(line, new Machine(name, role, configuration, addresses, pool, reports)));
    }

    private void ReadWait(ScenarioLine line)
    {
        if (ReadTime(line, new OptionReader(line, this)) is { } time)
        {
            Statements.Add(new WaitStatement(line, time));
        }
    }

    private void ReadSettle(ScenarioLine line)
    {
        var reader = new OptionReader(line, this);
        if (!reader.Take("within"))
        {
            Report(line.Number, line.Tokens[^1].Column, "write 'settle within TIME', such as settle within 30s");
        }
        else if (ReadTime(line, reader) is { } limit)
        {
            Statements.Add(new SettleStatement(line, limit));
        }
    }

    private void ReadFaultsEnd(ScenarioLine line)
    {
        if (line.Words is not ["faults", "end"])
        {
            Report(line.Number, line.Tokens[^1].Column, "write 'faults end', or 'fault NAME' to begin one");
        }

        Statements.Add(new FaultsEndStatement(line));
    }

    private void ReadFault(ScenarioLine line)
    {
        var kinds = new List<CloudFault>();
        double chance = 0.05;
        string? machine = null;
        string[] known = [.. CloudFaults.All.Where(static fault => !IsDeath(fault)).Select(static fault => fault.Name)];
        for (int index = 1; index < line.Tokens.Count; index++)
        {
            ScenarioToken token = line.Tokens[index];
            ScenarioToken? value = index + 1 < line.Tokens.Count ? line.Tokens[index + 1] : null;
            if (token.Text is "--chance" && value is { } number && double.TryParse(number.Text, System.Globalization.CultureInfo.InvariantCulture, out chance) && chance is > 0 and <= 1)
            {
                index++;
            }
            else if (token.Text is "--on" && value is { } name)
            {
                RequireMachine(line.Number, name);
                machine = name.Text;
                index++;
            }
            else if (token.Text is "--chance" or "--on")
            {
                Report(line.Number, token.Column, token.Text is "--on" ? "--on needs the name of a machine" : "--chance needs a number above 0, up to 1");
                return;
            }
            else if (CloudFaults.Find(token.Text) is { } fault)
            {
                kinds.Add(fault);
                if (IsDeath(fault))
                {
                    Report(line.Number, token.Column, $"a scenario's engines keep no state over their death; 'eucanet sim churn --faults {fault.Name}' has engines that do");
                }
            }
            else
            {
                ReportUnknown(line.Number, token, "fault", known);
            }
        }

        if (line.Tokens.Count == 1)
        {
            Report(line.Number, line.Tokens[0].Column, $"fault needs a name; there are: {string.Join(", ", known)}");
        }

        Statements.Add(new FaultStatement(line, kinds, chance, machine));
    }

    private static bool IsDeath(CloudFault fault) => fault.Name.StartsWith("killed", StringComparison.Ordinal);

    private TimeSpan? ReadTime(ScenarioLine line, OptionReader reader)
    {
        string text = reader.Positional("a time such as 10s or 5m");
        double unit = text switch { [.., 's'] => 1, [.., 'm'] => 60, [.., 'h'] => 3600, _ => 0 };
        if (unit > 0 && double.TryParse(text[..^1], System.Globalization.CultureInfo.InvariantCulture, out double number) && number is >= 0 and < 1e6)
        {
            return TimeSpan.FromSeconds(number * unit);
        }

        Report(line.Number, line.Tokens[^1].Column, $"'{text}' is not a time; write a number with s, m or h, such as 10s");
        return null;
    }

    private void ReadCommand(ScenarioLine line)
    {
        var words = line.Words.ToList();
        string? node = null;
        int on = words.IndexOf("--on");
        if (on >= 0)
        {
            ScenarioToken option = line.Tokens[on];
            if (words is not ["instance", "run", ..])
            {
                Report(line.Number, option.Column, "--on goes with 'instance run' only");
            }
            else if (on + 1 == words.Count)
            {
                Report(line.Number, option.Column, "--on needs the name of a node");
            }
            else
            {
                node = words[on + 1];
                RequireMachine(line.Number, line.Tokens[on + 1], MachineRole.Node);
                words.RemoveRange(on, 2);
            }
        }

        if (EngineVerbs.FindMistake([.. words]) is { } mistake)
        {
            ScenarioToken where = line.Tokens.FirstOrDefault(token => token.Text == mistake.Word, line.Tokens[0]);
            Report(line.Number, where.Column, mistake.Message);
        }

        Statements.Add(new CommandStatement(line, [.. words], node));
    }

    private void ReadExpectation(ScenarioLine line)
    {
        if (Expectation.Read(new OptionReader(line, this), this) is { } expectation)
        {
            Statements.Add(new ExpectStatement(line, expectation));
        }
    }

    private void CheckWhole()
    {
        if (_mistakes.Count > 0)
        {
            return;
        }

        if (Machines.Count(machine => machine.Role is MachineRole.FrontEnd or MachineRole.Single) != 1)
        {
            Report(1, 1, "a scenario has exactly one front-end; write 'front-end NAME --config FILE', or 'single-machine NAME --config FILE' for one that runs VMs too");
        }

        Statement? early = Statements.TakeWhile(statement => statement is not StartStatement).FirstOrDefault(statement => statement is CommandStatement or ExpectStatement);
        if (early is not null)
        {
            Report(early.Line.Number, 1, "the engine does not run yet; write 'start' above this line");
        }
    }

    internal void RequireMachine(int line, ScenarioToken token, MachineRole? role = null)
    {
        IEnumerable<string> names = Machines.Where(machine => role is null || machine.Role == role || (role == MachineRole.Node && machine.Role == MachineRole.Single)).Select(machine => machine.Name);
        if (!names.Contains(token.Text))
        {
            ReportUnknown(line, token, role == MachineRole.Node ? "node" : "machine", names);
        }
    }

    internal void ReportUnknown(int line, ScenarioToken token, string kind, IEnumerable<string> known)
    {
        string[] all = [.. known];
        string hint = NearestName.Find(token.Text, all) is { } nearest ? $"; did you mean '{nearest}'?" : $"; there are: {string.Join(", ", all)}";
        Report(line, token.Column, $"there is no {kind} '{token.Text}'{hint}");
    }

    internal void Report(int line, int column, string message) => _mistakes.Add(new ScenarioMistake(Path, line, column, message));
}
