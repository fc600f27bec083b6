using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Counts packets and bytes.</summary>
public sealed record CounterExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "counter";

    /// <summary>Bytes so far.</summary>
    public ulong? Bytes { get; init; }

    /// <summary>Packets so far.</summary>
    public ulong? Packets { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2];

    internal static CounterExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        ulong? bytes = null;
        ulong? packets = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_COUNTER_BYTES => attribute.Read(ref bytes),
                NFTA_COUNTER_PACKETS => attribute.Read(ref packets),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new CounterExpression
        {
            Bytes = bytes,
            Packets = packets,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_COUNTER_BYTES:
                writer.Put(type, Bytes);
                break;
            case NFTA_COUNTER_PACKETS:
                writer.Put(type, Packets);
                break;
        }
    }
}
