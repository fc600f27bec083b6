using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netfilter.Nftables.Text;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>From any table to any other: the kernel takes the difference, and then there is none.</summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
public sealed class DifferenceTests(KernelKind kind)
{
    private const NftablesFamily Family = NftablesFamily.Ip;
    private const string Name = "t";

    [TestCase(1, 60)]
    [TestCase(2, 60)]
    public void Any_table_becomes_any_other_and_then_nothing_is_left_to_do(int seed, int steps)
    {
        using KernelUnderTest kernel = KernelUnderTest.Open(kind);
        using NftablesConnection connection = NftablesConnection.Open(kernel.Kernel);
        var random = new Random(seed);
        for (int step = 0; step < steps; step++)
        {
            TableContent wanted = RandomTable(random);
            TableContent? before = connection.ReadTable(Family, Name);
            AppliedTable applied = connection.Apply(Family, Name, wanted);
            if (step % 3 == 2)
            {
                applied.Undo();
                Assert.That(Text(connection.ReadTable(Family, Name)), Is.EqualTo(Text(before)), $"step {step}, undone");
                applied = connection.Apply(Family, Name, wanted);
                before = null;
            }

            TableContent present = connection.ReadTable(Family, Name)!;
            Assert.That(Text(present), Is.EqualTo(Text(wanted)), $"step {step}");
            AssertUntouched(before, present, wanted);
            Assert.That(present.Chains.Select(chain => chain.Chain.Name), Is.EquivalentTo(wanted.Chains.Select(chain => chain.Chain.Name)), $"step {step}");
            foreach (ChainContent chain in wanted.Chains)
            {
                Assert.That(present.FindChain(chain.Chain.Name)!.Rules.Select(rule => rule.Comment), Is.EqualTo(chain.Rules.Select(rule => rule.Comment)), $"step {step}");
            }

            Assert.That(connection.Apply(Family, Name, wanted).MessageCount, Is.Zero, $"step {step}");
            if (step % 10 == 9)
            {
                applied.Undo();
            }
        }
    }

    // A table as text, its parts in the order of their names: the kernel lists them as they were made.
    private static string Text(TableContent? table) => table is null ? "" : string.Join(
        "\n\n",
        RuleSetText.Of(table.Entities(), new ListingOptions { Stateless = true }).Split('\n').Skip(1).Aggregate(new List<string> { "" }, (parts, line) =>
        {
            if (line.Length == 0)
            {
                parts.Add("");
            }
            else if (line != "}")
            {
                parts[^1] += line + "\n";
            }

            return parts;
        }).Order(StringComparer.Ordinal));

    // What is wanted as it was keeps its number in the kernel.
    private static void AssertUntouched(TableContent? before, TableContent after, TableContent wanted)
    {
        foreach (ChainContent chain in before?.Chains ?? [])
        {
            if (wanted.FindChain(chain.Chain.Name) is { } same && same.Rules.Select(rule => rule.Comment).SequenceEqual(chain.Rules.Select(rule => rule.Comment))
                && same.Rules.Zip(chain.Rules).All(pair => pair.First.Expressions == pair.Second.Expressions)
                && after.FindChain(chain.Chain.Name) is { } kept && kept.Chain.Handle == chain.Chain.Handle)
            {
                Assert.That(kept.Rules.Select(rule => rule.Handle), Is.EqualTo(chain.Rules.Select(rule => rule.Handle)), chain.Chain.Name);
            }
        }

        foreach (SetContent set in before?.Sets ?? [])
        {
            if (wanted.FindSet(set.Set.Name) is { } same && same.Set.Size == set.Set.Size && after.FindSet(set.Set.Name) is { } kept && kept.Set.Handle == set.Set.Handle)
            {
                // An element with a time to live goes on living: its expiry was not begun anew.
                foreach (SetElement element in set.Elements.Where(element => element.Timeout is not null && same.Elements.Any(other => other.Key == element.Key)))
                {
                    Assert.That(kept.Elements.Single(other => other.Key == element.Key).Expiration, Is.LessThanOrEqualTo(element.Expiration!.Value), set.Set.Name);
                }
            }
        }
    }

