using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Compares a register with a range, both ends included, byte by byte from the most significant.</summary>
public sealed record RangeExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "range";

    /// <summary>The register that is compared.</summary>
    public uint? SourceRegister { get; init; }

    /// <summary>In the range, or outside.</summary>
    public RangeOperator? Operator { get; init; }

    /// <summary>The first value of the range.</summary>
    public OctetString? From { get; init; }

    /// <summary>The last value of the range.</summary>
    public OctetString? To { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3, 4];

    internal static RangeExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? sourceRegister = null;
        uint? @operator = null;
        OctetString? from = null;
        OctetString? to = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_RANGE_SREG => attribute.Read(ref sourceRegister),
                NFTA_RANGE_OP => attribute.Read(ref @operator),
                NFTA_RANGE_FROM_DATA => attribute.ReadData(ref from),
                NFTA_RANGE_TO_DATA => attribute.ReadData(ref to),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new RangeExpression
        {
            SourceRegister = sourceRegister,
            Operator = (RangeOperator?)@operator,
            From = from,
            To = to,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_RANGE_SREG:
                writer.Put(type, SourceRegister);
                break;
            case NFTA_RANGE_OP:
                writer.Put(type, (uint?)Operator);
                break;
            case NFTA_RANGE_FROM_DATA:
                writer.PutData(type, form, From);
                break;
            case NFTA_RANGE_TO_DATA:
                writer.PutData(type, form, To);
                break;
        }
    }
}
