using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
public sealed class SnapshotTests(KernelKind kind)
{
    private const NftablesFamily Family = NftablesFamily.Ip;
    private KernelUnderTest _kernel = null!;
    private NftablesConnection _connection = null!;

    [SetUp]
    public void Open()
    {
        _kernel = KernelUnderTest.Open(kind);
        _connection = NftablesConnection.Open(_kernel.Kernel);
    }

    [TearDown]
    public void Close()
    {
        _connection.Dispose();
        _kernel.Dispose();
    }

    [Test]
    public void What_was_sent_is_read_back_with_handles_and_one_generation()
    {
        AppliedTable applied = _connection.Apply(Family, "t", Wanted(2));
        Assert.That(applied.Before, Is.Null);
        NftablesRuleset ruleset = _connection.ReadRuleset();
        Assert.That(ruleset.Generation, Is.EqualTo(_connection.GetGeneration().Id));
        TableContent table = ruleset.Tables[0];
        Assert.That(table.FindChain("forward")!.Rules.Select(rule => rule.Comment), Is.EqualTo(new[] { "rule 0", "rule 1" }));
        Assert.That(table.FindChain("forward")!.Rules.All(rule => rule.Handle > 0));
        Assert.That(table.FindSet("addresses")!.Elements.Select(element => element.Key!.Value.ToString()).Order(), Is.EqualTo(new[] { "0a000001", "0a000002" }));
        Assert.That(_connection.FindElement(Family, "t", "addresses", OctetString.FromHex("0a000002")), Is.Not.Null);
        Assert.That(_connection.FindElement(Family, "t", "addresses", OctetString.FromHex("0a000009")), Is.Null);
    }

    [Test]
    public void A_table_that_is_right_takes_no_message()
    {
        _connection.Apply(Family, "t", Wanted(5));
        Assert.That(_connection.Apply(Family, "t", Wanted(5)).MessageCount, Is.Zero);
    }

    [Test]
    public void A_changed_rule_takes_one_message_and_the_others_keep_their_handles()
    {
        _connection.Apply(Family, "t", Wanted(5));
        ulong?[] before = Handles();
        TableContent wanted = Wanted(5);
        Rule[] rules = [.. wanted.Chains[0].Rules];
        rules[2] = RuleNumber(99);
        wanted = wanted with { Chains = [wanted.Chains[0] with { Rules = [.. rules] }] };
        Assert.That(_connection.Apply(Family, "t", wanted).MessageCount, Is.EqualTo(1));
        ulong?[] after = Handles();
        Assert.That(after.Zip(before).Count(pair => pair.First == pair.Second), Is.GreaterThanOrEqualTo(4));
        Assert.That(Comments(), Is.EqualTo(new[] { "rule 0", "rule 1", "rule 99", "rule 3", "rule 4" }));
    }

    [Test]
    public void Any_chain_becomes_any_other_in_order()
    {
        var random = new Random(7);
        for (int run = 0; run < 40; run++)
        {
            int[] numbers = [.. Enumerable.Range(0, random.Next(12)).Select(_ => random.Next(8))];
            TableContent wanted = Wanted(0) with { Chains = [new ChainContent(Forward, [.. numbers.Select(RuleNumber)])] };
            _connection.Apply(Family, "t", wanted);
            Assert.That(Comments(), Is.EqualTo(numbers.Select(number => $"rule {number}")));
        }
    }

    [Test]
    public void Undo_brings_the_table_back()
    {
        _connection.Apply(Family, "t", Wanted(3));
        AppliedTable applied = _connection.Apply(Family, "t", Wanted(0) with { Sets = [] });
        Assert.That(_connection.ReadTable(Family, "t")!.Sets, Is.Empty);
        applied.Undo();
        Assert.That(Comments(), Is.EqualTo(new[] { "rule 0", "rule 1", "rule 2" }));
        Assert.That(_connection.ReadTable(Family, "t")!.FindSet("addresses")!.Elements.Count, Is.EqualTo(2));
        _connection.Apply(Family, "t", null).Undo();
        Assert.That(Comments(), Has.Length.EqualTo(3));
    }

