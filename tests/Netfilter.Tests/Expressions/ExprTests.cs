using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Expressions;

public sealed class ExprTests
{
    [Test]
    public void Rules_built_by_hand_from_nfts_bytecode_text_equal_the_bytes_nft_sent()
    {
        int equal = 0;
        var names = new HashSet<string>();
        var different = new List<string>();
        foreach (var row in RecordedRules.Rows("nft106-kernel6.18-rules.jsonl.gz").Where(row => row.GetProperty("rc").GetInt32() == 0))
        {
            string rule = row.GetProperty("rule").GetString()!;
            ValueList<Expression> built = BytecodeAssembler.Assemble(rule, row.GetProperty("debug").GetString()!);
            string recorded = RecordedRules.Datagrams(row, "sent").SelectMany(RecordedRules.ExpressionLists).Select(list => Convert.ToHexString(list.Payload)).Single();
            if (Convert.ToHexString(Write(built)) == recorded)
            {
                equal++;
                names.UnionWith(built.Select(expression => expression.Name));
            }
            else
            {
                different.Add(rule);
            }
        }

        TestContext.Out.WriteLine($"{equal} rules, {names.Count} kinds of expression; others: {string.Join(" | ", different.Take(60))} ({different.Count})");
        Assert.That(equal, Is.GreaterThanOrEqualTo(3550));
        Assert.That(names, Has.Count.GreaterThanOrEqualTo(32));
    }

    [Test]
    public void A_prefixs_mask_has_its_ones_in_front()
    {
        Assert.That(Expr.PrefixMask(12).ToString(), Is.EqualTo("fff00000"));
        Assert.That(Expr.PrefixMask(0, 2).ToString(), Is.EqualTo("0000"));
        Assert.That(() => Expr.PrefixMask(33), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void The_beginning_of_an_interface_name_is_compared_without_padding()
    {
        Assert.That(Expr.InterfaceName("vif*").ToString(), Is.EqualTo("766966"));
        Assert.That(Expr.InterfaceName("lo").Length, Is.EqualTo(16));
    }

    private static byte[] Write(ValueList<Expression> list)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        ExpressionCodec.WriteList(ref writer, NfTables.NFTA_RULE_EXPRESSIONS, list);
        writer.Complete();
        return buffer.Written[4..].ToArray();
    }
}
