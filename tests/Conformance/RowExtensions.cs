using System.Text.Json;

namespace EucaNet.Conformance;

/// <summary>Reads the fields of a row.</summary>
public static class RowExtensions
{
    /// <summary>A text field; empty where the row has none.</summary>
    public static string Text(this JsonElement row, string field) =>
        row.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    /// <summary>The tool's exit status; 0 where it succeeded.</summary>
    public static int ExitStatus(this JsonElement row) => row.TryGetProperty("rc", out JsonElement value) ? value.GetInt32() : 0;

    /// <summary>A list of hex strings, one a datagram; empty where the row has none.</summary>
    public static IReadOnlyList<byte[]> Datagrams(this JsonElement row, string field) =>
        row.TryGetProperty(field, out JsonElement value) && value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => Convert.FromHexString(item.GetString()!))]
            : [];
}
