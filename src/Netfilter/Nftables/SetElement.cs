using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>
/// An element of a set or map. An interval set holds each range as two elements, the second with <see cref="SetElementFlags.IntervalEnd"/> and the first
/// key behind the range; a set of concatenated ranges holds it as one element with <see cref="KeyEnd"/>.
/// </summary>
public sealed record SetElement
{
    private readonly OptionalOctets _key;
    private readonly OptionalOctets _keyEnd;
    private readonly OptionalOctets _data;
    private readonly OptionalOctets _userData;

    /// <summary>The key, in network byte order where the set's type has it so; null for the catch-all element.</summary>
    public OctetString? Key
    {
        get => _key;
        init => _key = value;
    }

    /// <summary>The last key of a concatenated range. Linux 5.6.</summary>
    public OctetString? KeyEnd
    {
        get => _keyEnd;
        init => _keyEnd = value;
    }

    /// <summary>End of an interval, catch-all.</summary>
    public SetElementFlags Flags { get; init; }

    /// <summary>How long it stays, in milliseconds; 0 or null for the set's own.</summary>
    public ulong? Timeout { get; init; }

    /// <summary>Milliseconds left.</summary>
    public ulong? Expiration { get; init; }

    /// <summary>What a map leads to.</summary>
    public OctetString? Data
    {
        get => _data;
        init => _data = value;
    }

    /// <summary>What a verdict map decides.</summary>
    public Verdict? Verdict { get; init; }

    /// <summary>Typed values that nft keeps (<see cref="UserData"/>).</summary>
    public OctetString? UserData
    {
        get => _userData;
        init => _userData = value;
    }

    /// <summary>The object that an object map leads to.</summary>
    public string? ObjectName { get; init; }

    /// <summary>What the element carries (counter, limit …).</summary>
    public ValueList<Expression> Expressions { get; init; } = [];

    /// <summary>The element is listed with the nest's number instead of NFTA_LIST_ELEM, as nft numbers them.</summary>
    internal AttributeLayout Layout { get; init; }

    /// <summary>The comment within the user data.</summary>
    public string? Comment => Nftables.UserData.GetText(UserData, Nftables.UserData.Comment);

    /// <summary>An element with this key.</summary>
    public static SetElement Of(OctetString key) => new() { Key = key };

    /// <summary>An element that leads to data.</summary>
    public static SetElement Of(OctetString key, OctetString data) => new() { Key = key, Data = data };

    /// <summary>An element that decides.</summary>
    public static SetElement Of(OctetString key, Verdict verdict) => new() { Key = key, Verdict = verdict };

    /// <summary>The element in words, for errors.</summary>
    public string Describe()
    {
        if ((Flags & SetElementFlags.CatchAll) != 0)
        {
            return "*";
        }

        string key = Key is { } octets ? "0x" + octets : "without a key";
        return KeyEnd is { } end ? $"{key}-0x{end}" : (Flags & SetElementFlags.IntervalEnd) != 0 ? $"end of interval {key}" : key;
    }

    internal void Write(ref NetlinkWriter writer, ushort type, bool nested, bool asRead)
    {
        WireMark mark = writer.BeginNested(type, nested);
        uint written = 0;
        AttributeForm canonical = AttributeForm.Canonical | AttributeForm.Nested;
        if (asRead && Layout.IsRead)
        {
            canonical = nested ? AttributeForm.Nested : AttributeForm.None;
            int raw = 0;
            for (int index = 0; index < Layout.Count; index++)
            {
                ushort part = Layout.TypeAt(index);
                if (part == 0)
                {
                    writer.PutRaw(Layout.Raw[raw++]);
                }
                else
                {
                    WriteAttribute(ref writer, part, AttributeForm.AsRead | Layout.FormAt(index));
                    written |= 1u << part;
                }
            }

            if ((written & (1u << NFTA_SET_ELEM_EXPR | 1u << NFTA_SET_ELEM_EXPRESSIONS)) != 0)
            {
                written |= 1u << NFTA_SET_ELEM_EXPR | 1u << NFTA_SET_ELEM_EXPRESSIONS;
            }
        }

        foreach (byte part in Order)
        {
            if ((written >> part & 1) == 0)
            {
                WriteAttribute(ref writer, part, canonical);
            }
        }

        if (!asRead)
        {
            foreach (ref readonly RawAttribute raw in Layout.Raw)
            {
                writer.PutRaw(raw);
            }
        }

        writer.EndAttribute(mark);
    }

    private static ReadOnlySpan<byte> Order =>
        [(byte)NFTA_SET_ELEM_FLAGS, (byte)NFTA_SET_ELEM_TIMEOUT, (byte)NFTA_SET_ELEM_EXPIRATION, (byte)NFTA_SET_ELEM_KEY, (byte)NFTA_SET_ELEM_KEY_END,
            (byte)NFTA_SET_ELEM_DATA, (byte)NFTA_SET_ELEM_USERDATA, (byte)NFTA_SET_ELEM_OBJREF, (byte)NFTA_SET_ELEM_EXPR, (byte)NFTA_SET_ELEM_EXPRESSIONS];

