using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>The answer to "how does a packet to this address go" (rt_fill_info, rt6_fill_node of a destination).</summary>
internal static class RouteAnswer
{
    private const uint RTCF_BROADCAST = 0x10000000;
    private const uint RTCF_MULTICAST = 0x20000000;
    private const uint RTCF_LOCAL = 0x80000000;

    public static byte[] Build(SimulatedKernel kernel, Route route, NextHop? hop, NetlinkMessage asked, AttributeSet request)
    {
        byte family = asked.Payload[0];
        InternetAddress destination = request.Bytes(RTA_DST) is { } wanted ? InternetAddress.Read(family, RouteVerbs.Padded(wanted, family == AF_INET ? 4 : 16)) : InternetAddress.Any(family);
        bool asksForTable = (BinaryPrimitives.ReadUInt32LittleEndian(asked.Payload[8..]) & RTM_F_LOOKUP_TABLE) != 0;
        InternetAddress? sender = family == AF_INET && request.Bytes(RTA_SRC) is { Length: >= 4 } given && !InternetAddress.Read(family, given).IsAny ? InternetAddress.Read(family, given) : null;

        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWROUTE, 0, 0);
        bool isLocal = route.Type == RTN_LOCAL;
        bool isMulticast = destination.IsMulticast && destination.Family == AF_INET;
        if (destination.Family == AF_INET)
        {
            uint flags = RTM_F_CLONED | (isLocal ? RTCF_LOCAL : route.Type == RTN_BROADCAST ? RTCF_BROADCAST | RTCF_LOCAL : isMulticast || route.Type == RTN_MULTICAST ? RTCF_MULTICAST : 0);

            // While nobody has changed the rules, the local and the main table are looked up as one.
            uint table = !asksForTable ? ForwardingTables.Main : kernel.Rules.HasCustomRules || route.Table != ForwardingTables.Local ? route.Table : ForwardingTables.Main;
            RouteMessage.WriteHeader(ref writer, AF_INET, 32, (byte)(sender is null ? 0 : 32), 0, table, 0, RT_SCOPE_UNIVERSE, isMulticast ? RTN_MULTICAST : route.Type, flags);
            writer.WriteUInt32(RTA_TABLE, table);
            AddressMessage.WriteAddress(ref writer, RTA_DST, destination);
            if (sender is { } from4)
            {
                AddressMessage.WriteAddress(ref writer, RTA_SRC, from4);
            }
        }
        else
        {
            RouteMessage.WriteHeader(ref writer, AF_INET6, 128, 128, 0, route.Table, route.Protocol, RT_SCOPE_UNIVERSE, route.Type, 0);
            writer.WriteUInt32(RTA_TABLE, route.Table);
            AddressMessage.WriteAddress(ref writer, RTA_DST, destination);
            AddressMessage.WriteAddress(ref writer, RTA_SRC, request.Bytes(RTA_SRC) is { Length: 16 } from ? InternetAddress.Read(AF_INET6, from) : InternetAddress.Any(AF_INET6));
        }

        if (destination.Family == AF_INET && (isLocal ? kernel.Devices.Find("lo") : hop?.Device) is { } device)
        {
            writer.WriteInt32(RTA_OIF, device.Index);
        }

        InternetAddress? source = route.PreferredSource
            ?? (destination.Family == AF_INET && hop?.Device is { } way ? kernel.Stack.Sources.SelectV4(way, hop.Gateway, route.Scope) : SourceFor(kernel, hop, destination));
        if (isLocal && !destination.IsAny)
        {
            source = route.PreferredSource ?? destination;
        }

        if (destination.Family == AF_INET)
        {
            if (sender is null && source is { } address)
            {
                AddressMessage.WriteAddress(ref writer, RTA_PREFSRC, address);
            }

            if (hop is { Gateway: { } gateway, IsOwnGateway: false } && !isMulticast)
            {
                AddressMessage.WriteAddress(ref writer, RTA_GATEWAY, gateway);
            }

            RouteMessage.WriteMetrics(ref writer, route);

            if (request.U32(RTA_MARK) is { } mark && mark != 0)
            {
                writer.WriteUInt32(RTA_MARK, mark);
            }

            writer.WriteUInt32(RTA_UID, request.U32(RTA_UID) ?? 0);
        }
        else
        {
            if (source is { } address)
            {
                AddressMessage.WriteAddress(ref writer, RTA_PREFSRC, address);
            }

            writer.WriteUInt32(RTA_PRIORITY, route.Priority);
            if (hop?.Gateway is { } gateway)
            {
                AddressMessage.WriteAddress(ref writer, RTA_GATEWAY, gateway);
            }

            if ((route.Type == RTN_LOCAL ? kernel.Devices.Find("lo") : hop?.Device) is { } output)
            {
                writer.WriteInt32(RTA_OIF, output.Index);
            }
        }

        Span<byte> cache = stackalloc byte[32];
        cache.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(cache, 0);
        writer.WriteBytes(RTA_CACHEINFO, cache);
        if (destination.Family == AF_INET6)
        {
            writer.WriteByte(RTA_PREF, route.Preference);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static InternetAddress? SourceFor(SimulatedKernel kernel, NextHop? hop, InternetAddress destination)
    {
        if (hop?.Device is not { } device)
        {
            return null;
        }

        IReadOnlyList<InterfaceAddress> addresses = kernel.Addresses.Of(device, destination.Family);
        if (addresses.Count == 0 && destination.Family == AF_INET)
        {
            // An address of another device will do.
            return kernel.Devices.All.SelectMany(other => kernel.Addresses.Of(other, AF_INET)).FirstOrDefault(static address => address.Scope < RT_SCOPE_LINK)?.Local;
        }

        if (destination.Family == AF_INET6 && destination.IsMulticast && addresses.FirstOrDefault(static address => address.Local.IsLinkLocal) is { } near)
        {
            // Of two addresses the one whose scope is nearest to the destination's (RFC 6724, rule 2).
            return near.Local;
        }

        InternetAddress target = hop.Gateway ?? destination;
        InterfaceAddress? match = addresses.FirstOrDefault(address => target.IsIn(address.Address, address.PrefixLength))
            ?? addresses.FirstOrDefault(static address => address.Scope < RT_SCOPE_LINK);
        return match?.Local;
    }
}
