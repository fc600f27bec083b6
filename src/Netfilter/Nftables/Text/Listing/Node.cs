using System.Numerics;
using System.Text.Json.Nodes;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>
/// A part of a rule as a person reads it: a value, a header field, a comparison. Registers hold nodes while a rule is read; the simplifier changes
/// them in place, so a register gives out copies.
/// </summary>
internal abstract class Node
{
    public DataType Type { get; set; } = DataTypes.Invalid;

    /// <summary>Length in bits.</summary>
    public int Bits { get; set; }

    public ByteOrder Order { get; set; }

    /// <summary>A match on it says which header comes next.</summary>
    public bool IsProtocol { get; set; }

    public virtual void SetType(DataType type, ByteOrder order)
    {
        Type = type;
        Order = order;
    }

    public virtual Node Copy() => (Node)MemberwiseClone();
}

/// <summary>A number, an address, a text; as read the bytes are taken in network order.</summary>
internal sealed class ValueNode : Node
{
    public ValueNode(BigInteger value, int bits)
    {
        Value = value;
        Bits = bits;
    }

    public ValueNode(ReadOnlySpan<byte> bytes)
        : this(new BigInteger(bytes, isUnsigned: true, isBigEndian: true), bytes.Length * 8)
    {
    }

    public BigInteger Value { get; set; }

    /// <summary>For a text: whether it stands for all that begin so; null where the text is shown as it is.</summary>
    public bool? IsWildcard { get; set; }

    /// <summary>The value's bytes in network order.</summary>
    public byte[] Bytes() => Values.ToBytes(Value, Bits);

    /// <summary>From network to host order where the type lies in host order; text stays as it is.</summary>
    public void ToHostOrder()
    {
        if (Order == ByteOrder.Host && !Type.IsText)
        {
            Value = Values.Reverse(Value, Bits);
        }
    }

    /// <summary>Takes <paramref name="bits"/> off the front.</summary>
    public ValueNode TakeFront(int bits)
    {
        int rest = Math.Max(Bits - bits, 0);
        var front = new ValueNode(Value >> rest & Values.Ones(bits), bits);
        Value &= Values.Ones(rest);
        Bits = rest;
        return front;
    }

    /// <summary>Drops the padding of a part of <paramref name="bits"/> bits.</summary>
    public void DropPadding(int bits) => Bits = Math.Max(Bits - (Values.Padded(bits) - bits), 0);
}

internal sealed class VerdictNode(Verdict verdict) : Node
{
    public Verdict Verdict { get; } = verdict;
}

/// <summary>A field of a packet's header; without <see cref="Field"/> just bits at an offset.</summary>
internal sealed class PayloadNode : Node
{
    public HeaderBase Base { get; init; }

    public int Offset { get; set; }

    public HeaderProtocol? Protocol { get; set; }

    public HeaderField? Field { get; set; }

    public bool IsKnown => Protocol is not null && Field is not null;

    public static PayloadNode Raw(HeaderBase @base, int offset, int bits)
    {
        var node = new PayloadNode { Base = @base, Offset = offset, Bits = bits, Type = DataTypes.HexadecimalInteger, Order = ByteOrder.None };
        if (@base == HeaderBase.Transport && bits == 16 && offset is 0 or 16)
        {
            node.Protocol = Headers.AnyTransport;
            node.Field = Headers.AnyTransport.Fields[offset == 0 ? 1 : 2];
            node.Type = DataTypes.InternetService;
        }

        return node;
    }

    public static PayloadNode Of(HeaderProtocol protocol, int index)
    {
        HeaderField field = protocol.Fields[index]!;
        return new PayloadNode
        {
            Base = protocol.Base,
            Offset = field.Offset,
            Bits = field.Bits,
            Protocol = protocol,
            Field = field,
            Type = field.Type,
            Order = ByteOrder.Big,
            IsProtocol = index == protocol.ProtocolField,
        };
    }
}

/// <summary>A field of an extension header, an option or a chunk, or whether it is there.</summary>
internal sealed class OptionNode : Node
{
    public ExtensionHeaderKind Kind { get; init; }

