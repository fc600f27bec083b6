using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using EucaNet.Netfilter;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Bench;

/// <summary>What the measurements of nf_tables send: the same objects for every program that is measured.</summary>
internal static class NftablesSamples
{
    /// <summary>A table with a chain and a map.</summary>
    public static NftablesBatch Base()
    {
        var batch = new NftablesBatch();
        batch.Add(new Table { Family = NftablesFamily.Inet, Name = "bench" });
        batch.Add(Chain.Regular(NftablesFamily.Inet, "bench", "forward"));
        batch.Add(new NftablesSet
        {
            Family = NftablesFamily.Inet, Table = "bench", Name = "addresses", KeyType = 7, KeyLength = 4, Flags = SetFlags.Map, DataType = 7, DataLength = 4, Size = 200_000, Id = 1,
        });
        return batch;
    }

    /// <summary>Source, protocol and port compared, counted, accepted; address and port are the rule's own.</summary>
    public static Rule TenExpressionRule(int number)
    {
        byte[] address = new byte[4], port = new byte[2];
        BinaryPrimitives.WriteInt32BigEndian(address, (10 << 24) + number);
        BinaryPrimitives.WriteUInt16BigEndian(port, (ushort)number);
        return Rule.Of(
            NftablesFamily.Inet,
            "bench",
            "forward",
            [
                new MetaExpression { Key = MetaKey.NetfilterProtocol, DestinationRegister = NfTables.NFT_REG_1 },
                new CompareExpression { SourceRegister = NfTables.NFT_REG_1, Operator = CompareOperator.Equal, Value = new byte[] { Nfnetlink.NFPROTO_IPV4 } },
                new PayloadExpression { DestinationRegister = NfTables.NFT_REG_1, Base = PayloadBase.NetworkHeader, Offset = 12, Length = 4 },
                new CompareExpression { SourceRegister = NfTables.NFT_REG_1, Operator = CompareOperator.Equal, Value = address },
                new MetaExpression { Key = MetaKey.Layer4Protocol, DestinationRegister = NfTables.NFT_REG_1 },
                new CompareExpression { SourceRegister = NfTables.NFT_REG_1, Operator = CompareOperator.Equal, Value = new byte[] { 6 } },
                new PayloadExpression { DestinationRegister = NfTables.NFT_REG_1, Base = PayloadBase.TransportHeader, Offset = 2, Length = 2 },
                new CompareExpression { SourceRegister = NfTables.NFT_REG_1, Operator = CompareOperator.Equal, Value = port },
                new CounterExpression { Bytes = 0, Packets = 0 },
                new ImmediateExpression { DestinationRegister = NfTables.NFT_REG_VERDICT, Verdict = Verdict.Accept },
            ]);
    }

    /// <summary>As many different rules.</summary>
    public static Rule[] Rules(int count) => [.. Enumerable.Range(0, count).Select(TenExpressionRule)];

    /// <summary>Walks the expressions of a rule where they lie.</summary>
    public static int CountExpressions(RuleView rule)
    {
        int count = 0;
        var expressions = new ExpressionReader(rule.Expressions);
        while (expressions.TryRead(out ExpressionView expression))
        {
            count += expression.Name.IsEmpty ? 0 : 1;
        }

        return count;
    }

    /// <summary>Writes map elements into a batch, each key its own data.</summary>
    public static void WriteElements(NftablesBatch batch, int first, int count)
    {
        using NftablesBatch.ElementWriter elements = batch.AddElements(NftablesFamily.Inet, "bench", "addresses");
        Span<byte> key = stackalloc byte[4];
        for (int number = first; number < first + count; number++)
        {
            BitConverter.TryWriteBytes(key, number);
            elements.Add(key, key);
        }
    }

    /// <summary>The table of <see cref="Base"/> as nft reads it.</summary>
    public const string BaseText = """
        table inet bench {
        	map addresses { type ipv4_addr : ipv4_addr; size 200000; }
        	chain forward { }
        }

        """;

    /// <summary>The same rules as nft reads them.</summary>
    public static string RuleText(int count)
    {
        var text = new StringBuilder();
        for (int number = 0; number < count; number++)
        {
            text.Append(CultureInfo.InvariantCulture, $"add rule inet bench forward ip saddr {Address((10 << 24) + number)} tcp dport {(ushort)number} counter accept\n");
        }

        return text.ToString();
    }

    /// <summary>The same elements as nft reads them.</summary>
    public static string ElementText(int count)
    {
        var text = new StringBuilder("add element inet bench addresses {");
        for (int number = 0; number < count; number++)
        {
            string address = Address(BinaryPrimitives.ReverseEndianness(number));
            text.Append(CultureInfo.InvariantCulture, $"{(number > 0 ? "," : "")}{address}:{address}");
        }

        return text.Append("}\n").ToString();
    }

    private static string Address(int value) => string.Create(
        CultureInfo.InvariantCulture, $"{value >>> 24 & 255}.{value >>> 16 & 255}.{value >>> 8 & 255}.{value & 255}");
}
