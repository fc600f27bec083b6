using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Compares a register with a value; the rule ends here where the comparison fails.</summary>
public sealed record CompareExpression : Expression
{
    private readonly OptionalOctets _value;

    /// <inheritdoc/>
    public override string Name => "cmp";

    /// <summary>The register that is compared.</summary>
    public uint? SourceRegister { get; init; }

    /// <summary>How it is compared.</summary>
    public CompareOperator? Operator { get; init; }

    /// <summary>The value, as many bytes as are compared.</summary>
    public OctetString? Value
    {
        get => _value;
        init => _value = value;
    }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static CompareExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? sourceRegister = null;
        uint? @operator = null;
        OctetString? value = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_CMP_SREG => attribute.Read(ref sourceRegister),
                NFTA_CMP_OP => attribute.Read(ref @operator),
                NFTA_CMP_DATA => attribute.ReadData(ref value),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new CompareExpression
        {
            SourceRegister = sourceRegister,
            Operator = (CompareOperator?)@operator,
            Value = value,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_CMP_SREG:
                writer.Put(type, SourceRegister);
                break;
            case NFTA_CMP_OP:
                writer.Put(type, (uint?)Operator);
                break;
            case NFTA_CMP_DATA:
                writer.PutData(type, form, Value);
                break;
        }
    }
}
