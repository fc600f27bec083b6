using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using EucaNet.Netfilter.Nftables.Text.Listing;

namespace EucaNet.Netfilter.Nftables.Text;

/// <summary>Lists tables as JSON, as <c>nft -j list ruleset</c> of version 1.0.6 does (libnftables-json(5)).</summary>
public static class RuleSetJson
{
    private const string Version = "1.0.6";
    private const string ReleaseName = "Lester Gooch #5";

    /// <summary>Lists the tables in <paramref name="entities"/>: objects, sets, flowtables, chains, then rules.</summary>
    /// <param name="entities">What the kernel's dumps hold.</param>
    /// <param name="options">What is shown; null for nft's own defaults.</param>
    public static string Of(IEnumerable<NftablesEntity> entities, ListingOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(entities);
        List<NftablesEntity> all = [.. entities];
        var list = new JsonArray
        {
            (JsonNode)new JsonObject { ["metainfo"] = new JsonObject { ["version"] = Version, ["release_name"] = ReleaseName, ["json_schema_version"] = 1 } },
        };
        foreach (Table table in all.OfType<Table>())
        {
            new TableJson(list, options ?? ListingOptions.Default, table, all).Write();
        }

        var text = new StringBuilder();
        JsonText.Write(text, new JsonObject { ["nftables"] = list });
        return text.Append('\n').ToString();
    }
}

/// <summary>Writes JSON with a blank behind each comma and colon, as nft does.</summary>
internal static class JsonText
{
    public static void Write(StringBuilder text, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                text.Append('{');
                string separator = "";
                foreach ((string name, JsonNode? value) in members)
                {
                    text.Append(separator);
                    WriteText(text, name);
                    text.Append(": ");
                    Write(text, value);
                    separator = ", ";
                }

                text.Append('}');
                break;
            case JsonArray items:
                text.Append('[');
                for (int i = 0; i < items.Count; i++)
                {
                    text.Append(i == 0 ? "" : ", ");
                    Write(text, items[i]);
                }

                text.Append(']');
                break;
            case JsonValue value when value.TryGetValue(out string? content):
                WriteText(text, content);
                break;
            case null:
                text.Append("null");
                break;
            default:
                text.Append(node.ToJsonString());
                break;
        }
    }

    private static void WriteText(StringBuilder text, string content)
    {
        text.Append('"');
        foreach (char letter in content)
        {
            text.Append(letter switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\t' => "\\t",
                '\r' => "\\r",
                < ' ' => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)letter:X4}"),
                _ => letter.ToString(),
            });
        }

        text.Append('"');
    }
}
