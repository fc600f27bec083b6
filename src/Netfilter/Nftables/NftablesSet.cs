using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>A set of keys, or a map from keys to data, verdicts or objects.</summary>
public sealed record NftablesSet : NftablesEntity
{
    /// <summary>The table it is in.</summary>
    public string Table { get; init; } = "";

    /// <summary>Its name, unique within the table. A <c>%d</c> in the name of an anonymous set is replaced by the kernel.</summary>
    public string Name { get; init; } = "";

    /// <summary>What kind of set it is.</summary>
    public SetFlags Flags { get; init; }

    /// <summary>nft's number of the key's type; for a concatenation six bits a part. The kernel only keeps it.</summary>
    public uint KeyType { get; init; }

    /// <summary>Bytes of a key, each part of a concatenation padded to four; at most 64.</summary>
    public uint KeyLength { get; init; }

    /// <summary>nft's number of the data's type (0xffffff00 for a verdict map); null for a set or an object map.</summary>
    public uint? DataType { get; init; }

    /// <summary>Bytes of the data; 0 for verdicts.</summary>
    public uint? DataLength { get; init; }

    /// <summary>Speed or memory.</summary>
    public uint? Policy { get; init; }

    /// <summary>How many elements it holds at most; sizes the hash table, so declare it. Null: no limit.</summary>
    public uint? Size { get; init; }

    /// <summary>Bytes of each part of a concatenated range set's key, unpadded (Linux 5.6); empty for others.</summary>
    public ValueList<uint> FieldLengths { get; init; }

    /// <summary>Names the set within its batch.</summary>
    public uint? Id { get; init; }

    /// <summary>How long elements stay, in milliseconds, unless they say it themselves.</summary>
    public ulong? Timeout { get; init; }

    /// <summary>Milliseconds between looks for elements whose time is over.</summary>
    public uint? GarbageCollectionInterval { get; init; }

    /// <summary>Typed values that nft keeps (<see cref="UserData"/>).</summary>
    public OctetString? UserData { get; init; }

    /// <summary>The kind of objects an object map leads to (NFT_OBJECT_*).</summary>
    public uint? ObjectType { get; init; }

    /// <summary>The number the kernel gave it.</summary>
    public ulong? Handle { get; init; }

    /// <summary>What each new element carries: a counter, a limit … Several from Linux 5.11 on.</summary>
    public ValueList<Expression> Expressions { get; init; } = [];

    /// <summary>The structure the kernel chose ("nft_set_hash_type"). Linux 6.17.</summary>
    public string? Backend { get; init; }

    /// <summary>Elements in it. Linux 6.17.</summary>
    public uint? Count { get; init; }

    /// <summary>The set's description was there though it said nothing (as the kernel's dumps have it).</summary>
    internal bool HasDescription => Size is not null || !FieldLengths.IsEmpty;

    /// <summary>The comment within the user data.</summary>
    public string? Comment => Nftables.UserData.GetText(UserData, Nftables.UserData.SetComment);

    /// <summary>It leads from keys to data, verdicts or objects.</summary>
    public bool IsMap => (Flags & (SetFlags.Map | SetFlags.Object)) != 0;

    /// <inheritdoc />
    public override string Describe() => $"{(IsMap ? "map" : "set")} {Family.ToText()} {Table} {Name}";

    internal override ushort NewType => NFT_MSG_NEWSET;

    internal override ushort DestroyType => NFT_MSG_DESTROYSET;

    internal override void WriteIdentity(ref NetlinkWriter writer)
    {
        writer.PutName(NFTA_SET_TABLE, Table, AttributeForm.None);
        if (Name.Length > 0)
        {
            writer.WriteString(NFTA_SET_NAME, Name);
        }
        else
        {
            writer.Put(NFTA_SET_HANDLE, Handle);
        }
    }

    private protected override ReadOnlySpan<byte> Order(WireOrder order) =>
        [(byte)NFTA_SET_TABLE, (byte)NFTA_SET_NAME, (byte)NFTA_SET_HANDLE, (byte)NFTA_SET_FLAGS, (byte)NFTA_SET_KEY_TYPE, (byte)NFTA_SET_KEY_LEN, (byte)NFTA_SET_DATA_TYPE,
            (byte)NFTA_SET_DATA_LEN, (byte)NFTA_SET_OBJ_TYPE, (byte)NFTA_SET_ID, (byte)NFTA_SET_POLICY, (byte)NFTA_SET_DESC, (byte)NFTA_SET_TIMEOUT,
            (byte)NFTA_SET_GC_INTERVAL, (byte)NFTA_SET_USERDATA, (byte)NFTA_SET_EXPR, (byte)NFTA_SET_EXPRESSIONS, (byte)NFTA_SET_TYPE, (byte)NFTA_SET_COUNT];

