using EucaNet.Netfilter.Nftables.Text.Listing;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// What an error means where it stands, and what to do about it. The kernel says a number and, at best, which attribute it was reading; what it looked for stands in the
/// message itself.
/// </summary>
internal static partial class NftablesAdvice
{
    private const int MostKeyBytes = 64;
    private const int ConnectionTracking = -200;

    /// <summary>The advice on a message that was refused, or null where the error says it all.</summary>
    /// <param name="message">The message.</param>
    /// <param name="error">The kernel's error.</param>
    /// <param name="attribute">The name of the attribute that the kernel points at, null where it points at none.</param>
    /// <param name="expression">The number, from 0, of the rule's expression that it points at.</param>
    public static string? On(NftablesMessage message, LinuxError error, string? attribute, int? expression)
    {
        NftablesEntity entity = message.Entity;
        if (message.Type is >= NFT_MSG_DESTROYTABLE and <= NFT_MSG_DESTROYFLOWTABLE && error is LinuxError.EINVAL or LinuxError.EOPNOTSUPP && attribute is null)
        {
            // A kernel says no more than that to a verb that it does not know.
            return "kernels before Linux 6.3 do not know 'destroy': look whether the object is there, and delete it";
        }

        if (error == LinuxError.EPERM)
        {
            return attribute?.EndsWith("_TABLE", StringComparison.Ordinal) == true || entity is Table
                ? "the table belongs to the connection that made it (flag owner): no other may change it" : null;
        }

        if (error == LinuxError.EMLINK)
        {
            return entity is Rule { Expressions: var parts } && !parts.Any(part => part is Expressions.ImmediateExpression { Verdict.Chain: not null } or Expressions.LookupExpression { DestinationRegister: NFT_REG_VERDICT })
                ? "it follows from what stands above: this rule itself jumps nowhere"
                : "a jump leads back to a chain it came from, or jumps go deeper than 16 chains";
        }

        if (error == LinuxError.ENOENT && attribute?.EndsWith("_TABLE", StringComparison.Ordinal) == true && TableOf(entity) is { } table)
        {
            return $"there is no table {entity.Family.ToText()} {table}: add it ahead of this; tables of two families are two tables even under one name";
        }

        bool isNew = message.IsNew;
        return entity switch
        {
            Table when isNew => OnTable((Table)entity, error),
            Chain chain => OnChain(chain, isNew, error, attribute),
            Rule rule => OnRule(rule, isNew, error, attribute, expression),
            NftablesSet set => OnSet(set, isNew, error),
            SetElementList elements => OnElements(elements, message, error, attribute),
            NftablesObject named => OnObject(named, isNew, error),
            Flowtable flowtable => OnFlowtable(flowtable, isNew, error),
            _ => null,
        };
    }

    private static string? TableOf(NftablesEntity entity) => entity switch
    {
        Chain chain => chain.Table,
        Rule rule => rule.Table,
        NftablesSet set => set.Table,
        SetElementList elements => elements.Table,
        NftablesObject named => named.Table,
        Flowtable flowtable => flowtable.Table,
        _ => null,
    };

    private static string? OnTable(Table table, LinuxError error) => error switch
    {
        LinuxError.EEXIST => ThereAlready,
        LinuxError.EOPNOTSUPP when !Enum.IsDefined(table.Family) => "families are ip, ip6, inet, arp, bridge and netdev",
        LinuxError.EOPNOTSUPP => "this kernel does not know the family or a flag of it (owner is there from Linux 5.12 on, persist from 6.9), or another process owns it",
        LinuxError.EINVAL when table.Name.Length == 0 => "it needs a name",
        _ => null,
    };

    private const string ThereAlready = "Add in place of Create takes what is there";

    private static string? OnChain(Chain chain, bool isNew, LinuxError error, string? attribute)
    {
        if (!isNew)
        {
            return error == LinuxError.EBUSY ? "rules or elements of maps still jump to it, or rules stand in it: delete those ahead of it" : null;
        }

        return error switch
        {
            LinuxError.EEXIST => ThereAlready,
            LinuxError.ENOENT when attribute == "NFTA_CHAIN_TYPE" => chain.Type is "filter" or "nat" or "route"
                ? $"this kernel has no chains of type {chain.Type} for family {chain.Family.ToText()}" : $"'{chain.Type}' is no type of chains; there are filter, nat and route",
            LinuxError.ENOENT or LinuxError.ENODEV when chain.Hook is { } hook && hook.GetDeviceNames().Any() => $"is there a device {string.Join(", ", hook.GetDeviceNames())} in this network namespace?",
            LinuxError.EOPNOTSUPP when attribute == "NFTA_CHAIN_POLICY" => "only a base chain, one with a hook, has a policy",
            LinuxError.EOPNOTSUPP or LinuxError.EINVAL when chain.Hook is { } hook => OnHook(chain, hook),
            _ => null,
        };
    }

