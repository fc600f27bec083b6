using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Expressions;

public sealed class ExpressionCodecTests
{
    [TestCase("nft106-kernel6.18-rules.jsonl.gz", "sent")]
    [TestCase("nft106-kernel6.18-rules.jsonl.gz", "kernel_dump")]
    [TestCase("nft106-kernel6.18-rulesets.jsonl.gz", "sent")]
    [TestCase("iptables189nft-kernel6.18-rules.jsonl.gz", "sent")]
    [TestCase("iptables189nft-kernel6.18-rules.jsonl.gz", "kernel_dump")]
    public void Recorded_expressions_are_typed_and_come_out_byte_for_byte(string file, string member)
    {
        int count = 0;
        foreach (var row in RecordedRules.Rows(file))
        {
            foreach (byte[] datagram in RecordedRules.Datagrams(row, member))
            {
                foreach ((ushort rawType, byte[] payload) in RecordedRules.ExpressionLists(datagram))
                {
                    ValueList<Expression> list = ExpressionCodec.ReadList(new NetlinkAttribute(rawType, payload));
                    Assert.That(list.OfType<RawExpression>(), Is.Empty, row.ToString());
                    Assert.That(Convert.ToHexString(Write(list)), Is.EqualTo(Convert.ToHexString(payload)), row.ToString());
                    count += list.Count;
                }
            }
        }

        Assert.That(count, Is.GreaterThan(1000));
    }

    [Test]
    public void Recorded_requests_are_in_the_order_in_which_expressions_made_by_hand_are_written()
    {
        foreach (var row in RecordedRules.Rows("nft106-kernel6.18-rules.jsonl.gz"))
        {
            foreach (byte[] datagram in RecordedRules.Datagrams(row, "sent"))
            {
                foreach ((ushort rawType, byte[] payload) in RecordedRules.ExpressionLists(datagram))
                {
                    ValueList<Expression> list = ExpressionCodec.ReadList(new NetlinkAttribute(rawType, payload));
                    ValueList<Expression> bare = [.. list.Select(Bare)];
                    Assert.That(Convert.ToHexString(Write(bare)), Is.EqualTo(Convert.ToHexString(payload)), row.ToString());
                }
            }
        }
    }

    [Test]
    public void An_unknown_expression_keeps_its_bytes()
    {
        byte[] payload = Convert.FromHexString("0900010077686174000000000c00028008000700deadbeef");
        var expression = ExpressionCodec.Read(new NetlinkAttribute(1 | 0x8000, payload));
        Assert.That(expression, Is.InstanceOf<RawExpression>());
        Assert.That(expression.Name, Is.EqualTo("what"));
        Assert.That(Write([expression])[4..], Is.EqualTo(payload));
    }

    [Test]
    public void An_unknown_attribute_of_a_known_expression_keeps_its_place_and_bytes()
    {
        byte[] payload = Convert.FromHexString("080001006d657461000000001c0002800600090001020000080002000000000f0800010000000001".Replace("080001006d65746100000000", "090001006d65746100000000", StringComparison.Ordinal));
        var expression = (MetaExpression)ExpressionCodec.Read(new NetlinkAttribute(1 | 0x8000, payload));
        Assert.That(expression.Key, Is.EqualTo(MetaKey.NetfilterProtocol));
        Assert.That(Write([expression])[4..], Is.EqualTo(payload));
        Assert.That(expression, Is.Not.EqualTo(new MetaExpression { Key = MetaKey.NetfilterProtocol, DestinationRegister = 1 }));
    }

    [Test]
    public void A_changed_property_is_written_in_the_layout_that_was_read()
    {
        byte[] payload = Convert.FromHexString("090001006d6574610000000014000200080002000000000f0800010000000001");
        var expression = (MetaExpression)ExpressionCodec.Read(new NetlinkAttribute(1, payload));
        Assert.That(
            Convert.ToHexStringLower(Write([expression with { Key = MetaKey.Mark }])[4..]),
            Is.EqualTo("090001006d657461000000001400020008000200000000030800010000000001"));
    }

    private static Expression Bare(Expression expression) => expression switch
    {
        DynamicSetExpression { Statement: { } statement } dynset => dynset with { Statement = Bare(statement), Layout = default, Envelope = default },
        _ => expression with { Layout = default, Envelope = default },
    };

    private static byte[] Write(ValueList<Expression> list)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        ExpressionCodec.WriteList(ref writer, NfTables.NFTA_RULE_EXPRESSIONS, list);
        writer.Complete();
        return buffer.Written[4..].ToArray();
    }
}
