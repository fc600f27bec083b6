using System.Buffers.Binary;
using System.Runtime.InteropServices;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>How a link message is to be filled beyond the device's own state.</summary>
internal readonly record struct LinkMessageOptions(
    uint Change = 0, uint Sequence = 0, uint PortId = 0, uint FilterMask = 0, int? NewNamespaceId = null, int NewIndex = 0, int? TargetNamespaceId = null, uint Event = 0);

/// <summary>Writes RTM_NEWLINK and RTM_DELLINK of a device, attribute by attribute in the kernel's order (rtnl_fill_ifinfo).</summary>
internal static class LinkMessage
{
    private const int CounterCount = 9;

    /// <summary>The sysctl names behind IFLA_INET_CONF, in the order of IPV4_DEVCONF_*.</summary>
    private static readonly string[] InetConfiguration =
    [
        "forwarding", "mc_forwarding", "proxy_arp", "accept_redirects", "secure_redirects", "send_redirects", "shared_media", "rp_filter",
        "accept_source_route", "bootp_relay", "log_martians", "tag", "arp_filter", "medium_id", "disable_xfrm", "disable_policy",
        "force_igmp_version", "arp_announce", "arp_ignore", "promote_secondaries", "arp_accept", "arp_notify", "accept_local", "src_valid_mark",
        "proxy_arp_pvlan", "route_localnet", "igmpv2_unsolicited_report_interval", "igmpv3_unsolicited_report_interval",
        "ignore_routes_with_linkdown", "drop_unicast_in_l2_multicast", "drop_gratuitous_arp", "bc_forwarding", "arp_evict_nocarrier",
    ];

