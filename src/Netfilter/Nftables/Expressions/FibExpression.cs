using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Asks the routing table about the packet.</summary>
public sealed record FibExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "fib";

    /// <summary>The register that is loaded.</summary>
    public uint? DestinationRegister { get; init; }

    /// <summary>What is asked.</summary>
    public FibResult? Result { get; init; }

    /// <summary>What is looked up by.</summary>
    public FibFlags? Flags { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [3, 2, 1];

    internal static FibExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? destinationRegister = null;
        uint? result = null;
        uint? flags = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_FIB_DREG => attribute.Read(ref destinationRegister),
                NFTA_FIB_RESULT => attribute.Read(ref result),
                NFTA_FIB_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new FibExpression
        {
            DestinationRegister = destinationRegister,
            Result = (FibResult?)result,
            Flags = (FibFlags?)flags,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_FIB_DREG:
                writer.Put(type, DestinationRegister);
                break;
            case NFTA_FIB_RESULT:
                writer.Put(type, (uint?)Result);
                break;
            case NFTA_FIB_FLAGS:
                writer.Put(type, (uint?)Flags);
                break;
        }
    }
}
