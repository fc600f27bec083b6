using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads from, writes to or tests for an IPv6 extension header, an IPv4, TCP or DCCP option or an SCTP chunk; without a register it removes a TCP option.</summary>
public sealed record ExtensionHeaderExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "exthdr";

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>The header, option or chunk by its number.</summary>
    public byte? Type { get; init; }

    /// <summary>Bytes from its start.</summary>
    public uint? Offset { get; init; }

    /// <summary>How many bytes.</summary>
    public uint? Length { get; init; }

    /// <summary>NFT_EXTHDR_F_PRESENT: load whether it is there instead of its content.</summary>
    public uint? Flags { get; init; }

    /// <summary>What kind of header it is.</summary>
    public ExtensionHeaderKind? Kind { get; init; }

    /// <summary>The register that is written into the packet.</summary>
    public uint? SourceRegister { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 7, 2, 3, 4, 6, 5];

    internal static ExtensionHeaderExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        byte? type = null;
        uint? offset = null;
        uint? length = null;
        uint? flags = null;
        uint? kind = null;
        uint? sourceRegister = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_EXTHDR_DREG => attribute.Read(ref destinationRegister),
                NFTA_EXTHDR_TYPE => attribute.Read(ref type),
                NFTA_EXTHDR_OFFSET => attribute.Read(ref offset),
                NFTA_EXTHDR_LEN => attribute.Read(ref length),
                NFTA_EXTHDR_FLAGS => attribute.Read(ref flags),
                NFTA_EXTHDR_OP => attribute.Read(ref kind),
                NFTA_EXTHDR_SREG => attribute.Read(ref sourceRegister),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new ExtensionHeaderExpression
        {
            DestinationRegister = destinationRegister,
            Type = type,
            Offset = offset,
            Length = length,
            Flags = flags,
            Kind = (ExtensionHeaderKind?)kind,
            SourceRegister = sourceRegister,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        // The kernel shows these of writes and removals, and refuses them in requests: only what was read is written so.
        bool isRefused = DestinationRegister is null && (type == NFTA_EXTHDR_FLAGS || (SourceRegister is null && type is NFTA_EXTHDR_OFFSET or NFTA_EXTHDR_LEN));
        switch (type)
        {
            case NFTA_EXTHDR_FLAGS or NFTA_EXTHDR_OFFSET or NFTA_EXTHDR_LEN when isRefused && (form & AttributeForm.AsRead) == 0:
                break;
            case NFTA_EXTHDR_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_EXTHDR_TYPE:
                writer.Put(type, Type);
                break;
            case NFTA_EXTHDR_OFFSET:
                writer.Put(type, Offset);
                break;
            case NFTA_EXTHDR_LEN:
                writer.Put(type, Length);
                break;
            case NFTA_EXTHDR_FLAGS:
                writer.Put(type, Flags);
                break;
            case NFTA_EXTHDR_OP:
                writer.Put(type, (uint?)Kind);
                break;
            case NFTA_EXTHDR_SREG:
                writer.Put(type, SourceRegister);
                break;
        }
    }
}
