using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWNETCONF and RTM_DELNETCONF: the IPv4 parameters of a device as user space is told of them.</summary>
internal static class NetconfMessage
{
    private static readonly (ushort Type, string Parameter)[] V4Parameters =
    [
        (2, "forwarding"), (3, "rp_filter"), (4, "mc_forwarding"), (8, "bc_forwarding"), (5, "proxy_arp"), (6, "ignore_routes_with_linkdown"),
    ];

    private static readonly (ushort Type, string Parameter)[] V6Parameters =
    [
        (2, "forwarding"), (4, "mc_forwarding"), (5, "proxy_ndp"), (6, "ignore_routes_with_linkdown"),
    ];

    public static void NotifyNew(SimulatedKernel kernel, NetworkDevice device) =>
        kernel.RouteEvents.Publish(RTNLGRP_IPV4_NETCONF, Build(kernel, AF_INET, device.Index, device.Name));

    public static void NotifyDeleted(SimulatedKernel kernel, NetworkDevice device)
    {
        var buffer = new NetlinkBuffer(64);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_DELNETCONF, 0, 0);
        writer.Append([AF_INET, 0, 0, 0]);
        writer.WriteInt32(NETCONFA_IFINDEX, device.Index);
        writer.EndMessage(message);
        writer.Complete();
        kernel.RouteEvents.Publish(RTNLGRP_IPV4_NETCONF, buffer.Written.ToArray());
    }

    /// <summary>The message of one device, or of "all" (-1) and "default" (-2).</summary>
    public static byte[] Build(SimulatedKernel kernel, byte family, int index, string name)
    {
        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWNETCONF, 0, 0);
        writer.Append([family, 0, 0, 0]);
        writer.WriteInt32(NETCONFA_IFINDEX, index);
        ParameterFolder parameters = kernel.Parameters.Folder(family == AF_INET ? "net/ipv4/conf/" : "net/ipv6/conf/", name);
        foreach ((ushort type, string parameter) in family == AF_INET ? V4Parameters : V6Parameters)
        {
            writer.WriteInt32(type, parameters.Number(parameter));
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
