using System.IO.Compression;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace EucaNet.Conformance;

/// <summary>What a file of recorded conversations holds, told by the fields of its rows.</summary>
public enum CorpusFormat
{
    /// <summary>One nft rule a row: what nft sent, what the kernel dumped, bytecode text and listing.</summary>
    NftRules,

    /// <summary>One whole rule set a row, with the kernel's dumps and nft's listings.</summary>
    NftRulesets,

    /// <summary>One iptables rule a row, loaded by iptables-nft.</summary>
    IptablesNft,

    /// <summary>One iptables rule a row, loaded by iptables-legacy through socket options.</summary>
    IptablesLegacy,

    /// <summary>One ip or bridge command a row, with every datagram of both directions.</summary>
    RouteRequests,

    /// <summary>One ip or bridge command a row, with the multicast events it caused.</summary>
    RouteEvents,

    /// <summary>One nft command a row, with the multicast events it caused.</summary>
    NftEvents,
}

/// <summary>A file of recorded conversations: JSON, one object a line, plain or gzip.</summary>
public sealed partial class CorpusFile
{
    private CorpusFile(string path, CorpusFormat format, string kernelVersion, IReadOnlyList<JsonElement> rows)
    {
        Path = path;
        Format = format;
        KernelVersion = kernelVersion;
        Rows = rows;
    }

    /// <summary>The file as named by the caller.</summary>
    public string Path { get; }

    /// <summary>What its rows hold.</summary>
    public CorpusFormat Format { get; }

    /// <summary>The kernel the rows were recorded on ("6.18"), from the file's name; 6.18 where the name says nothing.</summary>
    public string KernelVersion { get; }

    /// <summary>The rows in the file's order.</summary>
    public IReadOnlyList<JsonElement> Rows { get; }

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="InvalidDataException">A line is not a JSON object, or the rows are of no known format.</exception>
    public static CorpusFile Read(string path)
    {
        var rows = new List<JsonElement>();
        using Stream raw = File.OpenRead(path);
        using Stream content = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(raw, CompressionMode.Decompress) : raw;
        using var reader = new StreamReader(content);
        for (int number = 1; reader.ReadLine() is { } line; number++)
        {
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            try
            {
                rows.Add(JsonSerializer.Deserialize<JsonElement>(line));
            }
            catch (JsonException exception)
            {
                throw new InvalidDataException($"{path}:{number}: not a JSON object: {exception.Message}", exception);
            }
        }

        if (rows.Count == 0)
        {
            throw new InvalidDataException($"{path}: holds no rows");
        }

        Match version = KernelInName().Match(System.IO.Path.GetFileName(path));
        return new CorpusFile(path, FormatOf(path, rows[0]), version.Success ? version.Groups[1].Value : "6.18", rows);
    }

    private static CorpusFormat FormatOf(string path, JsonElement row)
    {
        bool Has(string field) => row.ValueKind == JsonValueKind.Object && row.TryGetProperty(field, out _);
        return row switch
        {
            _ when Has("calls") => CorpusFormat.IptablesLegacy,
            _ when Has("prog") => CorpusFormat.IptablesNft,
            _ when Has("ruleset") => CorpusFormat.NftRulesets,
            _ when Has("traffic") => CorpusFormat.RouteRequests,
            _ when Has("events") && Has("file") => CorpusFormat.NftEvents,
            _ when Has("events") => CorpusFormat.RouteEvents,
            _ when Has("rule") && Has("family") => CorpusFormat.NftRules,
            _ => throw new InvalidDataException($"{path}: the first row has the fields of no known format"),
        };
    }

    [GeneratedRegex(@"kernel(\d+\.\d+)")]
    private static partial Regex KernelInName();
}
