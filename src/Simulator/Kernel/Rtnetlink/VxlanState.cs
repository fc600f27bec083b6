using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>What a VXLAN device was made with, and what it knows of its stations (vxlan_fill_info).</summary>
internal sealed class VxlanState
{
    private static readonly (ushort Type, byte Value)[] FlagsBeforeAgeing = [(7, 1), (11, 0), (12, 0), (13, 0), (14, 0), (25, 0)];
    private static readonly (ushort Type, byte Value)[] FlagsBehindPort = [(18, 1), (19, 0), (20, 0), (21, 0), (22, 0), (31, 1)];

    public static PolicyTable Policy { get; } = new(
        33, [(1, new AttributePolicy(AttributeKind.U32)), (2, new AttributePolicy(AttributeKind.Binary, 4) { IsExact = true }), (16, new AttributePolicy(AttributeKind.Binary, 16) { IsExact = true }), (3, new AttributePolicy(AttributeKind.U32)),
        (4, new AttributePolicy(AttributeKind.Binary, 4) { IsExact = true }), (17, new AttributePolicy(AttributeKind.Binary, 16) { IsExact = true }), (5, new AttributePolicy(AttributeKind.U8)), (6, new AttributePolicy(AttributeKind.U8)),
        (7, new AttributePolicy(AttributeKind.U8)), (8, new AttributePolicy(AttributeKind.U32)), (9, new AttributePolicy(AttributeKind.U32)), (10, AttributePolicy.Any(4)), (11, new AttributePolicy(AttributeKind.U8)),
        (12, new AttributePolicy(AttributeKind.U8)), (13, new AttributePolicy(AttributeKind.U8)), (14, new AttributePolicy(AttributeKind.U8)), (15, new AttributePolicy(AttributeKind.U16)), (25, new AttributePolicy(AttributeKind.U8)),
        (26, new AttributePolicy(AttributeKind.U32)), (28, new AttributePolicy(AttributeKind.Flag)), (30, new AttributePolicy(AttributeKind.U8)), (29, new AttributePolicy(AttributeKind.U8))]);

    /// <summary>What a message shows of it, without demands.</summary>
    public static PolicyTable Shown { get; } = new(33);

    public required AttributeSet Options
    {
        get;
        init
        {
            field = value;
            if (Remote is { } remote)
            {
                Default = new VxlanEntry(default) { State = NeighbourState.Permanent | NeighbourState.Reachable, Flags = NTF_SELF };
                Default.Remotes.Add(new VxlanRemote(InternetAddress.Read(remote.Length == 4 ? InternetAddress.V4 : InternetAddress.V6, remote), Port, Vni, Link));
                Database.Add(Default);
            }
        }
    }

    public VxlanDatabase Database { get; } = new();

    /// <summary>Where frames for stations go that are not known, as the device was made; null where it named no remote.</summary>
    public VxlanEntry? Default { get; private init; }

    /// <summary>The far end where there is one, of either family.</summary>
    public byte[]? Remote => NotAny(Options.Bytes(2)) ?? NotAny(Options.Bytes(16));

    /// <summary>The address of this end where one is named.</summary>
    public InternetAddress? Local => NotAny(Options.Bytes(4)) is { } v4 ? InternetAddress.Read(InternetAddress.V4, v4)
        : NotAny(Options.Bytes(17)) is { } v6 ? InternetAddress.Read(InternetAddress.V6, v6) : null;

    /// <summary>The family of the tunnel's own packets.</summary>
    public byte Family => NotAny(Options.Bytes(16)) is not null || NotAny(Options.Bytes(17)) is not null ? InternetAddress.V6 : InternetAddress.V4;

    public uint Vni => Options.U32(1) ?? 0;

    /// <summary>UDP port of both ends; 8472 where none was named.</summary>
    public ushort Port => Options.U16(15) is { } port ? BinaryPrimitives.ReverseEndianness(port) : DefaultPort;

    /// <summary>The interface whose link the tunnel crosses; 0 for any.</summary>
    public int Link => (int)(Options.U32(3) ?? 0);

    /// <summary>Rules and routes give each packet its far end, where the machine has such (external); no default, no database.</summary>
    public bool IsExternal => Options.U8(25) is > 0;

    public bool Learns => Options.U8(7) is { } learns ? learns != 0 : !IsExternal;

