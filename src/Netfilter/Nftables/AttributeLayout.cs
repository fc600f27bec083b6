using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// How the attributes of a value lay on the wire when it was read: their order, which of them carried NLA_F_NESTED, and the bytes of those the
/// model does not know or that have an unexpected size. Twenty attributes of a type below 64 fit.
/// Order and flags are no part of the value, so they do not count in comparisons; unknown attributes do.
/// </summary>
internal readonly struct AttributeLayout : IEquatable<AttributeLayout>
{
    private readonly AttributeShape? _shape;

    internal AttributeLayout(AttributeShape shape) => _shape = shape;

    /// <summary>The value was read; one made by hand has no layout and is written in canonical order.</summary>
    public bool IsRead => _shape is not null;

    /// <summary>How many attributes there were.</summary>
    public int Count => _shape?.Count ?? 0;

    /// <summary>The type of the attribute at <paramref name="index"/>; 0 stands for the next raw one.</summary>
    public ushort TypeAt(int index) => (ushort)((uint)(_shape!.Types >> (index * 6)) & 0x3f);

    /// <summary>How the attribute at <paramref name="index"/> lay.</summary>
    public AttributeForm FormAt(int index) =>
        ((_shape!.Nested >> index & 1) != 0 ? AttributeForm.Nested : AttributeForm.None) | ((_shape.Unterminated >> index & 1) != 0 ? AttributeForm.Unterminated : AttributeForm.None);

    /// <summary>The attributes kept as bytes, in order.</summary>
    public ReadOnlySpan<RawAttribute> Raw => _shape is null ? default : _shape.Raw;

    /// <inheritdoc/>
    public bool Equals(AttributeLayout other) => ReferenceEquals(_shape, other._shape) || Raw.SequenceEqual(other.Raw);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is AttributeLayout other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Raw.Length;
}

/// <summary>
/// What an <see cref="AttributeLayout"/> says. A kernel lays all rules out in a handful of ways, so values of one shape share it: 50,000 rules of ten expressions would
/// otherwise carry half a million of them.
/// </summary>
internal sealed class AttributeShape(UInt128 types, uint nested, uint unterminated, int count, RawAttribute[]? raw)
{
    private const int Slots = 1024;

    // Only saves memory: a shape that another has driven out, or that two threads make at once, is made again.
    private static readonly AttributeShape?[] Known = new AttributeShape?[Slots];

    /// <summary>Six bits for the type of each attribute, 0 for one kept as bytes.</summary>
    public UInt128 Types { get; } = types;

    /// <summary>A bit for each attribute that carried NLA_F_NESTED.</summary>
    public uint Nested { get; } = nested;

    /// <summary>A bit for each attribute whose last byte is not zero.</summary>
    public uint Unterminated { get; } = unterminated;

    /// <summary>How many attributes there were.</summary>
    public int Count { get; } = count;

    /// <summary>The attributes kept as bytes, in order.</summary>
    public RawAttribute[]? Raw { get; } = raw;

    /// <summary>The shape of these attributes, none of them kept as bytes.</summary>
    public static AttributeShape Of(UInt128 types, uint nested, uint unterminated, int count)
    {
        ulong hash = ((ulong)types ^ (ulong)(types >> 64) * 0x9e3779b97f4a7c15 ^ (ulong)nested << 32 ^ unterminated ^ (ulong)count << 56) * 0xff51afd7ed558ccd;
        ref AttributeShape? known = ref Known[(int)(hash >> 54)];
        AttributeShape? shape = known;
        if (shape is null || shape.Types != types || shape.Nested != nested || shape.Unterminated != unterminated || shape.Count != count)
        {
            known = shape = new AttributeShape(types, nested, unterminated, count, null);
        }

        return shape;
    }
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
    public readonly AttributeLayout Build() =>
        new(_raw is null ? AttributeShape.Of(_types, _nested, _unterminated, _count) : new AttributeShape(_types, _nested, _unterminated, _count, [.. _raw]));
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
