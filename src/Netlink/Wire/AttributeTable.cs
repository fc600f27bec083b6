namespace EucaNet.Netlink.Wire;

/// <summary>How an attribute's payload is to be shown.</summary>
public enum AttributeFormat
{
    /// <summary>Bytes.</summary>
    Binary,

    /// <summary>No payload: being there is the value.</summary>
    Flag,

    /// <summary>Unsigned, 8 bits.</summary>
    UInt8,

    /// <summary>Unsigned, 16 bits, host byte order.</summary>
    UInt16,

    /// <summary>Unsigned, 32 bits, host byte order.</summary>
    UInt32,

    /// <summary>Unsigned, 64 bits, host byte order.</summary>
    UInt64,

    /// <summary>Signed, 32 bits, host byte order.</summary>
    Int32,

    /// <summary>Unsigned, 16 bits, network byte order.</summary>
    UInt16BigEndian,

    /// <summary>Unsigned, 32 bits, network byte order.</summary>
    UInt32BigEndian,

    /// <summary>Unsigned, 64 bits, network byte order.</summary>
    UInt64BigEndian,

    /// <summary>UTF-8 text.</summary>
    String,

    /// <summary>A hardware address (octets with colons).</summary>
    HardwareAddress,

    /// <summary>An IPv4 or IPv6 address, told by its length.</summary>
    IpAddress,

    /// <summary>Attributes within.</summary>
    Nested,

    /// <summary>Attributes within whose types are mere numbers; each holds the attributes of the nested table.</summary>
    List,
}

/// <summary>Chooses the table of a nested attribute by what stands beside it.</summary>
/// <param name="familyHeader">The message's family header.</param>
/// <param name="siblings">The attributes of the same level.</param>
public delegate AttributeTable? AttributeTableSelector(ReadOnlySpan<byte> familyHeader, ReadOnlySpan<byte> siblings);

/// <summary>An attribute's name and form.</summary>
/// <param name="Type">Its number without flags.</param>
/// <param name="Name">The kernel's name ("IFLA_MTU").</param>
/// <param name="Format">How its payload is to be shown.</param>
/// <param name="Nested">The attributes within, for <see cref="AttributeFormat.Nested"/> and <see cref="AttributeFormat.List"/>.</param>
/// <param name="Select">Chooses the attributes within where that depends on the message.</param>
public sealed record AttributeDefinition(
    ushort Type, string Name, AttributeFormat Format = AttributeFormat.Binary, AttributeTable? Nested = null, AttributeTableSelector? Select = null)
{
    /// <summary>The table of the attributes within, or null where there is none.</summary>
    public AttributeTable? TableWithin(ReadOnlySpan<byte> familyHeader, ReadOnlySpan<byte> siblings) => Select?.Invoke(familyHeader, siblings) ?? Nested;
}

/// <summary>The names of one level of attributes.</summary>
public sealed class AttributeTable
{
    private readonly AttributeDefinition?[] _byType;

    /// <summary>A table of these attributes.</summary>
    /// <param name="name">What the level is called.</param>
    /// <param name="definitions">The attributes, in any order; of two with one type the later counts.</param>
    public AttributeTable(string name, params ReadOnlySpan<AttributeDefinition> definitions)
    {
        Name = name;
        int highest = -1;
        foreach (AttributeDefinition definition in definitions)
        {
            highest = Math.Max(highest, definition.Type);
        }

        _byType = new AttributeDefinition?[highest + 1];
        foreach (AttributeDefinition definition in definitions)
        {
            _byType[definition.Type] = definition;
        }
    }

    /// <summary>What the level is called.</summary>
    public string Name { get; }

    /// <summary>The definition of <paramref name="type"/>, or null where the table does not know it.</summary>
    public AttributeDefinition? Find(ushort type) => type < _byType.Length ? _byType[type] : null;

    /// <summary>The name of <paramref name="type"/>; its number where the table does not know it.</summary>
    public string NameOf(ushort type) => Find(type)?.Name ?? $"{Name}#{type}";
}

/// <summary>A message type's name and form.</summary>
/// <param name="Name">The kernel's name ("RTM_NEWLINK").</param>
/// <param name="HeaderSize">Bytes of the family header in front of the attributes.</param>
/// <param name="Attributes">The attributes behind it.</param>
public sealed record MessageDefinition(string Name, int HeaderSize, AttributeTable Attributes);