    /// <summary>The message with its header.</summary>
    public static byte[] Build(SimulatedKernel kernel, NetworkDevice device, ushort type, LinkMessageOptions options = default)
    {
        var buffer = new NetlinkBuffer(2048);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, options.Sequence, options.PortId);
        Write(ref writer, kernel, device, options);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static void Write(ref NetlinkWriter writer, SimulatedKernel kernel, NetworkDevice device, LinkMessageOptions options)
    {
        KernelProfile profile = kernel.Profile;
        WriteHeader(ref writer, AF_UNSPEC, device, options.Change);
        if (options.TargetNamespaceId is { } target)
        {
            writer.WriteInt32(IFLA_TARGET_NETNSID, target);
        }

        writer.WriteString(IFLA_IFNAME, device.Name);
        writer.WriteUInt32(IFLA_TXQLEN, device.TransmitQueueLength);
        writer.WriteByte(IFLA_OPERSTATE, (byte)(device.IsUp ? device.OperationalState : OperationalState.Down));
        writer.WriteByte(IFLA_LINKMODE, device.LinkMode);
        if (profile.IsAtLeast(6, 15))
        {
            writer.WriteByte(IFLA_NETNS_IMMUTABLE, device.IsBoundToNamespace ? (byte)1 : (byte)0);
        }

        writer.WriteUInt32(IFLA_MTU, device.Mtu);
        writer.WriteUInt32(IFLA_MIN_MTU, device.MinimumMtu);
        writer.WriteUInt32(IFLA_MAX_MTU, device.MaximumMtu);
        writer.WriteUInt32(IFLA_GROUP, device.Group);
        writer.WriteUInt32(IFLA_PROMISCUITY, (uint)device.Promiscuity);
        writer.WriteUInt32(IFLA_ALLMULTI, (uint)device.AllMulticast);
        writer.WriteUInt32(IFLA_NUM_TX_QUEUES, device.TransmitQueues);
        writer.WriteUInt32(IFLA_GSO_MAX_SEGS, device.GsoMaximumSegments);
        writer.WriteUInt32(IFLA_GSO_MAX_SIZE, device.GsoMaximumSize);
        writer.WriteUInt32(IFLA_GRO_MAX_SIZE, device.GroMaximumSize);
        if (profile.IsAtLeast(6, 3))
        {
            // The size for IPv4 follows the other as long as that is one IPv4 can have.
            writer.WriteUInt32(IFLA_GSO_IPV4_MAX_SIZE, Math.Min(device.GsoMaximumSize, 65536));
            writer.WriteUInt32(IFLA_GRO_IPV4_MAX_SIZE, Math.Min(device.GroMaximumSize, 65536));
        }

        writer.WriteUInt32(IFLA_TSO_MAX_SIZE, device.TsoMaximumSize);
        writer.WriteUInt32(IFLA_TSO_MAX_SEGS, device.MaximumSegments);
        if (profile.IsAtLeast(6, 13))
        {
            writer.WriteUInt32(IFLA_MAX_PACING_OFFLOAD_HORIZON, 0);
        }

        writer.WriteUInt32(IFLA_NUM_RX_QUEUES, device.ReceiveQueues);
        if (device.Master is { } master)
        {
            writer.WriteInt32(IFLA_MASTER, master.Index);
        }

        writer.WriteByte(IFLA_CARRIER, device.HasCarrier ? (byte)1 : (byte)0);
        if (!profile.IsAtLeast(6, 9))
        {
            writer.WriteString(IFLA_QDISC, device.Traffic.Root.Kind.Name);
        }

        if (device.Alias is { } alias)
        {
            writer.WriteString(IFLA_IFALIAS, alias);
        }

        writer.WriteUInt32(IFLA_CARRIER_CHANGES, device.CarrierUpCount + device.CarrierDownCount);
        writer.WriteUInt32(IFLA_CARRIER_UP_COUNT, device.CarrierUpCount);
        writer.WriteUInt32(IFLA_CARRIER_DOWN_COUNT, device.CarrierDownCount);
        if (profile.IsAtLeast(6, 17))
        {
            writer.WriteUInt16(IFLA_HEADROOM, device.Headroom);
            writer.WriteUInt16(IFLA_TAILROOM, 0);
        }

        writer.WriteByte(IFLA_PROTO_DOWN, device.IsProtocolDown ? (byte)1 : (byte)0);
        if (options.Event != 0)
        {
            writer.WriteUInt32(IFLA_EVENT, options.Event);
        }

        if (!profile.IsAtLeast(6, 9))
        {
            writer.WriteBytes(IFLA_MAP, stackalloc byte[32]);
        }

        if (device.HardwareAddress.Length > 0)
        {
            writer.WriteBytes(IFLA_ADDRESS, device.HardwareAddress);
            writer.WriteBytes(IFLA_BROADCAST, device.BroadcastAddress);
        }

        WriteStatistics(ref writer, device);

        WireMark xdp = writer.BeginNested(IFLA_XDP, nestedFlag: false);
        writer.WriteByte(2, 0);
        writer.EndAttribute(xdp);
        if (device.Kind.Length > 0 || device.Port is not null || device.Master is not null)
        {
            WireMark info = writer.BeginNested(IFLA_LINKINFO, nestedFlag: false);
            if (device.Port is { } port)
            {
                LinkKinds.WriteInfo(ref writer, device, kernel);
                writer.WriteString(IFLA_INFO_SLAVE_KIND, "bridge");
                WireMark slave = writer.BeginNested(IFLA_INFO_SLAVE_DATA, nestedFlag: false);
                BridgePortAttributes.Write(ref writer, port);
                writer.EndAttribute(slave);
            }
            else
            {
                LinkKinds.WriteInfo(ref writer, device, kernel);
                LinkKinds.WritePortInfo(ref writer, device);
            }

            writer.EndAttribute(info);
        }

        if (LinkNamespaceId(kernel, device) is { } namespaceId)
        {
            writer.WriteInt32(IFLA_LINK_NETNSID, namespaceId);
        }

        if (options.NewNamespaceId is { } newNamespace)
        {
            writer.WriteInt32(IFLA_NEW_NETNSID, newNamespace);
        }

        if (options.NewIndex != 0)
        {
            writer.WriteInt32(IFLA_NEW_IFINDEX, options.NewIndex);
        }

        if (device.PermanentAddress is { } permanent)
        {
            writer.WriteBytes(IFLA_PERM_ADDRESS, permanent);
        }

        if (LinkIndex(device) is { } link)
        {
            writer.WriteInt32(IFLA_LINK, link);
        }

        if (profile.IsAtLeast(6, 9))
        {
            writer.WriteString(IFLA_QDISC, device.Traffic.Root.Kind.Name);
        }

        WireMark families = writer.BeginNested(IFLA_AF_SPEC, nestedFlag: false);
        WriteFamilies(ref writer, kernel, device, options.FilterMask);
        writer.EndAttribute(families);
        if (profile.IsAtLeast(6, 9))
        {
            writer.WriteBytes(IFLA_MAP, stackalloc byte[32]);
        }

        if (device.AlternativeNames.Count > 0)
        {
            WireMark properties = writer.BeginNested(IFLA_PROP_LIST);
            foreach (string name in device.AlternativeNames)
            {
                writer.WriteString(IFLA_ALT_IFNAME, name);
            }

            writer.EndAttribute(properties);
        }

        if (profile.IsAtLeast(6, 2))
        {
            writer.EndAttribute(writer.BeginNested(IFLA_DEVLINK_PORT));
        }

        if (profile.IsAtLeast(6, 7))
        {
            writer.EndAttribute(writer.BeginNested(IFLA_DPLL_PIN));
        }
    }

    /// <summary>RTM_NEWLINK of AF_INET6, sent when IPv6 on the device changes (inet6_fill_ifinfo).</summary>
    public static byte[] BuildInet6(SimulatedKernel kernel, NetworkDevice device, ushort type, uint sequence = 0, uint portId = 0)
    {
        var buffer = new NetlinkBuffer(1024);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, sequence, portId);
        WriteHeader(ref writer, AF_INET6, device, 0);
        writer.WriteString(IFLA_IFNAME, device.Name);
        if (device.HardwareAddress.Length > 0)
        {
            writer.WriteBytes(IFLA_ADDRESS, device.HardwareAddress);
        }

        writer.WriteUInt32(IFLA_MTU, device.Mtu);
        if (LinkIndex(device) is { } link && link != device.Index)
        {
            writer.WriteInt32(IFLA_LINK, link);
        }

