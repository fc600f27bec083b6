using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>A table: the namespace of chains, sets, objects and flowtables.</summary>
public sealed record Table : NftablesEntity
{
    /// <summary>Its name, unique within the family; up to 255 bytes.</summary>
    public string Name { get; init; } = "";

    /// <summary>Dormant, owned, persistent.</summary>
    public TableFlags Flags { get; init; }

    /// <summary>Chains, sets, objects and flowtables within, as the kernel counts them.</summary>
    public uint? Use { get; init; }

    /// <summary>The number the kernel gave it.</summary>
    public ulong? Handle { get; init; }

    /// <summary>Bytes the kernel keeps for us: typed values (<see cref="UserData"/>).</summary>
    public OctetString? UserData { get; init; }

    /// <summary>The port id of the socket that owns it; others get EPERM. Linux 5.12.</summary>
    public uint? Owner { get; init; }

    /// <summary>The comment within the user data.</summary>
    public string? Comment => Nftables.UserData.GetText(UserData, Nftables.UserData.Comment);

    /// <inheritdoc />
    public override string Describe() => $"table {Family.ToText()} {Name}";

    internal override ushort NewType => NFT_MSG_NEWTABLE;

    internal override ushort DestroyType => NFT_MSG_DESTROYTABLE;

    internal override void WriteIdentity(ref NetlinkWriter writer)
    {
        if (Name.Length > 0)
        {
            writer.WriteString(NFTA_TABLE_NAME, Name);
        }
        else
        {
            writer.Put(NFTA_TABLE_HANDLE, Handle);
        }
    }

    private protected override ReadOnlySpan<byte> Order(WireOrder order) => order == WireOrder.Libnftnl
        ? [(byte)NFTA_TABLE_NAME, (byte)NFTA_TABLE_HANDLE, (byte)NFTA_TABLE_FLAGS, (byte)NFTA_TABLE_USE, (byte)NFTA_TABLE_USERDATA, (byte)NFTA_TABLE_OWNER]
        : [(byte)NFTA_TABLE_NAME, (byte)NFTA_TABLE_FLAGS, (byte)NFTA_TABLE_USE, (byte)NFTA_TABLE_HANDLE, (byte)NFTA_TABLE_USERDATA, (byte)NFTA_TABLE_OWNER];

    private protected override uint AssignedByKernel => 1u << NFTA_TABLE_USE | 1u << NFTA_TABLE_HANDLE | 1u << NFTA_TABLE_OWNER;

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_TABLE_NAME:
                writer.PutName(type, Name, form);
                break;
            case NFTA_TABLE_FLAGS:
                writer.PutFlags(type, (uint)Flags, form);
                break;
            case NFTA_TABLE_USE:
                writer.Put(type, Use);
                break;
            case NFTA_TABLE_HANDLE:
                writer.Put(type, Handle);
                break;
            case NFTA_TABLE_USERDATA:
                writer.PutBytes(type, UserData);
                break;
            case NFTA_TABLE_OWNER:
                writer.Put(type, Owner);
                break;
        }
    }

    /// <summary>Reads the attributes of a table message.</summary>
    internal static Table Read(NftablesFamily family, AttributeReader attributes, DecodeCache names)
    {
        string? name = null;
        uint? flags = null, use = null, owner = null;
        ulong? handle = null;
        OctetString? userData = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_TABLE_NAME => names.Read(attribute, ref name),
                NFTA_TABLE_FLAGS => attribute.Read(ref flags),
                NFTA_TABLE_USE => attribute.Read(ref use),
                NFTA_TABLE_HANDLE => attribute.Read(ref handle),
                NFTA_TABLE_USERDATA => attribute.ReadBytes(ref userData),
                NFTA_TABLE_OWNER => attribute.Read(ref owner),
                _ => false,
            });
        }

        return new Table
        {
            Family = family,
            Name = name ?? "",
            Flags = (TableFlags)(flags ?? 0),
            Use = use,
            Handle = handle,
            UserData = userData,
            Owner = owner,
            Layout = layout.Build(),
        };
    }
}

/// <summary>What a table is told to be (NFT_TABLE_F_*).</summary>
[Flags]
public enum TableFlags : uint
{
    /// <summary>An ordinary table.</summary>
    None = 0,

    /// <summary>Its chains are not hooked.</summary>
    Dormant = NFT_TABLE_F_DORMANT,

    /// <summary>Only the socket that made it may change it, and it goes with that socket. Linux 5.12.</summary>
    Owner = NFT_TABLE_F_OWNER,

    /// <summary>It stays when its owner goes. Linux 6.9.</summary>
    Persist = NFT_TABLE_F_PERSIST,
}
