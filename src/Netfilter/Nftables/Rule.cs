using System.Buffers.Binary;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>A rule: expressions that run in order until one does not match or gives a verdict. At most 128 expressions.</summary>
public sealed record Rule : NftablesEntity
{
    // There are very many rules, and most have few of these numbers: one byte says which. Nullable ones would take twice the room.
    private readonly OptionalOctets _userData;
    private readonly ulong _handle;
    private readonly ulong _position;
    private readonly uint _id;
    private readonly uint _positionId;
    private readonly uint _chainId;
    private readonly byte _present;

    /// <summary>The table it is in.</summary>
    public string Table { get; init; } = "";

    /// <summary>The chain it is in; empty where <see cref="ChainId"/> says it.</summary>
    public string Chain { get; init; } = "";

    /// <summary>The number the kernel gave it, unique within the table.</summary>
    public ulong? Handle
    {
        get => Has(0) ? _handle : null;
        init => (_handle, _present) = (value ?? 0, Marked(0, value is not null));
    }

    /// <summary>What it does.</summary>
    public ValueList<Expression> Expressions { get; init; } = [];

    /// <summary>What xtables matches and targets want to know of the rule (iptables-nft).</summary>
    public RuleCompatibility? Compatibility { get; init; }

    /// <summary>In a request the rule before or behind which it goes; in a dump the rule in front of it.</summary>
    public ulong? Position
    {
        get => Has(1) ? _position : null;
        init => (_position, _present) = (value ?? 0, Marked(1, value is not null));
    }

    /// <summary>Typed values that nft keeps (<see cref="UserData"/>), up to 256 bytes.</summary>
    public OctetString? UserData
    {
        get => _userData;
        init => _userData = value;
    }

    /// <summary>Names the rule within its batch.</summary>
    public uint? Id
    {
        get => Has(2) ? _id : null;
        init => (_id, _present) = (value ?? 0, Marked(2, value is not null));
    }

    /// <summary>As <see cref="Position"/>, by the id within the batch. Linux 5.1.</summary>
    public uint? PositionId
    {
        get => Has(3) ? _positionId : null;
        init => (_positionId, _present) = (value ?? 0, Marked(3, value is not null));
    }

    /// <summary>The chain by its id within the batch. Linux 5.9.</summary>
    public uint? ChainId
    {
        get => Has(4) ? _chainId : null;
        init => (_chainId, _present) = (value ?? 0, Marked(4, value is not null));
    }

    /// <summary>The comment within the user data.</summary>
    public string? Comment => Nftables.UserData.GetText(UserData, Nftables.UserData.Comment);

    /// <summary>A rule of these expressions.</summary>
    public static Rule Of(NftablesFamily family, string table, string chain, ValueList<Expression> expressions, string? comment = null) => new()
    {
        Family = family,
        Table = table,
        Chain = chain,
        Expressions = expressions,
        UserData = comment is null ? default(OctetString?) : Nftables.UserData.OfComment(comment),
    };

    /// <summary>Does the same with the same comment; where it stands and which handle it has do not count.</summary>
    public bool HasSameContent(Rule other) => Expressions.Equals(other.Expressions) && UserData == other.UserData && Compatibility == other.Compatibility;

    /// <inheritdoc />
    public override string Describe()
    {
        string chain = Chain.Length > 0 ? Chain : $"#{ChainId}";
        return Handle is { } handle ? $"rule with handle {handle} of chain {Family.ToText()} {Table} {chain}" : $"rule of chain {Family.ToText()} {Table} {chain}";
    }

    internal override ushort NewType => NFT_MSG_NEWRULE;

    internal override ushort DestroyType => NFT_MSG_DESTROYRULE;

    internal override void WriteIdentity(ref NetlinkWriter writer)
    {
        writer.PutName(NFTA_RULE_TABLE, Table, AttributeForm.None);
        writer.PutName(NFTA_RULE_CHAIN, Chain, AttributeForm.None);
        writer.Put(NFTA_RULE_HANDLE, Handle);
        if (Handle is null)
        {
            writer.Put(NFTA_RULE_ID, Id);
        }
    }

