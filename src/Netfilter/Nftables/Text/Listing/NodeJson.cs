using System.Text;
using System.Text.Json.Nodes;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Nodes as JSON.</summary>
internal sealed class NodeJson(ListingOptions options)
{
    private bool _numericProtocols = options.Numeric;

    /// <summary>A text alone, or a list of several.</summary>
    public static JsonNode? OneOrMany(string[] names) => names.Length == 1 ? names[0] : new JsonArray([.. names.Select(name => (JsonNode)name)]);

    public JsonArray Elements(IReadOnlyList<ElementNode> elements) => new([.. elements.Select(Element)]);

    public JsonNode? Of(Node node)
    {
        switch (node)
        {
            case ValueNode value:
                return Value(value);
            case VerdictNode verdict:
                return Verdict(verdict.Verdict);
            case PayloadNode payload:
                return Wrap("payload", payload.IsKnown
                    ? new JsonObject { ["protocol"] = payload.Protocol!.Name, ["field"] = payload.Field!.Name }
                    : new JsonObject { ["base"] = BaseName(payload.Base), ["offset"] = payload.Offset, ["len"] = payload.Bits });
            case OptionNode option:
                return Option(option);
            case MetaNode meta:
                return Wrap("meta", new JsonObject { ["key"] = Keys.Of(meta.Key).Name });
            case ConntrackNode conntrack:
                var tracked = new JsonObject { ["key"] = Keys.Of(conntrack.Key).Name };
                if (conntrack.Direction is { } direction)
                {
                    tracked["dir"] = BytecodeNames.Of(direction);
                }

                return Wrap("ct", tracked);
            case KernelNode kernel:
                return kernel.Json?.Invoke() ?? kernel.Text;
            case HashNode hash:
                JsonObject hashed = KernelJson.Hash(hash.Expression);
                hashed["expr"] = Of(hash.Argument);
                return Wrap("jhash", hashed);
            case ConversionNode conversion:
                return Of(conversion.Argument);
            case BinaryNode { IsRelation: true } relation:
                return Match(Sign(relation.Operator), Of(relation.Left), Of(relation.Right));
            case BinaryNode binary:
                return Wrap(Sign(binary.Operator), new JsonArray(Of(binary.Left), Of(binary.Right)));
            case FlagsNode flags:
                return Match(flags.IsNegated ? "!=" : "==", Wrap("&", new JsonArray(Of(flags.Left), Of(flags.Mask))), Of(flags.Value));
            case RangeNode range:
                bool before = _numericProtocols;
                _numericProtocols = true;
                JsonNode ends = Wrap("range", new JsonArray(Of(range.Left), Of(range.Right)));
                _numericProtocols = before;
                return ends;
            case PrefixNode prefix:
                return Wrap("prefix", new JsonObject { ["addr"] = Of(prefix.Value), ["len"] = prefix.Length });
            case ConcatenationNode concatenation:
                return Wrap("concat", new JsonArray([.. concatenation.Parts.Select(Of)]));
            case ListNode flagList:
                return new JsonArray([.. flagList.Items.Select(Of)]);
            case SetNode set:
                return Set(set);
            case MapNode map:
                return Wrap(map.Map.Set.IsVerdictMap ? "vmap" : "map", new JsonObject { ["key"] = Of(map.Key), ["data"] = Set(map.Map) });
            case CatchAllNode:
                return "*";
            case ElementNode element:
                return Element(element);
            default:
                return null;
        }
    }

    public static JsonObject Verdict(Verdict verdict)
    {
        string name = verdict.ToString().Split(' ')[0];
        return new JsonObject { [name] = verdict.Chain is { } chain ? new JsonObject { ["target"] = chain } : null };
    }

    internal static JsonObject Wrap(string name, JsonNode? content) => new() { [name] = content };

    /// <summary>A key with its timeout, as statements that change sets hold it.</summary>
    internal JsonNode? Key(Node key, ulong timeout) =>
        timeout == 0 ? Of(key) : Wrap("elem", new JsonObject { ["val"] = Of(key), ["timeout"] = timeout / 1000 });

    private static JsonObject Match(string sign, JsonNode? left, JsonNode? right) =>
        Wrap("match", new JsonObject { ["op"] = sign, ["left"] = left, ["right"] = right });

    private static string BaseName(HeaderBase @base) => @base switch { HeaderBase.Link => "ll", HeaderBase.Network => "nh", HeaderBase.Transport => "th", _ => "ih" };

