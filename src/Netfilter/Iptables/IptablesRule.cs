using System.Net;

namespace EucaNet.Netfilter.Iptables;

/// <summary>Which of the two address families a table belongs to; the numbers are the kernel's (NFPROTO_IPV4, NFPROTO_IPV6).</summary>
public enum IptablesFamily : byte
{
    /// <summary>IPv4: what iptables speaks of.</summary>
    Ip = 2,

    /// <summary>IPv6: what ip6tables speaks of.</summary>
    Ip6 = 10,
}

/// <summary>Which of the two kernel interfaces holds a table.</summary>
public enum IptablesInterface
{
    /// <summary>nf_tables with nft_compat, as iptables-nft writes it.</summary>
    Nft,

    /// <summary>The xtables blob over socket options, as iptables-legacy writes it.</summary>
    Legacy,
}

/// <summary>Packets and bytes a rule or a policy has seen.</summary>
public readonly record struct IptablesCounters(ulong Packets, ulong Bytes);

/// <summary>The source or destination a rule asks for.</summary>
/// <param name="Address">The address, host bits already cleared.</param>
/// <param name="Mask">The mask; it need not be contiguous.</param>
/// <param name="Negated">Everything but this network.</param>
public sealed record NetworkMatch(IPAddress Address, IPAddress Mask, bool Negated);

/// <summary>The interface a rule asks for.</summary>
/// <param name="Name">Up to 15 bytes; a trailing <c>+</c> stands for any rest of the name.</param>
/// <param name="Negated">Every interface but this.</param>
public sealed record InterfaceMatch(string Name, bool Negated);

/// <summary>The transport protocol a rule asks for.</summary>
/// <param name="Number">The protocol's number; 0 is any.</param>
/// <param name="Negated">Every protocol but this.</param>
public sealed record ProtocolMatch(byte Number, bool Negated);

/// <summary>
/// One rule of an iptables chain, the same for both kernel interfaces. Its matches and its target carry the kernel's own
/// information blocks, so what is not understood here survives as it is.
/// </summary>
public sealed record IptablesRule
{
    /// <summary>Source network (<c>-s</c>), or null for any.</summary>
    public NetworkMatch? Source { get; init; }

    /// <summary>Destination network (<c>-d</c>), or null for any.</summary>
    public NetworkMatch? Destination { get; init; }

    /// <summary>Interface the packet came in by (<c>-i</c>), or null for any.</summary>
    public InterfaceMatch? Input { get; init; }

    /// <summary>Interface the packet leaves by (<c>-o</c>), or null for any.</summary>
    public InterfaceMatch? Output { get; init; }

    /// <summary>Transport protocol (<c>-p</c>), or null where none was asked for.</summary>
    public ProtocolMatch? Protocol { get; init; }

    /// <summary>True for second and further fragments (<c>-f</c>), false for all others (<c>! -f</c>), null for any. IPv4 only.</summary>
    public bool? Fragment { get; init; }

    /// <summary>The matches (<c>-m</c>) in their order.</summary>
    public IReadOnlyList<IptablesMatch> Matches { get; init; } = [];

    /// <summary>What happens to a packet that matches; null counts it and goes on.</summary>
    public IptablesTarget? Target { get; init; }

    /// <summary>What the rule has counted.</summary>
    public IptablesCounters Counters { get; init; }

    /// <summary>The text of the rule's first comment match, or null.</summary>
    public string? Comment => Matches.FirstOrDefault(match => match.Name == "comment") is { } comment
        ? Extensions.XtInfo.Text(comment.Info.Span, 0, comment.Info.Length)
        : null;

    /// <summary>The rule as one line of iptables-save, without <c>-A chain</c>.</summary>
    public string ToText(IptablesFamily family) => Text.RulePrinter.Print(this, family, IptablesInterface.Nft);

    /// <summary>Reads a rule from its options ("-p tcp --dport 80 -j ACCEPT"), as they stand behind <c>-A chain</c> in iptables-save.</summary>
    /// <exception cref="IptablesParseException">A word is unknown or out of place; line is 0.</exception>
    public static IptablesRule Parse(IptablesFamily family, string table, string chain, string options)
    {
        IReadOnlyList<IptablesRule> rules = Text.RuleParser.Parse(new Text.RuleContext(family, table, chain, null), Text.LineTokenizer.Split(options, 1));
        return rules.Count == 1
            ? rules[0]
            : throw new IptablesParseException("the addresses make several rules of this; give one source and one destination", 0, 1, null, null);
    }

    /// <summary>Rules are equal when every part is, counters left out.</summary>
    public bool Equals(IptablesRule? other) =>
        (object)this == other || other is not null
        && Equals(Source, other.Source)
        && Equals(Destination, other.Destination)
        && Equals(Input, other.Input)
        && Equals(Output, other.Output)
        && (Protocol ?? NoProtocol) == (other.Protocol ?? NoProtocol)
        && Fragment == other.Fragment
        && Matches.SequenceEqual(other.Matches)
        && Equals(Target, other.Target);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Source);
        hash.Add(Destination);
        hash.Add(Input);
        hash.Add(Output);
        hash.Add(Protocol ?? NoProtocol);
        foreach (IptablesMatch match in Matches)
        {
            hash.Add(match);
        }

        hash.Add(Target);
        return hash.ToHashCode();
    }

    private static readonly ProtocolMatch NoProtocol = new(0, false);
}
