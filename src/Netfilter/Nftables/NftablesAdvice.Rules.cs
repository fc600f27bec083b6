using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>Advice on rules and their expressions.</summary>
internal static partial class NftablesAdvice
{
    // Where an expression works that is bound to a hook; the kernel refuses the rule as a whole, or the chain that leads to it.
    private static readonly Dictionary<string, string> Places = new()
    {
        ["nat"] = "nat takes a chain of type nat: prerouting or output for a destination, postrouting or input for a source",
        ["masq"] = "masq takes a chain of type nat at postrouting",
        ["redir"] = "redir takes a chain of type nat at prerouting or output",
        ["tproxy"] = "tproxy takes a chain at prerouting",
        ["reject"] = "reject takes a chain at prerouting, input, forward or output, of bridge at prerouting or input, of netdev at ingress",
        ["synproxy"] = "synproxy takes a chain at input or forward",
        ["flow_offload"] = "flow_offload takes a chain at forward",
        ["socket"] = "socket takes a chain at prerouting, input or output",
        ["fib"] = "fib takes a chain at prerouting, input or forward; for the address type also output and postrouting",
        ["osf"] = "osf takes a chain at prerouting, input or forward",
        ["rt"] = "rt's tcpmss takes a chain at forward, output or postrouting",
        ["xfrm"] = "xfrm takes a chain at prerouting, input or forward for what comes in, at forward, output or postrouting for what goes out",
        ["fwd"] = "fwd takes a chain of netdev at ingress or egress",
        ["dup"] = "dup takes a chain of ip or ip6, or of netdev at ingress or egress",
    };

    private static string? OnRule(Rule rule, bool isNew, LinuxError error, string? attribute, int? number)
    {
        string table = $"table {rule.Family.ToText()} {rule.Table}";
        switch (attribute)
        {
            case "NFTA_RULE_CHAIN" when error == LinuxError.ENOENT:
                return $"there is no chain '{rule.Chain}' in {table}: add it ahead of its rules";
            case "NFTA_RULE_HANDLE" or "NFTA_RULE_POSITION" when error == LinuxError.ENOENT:
                return "no rule of the chain has that handle, or has it still: list the chain again";
        }

        if (!isNew)
        {
            return null;
        }

        if (number is { } index && index < rule.Expressions.Count)
        {
            return OnExpression(rule.Expressions[index], table, rule.Family, error);
        }

        return error == LinuxError.EOPNOTSUPP && rule.Expressions.Select(expression => Places.GetValueOrDefault(expression.Name)).Where(place => place is not null).Distinct().ToArray() is { Length: > 0 } places
            ? string.Join("; ", places) + "; a chain that others jump to is judged by their hooks"
            : null;
    }

    private static string? OnExpression(Expression expression, string table, NftablesFamily family, LinuxError error)
    {
        if (OfItsKind(expression, table, error) is { } own)
        {
            return own;
        }

        return error switch
        {
            LinuxError.ENOENT => $"this kernel has no expression '{expression.Name}' for family {family.ToText()}, and no module for it; 'eucanet nft probe' tells which it has",
            LinuxError.ENODATA => "it reads a register that no expression before it in this rule has written",
            LinuxError.ERANGE when expression is RawExpression => null,
            LinuxError.ERANGE => "a register that is not there, or more bytes than registers hold (16 registers of 4 bytes), or a number beyond its range",
            LinuxError.EOPNOTSUPP when Places.GetValueOrDefault(expression.Name) is { } place => place,
            LinuxError.EOPNOTSUPP => $"this kernel, or family {family.ToText()}, does not know that key, kind or flag of '{expression.Name}'",
            LinuxError.EINVAL => "something that it needs is missing, is zero, or does not go with the rest",
            _ => null,
        };
    }

