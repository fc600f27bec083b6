using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using NUnit.Framework;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Tests.Nftables.Facts;

/// <summary>Chains, rules, jumps and sets: what is refused, and where the kernel points.</summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
[TestFixture(KernelKind.Simulated612)]
public sealed class RuleFactTests(KernelKind kind) : KernelFacts(kind)
{
    [Test]
    public void A_base_chain_may_drop_by_its_policy()
    {
        Batch(NewTable("a"));
        Assert.That(
            Batch(Entity(NFT_MSG_NEWCHAIN, Create, Chain.Base(Family, "a", "base", "filter", new ChainHook(Nfnetlink.NF_INET_LOCAL_IN, 0), ChainPolicy.Drop))),
            Is.EqualTo(new[] { "2 None" }));
    }

    [Test]
    public void Chains_without_a_hook_are_made()
    {
        Batch(NewTable("a"));
        Assert.That(Batch(NewChain("a", "r1"), NewChain("a", "r2")), Is.EqualTo(new[] { "2 None", "3 None" }));
    }

    [Test]
    public void A_jump_from_chain_to_chain_is_made()
    {
        Prepare();
        Assert.That(Batch(NewRule("one", Jump("two"))), Is.EqualTo(new[] { "2 None" }));
    }

    [Test]
    public void A_loop_that_no_hook_reaches_is_made()
    {
        Prepare();
        Batch(NewRule("one", Jump("two")));
        Assert.That(Batch(NewRule("two", Jump("one"))), Is.EqualTo(new[] { "2 None" }));
    }

    [Test]
    public void A_loop_that_a_hook_reaches_has_too_many_links()
    {
        Prepare();
        Batch(NewRule("one", Jump("two")), NewRule("two", Jump("one")));
        Assert.That(Batch(NewRule("base", Jump("one"))), Is.EqualTo(new[] { "2 EMLINK" }));
    }

    [Test]
    public void A_verdict_of_queue_takes_its_own_expression()
    {
        Prepare();
        Assert.That(Batch(NewRule("base", Expr.Verdict(new Verdict(Nfnetlink.NF_QUEUE)))), Is.EqualTo(new[] { "2 EINVAL @44" }));
        Assert.That(Batch(NewRule("base", Expr.Verdict(Verdict.Drop))), Is.EqualTo(new[] { "2 None" }));
    }

    [Test]
    public void A_chain_for_hardware_needs_a_priority_above_zero_and_takes_only_rules_that_decide()
    {
        Prepare();
        Chain offloaded = Chain.Base(Family, "a", "hardware", "filter", new ChainHook(Nfnetlink.NF_INET_FORWARD, 100)) with { Flags = ChainFlags.Base | ChainFlags.HardwareOffload };
        Assert.That(Batch(Entity(NFT_MSG_NEWCHAIN, Create, offloaded with { Hook = new ChainHook(Nfnetlink.NF_INET_FORWARD, 0) })), Is.EqualTo(new[] { "2 EOPNOTSUPP" }));
        Assert.That(Batch(Entity(NFT_MSG_NEWCHAIN, Create, offloaded)), Is.EqualTo(new[] { "2 None" }));
        Assert.That(Batch(NewRule("hardware", Expr.Counter())), Is.EqualTo(new[] { "2 EOPNOTSUPP" }));
        Assert.That(Batch(NewRule("hardware", Expr.Verdict(Verdict.Jump("one")))), Is.EqualTo(new[] { "2 EOPNOTSUPP" }));
        Assert.That(Batch(NewRule("hardware", Expr.Verdict(Verdict.Drop))), Is.EqualTo(new[] { "2 None" }));
    }

    [Test]
    public void What_chooses_an_expressions_form_is_looked_at_before_any_expression_is_made()
    {
        Prepare();
        BitwiseExpression withoutSource = Expr.Mask(new OctetString([1, 2, 3, 4])) with { SourceRegister = null };
        Assert.That(Batch(NewRule("one", Expr.Lookup("none"), withoutSource)), Is.EqualTo(new[] { "2 EINVAL @80" }));
    }

