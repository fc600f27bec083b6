using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>One statement of a rule as a person reads it.</summary>
internal abstract class Statement;

/// <summary>A match: a comparison, a look-up, a flag.</summary>
internal sealed class MatchStatement(Node node) : Statement
{
    public Node Node { get; set; } = node;
}

/// <summary>A verdict, or a map of verdicts (a match to nft).</summary>
internal sealed class VerdictStatement(Verdict verdict) : Statement
{
    public Verdict Verdict { get; } = verdict;
}

/// <summary>Something that is printed from its expression alone: counter, limit, log, quota …</summary>
internal sealed class PlainStatement(Expression expression) : Statement
{
    public Expression Expression { get; } = expression;
}

/// <summary>A header field, an option, a key of meta or ct that is set.</summary>
internal sealed class AssignmentStatement(Node target, Node value) : Statement
{
    public Node Target { get; set; } = target;

    public Node Value { get; set; } = value;
}

/// <summary>A TCP option that is removed.</summary>
internal sealed class RemovalStatement(OptionNode option) : Statement
{
    public OptionNode Option { get; } = option;
}

internal sealed class RejectStatement(RejectExpression reject) : Statement
{
    public RejectExpression Reject { get; } = reject;

    /// <summary>The protocol whose codes are meant; null where the family says it.</summary>
    public DataType CodeType { get; set; } = DataTypes.Integer;

    public uint Family { get; set; }

    /// <summary>The default code is printed too.</summary>
    public bool IsVerbose { get; set; }
}

/// <summary>snat, dnat, masquerade, redirect.</summary>
internal sealed class NatStatement(string name) : Statement
{
    public string Name { get; } = name;

    public uint Family { get; set; }

    public bool IsPrefix { get; set; }

    public Node? Address { get; set; }

    public Node? Port { get; set; }

    public NatFlags Flags { get; set; }
}

internal sealed class ProxyStatement(uint family, bool tableIsInet) : Statement
{
    public uint Family { get; } = family;

    /// <summary>The family has to be said.</summary>
    public bool TableIsInet { get; } = tableIsInet;

    public Node? Address { get; set; }

    public Node? Port { get; set; }
}

internal sealed class DuplicateStatement : Statement
{
    public Node? Address { get; set; }

    public Node? Device { get; set; }
}

internal sealed class ForwardStatement : Statement
{
    public uint Family { get; init; }

    public Node? Address { get; set; }

    public Node? Device { get; set; }
}

internal sealed class QueueStatement(Node number, QueueFlags flags) : Statement
{
    public Node Number { get; set; } = number;

    public QueueFlags Flags { get; } = flags;
}

/// <summary>A named object is applied.</summary>
internal sealed class ObjectStatement(uint type, Node name) : Statement
{
    public uint Type { get; } = type;

    public Node Name { get; set; } = name;
}

/// <summary>An element is added, updated or deleted from the packet path; a meter is the same in a set without a name.</summary>
internal sealed class SetStatement(DynamicSetOperation operation, SetNode set, Node key) : Statement
{
    public DynamicSetOperation Operation { get; } = operation;

    public SetNode Set { get; } = set;

    public Node Key { get; set; } = key;

    public ulong Timeout { get; init; }

    public Node? Data { get; set; }

    public List<Statement> Statements { get; init; } = [];
}

/// <summary>A chain that belongs to the rule and is printed in it.</summary>
internal sealed class ChainStatement(string verb, string chain) : Statement
{
    public string Verb { get; } = verb;

    public string Chain { get; } = chain;
}
