using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Evaluates an expression on the packet inside a tunnel (Linux 6.2).</summary>
public sealed record InnerExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "inner";

    /// <summary>Always 0.</summary>
    public uint? Number { get; init; }

    /// <summary>The tunnel's kind.</summary>
    public InnerKind? Kind { get; init; }

    /// <summary>NFT_INNER_*: which headers the inner packet has.</summary>
    public uint? Flags { get; init; }

    /// <summary>Bytes of the tunnel's header.</summary>
    public uint? HeaderSize { get; init; }

    /// <summary>The expression: payload or meta.</summary>
    public Expression? Expression { get; init; }

    private protected override Expression WithoutLayout() => (InnerExpression)base.WithoutLayout() with { Expression = Expression?.Canonical() };

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3, 4, 5];

    internal static InnerExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? number = null;
        uint? kind = null;
        uint? flags = null;
        uint? headerSize = null;
        Expression? expression = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_INNER_NUM => attribute.Read(ref number),
                NFTA_INNER_TYPE => attribute.Read(ref kind),
                NFTA_INNER_FLAGS => attribute.Read(ref flags),
                NFTA_INNER_HDRSIZE => attribute.Read(ref headerSize),
                NFTA_INNER_EXPR => attribute.ReadExpression(ref expression),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new InnerExpression
        {
            Number = number,
            Kind = (InnerKind?)kind,
            Flags = flags,
            HeaderSize = headerSize,
            Expression = expression,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_INNER_NUM:
                writer.Put(type, Number);
                break;
            case NFTA_INNER_TYPE:
                writer.Put(type, (uint?)Kind);
                break;
            case NFTA_INNER_FLAGS:
                writer.Put(type, Flags);
                break;
            case NFTA_INNER_HDRSIZE:
                writer.Put(type, HeaderSize);
                break;
            case NFTA_INNER_EXPR:
                writer.PutExpression(type, Expression);
                break;
        }
    }
}
