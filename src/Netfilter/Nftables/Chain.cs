using EucaNet.Netlink.Wire;
using static EucaNet.Netfilter.Nftables.NfTables;

namespace EucaNet.Netfilter.Nftables;

/// <summary>A chain of rules; with a <see cref="Hook"/> a base chain, which packets enter.</summary>
public sealed record Chain : NftablesEntity
{
    /// <summary>The table it is in.</summary>
    public string Table { get; init; } = "";

    /// <summary>Its name, unique within the table; up to 255 bytes. Empty in a request for a chain that is bound to a rule (<see cref="ChainFlags.Binding"/>).</summary>
    public string Name { get; init; } = "";

    /// <summary>The number the kernel gave it.</summary>
    public ulong? Handle { get; init; }

    /// <summary>Where it is hooked; null for a chain that is only jumped to.</summary>
    public ChainHook? Hook { get; init; }

    /// <summary>What happens at the end of a base chain.</summary>
    public ChainPolicy? Policy { get; init; }

    /// <summary>Rules in it and references to it, as the kernel counts them.</summary>
    public uint? Use { get; init; }

    /// <summary>"filter", "nat" or "route"; base chains only.</summary>
    public string? Type { get; init; }

    /// <summary>What reached the policy.</summary>
    public ChainCounters? Counters { get; init; }

    /// <summary>Base, offloaded, bound to a rule.</summary>
    public ChainFlags Flags { get; init; }

    /// <summary>Names the chain within its batch.</summary>
    public uint? Id { get; init; }

    /// <summary>Typed values that nft keeps (<see cref="UserData"/>).</summary>
    public OctetString? UserData { get; init; }

    /// <summary>The comment within the user data.</summary>
    public string? Comment => Nftables.UserData.GetText(UserData, Nftables.UserData.Comment);

    /// <summary>A chain that rules jump to.</summary>
    public static Chain Regular(NftablesFamily family, string table, string name) => new() { Family = family, Table = table, Name = name };

    /// <summary>A base chain.</summary>
    public static Chain Base(NftablesFamily family, string table, string name, string type, ChainHook hook, ChainPolicy policy = ChainPolicy.Accept) =>
        new() { Family = family, Table = table, Name = name, Type = type, Hook = hook, Policy = policy };

    /// <inheritdoc />
    public override string Describe() => $"chain {Family.ToText()} {Table} {(Name.Length > 0 ? Name : $"#{Id}")}";

    internal override ushort NewType => NFT_MSG_NEWCHAIN;

    internal override ushort DestroyType => NFT_MSG_DESTROYCHAIN;

    internal override void WriteIdentity(ref NetlinkWriter writer)
    {
        writer.PutName(NFTA_CHAIN_TABLE, Table, AttributeForm.None);
        if (Name.Length > 0)
        {
            writer.WriteString(NFTA_CHAIN_NAME, Name);
        }
        else
        {
            writer.Put(NFTA_CHAIN_HANDLE, Handle);
        }
    }

    private protected override ReadOnlySpan<byte> Order(WireOrder order) => order == WireOrder.Libnftnl
        ? [(byte)NFTA_CHAIN_TABLE, (byte)NFTA_CHAIN_NAME, (byte)NFTA_CHAIN_HOOK, (byte)NFTA_CHAIN_POLICY, (byte)NFTA_CHAIN_USE,
            (byte)NFTA_CHAIN_COUNTERS, (byte)NFTA_CHAIN_HANDLE, (byte)NFTA_CHAIN_TYPE, (byte)NFTA_CHAIN_FLAGS, (byte)NFTA_CHAIN_ID, (byte)NFTA_CHAIN_USERDATA]
        : [(byte)NFTA_CHAIN_TABLE, (byte)NFTA_CHAIN_HANDLE, (byte)NFTA_CHAIN_NAME, (byte)NFTA_CHAIN_ID, (byte)NFTA_CHAIN_TYPE, (byte)NFTA_CHAIN_POLICY,
            (byte)NFTA_CHAIN_HOOK, (byte)NFTA_CHAIN_USE, (byte)NFTA_CHAIN_COUNTERS, (byte)NFTA_CHAIN_FLAGS, (byte)NFTA_CHAIN_USERDATA];

    private protected override uint AssignedByKernel => 1u << NFTA_CHAIN_USE | 1u << NFTA_CHAIN_HANDLE;

    private protected override void WriteAttribute(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        switch (type)
        {
            case NFTA_CHAIN_TABLE:
                writer.PutName(type, Table, form);
                break;
            case NFTA_CHAIN_HANDLE:
                writer.Put(type, Handle);
                break;
            case NFTA_CHAIN_NAME:
                writer.PutName(type, Name, form);
                break;
            case NFTA_CHAIN_HOOK:
                Hook?.Write(ref writer, type, form);
                break;
            case NFTA_CHAIN_POLICY:
                writer.Put(type, (uint?)Policy);
                break;
            case NFTA_CHAIN_USE:
                writer.Put(type, Use);
                break;
            case NFTA_CHAIN_TYPE:
                writer.Put(type, Type);
                break;
            case NFTA_CHAIN_COUNTERS:
                Counters?.Write(ref writer, type, form);
                break;
            case NFTA_CHAIN_FLAGS:
                writer.PutFlags(type, (uint)Flags, (form & AttributeForm.AsRead) != 0 ? AttributeForm.EvenDefault : AttributeForm.None);
                break;
            case NFTA_CHAIN_ID:
                writer.Put(type, Id);
                break;
            case NFTA_CHAIN_USERDATA:
                writer.PutBytes(type, UserData);
                break;
        }
    }