    private static string Sign(Operator @operator) => @operator switch
    {
        Operator.Equal => "==",
        Operator.NotEqual => "!=",
        Operator.Less => "<",
        Operator.Greater => ">",
        Operator.LessOrEqual => "<=",
        Operator.GreaterOrEqual => ">=",
        Operator.Not => "!",
        Operator.And => "&",
        Operator.Or => "|",
        Operator.Xor => "^",
        Operator.ShiftLeft => "<<",
        Operator.ShiftRight => ">>",
        _ => "in",
    };

    private JsonNode? Set(SetNode node) => node.Set.IsAnonymous ? Wrap("set", Elements(node.Elements)) : "@" + node.Set.Name;

    private JsonNode? Element(ElementNode element)
    {
        JsonNode? key = Of(element.Key);
        if (element.Timeout != 0 || element.Expiration != 0 || element.Comment is not null || element.Statements.Count > 0)
        {
            var content = new JsonObject { ["val"] = key };
            if (element.Timeout != 0)
            {
                content["timeout"] = element.Timeout / 1000;
            }

            if (element.Expiration != 0)
            {
                content["expires"] = element.Expiration / 1000;
            }

            if (element.Comment is { } comment)
            {
                content["comment"] = comment;
            }

            // nft takes the first statement only.
            if (element.Statements is [PlainStatement first, ..] && PlainJson.Of(first.Expression, options.Stateless) is JsonObject statement)
            {
                foreach ((string name, JsonNode? value) in statement)
                {
                    content[name] = value?.DeepClone();
                }
            }

            key = Wrap("elem", content);
        }

        return element.Data is { } data ? new JsonArray(key, Of(data)) : key;
    }

    private JsonNode? Value(ValueNode value)
    {
        DataType type = value.Type;
        ulong number = (ulong)(value.Value & ulong.MaxValue);
        switch (type.Rendering)
        {
            case Rendering.Symbol or Rendering.QuotedSymbol when type == DataTypes.Boolean:
                return number != 0;
            case Rendering.Symbol or Rendering.QuotedSymbol:
                return !options.Numeric && type.Symbols!.TryGetValue(number, out string? symbol) ? symbol : Number(value);
            case Rendering.Protocol:
                return !_numericProtocols && Symbols.Protocols.TryGetValue(number, out string? protocol) ? protocol : Number(value);
            case Rendering.Number or Rendering.Hexadecimal:
                return Number(value);
            case Rendering.RelativeTime:
                return number / 1000;
            case Rendering.Label:
                int bit = Values.FirstOne(value.Value);
                return options.LabelName((uint)bit) is { } label ? label : bit;
            case Rendering.InterfaceGroup or Rendering.Mark:
                return !options.Numeric && ValuePrinter.NumberedName(type, (uint)number, options) is { } given ? given : Number(value);
            default:
                var text = new StringBuilder();
                ValuePrinter.Print(text, value, options, options.Numeric);
                string printed = text.ToString();
                return printed.StartsWith('"') ? printed[1..].Split('"')[0] : printed;
        }
    }

    // nft's JSON has signed integers of 64 bits.
    private static JsonNode? Number(ValueNode value) =>
        value.Value <= ulong.MaxValue ? (long)(ulong)value.Value : "0x" + value.Value.ToString("x", System.Globalization.CultureInfo.InvariantCulture).TrimStart('0');

    private static JsonObject Option(OptionNode option)
    {
        string kind = option.Kind switch
        {
            ExtensionHeaderKind.TcpOption => "tcp option",
            ExtensionHeaderKind.Ip4Option => "ip option",
            ExtensionHeaderKind.SctpChunk => "sctp chunk",
            _ => "exthdr",
        };
        if (option is { Header: null, Kind: ExtensionHeaderKind.TcpOption })
        {
            return Wrap(kind, new JsonObject { ["base"] = option.OptionType, ["offset"] = option.Offset, ["len"] = option.Bits });
        }

        string block = option.Kind == ExtensionHeaderKind.TcpOption && option.Offset / 64 is > 0 and < 4 and var number
            ? number.ToString(System.Globalization.CultureInfo.InvariantCulture) : "";
        var content = new JsonObject { ["name"] = option.Header?.Name + block };
        if (!option.IsPresence)
        {
            content["field"] = option.Field?.Name ?? "unknown";
        }

        return Wrap(kind, content);
    }
}
