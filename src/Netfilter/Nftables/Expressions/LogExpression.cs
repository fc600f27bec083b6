using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Logs the packet to the kernel's log or to a netlink group.</summary>
public sealed record LogExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "log";

    /// <summary>The netlink group.</summary>
    public ushort? Group { get; init; }

    /// <summary>Stands in front of each line, at most 127 bytes.</summary>
    public string? Prefix { get; init; }

    /// <summary>How many bytes of the packet go to the group.</summary>
    public uint? SnapLength { get; init; }

    /// <summary>Packets collected before the group is told.</summary>
    public ushort? QueueThreshold { get; init; }

    /// <summary>The level: 0 emerg … 7 debug, 8 audit.</summary>
    public uint? Level { get; init; }

    /// <summary>What the line holds in addition.</summary>
    public LogFlags? Flags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [2, 1, 3, 4, 5, 6];

    internal static LogExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        ushort? group = null;
        string? prefix = null;
        uint? snapLength = null;
        ushort? queueThreshold = null;
        uint? level = null;
        uint? flags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_LOG_GROUP => attribute.Read(ref group),
                NFTA_LOG_PREFIX => attribute.Read(ref prefix),
                NFTA_LOG_SNAPLEN => attribute.Read(ref snapLength),
                NFTA_LOG_QTHRESHOLD => attribute.Read(ref queueThreshold),
                NFTA_LOG_LEVEL => attribute.Read(ref level),
                NFTA_LOG_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new LogExpression
        {
            Group = group,
            Prefix = prefix,
            SnapLength = snapLength,
            QueueThreshold = queueThreshold,
            Level = level,
            Flags = (LogFlags?)flags,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_LOG_GROUP:
                writer.Put(type, Group);
                break;
            case NFTA_LOG_PREFIX:
                writer.Put(type, form, Prefix);
                break;
            case NFTA_LOG_SNAPLEN:
                writer.Put(type, SnapLength);
                break;
            case NFTA_LOG_QTHRESHOLD:
                writer.Put(type, QueueThreshold);
                break;
            case NFTA_LOG_LEVEL:
                writer.Put(type, Level);
                break;
            case NFTA_LOG_FLAGS:
                writer.Put(type, (uint?)Flags);
                break;
        }
    }
}
