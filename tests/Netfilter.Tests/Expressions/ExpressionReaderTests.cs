using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Expressions;

public sealed class ExpressionReaderTests
{
    // "tcp dport 22 accept" as nft sent it for the ip family.
    private static readonly ValueList<Expression> Rule =
    [
        Expr.Meta(MetaKey.Layer4Protocol), Expr.Equal(new byte[] { 6 }), Expr.Payload(PayloadBase.TransportHeader, 2, 2), Expr.Equal(Expr.Port(22)), Expr.Accept(),
    ];

    [Test]
    public void Expressions_are_walked_in_place_with_their_names_and_values()
    {
        var names = new List<string>();
        var ports = new List<string>();
        var reader = new ExpressionReader(Written());
        while (reader.TryRead(out ExpressionView view))
        {
            names.Add(System.Text.Encoding.UTF8.GetString(view.Name));
            Assert.That(view.ToExpression(), Is.EqualTo(Rule[names.Count - 1]));
            if (view.Name.SequenceEqual("cmp"u8) && view.Number(NfTables.NFTA_CMP_OP) == NfTables.NFT_CMP_EQ)
            {
                ports.Add(Convert.ToHexString(view.Value(NfTables.NFTA_CMP_DATA)));
            }
        }

        Assert.That(names, Is.EqualTo(["meta", "cmp", "payload", "cmp", "immediate"]));
        Assert.That(ports, Is.EqualTo(["06", "0016"]));
    }

    [Test]
    public void Walking_and_writing_allocate_nothing()
    {
        var buffer = new NetlinkBuffer();
        byte[] list = Written().Value.ToArray();
        uint sum = 0;
        Round(buffer, list, ref sum);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Round(buffer, list, ref sum);
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(sum, Is.Not.Zero);
    }

    private static void Round(NetlinkBuffer buffer, byte[] list, ref uint sum)
    {
        buffer.Clear();
        var writer = new NetlinkWriter(buffer);
        ExpressionCodec.WriteList(ref writer, NfTables.NFTA_RULE_EXPRESSIONS, Rule);
        writer.Complete();
        var reader = new ExpressionReader(new NetlinkAttribute(NfTables.NFTA_RULE_EXPRESSIONS, list));
        while (reader.TryRead(out ExpressionView view))
        {
            sum += view.Number(1) ?? 0;
        }
    }

    private static NetlinkAttribute Written()
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        ExpressionCodec.WriteList(ref writer, NfTables.NFTA_RULE_EXPRESSIONS, Rule);
        writer.Complete();
        return new NetlinkAttribute(NfTables.NFTA_RULE_EXPRESSIONS, buffer.Written[4..].ToArray());
    }
}