    public byte OptionType { get; init; }

    public int Offset { get; set; }

    public bool IsPresence { get; set; }

    public OptionHeader? Header { get; set; }

    public HeaderField? Field { get; set; }

    public static OptionNode Of(ExtensionHeaderKind kind, byte type, int offset, int bits, bool presence)
    {
        var node = new OptionNode { Kind = kind, OptionType = type, IsPresence = presence, Order = ByteOrder.None };
        node.Locate(offset, bits);
        return node;
    }

    /// <summary>Looks the field up; false where there is none.</summary>
    public bool Locate(int offset, int bits)
    {
        Offset = offset;
        Bits = bits;
        (Header, Field) = Options.FindField(Kind, OptionType, offset, bits);
        Type = IsPresence ? DataTypes.Boolean : Field?.Type ?? (Kind is ExtensionHeaderKind.Ip6 or ExtensionHeaderKind.Ip4Option ? DataTypes.Invalid : DataTypes.Integer);
        return Field is not null;
    }
}

internal sealed class MetaNode : Node
{
    public MetaNode(MetaKey key)
    {
        Key = key;
        KeyInfo info = Keys.Of(key);
        (Type, Bits, Order) = (info.Type, info.Bits, info.Order);
        Base = key switch
        {
            MetaKey.NetfilterProtocol or MetaKey.Protocol => HeaderBase.Link,
            MetaKey.Layer4Protocol => HeaderBase.Network,
            _ => HeaderBase.None,
        };
        IsProtocol = Base != HeaderBase.None || key == MetaKey.InputInterfaceType;
    }

    public MetaKey Key { get; }

    /// <summary>The layer whose protocol it tells.</summary>
    public HeaderBase Base { get; }
}

internal sealed class ConntrackNode : Node
{
    public ConntrackNode(ConntrackKey key, ConntrackDirection? direction)
    {
        Key = key;
        Direction = direction;
        KeyInfo info = Keys.Of(key);
        (Type, Bits, Order) = (info.Type, info.Bits, info.Order);
        Base = key switch
        {
            ConntrackKey.Source or ConntrackKey.Destination or ConntrackKey.Protocol => HeaderBase.Network,
            ConntrackKey.SourcePort or ConntrackKey.DestinationPort => HeaderBase.Transport,
            ConntrackKey.Layer3Protocol => HeaderBase.Link,
            _ => HeaderBase.None,
        };
        IsProtocol = key is ConntrackKey.Protocol or ConntrackKey.Layer3Protocol;
    }

    public ConntrackKey Key { get; }

    public ConntrackDirection? Direction { get; }

    public HeaderBase Base { get; }

    /// <summary>"ip" or "ip6" where the key itself does not say it.</summary>
    public string? Family { get; set; }
}

/// <summary>What the kernel knows and is printed as it stands: rt, socket, osf, fib, ipsec, tunnel, numgen, symhash.</summary>
internal sealed class KernelNode(string text, Func<JsonNode>? json) : Node
{
    public string Text { get; } = text;

    /// <summary>The same as JSON; nft has none for some.</summary>
    public Func<JsonNode>? Json { get; } = json;

    public static KernelNode Of(string text, KeyInfo info, Func<JsonNode>? json = null) => new(text, json) { Type = info.Type, Bits = info.Bits, Order = info.Order };
}

/// <summary>A hash of something.</summary>
internal sealed class HashNode(Node argument, HashExpression expression) : Node
{
    public Node Argument { get; set; } = argument;

    public HashExpression Expression { get; } = expression;

    public override Node Copy() => new HashNode(Argument.Copy(), Expression) { Type = Type, Bits = Bits, Order = Order };
}

/// <summary>What stands between two nodes.</summary>
internal enum Operator
{
    Implicit,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Not,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
}

/// <summary>Two nodes and a bit operation or comparison between them.</summary>
internal sealed class BinaryNode(Operator @operator, Node left, Node right) : Node
{
    public Operator Operator { get; set; } = @operator;

    public Node Left { get; set; } = left;

    public Node Right { get; set; } = right;