    [Test]
    public void A_dry_run_finds_a_loop_too()
    {
        Prepare();
        Batch(NewRule("one", Jump("two")), NewRule("two", Jump("one")));
        Assert.That(Ask(Begin(), NewRule("base", Jump("one"))), Is.EqualTo(new[] { "2 EMLINK" }));
    }

    [Test]
    public void A_jump_to_nowhere_is_refused_at_its_expression()
    {
        Prepare();
        Assert.That(Batch(NewRule("one", Jump("none"))), Is.EqualTo(new[] { "2 ENOENT @40" }));
    }

    [Test]
    public void A_jump_to_a_base_chain_is_refused_at_its_expression()
    {
        Prepare();
        Assert.That(Batch(NewRule("one", Jump("base"))), Is.EqualTo(new[] { "2 EOPNOTSUPP @40" }));
    }

    [Test]
    public void A_chain_in_use_is_busy()
    {
        Prepare();
        Batch(NewRule("one", Jump("two")));
        Assert.That(Batch(Named(NFT_MSG_DELCHAIN, Chain.Regular(Family, "a", "two"))), Is.EqualTo(new[] { "2 EBUSY @28" }));
    }

    [Test]
    public void An_unknown_expression_is_not_found()
    {
        Prepare();
        Assert.That(Batch(NewRule("one", new RawExpression("nosuch", default))), Is.EqualTo(new[] { "2 ENOENT @40" }));
    }

    [TestCase(128, "2 None")]
    [TestCase(129, "2 EINVAL")]
    public void A_rule_has_at_most_128_expressions(int count, string answer)
    {
        Prepare();
        var counter = new CounterExpression { Bytes = 0, Packets = 0 };
        Assert.That(Batch(NewRule("one", [.. Enumerable.Repeat(counter, count)])), Is.EqualTo(new[] { answer }));
    }

    [Test]
    public void A_rule_behind_one_that_is_not_there_is_refused_at_that_number()
    {
        Prepare();
        Rule accepting = Rule.Of(Family, "a", "one", [Accept()]) with { Position = 999 };
        Assert.That(Batch(Entity(NFT_MSG_NEWRULE, Create | NetlinkMessageFlags.Append, accepting)), Is.EqualTo(new[] { "2 ENOENT @36" }));
    }

    [Test]
    public void Deleting_a_rule_that_is_not_there_is_refused_at_its_number()
    {
        Prepare();
        Assert.That(Batch(Named(NFT_MSG_DELRULE, new Rule { Family = Family, Table = "a", Chain = "one", Handle = 999 })), Is.EqualTo(new[] { "2 ENOENT @36" }));
    }

    [Test]
    public void A_set_is_made()
    {
        Prepare();
        Assert.That(Batch(NewSet()), Is.EqualTo(new[] { "2 None" }));
    }

    [Test]
    public void Four_messages_of_2000_elements_are_taken_in_one_batch()
    {
        Prepare();
        Batch(NewSet());
        MessageWriter Elements(int part) => Entity(NFT_MSG_NEWSETELEM, Create, new SetElementList
        {
            Family = Family,
            Table = "a",
            Set = "s",
            Elements = [.. Enumerable.Range(part * 2000, 2000).Select(number => SetElement.Of(BitConverter.GetBytes(number)))],
        });
        Assert.That(Batch(Elements(0), Elements(1), Elements(2), Elements(3)), Is.EqualTo(new[] { "2 None", "3 None", "4 None", "5 None" }));
    }

    private static ImmediateExpression Accept() => new() { DestinationRegister = NFT_REG_VERDICT, Verdict = Verdict.Accept };

    private static MessageWriter NewSet() =>
        Entity(NFT_MSG_NEWSET, Create, new NftablesSet { Family = Family, Table = "a", Name = "s", KeyLength = 4, Id = 1 });
}
