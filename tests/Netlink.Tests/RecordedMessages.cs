using System.IO.Compression;
using System.Text.Json;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Tests;

/// <summary>The messages of the recorded conversations, of every netlink family, requests and control messages included.</summary>
internal static class RecordedMessages
{
    private static readonly string[] Files =
    [
        "kernel6.12-rtnetlink-events.jsonl.gz", "kernel6.18-rtnetlink-events.jsonl.gz",
        "iproute2-6.1-requests-kernel6.12.jsonl.gz", "iproute2-6.1-requests-kernel6.18.jsonl.gz",
    ];

    /// <summary>All of them.</summary>
    public static IEnumerable<byte[]> All() => Files.SelectMany(Of);

    /// <summary>Those of one file.</summary>
    public static IEnumerable<byte[]> Of(string file)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Corpus.PathOf(file)), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            using JsonDocument row = JsonDocument.Parse(line);
            foreach (string hex in Datagrams(row.RootElement))
            {
                foreach (byte[] message in Split(Convert.FromHexString(hex)))
                {
                    yield return message;
                }
            }
        }
    }

    private static IEnumerable<string> Datagrams(JsonElement row)
    {
        foreach (string field in (string[])["events", "link_dump", "traffic"])
        {
            if (row.TryGetProperty(field, out JsonElement datagrams))
            {
                foreach (JsonElement datagram in datagrams.EnumerateArray())
                {
                    yield return (datagram.ValueKind == JsonValueKind.Array ? datagram[2] : datagram).GetString()!;
                }
            }
        }
    }

    private static List<byte[]> Split(byte[] datagram)
    {
        var messages = new List<byte[]>();
        var reader = new MessageReader(datagram);
        while (reader.TryRead(out NetlinkMessage message))
        {
            messages.Add(message.Bytes.ToArray());
        }

        return messages;
    }
}