    /// <summary>Reads the attributes of a chain message.</summary>
    internal static Chain Read(NftablesFamily family, AttributeReader attributes, DecodeCache names)
    {
        string? table = null, name = null, chainType = null;
        ulong? handle = null;
        uint? policy = null, use = null, flags = null, id = null;
        ChainHook? hook = null;
        ChainCounters? counters = null;
        OctetString? userData = null;
        var layout = new AttributeLayoutBuilder();
        while (attributes.TryRead(out NetlinkAttribute attribute))
        {
            layout.Add(attribute, attribute.Type switch
            {
                NFTA_CHAIN_TABLE => names.Read(attribute, ref table),
                NFTA_CHAIN_HANDLE => attribute.Read(ref handle),
                NFTA_CHAIN_NAME => names.Read(attribute, ref name),
                NFTA_CHAIN_HOOK => ChainHook.Read(attribute, names, ref hook),
                NFTA_CHAIN_POLICY => attribute.Read(ref policy),
                NFTA_CHAIN_USE => attribute.Read(ref use),
                NFTA_CHAIN_TYPE => names.Read(attribute, ref chainType),
                NFTA_CHAIN_COUNTERS => ChainCounters.Read(attribute, ref counters),
                NFTA_CHAIN_FLAGS => attribute.Read(ref flags),
                NFTA_CHAIN_ID => attribute.Read(ref id),
                NFTA_CHAIN_USERDATA => attribute.ReadBytes(ref userData),
                _ => false,
            });
        }

        return new Chain
        {
            Family = family,
            Table = table ?? "",
            Name = name ?? "",
            Handle = handle,
            Hook = hook,
            Policy = (ChainPolicy?)policy,
            Use = use,
            Type = chainType,
            Counters = counters,
            Flags = (ChainFlags)(flags ?? 0),
            Id = id,
            UserData = userData,
            Layout = layout.Build(),
        };
    }
}

/// <summary>What happens to a packet at the end of a base chain.</summary>
public enum ChainPolicy : uint
{
    /// <summary>It is dropped.</summary>
    Drop = 0,

    /// <summary>It goes on.</summary>
    Accept = 1,
}

/// <summary>Kinds of chain (NFT_CHAIN_*).</summary>
[Flags]
public enum ChainFlags : uint
{
    /// <summary>A chain that is jumped to.</summary>
    None = 0,

    /// <summary>It has a hook; the kernel sets this.</summary>
    Base = NFT_CHAIN_BASE,

    /// <summary>The device runs it.</summary>
    HardwareOffload = NFT_CHAIN_HW_OFFLOAD,

    /// <summary>It belongs to the rule that jumps to it and goes with it. Linux 5.9.</summary>
    Binding = NFT_CHAIN_BINDING,
}

/// <summary>Packets and bytes that reached a base chain's policy.</summary>
public sealed record ChainCounters(ulong Packets, ulong Bytes)
{
    internal bool BytesFirst { get; init; }

    /// <inheritdoc />
    public bool Equals(ChainCounters? other) => other is not null && Packets == other.Packets && Bytes == other.Bytes;

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Packets, Bytes);

    internal void Write(ref NetlinkWriter writer, ushort type, AttributeForm form)
    {
        WireMark mark = writer.BeginNested(type, (form & AttributeForm.Nested) != 0);
        if (!BytesFirst)
        {
            writer.WriteUInt64BigEndian(NFTA_COUNTER_PACKETS, Packets);
        }

        writer.WriteUInt64BigEndian(NFTA_COUNTER_BYTES, Bytes);
        if (BytesFirst)
        {
            writer.WriteUInt64BigEndian(NFTA_COUNTER_PACKETS, Packets);
        }

        writer.EndAttribute(mark);
    }

    internal static bool Read(in NetlinkAttribute attribute, ref ChainCounters? field)
    {
        ulong? packets = null, bytes = null;
        AttributeReader inside = attribute.Nested();
        bool bytesFirst = false;
        while (inside.TryRead(out NetlinkAttribute part))
        {
            bool known = part.Type switch
            {
                NFTA_COUNTER_PACKETS => part.Read(ref packets),
                NFTA_COUNTER_BYTES => part.Read(ref bytes),
                _ => false,
            };
            if (!known)
            {
                return false;
            }

            bytesFirst |= packets is null;
        }

        if (field is not null || packets is null || bytes is null || inside.IsTruncated)
        {
            return false;
        }

        field = new ChainCounters(packets.Value, bytes.Value) { BytesFirst = bytesFirst };
        return true;
    }
}