    private bool Has(int number) => (_present >> number & 1) != 0;

    private byte Marked(int number, bool present) => (byte)(present ? _present | 1 << number : _present & ~(1 << number));

    private protected override ReadOnlySpan<byte> Order(WireOrder order) => order == WireOrder.Libnftnl
        ? [(byte)NFTA_RULE_TABLE, (byte)NFTA_RULE_CHAIN, (byte)NFTA_RULE_CHAIN_ID, (byte)NFTA_RULE_HANDLE, (byte)NFTA_RULE_POSITION, (byte)NFTA_RULE_USERDATA,
            (byte)NFTA_RULE_EXPRESSIONS, (byte)NFTA_RULE_COMPAT, (byte)NFTA_RULE_ID, (byte)NFTA_RULE_POSITION_ID]
        : [(byte)NFTA_RULE_TABLE, (byte)NFTA_RULE_CHAIN, (byte)NFTA_RULE_CHAIN_ID, (byte)NFTA_RULE_HANDLE, (byte)NFTA_RULE_POSITION, (byte)NFTA_RULE_EXPRESSIONS,
            (byte)NFTA_RULE_USERDATA, (byte)NFTA_RULE_COMPAT, (byte)NFTA_RULE_ID, (byte)NFTA_RULE_POSITION_ID];

    private protected override uint AssignedByKernel => 1u << NFTA_RULE_HANDLE | 1u << NFTA_RULE_POSITION;

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_RULE_TABLE:
                writer.PutName(type, Table, form);
                break;
            case NFTA_RULE_CHAIN:
                writer.PutName(type, Chain, form);
                break;
            case NFTA_RULE_HANDLE:
                writer.Put(type, Handle);
                break;
            case NFTA_RULE_EXPRESSIONS when Expressions.Count > 0 || (form & AttributeForm.AsRead) != 0:
                writer.PutExpressions(type, form, Expressions);
                break;
            case NFTA_RULE_COMPAT:
                Compatibility?.Write(ref writer, type, form);
                break;
            case NFTA_RULE_POSITION:
                writer.Put(type, Position);
                break;
            case NFTA_RULE_USERDATA:
                writer.PutBytes(type, UserData);
                break;
            case NFTA_RULE_ID:
                writer.Put(type, Id);
                break;
            case NFTA_RULE_POSITION_ID:
                writer.Put(type, PositionId);
                break;
            case NFTA_RULE_CHAIN_ID:
                writer.Put(type, ChainId);
                break;
        }
    }

    /// <summary>Writes a request to create the rule at a place, or to put it in the place of another.</summary>
    internal void WritePlaced(ref NetlinkWriter writer, ulong? handle, ulong? position)
    {
        const AttributeForm Form = AttributeForm.Canonical | AttributeForm.Nested | AttributeForm.EvenDefault;
        foreach (byte type in Order(WireOrder.Nft))
        {
            switch (type)
            {
                case (byte)NFTA_RULE_HANDLE:
                    writer.Put(type, handle);
                    break;
                case (byte)NFTA_RULE_POSITION:
                    writer.Put(type, position);
                    break;
                case (byte)NFTA_RULE_COMPAT when Compatibility is null:
                    RuleCompatibility.Of(Expressions)?.Write(ref writer, type, Form);
                    break;
                default:
                    WriteAttribute(ref writer, type, Form);
                    break;
            }
        }
    }

    /// <summary>Reads the attributes of a rule message.</summary>
    internal static Rule Read(NftablesFamily family, AttributeReader attributes, DecodeCache names)
    {
        string? table = null, chain = null;
        ulong? handle = null, position = null;
        uint? id = null, positionId = null, chainId = null;
        ValueList<Expression>? expressions = null;
        RuleCompatibility? compatibility = null;
        OctetString? userData = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_RULE_TABLE => names.Read(attribute, ref table),
                NFTA_RULE_CHAIN => names.Read(attribute, ref chain),
                NFTA_RULE_HANDLE => attribute.Read(ref handle),
                NFTA_RULE_EXPRESSIONS => names.Read(attribute, ref expressions),
                NFTA_RULE_COMPAT => RuleCompatibility.Read(attribute, ref compatibility),
                NFTA_RULE_POSITION => attribute.Read(ref position),
                NFTA_RULE_USERDATA => attribute.ReadBytes(ref userData),
                NFTA_RULE_ID => attribute.Read(ref id),
                NFTA_RULE_POSITION_ID => attribute.Read(ref positionId),
                NFTA_RULE_CHAIN_ID => attribute.Read(ref chainId),
                _ => false,
            });
        }

        return new Rule
        {
            Family = family,
            Table = table ?? "",
            Chain = chain ?? "",
            Handle = handle,
            Expressions = expressions ?? [],
            Compatibility = compatibility,
            Position = position,
            UserData = userData,
            Id = id,
            PositionId = positionId,
            ChainId = chainId,
            Layout = layout.Build(),
        };
    }
}