    /// <summary>Seconds.</summary>
    public uint AgeingTime => Options.U32(8) ?? DefaultAgeingTime;

    private const ushort DefaultPort = 8472;

    private const uint DefaultAgeingTime = 300;

    public void Write(ref NetlinkWriter writer, KernelProfile profile)
    {
        bool external = IsExternal;
        writer.WriteUInt32(1, Vni);
        foreach (ushort type in (ReadOnlySpan<ushort>)[2, 16])
        {
            if (NotAny(Options.Bytes(type)) is { } remote)
            {
                writer.WriteBytes(type, remote);
            }
        }

        if (Options.U32(3) is { } link and not 0)
        {
            writer.WriteUInt32(3, link);
        }

        foreach (ushort type in (ReadOnlySpan<ushort>)[4, 17])
        {
            if (NotAny(Options.Bytes(type)) is { } local)
            {
                writer.WriteBytes(type, local);
            }
        }

        writer.WriteByte(5, Options.U8(5) ?? 0);
        writer.WriteByte(28, Options.Bytes(28) is { } inherits && (inherits.Length == 0 || inherits[0] != 0) ? (byte)1 : (byte)0);
        writer.WriteByte(6, Options.U8(6) ?? 0);
        writer.WriteByte(29, Options.U8(29) ?? 0);
        writer.WriteUInt32(26, Options.U32(26) ?? 0);
        if (profile.IsAtLeast(6, 7))
        {
            writer.WriteUInt32(32, Options.U32(32) ?? 0);
        }

        foreach ((ushort type, byte otherwise) in FlagsBeforeAgeing)
        {
            writer.WriteByte(type, Options.U8(type) ?? (type == 7 && external ? (byte)0 : otherwise));
        }

        writer.WriteUInt32(8, AgeingTime);
        writer.WriteUInt32(9, Options.U32(9) ?? 0);
        writer.WriteUInt16(15, BinaryPrimitives.ReverseEndianness(Port));
        foreach ((ushort type, byte otherwise) in FlagsBehindPort)
        {
            if (type != 31 || profile.IsAtLeast(6, 5))
            {
                writer.WriteByte(type, Options.U8(type) ?? otherwise);
            }
        }

        writer.WriteBytes(10, Options.Bytes(10) ?? new byte[4]);
        if (Options.U8(30) is > 0)
        {
            writer.WriteByte(30, 1);
        }

        if (profile.IsAtLeast(6, 14))
        {
            writer.WriteBytes(33, [0xf7, 0xff, 0xff, 0xff, 0, 0, 0, 0xff]);
        }
    }

    /// <summary>The far ends of an entry, a message each (vxlan_fdb_info).</summary>
    public IEnumerable<byte[]> Entries(NetworkDevice device, VxlanEntry entry, ushort type) => entry.Remotes.Select(remote => Message(device, entry, remote, type));

    /// <summary>The default entry of the device's own forwarding database, as it comes and goes with the device.</summary>
    public byte[]? DefaultEntry(NetworkDevice device, ushort type) => Default is { Remotes: [{ } remote, ..] } entry ? Message(device, entry, remote, type) : null;

    public byte[] Message(NetworkDevice device, VxlanEntry entry, VxlanRemote remote, ushort type)
    {
        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, 0);
        NeighbourMessage.WriteHeader(ref writer, AF_BRIDGE, device.Index, (ushort)entry.State, entry.Flags, RTN_UNICAST);
        writer.WriteBytes(NDA_LLADDR, entry.Mac.ToBytes());
        if (!remote.Address.IsAny)
        {
            AddressMessage.WriteAddress(ref writer, NDA_DST, remote.Address);
        }

        if (remote.Port != Port)
        {
            writer.WriteUInt16BigEndian(NDA_PORT, remote.Port);
        }

        if (remote.Vni != Vni)
        {
            writer.WriteUInt32(NDA_VNI, remote.Vni);
        }

        if (remote.Interface != 0)
        {
            writer.WriteInt32(NDA_IFINDEX, remote.Interface);
        }

        NeighbourMessage.WriteCacheInfo(ref writer, 0, entry == Default ? 0 : device.Kernel.TicksSince(entry.Used), entry == Default ? 0 : device.Kernel.TicksSince(entry.Updated), 0);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static byte[]? NotAny(byte[]? address) => address is not null && address.AsSpan().IndexOfAnyExcept((byte)0) >= 0 ? address : null;
}