        writer.WriteByte(IFLA_OPERSTATE, (byte)(device.IsUp ? device.OperationalState : OperationalState.Down));
        WireMark protocol = writer.BeginNested(IFLA_PROTINFO, nestedFlag: false);
        if (device.Inet6 is not null)
        {
            WriteInet6(ref writer, kernel, device, device.Inet6, 0);
        }

        writer.EndAttribute(protocol);
        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>struct ifinfomsg.</summary>
    public static void WriteHeader(ref NetlinkWriter writer, byte family, NetworkDevice device, uint change)
    {
        Span<byte> header = stackalloc byte[16];
        header[0] = family;
        header[1] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], device.HardwareType);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], device.Index);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], (uint)device.ShownFlags);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], change);
        writer.Append(header);
    }

    /// <summary>What IFLA_LINK shows: the device below, the peer of a veth, nothing for others.</summary>
    public static int? LinkIndex(NetworkDevice device)
    {
        if (device.Kind == "veth")
        {
            return device.Peer?.Index ?? 0;
        }

        if (device.Lower is { } lower)
        {
            return lower.Index;
        }

        return LinkKinds.IsTunnelWithLink(device) ? 0 : null;
    }

    private static int? LinkNamespaceId(SimulatedKernel kernel, NetworkDevice device)
    {
        NetworkDevice? other = device.Peer ?? device.Lower;
        return other is not null && other.Kernel != device.Kernel ? kernel.NamespaceIdOf(other.Kernel) : null;
    }

    private static void WriteStatistics(ref NetlinkWriter writer, NetworkDevice device)
    {
        WriteStatistics64(ref writer, IFLA_STATS64, device);
        Span<ulong> values = stackalloc ulong[CounterCount];
        ReadCounters(device, values);
        Span<uint> narrow = stackalloc uint[24];
        narrow.Clear();
        for (int index = 0; index < values.Length; index++)
        {
            narrow[index] = (uint)values[index];
        }

        writer.WriteBytes(IFLA_STATS, MemoryMarshal.AsBytes(narrow));
    }

    /// <summary>struct rtnl_link_stats64 as the attribute named.</summary>
    public static void WriteStatistics64(ref NetlinkWriter writer, ushort type, NetworkDevice device)
    {
        Span<ulong> wide = stackalloc ulong[25];
        wide.Clear();
        ReadCounters(device, wide);
        writer.WriteBytes(type, MemoryMarshal.AsBytes(wide));
    }

    private static void ReadCounters(NetworkDevice device, Span<ulong> counters)
    {
        DeviceStatistics statistics = device.Statistics;
        counters[0] = statistics.ReceivedPackets;
        counters[1] = statistics.TransmittedPackets;
        counters[2] = statistics.ReceivedBytes;
        counters[3] = statistics.TransmittedBytes;
        counters[4] = statistics.ReceiveErrors;
        counters[5] = statistics.TransmitErrors;
        counters[6] = statistics.ReceiveDropped;
        counters[7] = statistics.TransmitDropped;
        counters[8] = statistics.Multicast;
    }

    private static void WriteFamilies(ref NetlinkWriter writer, SimulatedKernel kernel, NetworkDevice device, uint filterMask)
    {
        if (device.HasInet)
        {
            WireMark inet = writer.BeginNested(AF_INET, nestedFlag: false);
            writer.WriteBytes(1, MemoryMarshal.AsBytes(kernel.Parameters.Folder("net/ipv4/conf/", device.Name).Numbers(InetConfiguration)));
            writer.EndAttribute(inet);
        }

        if (device.Inet6 is { } inet6State)
        {
            WireMark inet6 = writer.BeginNested(AF_INET6, nestedFlag: false);
            WriteInet6(ref writer, kernel, device, inet6State, filterMask);
            writer.EndAttribute(inet6);
        }
    }

    private static void WriteInet6(ref NetlinkWriter writer, SimulatedKernel kernel, NetworkDevice device, Inet6State state, uint filterMask)
    {
        writer.WriteUInt32(1, state.Flags);
        Span<byte> cache = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(cache, 65535);
        BinaryPrimitives.WriteUInt32LittleEndian(cache[4..], state.Updated);
        BinaryPrimitives.WriteUInt32LittleEndian(cache[8..], state.ReachableTime);
        BinaryPrimitives.WriteUInt32LittleEndian(cache[12..], 1000);
        writer.WriteBytes(5, cache);
        Inet6Configuration.Write(ref writer, kernel, device);
        if ((filterMask & RTEXT_FILTER_SKIP_STATS) == 0)
        {
            Span<byte> statistics = stackalloc byte[38 * 8];
            statistics.Clear();
            statistics[0] = 38;
            writer.WriteBytes(3, statistics);
            Span<byte> icmp = stackalloc byte[7 * 8];
            icmp.Clear();
            icmp[0] = 7;
            writer.WriteBytes(6, icmp);
        }

        writer.WriteBytes(7, state.Token);
        writer.WriteByte(8, state.AddressGenerationMode);
    }
}