/// <summary>The protocol that xtables matches and targets of the rule are checked against (NFTA_RULE_COMPAT_*): of layer 4, of bridges the ethernet's.</summary>
/// <param name="Protocol">Protocol number, that of ethernet in network order; 0 for any.</param>
/// <param name="Flags">NFT_RULE_COMPAT_F_INV: any but this.</param>
public sealed record RuleCompatibility(uint Protocol, uint Flags)
{
    /// <summary>
    /// What matches and targets of xtables among these expressions are checked against, which the kernel does not list: the protocol that the packet's is compared with
    /// in front of them, of bridges the ethernet protocol as it stands in the frame. Null where there are none of xtables, or no such comparison.
    /// </summary>
    internal static RuleCompatibility? Of(ValueList<Expression> expressions)
    {
        const uint ProtocolOfIpv4 = 9, NextHeaderOfIpv6 = 6, ProtocolOfEthernet = 12;
        CompareExpression? compared = null;
        for (int index = 0; index < expressions.Count; index++)
        {
            switch (expressions[index])
            {
                case MatchExpression or TargetExpression:
                    return compared is { Value: { } protocol }
                        ? new RuleCompatibility(protocol.Length == 1 ? protocol[0] : BinaryPrimitives.ReadUInt16LittleEndian(protocol.Span), compared.Operator == CompareOperator.NotEqual ? NFT_RULE_COMPAT_F_INV : 0)
                        : null;
                case CompareExpression { Value.Length: 1, Operator: CompareOperator.Equal or CompareOperator.NotEqual }
                    when index > 0 && expressions[index - 1] is MetaExpression { Key: MetaKey.Layer4Protocol }
                        or PayloadExpression { Base: PayloadBase.NetworkHeader, Length: 1, Offset: ProtocolOfIpv4 or NextHeaderOfIpv6 }:
                case CompareExpression { Value.Length: 2, Operator: CompareOperator.Equal or CompareOperator.NotEqual }
                    when index > 0 && expressions[index - 1] is PayloadExpression { Base: PayloadBase.LinkLayerHeader, Length: 2, Offset: ProtocolOfEthernet }:
                    compared = (CompareExpression)expressions[index];
                    break;
            }
        }

        return null;
    }

    internal void Write(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        WireMark mark = writer.BeginNested(type, (form & AttributeForm.Nested) != 0);
        writer.WriteUInt32BigEndian(NFTA_RULE_COMPAT_PROTO, Protocol);
        writer.WriteUInt32BigEndian(NFTA_RULE_COMPAT_FLAGS, Flags);
        writer.EndAttribute(mark);
    }

    internal static bool Read(in NetlinkAttribute attribute, ref RuleCompatibility? field)
    {
        AttributeReader inside = attribute.Nested();
        uint? protocol = null, flags = null;
        if (field is not null
            || !inside.TryRead(out NetlinkAttribute first) || first.Type != NFTA_RULE_COMPAT_PROTO || !first.Read(ref protocol)
            || !inside.TryRead(out NetlinkAttribute second) || second.Type != NFTA_RULE_COMPAT_FLAGS || !second.Read(ref flags)
            || !inside.Rest.IsEmpty)
        {
            return false;
        }

        field = new RuleCompatibility(protocol!.Value, flags!.Value);
        return true;
    }
}
