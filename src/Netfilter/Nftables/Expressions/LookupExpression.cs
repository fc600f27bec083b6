using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Looks a register up in a set, or maps it to another register.</summary>
public sealed record LookupExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "lookup";

    /// <summary>The set.</summary>
    public string? SetName { get; init; }

    /// <summary>The register with the key.</summary>
    public uint? SourceRegister { get; init; }

    /// <summary>The register for the value of a map; 0 takes a verdict.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>The set by its id within the batch.</summary>
    public uint? SetId { get; init; }

    /// <summary>NFT_LOOKUP_F_INV: matches what is not in the set.</summary>
    public uint? Flags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [2, 3, 1, 4, 5];

    internal static LookupExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        string? setName = null;
        uint? sourceRegister = null;
        uint? destinationRegister = null;
        uint? setId = null;
        uint? flags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_LOOKUP_SET => attribute.Read(ref setName),
                NFTA_LOOKUP_SREG => attribute.Read(ref sourceRegister),
                NFTA_LOOKUP_DREG => attribute.Read(ref destinationRegister),
                NFTA_LOOKUP_SET_ID => attribute.Read(ref setId),
                NFTA_LOOKUP_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new LookupExpression
        {
            SetName = setName,
            SourceRegister = sourceRegister,
            DestinationRegister = destinationRegister,
            SetId = setId,
            Flags = flags,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_LOOKUP_SET:
                writer.Put(type, form, SetName);
                break;
            case NFTA_LOOKUP_SREG:
                writer.Put(type, SourceRegister);
                break;
            case NFTA_LOOKUP_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_LOOKUP_SET_ID:
                writer.Put(type, SetId);
                break;
            case NFTA_LOOKUP_FLAGS:
                writer.Put(type, Flags);
                break;
        }
    }
}
