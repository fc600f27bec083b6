using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads the sender's operating system, guessed from its SYN.</summary>
public sealed record OsFingerprintExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "osf";

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>How the time to live is compared: 0 true, 1 less, 2 not at all.</summary>
    public byte? TimeToLive { get; init; }

    /// <summary>NFT_OSF_F_VERSION: with the version.</summary>
    public uint? Flags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3];

    internal static OsFingerprintExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        byte? timeToLive = null;
        uint? flags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_OSF_DREG => attribute.Read(ref destinationRegister),
                NFTA_OSF_TTL => attribute.Read(ref timeToLive),
                NFTA_OSF_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new OsFingerprintExpression
        {
            DestinationRegister = destinationRegister,
            TimeToLive = timeToLive,
            Flags = flags,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_OSF_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_OSF_TTL:
                writer.Put(type, TimeToLive);
                break;
            case NFTA_OSF_FLAGS:
                writer.Put(type, Flags);
                break;
        }
    }
}
