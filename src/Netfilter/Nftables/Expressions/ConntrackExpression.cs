using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Loads what connection tracking knows about a packet's flow, or sets it.</summary>
public sealed record ConntrackExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "ct";

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>What is loaded or set.</summary>
    public ConntrackKey? Key { get; init; }

    /// <summary>Of which direction of the flow.</summary>
    public ConntrackDirection? Direction { get; init; }

    /// <summary>The register with the new value.</summary>
    public uint? SourceRegister { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [2, 1, 3, 4];

    internal static ConntrackExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        uint? key = null;
        byte? direction = null;
        uint? sourceRegister = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_CT_DREG => attribute.Read(ref destinationRegister),
                NFTA_CT_KEY => attribute.Read(ref key),
                NFTA_CT_DIRECTION => attribute.Read(ref direction),
                NFTA_CT_SREG => attribute.Read(ref sourceRegister),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new ConntrackExpression
        {
            DestinationRegister = destinationRegister,
            Key = (ConntrackKey?)key,
            Direction = (ConntrackDirection?)direction,
            SourceRegister = sourceRegister,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_CT_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_CT_KEY:
                writer.Put(type, (uint?)Key);
                break;
            case NFTA_CT_DIRECTION:
                writer.Put(type, (byte?)Direction);
                break;
            case NFTA_CT_SREG:
                writer.Put(type, SourceRegister);
                break;
        }
    }
}