    public bool IsRelation => Operator < Operator.And;

    public override Node Copy() => new BinaryNode(Operator, Left.Copy(), Right.Copy()) { Type = Type, Bits = Bits, Order = Order };
}

/// <summary>A conversion of byte order, which no listing shows.</summary>
internal sealed class ConversionNode(Node argument) : Node
{
    public Node Argument { get; set; } = argument;

    public override Node Copy() => new ConversionNode(Argument.Copy()) { Type = Type, Bits = Bits, Order = Order };
}

internal sealed class RangeNode(Node left, Node right) : Node
{
    public Node Left { get; set; } = left;

    public Node Right { get; set; } = right;

    public override void SetType(DataType type, ByteOrder order)
    {
        base.SetType(type, order);
        Left.SetType(type, order);
        Right.SetType(type, order);
    }

    public override Node Copy() => new RangeNode(Left.Copy(), Right.Copy()) { Type = Type, Bits = Bits, Order = Order };
}

internal sealed class PrefixNode(Node value, int length) : Node
{
    public Node Value { get; set; } = value;

    public int Length { get; } = length;

    public override void SetType(DataType type, ByteOrder order)
    {
        base.SetType(type, order);
        Value.SetType(type, order);
    }

    public override Node Copy() => new PrefixNode(Value.Copy(), Length) { Type = Type, Bits = Bits, Order = Order };
}

/// <summary>Several values side by side, joined by dots.</summary>
internal sealed class ConcatenationNode(List<Node> parts) : Node
{
    public List<Node> Parts { get; } = parts;

    public override Node Copy() => new ConcatenationNode([.. Parts.Select(part => part.Copy())]) { Type = Type, Bits = Bits, Order = Order };
}

/// <summary>Flags, joined by commas.</summary>
internal sealed class ListNode(List<Node> items) : Node
{
    public List<Node> Items { get; } = items;

    public override Node Copy() => new ListNode([.. Items.Select(item => item.Copy())]) { Type = Type, Bits = Bits, Order = Order };
}

/// <summary>Some flags out of a mask: <c>tcp flags syn / syn,ack</c>.</summary>
internal sealed class FlagsNode(bool negated, Node left, Node mask, Node value) : Node
{
    public bool IsNegated { get; } = negated;

    public Node Left { get; } = left;

    public Node Mask { get; } = mask;

    public Node Value { get; } = value;
}

/// <summary>A set or map: its elements where it has no name, otherwise a reference.</summary>
internal sealed class SetNode(ListedSet set) : Node
{
    private List<ElementNode>? _own;

    public ListedSet Set { get; } = set;

    /// <summary>The elements as this rule shows them.</summary>
    public IReadOnlyList<ElementNode> Elements => _own ?? Set.Elements;

    /// <summary>Elements that may be changed for this rule without changing the set.</summary>
    public IReadOnlyList<ElementNode> OwnElements() => _own ??= [.. Set.Elements.Select(element => element.With(element.Key.Copy()))];
}

/// <summary>A key that is looked up in a map.</summary>
internal sealed class MapNode(Node key, SetNode map) : Node
{
    public Node Key { get; set; } = key;

    public SetNode Map { get; } = map;

    public override Node Copy() => new MapNode(Key.Copy(), Map) { Type = Type, Bits = Bits, Order = Order };
}

/// <summary>Any key that is not another element's.</summary>
internal sealed class CatchAllNode : Node;

/// <summary>An element: its key, what it carries, what it leads to.</summary>
internal sealed class ElementNode(Node key) : Node
{
    public Node Key { get; set; } = key;

    public bool IsIntervalEnd { get; init; }

    public List<Statement> Statements { get; init; } = [];

    public ulong Timeout { get; init; }

    public ulong Expiration { get; init; }

    public string? Comment { get; init; }

    public Node? Data { get; init; }

    /// <summary>The same element under another key.</summary>
    public ElementNode With(Node key) => new(key)
    {
        Statements = Statements, Timeout = Timeout, Expiration = Expiration, Comment = Comment, Data = Data, Type = Type, Bits = Bits, Order = Order,
    };
}
