using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netfilter.Nftables.Text;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Text;

// What is expected here is what nft 1.0.6 prints for the same rules.
public sealed class RuleSetTextTests
{
    private static readonly Table Filter = new() { Family = NftablesFamily.Inet, Name = "filter", Handle = 7 };

    [Test]
    public void A_match_that_nft_put_in_by_itself_is_not_shown()
    {
        Rule rule = Of(
            Expr.Meta(MetaKey.Layer4Protocol), Expr.Equal(new byte[] { 6 }), Expr.Payload(PayloadBase.TransportHeader, 2, 2), Expr.Equal(Expr.Port(22)), Expr.Counter(3, 180), Expr.Accept());
        Assert.That(RuleSetText.Of(rule, []), Is.EqualTo("tcp dport 22 counter packets 3 bytes 180 accept"));
        Assert.That(RuleSetText.Of(rule, [], new ListingOptions { Stateless = true }), Is.EqualTo("tcp dport 22 counter accept"));
    }

    [Test]
    public void A_match_stays_where_a_statement_stands_between()
    {
        Rule rule = Of(
            Expr.Meta(MetaKey.Layer4Protocol), Expr.Equal(new byte[] { 6 }), Expr.Counter(), Expr.Payload(PayloadBase.TransportHeader, 2, 2), Expr.Equal(Expr.Port(22)));
        Assert.That(RuleSetText.Of(rule, []), Is.EqualTo("meta l4proto tcp counter packets 0 bytes 0 tcp dport 22"));
    }

    [Test]
    public void A_masked_address_is_a_prefix()
    {
        Rule rule = Of(
            Expr.Meta(MetaKey.NetfilterProtocol), Expr.Equal(new byte[] { 2 }), Expr.Payload(PayloadBase.NetworkHeader, 16, 4), Expr.Mask(Expr.PrefixMask(20)), Expr.Equal(new byte[] { 10, 1, 16, 0 }), Expr.Drop());
        Assert.That(RuleSetText.Of(rule, []), Is.EqualTo("ip daddr 10.1.16.0/20 drop"));
    }

    [Test]
    public void Elements_of_a_set_without_a_name_stand_in_the_rule()
    {
        Rule rule = Of(Expr.Conntrack(ConntrackKey.Mark), Expr.Lookup("__set0"), Expr.Accept());
        var set = new NftablesSet
        {
            Family = NftablesFamily.Inet,
            Table = "filter",
            Name = "__set0",
            Flags = SetFlags.Anonymous | SetFlags.Constant,
            KeyType = 19,
            KeyLength = 4,
            UserData = OctetString.FromHex("000401000000"),
        };
        var elements = new SetElementList
        {
            Family = NftablesFamily.Inet,
            Table = "filter",
            Set = "__set0",
            Elements = [SetElement.Of(OctetString.FromUInt32(0x20)), SetElement.Of(OctetString.FromUInt32(0x10))],
        };
        Assert.That(RuleSetText.Of(rule, [set, elements]), Is.EqualTo("ct mark { 0x00000010, 0x00000020 } accept"));
    }

    [Test]
    public void A_rule_that_is_listed_twice_reads_the_same()
    {
        // ip dscp { 0x10 }: the byte holds the field shifted by two, and the listing shifts the elements back.
        Rule rule = Of(
            Expr.Meta(MetaKey.NetfilterProtocol), Expr.Equal(new byte[] { 2 }), Expr.Payload(PayloadBase.NetworkHeader, 1, 1), Expr.Mask(new byte[] { 0xfc }), Expr.Lookup("__set0"));
        var set = new NftablesSet { Family = NftablesFamily.Inet, Table = "filter", Name = "__set0", Flags = SetFlags.Anonymous | SetFlags.Constant, KeyType = 36, KeyLength = 1 };
        var elements = new SetElementList { Family = NftablesFamily.Inet, Table = "filter", Set = "__set0", Elements = [SetElement.Of(new byte[] { 0x40 })] };
        var text = new RuleText(NftablesFamily.Inet, "filter", [set, elements], new ListingOptions { Numeric = true });
        Assert.That(text.Of(rule), Is.EqualTo("ip dscp { 0x10 }"));
        Assert.That(text.Of(rule), Is.EqualTo("ip dscp { 0x10 }"));
    }