    private void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_SET_ELEM_KEY:
                writer.PutData(type, form, Key);
                break;
            case NFTA_SET_ELEM_DATA when Verdict is not null:
                writer.PutVerdict(type, form, Verdict);
                break;
            case NFTA_SET_ELEM_DATA:
                writer.PutData(type, form, Data);
                break;
            case NFTA_SET_ELEM_FLAGS:
                writer.PutFlags(type, (uint)Flags, (form & AttributeForm.AsRead) != 0 ? AttributeForm.EvenDefault : 0);
                break;
            case NFTA_SET_ELEM_TIMEOUT:
                writer.Put(type, Timeout);
                break;
            case NFTA_SET_ELEM_EXPIRATION:
                writer.Put(type, Expiration);
                break;
            case NFTA_SET_ELEM_USERDATA:
                writer.PutBytes(type, UserData);
                break;
            case NFTA_SET_ELEM_EXPR when Expressions.Count == 1:
                ExpressionCodec.Write(ref writer, type, (form & AttributeForm.Canonical) != 0 ? Expressions[0].Canonical() : Expressions[0]);
                break;
            case NFTA_SET_ELEM_OBJREF:
                writer.Put(type, form, ObjectName);
                break;
            case NFTA_SET_ELEM_KEY_END:
                writer.PutData(type, form, KeyEnd);
                break;
            case NFTA_SET_ELEM_EXPRESSIONS when Expressions.Count > 1 || (form & AttributeForm.AsRead) != 0:
                writer.PutExpressions(type, form, Expressions);
                break;
        }
    }

    /// <summary>Writes what names the element: its keys, its flags, and the data that must match.</summary>
    internal void WriteKey(ref NetlinkWriter writer, ushort type = NFTA_LIST_ELEM)
    {
        WireMark mark = writer.BeginNested(type);
        const AttributeForm Form = AttributeForm.Canonical | AttributeForm.Nested;
        WriteAttribute(ref writer, NFTA_SET_ELEM_FLAGS, Form);
        WriteAttribute(ref writer, NFTA_SET_ELEM_KEY, Form);
        WriteAttribute(ref writer, NFTA_SET_ELEM_KEY_END, Form);
        WriteAttribute(ref writer, NFTA_SET_ELEM_DATA, Form);
        writer.EndAttribute(mark);
    }

    internal static SetElement Read(in NetlinkAttribute element, DecodeCache names)
    {
        OctetString? key = null, keyEnd = null, data = null, userData = null;
        Verdict? verdict = null;
        uint? flags = null;
        ulong? timeout = null, expiration = null;
        string? objectName = null;
        Expression? expression = null;
        ValueList<Expression>? expressions = null;
        var layout = new AttributeLayoutBuilder();
        AttributeReader attributes = element.Nested();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_SET_ELEM_KEY => attribute.ReadData(ref key),
                NFTA_SET_ELEM_DATA => (verdict is null && attribute.ReadData(ref data)) || (data is null && attribute.ReadVerdict(ref verdict)),
                NFTA_SET_ELEM_FLAGS => attribute.Read(ref flags),
                NFTA_SET_ELEM_TIMEOUT => attribute.Read(ref timeout),
                NFTA_SET_ELEM_EXPIRATION => attribute.Read(ref expiration),
                NFTA_SET_ELEM_USERDATA => attribute.ReadBytes(ref userData),
                NFTA_SET_ELEM_EXPR => expressions is null && attribute.ReadExpression(ref expression),
                NFTA_SET_ELEM_OBJREF => attribute.Read(ref objectName),
                NFTA_SET_ELEM_KEY_END => attribute.ReadData(ref keyEnd),
                NFTA_SET_ELEM_EXPRESSIONS => expression is null && attribute.ReadExpressions(ref expressions),
                _ => false,
            });
        }

        return new SetElement
        {
            Key = key,
            KeyEnd = keyEnd,
            Flags = (SetElementFlags)(flags ?? 0),
            Timeout = timeout,
            Expiration = expiration,
            Data = data,
            Verdict = verdict,
            UserData = userData,
            ObjectName = objectName,
            Expressions = expression is null ? expressions ?? [] : [expression],
            Layout = layout.Build(),
        };
    }
}

/// <summary>What an element is (NFT_SET_ELEM_*).</summary>
[Flags]
public enum SetElementFlags : uint
{
    /// <summary>A key, or the first key of an interval.</summary>
    None = 0,

    /// <summary>The first key behind an interval.</summary>
    IntervalEnd = NFT_SET_ELEM_INTERVAL_END,

    /// <summary>It matches where no other does. Linux 5.13.</summary>
    CatchAll = NFT_SET_ELEM_CATCHALL,
}