    [Test]
    public void An_interval_set_that_covers_the_same_stays_as_it_is_cut()
    {
        NftablesSet set = Addresses with { Name = "ranges", Flags = SetFlags.Interval };
        SetElement[] cut = [.. Interval("0a000000", "0a000100"), .. Interval("0a000100", "0a000200"), .. Interval("0a010000", "0a010100")];
        _connection.Apply(Family, "t", Wanted(0) with { Sets = [new SetContent(set, [.. cut])] });
        SetElement[] whole = [.. Interval("0a000000", "0a000200"), .. Interval("0a010000", "0a010100")];
        Assert.That(_connection.Apply(Family, "t", Wanted(0) with { Sets = [new SetContent(set, [.. whole])] }).MessageCount, Is.Zero);
        SetElement[] less = [.. Interval("0a000000", "0a000200"), .. Interval("0a010000", "0a010080")];
        AppliedTable applied = _connection.Apply(Family, "t", Wanted(0) with { Sets = [new SetContent(set, [.. less])] });
        Assert.That(applied.MessageCount, Is.EqualTo(2));
        Assert.That(_connection.ListElements(Family, "t", "ranges").Select(element => element.Key!.Value.ToString()), Does.Contain("0a000100").And.Contain("0a010080"));
    }

    [Test]
    public void Others_who_write_between_reading_and_writing_lose_nothing()
    {
        using var foreign = NftablesConnection.Open(_kernel.Kernel);
        _connection.Apply(Family, "t", Wanted(1));
        // The set grows with each run, and each run reads it whole.
        int runs = kind == KernelKind.Linux ? 1000 : 150;
        for (int run = 0; run < runs; run++)
        {
            int attempt = 0;
            _connection.SendPlanned(_ =>
            {
                TableContent present = _connection.ReadTable(Family, "t")!;
                if (attempt++ == 0)
                {
                    var theirs = new NftablesBatch();
                    using (NftablesBatch.ElementWriter elements = theirs.AddElements(Family, "t", "addresses"))
                    {
                        elements.Add(BitConverter.GetBytes(0x1000 + run));
                    }

                    foreign.Send(theirs);
                }

                var batch = new NftablesBatch();
                SetContent set = present.FindSet("addresses")!;
                NftablesDifference.CompareElements(batch, set.Set, [.. set.Elements, SetElement.Of(BitConverter.GetBytes(0x200000 + run))], [.. set.Elements]);
                return batch;
            });
        }

        Assert.That(_connection.ListElements(Family, "t", "addresses"), Has.Count.EqualTo(2 + 2 * runs));
    }

    [Test]
    public void A_snapshot_is_never_a_mixture_while_another_writes()
    {
        _connection.Apply(Family, "t", Wanted(1));
        using var foreign = NftablesConnection.Open(_kernel.Kernel);
        using var stop = new CancellationTokenSource();
        using var begun = new ManualResetEventSlim();
        int commits = 0;
        var writer = new Thread(() =>
        {
            // Each commit changes a rule's comment, a set's element and a second table to the same number.
            foreign.Apply(Family, "u", Wanted(1, "u"));
            ulong handle = foreign.ListRules(Family, "t", "forward")[0].Handle!.Value;
            for (int number = 1; !stop.IsCancellationRequested; number++)
            {
                var batch = new NftablesBatch();
                batch.Replace(RuleNumber(number), handle);
                batch.FlushSet(Family, "u", "addresses");
                batch.Add(new SetElementList { Family = Family, Table = "u", Set = "addresses", Elements = [SetElement.Of(OctetString.FromUInt32BigEndian((uint)number))] });
                foreign.Send(batch);
                handle = foreign.ListRules(Family, "t", "forward")[0].Handle!.Value;
                commits = number;
                begun.Set();
                if (number % 3 == 0)
                {
                    Thread.Sleep(1);
                }
            }
        });
        writer.Start();
        begun.Wait();
        int before = commits;
        try
        {
            for (int run = 0; run < 200; run++)
            {
                NftablesRuleset ruleset = _connection.ReadRuleset();
                string comment = ruleset.Find(Family, "t")!.FindChain("forward")!.Rules.Single().Comment!;
                string key = ruleset.Find(Family, "u")!.FindSet("addresses")!.Elements.Single().Key!.Value.ToString();
                Assert.That(comment, Is.EqualTo($"rule {Convert.ToInt32(key, 16)}"));
            }
        }
        finally
        {
            stop.Cancel();
            writer.Join();
        }

        Assert.That(commits, Is.GreaterThan(before), "nothing was written meanwhile");
    }

