using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>An iptables match (nft_compat).</summary>
public sealed record MatchExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "match";

    /// <summary>The match ("conntrack", "comment" …).</summary>
    public string? MatchName { get; init; }

    /// <summary>The revision of its structure.</summary>
    public uint? Revision { get; init; }

    /// <summary>The structure, padded to eight bytes.</summary>
    public OctetString? Info { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static MatchExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        string? matchName = null;
        uint? revision = null;
        OctetString? info = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_MATCH_NAME => attribute.Read(ref matchName),
                NFTA_MATCH_REV => attribute.Read(ref revision),
                NFTA_MATCH_INFO => attribute.ReadBytes(ref info),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new MatchExpression
        {
            MatchName = matchName,
            Revision = revision,
            Info = info,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_MATCH_NAME:
                writer.Put(type, form, MatchName);
                break;
            case NFTA_MATCH_REV:
                writer.Put(type, Revision);
                break;
            case NFTA_MATCH_INFO:
                writer.PutBytes(type, Info);
                break;
        }
    }
}
