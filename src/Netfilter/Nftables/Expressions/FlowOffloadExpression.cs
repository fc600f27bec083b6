using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Puts the flow into a flowtable.</summary>
public sealed record FlowOffloadExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "flow_offload";

    /// <summary>The flowtable.</summary>
    public string? FlowtableName { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1];

    internal static FlowOffloadExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        string? flowtableName = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_FLOW_TABLE_NAME => attribute.Read(ref flowtableName),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new FlowOffloadExpression
        {
            FlowtableName = flowtableName,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_FLOW_TABLE_NAME:
                writer.Put(type, form, FlowtableName);
                break;
        }
    }
}
