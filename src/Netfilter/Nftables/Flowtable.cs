using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>A flowtable: established flows between its devices bypass the rules. Linux 4.16.</summary>
public sealed record Flowtable : NftablesEntity
{
    /// <summary>The table it is in.</summary>
    public string Table { get; init; } = "";

    /// <summary>Its name, unique among the table's flowtables.</summary>
    public string Name { get; init; } = "";

    /// <summary>Ingress, its priority and the devices.</summary>
    public ChainHook? Hook { get; init; }

    /// <summary>Rules that use it, as the kernel counts them.</summary>
    public uint? Use { get; init; }

    /// <summary>The number the kernel gave it.</summary>
    public ulong? Handle { get; init; }

    /// <summary>NFT_FLOWTABLE_HW_OFFLOAD (1), NFT_FLOWTABLE_COUNTER (2).</summary>
    public uint Flags { get; init; }

    /// <inheritdoc />
    public override string Describe() => $"flowtable {Family.ToText()} {Table} {Name}";

    internal override ushort NewType => NFT_MSG_NEWFLOWTABLE;

    internal override ushort DestroyType => NFT_MSG_DESTROYFLOWTABLE;

    internal override void WriteIdentity(ref NetlinkWriter writer)
    {
        writer.PutName(NFTA_FLOWTABLE_TABLE, Table, AttributeForm.None);
        if (Name.Length > 0)
        {
            writer.WriteString(NFTA_FLOWTABLE_NAME, Name);
        }
        else
        {
            writer.Put(NFTA_FLOWTABLE_HANDLE, Handle);
        }
    }

    private protected override ReadOnlySpan<byte> Order(WireOrder order) =>
        [(byte)NFTA_FLOWTABLE_TABLE, (byte)NFTA_FLOWTABLE_NAME, (byte)NFTA_FLOWTABLE_HANDLE, (byte)NFTA_FLOWTABLE_HOOK, (byte)NFTA_FLOWTABLE_USE, (byte)NFTA_FLOWTABLE_FLAGS];

    private protected override uint AssignedByKernel => 1u << NFTA_FLOWTABLE_USE | 1u << NFTA_FLOWTABLE_HANDLE;

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_FLOWTABLE_TABLE:
                writer.PutName(type, Table, form);
                break;
            case NFTA_FLOWTABLE_NAME:
                writer.PutName(type, Name, form);
                break;
            case NFTA_FLOWTABLE_HOOK:
                Hook?.Write(ref writer, type, form, ofFlowtable: true);
                break;
            case NFTA_FLOWTABLE_USE:
                writer.Put(type, Use);
                break;
            case NFTA_FLOWTABLE_HANDLE:
                writer.Put(type, Handle);
                break;
            case NFTA_FLOWTABLE_FLAGS:
                writer.PutFlags(type, Flags, form);
                break;
        }
    }

    /// <summary>Reads the attributes of a flowtable message.</summary>
    internal static Flowtable Read(NftablesFamily family, AttributeReader attributes, DecodeCache names)
    {
        string? table = null, name = null;
        uint? use = null, flags = null;
        ulong? handle = null;
        ChainHook? hook = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_FLOWTABLE_TABLE => names.Read(attribute, ref table),
                NFTA_FLOWTABLE_NAME => names.Read(attribute, ref name),
                NFTA_FLOWTABLE_HOOK => ChainHook.Read(attribute, names, ref hook, ofFlowtable: true),
                NFTA_FLOWTABLE_USE => attribute.Read(ref use),
                NFTA_FLOWTABLE_HANDLE => attribute.Read(ref handle),
                NFTA_FLOWTABLE_FLAGS => attribute.Read(ref flags),
                _ => false,
            });
        }

        return new Flowtable
        {
            Family = family,
            Table = table ?? "",
            Name = name ?? "",
            Hook = hook,
            Use = use,
            Handle = handle,
            Flags = flags ?? 0,
            Layout = layout.Build(),
        };
    }
}