    [Test]
    public void Handles_are_shown_where_asked_for()
    {
        NftablesEntity[] entities = [Filter, Chain.Regular(NftablesFamily.Inet, "filter", "c") with { Handle = 1 }, Of(Expr.Accept()) with { Chain = "c", Handle = 2 }];
        Assert.That(
            RuleSetText.Of(entities, new ListingOptions { Handles = true }),
            Is.EqualTo("table inet filter { # handle 7\n\tchain c { # handle 1\n\t\taccept # handle 2\n\t}\n}\n"));
    }

    [Test]
    public void An_expression_nobody_knows_is_named_and_breaks_nothing()
    {
        Rule rule = Of(new RawExpression("surprise", OctetString.FromHex("00")), Expr.Accept());
        Assert.That(RuleSetText.Of(rule, []), Is.EqualTo("# unknown expression surprise accept"));
    }

    [Test]
    public void Json_escapes_what_it_must()
    {
        Rule rule = Of(Expr.Log("say \"hi\"\\")) with { Chain = "c", Handle = 2 };
        string json = RuleSetJson.Of([Filter, Chain.Regular(NftablesFamily.Inet, "filter", "c"), rule]);
        Assert.That(json, Does.Contain("\"expr\": [{\"log\": {\"prefix\": \"say \\\"hi\\\"\\\\\"}}]"));
    }

    [TestCase("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1")]
    [TestCase("::ffff:1.2.3.4", "::ffff:1.2.3.4")]
    [TestCase("::", "::")]
    [TestCase("::1", "::1")]
    [TestCase("fe80::", "fe80::")]
    [TestCase("1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0")]
    public void Addresses_are_written_as_inet_ntop_writes_them(string address, string expected)
    {
        Rule rule = Of(
            Expr.Meta(MetaKey.NetfilterProtocol), Expr.Equal(new byte[] { 10 }), Expr.Payload(PayloadBase.NetworkHeader, 8, 16), Expr.Equal(Expr.Address(System.Net.IPAddress.Parse(address))));
        Assert.That(RuleSetText.Of(rule, []), Is.EqualTo($"ip6 saddr {expected}"));
    }

    // Rules that nft itself does not write, put together by chance and recorded from nft 1.0.6: what it knows no field for has no type, and a mask that finds no field makes it forget the one it had.
    private static readonly TestCaseData[] WrittenByOthers =
    [
        new(new Expression[] { Expr.ExtensionHeader(ExtensionHeaderKind.Ip6, 44, 2, 2), Expr.Equal(OctetString.FromHex("686e")) }, "frag unknown 0x686e [invalid type]"),
        new(new Expression[] { Expr.ExtensionHeader(ExtensionHeaderKind.Ip4Option, 148, 5, 2), Expr.Equal(OctetString.FromHex("9ce6")) }, "ip option ra unknown 0x9ce6 [invalid type]"),
        new(new Expression[] { Expr.ExtensionHeader(ExtensionHeaderKind.Ip6, 43, 2, 1), Expr.Mask(OctetString.FromHex("e0")), Expr.Equal(OctetString.FromHex("a0")) }, "rt unknown & 224 == 160"),
        new(new Expression[] { Expr.ExtensionHeader(ExtensionHeaderKind.Ip6, 0, 0, 1, present: true), Expr.Mask(OctetString.FromHex("fe")), Expr.Equal(OctetString.FromHex("00")) }, "hbh unknown & 254 == missing"),
        new(new Expression[] { Expr.ExtensionHeader(ExtensionHeaderKind.TcpOption, 77, 1, 2), Expr.ByteOrder(ByteOrderOperation.NetworkToHost, 2, 2), Expr.Equal(OctetString.FromHex("d6a1")) }, "tcp option @77,8,16 54945"),
        new(new Expression[] { Expr.Meta(MetaKey.OutputInterface), Expr.NotEqual(OctetString.FromHex("63f078ee")) }, "oif != -294064029"),
        new(new Expression[] { Expr.Meta(MetaKey.InputInterfaceName), Expr.Equal(OctetString.FromHex("00000000010000000100000100000001")) }, "iifname \"\""),
        new(new Expression[] { Expr.Meta(MetaKey.InputInterfaceName), Expr.Equal(OctetString.FromHex("657468")) }, "iifname \"eth*\""),
    ];

