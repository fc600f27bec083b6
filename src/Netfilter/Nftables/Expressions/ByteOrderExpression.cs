using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Converts a register between network and host byte order.</summary>
public sealed record ByteOrderExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "byteorder";

    /// <summary>The register that is read.</summary>
    public uint? SourceRegister { get; init; }

    /// <summary>The register that is written.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>Which way.</summary>
    public ByteOrderOperation? Operation { get; init; }

    /// <summary>How many bytes.</summary>
    public uint? Length { get; init; }

    /// <summary>Bytes of one number: 2, 4 or 8.</summary>
    public uint? Size { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3, 4, 5];

    internal static ByteOrderExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? sourceRegister = null;
        uint? destinationRegister = null;
        uint? operation = null;
        uint? length = null;
        uint? size = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_BYTEORDER_SREG => attribute.Read(ref sourceRegister),
                NFTA_BYTEORDER_DREG => attribute.Read(ref destinationRegister),
                NFTA_BYTEORDER_OP => attribute.Read(ref operation),
                NFTA_BYTEORDER_LEN => attribute.Read(ref length),
                NFTA_BYTEORDER_SIZE => attribute.Read(ref size),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new ByteOrderExpression
        {
            SourceRegister = sourceRegister,
            DestinationRegister = destinationRegister,
            Operation = (ByteOrderOperation?)operation,
            Length = length,
            Size = size,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_BYTEORDER_SREG:
                writer.Put(type, SourceRegister);
                break;
            case NFTA_BYTEORDER_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_BYTEORDER_OP:
                writer.Put(type, (uint?)Operation);
                break;
            case NFTA_BYTEORDER_LEN:
                writer.Put(type, Length);
                break;
            case NFTA_BYTEORDER_SIZE:
                writer.Put(type, Size);
                break;
        }
    }
}
