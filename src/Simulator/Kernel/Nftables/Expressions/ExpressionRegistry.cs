using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Nftables.Compat;
using static EucaNet.Netfilter.Nfnetlink;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables.Expressions;

/// <summary>The expressions a kernel knows, by name and family (nft_expr_type_get), and how their attributes are read.</summary>
internal static class ExpressionRegistry
{
    /// <summary>The names of all, in the order of the alphabet.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "bitwise", "byteorder", "cmp", "connlimit", "counter", "ct", "dup", "dynset", "exthdr", "fib", "flow_offload", "fwd", "hash", "immediate", "last", "limit", "log", "lookup",
        "masq", "match", "meta", "nat", "notrack", "numgen", "objref", "osf", "payload", "queue", "quota", "range", "redir", "reject", "rt", "socket", "synproxy", "target", "tproxy",
        "tunnel", "xfrm",
    ];

    private static readonly AttributePolicy ExpressionPolicy = new(2, (NFTA_EXPR_NAME, AttributePolicy.ModuleName), (NFTA_EXPR_DATA, AttributePolicy.Nested));

    /// <summary>Reads an expression's name and attributes and makes it, not yet initialised.</summary>
    public static LinuxError Parse(NftContext context, KernelAttribute attribute, out Expression? expression, out ParsedAttributes table)
    {
        expression = null;
        table = ParsedAttributes.Empty;
        LinuxError error = attribute.Parse(ExpressionPolicy, out ParsedAttributes outer);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (outer[NFTA_EXPR_NAME] is not { Exists: true } name)
        {
            return LinuxError.EINVAL;
        }

        if (Find(name.Name, context.Family, context.Profile) is not { } type)
        {
            return LinuxError.ENOENT;
        }

        if (outer[NFTA_EXPR_DATA] is { Exists: true } data)
        {
            error = data.Parse(type.Policy, out table);
            if (error != LinuxError.None)
            {
                return error;
            }
        }

        return type.Select(context, table, out expression);
    }

    /// <summary>An expression for the elements of a set: only those with state may stand there.</summary>
    public static LinuxError ParseStateful(NftContext context, KernelAttribute attribute, uint setFlags, out Expression? expression)
    {
        LinuxError error = Parse(context, attribute, out expression, out ParsedAttributes table);
        if (error != LinuxError.None)
        {
            return error;
        }

        error = expression!.Init(context, table);
        if (error != LinuxError.None)
        {
            return error;
        }

        if (expression is ConnectionLimitExpression && (setFlags & NFT_SET_TIMEOUT) != 0)
        {
            return LinuxError.EOPNOTSUPP;
        }

        return expression is StatefulExpression ? LinuxError.None : LinuxError.EOPNOTSUPP;
    }

    /// <summary>True where a kernel of this profile has the expression in this family.</summary>
    public static bool Has(string name, byte family, KernelProfile profile) => Find(name, family, profile) is not null;

    private static ExpressionType? Find(string name, byte family, KernelProfile profile)
    {
        bool isInternet = family is NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_INET;
        return name switch
        {
            "immediate" => ImmediateExpression.Type,
            "cmp" => CompareExpression.Type,
            "lookup" => LookupExpression.Type,
            "bitwise" => BitwiseExpression.Type,
            "byteorder" => ByteorderExpression.Type,
            "payload" => PayloadExpression.Type,
            "dynset" => DynamicSetExpression.Type,
            "range" => RangeExpression.Type,
            "meta" => MetaExpression.Type,
            "rt" => RouteExpression.Type,
            "exthdr" => ExtensionHeaderExpression.Type,
            "last" => LastExpression.Type,
            "counter" => CounterExpression.Type,
            "objref" => ObjectReferenceExpression.Type,
            "ct" => ConntrackExpression.Type,
            "notrack" => NotrackExpression.Type,
            "limit" => LimitExpression.Type,
            "quota" => QuotaExpression.Type,
            "connlimit" => ConnectionLimitExpression.Type,
            "log" => LogExpression.Type,
            "queue" when profile.HasQueueExpression => QueueExpression.Type,
            "numgen" => NumberExpression.Type,
            "hash" => HashExpression.Type,
            "socket" => SocketExpression.Type,
            "tproxy" => TransparentProxyExpression.Type,
            "osf" => OperatingSystemExpression.Type,
            "xfrm" => TransformExpression.Type,
            "nat" => NatExpression.Type,
            "tunnel" when profile.HasTunnelObjects => TunnelExpression.Type,
            "match" => MatchExpression.Type,
            "target" => TargetExpression.Type,
            "masq" when isInternet => MasqueradeExpression.Type,
            "redir" when isInternet => RedirectExpression.Type,
            "synproxy" when isInternet => SynproxyExpression.Type,
            "flow_offload" when isInternet && profile.HasFlowtables => FlowOffloadExpression.Type,
            "reject" when isInternet || family == NFPROTO_NETDEV || family == NFPROTO_BRIDGE && profile.HasBridgeExpressions => RejectExpression.Type,
            "fib" when isInternet || family == NFPROTO_NETDEV => FibExpression.Type,
            "dup" when family is NFPROTO_IPV4 or NFPROTO_IPV6 or NFPROTO_NETDEV => DuplicateExpression.Type,
            "fwd" when family == NFPROTO_NETDEV => ForwardExpression.Type,
            _ => null,
        };
    }
}

/// <summary>Chooses and makes an expression by its attributes (select_ops): some names stand for several.</summary>
internal delegate LinuxError ExpressionSelector(NftContext context, ParsedAttributes table, out Expression? expression);

/// <summary>A kind of expression: its attributes' rules, and how one is made.</summary>
internal sealed record ExpressionType(AttributePolicy Policy, ExpressionSelector Select)
{
    /// <summary>A kind with one form.</summary>
    public static ExpressionType Of<T>(AttributePolicy policy)
        where T : Expression, new() =>
        new(policy, (NftContext _, ParsedAttributes _, out Expression? expression) =>
        {
            expression = new T();
            return LinuxError.None;
        });

    /// <summary>A kind that reads and writes: chosen by which of the two register attributes is there.</summary>
    public static ExpressionType ReadOrWrite<TRead, TWrite>(AttributePolicy policy, int required, int read, int write)
        where TRead : Expression, new()
        where TWrite : Expression, new() =>
        new(policy, (NftContext _, ParsedAttributes table, out Expression? expression) =>
        {
            expression = null;
            if (!table.Has(required) || table.Has(read) == table.Has(write))
            {
                return LinuxError.EINVAL;
            }

            expression = table.Has(read) ? new TRead() : new TWrite();
            return LinuxError.None;
        });
}
