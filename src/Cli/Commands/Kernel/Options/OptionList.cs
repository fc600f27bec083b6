using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EucaNet.Cli;

/// <summary>The options of a link's kind, or a route's metrics, in their order, each with its field of <c>ip -j</c> and its words of <c>ip</c>.</summary>
internal sealed class OptionList
{
    private readonly List<string> _words = [];

    /// <summary>The fields.</summary>
    public JsonObject Fields { get; } = [];

    /// <summary>The words; each option ends with a blank.</summary>
    public string Words => string.Concat(_words.Select(words => words + " "));

    /// <summary>An option that has one name in both; nothing where it has no value.</summary>
    public OptionList Add(string name, JsonNode? value) => AddAs(name, name, value);

    /// <summary>An option that has another name in words.</summary>
    public OptionList AddAs(string name, string label, JsonNode? value) => AddWith(name, value, value is null ? null : $"{label} {Spell(value)}");

    /// <summary>An option with words of its own; null or none of them where the words do not name it.</summary>
    public OptionList AddWith(string name, JsonNode? value, string? words)
    {
        if (value is not null)
        {
            Fields[name] = value;
            AddText(words);
        }

        return this;
    }

    /// <summary>An option whose field says null where the words say something.</summary>
    public OptionList AddNull(string name, string words)
    {
        Fields[name] = null;
        return AddText(words);
    }

    /// <summary>A time in hundredths of a second.</summary>
    public OptionList AddSeconds(string name, ulong? hundredths) => hundredths is { } time
        ? AddWith(name, JsonValue.Create(time / 100.0), string.Create(CultureInfo.InvariantCulture, $"{name} {time / 100.0,7:0.00}"))
        : this;

    /// <summary>Words without a field.</summary>
    public OptionList AddText(string? words)
    {
        if (words is not null)
        {
            _words.Add(words);
        }

        return this;
    }

    private static string Spell(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.True => "on",
        JsonValueKind.False => "off",
        _ => value.ToString(),
    };
}
