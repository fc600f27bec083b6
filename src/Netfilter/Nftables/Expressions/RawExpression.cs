using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>An expression the library does not know, or one whose attributes are not laid out as netlink demands; its bytes are kept.</summary>
public sealed record RawExpression : Expression
{
    /// <summary>An expression of this name with <paramref name="data"/> as the payload of NFTA_EXPR_DATA.</summary>
    public RawExpression(string name, OctetString data)
    {
        Name = name;
        Data = data;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>The payload of NFTA_EXPR_DATA.</summary>
    public OctetString Data { get; }

    /// <summary>The payload of the whole element where not even name and data could be told apart; the name is empty then.</summary>
    internal OctetString? Element { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [];

    /// <inheritdoc/>
    public override void WriteData(ref NetlinkWriter writer) => writer.Append(Data.Span);

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
    }
}
