using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads bytes of the packet into a register, or writes a register into the packet and mends the checksums.</summary>
public sealed record PayloadExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "payload";

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>Where the offset counts from.</summary>
    public PayloadBase? Base { get; init; }

    /// <summary>Bytes from the base.</summary>
    public uint? Offset { get; init; }

    /// <summary>How many bytes.</summary>
    public uint? Length { get; init; }

    /// <summary>The register that is written into the packet.</summary>
    public uint? SourceRegister { get; init; }

    /// <summary>The checksum to mend.</summary>
    public PayloadChecksum? ChecksumKind { get; init; }

    /// <summary>Where that checksum lies, from the base.</summary>
    public uint? ChecksumOffset { get; init; }

    /// <summary>NFT_PAYLOAD_L4CSUM_PSEUDOHDR: the field is part of the pseudo header.</summary>
    public uint? ChecksumFlags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [5, 1, 2, 3, 4, 6, 7, 8];

    internal static PayloadExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        uint? @base = null;
        uint? offset = null;
        uint? length = null;
        uint? sourceRegister = null;
        uint? checksumKind = null;
        uint? checksumOffset = null;
        uint? checksumFlags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_PAYLOAD_DREG => attribute.Read(ref destinationRegister),
                NFTA_PAYLOAD_BASE => attribute.Read(ref @base),
                NFTA_PAYLOAD_OFFSET => attribute.Read(ref offset),
                NFTA_PAYLOAD_LEN => attribute.Read(ref length),
                NFTA_PAYLOAD_SREG => attribute.Read(ref sourceRegister),
                NFTA_PAYLOAD_CSUM_TYPE => attribute.Read(ref checksumKind),
                NFTA_PAYLOAD_CSUM_OFFSET => attribute.Read(ref checksumOffset),
                NFTA_PAYLOAD_CSUM_FLAGS => attribute.Read(ref checksumFlags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new PayloadExpression
        {
            DestinationRegister = destinationRegister,
            Base = (PayloadBase?)@base,
            Offset = offset,
            Length = length,
            SourceRegister = sourceRegister,
            ChecksumKind = (PayloadChecksum?)checksumKind,
            ChecksumOffset = checksumOffset,
            ChecksumFlags = checksumFlags,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_PAYLOAD_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_PAYLOAD_BASE:
                writer.Put(type, (uint?)Base);
                break;
            case NFTA_PAYLOAD_OFFSET:
                writer.Put(type, Offset);
                break;
            case NFTA_PAYLOAD_LEN:
                writer.Put(type, Length);
                break;
            case NFTA_PAYLOAD_SREG:
                writer.Put(type, SourceRegister);
                break;
            case NFTA_PAYLOAD_CSUM_TYPE:
                writer.Put(type, (uint?)ChecksumKind);
                break;
            case NFTA_PAYLOAD_CSUM_OFFSET:
                writer.Put(type, ChecksumOffset);
                break;
            case NFTA_PAYLOAD_CSUM_FLAGS:
                writer.Put(type, ChecksumFlags);
                break;
        }
    }
}
