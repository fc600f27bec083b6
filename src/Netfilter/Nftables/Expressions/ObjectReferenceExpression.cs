using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Applies a named object, chosen by name or by a map.</summary>
public sealed record ObjectReferenceExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "objref";

    /// <summary>NFT_OBJECT_*.</summary>
    public uint? ObjectType { get; init; }

    /// <summary>The object.</summary>
    public string? ObjectName { get; init; }

    /// <summary>The register with the map's key.</summary>
    public uint? SourceRegister { get; init; }

    /// <summary>The map.</summary>
    public string? SetName { get; init; }

    /// <summary>The map by its id within the batch.</summary>
    public uint? SetId { get; init; }

    private protected override ReadOnlySpan<byte> CanonicalOrder => [1, 2, 3, 4, 5];

    internal static ObjectReferenceExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        uint? objectType = null;
        string? objectName = null;
        uint? sourceRegister = null;
        string? setName = null;
        uint? setId = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_OBJREF_IMM_TYPE => attribute.Read(ref objectType),
                NFTA_OBJREF_IMM_NAME => attribute.Read(ref objectName),
                NFTA_OBJREF_SET_SREG => attribute.Read(ref sourceRegister),
                NFTA_OBJREF_SET_NAME => attribute.Read(ref setName),
                NFTA_OBJREF_SET_ID => attribute.Read(ref setId),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new ObjectReferenceExpression
        {
            ObjectType = objectType,
            ObjectName = objectName,
            SourceRegister = sourceRegister,
            SetName = setName,
            SetId = setId,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_OBJREF_IMM_TYPE:
                writer.Put(type, ObjectType);
                break;
            case NFTA_OBJREF_IMM_NAME:
                writer.Put(type, (form & AttributeForm.Canonical) != 0 ? AttributeForm.Unterminated : form, ObjectName);
                break;
            case NFTA_OBJREF_SET_SREG:
                writer.Put(type, SourceRegister);
                break;
            case NFTA_OBJREF_SET_NAME:
                writer.Put(type, (form & AttributeForm.Canonical) != 0 ? AttributeForm.Unterminated : form, SetName);
                break;
            case NFTA_OBJREF_SET_ID:
                writer.Put(type, SetId);
                break;
        }
    }
}
