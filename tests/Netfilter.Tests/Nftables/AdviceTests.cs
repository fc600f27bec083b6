using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>
/// Mistakes as they happen, planted through the library: what comes back names the object, the expression or element, the reason, and what to do about it.
/// </summary>
[TestFixture(KernelKind.Linux)]
[TestFixture(KernelKind.Simulated)]
public sealed class AdviceTests(KernelKind kind)
{
    private const NftablesFamily Inet = NftablesFamily.Inet;
    private const uint Ip4 = 7;

    private static readonly byte[] Address = [10, 0, 0, 1], Other = [10, 0, 0, 2];

    private KernelUnderTest _kernel = null!;
    private NftablesConnection _connection = null!;

    private static IEnumerable<TestCaseData> Mistakes()
    {
        Expression source = Expr.Payload(PayloadBase.NetworkHeader, 12, 4);
        yield return Case("A table that is not there", x => x.Add(Of("none", "f", Expr.Accept())), "add rule 1 of chain inet none f: attribute table: ENOENT", "there is no table inet none");
        yield return Case("A chain that is not there", x => x.Add(In("none", Expr.Accept())), "attribute chain: ENOENT", "there is no chain 'none' in table inet t");
        yield return Case("A table of another family", x => x.Add(Rule.Of(NftablesFamily.Ip, "t", "f", [Expr.Accept()])), "there is no table ip t", "two families");
        yield return Case("A jump to a chain that is not there", x => x.Add(In("f", Expr.Counter(), Expr.Jump("none"))), "expression 2 immediate: ENOENT", "there is no chain 'none' in table inet t");
        yield return Case("A jump to a base chain", x => x.Add(In("a", Expr.Jump("f"))), "expression 1 immediate: EOPNOTSUPP", "'f' is a base chain");
        yield return Case("A set that is not there", x => x.Add(In("f", source, Expr.Lookup("none"))), "expression 2 lookup: ENOENT", "there is no set or map 'none' in table inet t");
        yield return Case("An object that is not there", x => x.Add(In("f", Expr.Object(NfTables.NFT_OBJECT_COUNTER, "none"))), "expression 1 objref: ENOENT", "there is no counter 'none'");
        yield return Case("A map of objects that is not there", x => x.Add(In("f", source, Expr.ObjectMap("none"))), "expression 2 objref: ENOENT", "there is no map 'none'");
        yield return Case("A set taken for a map", x => x.Add(In("f", source, Expr.Map("s", 2))), "expression 2 lookup: EINVAL", "'s' is no map");
        yield return Case("A map taken for one of verdicts", x => x.Add(In("f", source, Expr.VerdictMap("m"))), "expression 2 lookup: EINVAL", "'m' is no map of verdicts");
        yield return Case("A register that nothing wrote", x => x.Add(In("f", Expr.Equal(Address, 3))), "expression 1 cmp: ENODATA", "reads a register that no expression before it");
        yield return Case("A register that is not there", x => x.Add(In("f", Expr.Payload(PayloadBase.NetworkHeader, 12, 4, 77))), "expression 1 payload: ERANGE", "a register that is not there");
        yield return Case("A limit of nothing", x => x.Add(In("f", Expr.Limit(0, 1))), "expression 1 limit: EINVAL", "greater than zero");
        yield return Case("A modulus of zero", x => x.Add(In("f", Expr.Number(NumberGeneratorKind.Incremental, 0))), "expression 1 numgen: ERANGE", "modulus is at least 1");
        yield return Case("A log with group and level", x => x.Add(In("f", new LogExpression { Group = 5, Level = 3 })), "expression 1 log: EINVAL", "a group excludes level");
        yield return Case("A port of no direction", x => x.Add(In("f", Expr.Conntrack(ConntrackKey.SourcePort))), "expression 1 ct: EINVAL", "need a direction");
        yield return Case("A key of meta that nobody knows", x => x.Add(In("f", Expr.Meta((MetaKey)99))), "expression 1 meta: EOPNOTSUPP", "does not know that key");
        yield return Case("A set that rules may not change", x => x.Add(In("f", source, new DynamicSetExpression { SetName = "fixed", KeyRegister = 1, Operation = DynamicSetOperation.Add })), "expression 2 dynset: EBUSY", "'fixed' is constant");
        yield return Case("Masquerading where nothing leaves", x => x.Add(In("f", Expr.Masquerade())), "rule 1 of chain inet t f: EOPNOTSUPP", "masq takes a chain of type nat at postrouting");
        yield return Case("A chain of nat in the wrong place", x => x.Add(Hooked("x", "nat", Nfnetlink.NF_INET_FORWARD, 0)), "add chain inet t x: EOPNOTSUPP", "hook at prerouting, input, output, postrouting");
        yield return Case("A chain of nat ahead of connection tracking", x => x.Add(Hooked("x", "nat", Nfnetlink.NF_INET_PRE_ROUTING, -300)), "add chain inet t x: EOPNOTSUPP", "priority -200");
        yield return Case("A type of chains that is none", x => x.Add(Hooked("x", "filtre", Nfnetlink.NF_INET_FORWARD, 0)), "attribute type: ENOENT", "there are filter, nat and route");
        yield return Case("A policy without a hook", x => x.Add(Chain.Regular(Inet, "t", "a") with { Policy = ChainPolicy.Drop }), "add chain inet t a: attribute policy: EOPNOTSUPP", "only a base chain");
        yield return Case("Another priority for a chain", x => x.Add(Hooked("f", "filter", Nfnetlink.NF_INET_FORWARD, 7)), "add chain inet t f: EOPNOTSUPP", "delete it and add it anew");
        yield return Case("A table that is there", x => x.Create(new Table { Family = Inet, Name = "t" }), "create table inet t: attribute name: EEXIST", "Add in place of Create");
        yield return Case("A set with another type", x => x.Add(Set("s") with { KeyType = 8, KeyLength = 16 }), "add set inet t s: attribute name: EEXIST", "delete it ahead of this");
        yield return Case("A key of no bytes", x => x.Add(Set("x") with { KeyLength = 0 }), "add set inet t x: EINVAL", "from 1 to 64 bytes");
        yield return Case("Parts that are not the key", x => x.Add(Set("x") with { KeyType = 7 << 6 | 13, KeyLength = 8, Flags = SetFlags.Interval | SetFlags.Concatenation, FieldLengths = [4, 8] }), "add set inet t x: EINVAL", "have 12 bytes together, its key 8");
        yield return Case("A long key", x => Elements(x, "s", SetElement.Of(Address), SetElement.Of(new byte[6])), "element 2 (0x000000000000): EINVAL", "a key of 's' has 4 bytes, this one 6");
        yield return Case("Data in a set", x => Elements(x, "s", SetElement.Of(Address, Address)), "element 1 (0x0a000001): EINVAL", "'s' is no map");
        yield return Case("No data in a map", x => Elements(x, "m", SetElement.Of(Address)), "element 1 (0x0a000001): EINVAL", "its elements have 4 bytes of data");
        yield return Case("Short data", x => Elements(x, "m", SetElement.Of(Address, new byte[2])), "element 1 (0x0a000001): EINVAL", "the data of 'm' has 4 bytes, this one 2");
        yield return Case("A time in a set without", x => Elements(x, "s", SetElement.Of(Address) with { Timeout = 5000 }), "element 1 (0x0a000001): EINVAL", "has not the flag timeout");
        yield return Case("A range in a set of single keys", x => Elements(x, "s", SetElement.Of(Address) with { KeyEnd = Other }), "element 1 (0x0a000001-0x0a000002): EINVAL", "has not the flags interval and concatenation");
        yield return Case("A short key for a set of the same batch", x => { x.Add(Set("new")); Elements(x, "new", SetElement.Of(new byte[2])); }, "a key of 'new' has 4 bytes, this one 2");
        yield return Case("An element that leads to no chain", x => Elements(x, "v", SetElement.Of(Address, Verdict.Accept), SetElement.Of(Other, Verdict.Jump("none"))), "element 2 (0x0a000002): ENOENT", "add it ahead of the element");
        yield return Case("Other data for a key", x => Elements(x, "m", SetElement.Of(Address, Address), SetElement.Of(Address, Other)), "element 2 (0x0a000001): EEXIST", "with other data");
        yield return Case("Intervals that overlap", x => Elements(x, "i", Bound(0), Bound(10, isEnd: true), Bound(5), Bound(20, isEnd: true)), "element 3 (0x0a000005): EEXIST", "an interval overlaps it");
        yield return Case("One more than the size", x => Elements(x, "small", SetElement.Of(Address), SetElement.Of(Other), SetElement.Of(new byte[] { 10, 0, 0, 3 })), "element 3 (0x0a000003): ENFILE", "the set is full");
        yield return Case("Elements of no set", x => Elements(x, "none", SetElement.Of(Address)), "attribute set: ENOENT", "there is no set or map 'none'");
        yield return Case("Taking out what is not in", x => x.Delete(new SetElementList { Family = Inet, Table = "t", Set = "s", Elements = [SetElement.Of(Other)] }), "delete element 0x0a000002 of set inet t s", "the set does not hold it");
        yield return Case("Deleting a chain in use", x => x.Delete(Chain.Regular(Inet, "t", "used")), "delete chain inet t used: attribute name: EBUSY", "still jump to it");
        yield return Case("Deleting a rule that is gone", x => x.Delete(Of("t", "f") with { Handle = 9999 }), "rule with handle 9999", "no rule of the chain has that handle");
        yield return Case("Behind a rule that is gone", x => x.AddAfter(In("f", Expr.Accept()), 9999), "attribute position: ENOENT", "no rule of the chain has that handle");
        yield return Case("A name that is too long", x => x.Add(Chain.Regular(Inet, "t", new string('x', 256))), "attribute name: ERANGE", "at most 255 bytes");
        yield return Case("A family that is none", x => x.Add(new Table { Family = (NftablesFamily)99, Name = "x" }), "EOPNOTSUPP", "families are ip, ip6, inet, arp, bridge and netdev");
    }

