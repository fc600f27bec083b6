namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>
/// A match or target extension: its words and the layout of its information block. The block is the model; this class is the
/// one place that fills it from words and prints it as words, so both kernel interfaces share it.
/// </summary>
internal abstract class XtExtension
{
    /// <summary>Takes an argument and may be negated.</summary>
    protected const XtOptionUse ArgumentOrNot = XtOptionUse.Argument | XtOptionUse.Invert;

    /// <summary>The word behind -m or -j.</summary>
    public abstract string Name { get; }

    /// <summary>The kernel's name of it, where it differs.</summary>
    public virtual string KernelName => Name;

    /// <summary>True for a target, false for a match.</summary>
    public abstract bool IsTarget { get; }

    /// <summary>The revision whose layout this is.</summary>
    public virtual byte Revision => 0;

    /// <summary>Bytes of the block, not yet aligned.</summary>
    public abstract int Size { get; }

    /// <summary>Bytes of the block in the legacy interface, where it is shorter there.</summary>
    public virtual int LegacySize => Size;

    /// <summary>The only family it belongs to, or null for both.</summary>
    public virtual IptablesFamily? Family => null;

    /// <summary>The options.</summary>
    public abstract IReadOnlyList<XtOption> Options { get; }

    /// <summary>The option of this name, or null.</summary>
    public XtOption? Option(string name)
    {
        IReadOnlyList<XtOption> options = Options;
        for (int index = 0; index < options.Count; index++)
        {
            if (options[index].Name == name)
            {
                return options[index];
            }
        }

        return null;
    }

    /// <summary>Bytes from which on the block belongs to the kernel alone (pointers), and says nothing about the rule.</summary>
    public virtual int UserSize => Size;

    /// <summary>Set where this extension only reads words and another one prints (an alias).</summary>
    public virtual bool IsAlias => false;

    /// <summary>Fills a new block with what holds where no option is given.</summary>
    public virtual void Initialize(Span<byte> info)
    {
    }

    /// <summary>Takes one option into the block.</summary>
    public abstract void Parse(OptionCall call);

    /// <summary>Looks at the whole once all options were read; throws where something is missing or contradicts.</summary>
    public virtual void Finish(FinishCall call)
    {
    }

    /// <summary>Prints the options, each with a blank before it.</summary>
    public abstract void Print(ReadOnlySpan<byte> info, SaveWriter writer);

    /// <summary>The word iptables-save prints behind -m for this block.</summary>
    public virtual string PrintedName(ReadOnlySpan<byte> info) => Name;
}

/// <summary>A match extension.</summary>
internal abstract class XtMatch : XtExtension
{
    public sealed override bool IsTarget => false;
}

/// <summary>A target extension.</summary>
internal abstract class XtTarget : XtExtension
{
    public sealed override bool IsTarget => true;
}
