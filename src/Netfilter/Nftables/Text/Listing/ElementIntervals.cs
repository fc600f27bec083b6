using System.Numerics;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// An interval set holds the first value of each interval and, flagged, the first value behind it. Here they become single values, prefixes and
/// ranges again.
/// </summary>
internal static class ElementIntervals
{
    public static List<ElementNode> Join(List<ElementNode> elements, DataType type)
    {
        var result = new List<ElementNode>();
        ElementNode? catchAll = elements.Find(element => element.Key is CatchAllNode);
        List<ElementNode> sorted = [.. elements.Where(element => element.Key is ValueNode).OrderBy(First).ThenBy(element => element.IsIntervalEnd ? 0 : 1)];
        ElementNode? low = null;
        foreach (ElementNode element in sorted)
        {
            if (low is not null)
            {
                // A start without an end before it ends where the next begins.
                result.Add(Interval(low, First(element) - First(low) - 1, type));
            }

            low = element.IsIntervalEnd ? null : element;
        }

        if (low is not null)
        {
            BigInteger last = Values.Ones(low.Bits);
            result.Add(last == First(low) ? low : Interval(low, last - First(low), type));
        }

        if (catchAll is not null)
        {
            result.Add(catchAll);
        }

        return result;
    }

    /// <summary>Joins the two ends of each concatenated range part by part.</summary>
    public static List<ElementNode> JoinConcatenations(List<ElementNode> elements)
    {
        var result = new List<ElementNode>();
        ElementNode? start = null;
        foreach (ElementNode element in elements)
        {
            if (element.Key is not ConcatenationNode parts)
            {
                result.Add(element);
                continue;
            }

            if (start is null)
            {
                start = element;
                continue;
            }

            var first = (ConcatenationNode)start.Key;
            var joined = new List<Node>();
            for (int i = 0; i < parts.Parts.Count; i++)
            {
                joined.Add(JoinPart(first.Parts[i], parts.Parts[i]));
            }

            result.Add(start.With(new ConcatenationNode(joined) { Type = element.Key.Type }));
            start = null;
        }

        return result;
    }

    private static Node JoinPart(Node first, Node last)
    {
        if (first is not ValueNode left || last is not ValueNode right || left.Value == right.Value)
        {
            return last;
        }

        int length = Values.RangeToPrefix(left.Value, right.Value, left.Bits);
        if (length >= 0 && length % 8 == 0 && left.Type.IsText)
        {
            byte[] text = [.. left.Bytes().AsSpan(0, length / 8), (byte)'*'];
            return new ValueNode(text) { Type = left.Type, Order = left.Order };
        }

        return length < 0 || !left.Type.IsPrefixable
            ? new RangeNode(left, right) { Type = left.Type, Bits = left.Bits, Order = left.Order }
            : new PrefixNode(left, length) { Type = left.Type, Bits = left.Bits, Order = left.Order };
    }

    private static BigInteger First(ElementNode element) => ((ValueNode)element.Key).Value;

    private static ElementNode Interval(ElementNode low, BigInteger range, DataType type)
    {
        var value = (ValueNode)low.Key;
        if (range.IsZero)
        {
            return low;
        }

        bool isPrefix = (range & (range + 1)).IsZero && (value.Value & range).IsZero;
        int length = value.Bits - Values.FirstZero(range);
        if (isPrefix && type.IsPrefixable)
        {
            return low.With(new PrefixNode(value, length) { Type = value.Type, Bits = value.Bits, Order = value.Order });
        }

        if (isPrefix && type.IsText && length % 8 == 0)
        {
            ReadOnlySpan<byte> bytes = value.Bytes();
            int end = bytes.IndexOf((byte)0);
            if (end > 0)
            {
                return low.With(new ValueNode((byte[])[.. bytes[..end], (byte)'*']) { Type = value.Type, Order = value.Order });
            }
        }

        var last = new ValueNode(value.Value + range, value.Bits) { Type = value.Type, Order = value.Order };
        return low.With(new RangeNode(value, last) { Type = value.Type, Bits = value.Bits, Order = value.Order });
    }
}