    private static string OnHook(Chain chain, ChainHook hook)
    {
        string type = chain.Type ?? "filter", family = chain.Family.ToText();
        uint[] hooks = Hooks(type, chain.Family);
        return hooks.Length == 0 ? $"family {family} has no chains of type {type}"
            : !hooks.Contains(hook.Number) ? $"chains of type {type} in family {family} hook at {string.Join(", ", hooks.Select(number => HookNames.Of(chain.Family, number)))}"
            : type == "nat" && hook.Priority <= ConnectionTracking ? $"connection tracking comes at priority {ConnectionTracking}: that of a chain of type nat is higher"
            : "where the chain is there already, its type, hook and priority stay: delete it and add it anew";
    }

    private static uint[] Hooks(string type, NftablesFamily family)
    {
        const uint Prerouting = Nfnetlink.NF_INET_PRE_ROUTING, Input = Nfnetlink.NF_INET_LOCAL_IN, Output = Nfnetlink.NF_INET_LOCAL_OUT, Postrouting = Nfnetlink.NF_INET_POST_ROUTING;
        bool isIp = family is NftablesFamily.Ip or NftablesFamily.Ip6 or NftablesFamily.Inet;
        return (type, family) switch
        {
            ("filter", NftablesFamily.Arp) => [0, 1],
            ("filter", NftablesFamily.Netdev) => [Nfnetlink.NF_NETDEV_INGRESS, Nfnetlink.NF_NETDEV_EGRESS],
            ("filter", NftablesFamily.Inet) => [Prerouting, Input, Nfnetlink.NF_INET_FORWARD, Output, Postrouting, Nfnetlink.NF_INET_INGRESS],
            ("filter", _) => [Prerouting, Input, Nfnetlink.NF_INET_FORWARD, Output, Postrouting],
            ("nat", _) when isIp => [Prerouting, Input, Output, Postrouting],
            ("route", _) when isIp => [Output],
            _ => [],
        };
    }

    private static string? OnSet(NftablesSet set, bool isNew, LinuxError error) => (isNew, error) switch
    {
        (false, LinuxError.EBUSY) => "rules still look it up: delete those ahead of it",
        (true, LinuxError.EEXIST) => "one with other properties is there: delete it ahead of this, or take another name",
        (true, LinuxError.EINVAL) when set.KeyLength is 0 or > MostKeyBytes => $"a key has from 1 to {MostKeyBytes} bytes, each part of a concatenation padded to four; this one has {set.KeyLength}",
        (true, LinuxError.EINVAL) when (set.Flags & SetFlags.Map) != 0 && (set.DataType is null || (set.DataLength is null && set.DataType != NFT_DATA_VERDICT)) => "a map says the type and the length of its data",
        (true, LinuxError.EINVAL) when (set.Flags & SetFlags.Object) != 0 && set.ObjectType is null => "a map of objects says their type",
        (true, LinuxError.EINVAL) when !set.FieldLengths.IsEmpty && set.FieldLengths.Sum(length => (length + 3) / 4 * 4) != set.KeyLength =>
            $"its parts, each padded to four bytes, have {set.FieldLengths.Sum(length => (length + 3) / 4 * 4)} bytes together, its key {set.KeyLength}",
        (true, LinuxError.EOPNOTSUPP) when !set.Expressions.IsEmpty => "elements carry counter, quota, limit, last or ct count, and nothing that decides; a set of intervals carries none on older kernels",
        (true, LinuxError.EOPNOTSUPP or LinuxError.EINVAL) => "its flags do not go together, or this kernel knows no set of that kind ('eucanet nft probe' tells which it has)",
        _ => null,
    };

    private static string? OnElements(SetElementList list, NftablesMessage message, LinuxError error, string? attribute) => error switch
    {
        LinuxError.ENOENT when attribute == "NFTA_SET_ELEM_LIST_SET" => $"there is no set or map '{list.Set}' in table {list.Family.ToText()} {list.Table}: add it ahead of its elements",
        LinuxError.ENOENT when message.IsDelete => "the set does not hold it; an interval is deleted by the bounds it was added with",
        LinuxError.ENOENT => "the chain or object that it leads to is not in this table: add it ahead of the element",
        LinuxError.EEXIST when (message.Flags & NetlinkMessageFlags.Exclusive) != 0 => "the set holds it, or an interval that overlaps it",
        LinuxError.EEXIST => "the map holds it with other data, or an interval overlaps it: delete that ahead of this",
        LinuxError.ENFILE => "the set is full: it holds as many as its size says",
        LinuxError.EBUSY => "the set is constant: its elements are given before a rule looks it up, and stay",
        LinuxError.EINVAL => "it does not fit the declaration of its set",
        LinuxError.EOPNOTSUPP => "the set does not take such elements: a flag, an expression or a verdict that this kind of set has not",
        _ => null,
    };

