using EucaNet.Simulator.Kernel.Nftables.Expressions;
using EucaNet.Simulator.Kernel.Nftables.Sets;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Simulator.Kernel.Nftables;

/// <summary>A set or map (struct nft_set).</summary>
internal sealed class Set(Table table, string name, ulong handle, SetDescription description, ElementStore store) : INamedObject
{
    public Table Table { get; } = table;

    public string Name { get; } = name;

    public ulong Handle { get; } = handle;

    public bool IsDeleted { get; set; }

    public SetDescription Description { get; } = description;

    public ElementStore Store { get; } = store;

    public uint Flags => Description.Flags;

    public bool IsAnonymous => (Flags & NFT_SET_ANONYMOUS) != 0;

    public bool IsMap => (Flags & NFT_SET_MAP) != 0;

    public bool HasTimeouts => (Flags & NFT_SET_TIMEOUT) != 0;

    public bool IsInterval => (Flags & NFT_SET_INTERVAL) != 0;

    public bool IsVerdictMap => Description.DataType == NFT_DATA_VERDICT;

    /// <summary>Most elements it holds; 0 for no limit.</summary>
    public uint Size { get; set; } = description.Size;

    /// <summary>Timeout of elements that bring none, in milliseconds; 0 for none.</summary>
    public ulong Timeout { get; set; }

    public uint CollectionInterval { get; set; }

    public byte[]? UserData { get; init; }

    /// <summary>Expressions that each element gets a copy of.</summary>
    public Expression[] Expressions { get; set; } = [];

    /// <summary>Rules that look in it.</summary>
    public List<SetBinding> Bindings { get; } = [];

    public uint Use { get; set; }

    /// <summary>The element that stands for all keys without one.</summary>
    public SetElement? CatchAll { get; set; }

    /// <summary>Elements counted against <see cref="Size"/>.</summary>
    public uint ElementCount { get; set; }

    public SetElement? Lookup(ReadOnlySpan<byte> key, long now)
    {
        SetElement? element = Store.Lookup(key, now);
        return element ?? (CatchAll is { } any && !any.IsExpired(now) ? any : null);
    }
}

/// <summary>What a set is made for: the part of its definition that cannot change.</summary>
internal sealed record SetDescription
{
    public uint Flags { get; init; }

    public uint KeyType { get; init; }

    public int KeyLength { get; init; }

    public uint DataType { get; init; }

    public int DataLength { get; init; }

    public uint ObjectType { get; init; }

    public uint Policy { get; init; }

    public uint Size { get; init; }

    /// <summary>Lengths of the fields of a concatenation, in bytes.</summary>
    public byte[] Fields { get; init; } = [];

    public bool HasExpressions { get; init; }

    public bool SameAs(SetDescription other) =>
        Fields.AsSpan().SequenceEqual(other.Fields) && Flags == other.Flags && KeyType == other.KeyType && KeyLength == other.KeyLength && DataType == other.DataType
        && DataLength == other.DataLength && ObjectType == other.ObjectType && Policy == other.Policy;
}

/// <summary>A rule's expression that looks in a set (struct nft_set_binding).</summary>
internal sealed class SetBinding(Chain? chain, uint flags)
{
    public Chain? Chain { get; } = chain;

    /// <summary>NFT_SET_MAP where it takes the element's data.</summary>
    public uint Flags { get; } = flags;
}

/// <summary>An element of a set.</summary>
internal sealed class SetElement(byte[] key)
{
    public byte[] Key { get; } = key;

    /// <summary>Of concatenated ranges, the last key.</summary>
    public byte[]? KeyEnd { get; init; }

    public uint Flags { get; init; }

    public bool IsIntervalEnd => (Flags & NFT_SET_ELEM_INTERVAL_END) != 0;

    public RegisterData? Data { get; init; }

    public StatefulObject? Object { get; init; }

    public Expression[] Expressions { get; init; } = [];

    public byte[]? UserData { get; init; }

    /// <summary>In milliseconds; 0 for never; null where the set knows no timeouts.</summary>
    public ulong? Timeout { get; set; }

    /// <summary>On the virtual clock, in milliseconds; meaningless where the timeout is 0.</summary>
    public long Expires { get; set; }

    /// <summary>Its place in the order of a store that keeps one.</summary>
    public LinkedListNode<SetElement>? Node { get; set; }

    public bool IsExpired(long now) => Timeout is > 0 && now >= Expires;
}