    [TestCaseSource(nameof(WrittenByOthers))]
    public void Rules_that_others_wrote_are_shown_as_nft_shows_them(Expression[] expressions, string expected) => Assert.That(RuleSetText.Of(Of(expressions), []), Is.EqualTo(expected));

    [Test]
    public void Json_has_signed_numbers_of_64_bits()
    {
        Rule rule = Of(Expr.Payload(PayloadBase.NetworkHeader, 12, 8), Expr.NotEqual(OctetString.FromHex("d3ec2317cb6a2fdb"))) with { Chain = "c", Handle = 2 };
        Assert.That(RuleSetJson.Of([Filter, Chain.Regular(NftablesFamily.Inet, "filter", "c"), rule]), Does.Contain("\"right\": -3176125052099088421"));
    }

    [Test]
    public void Numbers_have_the_names_that_their_owner_gave_them_and_in_quotes()
    {
        Rule rule = Of(
            Expr.Meta(MetaKey.InputInterfaceGroup), Expr.Equal(OctetString.FromUInt32(5)), Expr.Meta(MetaKey.RoutingClass), Expr.Equal(OctetString.FromUInt32(6)),
            Expr.Meta(MetaKey.Mark), Expr.Equal(OctetString.FromUInt32(7)), Expr.Conntrack(ConntrackKey.Labels), Expr.Mask(OctetString.FromHex("00010000000000000000000000000000")),
            Expr.NotEqual(OctetString.FromHex("00000000000000000000000000000000")));
        var named = new ListingOptions { InterfaceGroupName = number => $"group{number}", RealmName = number => $"realm{number}", MarkName = number => $"mark{number}", LabelName = number => $"label{number}" };
        Assert.That(RuleSetText.Of(rule, []), Is.EqualTo("iifgroup 5 meta rtclassid 6 meta mark 0x00000007 ct label 8"));
        Assert.That(RuleSetText.Of(rule, [], named), Is.EqualTo("iifgroup \"group5\" meta rtclassid \"realm6\" meta mark \"mark7\" ct label \"label8\""));
        Assert.That(RuleSetText.Of(rule, [], named with { Numeric = true }), Is.EqualTo("iifgroup 5 meta rtclassid 6 meta mark 0x00000007 ct label \"label8\""));
        string json = RuleSetJson.Of([Filter, Chain.Regular(NftablesFamily.Inet, "filter", "c"), rule with { Chain = "c" }], named);
        Assert.That(json, Does.Contain("\"right\": \"group5\"").And.Contain("\"right\": \"realm6\"").And.Contain("\"right\": \"mark7\"").And.Contain("\"right\": \"label8\""));
    }

    // 02:00 UTC is 21:00 the evening before in New York's winter, 22:00 in its summer. nft 1.0.6 prints hours of seven digits west of Greenwich.
    [TestCase(-5, "21:00")]
    [TestCase(-4, "22:00")]
    [TestCase(0, "02:00")]
    [TestCase(23, "01:00")]
    public void An_hour_of_the_day_is_that_of_the_zone(int offset, string expected)
    {
        Rule rule = Of(Expr.Meta(MetaKey.TimeHour), Expr.Equal(OctetString.FromUInt32(2 * 3600)));
        Assert.That(RuleSetText.Of(rule, [], new ListingOptions { HourOffset = TimeSpan.FromHours(offset) }), Is.EqualTo($"meta hour \"{expected}\""));
    }

    private static Rule Of(params Expression[] expressions) => Rule.Of(NftablesFamily.Inet, "filter", "c", [.. expressions]);
}
