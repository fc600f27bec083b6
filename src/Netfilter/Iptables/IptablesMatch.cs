namespace EucaNet.Netfilter.Iptables;

/// <summary>A match of a rule: the kernel's name and revision of it and its information block (x86-64 layout), padded to eight bytes.</summary>
public sealed class IptablesMatch(string name, byte revision, ReadOnlyMemory<byte> info) : IEquatable<IptablesMatch>
{
    /// <summary>The kernel's name of the match ("conntrack").</summary>
    public string Name { get; } = name;

    /// <summary>Which layout the block has.</summary>
    public byte Revision { get; } = revision;

    /// <summary>The block as the kernel reads it.</summary>
    public ReadOnlyMemory<byte> Info { get; } = info;

    /// <inheritdoc />
    public bool Equals(IptablesMatch? other) =>
        other is not null && Name == other.Name && Revision == other.Revision
        && Extensions.XtRegistry.SameInfo(false, Name, Revision, Info.Span, other.Info.Span);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as IptablesMatch);

    /// <inheritdoc />
    public override int GetHashCode() => Extensions.XtRegistry.HashOf(false, Name, Revision, Info.Span);
}

/// <summary>What happens to a packet that matches a rule.</summary>
public abstract class IptablesTarget : IEquatable<IptablesTarget>
{
    /// <summary>Let the packet through.</summary>
    public static IptablesTarget Accept { get; } = new VerdictTarget(IptablesVerdict.Accept);

    /// <summary>Drop the packet.</summary>
    public static IptablesTarget Drop { get; } = new VerdictTarget(IptablesVerdict.Drop);

    /// <summary>Go back to the calling chain, or to the policy.</summary>
    public static IptablesTarget Return { get; } = new VerdictTarget(IptablesVerdict.Return);

    /// <summary>The word behind <c>-j</c> or <c>-g</c>.</summary>
    public abstract string Name { get; }

    /// <inheritdoc />
    public abstract bool Equals(IptablesTarget? other);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as IptablesTarget);

    /// <inheritdoc />
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);
}

/// <summary>The verdicts a rule or a policy can give.</summary>
public enum IptablesVerdict
{
    /// <summary>NF_ACCEPT.</summary>
    Accept,

    /// <summary>NF_DROP.</summary>
    Drop,

    /// <summary>Back to the caller.</summary>
    Return,

    /// <summary>NF_QUEUE (legacy interface only).</summary>
    Queue,
}

/// <summary>A final verdict, or RETURN.</summary>
public sealed class VerdictTarget(IptablesVerdict verdict) : IptablesTarget
{
    /// <summary>The verdict.</summary>
    public IptablesVerdict Verdict { get; } = verdict;

    /// <inheritdoc />
    public override string Name => Verdict switch
    {
        IptablesVerdict.Accept => "ACCEPT",
        IptablesVerdict.Drop => "DROP",
        IptablesVerdict.Queue => "QUEUE",
        _ => "RETURN",
    };

    /// <inheritdoc />
    public override bool Equals(IptablesTarget? other) => other is VerdictTarget target && target.Verdict == Verdict;
}

/// <summary>Goes on in another chain of the table.</summary>
/// <param name="chain">The chain's name, up to 28 characters.</param>
/// <param name="goto">Do not come back here (<c>-g</c>).</param>
public sealed class ChainTarget(string chain, bool @goto = false) : IptablesTarget
{
    /// <inheritdoc />
    public override string Name => chain;

    /// <summary>Do not come back here (<c>-g</c>).</summary>
    public bool Goto { get; } = @goto;

    /// <inheritdoc />
    public override bool Equals(IptablesTarget? other) => other is ChainTarget target && target.Name == Name && target.Goto == Goto;
}

/// <summary>A target extension: the kernel's name and revision of it and its information block (x86-64 layout), padded to eight bytes.</summary>
public sealed class ExtensionTarget(string name, byte revision, ReadOnlyMemory<byte> info) : IptablesTarget
{
    /// <inheritdoc />
    public override string Name => name;

    /// <summary>Which layout the block has.</summary>
    public byte Revision { get; } = revision;

    /// <summary>The block as the kernel reads it.</summary>
    public ReadOnlyMemory<byte> Info { get; } = info;

    /// <inheritdoc />
    public override bool Equals(IptablesTarget? other) =>
        other is ExtensionTarget target && target.Name == Name && target.Revision == Revision
        && Extensions.XtRegistry.SameInfo(true, Name, Revision, Info.Span, target.Info.Span);

    /// <inheritdoc />
    public override int GetHashCode() => Extensions.XtRegistry.HashOf(true, Name, Revision, Info.Span);
}
