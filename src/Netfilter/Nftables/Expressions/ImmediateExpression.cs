using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Puts a value into a register, or a verdict into the verdict register.</summary>
public sealed record ImmediateExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "immediate";

    /// <summary>The register that is loaded; 0 takes a verdict.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>The value.</summary>
    public OctetString? Value { get; init; }

    /// <summary>The verdict.</summary>
    public Verdict? Verdict { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2];

    internal static ImmediateExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        OctetString? value = null;
        Verdict? verdict = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_IMMEDIATE_DREG => attribute.Read(ref destinationRegister),
                NFTA_IMMEDIATE_DATA => (value is null && attribute.ReadVerdict(ref verdict)) || (verdict is null && attribute.ReadData(ref value)),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new ImmediateExpression
        {
            DestinationRegister = destinationRegister,
            Value = value,
            Verdict = verdict,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_IMMEDIATE_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_IMMEDIATE_DATA when Verdict is not null:
                writer.PutVerdict(type, form, Verdict);
                break;
            case NFTA_IMMEDIATE_DATA:
                writer.PutData(type, form, Value);
                break;
        }
    }
}
