using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Matches up to a number of connections, or above it.</summary>
public sealed record ConnectionLimitExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "connlimit";

    /// <summary>The number of connections.</summary>
    public uint? Count { get; init; }

    /// <summary>NFT_CONNLIMIT_F_INV: matches above it.</summary>
    public uint? Flags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2];

    internal static ConnectionLimitExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? count = null;
        uint? flags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_CONNLIMIT_COUNT => attribute.Read(ref count),
                NFTA_CONNLIMIT_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new ConnectionLimitExpression
        {
            Count = count,
            Flags = flags,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_CONNLIMIT_COUNT:
                writer.Put(type, Count);
                break;
            case NFTA_CONNLIMIT_FLAGS:
                writer.Put(type, Flags);
                break;
        }
    }
}
