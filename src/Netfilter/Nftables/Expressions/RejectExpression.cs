using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Drops the packet and answers with an error.</summary>
public sealed record RejectExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "reject";

    /// <summary>What is answered.</summary>
    public RejectKind? Kind { get; init; }

    /// <summary>The ICMP code, or NFT_REJECT_ICMPX_*.</summary>
    public byte? IcmpCode { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2];

    internal static RejectExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? kind = null;
        byte? icmpCode = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_REJECT_TYPE => attribute.Read(ref kind),
                NFTA_REJECT_ICMP_CODE => attribute.Read(ref icmpCode),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new RejectExpression
        {
            Kind = (RejectKind?)kind,
            IcmpCode = icmpCode,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_REJECT_TYPE:
                writer.Put(type, (uint?)Kind);
                break;
            case NFTA_REJECT_ICMP_CODE:
                writer.Put(type, IcmpCode);
                break;
        }
    }
}
