using System.Buffers.Binary;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Faults;
using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>Listings that are handed out while they come, and large ones that are received on another thread.</summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
public sealed class VisitingTests(KernelKind kind)
{
    private const NftablesFamily Family = NftablesFamily.Inet;
    private const int Rules = 2000;
    private const int Elements = 5000;
    private KernelUnderTest _kernel = null!;
    private NftablesConnection _connection = null!;

    [SetUp]
    public void Open()
    {
        _kernel = KernelUnderTest.Open(kind);
        _connection = NftablesConnection.Open(_kernel.Kernel);
        var batch = new NftablesBatch();
        batch.Add(new Table { Family = Family, Name = "t" });
        batch.Add(Chain.Regular(Family, "t", "c"));
        batch.Add(new NftablesSet { Family = Family, Table = "t", Name = "s", KeyType = 7, KeyLength = 4, Id = 1 });
        for (int number = 0; number < Rules; number++)
        {
            batch.Add(RuleNumber(number));
        }

        using (NftablesBatch.ElementWriter elements = batch.AddElements(Family, "t", "s"))
        {
            Span<byte> key = stackalloc byte[4];
            for (int number = 0; number < Elements; number++)
            {
                BinaryPrimitives.WriteInt32BigEndian(key, number);
                elements.Add(key);
            }
        }

        _connection.Send(batch);
    }

    [TearDown]
    public void Close()
    {
        _connection.Dispose();
        _kernel.Dispose();
    }

    [Test]
    public void What_is_visited_is_what_is_listed()
    {
        ushort generation = (ushort)_connection.GetGeneration().Id;
        var rules = new List<Rule>();
        Assert.That(_connection.VisitRules(Family, "t", "c", rules.Add), Is.EqualTo(new ListingEnd(Rules, true, generation)));
        Assert.That(rules, Is.EqualTo(_connection.ListRules(Family, "t", "c")));

        var elements = new List<SetElement>();
        Assert.That(_connection.VisitElements(Family, "t", "s", elements.Add), Is.EqualTo(new ListingEnd(Elements, true, generation)));
        Assert.That(elements, Is.EqualTo(_connection.ListElements(Family, "t", "s")));
        Assert.That(_connection.VisitRules(Family, "t", "none", rules.Add), Is.EqualTo(new ListingEnd(0, true, null)).Or.Property(nameof(ListingEnd.Count)).Zero);
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
            ListingEnd rules = _connection.ViewRules(Family, "t", "c", rule =>
            {
                var expressions = new ExpressionReader(rule.Expressions);
                while (expressions.TryRead(out ExpressionView expression))
                {
                    sum += expression.Name.SequenceEqual("immediate"u8) ? 1 : 0;
                }
            });
            ListingEnd elements = _connection.ViewElements(Family, "t", "s", element => sum += BinaryPrimitives.ReadInt32BigEndian(element.Key));
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.That((rules.Count, elements.Count, sum), Is.EqualTo(((long)Rules, (long)Elements, Rules + (long)Elements * (Elements - 1) / 2)));
            return kind == KernelKind.Linux ? allocated : Math.Min(allocated, 1);
        }
    }

    [Test]
    public void A_listing_during_which_the_rule_set_changed_says_so()
    {
        using NftablesConnection foreign = NftablesConnection.Open(_kernel.Kernel);
        using NftablesConnection slow = NftablesConnection.Open(_kernel.Kernel, new NftablesConnectionOptions { ReceiveSlots = 1, ReceiveSlotSize = 4096 });
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
        InvalidOperationException? refused = Assert.Throws<InvalidOperationException>(() => _connection.VisitRules(Family, "t", "c", _ => _connection.GetGeneration()));
        Assert.That(refused!.Message, Does.Contain("second connection"));
        Assert.That(_connection.ListRules(Family, "t", "c"), Has.Count.EqualTo(Rules));
        Assert.Throws<FormatException>(() => _connection.VisitElements(Family, "t", "s", static _ => throw new FormatException()));
        Assert.That(_connection.ListElements(Family, "t", "s"), Has.Count.EqualTo(Elements));
    }

    [Test]
    public void A_dump_received_on_another_thread_is_the_same()
    {
        if (kind != KernelKind.Linux)
        {
            Assert.Pass("the simulated kernel keeps to one thread");
        }

        using NftablesConnection alone = NftablesConnection.Open(_kernel.Kernel, new NftablesConnectionOptions { ReceiveAhead = false });
        using NftablesConnection ahead = NftablesConnection.Open(_kernel.Kernel, new NftablesConnectionOptions { ReceiveAhead = true, ReceiveSlots = 2 });
        for (int round = 0; round < 20; round++)
        {
            Assert.That(ahead.ListRules(Family, "t", "c"), Is.EqualTo(alone.ListRules(Family, "t", "c")));
            Assert.That(ahead.ListElements(Family, "t", "s"), Is.EqualTo(alone.ListElements(Family, "t", "s")));
            Assert.Throws<FormatException>(() => ahead.VisitRules(Family, "t", "c", static _ => throw new FormatException()));
        }

        // Slots too small for what the kernel sends grow, on both threads.
        using NftablesConnection small = NftablesConnection.Open(_kernel.Kernel, new NftablesConnectionOptions { ReceiveAhead = true, ReceiveSlots = 2, ReceiveSlotSize = 256 });
        Assert.That(small.ListRules(Family, "t", "c"), Is.EqualTo(alone.ListRules(Family, "t", "c")));
    }

    [Test]
    public void A_part_of_a_dump_that_comes_twice_or_cut_is_seen([Values(0, 1)] int part, [Values(FaultKind.Duplicate, FaultKind.Truncate)] FaultKind kind)
    {
        if (_kernel.Kernel is not SimulatedKernel simulated)
        {
            Assert.Pass("the kernel delivers nothing twice or cut");
            return;
        }

        int answers = 0;
        simulated.Faults.Add(new Fault(FaultPoint.Answer, kind) { When = _ => answers++ == part });
        ListingEnd end = _connection.VisitElements(Family, "t", "s", static _ => { });
        Assert.That(answers, Is.GreaterThan(part + 1));
        Assert.That(end.IsConsistent, Is.False);
        answers = 0;
        Assert.That(_connection.ListElements(Family, "t", "s"), Has.Count.EqualTo(Elements));
        answers = 0;
        Assert.That(_connection.ListRules(Family, "t", "c"), Has.Count.EqualTo(Rules));
    }

    [Test]
    public void A_rule_inserted_in_front_of_others_is_listed_in_its_place()
    {
        ulong third = _connection.ListRules(Family, "t", "c")[2].Handle!.Value;
        var batch = new NftablesBatch();
        batch.Insert(RuleNumber(9999), third);
        _connection.Send(batch);
        IReadOnlyList<Rule> rules = _connection.ListRules(Family, "t", "c");
        Assert.That(rules, Has.Count.EqualTo(Rules + 1));
        Assert.That(rules[2].Comment, Is.EqualTo("9999"));
        Assert.That(rules[2].Handle, Is.GreaterThan(rules[3].Handle!.Value));
    }

    private static Rule RuleNumber(int number) => Rule.Of(
        Family,
        "t",
        "c",
        [
            new MetaExpression { Key = MetaKey.Mark, DestinationRegister = NfTables.NFT_REG_1 },
            new CompareExpression { SourceRegister = NfTables.NFT_REG_1, Operator = CompareOperator.Equal, Value = BitConverter.GetBytes(number) },
            new ImmediateExpression { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = Verdict.Accept },
        ],
        $"{number}");
}
