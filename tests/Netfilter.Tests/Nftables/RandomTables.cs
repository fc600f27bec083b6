using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>Tables made by chance, all of one name, so that each can become any other.</summary>
internal static class RandomTables
{
    public const NftablesFamily Family = NftablesFamily.Ip;
    public const string Name = "t";

    /// <summary>A table of chains, rules, sets and maps of every kind, and objects.</summary>
    public static TableContent Next(Random random, bool flowtables)
    {
        string[] chains = ["c0", "c1", "c2", "c3"];
        string[] there = [.. chains.Where(_ => random.Next(4) > 0)];
        NftablesObject[] objects = [.. new[] { "q0", "q1" }.Where(_ => random.Next(3) > 0).Select(name =>
            NftablesObject.Of(Family, Name, name, new QuotaData { Bytes = (ulong)(1000 + 1000 * random.Next(2)), Consumed = 0, Flags = 0 })),
            .. new[] { "n0", "n1" }.Where(_ => random.Next(3) > 0).Select(name =>
                NftablesObject.Of(Family, Name, name, new CounterData { Bytes = (ulong)random.Next(1, 9999), Packets = (ulong)random.Next(1, 99) })),
            .. new[] { "l0" }.Where(_ => random.Next(3) > 0).Select(name =>
                NftablesObject.Of(Family, Name, name, new LimitData { Rate = (ulong)random.Next(1, 3), Unit = 60, Burst = 5, LimitType = 0, Flags = 0 }))];
        NftablesObject[] quotas = [.. objects.Where(item => item.Type == NfTables.NFT_OBJECT_QUOTA)];
        Flowtable[] tables = [.. new[] { "f0" }.Where(_ => flowtables && random.Next(3) > 0).Select(name => new Flowtable
        {
            Family = Family, Table = Name, Name = name, Hook = new ChainHook(Nfnetlink.NF_NETDEV_INGRESS, random.Next(2)) { Devices = ["lo"] },
        })];
        SetContent[] sets =
        [
            .. new[] { "s0", "s1" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(
                Set(name) with { Size = (uint)(1000 * (1 + random.Next(2))) },
                [.. Keys(random).Select(key => SetElement.Of(key))])),
            .. new[] { "m0" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(
                Set(name) with { Flags = SetFlags.Map, DataType = NfTables.NFT_DATA_VERDICT, DataLength = 0 },
                [.. Keys(random).Select(key => SetElement.Of(key, there.Length == 0 || random.Next(2) == 0 ? Verdict.Accept : Verdict.Jump(there[random.Next(there.Length)])))])),
            .. new[] { "o0" }.Where(_ => random.Next(4) > 0 && quotas.Length > 0).Select(name => new SetContent(
                Set(name) with { Flags = SetFlags.Object, ObjectType = NfTables.NFT_OBJECT_QUOTA },
                [.. Keys(random).Select(key => new SetElement { Key = key, ObjectName = quotas[random.Next(quotas.Length)].Name })])),
        ];
        SetContent[] lookedUp = sets;
        sets =
        [
            .. sets,
            .. new[] { "r0" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(Set(name) with { Flags = SetFlags.Interval }, [.. Ranges(random)])),
            .. new[] { "t0" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(
                Set(name) with { Flags = SetFlags.Timeout },
                [.. Keys(random).Select(key => SetElement.Of(key) with { Timeout = 3_600_000 })])),
            .. new[] { "e0" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(
                Set(name) with { Expressions = [Counter(random)], Timeout = random.Next(2) == 0 ? null : 7_200_000, Flags = SetFlags.Timeout },
                [.. Keys(random).Select(key => SetElement.Of(key) with { Expressions = [Counter(random)] })])),
            .. new[] { "p0" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(
                Set(name) with { KeyType = 7 << 6 | 13, KeyLength = 8, Flags = SetFlags.Interval | SetFlags.Concatenation, FieldLengths = [4, 4] },
                [.. Blocks(random)])),
            .. new[] { "d0" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(
                Set(name) with { Flags = SetFlags.Map, DataType = 7, DataLength = 4 },
                [.. Keys(random).Select(key => SetElement.Of(key, new OctetString([10, 1, 0, (byte)random.Next(3)])))])),
        ];
        var content = new List<ChainContent>();
        foreach (string name in there)
        {
            content.Add(new ChainContent(Chain.Regular(Family, Name, name), [.. Rules(random, name, there.Where(other => string.CompareOrdinal(other, name) > 0).ToArray(), lookedUp, objects)]));
        }

        if (random.Next(3) > 0)
        {
            var hook = new ChainHook(random.Next(2) == 0 ? Nfnetlink.NF_INET_FORWARD : Nfnetlink.NF_INET_LOCAL_IN, random.Next(2) * 10);
            Chain chain = Chain.Base(Family, Name, "base", "filter", hook, random.Next(2) == 0 ? ChainPolicy.Accept : ChainPolicy.Drop);
            SetContent[] usable = [.. lookedUp.Where(set => set.Set.Name != "m0")];
            Rule[] offloading = [.. tables.Where(_ => hook.Number == Nfnetlink.NF_INET_FORWARD && random.Next(2) == 0).Select(item =>
                Rule.Of(Family, Name, "base", [new FlowOffloadExpression { FlowtableName = item.Name }], "offload"))];
            content.Add(new ChainContent(chain, [.. offloading, .. Rules(random, "base", there, random.Next(2) == 0 ? lookedUp : usable, objects)]));
        }

        // A verdict map's jumps may close a loop through its own chain, so only the base chain looks into it.
        ChainContent[] free = [.. content.Select(chain => chain.Chain.Name == "base" ? chain : chain with
        {
            Rules = [.. chain.Rules.Where(rule => !rule.Expressions.OfType<LookupExpression>().Any(lookup => lookup.SetName == "m0"))],
        })];
        return new TableContent(new Table { Family = Family, Name = Name }) { Chains = [.. free], Sets = [.. sets], Objects = [.. objects], Flowtables = [.. tables] };
    }

