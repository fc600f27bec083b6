using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Writes RTM_NEWNEIGH and RTM_DELNEIGH of neighbours (neigh_fill_info) and of a bridge's forwarding database (fdb_fill_info).</summary>
internal static class NeighbourMessage
{
    public static byte[] Build(SimulatedKernel kernel, Neighbour neighbour, ushort type, uint references = 0)
    {
        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, 0);
        WriteHeader(ref writer, neighbour.Address.Family, neighbour.Device.Index, (ushort)neighbour.State, neighbour.Flags, neighbour.Type);
        AddressMessage.WriteAddress(ref writer, NDA_DST, neighbour.Address);
        if (neighbour.IsValid && neighbour.HardwareAddress is { } address)
        {
            writer.WriteBytes(NDA_LLADDR, address);
        }

        writer.WriteUInt32(NDA_PROBES, neighbour.Probes);
        WriteCacheInfo(ref writer, kernel.TicksSince(neighbour.Confirmed), kernel.TicksSince(neighbour.Used), kernel.TicksSince(neighbour.Updated), references);
        if (neighbour.Protocol != 0)
        {
            writer.WriteByte(NDA_PROTOCOL, neighbour.Protocol);
        }

        if (neighbour.ExtendedFlags != 0)
        {
            writer.WriteUInt32(NDA_FLAGS_EXT, neighbour.ExtendedFlags);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    public static byte[] BuildProxy(Neighbour proxy, ushort type)
    {
        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, 0);
        WriteHeader(ref writer, proxy.Address.Family, proxy.Device.Index, 0, (byte)(proxy.Flags | NTF_PROXY), RTN_UNICAST);
        AddressMessage.WriteAddress(ref writer, NDA_DST, proxy.Address);
        if (proxy.Protocol != 0)
        {
            writer.WriteByte(NDA_PROTOCOL, proxy.Protocol);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>What a bridge's entry is shown as (fdb_to_nud).</summary>
    public static NeighbourState StateOf(SimulatedKernel kernel, BridgeState bridge, ForwardingEntry entry) =>
        entry.IsLocal ? NeighbourState.Permanent
        : entry.IsStatic ? NeighbourState.NoArp
        : kernel.TicksSince(entry.Updated) > bridge.AgeingTime ? NeighbourState.Stale
        : NeighbourState.Reachable;

    public static byte[] BuildForwarding(SimulatedKernel kernel, BridgeState bridge, ForwardingEntry entry, ushort type)
    {
        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, 0);
        byte flags = (byte)((entry.IsExternallyLearned ? NTF_EXT_LEARNED : 0) | (entry.IsSticky ? NTF_STICKY : 0));
        WriteHeader(ref writer, AF_BRIDGE, (entry.Port?.Device ?? bridge.Device).Index, (ushort)StateOf(kernel, bridge, entry), flags, 0);
        writer.WriteBytes(NDA_LLADDR, entry.Mac);
        writer.WriteInt32(NDA_MASTER, bridge.Device.Index);
        writer.WriteUInt32(NDA_FLAGS_EXT, 0);
        WriteCacheInfo(ref writer, 0, kernel.TicksSince(entry.Used), kernel.TicksSince(entry.Updated), 0);
        if (entry.Vlan != 0)
        {
            writer.WriteUInt16(NDA_VLAN, entry.Vlan);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>struct ndmsg.</summary>
    public static void WriteHeader(ref NetlinkWriter writer, byte family, int index, ushort state, byte flags, byte type)
    {
        Span<byte> header = stackalloc byte[12];
        header.Clear();
        header[0] = family;
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], index);
        BinaryPrimitives.WriteUInt16LittleEndian(header[8..], state);
        header[10] = flags;
        header[11] = type;
        writer.Append(header);
    }

    /// <summary>struct nda_cacheinfo; times in hundredths of a second.</summary>
    public static void WriteCacheInfo(ref NetlinkWriter writer, uint confirmed, uint used, uint updated, uint references)
    {
        Span<byte> cache = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(cache, confirmed);
        BinaryPrimitives.WriteUInt32LittleEndian(cache[4..], used);
        BinaryPrimitives.WriteUInt32LittleEndian(cache[8..], updated);
        BinaryPrimitives.WriteUInt32LittleEndian(cache[12..], references);
        writer.WriteBytes(NDA_CACHEINFO, cache);
    }
}
