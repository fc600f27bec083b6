namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>The byte order that a value lies in; the numbers are those nft stores in a set's user data.</summary>
internal enum ByteOrder
{
    None = 0,
    Host = 1,
    Big = 2,
}

/// <summary>What a type goes back to.</summary>
internal enum BaseKind
{
    Invalid,
    Verdict,
    Integer,
    Bitmask,
    Text,
    LinkAddress,
}

/// <summary>How a value of a type is printed.</summary>
internal enum Rendering
{
    /// <summary>As a name where there is one, otherwise as its base is.</summary>
    Symbol,

    /// <summary>As a name in quotes where there is one.</summary>
    QuotedSymbol,
    Number,
    Hexadecimal,
    Text,
    Ip,
    Ip6,
    LinkAddress,
    Protocol,
    TrafficClass,
    InterfaceIndex,
    InterfaceGroup,
    Realm,
    Mark,
    ControlGroup,
    Label,
    RelativeTime,
    Date,
    Hour,
    Verdict,
    Concatenation,
    Invalid,
}

/// <summary>A type of nft's: what a header field, a key of meta or ct, or an element of a set is.</summary>
internal sealed record DataType(uint Id, string Name, int Bits, ByteOrder Order, BaseKind Base, Rendering Rendering)
{
    /// <summary>Names of values.</summary>
    public Dictionary<ulong, string>? Symbols { get; init; }

    /// <summary>Least digits of the hexadecimal form; null prints decimal.</summary>
    public int? HexadecimalDigits { get; init; }

    /// <summary>A mask with all its ones in front may be written /length.</summary>
    public bool IsPrefixable { get; init; }

    /// <summary>The parts of a concatenation.</summary>
    public DataType[]? Parts { get; init; }

    public bool IsText => Base == BaseKind.Text;

    public bool IsBitmask => Base == BaseKind.Bitmask && Id != DataTypes.Bitmask.Id;
}