    private static IEnumerable<Rule> Rules(Random random, string chain, string[] targets, SetContent[] sets, NftablesObject[] objects)
    {
        int count = random.Next(6);
        for (int index = 0; index < count; index++)
        {
            Expression[] expressions = random.Next(5) switch
            {
                0 when targets.Length > 0 => [Deciding(Verdict.Jump(targets[random.Next(targets.Length)]))],
                1 when sets.Length > 0 => Looking(sets[random.Next(sets.Length)]),
                2 when objects.Length > 0 => [Referring(objects[random.Next(objects.Length)])],
                _ => [Counter(random), Deciding(random.Next(2) == 0 ? Verdict.Accept : Verdict.Drop)],
            };
            yield return Rule.Of(Family, Name, chain, [.. expressions], $"{random.Next(6)}");
        }
    }

    private static Expression[] Looking(SetContent set)
    {
        var load = new PayloadExpression { Base = PayloadBase.NetworkHeader, Offset = 12, Length = 4, DestinationRegister = NfTables.NFT_REG_1 };
        return set.Set.Name switch
        {
            "m0" => [load, new LookupExpression { SetName = "m0", SourceRegister = NfTables.NFT_REG_1, DestinationRegister = NfTables.NFT_REG_VERDICT }],
            "o0" => [load, new ObjectReferenceExpression { SetName = "o0", SourceRegister = NfTables.NFT_REG_1 }],
            var name => [load, new LookupExpression { SetName = name, SourceRegister = NfTables.NFT_REG_1 }, Deciding(Verdict.Accept)],
        };
    }

    private static NftablesSet Set(string name) => new() { Family = Family, Table = Name, Name = name, KeyType = 7, KeyLength = 4 };

    private static IEnumerable<OctetString> Keys(Random random) => Enumerable.Range(0, random.Next(5)).Select(_ => random.Next(8)).Distinct().Select(key => new OctetString([10, 0, 0, (byte)key]));

    private static CounterExpression Counter(Random random) => new() { Bytes = (ulong)random.Next(1, 9999), Packets = (ulong)random.Next(1, 99) };

    private static ObjectReferenceExpression Referring(NftablesObject item) => new() { ObjectType = item.Type, ObjectName = item.Name };

    // Ranges of which some touch the one in front.
    private static IEnumerable<SetElement> Ranges(Random random)
    {
        var pieces = new List<(byte First, byte Behind)>();
        for (int first = random.Next(8); first < 200; first += random.Next(4) == 0 ? 0 : 1 + random.Next(60))
        {
            int behind = first + 1 + random.Next(20);
            pieces.Add(((byte)first, (byte)behind));
            first = behind;
        }

        return Intervals(pieces);
    }

    /// <summary>The two elements of each range.</summary>
    public static IEnumerable<SetElement> Intervals(IEnumerable<(byte First, byte Behind)> pieces) => pieces.SelectMany(piece => new[]
    {
        SetElement.Of(new OctetString([10, 0, 0, piece.First])),
        SetElement.Of(new OctetString([10, 0, 0, piece.Behind])) with { Flags = SetElementFlags.IntervalEnd },
    });

    /// <summary>What the ranges of a set cover, in as few pieces as that takes.</summary>
    public static IEnumerable<(byte First, byte Behind)> Covered(ValueList<SetElement> elements)
    {
        int depth = 0;
        byte first = 0;
        foreach (IGrouping<byte, SetElement> here in elements.GroupBy(element => element.Key!.Value[3]).OrderBy(group => group.Key))
        {
            int before = depth;
            depth += here.Sum(element => (element.Flags & SetElementFlags.IntervalEnd) != 0 ? -1 : 1);
            if (before == 0 && depth > 0)
            {
                first = here.Key;
            }
            else if (before > 0 && depth == 0)
            {
                yield return (first, here.Key);
            }
        }
    }

    // Concatenated ranges that do not overlap: addresses one behind the other, each with a range of ports.
    private static IEnumerable<SetElement> Blocks(Random random)
    {
        for (int first = random.Next(8); first < 60; first += 2 + random.Next(20))
        {
            int last = first + random.Next(4), port = random.Next(3) * 100;
            yield return new SetElement { Key = new OctetString([10, 0, 0, (byte)first, (byte)(port >> 8), (byte)port, 0, 0]), KeyEnd = new OctetString([10, 0, 0, (byte)last, 4, 0, 0, 0]) };
            first = last;
        }
    }

    private static ImmediateExpression Deciding(Verdict verdict) => new() { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = verdict };
}
