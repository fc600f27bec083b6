using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads what the packet's socket says.</summary>
public sealed record SocketExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "socket";

    /// <summary>What is loaded.</summary>
    public SocketKey? Key { get; init; }

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>The depth of the cgroup asked for.</summary>
    public uint? Level { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static SocketExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? key = null;
        uint? destinationRegister = null;
        uint? level = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_SOCKET_KEY => attribute.Read(ref key),
                NFTA_SOCKET_DREG => attribute.Read(ref destinationRegister),
                NFTA_SOCKET_LEVEL => attribute.Read(ref level),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new SocketExpression
        {
            Key = (SocketKey?)key,
            DestinationRegister = destinationRegister,
            Level = level,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_SOCKET_KEY:
                writer.Put(type, (uint?)Key);
                break;
            case NFTA_SOCKET_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_SOCKET_LEVEL:
                writer.Put(type, Level);
                break;
        }
    }
}
