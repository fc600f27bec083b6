namespace EucaNet.Netfilter.Iptables.Text;

/// <summary>One table's part of a file: from its "*" line to COMMIT.</summary>
internal sealed record SaveBlock(string Table, int Line, IReadOnlyList<SaveCommand> Commands)
{
    /// <summary>Carries out the commands.</summary>
    public IptablesTable ApplyTo(IptablesTable table, bool counters)
    {
        var editor = new TableEditor(table, counters);
        foreach (SaveCommand command in Commands)
        {
            try
            {
                command.Edit(editor);
            }
            catch (IptablesParseException exception)
            {
                throw exception.AtLine(command.Line, command.ColumnOf(exception.Token));
            }
        }

        IptablesTable result = editor.Table;
        try
        {
            TableValidation.Check(result);
        }
        catch (IptablesParseException exception)
        {
            // The line whose jump is at fault: the last that names it, else the block's first.
            throw Commands.LastOrDefault(command => exception.Token is not null && command.Mentions(exception.Token)) is { } guilty
                ? exception.AtLine(guilty.Line, guilty.ColumnOf(exception.Token))
                : exception.AtLine(Line);
        }

        return result;
    }
}

/// <summary>A line of a table's part.</summary>
internal abstract record SaveCommand(int Line)
{
    /// <summary>The words that only the table as a whole can judge: the chain, and what a rule jumps to.</summary>
    public IReadOnlyList<Token> Names { get; init; } = [];

    /// <summary>Where one of <see cref="Names"/> stands; 1 for any other word.</summary>
    public int ColumnOf(string? word) => Names.FirstOrDefault(name => name.Text == word)?.Column ?? 1;

    public abstract void Edit(TableEditor editor);

    /// <summary>Whether the line jumps to, or makes, the chain of this name.</summary>
    public virtual bool Mentions(string chain) => false;
}

/// <summary>":INPUT DROP [0:0]" or ":name - [0:0]".</summary>
internal sealed record DeclareChain(int Line, string Chain, IptablesVerdict? Policy, IptablesCounters? Counters) : SaveCommand(Line)
{
    public override void Edit(TableEditor editor) => editor.Declare(Chain, Policy, Counters);

    public override bool Mentions(string chain) => Chain == chain;
}

/// <summary>"-A chain …", "-I chain 3 …", "-R chain 3 …".</summary>
internal sealed record PutRules(int Line, string Chain, int? Position, bool Replaces, IReadOnlyList<IptablesRule> Rules) : SaveCommand(Line)
{
    public override void Edit(TableEditor editor) => editor.Put(Chain, Position, Replaces, Rules);

    public override bool Mentions(string chain) => Rules.Any(rule => rule.Target is ChainTarget jump && jump.Name == chain);
}

/// <summary>"-D chain …" or "-D chain 3".</summary>
internal sealed record DeleteRules(int Line, string Chain, int? Position, IReadOnlyList<IptablesRule> Rules) : SaveCommand(Line)
{
    public override void Edit(TableEditor editor) => editor.Delete(Chain, Position, Rules);
}

/// <summary>A command on a chain as a whole: "-N", "-X", "-F", "-Z", "-P", "-E".</summary>
internal sealed record ChainCommand(int Line, char Letter, string? Chain, string? Argument) : SaveCommand(Line)
{
    public override void Edit(TableEditor editor)
    {
        switch (Letter)
        {
            case 'N':
                editor.Make(Chain!);
                break;
            case 'X':
                editor.Remove(Chain);
                break;
            case 'F':
                editor.Flush(Chain);
                break;
            case 'Z':
                editor.Zero(Chain);
                break;
            case 'P':
                editor.Declare(Chain!, Argument == "DROP" ? IptablesVerdict.Drop : IptablesVerdict.Accept, null);
                break;
            default:
                editor.Rename(Chain!, Argument!);
                break;
        }
    }

    public override bool Mentions(string chain) => Letter == 'N' && Chain == chain;
}
