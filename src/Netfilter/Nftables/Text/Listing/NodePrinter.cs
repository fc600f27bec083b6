using System.Globalization;
using System.Text;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Prints nodes in nft's syntax.</summary>
internal sealed class NodePrinter(StringBuilder text, ListingOptions options)
{
    private const string ElementBreak = ",\n\t\t\t     ";

    /// <summary>Numbers instead of names, as within a range.</summary>
    private bool _numeric = options.Numeric;

    public StringBuilder Text => text;

    public ListingOptions Options => options;

    public void Print(Node node)
    {
        switch (node)
        {
            case ValueNode value:
                ValuePrinter.Print(text, value, options, _numeric);
                break;
            case VerdictNode verdict:
                text.Append(verdict.Verdict);
                break;
            case PayloadNode payload:
                PrintPayload(payload);
                break;
            case OptionNode option:
                PrintOption(option);
                break;
            case MetaNode meta:
                text.Append(MetaText(meta.Key));
                break;
            case ConntrackNode conntrack:
                PrintConntrack(conntrack);
                break;
            case KernelNode kernel:
                text.Append(kernel.Text);
                break;
            case HashNode hash:
                text.Append("jhash ");
                Print(hash.Argument);
                text.Append(KernelNodes.HashSuffix(hash.Expression.Modulus, hash.Expression.Seed, hash.Expression.Offset));
                break;
            case ConversionNode conversion:
                Print(conversion.Argument);
                break;
            case BinaryNode binary:
                PrintBinary(binary);
                break;
            case RangeNode range:
                bool before = _numeric;
                _numeric = true;
                Print(range.Left);
                text.Append('-');
                Print(range.Right);
                _numeric = before;
                break;
            case PrefixNode prefix:
                Print(prefix.Value);
                text.Append(CultureInfo.InvariantCulture, $"/{prefix.Length}");
                break;
            case ConcatenationNode concatenation:
                PrintJoined(concatenation.Parts, " . ");
                break;
            case ListNode list:
                PrintJoined(list.Items, ",");
                break;
            case FlagsNode flags:
                Print(flags.Left);
                text.Append(flags.IsNegated ? " != " : " ");
                Print(flags.Value);
                text.Append(" / ");
                Print(flags.Mask);
                break;
            case SetNode set:
                PrintSet(set);
                break;
            case MapNode map:
                Print(map.Key);
                text.Append(map.Map.Set.IsVerdictMap ? " vmap " : " map ");
                PrintSet(map.Map);
                break;
            case CatchAllNode:
                text.Append('*');
                break;
            case ElementNode element:
                PrintElement(element);
                break;
        }
    }

    /// <summary>The elements of a set in braces; those of a named set broken into lines the way nft breaks them.</summary>
    public void PrintElements(ListedSet set, IReadOnlyList<ElementNode> elements)
    {
        text.Append("{ ");
        int onLine = 0;
        string separator = "";
        foreach (ElementNode element in elements)
        {
            text.Append(separator);
            PrintElement(element);
            onLine++;
            int most = set.IsAnonymous ? int.MaxValue : PerLine(set.KeyType);
            separator = onLine < most ? ", " : ElementBreak;
            onLine = onLine < most ? onLine : 0;
        }

        text.Append(" }");
    }

    internal static string MetaText(Expressions.MetaKey key) => key switch
    {
        Expressions.MetaKey.InputInterface or Expressions.MetaKey.OutputInterface or Expressions.MetaKey.InputInterfaceName or Expressions.MetaKey.OutputInterfaceName
            or Expressions.MetaKey.InputInterfaceGroup or Expressions.MetaKey.OutputInterfaceGroup => Keys.Of(key).Name,
        _ => "meta " + Keys.Of(key).Name,
    };

    private static int PerLine(DataType type) => type.Parts is not null ? 1 : type.Id switch
    {
        2 or 4 or 11 or 12 or 13 or 15 or 16 or 19 or 20 or 23 or 24 or 25 or 27 => 5,
        7 or 26 or 28 or 31 => 2,
        _ => 1,
    };

    private void PrintSet(SetNode node)
    {
        ListedSet set = node.Set;
        if (set.IsMeter)
        {
            text.Append(set.Name);
        }
        else if (set.IsAnonymous)
        {
            PrintElements(set, node.Elements);
        }
        else
        {
            text.Append('@').Append(set.Name);
        }
    }

