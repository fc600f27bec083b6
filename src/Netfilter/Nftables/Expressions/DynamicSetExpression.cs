using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables.Expressions;

/// <summary>Adds, updates or deletes an element of a set from the packet path.</summary>
public sealed record DynamicSetExpression : Expression
{
    /// <inheritdoc/>
    public override string Name => "dynset";

    /// <summary>The set.</summary>
    public string? SetName { get; init; }

    /// <summary>The set by its id within the batch.</summary>
    public uint? SetId { get; init; }

    /// <summary>What is done.</summary>
    public DynamicSetOperation? Operation { get; init; }

    /// <summary>The register with the key.</summary>
    public uint? KeyRegister { get; init; }

    /// <summary>The register with the value of a map.</summary>
    public uint? DataRegister { get; init; }

    /// <summary>Milliseconds that the element lives.</summary>
    public ulong? Timeout { get; init; }

    /// <summary>A statement kept in the element (counter, limit, quota, connlimit, last).</summary>
    public Expression? Statement { get; init; }

    /// <summary>NFT_DYNSET_F_INV, NFT_DYNSET_F_EXPR.</summary>
    public uint? Flags { get; init; }

    /// <summary>Several statements kept in the element.</summary>
    public ValueList<Expression>? Statements { get; init; }

    private protected override Expression WithoutLayout() => (DynamicSetExpression)base.WithoutLayout() with
    {
        Statement = Statement?.Canonical(),
        Statements = Statements is { } list ? [.. list.Select(expression => expression.Canonical())] : null,
    };

    private protected override ReadOnlySpan<byte> CanonicalOrder => [4, 5, 3, 6, 1, 2, 7, 10, 9];

    internal static DynamicSetExpression? Read(AttributeReader attributes)
    {
        AttributeLayoutBuilder layout = default;
        string? setName = null;
        uint? setId = null;
        uint? operation = null;
        uint? keyRegister = null;
        uint? dataRegister = null;
        ulong? timeout = null;
        Expression? statement = null;
        uint? flags = null;
        ValueList<Expression>? statements = null;
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_DYNSET_SET_NAME => attribute.Read(ref setName),
                NFTA_DYNSET_SET_ID => attribute.Read(ref setId),
                NFTA_DYNSET_OP => attribute.Read(ref operation),
                NFTA_DYNSET_SREG_KEY => attribute.Read(ref keyRegister),
                NFTA_DYNSET_SREG_DATA => attribute.Read(ref dataRegister),
                NFTA_DYNSET_TIMEOUT => attribute.Read(ref timeout),
                NFTA_DYNSET_EXPR => attribute.ReadExpression(ref statement),
                NFTA_DYNSET_FLAGS => attribute.Read(ref flags),
                NFTA_DYNSET_EXPRESSIONS => attribute.ReadExpressions(ref statements),
                _ => false,
            });
        }

        return layout.IsOverflown || attributes.IsTruncated ? null : new DynamicSetExpression
        {
            SetName = setName,
            SetId = setId,
            Operation = (DynamicSetOperation?)operation,
            KeyRegister = keyRegister,
            DataRegister = dataRegister,
            Timeout = timeout,
            Statement = statement,
            Flags = flags,
            Statements = statements,
            Layout = layout.Build(),
        };
    }

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_DYNSET_SET_NAME:
                writer.Put(type, form, SetName);
                break;
            case NFTA_DYNSET_SET_ID:
                writer.Put(type, SetId);
                break;
            case NFTA_DYNSET_OP:
                writer.Put(type, (uint?)Operation);
                break;
            case NFTA_DYNSET_SREG_KEY:
                writer.Put(type, KeyRegister);
                break;
            case NFTA_DYNSET_SREG_DATA:
                writer.Put(type, DataRegister);
                break;
            case NFTA_DYNSET_TIMEOUT:
                writer.Put(type, Timeout);
                break;
            case NFTA_DYNSET_EXPR:
                writer.PutExpression(type, Statement);
                break;
            case NFTA_DYNSET_FLAGS:
                writer.Put(type, Flags);
                break;
            case NFTA_DYNSET_EXPRESSIONS:
                writer.PutExpressions(type, form, Statements);
                break;
        }
    }
}