    private static TableContent RandomTable(Random random)
    {
        string[] chains = ["c0", "c1", "c2", "c3"];
        string[] there = [.. chains.Where(_ => random.Next(4) > 0)];
        NftablesObject[] objects = [.. new[] { "q0", "q1" }.Where(_ => random.Next(3) > 0).Select(name =>
            NftablesObject.Of(Family, Name, name, new QuotaData { Bytes = (ulong)(1000 + 1000 * random.Next(2)), Consumed = 0, Flags = 0 }))];
        SetContent[] sets =
        [
            .. new[] { "s0", "s1" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(
                Set(name) with { Size = (uint)(1000 * (1 + random.Next(2))) },
                [.. Keys(random).Select(key => SetElement.Of(key))])),
            .. new[] { "m0" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(
                Set(name) with { Flags = SetFlags.Map, DataType = NfTables.NFT_DATA_VERDICT, DataLength = 0 },
                [.. Keys(random).Select(key => SetElement.Of(key, there.Length == 0 || random.Next(2) == 0 ? Verdict.Accept : Verdict.Jump(there[random.Next(there.Length)])))])),
            .. new[] { "o0" }.Where(_ => random.Next(4) > 0 && objects.Length > 0).Select(name => new SetContent(
                Set(name) with { Flags = SetFlags.Object, ObjectType = NfTables.NFT_OBJECT_QUOTA },
                [.. Keys(random).Select(key => new SetElement { Key = key, ObjectName = objects[random.Next(objects.Length)].Name })])),
        ];
        SetContent[] lookedUp = sets;
        sets =
        [
            .. sets,
            .. new[] { "r0" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(Set(name) with { Flags = SetFlags.Interval }, [.. Ranges(random)])),
            .. new[] { "t0" }.Where(_ => random.Next(4) > 0).Select(name => new SetContent(
                Set(name) with { Flags = SetFlags.Timeout },
                [.. Keys(random).Select(key => SetElement.Of(key) with { Timeout = 3_600_000 })])),
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
            content.Add(new ChainContent(chain, [.. Rules(random, "base", there, random.Next(2) == 0 ? lookedUp : usable, objects)]));
        }

        // A verdict map's jumps may close a loop through its own chain, so only the base chain looks into it.
        ChainContent[] free = [.. content.Select(chain => chain.Chain.Name == "base" ? chain : chain with
        {
            Rules = [.. chain.Rules.Where(rule => !rule.Expressions.OfType<LookupExpression>().Any(lookup => lookup.SetName == "m0"))],
        })];
        return new TableContent(new Table { Family = Family, Name = Name }) { Chains = [.. free], Sets = [.. sets], Objects = [.. objects] };
    }

    private static IEnumerable<Rule> Rules(Random random, string chain, string[] targets, SetContent[] sets, NftablesObject[] objects)
    {
        int count = random.Next(6);
        for (int index = 0; index < count; index++)
        {
            Expression[] expressions = random.Next(4) switch
            {
                0 when targets.Length > 0 => [Deciding(Verdict.Jump(targets[random.Next(targets.Length)]))],
                1 when sets.Length > 0 => Looking(sets[random.Next(sets.Length)]),
                2 when objects.Length > 0 => [new ObjectReferenceExpression { ObjectType = NfTables.NFT_OBJECT_QUOTA, ObjectName = objects[random.Next(objects.Length)].Name }],
                _ => [new CounterExpression { Bytes = 0, Packets = 0 }, Deciding(Verdict.Accept)],
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

    // Ranges that do not touch: two that do are one to the kernel's reader.
    private static IEnumerable<SetElement> Ranges(Random random)
    {
        for (int first = random.Next(8); first < 200; first += 2 + random.Next(60))
        {
            int behind = first + 1 + random.Next(20);
            yield return SetElement.Of(new OctetString([10, 0, 0, (byte)first]));
            yield return SetElement.Of(new OctetString([10, 0, 0, (byte)behind])) with { Flags = SetElementFlags.IntervalEnd };
            first = behind;
        }
    }

    private static ImmediateExpression Deciding(Verdict verdict) => new() { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = verdict };
}