    [Test]
    public void Each_commit_is_one_change_with_who_made_it()
    {
        using var watcher = NftablesWatcher.Open(_kernel.Kernel);
        _connection.Apply(Family, "t", Wanted(2));
        _connection.Apply(Family, "t", null);
        Assert.That(watcher.TryRead(out NftablesChange? first));
        Assert.That(first!.ProcessId, Is.Not.Null);
        Assert.That(first.Messages.Select(message => message.Entity).OfType<Rule>().Count(), Is.EqualTo(2));
        Assert.That(watcher.TryRead(out NftablesChange? second));
        Assert.That(second!.Generation, Is.EqualTo(first.Generation + 1));
        Assert.That(second.Messages.All(message => message.IsDelete));
        Assert.That(watcher.TryRead(out _), Is.False);
    }

    [Test]
    public void A_watcher_that_was_too_slow_gets_the_whole_rule_set_and_goes_on_from_there()
    {
        using var watcher = NftablesWatcher.Open(_kernel.Kernel, receiveBufferSize: 4096);
        for (int run = 0; run < 20; run++)
        {
            _connection.Apply(Family, $"t{run}", Wanted(5, $"t{run}"));
        }

        var changes = new List<NftablesChange>();
        while (watcher.TryRead(out NftablesChange? change))
        {
            changes.Add(change!);
        }

        Assert.That(changes.Any(change => change.Resynchronized?.Tables.Count == 20));
        _connection.Apply(Family, "t0", null);
        Assert.That(watcher.TryRead(out NftablesChange? next));
        Assert.That(next!.Generation, Is.EqualTo(changes[^1].Generation + 1));
        Assert.That(next.Resynchronized, Is.Null);
    }

    private ulong?[] Handles() => [.. _connection.ListRules(Family, "t", "forward").Select(rule => rule.Handle)];

    private string?[] Comments() => [.. _connection.ListRules(Family, "t", "forward").Select(rule => rule.Comment)];

    private static Chain Forward => Chain.Base(Family, "t", "forward", "filter", new ChainHook(Nfnetlink.NF_INET_FORWARD, 0));

    private static NftablesSet Addresses => new() { Family = Family, Table = "t", Name = "addresses", KeyType = 7, KeyLength = 4 };

    private static TableContent Wanted(int rules, string table = "t") => new(new Table { Family = Family, Name = table })
    {
        Chains = [new ChainContent(Forward with { Table = table }, [.. Enumerable.Range(0, rules).Select(number => RuleNumber(number) with { Table = table })])],
        Sets = [new SetContent(Addresses with { Table = table }, [SetElement.Of(OctetString.FromHex("0a000001")), SetElement.Of(OctetString.FromHex("0a000002"))])],
    };

    private static Rule RuleNumber(int number) => Rule.Of(
        Family,
        "t",
        "forward",
        [
            new MetaExpression { Key = MetaKey.Mark, DestinationRegister = NfTables.NFT_REG_1 },
            new LookupExpression { SetName = "addresses", SourceRegister = NfTables.NFT_REG_1 },
            new CounterExpression { Packets = 0, Bytes = 0 },
            new ImmediateExpression { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = Verdict.Accept },
        ],
        $"rule {number}");

    private static SetElement[] Interval(string first, string behind) =>
        [SetElement.Of(OctetString.FromHex(first)), SetElement.Of(OctetString.FromHex(behind)) with { Flags = SetElementFlags.IntervalEnd }];
}
