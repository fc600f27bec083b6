using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Answers SYNs in the server's place until the handshake is done.</summary>
public sealed record SynproxyExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "synproxy";

    /// <summary>The maximum segment size announced.</summary>
    public ushort? MaximumSegmentSize { get; init; }

    /// <summary>The window scale announced.</summary>
    public byte? WindowScale { get; init; }

    /// <summary>The options announced.</summary>
    public SynproxyFlags? Flags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static SynproxyExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        ushort? maximumSegmentSize = null;
        byte? windowScale = null;
        uint? flags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_SYNPROXY_MSS => attribute.Read(ref maximumSegmentSize),
                NFTA_SYNPROXY_WSCALE => attribute.Read(ref windowScale),
                NFTA_SYNPROXY_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new SynproxyExpression
        {
            MaximumSegmentSize = maximumSegmentSize,
            WindowScale = windowScale,
            Flags = (SynproxyFlags?)flags,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_SYNPROXY_MSS:
                writer.Put(type, MaximumSegmentSize);
                break;
            case NFTA_SYNPROXY_WSCALE:
                writer.Put(type, WindowScale);
                break;
            case NFTA_SYNPROXY_FLAGS:
                writer.Put(type, (uint?)Flags);
                break;
        }
    }
}
