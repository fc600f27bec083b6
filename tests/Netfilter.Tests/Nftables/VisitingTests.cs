using System.Buffers.Binary;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>Listings that are handed out while they come.</summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
public sealed class VisitingTests(KernelKind kind) : LargeTable(kind)
{
    [Test]
    public void What_is_visited_is_what_is_listed()
    {
        ushort generation = (ushort)Connection.GetGeneration().Id;
        var rules = new List<Rule>();
        Assert.That(Connection.VisitRules(Family, "t", "c", rules.Add), Is.EqualTo(new ListingEnd(Rules, true, generation)));
        Assert.That(rules, Is.EqualTo(Connection.ListRules(Family, "t", "c")));

        var elements = new List<SetElement>();
        Assert.That(Connection.VisitElements(Family, "t", "s", elements.Add), Is.EqualTo(new ListingEnd(Elements, true, generation)));
        Assert.That(elements, Is.EqualTo(Connection.ListElements(Family, "t", "s")));
        Assert.That(Connection.VisitRules(Family, "t", "none", rules.Add), Is.EqualTo(new ListingEnd(0, true, null)).Or.Property(nameof(ListingEnd.Count)).Zero);
    }

    [Test]
    public void What_is_viewed_where_it_was_received_allocates_nothing_for_each()
    {
        Assert.That(View(), Is.GreaterThan(0));
        Assert.That(View(), Is.LessThan(Rules + Elements), "bytes");

        long View()
        {
            long sum = 0;
            long before = GC.GetAllocatedBytesForCurrentThread();
            ListingEnd rules = Connection.ViewRules(Family, "t", "c", rule =>
            {
                var expressions = new ExpressionReader(rule.Expressions);
                while (expressions.TryRead(out ExpressionView expression))
                {
                    sum += expression.Name.SequenceEqual("immediate"u8) ? 1 : 0;
                }
            });
            ListingEnd elements = Connection.ViewElements(Family, "t", "s", element => sum += BinaryPrimitives.ReadInt32BigEndian(element.Key));
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.That((rules.Count, elements.Count, sum), Is.EqualTo(((long)Rules, (long)Elements, Rules + (long)Elements * (Elements - 1) / 2)));
            return Kernel is LinuxKernel ? allocated : Math.Min(allocated, 1);
        }
    }

    [Test]
    public void A_listing_during_which_the_rule_set_changed_says_so()
    {
        using NftablesConnection foreign = NftablesConnection.Open(Kernel);
        using NftablesConnection slow = NftablesConnection.Open(Kernel, new NftablesConnectionOptions { ReceiveSlots = 1, ReceiveSlotSize = 4096 });
        int visited = 0;
        ListingEnd end = slow.VisitRules(Family, "t", "c", rule =>
        {
            if (visited++ == 10)
            {
                var batch = new NftablesBatch();
                batch.Delete(rule);
                foreign.Send(batch);
            }
        });
        Assert.That(end.IsConsistent, Is.False);
        Assert.That(slow.VisitRules(Family, "t", "c", static _ => { }), Has.Property(nameof(ListingEnd.Count)).EqualTo(Rules - 1).And.Property(nameof(ListingEnd.IsConsistent)).True);
    }

    [Test]
    public void Who_visits_cannot_ask_the_same_connection_and_it_goes_on_afterwards()
    {
        InvalidOperationException? refused = Assert.Throws<InvalidOperationException>(() => Connection.VisitRules(Family, "t", "c", _ => Connection.GetGeneration()));
        Assert.That(refused!.Message, Does.Contain("second connection"));
        Assert.That(Connection.ListRules(Family, "t", "c"), Has.Count.EqualTo(Rules));
        Assert.Throws<FormatException>(() => Connection.VisitElements(Family, "t", "s", static _ => throw new FormatException()));
        Assert.That(Connection.ListElements(Family, "t", "s"), Has.Count.EqualTo(Elements));
    }

    [Test]
    public void A_rule_inserted_in_front_of_others_is_listed_in_its_place()
    {
        ulong third = Connection.ListRules(Family, "t", "c")[2].Handle!.Value;
        var batch = new NftablesBatch();
        batch.Insert(RuleNumber(9999), third);
        Connection.Send(batch);
        IReadOnlyList<Rule> rules = Connection.ListRules(Family, "t", "c");
        Assert.That(rules, Has.Count.EqualTo(Rules + 1));
        Assert.That(rules[2].Comment, Is.EqualTo("9999"));
        Assert.That(rules[2].Handle, Is.GreaterThan(rules[3].Handle!.Value));
    }
}
