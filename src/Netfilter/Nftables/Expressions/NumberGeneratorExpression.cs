using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads a number that counts up or is random.</summary>
public sealed record NumberGeneratorExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "numgen";

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>The numbers are below this.</summary>
    public uint? Modulus { get; init; }

    /// <summary>Counting or random.</summary>
    public NumberGeneratorKind? Kind { get; init; }

    /// <summary>Added to the number.</summary>
    public uint? Offset { get; init; }

    /// <summary>A map the number is looked up in (no longer in use).</summary>
    public string? SetName { get; init; }

    /// <summary>That map by its id within the batch.</summary>
    public uint? SetId { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3, 4, 5, 6];

    internal static NumberGeneratorExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        uint? modulus = null;
        uint? kind = null;
        uint? offset = null;
        string? setName = null;
        uint? setId = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_NG_DREG => attribute.Read(ref destinationRegister),
                NFTA_NG_MODULUS => attribute.Read(ref modulus),
                NFTA_NG_TYPE => attribute.Read(ref kind),
                NFTA_NG_OFFSET => attribute.Read(ref offset),
                NFTA_NG_SET_NAME => attribute.Read(ref setName),
                NFTA_NG_SET_ID => attribute.Read(ref setId),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new NumberGeneratorExpression
        {
            DestinationRegister = destinationRegister,
            Modulus = modulus,
            Kind = (NumberGeneratorKind?)kind,
            Offset = offset,
            SetName = setName,
            SetId = setId,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_NG_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_NG_MODULUS:
                writer.Put(type, Modulus);
                break;
            case NFTA_NG_TYPE:
                writer.Put(type, (uint?)Kind);
                break;
            case NFTA_NG_OFFSET:
                writer.Put(type, Offset);
                break;
            case NFTA_NG_SET_NAME:
                writer.Put(type, form, SetName);
                break;
            case NFTA_NG_SET_ID:
                writer.Put(type, SetId);
                break;
        }
    }
}
