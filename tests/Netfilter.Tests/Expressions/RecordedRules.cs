using System.IO.Compression;
using System.Text.Json;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Tests.Expressions;

/// <summary>The recorded conversations of tests/corpus, row by row.</summary>
internal static class RecordedRules
{
    public static IEnumerable<JsonElement> Rows(string file)
    {
        using var stream = new GZipStream(File.OpenRead(Corpus.PathOf(file)), CompressionMode.Decompress);
        using var lines = new StreamReader(stream);
        while (lines.ReadLine() is { } line)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            yield return document.RootElement.Clone();
        }
    }

    /// <summary>The datagrams of a member that holds hexadecimal strings.</summary>
    public static IEnumerable<byte[]> Datagrams(JsonElement row, string member) =>
        row.TryGetProperty(member, out JsonElement list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => Convert.FromHexString(item.GetString()!))
            : [];

    /// <summary>The payload of NFTA_RULE_EXPRESSIONS of each NEWRULE in a datagram.</summary>
    public static List<(ushort RawType, byte[] Payload)> ExpressionLists(byte[] datagram)
    {
        var found = new List<(ushort, byte[])>();
        var messages = new MessageReader(datagram);
        while (messages.TryRead(out NetlinkMessage message))
        {
            if (message.Header.Type == (Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | EucaNet.Netfilter.Nftables.NfTables.NFT_MSG_NEWRULE)
                && message.Attributes(NfnetlinkHeader.Size).TryFind(EucaNet.Netfilter.Nftables.NfTables.NFTA_RULE_EXPRESSIONS, out NetlinkAttribute list))
            {
                found.Add((list.RawType, list.Value.ToArray()));
            }
        }

        return found;
    }
}
