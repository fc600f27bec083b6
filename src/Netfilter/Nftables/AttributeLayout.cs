using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// How the attributes of a value lay on the wire when it was read: their order, which of them carried NLA_F_NESTED, and the bytes of those the
/// model does not know or that have an unexpected size. Twenty attributes of a type below 64 fit without allocating.
/// Order and flags are no part of the value, so they do not count in comparisons; unknown attributes do.
/// </summary>
internal readonly struct AttributeLayout : IEquatable<AttributeLayout>
{
    private readonly UInt128 _types;
    private readonly uint _nested;
    private readonly uint _unterminated;
    private readonly byte _count;
    private readonly RawAttribute[]? _raw;

    internal AttributeLayout(UInt128 types, uint nested, uint unterminated, int count, RawAttribute[]? raw)
    {
        _types = types;
        _nested = nested;
        _unterminated = unterminated;
        _count = (byte)count;
        _raw = raw;
        IsRead = true;
    }

    /// <summary>The value was read; one made by hand has no layout and is written in canonical order.</summary>
    public bool IsRead { get; }

    /// <summary>How many attributes there were.</summary>
    public int Count => _count;

    /// <summary>The type of the attribute at <paramref name="index"/>; 0 stands for the next raw one.</summary>
    public ushort TypeAt(int index) => (ushort)((uint)(_types >> (index * 6)) & 0x3f);

    /// <summary>How the attribute at <paramref name="index"/> lay.</summary>
    public AttributeForm FormAt(int index) =>
        ((_nested >> index & 1) != 0 ? AttributeForm.Nested : AttributeForm.None) | ((_unterminated >> index & 1) != 0 ? AttributeForm.Unterminated : AttributeForm.None);

    /// <summary>The attributes kept as bytes, in order.</summary>
    public ReadOnlySpan<RawAttribute> Raw => _raw;

    /// <inheritdoc/>
    public bool Equals(AttributeLayout other) => Raw.SequenceEqual(other.Raw);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is AttributeLayout other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Raw.Length;
}

/// <summary>An attribute that the model does not know, as it was read.</summary>
/// <param name="RawType">The type with its flag bits.</param>
/// <param name="Value">The payload.</param>
internal readonly record struct RawAttribute(ushort RawType, OctetString Value);

/// <summary>Collects an <see cref="AttributeLayout"/> while attributes are read.</summary>
internal ref struct AttributeLayoutBuilder
{
    private const int Capacity = 20;
    private UInt128 _types;
    private uint _nested;
    private uint _unterminated;
    private int _count;
    private List<RawAttribute>? _raw;

    /// <summary>There were more attributes than a layout holds; the value has to stay raw as a whole.</summary>
    public bool IsOverflown { get; private set; }

    /// <summary>Notes the next attribute; one that is not <paramref name="known"/> is kept as bytes.</summary>
    public void Add(scoped in NetlinkAttribute attribute, bool known)
    {
        if (_count == Capacity)
        {
            IsOverflown = true;
            return;
        }

        if (known)
        {
            _types |= (UInt128)attribute.Type << (_count * 6);
            if (attribute.IsNested)
            {
                _nested |= 1u << _count;
            }

            if (!attribute.Value.IsEmpty && attribute.Value[^1] != 0)
            {
                _unterminated |= 1u << _count;
            }
        }
        else
        {
            (_raw ??= []).Add(new RawAttribute(attribute.RawType, new OctetString(attribute.Value)));
        }

        _count++;
    }

    /// <summary>The layout of what was added.</summary>
    public readonly AttributeLayout Build() => new(_types, _nested, _unterminated, _count, _raw?.ToArray());
}

/// <summary>How one attribute lies on the wire where there is more than one way.</summary>
[Flags]
internal enum AttributeForm : byte
{
    /// <summary>A nest without NLA_F_NESTED, a text with its NUL.</summary>
    None = 0,

    /// <summary>A nest carries NLA_F_NESTED.</summary>
    Nested = 1,

    /// <summary>The last byte is not zero: a text goes without its NUL.</summary>
    Unterminated = 2,

    /// <summary>Nothing was read: the way nft sends it.</summary>
    Canonical = 4,

    /// <summary>Flags of zero are written too.</summary>
    EvenDefault = 8,

    /// <summary>Exactly this attribute was read, not another that says the same.</summary>
    AsRead = 16,
}
