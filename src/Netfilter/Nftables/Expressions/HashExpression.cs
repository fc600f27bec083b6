using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads a hash of a register or of the flow.</summary>
public sealed record HashExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "hash";

    /// <summary>The register that is hashed.</summary>
    public uint? SourceRegister { get; init; }

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>How many bytes are hashed.</summary>
    public uint? Length { get; init; }

    /// <summary>The hash is below this.</summary>
    public uint? Modulus { get; init; }

    /// <summary>The seed; absent means random.</summary>
    public uint? Seed { get; init; }

    /// <summary>Added to the hash.</summary>
    public uint? Offset { get; init; }

    /// <summary>Of a register, or symmetric over the flow.</summary>
    public HashKind? Kind { get; init; }

    /// <summary>A map the hash is looked up in (no longer in use).</summary>
    public string? SetName { get; init; }

    /// <summary>That map by its id within the batch.</summary>
    public uint? SetId { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3, 4, 5, 6, 7, 8, 9];

    internal static HashExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? sourceRegister = null;
        uint? destinationRegister = null;
        uint? length = null;
        uint? modulus = null;
        uint? seed = null;
        uint? offset = null;
        uint? kind = null;
        string? setName = null;
        uint? setId = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_HASH_SREG => attribute.Read(ref sourceRegister),
                NFTA_HASH_DREG => attribute.Read(ref destinationRegister),
                NFTA_HASH_LEN => attribute.Read(ref length),
                NFTA_HASH_MODULUS => attribute.Read(ref modulus),
                NFTA_HASH_SEED => attribute.Read(ref seed),
                NFTA_HASH_OFFSET => attribute.Read(ref offset),
                NFTA_HASH_TYPE => attribute.Read(ref kind),
                NFTA_HASH_SET_NAME => attribute.Read(ref setName),
                NFTA_HASH_SET_ID => attribute.Read(ref setId),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new HashExpression
        {
            SourceRegister = sourceRegister,
            DestinationRegister = destinationRegister,
            Length = length,
            Modulus = modulus,
            Seed = seed,
            Offset = offset,
            Kind = (HashKind?)kind,
            SetName = setName,
            SetId = setId,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_HASH_SREG:
                writer.Put(type, SourceRegister);
                break;
            case NFTA_HASH_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_HASH_LEN:
                writer.Put(type, Length);
                break;
            case NFTA_HASH_MODULUS:
                writer.Put(type, Modulus);
                break;
            case NFTA_HASH_SEED:
                writer.Put(type, Seed);
                break;
            case NFTA_HASH_OFFSET:
                writer.Put(type, Offset);
                break;
            case NFTA_HASH_TYPE:
                writer.Put(type, (uint?)Kind);
                break;
            case NFTA_HASH_SET_NAME:
                writer.Put(type, form, SetName);
                break;
            case NFTA_HASH_SET_ID:
                writer.Put(type, SetId);
                break;
        }
    }
}