    private void PrintElement(ElementNode element)
    {
        Print(element.Key);
        foreach (Statement statement in element.Statements)
        {
            text.Append(' ');
            new StatementPrinter(this).Print(statement);
        }

        if (element.Timeout != 0)
        {
            text.Append(" timeout ");
            ValuePrinter.PrintTime(text, element.Timeout, options.Numeric);
        }

        if (element.Expiration != 0 && !options.Stateless)
        {
            text.Append(" expires ");
            ValuePrinter.PrintTime(text, element.Expiration, options.Numeric);
        }

        if (element.Comment is { } comment)
        {
            text.Append($" comment \"{comment}\"");
        }

        if (element.Data is { } data)
        {
            text.Append(" : ");
            Print(data);
        }
    }

    private void PrintJoined(List<Node> nodes, string separator)
    {
        for (int i = 0; i < nodes.Count; i++)
        {
            text.Append(i == 0 ? "" : separator);
            Print(nodes[i]);
        }
    }

    private void PrintPayload(PayloadNode payload)
    {
        if (payload.IsKnown)
        {
            text.Append(payload.Protocol!.Name).Append(' ').Append(payload.Field!.Name);
            return;
        }

        string @base = payload.Base switch { HeaderBase.Link => "ll", HeaderBase.Network => "nh", HeaderBase.Transport => "th", HeaderBase.Inner => "ih", _ => "?" };
        text.Append(CultureInfo.InvariantCulture, $"@{@base},{payload.Offset},{payload.Bits}");
    }

    private void PrintOption(OptionNode option)
    {
        string name = option.Header?.Name ?? "unknown-exthdr";
        string field = option.Field?.Name ?? "unknown";
        switch (option.Kind)
        {
            case Expressions.ExtensionHeaderKind.TcpOption when option.Header is null:
                text.Append(option is { IsPresence: true, Offset: 0 }
                    ? string.Create(CultureInfo.InvariantCulture, $"tcp option {option.OptionType}")
                    : string.Create(CultureInfo.InvariantCulture, $"tcp option @{option.OptionType},{option.Offset},{option.Bits}"));
                break;
            case Expressions.ExtensionHeaderKind.TcpOption:
                // The second, third and fourth block of a selective acknowledgement lie 64 bits apart.
                string block = option.Offset / 64 is > 0 and var number ? number.ToString(CultureInfo.InvariantCulture) : "";
                text.Append(option.IsPresence ? $"tcp option {name}" : $"tcp option {name}{block} {field}");
                break;
            case Expressions.ExtensionHeaderKind.Ip4Option:
                text.Append(option.IsPresence ? $"ip option {name}" : $"ip option {name} {field}");
                break;
            case Expressions.ExtensionHeaderKind.SctpChunk:
                text.Append(option.IsPresence ? $"sctp chunk {name}" : $"sctp chunk {name} {field}");
                break;
            default:
                text.Append(option.IsPresence ? $"exthdr {name}" : $"{name} {field}");
                break;
        }
    }

    private void PrintConntrack(ConntrackNode conntrack)
    {
        text.Append("ct ");
        if (conntrack.Direction is { } direction)
        {
            text.Append(BytecodeNames.Of(direction)).Append(' ');
            if (conntrack.Family is { } family)
            {
                text.Append(family).Append(' ');
            }
        }

        text.Append(Keys.Of(conntrack.Key).Name);
    }

    private void PrintBinary(BinaryNode binary)
    {
        PrintOperand(binary, binary.Left);
        string sign = binary.Operator switch
        {
            Operator.Equal => (binary.Right.Type.IsBitmask && binary.Right is ValueNode) || binary.Left is BinaryNode ? "==" : "",
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
            _ => "",
        };
        text.Append(sign.Length == 0 ? " " : $" {sign} ");
        PrintOperand(binary, binary.Right);
    }

    private void PrintOperand(BinaryNode binary, Node operand)
    {
        bool brackets = operand is BinaryNode inner && Precedence(binary.Operator) != 0 && Precedence(binary.Operator) < Precedence(inner.Operator);
        text.Append(brackets ? "(" : "");
        Print(operand);
        text.Append(brackets ? ")" : "");
    }

    private static int Precedence(Operator @operator) => @operator switch
    {
        Operator.ShiftLeft or Operator.ShiftRight => 1,
        Operator.And => 2,
        Operator.Xor => 3,
        Operator.Or => 4,
        _ => 0,
    };
}
