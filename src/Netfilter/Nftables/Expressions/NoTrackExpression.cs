using EucaNet.Netlink.Wire;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Keeps the packet away from connection tracking.</summary>
public sealed record NoTrackExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "notrack";

    internal override bool HasNoData => true;

    private protected override ReadOnlySpan<byte> CanonicalOrder => [];

    internal static NoTrackExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, known: false);
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new NoTrackExpression { Layout = layout.Build() };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
    }
}
