using System.Text;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Gives the bytes of a set's elements the set's types.</summary>
internal sealed class ElementReader(ListedSet set)
{
    /// <summary>The element, and a second one for the end of a concatenated range.</summary>
    public IEnumerable<ElementNode> Read(SetElement element)
    {
        bool end = (element.Flags & SetElementFlags.IntervalEnd) != 0;
        Node key = element.Key is { } octets ? Key(octets) : new CatchAllNode { Type = set.KeyType, Bits = set.KeyBits, Order = set.KeyOrder };
        yield return Element(element, key, end);
        if (!end && element.KeyEnd is { } last)
        {
            yield return Element(element, Key(last), end: true);
        }
    }

    private ElementNode Element(SetElement element, Node key, bool end) => new(key)
    {
        IsIntervalEnd = end,
        Type = key.Type,
        Bits = key.Bits,
        Order = key.Order,
        Timeout = element.Timeout ?? 0,
        Expiration = element.Expiration ?? 0,
        Comment = element.Comment,
        Statements = [.. element.Expressions.Select(expression => (Statement)new PlainStatement(expression))],
        Data = Data(element),
    };

    private Node Key(OctetString octets)
    {
        var value = new ValueNode(octets.Span) { Type = set.KeyType, Order = set.KeyOrder };
        if (set.KeyType.Parts is { } parts)
        {
            return Concatenation(value, parts, (set.TypeofKey as ConcatenationNode)?.Parts);
        }

        if (!set.IsInterval)
        {
            value.ToHostOrder();
        }

        return value.Type.IsBitmask ? FlagNodes.Split(value) : value;
    }

    private ConcatenationNode Concatenation(ValueNode value, DataType[] types, List<Node>? keys)
    {
        var parts = new List<Node>();
        for (int i = 0; i < types.Length; i++)
        {
            Node? key = keys is not null && i < keys.Count ? keys[i] : null;
            parts.Add(Part(value, types[i], key));
        }

        return new ConcatenationNode(parts) { Type = set.KeyType, Bits = set.KeyBits, Order = set.KeyOrder };
    }

    private Node Part(ValueNode value, DataType type, Node? key)
    {
        int bits = ((key?.Bits ?? type.Bits) + 7) / 8 * 8;
        ValueNode part = value.TakeFront(bits);
        part.SetType(key?.Type ?? type, key?.Order ?? type.Order);
        part.Bits = key?.Bits ?? bits;
        value.DropPadding(bits);
        if (!set.IsInterval)
        {
            part.ToHostOrder();
        }

        return part.Type.IsBitmask ? FlagNodes.Split(part) : part;
    }

    private Node? Data(SetElement element)
    {
        if (element.Verdict is { } verdict)
        {
            return new VerdictNode(verdict) { Type = DataTypes.Verdict };
        }

        if (element.ObjectName is { } name)
        {
            return new ValueNode(Encoding.UTF8.GetBytes(name)) { Type = DataTypes.Text, Order = ByteOrder.Host };
        }

        if (element.Data is not { } octets)
        {
            return null;
        }

        var value = new ValueNode(octets.Span) { Type = set.DataType, Order = set.DataOrder };
        if (set.DataType.Parts is { } types)
        {
            return DataConcatenation(value, types);
        }

        if (set.DataIsInterval)
        {
            int half = value.Bits / 2;
            var first = new ValueNode(value.Value >> half, half) { Type = set.DataType, Order = set.DataType.Order };
            var last = new ValueNode(value.Value & Values.Ones(half), half) { Type = set.DataType, Order = set.DataType.Order };
            return StatementReader.ToPrefix(new RangeNode(first, last) { Type = set.DataType, Bits = half, Order = set.DataOrder });
        }

        value.ToHostOrder();
        return value;
    }

    private ConcatenationNode DataConcatenation(ValueNode value, DataType[] types)
    {
        List<Node> parts = [.. types.Select(type => Part(value, type, null))];
        if (set.DataIsInterval)
        {
            for (int i = 0; i < types.Length; i++)
            {
                parts[i] = Reduce(parts[i], Part(value, types[i], null));
            }
        }

        return new ConcatenationNode(parts) { Type = set.DataType };
    }

    private static Node Reduce(Node first, Node last)
    {
        if (first is ValueNode left && last is ValueNode right && left.Value == right.Value)
        {
            return first;
        }

        var range = new RangeNode(first, last) { Type = first.Type, Bits = first.Bits, Order = first.Order };
        return first.Type == DataTypes.Ip || first.Type == DataTypes.Ip6 ? StatementReader.ToPrefix(range) : range;
    }
}
