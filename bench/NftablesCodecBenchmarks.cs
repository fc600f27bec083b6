using BenchmarkDotNet.Attributes;
using EucaNet.Netfilter;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;

namespace EucaNet.Bench;

/// <summary>nf_tables rules and elements, model to bytes and back: nanoseconds and allocated bytes each.</summary>
[MemoryDiagnoser]
public class NftablesCodecBenchmarks
{
    private const int Count = 1000;
    private readonly NftablesBatch _batch = new(1 << 20);
    private readonly NetlinkBuffer _elements = new(1 << 20);
    private readonly NetlinkBuffer _rules = new(1 << 20);
    private readonly byte[] _key = [10, 0, 0, 1];
    private Rule _rule = null!;

    /// <summary>Prepares what is encoded, and the bytes that are decoded.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _rule = NftablesSamples.TenExpressionRule(1);
        Write(_rules, NfTables.NFT_MSG_NEWRULE, _rule, Count);
        SetElement[] elements = [.. Enumerable.Range(0, Count).Select(number => SetElement.Of(BitConverter.GetBytes(number), BitConverter.GetBytes(~number)))];
        Write(_elements, NfTables.NFT_MSG_NEWSETELEM, new SetElementList { Family = NftablesFamily.Inet, Table = "bench", Set = "addresses", Elements = [.. elements] }, 1);
    }

    /// <summary>A rule of ten expressions into a batch.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int EncodeRule()
    {
        _batch.Clear();
        for (int index = 0; index < Count; index++)
        {
            _batch.Add(_rule);
        }

        return _batch.Length;
    }

    /// <summary>A key with data into a batch.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int EncodeElement()
    {
        _batch.Clear();
        using (NftablesBatch.ElementWriter writer = _batch.AddElements(NftablesFamily.Inet, "bench", "addresses"))
        {
            for (int index = 0; index < Count; index++)
            {
                writer.Add(_key, _key);
            }
        }

        return _batch.Length;
    }

    /// <summary>A rule in place: its handle and the names of its expressions.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public ulong DecodeRuleView()
    {
        ulong sum = 0;
        var reader = new MessageReader(_rules.Written);
        while (reader.TryRead(out NetlinkMessage message))
        {
            var rule = new RuleView(message);
            sum += rule.Handle + (ulong)NftablesSamples.CountExpressions(rule);
        }

        return sum;
    }

    /// <summary>A rule into the model, all its expressions typed.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int DecodeRule()
    {
        int sum = 0;
        var reader = new MessageReader(_rules.Written);
        while (reader.TryRead(out NetlinkMessage message))
        {
            NftablesMessage.TryRead(message, out NftablesMessage? read);
            sum += ((Rule)read!.Entity).Expressions.Count;
        }

        return sum;
    }

    /// <summary>An element in place.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int DecodeElementView()
    {
        int sum = 0;
        var reader = new MessageReader(_elements.Written);
        while (reader.TryRead(out NetlinkMessage message))
        {
            var elements = new SetElementReader(message);
            while (elements.TryRead(out SetElementView element))
            {
                sum += element.Key[0] + element.Data[0];
            }
        }

        return sum;
    }

    /// <summary>An element into the model.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int DecodeElement()
    {
        int sum = 0;
        var reader = new MessageReader(_elements.Written);
        while (reader.TryRead(out NetlinkMessage message))
        {
            NftablesMessage.TryRead(message, out NftablesMessage? read);
            sum += ((SetElementList)read!.Entity).Elements!.Value.Count;
        }

        return sum;
    }

    private static void Write(NetlinkBuffer buffer, ushort type, NftablesEntity entity, int count)
    {
        var batch = new NftablesBatch();
        for (int index = 0; index < count; index++)
        {
            batch.Append(new NftablesMessage(type, NetlinkMessageFlags.Create, 0, entity));
        }

        var writer = new NetlinkWriter(buffer);
        writer.Append(batch.Messages);
        writer.Complete();
    }
}
