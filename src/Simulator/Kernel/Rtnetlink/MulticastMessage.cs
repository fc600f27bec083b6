using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Link;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWMDB and its like: groups, members and routers of a bridge (br_mdb.c).</summary>
internal static class MulticastMessage
{
    private const ushort Groups = 1, Router = 2, Entry = 1, EntryInfo = 1, RouterPort = 1;
    private const byte ByKernel = 2;

    /// <summary>Everything a bridge knows, as a dump shows it.</summary>
    public static byte[] BuildDump(SimulatedKernel kernel, BridgeState bridge)
    {
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);

        // The kernel labels these as requests and leaves their family out.
        WireMark message = Begin(ref writer, RTM_GETMDB, AF_UNSPEC, bridge);
        WireMark groups = writer.BeginNested(Groups, nestedFlag: false);
        foreach (MulticastGroup group in bridge.MulticastSnooping ? bridge.Multicast.Groups : [])
        {
            WireMark entry = writer.BeginNested(Entry, nestedFlag: false);
            if (group.Host is not null)
            {
                Write(ref writer, kernel, bridge, group, null);
            }

            foreach (BridgePort port in group.Ports.Keys)
            {
                Write(ref writer, kernel, bridge, group, port);
            }

            writer.EndAttribute(entry);
        }

        writer.EndAttribute(groups);
        BridgePort[] routers = [.. MulticastSnooping.Routers(bridge, InternetAddress.V4).Union(MulticastSnooping.Routers(bridge, InternetAddress.V6))];
        if (routers.Length > 0)
        {
            WireMark all = writer.BeginNested(Router, nestedFlag: false);
            foreach (BridgePort port in routers)
            {
                WireMark one = writer.BeginNested(RouterPort, nestedFlag: false);
                writer.AppendStruct(port.Device.Index);
                uint v4 = Left(kernel, bridge.Multicast.Inet4.Routers.GetValueOrDefault(port)), v6 = Left(kernel, bridge.Multicast.Inet6.Routers.GetValueOrDefault(port));
                writer.WriteUInt32(1, Math.Max(v4, v6));
                writer.WriteByte(2, port.MulticastRouter);
                if (MulticastSnooping.Routers(bridge, InternetAddress.V4).Contains(port))
                {
                    writer.WriteUInt32(3, v4);
                }

                if (MulticastSnooping.Routers(bridge, InternetAddress.V6).Contains(port))
                {
                    writer.WriteUInt32(4, v6);
                }

                writer.EndAttribute(one);
            }

            writer.EndAttribute(all);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>A member came or went; null for the machine itself.</summary>
    public static byte[] BuildEntry(SimulatedKernel kernel, BridgeState bridge, MulticastGroup group, BridgePort? port, ushort type)
    {
        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        WireMark message = Begin(ref writer, type, AF_BRIDGE, bridge);
        WireMark groups = writer.BeginNested(Groups, nestedFlag: false);
        WireMark entry = writer.BeginNested(Entry, nestedFlag: false);
        Write(ref writer, kernel, bridge, group, port);
        writer.EndAttribute(entry);
        writer.EndAttribute(groups);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>A port leads to a router now, or no longer.</summary>
    public static byte[] BuildRouter(BridgeState bridge, BridgePort port, ushort type)
    {
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        WireMark message = Begin(ref writer, type, AF_BRIDGE, bridge);
        WireMark all = writer.BeginNested(Router, nestedFlag: false);
        writer.WriteInt32(RouterPort, port.Device.Index);
        writer.EndAttribute(all);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static WireMark Begin(ref NetlinkWriter writer, ushort type, byte family, BridgeState bridge)
    {
        WireMark message = writer.BeginMessage(type, 0, 0);
        writer.Append([family, 0, 0, 0]);
        writer.AppendStruct(bridge.Device.Index);
        return message;
    }

    private static void Write(ref NetlinkWriter writer, SimulatedKernel kernel, BridgeState bridge, MulticastGroup group, BridgePort? port)
    {
        // struct br_mdb_entry
        Span<byte> entry = stackalloc byte[28];
        entry.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(entry, (port?.Device ?? bridge.Device).Index);
        BinaryPrimitives.WriteUInt16LittleEndian(entry[6..], group.Vlan);
        group.Address.Write(entry[8..]);
        BinaryPrimitives.WriteUInt16BigEndian(entry[24..], group.Address.Family == InternetAddress.V4 ? EtherType.Ipv4 : EtherType.Ipv6);
        WireMark info = writer.BeginNested(EntryInfo, nestedFlag: false);
        writer.Append(entry);
        writer.WriteUInt32(1, Left(kernel, port is null ? group.Host ?? 0 : group.Ports.GetValueOrDefault(port)));
        if (port is not null)
        {
            writer.WriteByte(5, ByKernel);
        }

        writer.EndAttribute(info);
    }

    private static uint Left(SimulatedKernel kernel, long until) => (uint)Math.Max(0, (until - kernel.Clock.GetTimestamp()) / (TimeSpan.TicksPerSecond / 100));
}
