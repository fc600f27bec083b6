using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Matches up to a rate, or from it on.</summary>
public sealed record LimitExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "limit";

    /// <summary>Packets or bytes per unit.</summary>
    public ulong? Rate { get; init; }

    /// <summary>The unit in seconds.</summary>
    public ulong? Unit { get; init; }

    /// <summary>Packets or bytes that may pass at once.</summary>
    public uint? Burst { get; init; }

    /// <summary>What is counted.</summary>
    public LimitKind? Kind { get; init; }

    /// <summary>NFT_LIMIT_F_INV: matches above the rate.</summary>
    public uint? Flags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3, 4, 5];

    internal static LimitExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        ulong? rate = null;
        ulong? unit = null;
        uint? burst = null;
        uint? kind = null;
        uint? flags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_LIMIT_RATE => attribute.Read(ref rate),
                NFTA_LIMIT_UNIT => attribute.Read(ref unit),
                NFTA_LIMIT_BURST => attribute.Read(ref burst),
                NFTA_LIMIT_TYPE => attribute.Read(ref kind),
                NFTA_LIMIT_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new LimitExpression
        {
            Rate = rate,
            Unit = unit,
            Burst = burst,
            Kind = (LimitKind?)kind,
            Flags = flags,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_LIMIT_RATE:
                writer.Put(type, Rate);
                break;
            case NFTA_LIMIT_UNIT:
                writer.Put(type, Unit);
                break;
            case NFTA_LIMIT_BURST:
                writer.Put(type, Burst);
                break;
            case NFTA_LIMIT_TYPE:
                writer.Put(type, (uint?)Kind);
                break;
            case NFTA_LIMIT_FLAGS:
                writer.Put(type, Flags);
                break;
        }
    }
}
