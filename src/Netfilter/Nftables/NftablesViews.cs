using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// The elements of one message where they were received: nothing is copied or allocated. For sets too large to make objects of.
/// <code>
/// var elements = new SetElementReader(message);
/// while (elements.TryRead(out SetElementView element)) { … element.Key … }
/// </code>
/// </summary>
public ref struct SetElementReader
{
    private AttributeReader _elements;

    /// <summary>Begins with the first element of a NEWSETELEM or DELSETELEM message.</summary>
    public SetElementReader(in NetlinkMessage message) => _elements =
        message.Attributes(NfnetlinkHeader.Size).TryFind(NFTA_SET_ELEM_LIST_ELEMENTS, out NetlinkAttribute list) ? list.Nested() : default;

    /// <summary>The next element, or false at the end.</summary>
    public bool TryRead(out SetElementView element)
    {
        element = default;
        if (!_elements.TryRead(out NetlinkAttribute attribute))
        {
            return false;
        }

        ReadOnlySpan<byte> key = default, keyEnd = default, data = default, objectName = default;
        SetElementFlags flags = SetElementFlags.None;
        int? verdict = null;
        ulong timeout = 0, expiration = 0;
        AttributeReader parts = attribute.Nested();
        while (parts.TryRead(out NetlinkAttribute part))
        {
            switch (part.Type)
            {
                case NFTA_SET_ELEM_KEY:
                    key = Value(part);
                    break;
                case NFTA_SET_ELEM_KEY_END:
                    keyEnd = Value(part);
                    break;
                case NFTA_SET_ELEM_DATA:
                    data = Value(part);
                    if (part.Nested().TryFind(NFTA_DATA_VERDICT, out NetlinkAttribute decision) && decision.Nested().TryFind(NFTA_VERDICT_CODE, out NetlinkAttribute code))
                    {
                        verdict = (int)code.UInt32BigEndian;
                        data = decision.Nested().TryFind(NFTA_VERDICT_CHAIN, out NetlinkAttribute chain) ? chain.Value.TrimEnd((byte)0) : default;
                    }

                    break;
                case NFTA_SET_ELEM_FLAGS:
                    flags = (SetElementFlags)part.UInt32BigEndian;
                    break;
                case NFTA_SET_ELEM_TIMEOUT:
                    timeout = part.UInt64BigEndian;
                    break;
                case NFTA_SET_ELEM_EXPIRATION:
                    expiration = part.UInt64BigEndian;
                    break;
                case NFTA_SET_ELEM_OBJREF:
                    objectName = part.Value.TrimEnd((byte)0);
                    break;
            }
        }

        element = new SetElementView(key, keyEnd, data, objectName, flags, verdict, timeout, expiration);
        return true;
    }

    private static ReadOnlySpan<byte> Value(scoped in NetlinkAttribute attribute) =>
        new AttributeReader(attribute.Value).TryFind(NFTA_DATA_VALUE, out NetlinkAttribute value) ? value.Value : default;
}

/// <summary>An element as it stands in a message; valid as long as the message's memory is.</summary>
public readonly ref struct SetElementView
{
    internal SetElementView(
        ReadOnlySpan<byte> key, ReadOnlySpan<byte> keyEnd, ReadOnlySpan<byte> data, ReadOnlySpan<byte> objectName, SetElementFlags flags, int? verdict, ulong timeout, ulong expiration)
    {
        Key = key;
        KeyEnd = keyEnd;
        Data = data;
        ObjectName = objectName;
        Flags = flags;
        VerdictCode = verdict;
        Timeout = timeout;
        Expiration = expiration;
    }

    /// <summary>The key; empty for the catch-all element.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>The last key of a concatenated range.</summary>
    public ReadOnlySpan<byte> KeyEnd { get; }

    /// <summary>What a map leads to; the chain's name where it is a verdict.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>The object's name in UTF-8, in an object map.</summary>
    public ReadOnlySpan<byte> ObjectName { get; }

    /// <summary>End of an interval, catch-all.</summary>
    public SetElementFlags Flags { get; }

    /// <summary>The code of a verdict map's verdict.</summary>
    public int? VerdictCode { get; }

    /// <summary>Milliseconds it stays; 0 for the set's own.</summary>
    public ulong Timeout { get; }

    /// <summary>Milliseconds left.</summary>
    public ulong Expiration { get; }
}

/// <summary>A rule as it stands in a message; valid as long as the message's memory is. Nothing is copied or allocated.</summary>
public readonly ref struct RuleView
{
    private readonly ReadOnlySpan<byte> _expressions;

    /// <summary>Looks at a rule message.</summary>
    public RuleView(in NetlinkMessage message)
    {
        AttributeReader attributes = message.Attributes(NfnetlinkHeader.Size);
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            switch (attribute.Type)
            {
                case NFTA_RULE_TABLE:
                    Table = attribute.Value.TrimEnd((byte)0);
                    break;
                case NFTA_RULE_CHAIN:
                    Chain = attribute.Value.TrimEnd((byte)0);
                    break;
                case NFTA_RULE_HANDLE:
                    Handle = attribute.UInt64BigEndian;
                    break;
                case NFTA_RULE_POSITION:
                    Position = attribute.UInt64BigEndian;
                    break;
                case NFTA_RULE_USERDATA:
                    UserData = attribute.Value;
                    break;
                case NFTA_RULE_EXPRESSIONS:
                    _expressions = attribute.Value;
                    break;
            }
        }
    }

    /// <summary>The table's name in UTF-8.</summary>
    public ReadOnlySpan<byte> Table { get; }

    /// <summary>The chain's name in UTF-8.</summary>
    public ReadOnlySpan<byte> Chain { get; }

    /// <summary>The rule's number.</summary>
    public ulong Handle { get; }

    /// <summary>The number of the rule in front of it.</summary>
    public ulong Position { get; }

    /// <summary>Typed values that nft keeps.</summary>
    public ReadOnlySpan<byte> UserData { get; }

    /// <summary>The expressions, each an attribute that holds NFTA_EXPR_NAME and NFTA_EXPR_DATA.</summary>
    public AttributeReader Expressions => new(_expressions);
}
