using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>
/// Walks the expressions of a list (NFTA_RULE_EXPRESSIONS) where they lie, allocating nothing: for those who look at many rules and need few of them.
/// Valid as long as the message's memory is. An element without a name ends the walk.
/// </summary>
public ref struct ExpressionReader
{
    private AttributeReader _elements;

    /// <summary>Walks expressions from here on (<see cref="RuleView.Expressions"/>).</summary>
    public ExpressionReader(AttributeReader elements) => _elements = elements;

    /// <summary>Walks the list that <paramref name="list"/> holds.</summary>
    public ExpressionReader(in NetlinkAttribute list) => _elements = list.Nested();

    /// <summary>The next expression, or false at the end.</summary>
    public bool TryRead(out ExpressionView expression)
    {
        expression = default;
        if (!_elements.TryRead(out NetlinkAttribute element) || !element.Nested().TryFind(NfTables.NFTA_EXPR_NAME, out NetlinkAttribute name) || name.Value.Length < 2)
        {
            return false;
        }

        element.Nested().TryFind(NfTables.NFTA_EXPR_DATA, out NetlinkAttribute data);
        expression = new ExpressionView(element, name.Value[..^1], data.Nested());
        return true;
    }
}

/// <summary>One expression as it stands in a message.</summary>
public readonly ref struct ExpressionView
{
    private readonly NetlinkAttribute _element;

    internal ExpressionView(NetlinkAttribute element, ReadOnlySpan<byte> name, AttributeReader data)
    {
        _element = element;
        Name = name;
        Data = data;
    }

    /// <summary>The expression's name in UTF-8: <c>view.Name.SequenceEqual("cmp"u8)</c>.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>Its attributes.</summary>
    public AttributeReader Data { get; }

    /// <summary>The attribute of <paramref name="type"/> as a number in network byte order, or null where it is not there.</summary>
    public uint? Number(ushort type) => Data.TryFind(type, out NetlinkAttribute attribute) && attribute.Value.Length == 4 ? attribute.UInt32BigEndian : null;

    /// <summary>The value within a nest of <paramref name="type"/> (NFTA_CMP_DATA, NFTA_IMMEDIATE_DATA …); empty where there is none.</summary>
    public ReadOnlySpan<byte> Value(ushort type) =>
        Data.TryFind(type, out NetlinkAttribute nest) && nest.Nested().TryFind(NfTables.NFTA_DATA_VALUE, out NetlinkAttribute value) ? value.Value : default;

    /// <summary>The expression as a value of its own.</summary>
    public Expression ToExpression() => ExpressionCodec.Read(_element);
}
