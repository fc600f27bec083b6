namespace EucaNet.Netfilter.Iptables.Extensions;

/// <summary>How an option of an extension may be used.</summary>
[Flags]
internal enum XtOptionUse
{
    /// <summary>A bare word.</summary>
    None = 0,

    /// <summary>Takes one argument.</summary>
    Argument = 1,

    /// <summary>May stand behind "!".</summary>
    Invert = 2,

    /// <summary>May be given several times.</summary>
    Multiple = 4,

    /// <summary>Must be given.</summary>
    Mandatory = 8,
}

/// <summary>An option of a match or target.</summary>
/// <param name="Name">Without the two dashes.</param>
/// <param name="Id">The option's number within its extension, 0 to 31; synonyms share it.</param>
/// <param name="Use">How it may be used.</param>
/// <param name="Excludes">Bits of the options it cannot stand beside.</param>
/// <param name="Needs">Bits of the options it needs beside it.</param>
internal sealed record XtOption(string Name, int Id, XtOptionUse Use = XtOptionUse.Argument, uint Excludes = 0, uint Needs = 0)
{
    public uint Bit => 1u << Id;

    public bool HasArgument => (Use & XtOptionUse.Argument) != 0;
}
