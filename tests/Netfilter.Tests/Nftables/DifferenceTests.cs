using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netfilter.Nftables.Text;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>From any table to any other: the kernel takes the difference, what need not change is left alone, and then there is none.</summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
public sealed class DifferenceTests(KernelKind kind)
{
    private const NftablesFamily Family = RandomTables.Family;
    private const string Name = RandomTables.Name;

    [TestCase(1, 60)]
    [TestCase(2, 60)]
    public void Any_table_becomes_any_other_and_then_nothing_is_left_to_do(int seed, int steps)
    {
        using KernelUnderTest kernel = KernelUnderTest.Open(kind);
        using NftablesConnection connection = NftablesConnection.Open(kernel.Kernel);
        var random = new Random(seed);
        bool flowtables = NftablesProbe.Run(connection).Any(item => item is { Kind: "expression", Name: "flow_offload", IsAvailable: true });
        for (int step = 0; step < steps; step++)
        {
            TableContent wanted = RandomTables.Next(random, flowtables);
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
        RuleSetText.Of(Settled(table).Entities(), new ListingOptions { Stateless = true }).Split('\n').Skip(1).Aggregate(new List<string> { "" }, (parts, line) =>
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

    // Ranges that touch cover the same as one: by which pieces, is the kernel's and the difference's own business. So is the order of concatenated ranges.
    private static TableContent Settled(TableContent table) => table with
    {
        Sets = [.. table.Sets.Select(set => set.Set.Name switch
        {
            "r0" => set with { Elements = [.. RandomTables.Intervals(RandomTables.Covered(set.Elements))] },
            "p0" => set with { Elements = [.. set.Elements.OrderBy(element => element.Key!.Value.ToString(), StringComparer.Ordinal)] },
            _ => set,
        })],
    };

    // What is wanted as it was keeps its number in the kernel, and what it has counted: no packet passes here, and all counts begin at another number.
    private static void AssertUntouched(TableContent? before, TableContent after, TableContent wanted)
    {
        var rules = (before?.Chains ?? []).SelectMany(chain => chain.Rules).ToDictionary(rule => rule.Handle!.Value);
        foreach (Rule rule in after.Chains.SelectMany(chain => chain.Rules))
        {
            // A rule that takes the place of another inherits its handle, but one that does the same need not have been touched.
            if (rules.TryGetValue(rule.Handle!.Value, out Rule? old) && rule.UserData == old.UserData && Uncounted(rule) == Uncounted(old))
            {
                Assert.That(rule.Expressions, Is.EqualTo(old.Expressions), $"rule {rule.Handle}");
            }
        }

        foreach (NftablesObject item in (before?.Objects ?? []).Where(item => item.Data is CounterData && wanted.Objects.Any(other => (other.Type, other.Name) == (item.Type, item.Name))))
        {
            NftablesObject kept = after.Objects.Single(other => (other.Type, other.Name) == (item.Type, item.Name));
            Assert.That((kept.Handle, kept.Data), Is.EqualTo((item.Handle, item.Data)), item.Name);
        }

        foreach (Flowtable item in (before?.Flowtables ?? []).Where(item => wanted.Flowtables.Any(other => other.Name == item.Name && other.Hook?.Priority == item.Hook?.Priority)))
        {
            Assert.That(after.Flowtables.Single(other => other.Name == item.Name).Handle, Is.EqualTo(item.Handle), item.Name);
        }

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
                foreach (SetElement element in set.Elements.Where(element => element.Expressions.Count > 0 && same.Elements.Any(other => other.Key == element.Key)))
                {
                    Assert.That(kept.Elements.Single(other => other.Key == element.Key).Expressions, Is.EqualTo(element.Expressions), set.Set.Name);
                }

                // An element with a time to live goes on living: its expiry was not begun anew.
                foreach (SetElement element in set.Elements.Where(element => element.Timeout is not null && same.Elements.Any(other => other.Key == element.Key)))
                {
                    Assert.That(kept.Elements.Single(other => other.Key == element.Key).Expiration, Is.LessThanOrEqualTo(element.Expiration!.Value), set.Set.Name);
                }
            }
        }
    }

    private static ValueList<Expression> Uncounted(Rule rule) =>
        [.. rule.Expressions.Select(expression => expression is CounterExpression counter ? counter with { Bytes = 0, Packets = 0 } : expression)];
}
