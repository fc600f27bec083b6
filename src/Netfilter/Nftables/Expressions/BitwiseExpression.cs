using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Masks, flips or shifts a register into another.</summary>
public sealed record BitwiseExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "bitwise";

    /// <summary>The register that is read.</summary>
    public uint? SourceRegister { get; init; }

    /// <summary>The register that is written.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>How many bytes.</summary>
    public uint? Length { get; init; }

    /// <summary>The bits that stay.</summary>
    public OctetString? Mask { get; init; }

    /// <summary>The bits that are flipped afterwards.</summary>
    public OctetString? Xor { get; init; }

    /// <summary>What is done; absent means mask and xor.</summary>
    public BitwiseOperation? Operation { get; init; }

    /// <summary>By how much is shifted (u32 in host byte order), or the right operand.</summary>
    public OctetString? Data { get; init; }

    /// <summary>The register with the right operand (Linux 6.13).</summary>
    public uint? SecondSourceRegister { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 6, 3, 4, 5, 7, 8];

    internal static BitwiseExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? sourceRegister = null;
        uint? destinationRegister = null;
        uint? length = null;
        OctetString? mask = null;
        OctetString? xor = null;
        uint? operation = null;
        OctetString? data = null;
        uint? secondSourceRegister = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_BITWISE_SREG => attribute.Read(ref sourceRegister),
                NFTA_BITWISE_DREG => attribute.Read(ref destinationRegister),
                NFTA_BITWISE_LEN => attribute.Read(ref length),
                NFTA_BITWISE_MASK => attribute.ReadData(ref mask),
                NFTA_BITWISE_XOR => attribute.ReadData(ref xor),
                NFTA_BITWISE_OP => attribute.Read(ref operation),
                NFTA_BITWISE_DATA => attribute.ReadData(ref data),
                NFTA_BITWISE_SREG2 => attribute.Read(ref secondSourceRegister),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new BitwiseExpression
        {
            SourceRegister = sourceRegister,
            DestinationRegister = destinationRegister,
            Length = length,
            Mask = mask,
            Xor = xor,
            Operation = (BitwiseOperation?)operation,
            Data = data,
            SecondSourceRegister = secondSourceRegister,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_BITWISE_SREG:
                writer.Put(type, SourceRegister);
                break;
            case NFTA_BITWISE_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_BITWISE_LEN:
                writer.Put(type, Length);
                break;
            case NFTA_BITWISE_MASK:
                writer.PutData(type, form, Mask);
                break;
            case NFTA_BITWISE_XOR:
                writer.PutData(type, form, Xor);
                break;
            case NFTA_BITWISE_OP:
                writer.Put(type, (uint?)Operation);
                break;
            case NFTA_BITWISE_DATA:
                writer.PutData(type, form, Data);
                break;
            case NFTA_BITWISE_SREG2:
                writer.Put(type, SecondSourceRegister);
                break;
        }
    }
}