    [SetUp]
    public void Open()
    {
        _kernel = KernelUnderTest.Open(kind);
        _connection = NftablesConnection.Open(_kernel.Kernel);
        var batch = new NftablesBatch();
        batch.Add(new Table { Family = Inet, Name = "t" });
        batch.Add(Hooked("f", "filter", Nfnetlink.NF_INET_FORWARD, 0));
        foreach (string name in (string[])["a", "b", "used"])
        {
            batch.Add(Chain.Regular(Inet, "t", name));
        }

        batch.Add(In("f", Expr.Jump("used")));
        batch.Add(Set("s"));
        batch.Add(Set("m") with { Flags = SetFlags.Map, DataType = Ip4, DataLength = 4 });
        batch.Add(Set("v") with { Flags = SetFlags.Map, DataType = NfTables.NFT_DATA_VERDICT, DataLength = 16 });
        batch.Add(Set("i") with { Flags = SetFlags.Interval });
        batch.Add(Set("small") with { Size = 2 });
        batch.Add(Set("fixed") with { Flags = SetFlags.Constant });
        _connection.Send(batch);
    }

    [TearDown]
    public void Close()
    {
        _connection.Dispose();
        _kernel.Dispose();
    }

    [TestCaseSource(nameof(Mistakes))]
    public void A_mistake_is_named_with_its_place_its_reason_and_what_to_do(Action<NftablesBatch> plant, string[] expected)
    {
        var batch = new NftablesBatch();
        plant(batch);
        IReadOnlyList<NftablesError> errors = _connection.TrySend(batch);
        Assert.That(errors, Has.Count.EqualTo(1));
        foreach (string words in expected)
        {
            Assert.That(errors[0].ToString(), Does.Contain(words));
        }

        Assert.That(_connection.DryRun(batch).Select(error => error.ToString()), Is.EqualTo(errors.Select(error => error.ToString())));
        NftablesException thrown = Assert.Throws<NftablesException>(() => _connection.Send(batch))!;
        Assert.That(thrown.Errors.Select(error => error.ToString()), Is.EqualTo(errors.Select(error => error.ToString())));
    }

