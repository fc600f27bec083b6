using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Remembers when it was last reached.</summary>
public sealed record LastExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "last";

    /// <summary>1 where it was ever reached.</summary>
    public uint? IsSet { get; init; }

    /// <summary>Milliseconds since then.</summary>
    public ulong? Milliseconds { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [2, 1];

    internal static LastExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? isSet = null;
        ulong? milliseconds = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_LAST_SET => attribute.Read(ref isSet),
                NFTA_LAST_MSECS => attribute.Read(ref milliseconds),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new LastExpression
        {
            IsSet = isSet,
            Milliseconds = milliseconds,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_LAST_SET:
                writer.Put(type, IsSet);
                break;
            case NFTA_LAST_MSECS:
                writer.Put(type, Milliseconds);
                break;
        }
    }
}