    private static string? OfItsKind(Expression expression, string table, LinuxError error) => (expression, error) switch
    {
        (ImmediateExpression { Verdict: { Chain: { } target } }, LinuxError.ENOENT) => $"there is no chain '{target}' in {table}: add it ahead of this",
        (ImmediateExpression { Verdict: { Chain: { } target } }, LinuxError.EOPNOTSUPP) => $"'{target}' is a base chain: only chains without a hook are jumped to",
        (ImmediateExpression { Verdict: { Chain: { } target } }, LinuxError.ELOOP) => $"the jump to '{target}' comes back to this chain",
        (LookupExpression { SetName: { } set }, LinuxError.ENOENT) => $"there is no set or map '{set}' in {table}: add it ahead of this, and name one without a name by its id",
        (LookupExpression { DestinationRegister: null, SetName: { } set }, LinuxError.EINVAL) => $"'{set}' is a map, or its key is longer than what was loaded",
        (LookupExpression { DestinationRegister: NfTables.NFT_REG_VERDICT, SetName: { } set }, LinuxError.EINVAL) => $"'{set}' is no map of verdicts",
        (LookupExpression { SetName: { } set }, LinuxError.EINVAL) => $"'{set}' is no map, or a map of verdicts, or its data does not fit where it is to go",
        (DynamicSetExpression { SetName: { } set }, LinuxError.ENOENT) => $"there is no set or map '{set}' in {table}, or this kernel has no expression to carry",
        (DynamicSetExpression { SetName: { } set }, LinuxError.EBUSY) => $"'{set}' is constant: rules add nothing to it",
        (DynamicSetExpression { SetName: { } set }, LinuxError.EOPNOTSUPP or LinuxError.EINVAL) => $"'{set}' has not the flag dynamic (timeout for a time of its own), or what its elements are to carry is wrong or differs from what the set says",
        (ObjectReferenceExpression { ObjectName: { } name, ObjectType: { } type }, LinuxError.ENOENT) => $"there is no {NftablesObject.KindName(type)} '{name}' in {table}: add it ahead of this",
        (ObjectReferenceExpression { SetName: { } map }, LinuxError.ENOENT) => $"there is no map '{map}' in {table}: add it ahead of this",
        (ObjectReferenceExpression { SetName: { } map }, LinuxError.EINVAL) => $"'{map}' is no map of objects",
        (FlowOffloadExpression { FlowtableName: { } name }, LinuxError.ENOENT) => $"there is no flowtable '{name}' in {table}, or this kernel has none (CONFIG_NFT_FLOW_OFFLOAD)",
        (MatchExpression match, LinuxError.ENOENT) => $"this kernel has no xtables match '{match.MatchName}' of revision {match.Revision ?? 0} (or nft_compat is missing)",
        (TargetExpression target, LinuxError.ENOENT) => $"this kernel has no xtables target '{target.TargetName}' of revision {target.Revision ?? 0} (or nft_compat is missing)",
        (PayloadExpression { Length: > 16 and var length }, LinuxError.ERANGE) when length > 64 => $"registers hold 64 bytes, not {length}",
        (CompareExpression, LinuxError.EOVERFLOW or LinuxError.EINVAL or LinuxError.ERANGE) => "a value to compare with has from 1 to 16 bytes",
        (LimitExpression, LinuxError.EINVAL) => "rate and unit are greater than zero",
        (LimitExpression, LinuxError.EOVERFLOW) => "rate, unit and burst together go beyond 64 bits of nanoseconds or bytes",
        (QuotaExpression, LinuxError.EINVAL) => "a quota says its bytes",
        (LogExpression, LinuxError.ERANGE) => "a prefix has at most 127 bytes",
        (LogExpression, LinuxError.EINVAL) => "a group excludes level and flags; snaplen and queue-threshold need a group",
        (NumberGeneratorExpression or HashExpression, LinuxError.ERANGE or LinuxError.EINVAL) => "the modulus is at least 1, and with the offset it stays within 32 bits",
        (NumberGeneratorExpression or HashExpression, LinuxError.EOVERFLOW) => "offset and modulus together go beyond 32 bits",
        (FibExpression, LinuxError.EINVAL) => "fib needs one of saddr and daddr, and not iif with oif",
        (ConntrackExpression { Direction: null }, LinuxError.EINVAL) => "addresses and ports of a connection need a direction",
        (ConntrackExpression { Direction: not null }, LinuxError.EINVAL) => "this key of a connection has no direction",
        (ByteOrderExpression, LinuxError.EINVAL) => "words have 2, 4 or 8 bytes, and the length is a multiple of that",
        (RangeExpression, LinuxError.EINVAL) => "both bounds are equally long, at most 16 bytes, and in order",
        (BitwiseExpression, LinuxError.EINVAL) => "mask and xor are as long as the length says; a shift is below 32 bits",
        _ => null,
    };
}