    private protected override uint AssignedByKernel => 1u << NFTA_SET_HANDLE | 1u << NFTA_SET_TYPE | 1u << NFTA_SET_COUNT;

    private protected override uint Twin(ushort type) => type switch
    {
        NFTA_SET_EXPR => 1u << NFTA_SET_EXPRESSIONS,
        NFTA_SET_EXPRESSIONS => 1u << NFTA_SET_EXPR,
        _ => 0,
    };

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        bool asRead = (form & AttributeForm.AsRead) != 0;
        switch (type)
        {
            case NFTA_SET_TABLE:
                writer.PutName(type, Table, form);
                break;
            case NFTA_SET_NAME:
                writer.PutName(type, Name, form);
                break;
            case NFTA_SET_FLAGS:
                writer.PutFlags(type, (uint)Flags, form);
                break;
            case NFTA_SET_KEY_TYPE:
                writer.PutFlags(type, KeyType, form);
                break;
            case NFTA_SET_KEY_LEN:
                writer.PutFlags(type, KeyLength, form);
                break;
            case NFTA_SET_DATA_TYPE:
                writer.Put(type, DataType);
                break;
            case NFTA_SET_DATA_LEN:
                writer.Put(type, DataLength);
                break;
            case NFTA_SET_POLICY:
                writer.Put(type, Policy);
                break;
            case NFTA_SET_DESC when asRead || HasDescription:
                WriteDescription(ref writer, (form & AttributeForm.Nested) != 0);
                break;
            case NFTA_SET_ID:
                writer.Put(type, Id);
                break;
            case NFTA_SET_TIMEOUT:
                writer.Put(type, Timeout);
                break;
            case NFTA_SET_GC_INTERVAL:
                writer.Put(type, GarbageCollectionInterval);
                break;
            case NFTA_SET_USERDATA:
                writer.PutBytes(type, UserData);
                break;
            case NFTA_SET_OBJ_TYPE:
                writer.Put(type, ObjectType);
                break;
            case NFTA_SET_HANDLE:
                writer.Put(type, Handle);
                break;
            case NFTA_SET_EXPR when Expressions.Count == 1:
                ExpressionCodec.Write(ref writer, type, (form & AttributeForm.Canonical) != 0 ? Expressions[0].Canonical() : Expressions[0]);
                break;
            case NFTA_SET_EXPRESSIONS when asRead || Expressions.Count > 1:
                writer.PutExpressions(type, form, Expressions);
                break;
            case NFTA_SET_TYPE:
                writer.Put(type, Backend);
                break;
            case NFTA_SET_COUNT:
                writer.Put(type, Count);
                break;
        }
    }

    private void WriteDescription(ref NetlinkWriter writer, bool nested)
    {
        WireMark description = writer.BeginNested(NFTA_SET_DESC, nested);
        writer.Put(NFTA_SET_DESC_SIZE, Size);
        if (!FieldLengths.IsEmpty)
        {
            WireMark fields = writer.BeginNested(NFTA_SET_DESC_CONCAT, nested);
            foreach (uint length in FieldLengths)
            {
                WireMark field = writer.BeginNested(NFTA_LIST_ELEM, nested);
                writer.WriteUInt32BigEndian(NFTA_SET_FIELD_LEN, length);
                writer.EndAttribute(field);
            }

            writer.EndAttribute(fields);
        }

        writer.EndAttribute(description);
    }

    /// <summary>Reads the attributes of a set message.</summary>
    internal static NftablesSet Read(NftablesFamily family, AttributeReader attributes, DecodeCache names)
    {
        string? table = null, name = null, backend = null;
        uint? flags = null, keyType = null, keyLength = null, dataType = null, dataLength = null, policy = null, id = null, interval = null,
            objectType = null, count = null;
        ulong? timeout = null, handle = null;
        (uint? Size, uint[] Fields)? description = null;
        OctetString? userData = null;
        Expression? expression = null;
        ValueList<Expression>? expressions = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_SET_TABLE => names.Read(attribute, ref table),
                NFTA_SET_NAME => names.Read(attribute, ref name),
                NFTA_SET_FLAGS => attribute.Read(ref flags),
                NFTA_SET_KEY_TYPE => attribute.Read(ref keyType),
                NFTA_SET_KEY_LEN => attribute.Read(ref keyLength),
                NFTA_SET_DATA_TYPE => attribute.Read(ref dataType),
                NFTA_SET_DATA_LEN => attribute.Read(ref dataLength),
                NFTA_SET_POLICY => attribute.Read(ref policy),
                NFTA_SET_DESC => ReadDescription(attribute, ref description),
                NFTA_SET_ID => attribute.Read(ref id),
                NFTA_SET_TIMEOUT => attribute.Read(ref timeout),
                NFTA_SET_GC_INTERVAL => attribute.Read(ref interval),
                NFTA_SET_USERDATA => attribute.ReadBytes(ref userData),
                NFTA_SET_OBJ_TYPE => attribute.Read(ref objectType),
                NFTA_SET_HANDLE => attribute.Read(ref handle),
                NFTA_SET_EXPR => expressions is null && attribute.ReadExpression(ref expression),
                NFTA_SET_EXPRESSIONS => expression is null && attribute.ReadExpressions(ref expressions),
                NFTA_SET_TYPE => names.Read(attribute, ref backend),
                NFTA_SET_COUNT => attribute.Read(ref count),
                _ => false,
            });
        }

        return new NftablesSet
        {
            Family = family,
            Table = table ?? "",
            Name = name ?? "",
            Flags = (SetFlags)(flags ?? 0),
            KeyType = keyType ?? 0,
            KeyLength = keyLength ?? 0,
            DataType = dataType,
            DataLength = dataLength,
            Policy = policy,
            Size = description?.Size,
            FieldLengths = new ValueList<uint>(description?.Fields ?? []),
            Id = id,
            Timeout = timeout,
            GarbageCollectionInterval = interval,
            UserData = userData,
            ObjectType = objectType,
            Handle = handle,
            Expressions = expression is null ? expressions ?? [] : [expression],
            Backend = backend,
            Count = count,
            Layout = layout.Build(),
        };
    }

    private static bool ReadDescription(in NetlinkAttribute attribute, ref (uint? Size, uint[] Fields)? field)
    {
        uint? size = null;
        List<uint>? lengths = null;
        AttributeReader inside = attribute.Nested();
        while (inside.TryRead(out NetlinkAttribute part))
        {
            bool known = part.Type switch
            {
                NFTA_SET_DESC_SIZE => lengths is null && part.Read(ref size),
                NFTA_SET_DESC_CONCAT => part.IsNested == attribute.IsNested && ReadFields(part, ref lengths),
                _ => false,
            };
            if (!known)
            {
                return false;
            }
        }

        if (field is not null || inside.IsTruncated)
        {
            return false;
        }

        field = (size, lengths is null ? [] : [.. lengths]);
        return true;
    }

    private static bool ReadFields(in NetlinkAttribute attribute, ref List<uint>? lengths)
    {
        if (lengths is not null)
        {
            return false;
        }

        lengths = [];
        AttributeReader fields = attribute.Nested();
        while (fields.TryRead(out NetlinkAttribute field))
        {
            uint? length = null;
            AttributeReader inside = field.Nested();
            if (field.Type != NFTA_LIST_ELEM || field.IsNested != attribute.IsNested || !inside.TryRead(out NetlinkAttribute value)
                || value.Type != NFTA_SET_FIELD_LEN || !value.Read(ref length) || !inside.Rest.IsEmpty)
            {
                return false;
            }

            lengths.Add(length!.Value);
        }

        return lengths.Count > 0 && !fields.IsTruncated;
    }
}

/// <summary>Kinds of set (NFT_SET_*).</summary>
[Flags]
public enum SetFlags : uint
{
    /// <summary>A set of exact keys that can be changed.</summary>
    None = 0,

    /// <summary>It belongs to the rule that uses it.</summary>
    Anonymous = NFT_SET_ANONYMOUS,

    /// <summary>Its elements do not change while a rule uses it.</summary>
    Constant = NFT_SET_CONSTANT,

    /// <summary>Its keys are ranges.</summary>
    Interval = NFT_SET_INTERVAL,

    /// <summary>It leads to data or verdicts.</summary>
    Map = NFT_SET_MAP,

    /// <summary>Its elements may have a timeout.</summary>
    Timeout = NFT_SET_TIMEOUT,

    /// <summary>Rules add elements ("dynamic").</summary>
    Evaluated = NFT_SET_EVAL,

    /// <summary>It leads to named objects.</summary>
    Object = NFT_SET_OBJECT,

    /// <summary>Its keys are concatenations (of ranges). Linux 5.6.</summary>
    Concatenation = NFT_SET_CONCAT,

    /// <summary>Its elements carry several expressions. Linux 5.11.</summary>
    Expressions = NFT_SET_EXPR,
}