    /// <summary>Why an element does not fit its set, or null where that is not seen.</summary>
    public static string? OnElement(NftablesSet set, SetElement element)
    {
        bool isMap = (set.Flags & SetFlags.Map) != 0, isObjectMap = (set.Flags & SetFlags.Object) != 0, leadsToVerdicts = isMap && set.DataType == NFT_DATA_VERDICT;
        bool isEnd = (element.Flags & SetElementFlags.IntervalEnd) != 0;
        if (element.Key is { } key && key.Length != set.KeyLength)
        {
            return $"a key of '{set.Name}' has {set.KeyLength} bytes, this one {key.Length}";
        }

        if (element.KeyEnd is { } end)
        {
            return end.Length != set.KeyLength ? $"a key of '{set.Name}' has {set.KeyLength} bytes, this end of a range {end.Length}"
                : (set.Flags & (SetFlags.Interval | SetFlags.Concatenation)) != (SetFlags.Interval | SetFlags.Concatenation)
                    ? $"'{set.Name}' has not the flags interval and concatenation: only with those has an element the end of its range with it" : null;
        }

        bool hasData = element.Data is not null || element.Verdict is not null;
        return isEnd && (set.Flags & SetFlags.Interval) == 0 ? $"'{set.Name}' has not the flag interval: its elements have no ends"
            : hasData && !isMap ? $"'{set.Name}' is no map of data or verdicts: its elements have none"
            : element.ObjectName is not null && !isObjectMap ? $"'{set.Name}' is no map of objects"
            : isObjectMap && element.ObjectName is null && !isEnd ? $"'{set.Name}' is a map of objects: its elements name one"
            : leadsToVerdicts && element.Verdict is null && !isEnd ? $"'{set.Name}' is a map of verdicts: its elements have one"
            : isMap && !leadsToVerdicts && element.Data is null && !isEnd ? $"'{set.Name}' is a map: its elements have {set.DataLength} bytes of data"
            : isMap && element.Data is { } data && data.Length != set.DataLength ? $"the data of '{set.Name}' has {set.DataLength} bytes, this one {data.Length}"
            : (element.Timeout ?? element.Expiration) is not null && (set.Flags & SetFlags.Timeout) == 0 ? $"'{set.Name}' has not the flag timeout: its elements stay"
            : null;
    }

    private static string? OnObject(NftablesObject named, bool isNew, LinuxError error) => (isNew, error) switch
    {
        (false, LinuxError.EBUSY) => "rules or elements of maps still use it: delete those ahead of it",
        (true, LinuxError.EEXIST) => ThereAlready,
        (true, LinuxError.ENOENT) when named.Data is ConntrackHelperData helper =>
            $"this kernel has no helper of connection tracking called '{helper.Helper}' for that protocol (nf_conntrack_{helper.Helper})",
        (true, LinuxError.ENOENT) when named.Type == NFT_OBJECT_SECMARK => "no security module of this kernel knows the context",
        (true, LinuxError.ENOENT or LinuxError.EOPNOTSUPP) => $"this kernel has no objects of this kind ({NftablesObject.KindName(named.Type)}); 'eucanet nft probe' tells which it has",
        (true, LinuxError.EINVAL) => "is all there that such an object needs, and none of its numbers zero or beyond its range?",
        _ => null,
    };

    private static string? OnFlowtable(Flowtable flowtable, bool isNew, LinuxError error) => (isNew, error) switch
    {
        (false, LinuxError.EBUSY) => "rules still offload to it: delete those ahead of it",
        (true, LinuxError.EEXIST) => ThereAlready + ", and a device is in one flowtable only",
        (true, LinuxError.ENOENT or LinuxError.ENODEV) => $"this kernel has no flowtables for family {flowtable.Family.ToText()} (CONFIG_NF_FLOW_TABLE), or none of "
            + $"{string.Join(", ", flowtable.Hook?.GetDeviceNames() ?? [])} is a device of this network namespace",
        (true, LinuxError.EOPNOTSUPP or LinuxError.EINVAL) => "flowtables hook at ingress, in families ip, ip6 and inet",
        _ => null,
    };
}
