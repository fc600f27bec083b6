using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Writes RTM_NEWROUTE and RTM_DELROUTE (fib_dump_info, rt6_fill_node).</summary>
internal static class RouteMessage
{
    /// <summary>What is shown of a next hop's flags; that it is offloaded or trapped is what a request said.</summary>
    private const uint ShownOfHop = RTNH_F_DEAD | RTNH_F_LINKDOWN | RTNH_F_ONLINK | RTNH_F_OFFLOAD | RTNH_F_TRAP;

    public static byte[] Build(SimulatedKernel kernel, Route route, ushort type, NetlinkMessageFlags flags = 0, uint sequence = 0, uint portId = 0)
    {
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, flags, sequence, portId);
        if (route.Destination.Family == AF_INET)
        {
            WriteV4(ref writer, route);
        }
        else
        {
            WriteV6(ref writer, kernel, route);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    public static void WriteHeader(
        ref NetlinkWriter writer, byte family, byte destinationLength, byte sourceLength, byte typeOfService, uint table, byte protocol, byte scope, byte type, uint flags)
    {
        Span<byte> header = stackalloc byte[12];
        header[0] = family;
        header[1] = destinationLength;
        header[2] = sourceLength;
        header[3] = typeOfService;
        header[4] = table < 256 ? (byte)table : (byte)252;
        header[5] = protocol;
        header[6] = scope;
        header[7] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], flags);
        writer.Append(header);
    }

    private static void WriteV4(ref NetlinkWriter writer, Route route)
    {
        uint flags = route.Flags;
        if (route.NextHops is [NextHop only])
        {
            flags |= only.Flags & ShownOfHop;
        }

        WriteHeader(ref writer, AF_INET, route.PrefixLength, 0, route.TypeOfService, route.Table, route.Protocol, route.Scope, route.ShownType, flags);
        writer.WriteUInt32(RTA_TABLE, route.Table);
        if (route.PrefixLength > 0)
        {
            AddressMessage.WriteAddress(ref writer, RTA_DST, route.Destination);
        }

        if (route.Priority != 0)
        {
            writer.WriteUInt32(RTA_PRIORITY, route.Priority);
        }

        WriteMetrics(ref writer, route);
        if (route.PreferredSource is { } source)
        {
            AddressMessage.WriteAddress(ref writer, RTA_PREFSRC, source);
        }

        if (route.NextHopId != 0)
        {
            writer.WriteUInt32(RTA_NH_ID, route.NextHopId);
        }

        WriteHops(ref writer, route);
    }

    private static void WriteV6(ref NetlinkWriter writer, SimulatedKernel kernel, Route route)
    {
        uint flags = route.Flags;
        if (route.NextHops is [NextHop only])
        {
            flags |= only.Flags & ShownOfHop;
        }

        WriteHeader(ref writer, AF_INET6, route.PrefixLength, route.SourcePrefixLength, 0, route.Table, route.Protocol, RT_SCOPE_UNIVERSE, route.ShownType, flags);
        writer.WriteUInt32(RTA_TABLE, route.Table);
        if (route.PrefixLength > 0)
        {
            AddressMessage.WriteAddress(ref writer, RTA_DST, route.Destination);
        }

        if (route.Source is { } from && route.SourcePrefixLength > 0)
        {
            AddressMessage.WriteAddress(ref writer, RTA_SRC, from);
        }

        if (route.PreferredSource is { } source)
        {
            AddressMessage.WriteAddress(ref writer, RTA_PREFSRC, source);
        }

        WriteMetrics(ref writer, route);
        writer.WriteUInt32(RTA_PRIORITY, route.Priority);
        if (route.NextHopId != 0)
        {
            writer.WriteUInt32(RTA_NH_ID, route.NextHopId);
        }

        WriteHops(ref writer, route);
        Span<byte> cache = stackalloc byte[32];
        cache.Clear();
        if (route.Expires != 0)
        {
            BinaryPrimitives.WriteInt32LittleEndian(cache[8..], (int)Math.Max(0, route.Expires - kernel.Ticks));
        }

        writer.WriteBytes(RTA_CACHEINFO, cache);
        writer.WriteByte(RTA_PREF, route.Preference);
    }

    public static void WriteMetrics(ref NetlinkWriter writer, Route route)
    {
        if (route.Metrics.Count == 0)
        {
            return;
        }

        WireMark metrics = writer.BeginNested(RTA_METRICS, nestedFlag: false);
        foreach ((ushort type, byte[] value) in route.Metrics)
        {
            writer.WriteBytes(type, value);
        }

        writer.EndAttribute(metrics);
    }

    private static void WriteHops(ref NetlinkWriter writer, Route route)
    {
        if (route.NextHops is [NextHop only])
        {
            WriteGateway(ref writer, route.Destination.Family, only);
            if (only.Device is { } device)
            {
                writer.WriteInt32(RTA_OIF, device.Index);
            }

            WriteRest(ref writer, only);
        }
        else if (route.NextHops.Count > 1)
        {
            WireMark multipath = writer.BeginNested(RTA_MULTIPATH, nestedFlag: false);
            Span<byte> header = stackalloc byte[8];
            foreach (NextHop hop in route.NextHops)
            {
                header.Clear();
                header[2] = (byte)(hop.Flags & ShownOfHop);
                header[3] = (byte)(hop.Weight - 1);
                BinaryPrimitives.WriteInt32LittleEndian(header[4..], hop.Device?.Index ?? 0);
                BinaryPrimitives.WriteUInt16LittleEndian(header, (ushort)(8 + HopLength(route.Destination.Family, hop)));
                writer.Append(header);
                WriteGateway(ref writer, route.Destination.Family, hop);
                WriteRest(ref writer, hop);
            }

            writer.EndAttribute(multipath);
        }
    }

    private static int HopLength(byte family, NextHop hop)
    {
        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        WriteGateway(ref writer, family, hop);
        WriteRest(ref writer, hop);
        return writer.Position;
    }

    private static void WriteGateway(ref NetlinkWriter writer, byte family, NextHop hop)
    {
        if (hop.Gateway is not { } gateway)
        {
            return;
        }

        if (gateway.Family == family)
        {
            AddressMessage.WriteAddress(ref writer, RTA_GATEWAY, gateway);
            return;
        }

        Span<byte> via = stackalloc byte[2 + 16];
        via[0] = gateway.Family;
        via[1] = 0;
        gateway.Write(via[2..]);
        writer.WriteBytes(RTA_VIA, via[..(2 + gateway.Length)]);
    }

    private static void WriteRest(ref NetlinkWriter writer, NextHop hop)
    {
        if (hop.Realm != 0)
        {
            writer.WriteUInt32(RTA_FLOW, hop.Realm);
        }

        if (hop.Encapsulation is { } encapsulation)
        {
            writer.WriteBytes(RTA_ENCAP, encapsulation.Value);
            writer.WriteUInt16(RTA_ENCAP_TYPE, encapsulation.Type);
        }
    }
}
