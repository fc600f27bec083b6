using System.Text.Json;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Wire;

namespace EucaNet.Conformance;

/// <summary>The nf_tables messages of a row.</summary>
internal static class NftablesRow
{
    /// <summary>Every datagram below a field, whatever lists and objects it is in.</summary>
    public static IEnumerable<byte[]> Datagrams(JsonElement row, params string[] fields) =>
        fields.SelectMany(field => row.TryGetProperty(field, out JsonElement value) ? Datagrams(value) : []);

    /// <summary>Writes each message of <paramref name="datagrams"/> again and compares; null where there is none.</summary>
    public static CheckResult? Compare(IEnumerable<byte[]> datagrams, WireOrder order)
    {
        bool any = false;
        foreach (byte[] datagram in datagrams)
        {
            var reader = new MessageReader(datagram);
            while (reader.TryRead(out NetlinkMessage message))
            {
                if (!NftablesMessage.TryRead(message, out NftablesMessage? read) || read is null)
                {
                    continue;
                }

                any = true;
                byte[] expected = message.Bytes.ToArray();
                ClearPadding(expected);
                CheckResult result = CheckResult.Compare(expected, Write(read, message.Header, order));
                if (!result.Identical)
                {
                    return result with { Difference = $"{read.Entity.Describe()}: {result.Difference}" };
                }

                if (order != WireOrder.AsRead && read.Entity.Layout.Raw.Length > 0)
                {
                    return new CheckResult(false, $"{read.Entity.Describe()}: {read.Entity.Layout.Raw.Length} attributes are not in the model");
                }
            }
        }

        return any ? CheckResult.Same : null;
    }

    private static byte[] Write(NftablesMessage message, NetlinkHeader recorded, WireOrder order)
    {
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        message.Write(ref writer, recorded.Sequence, recorded.PortId, order);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    // nft leaves whatever was in memory in the padding behind a name.
    private static void ClearPadding(byte[] message)
    {
        for (int offset = 20; offset + 4 <= message.Length;)
        {
            int length = BitConverter.ToUInt16(message, offset);
            int next = Math.Min(offset + Math.Max(length, 4) + 3 & ~3, message.Length);
            message.AsSpan(Math.Min(offset + length, next)..next).Clear();
            offset = next;
        }
    }

    private static IEnumerable<byte[]> Datagrams(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String when value.GetString() is { Length: >= 32 } text && text.All(char.IsAsciiHexDigit) => [Convert.FromHexString(text)],
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Datagrams),
        JsonValueKind.Object => value.EnumerateObject().SelectMany(property => Datagrams(property.Value)),
        _ => [],
    };
}

/// <summary>
/// What nft and iptables-nft sent is read into the model and written anew in that program's order, from the model's content alone: the order and the
/// flags that were read do not help.
/// </summary>
public sealed class NftablesEncodeCheck : IConformanceCheck
{
    /// <inheritdoc />
    public string Name => "encode";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) => format is CorpusFormat.NftRules or CorpusFormat.NftRulesets or CorpusFormat.IptablesNft;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        WireOrder order = file.Format == CorpusFormat.IptablesNft ? WireOrder.Libnftnl : WireOrder.Nft;
        return row => row.ExitStatus() == 0 ? NftablesRow.Compare(NftablesRow.Datagrams(row, "sent"), order) : null;
    }
}

/// <summary>What the kernel answered, listed and announced is read into the model and comes out byte for byte.</summary>
public sealed class NftablesDecodeCheck : IConformanceCheck
{
    /// <inheritdoc />
    public string Name => "decode";

    /// <inheritdoc />
    public bool AppliesTo(CorpusFormat format) =>
        format is CorpusFormat.NftRules or CorpusFormat.NftRulesets or CorpusFormat.IptablesNft or CorpusFormat.NftEvents;

    /// <inheritdoc />
    public Func<JsonElement, CheckResult?> Begin(CorpusFile file) =>
        row => NftablesRow.Compare(NftablesRow.Datagrams(row, "recv", "kernel_dump", "kernel", "events"), WireOrder.AsRead);
}
