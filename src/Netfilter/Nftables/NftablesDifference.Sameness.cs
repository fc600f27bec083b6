using EucaNet.Netfilter.Nftables.Expressions;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

// What is the same to the kernel, and what refers to something that is made anew.
public sealed partial class NftablesDifference
{
    private static OctetString? AnonymousContent(TableContent table, string name)
    {
        if (table.FindSet(name) is not { } set || !IsAnonymous(set.Set))
        {
            return null;
        }

        var content = new List<byte>();
        foreach (SetElement element in set.Elements.OrderBy(element => element.Key?.ToString(), StringComparer.Ordinal).ThenBy(element => element.Flags))
        {
            content.AddRange(element.Key is { } key ? key.Span : default);
            content.AddRange(element.KeyEnd is { } end ? end.Span : default);
            content.Add((byte)element.Flags);
            content.AddRange(element.Data is { } data ? data.Span : default);
            content.AddRange(System.Text.Encoding.UTF8.GetBytes($"{element.Verdict}/{element.ObjectName}/"));
        }

        return OctetString.Own([.. content]);
    }

    private bool RefersToAnew(Rule rule)
    {
        foreach (Expression expression in rule.Expressions)
        {
            bool refers = expression switch
            {
                LookupExpression { SetName: { } set } => _anewSets.Contains(set) || RefersToAnewWithin(set),
                DynamicSetExpression { SetName: { } set } => _anewSets.Contains(set),
                ObjectReferenceExpression { SetName: { } set } => _anewSets.Contains(set) || RefersToAnewWithin(set),
                ObjectReferenceExpression { ObjectName: { } name } reference => _anewObjects.Contains((reference.ObjectType ?? 0, name)),
                FlowOffloadExpression { FlowtableName: { } flowtable } => _anewFlowtables.Contains(flowtable),
                ImmediateExpression { Verdict.Chain: { } chain } => _anewChains.Contains(chain),
                _ => false,
            };
            if (refers)
            {
                return true;
            }
        }

        return false;
    }

    // The elements of an anonymous set go with its rule.
    private bool RefersToAnewWithin(string name) =>
        _present.FindSet(name) is { } set && IsAnonymous(set.Set) && set.Elements.Any(element => RefersToAnew(element, set.Set.ObjectType));

    private bool RefersToAnew(SetElement element, uint? objectType) =>
        (element.Verdict?.Chain is { } chain && _anewChains.Contains(chain)) || (element.ObjectName is { } name && _anewObjects.Contains((objectType ?? 0, name)));

    private bool IsObsolete(Chain chain) => _wanted.FindChain(chain.Name) is null && (chain.Flags & ChainFlags.Binding) == 0;

    private static bool IsAnonymous(NftablesSet set) => (set.Flags & SetFlags.Anonymous) != 0;

    private NftablesObject? FindWantedObject(NftablesObject item) => FindObject(_wanted, item.Type, item.Name);

    private static NftablesObject? FindObject(TableContent table, uint type, string name)
    {
        foreach (NftablesObject item in table.Objects)
        {
            if (item.Type == type && item.Name == name)
            {
                return item;
            }
        }

        return null;
    }

    private static Flowtable? FindFlowtable(TableContent table, string name)
    {
        foreach (Flowtable item in table.Flowtables)
        {
            if (item.Name == name)
            {
                return item;
            }
        }

        return null;
    }

    private static bool SameChain(Chain wanted, Chain present) =>
        wanted.Type == present.Type
        && (wanted.Hook is null) == (present.Hook is null)
        && (wanted.Hook is null || (wanted.Hook.Number == present.Hook!.Number && wanted.Hook.Priority == present.Hook.Priority && SameDevices(wanted.Hook, present.Hook)));

    private static bool SameFlowtable(Flowtable wanted, Flowtable present) =>
        (wanted.Flags & ~2u) == (present.Flags & ~2u)
        && (wanted.Hook is null || (present.Hook is not null && wanted.Hook.Priority == present.Hook.Priority && SameDevices(wanted.Hook, present.Hook)));

    private static bool SameDevices(ChainHook wanted, ChainHook present) =>
        wanted.GetDeviceNames().Order(StringComparer.Ordinal).SequenceEqual(present.GetDeviceNames().Order(StringComparer.Ordinal));

    private static bool SameSet(NftablesSet wanted, NftablesSet present)
    {
        bool verdicts = wanted.DataType == NFT_DATA_VERDICT;
        return wanted.Flags == present.Flags
            && wanted.KeyLength == present.KeyLength
            && wanted.KeyType == present.KeyType
            && wanted.DataType == present.DataType
            && (verdicts || (wanted.DataLength ?? 0) == (present.DataLength ?? 0))
            && (wanted.ObjectType ?? 0) == (present.ObjectType ?? 0)
            && (wanted.Timeout ?? 0) == (present.Timeout ?? 0)
            && (wanted.Size ?? 0) == (present.Size ?? 0)
            && (wanted.Policy ?? 0) == (present.Policy ?? 0)
            && wanted.FieldLengths == present.FieldLengths
            && RuleContent.Of(wanted.Expressions) == RuleContent.Of(present.Expressions);
    }

    // What it has counted so far is no difference.
    private static bool SameObject(NftablesObject wanted, NftablesObject present) => (wanted.Data, present.Data) switch
    {
        (null, _) or (CounterData, CounterData) => true,
        (QuotaData one, QuotaData other) => one.Bytes == other.Bytes && ((one.Flags ?? 0) & 1) == ((other.Flags ?? 0) & 1),
        (LimitData one, LimitData other) => one.Rate == other.Rate && one.Unit == other.Unit && (one.LimitType ?? 0) == (other.LimitType ?? 0)
            && (one.Flags ?? 0) == (other.Flags ?? 0) && ((one.Burst ?? 0) == 0 || one.Burst == other.Burst),
        (ConnectionLimitData one, ConnectionLimitData other) => one.Count == other.Count && (one.Flags ?? 0) == (other.Flags ?? 0),
        (ConntrackHelperData one, ConntrackHelperData other) => one.Helper == other.Helper && one.Layer4 == other.Layer4,
        (ConntrackTimeoutData one, ConntrackTimeoutData other) => one.Layer4 == other.Layer4 && one.Timeouts.All(timeout => other.Timeouts.Contains(timeout)),
        var (one, other) => Equals(one, other),
    };
}
