using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>An iptables target (nft_compat).</summary>
public sealed record TargetExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "target";

    /// <summary>The target ("LOG", "DNAT" …).</summary>
    public string? TargetName { get; init; }

    /// <summary>The revision of its structure.</summary>
    public uint? Revision { get; init; }

    /// <summary>The structure, padded to eight bytes.</summary>
    public OctetString? Info { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static TargetExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        string? targetName = null;
        uint? revision = null;
        OctetString? info = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_TARGET_NAME => attribute.Read(ref targetName),
                NFTA_TARGET_REV => attribute.Read(ref revision),
                NFTA_TARGET_INFO => attribute.ReadBytes(ref info),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new TargetExpression
        {
            TargetName = targetName,
            Revision = revision,
            Info = info,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_TARGET_NAME:
                writer.Put(type, form, TargetName);
                break;
            case NFTA_TARGET_REV:
                writer.Put(type, Revision);
                break;
            case NFTA_TARGET_INFO:
                writer.PutBytes(type, Info);
                break;
        }
    }
}
