using System.Numerics;
using EucaNet.Netfilter.Nftables.Expressions;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>A set or map with its elements as a listing shows them: typed, sorted, intervals joined.</summary>
internal sealed class ListedSet
{
    private readonly IReadOnlyList<SetElement> _raw;
    private List<ElementNode>? _elements;

    public ListedSet(NftablesSet set, IEnumerable<SetElement> elements)
    {
        Declaration = set;
        _raw = [.. elements];
        KeyBits = (int)set.KeyLength * 8;
        KeyOrder = (ByteOrder)Number(set.UserData, UserData.SetKeyByteOrder);
        KeyType = DataTypes.Find(set.KeyType);
        ObjectType = set.ObjectType ?? 0;
        DataBits = (int)(set.DataLength ?? 0) * 8;
        DataOrder = (ByteOrder)Number(set.UserData, UserData.SetDataByteOrder);
        DataIsInterval = Number(set.UserData, UserData.SetDataInterval) != 0;
        DataType = (set.Flags & SetFlags.Object) != 0 ? DataTypes.Text : (set.Flags & SetFlags.Map) != 0 ? DataTypes.Find(set.DataType ?? 0) : DataTypes.Invalid;
        ReadTypeof(set);
    }

    public NftablesSet Declaration { get; }

    public string Name => Declaration.Name;

    public bool IsAnonymous => (Declaration.Flags & SetFlags.Anonymous) != 0;

    /// <summary>A set without a name that the packet path fills.</summary>
    public bool IsMeter => IsAnonymous && (Declaration.Flags & SetFlags.Evaluated) != 0;

    public bool IsInterval => (Declaration.Flags & SetFlags.Interval) != 0;

    public bool IsVerdictMap => (Declaration.Flags & SetFlags.Map) != 0 && DataType == DataTypes.Verdict;

    public DataType KeyType { get; private set; }

    public int KeyBits { get; }

    public ByteOrder KeyOrder { get; private set; }

    /// <summary>What the key's type was taken from.</summary>
    public Node? TypeofKey { get; private set; }

    public DataType DataType { get; private set; }

    public int DataBits { get; }

    public ByteOrder DataOrder { get; private set; }

    public bool DataIsInterval { get; }

    /// <summary>What the data's type was taken from.</summary>
    public Node? TypeofData { get; private set; }

    /// <summary>The kind of objects a map leads to.</summary>
    public uint ObjectType { get; }

    /// <summary>The elements as they are printed.</summary>
    public List<ElementNode> Elements => _elements ??= ReadElements();

    internal static uint Number(OctetString? userData, byte type) =>
        UserData.TryGet(userData, type, out ReadOnlySpan<byte> value) && value.Length == 4 ? System.Runtime.InteropServices.MemoryMarshal.Read<uint>(value) : 0;

    private void ReadTypeof(NftablesSet set)
    {
        Node? key = TypeofReader.Read(set.UserData, UserData.SetKeyTypeof);
        bool withData = DataType != DataTypes.Invalid && (set.Flags & SetFlags.Map) != 0 && (set.Flags & SetFlags.Object) == 0;
        if (withData || (set.Flags & SetFlags.Object) != 0)
        {
            if (TypeofReader.Read(set.UserData, UserData.SetDataTypeof) is { } data && (data.Type == DataTypes.Verdict || (data.Bits + 7) / 8 == DataBits / 8))
            {
                TypeofData = data;
                DataType = data.Type;
                DataOrder = data.Order;
            }
            else
            {
                key = null;
            }
        }

        if (key is not null && (key.Bits + 7) / 8 == KeyBits / 8)
        {
            TypeofKey = key;
            KeyType = key.Type;
            KeyOrder = key.Order;
        }
    }

    private List<ElementNode> ReadElements()
    {
        var elements = new List<ElementNode>();
        var reader = new ElementReader(this);
        foreach (SetElement element in _raw)
        {
            elements.AddRange(reader.Read(element));
        }

        if (IsInterval && Declaration.FieldLengths.Count > 1)
        {
            return ElementIntervals.JoinConcatenations(elements);
        }

        if (IsInterval)
        {
            return ElementIntervals.Join(elements, KeyType);
        }

        // Elements with the same key to sort by stand in the reverse order of the dump.
        elements.Reverse();
        return [.. elements.OrderBy(element => SortKey(element.Key))];
    }

    private BigInteger SortKey(Node key) => key switch
    {
        // nft sorts text as a number in host order.
        ValueNode { Type.IsText: true } text => Values.Reverse(text.Value, text.Bits),
        ValueNode value => value.Value,
        RangeNode range => SortKey(range.Left),
        BinaryNode binary => SortKey(binary.Left),
        PrefixNode prefix => SortKey(prefix.Value),
        ConcatenationNode concatenation => ConcatenationSortKey(concatenation),
        _ => Values.Ones(KeyBits),
    };

    /// <summary>nft sorts concatenations as a number whose lowest byte is the first in memory, each part in its own order.</summary>
    private static BigInteger ConcatenationSortKey(ConcatenationNode concatenation)
    {
        var bytes = new List<byte>();
        foreach (Node part in concatenation.Parts)
        {
            if (part is ValueNode value)
            {
                byte[] own = value.Bytes();
                if (value.Order == ByteOrder.Host && !value.Type.IsText)
                {
                    Array.Reverse(own);
                }

                bytes.AddRange(own);
            }
        }

        return new BigInteger([.. bytes], isUnsigned: true, isBigEndian: false);
    }
}
