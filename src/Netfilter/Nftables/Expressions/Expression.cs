using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>
/// One expression of a rule, of a set element or of a set (<c>NFTA_LIST_ELEM</c>: name, data). A plain immutable value that
/// writes itself; what was read is written back to the same bytes, unknown attributes included.
/// A property that is null stands for an attribute that is not there.
/// </summary>
public abstract record Expression
{
    /// <summary>The kernel's name of the expression ("cmp", "payload", "immediate" …).</summary>
    public abstract string Name { get; }

    /// <summary>How name and data lay on the wire; set once, by the reader.</summary>
    internal ExpressionEnvelope Envelope { get; set; }

    /// <summary>How the attributes of the data lay on the wire.</summary>
    internal AttributeLayout Layout { get; init; }

    /// <summary>Attribute types in the order in which nft sends them.</summary>
    private protected abstract ReadOnlySpan<byte> CanonicalOrder { get; }

    /// <summary>Nothing is written for an expression without attributes, not even an empty NFTA_EXPR_DATA.</summary>
    internal virtual bool HasNoData => false;

    /// <summary>Writes the attributes inside NFTA_EXPR_DATA.</summary>
    public virtual void WriteData(ref NetlinkWriter writer)
    {
        AttributeLayout layout = Layout;
        uint written = 0;
        int raw = 0;
        for (int i = 0; i < layout.Count; i++)
        {
            ushort type = layout.TypeAt(i);
            if (type == 0)
            {
                writer.PutRaw(layout.Raw[raw++]);
            }
            else
            {
                WriteAttribute(ref writer, type, layout.FormAt(i) | AttributeForm.AsRead);
                written |= 1u << type;
            }
        }

        foreach (byte type in CanonicalOrder)
        {
            if ((written >> type & 1) == 0)
            {
                WriteAttribute(ref writer, type, layout.IsRead ? AttributeForm.None : AttributeForm.Nested | AttributeForm.Canonical);
            }
        }
    }

    /// <summary>The same expression as if it were made by hand: written in nft's order.</summary>
    internal Expression Canonical() => Layout.IsRead && Layout.Raw.IsEmpty || Envelope.Flags != ExpressionEnvelopeFlags.None ? WithoutLayout() : this;

    /// <summary>A copy that forgets how it lay on the wire, those within it too.</summary>
    private protected virtual Expression WithoutLayout() => this with { Layout = Layout.Raw.IsEmpty ? default : Layout, Envelope = default };

    /// <summary>Writes the attribute of <paramref name="type"/>, or nothing where its property is null.</summary>
    private protected abstract void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form);
}

/// <summary>How an expression's name and data lay in their nest. Never part of comparisons.</summary>
/// <param name="Flags">What differs from the way nft sends it.</param>
internal readonly record struct ExpressionEnvelope(ExpressionEnvelopeFlags Flags)
{
    /// <inheritdoc/>
    public bool Equals(ExpressionEnvelope other) => true;

    /// <inheritdoc/>
    public override int GetHashCode() => 0;
}

/// <summary>Differences to a request of nft, which flags both nests and always sends the data but for notrack.</summary>
[Flags]
internal enum ExpressionEnvelopeFlags : byte
{
    None = 0,
    ElementNotFlagged = 1,
    DataNotFlagged = 2,
    WithoutData = 4,
    WithData = 8,
}
