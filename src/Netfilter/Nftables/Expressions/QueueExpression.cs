using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Hands the packet to a program.</summary>
public sealed record QueueExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "queue";

    /// <summary>The first queue.</summary>
    public ushort? Number { get; init; }

    /// <summary>How many queues share the packets.</summary>
    public ushort? Total { get; init; }

    /// <summary>Bypass, fanout.</summary>
    public QueueFlags? Flags { get; init; }

    /// <summary>The register with the queue's number.</summary>
    public uint? NumberRegister { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3, 4];

    internal static QueueExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        ushort? number = null;
        ushort? total = null;
        ushort? flags = null;
        uint? numberRegister = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_QUEUE_NUM => attribute.Read(ref number),
                NFTA_QUEUE_TOTAL => attribute.Read(ref total),
                NFTA_QUEUE_FLAGS => attribute.Read(ref flags),
                NFTA_QUEUE_SREG_QNUM => attribute.Read(ref numberRegister),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new QueueExpression
        {
            Number = number,
            Total = total,
            Flags = (QueueFlags?)flags,
            NumberRegister = numberRegister,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_QUEUE_NUM:
                writer.Put(type, Number);
                break;
            case NFTA_QUEUE_TOTAL:
                writer.Put(type, Total);
                break;
            case NFTA_QUEUE_FLAGS:
                writer.Put(type, (ushort?)Flags);
                break;
            case NFTA_QUEUE_SREG_QNUM:
                writer.Put(type, NumberRegister);
                break;
        }
    }
}
