using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Matches until a number of bytes is used up, or from then on.</summary>
public sealed record QuotaExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "quota";

    /// <summary>The number of bytes.</summary>
    public ulong? Bytes { get; init; }

    /// <summary>Over, depleted.</summary>
    public QuotaFlags? Flags { get; init; }

    /// <summary>Bytes used so far.</summary>
    public ulong? Consumed { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 4, 2];

    internal static QuotaExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        ulong? bytes = null;
        uint? flags = null;
        ulong? consumed = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_QUOTA_BYTES => attribute.Read(ref bytes),
                NFTA_QUOTA_FLAGS => attribute.Read(ref flags),
                NFTA_QUOTA_CONSUMED => attribute.Read(ref consumed),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new QuotaExpression
        {
            Bytes = bytes,
            Flags = (QuotaFlags?)flags,
            Consumed = consumed,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_QUOTA_BYTES:
                writer.Put(type, Bytes);
                break;
            case NFTA_QUOTA_FLAGS:
                writer.Put(type, (uint?)Flags);
                break;
            case NFTA_QUOTA_CONSUMED:
                writer.Put(type, Consumed);
                break;
        }
    }
}