    [Test]
    public void Of_a_loop_the_rule_that_closes_it_is_named_and_not_those_that_follow()
    {
        var batch = new NftablesBatch();
        batch.Add(In("a", Expr.Jump("b")));
        batch.Add(In("f", Expr.Jump("a")));
        batch.Add(In("b", Expr.Jump("a")));
        batch.Add(In("b", Expr.Counter()));
        foreach (IReadOnlyList<NftablesError> errors in (IReadOnlyList<NftablesError>[])[_connection.TrySend(batch), _connection.DryRun(batch)])
        {
            Assert.That(errors[0].MessageIndex, Is.EqualTo(2));
            Assert.That(errors[0].Error, Is.EqualTo(LinuxError.EMLINK).Or.EqualTo(LinuxError.ELOOP));
            Assert.That(errors[0].ToString(), Does.Contain("rule 1 of chain inet t b").And.Contain("a jump leads back"));
            Assert.That(errors.Skip(1).Select(error => error.ToString()), Is.All.Contains("follows from what stands above"));
        }
    }

    [Test]
    public void All_mistakes_of_one_batch_come_back_in_their_order_each_with_its_own_advice()
    {
        List<TestCaseData> mistakes = [.. Mistakes().Where(item => !((string)item.Properties.Get("Kind")!).StartsWith("Masquerading", StringComparison.Ordinal))];
        var batch = new NftablesBatch();
        var labels = new List<string>();
        foreach (TestCaseData mistake in mistakes)
        {
            batch.Label = mistake.Properties.Get("Kind");
            labels.Add((string)batch.Label!);
            ((Action<NftablesBatch>)mistake.Arguments[0]!)(batch);
        }

        IReadOnlyList<NftablesError> errors = _connection.TrySend(batch);
        Assert.That(errors.Select(error => error.Label), Is.EqualTo(labels));
        Assert.That(errors.Select(error => error.Advice ?? error.Details.Policy?.ToString()), Has.None.Null);
        Assert.That(_connection.TrySend(new NftablesBatch()), Is.Empty);
        batch.Clear();
        batch.Add(In("f", Expr.Accept()));
        Assert.That(_connection.TrySend(batch), Is.Empty, "nothing of the errors is left for the next batch");
    }

    private static TestCaseData Case(string kind, Action<NftablesBatch> plant, params string[] expected)
    {
        TestCaseData data = new TestCaseData(plant, expected).SetArgDisplayNames(kind);
        data.Properties.Set("Kind", kind);
        return data;
    }

    private static Rule Of(string table, string chain, params Expression[] expressions) => Rule.Of(Inet, table, chain, [.. expressions]);

    private static Rule In(string chain, params Expression[] expressions) => Of("t", chain, expressions);

    private static Chain Hooked(string name, string type, uint hook, int priority) => Chain.Base(Inet, "t", name, type, new ChainHook(hook, priority));

    private static NftablesSet Set(string name) => new() { Family = Inet, Table = "t", Name = name, KeyType = Ip4, KeyLength = 4, Id = 1 };

    private static SetElement Bound(byte last, bool isEnd = false) => SetElement.Of(new byte[] { 10, 0, 0, last }) with { Flags = isEnd ? SetElementFlags.IntervalEnd : 0 };

    private static void Elements(NftablesBatch batch, string set, params SetElement[] elements) =>
        batch.Add(new SetElementList { Family = Inet, Table = "t", Set = set, Elements = [.. elements] });
}
