using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>A named object that rules and maps refer to: counter, quota, limit, connection tracking helper …</summary>
public sealed record NftablesObject : NftablesEntity
{
    /// <summary>The table it is in.</summary>
    public string Table { get; init; } = "";

    /// <summary>Its name, unique among the table's objects of its kind.</summary>
    public string Name { get; init; } = "";

    /// <summary>Its kind (NFT_OBJECT_*).</summary>
    public uint Type { get; init; }

    /// <summary>What it holds; null in a request that only names it.</summary>
    public ObjectData? Data { get; init; }

    /// <summary>Rules and elements that refer to it, as the kernel counts them.</summary>
    public uint? Use { get; init; }

    /// <summary>The number the kernel gave it.</summary>
    public ulong? Handle { get; init; }

    /// <summary>Typed values that nft keeps (<see cref="UserData"/>).</summary>
    public OctetString? UserData { get; init; }

    /// <summary>The comment within the user data.</summary>
    public string? Comment => Nftables.UserData.GetText(UserData, Nftables.UserData.Comment);

    /// <summary>An object that holds <paramref name="data"/>.</summary>
    public static NftablesObject Of(NftablesFamily family, string table, string name, ObjectData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new NftablesObject { Family = family, Table = table, Name = name, Type = data.Type, Data = data };
    }

    /// <inheritdoc />
    public override string Describe() => $"{KindName(Type)} {Family.ToText()} {Table} {Name}";

    /// <summary>What nft calls objects of <paramref name="type"/> (NFT_OBJECT_*).</summary>
    public static string KindName(uint type) => type switch
    {
        NFT_OBJECT_COUNTER => "counter",
        NFT_OBJECT_QUOTA => "quota",
        NFT_OBJECT_CT_HELPER => "ct helper",
        NFT_OBJECT_LIMIT => "limit",
        NFT_OBJECT_CONNLIMIT => "ct count",
        NFT_OBJECT_TUNNEL => "tunnel",
        NFT_OBJECT_CT_TIMEOUT => "ct timeout",
        NFT_OBJECT_SECMARK => "secmark",
        NFT_OBJECT_CT_EXPECT => "ct expectation",
        NFT_OBJECT_SYNPROXY => "synproxy",
        _ => $"object of type {type}",
    };

    internal override ushort NewType => NFT_MSG_NEWOBJ;

    internal override ushort DestroyType => NFT_MSG_DESTROYOBJ;

    internal override void WriteIdentity(ref NetlinkWriter writer)
    {
        writer.PutName(NFTA_OBJ_TABLE, Table, AttributeForm.None);
        if (Name.Length > 0)
        {
            writer.WriteString(NFTA_OBJ_NAME, Name);
        }
        else
        {
            writer.Put(NFTA_OBJ_HANDLE, Handle);
        }

        writer.PutFlags(NFTA_OBJ_TYPE, Type, AttributeForm.None);
    }

    private protected override ReadOnlySpan<byte> Order(WireOrder order) =>
        [(byte)NFTA_OBJ_TABLE, (byte)NFTA_OBJ_NAME, (byte)NFTA_OBJ_TYPE, (byte)NFTA_OBJ_HANDLE, (byte)NFTA_OBJ_USE, (byte)NFTA_OBJ_USERDATA, (byte)NFTA_OBJ_DATA];

    private protected override uint AssignedByKernel => 1u << NFTA_OBJ_HANDLE | 1u << NFTA_OBJ_USE;

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_OBJ_TABLE:
                writer.PutName(type, Table, form);
                break;
            case NFTA_OBJ_NAME:
                writer.PutName(type, Name, form);
                break;
            case NFTA_OBJ_TYPE:
                writer.PutFlags(type, Type, form);
                break;
            case NFTA_OBJ_DATA when Data is not null:
                WireMark mark = writer.BeginNested(type, (form & AttributeForm.Nested) != 0);
                Data.Write(ref writer, (form & AttributeForm.AsRead) != 0);
                writer.EndAttribute(mark);
                break;
            case NFTA_OBJ_USE:
                writer.Put(type, Use);
                break;
            case NFTA_OBJ_HANDLE:
                writer.Put(type, Handle);
                break;
            case NFTA_OBJ_USERDATA:
                writer.PutBytes(type, UserData);
                break;
        }
    }

    /// <summary>Reads the attributes of an object message.</summary>
    internal static NftablesObject Read(NftablesFamily family, AttributeReader attributes, DecodeCache names)
    {
        string? table = null, name = null;
        uint? type = null, use = null;
        ulong? handle = null;
        OctetString? userData = null;
        ObjectData? data = null;
        uint kind = attributes.TryFind(NFTA_OBJ_TYPE, out NetlinkAttribute kindAttribute) ? kindAttribute.UInt32BigEndian : 0;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_OBJ_TABLE => names.Read(attribute, ref table),
                NFTA_OBJ_NAME => names.Read(attribute, ref name),
                NFTA_OBJ_TYPE => attribute.Read(ref type),
                NFTA_OBJ_DATA => ObjectData.TryRead(attribute, kind, ref data),
                NFTA_OBJ_USE => attribute.Read(ref use),
                NFTA_OBJ_HANDLE => attribute.Read(ref handle),
                NFTA_OBJ_USERDATA => attribute.ReadBytes(ref userData),
                _ => false,
            });
        }

        return new NftablesObject
        {
            Family = family,
            Table = table ?? "",
            Name = name ?? "",
            Type = type ?? 0,
            Data = data,
            Use = use,
            Handle = handle,
            UserData = userData,
            Layout = layout.Build(),
        };
    }
}
