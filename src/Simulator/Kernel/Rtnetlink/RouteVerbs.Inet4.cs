using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <content>What IPv4 refuses in a new route, in the order of fib_create_info: the words and errnos depend on it.</content>
internal sealed partial class RouteVerbs
{
    /// <summary>Stands for a device that there is not: no route leads over it, but rules that refuse come before that.</summary>
    private readonly NetworkDevice _noDevice = new(kernel, int.MaxValue, "", "");

    private const ushort MetricLock = 1, MetricMtu = 2, MetricWindow = 7, MetricSegment = 8, MetricHopLimit = 10, MetricFeatures = 12, MetricCongestion = 16, LargestMetric = 17;

    /// <summary>The widest scope that a route of each type may have (fib_props).</summary>
    private static byte LeastScope(byte type) => type switch
    {
        RTN_LOCAL => RT_SCOPE_HOST,
        RTN_BROADCAST or RTN_ANYCAST => RT_SCOPE_LINK,
        RTN_UNSPEC or > RTN_THROW => RT_SCOPE_NOWHERE,
        _ => RT_SCOPE_UNIVERSE,
    };

    /// <summary>A gateway of either family with its family before it (fib_gw_from_via).</summary>
    private static Verdict CheckVia(byte[] via)
    {
        if (via.Length < 2)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid attribute length for RTA_VIA");
        }

        return (BinaryPrimitives.ReadUInt16LittleEndian(via), via.Length) switch
        {
            (AF_INET, not 6) => new Verdict(LinuxError.EINVAL, "Invalid IPv4 address in RTA_VIA"),
            (AF_INET6, not 18) => new Verdict(LinuxError.EINVAL, "Invalid IPv6 address in RTA_VIA"),
            (AF_INET or AF_INET6, _) => Verdict.Success,
            _ => new Verdict(LinuxError.EINVAL, "Unsupported address family in RTA_VIA"),
        };
    }

    /// <summary>Whether packets of each of several ways can be wrapped as it says (lwtunnel_valid_encap_type_attr).</summary>
    private Verdict CheckEncapsulations(ReadOnlySpan<byte> ways)
    {
        const int Header = 8;
        while (ways.Length >= Header && BinaryPrimitives.ReadUInt16LittleEndian(ways) is var length && length >= Header && length <= ways.Length)
        {
            if (length > Header && new AttributeReader(ways[Header..length]).TryFind(RTA_ENCAP_TYPE, out NetlinkAttribute type))
            {
                if (type.Value.Length < 2)
                {
                    return new Verdict(LinuxError.EINVAL, "Invalid RTA_ENCAP_TYPE");
                }

                // Of one of several ways it is always "not supported", whatever the words say.
                Verdict verdict = CheckEncapsulation(BinaryPrimitives.ReadUInt16LittleEndian(type.Value));
                if (verdict.Error != LinuxError.None)
                {
                    return verdict with { Error = LinuxError.EOPNOTSUPP };
                }
            }

            ways = ways[Math.Min(ways.Length, length + 3 & ~3)..];
        }

        return Verdict.Success;
    }

    /// <summary>Whether packets of routes can be wrapped so (lwtunnel_valid_encap_type).</summary>
    private Verdict CheckEncapsulation(ushort type)
    {
        // MPLS, ILA, RPL, IOAM and XFRM are options of the kernel's; IP, IPv6, segments and programs come with the rest.
        const ushort Largest = 10;
        bool isRare = type is 1 or 3 or >= 8;
        return type is 0 or > Largest ? new Verdict(LinuxError.EINVAL, "Unknown lwt encapsulation type")
            : isRare && !kernel.Profile.HasLabelRoutes ? new Verdict(LinuxError.EOPNOTSUPP, "lwt encapsulation type not supported")
            : Verdict.Success;
    }

    /// <summary>What stands before the next hops are read: scope, flags, how the next hops and metrics are laid out.</summary>
    private Verdict CheckShape(AttributeSet attributes, byte type, byte scope, byte flags)
    {
        if (LeastScope(type) > scope)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid scope");
        }

        if ((flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid rtm_flags - can not contain DEAD or LINKDOWN");
        }

        if (attributes.Bytes(RTA_MULTIPATH) is { } multipath && !IsWholeMultipath(multipath))
        {
            return new Verdict(LinuxError.EINVAL, "Invalid nexthop configuration - extra data after nexthops");
        }

        return CheckMetrics(attributes);
    }

    /// <summary>What stands after they are read: types without next hops, scopes, the next hops themselves.</summary>
    private Verdict CheckHops(AttributeSet attributes, byte type, uint table, byte scope, List<NextHop> hops, List<byte> flags)
    {
        if (type >= RTN_BLACKHOLE)
        {
            bool hasHop = hops.Exists(static hop => hop.Gateway is not null) || (attributes.U32(RTA_OIF) ?? 0) != 0 || attributes.Has(RTA_MULTIPATH);
            return hasHop ? new Verdict(LinuxError.EINVAL, "Gateway, device and multipath can not be specified for this route type") : Verdict.Success;
        }

        if (type == RTN_UNSPEC)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid route type");
        }

        if (scope > RT_SCOPE_HOST)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid scope");
        }

        if (scope == RT_SCOPE_HOST)
        {
            return hops.Count != 1 ? new Verdict(LinuxError.EINVAL, "Route with host scope can not have multiple nexthops")
                : hops[0].Gateway is not null ? new Verdict(LinuxError.EINVAL, "Route with host scope can not have a gateway")
                : hops[0].Device is null ? LinuxError.ENODEV
                : Verdict.Success;
        }

        for (int i = 0; i < hops.Count; i++)
        {
            Verdict verdict = CheckHop(hops[i], flags[i], table, scope, out NetworkDevice? device);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            hops[i].Device = device;
            if (device is { HasCarrier: false })
            {
                hops[i].Flags |= (byte)RTNH_F_LINKDOWN;
            }
        }

        return Verdict.Success;
    }

    /// <summary>fib_check_nh: the device is there and up, the gateway can be reached over a link.</summary>
    public Verdict CheckHop(NextHop hop, byte flags, uint table, byte scope, out NetworkDevice? device)
    {
        device = hop.Device;
        if (hop.Gateway is not { } gateway)
        {
            if ((flags & (RTNH_F_ONLINK | RTNH_F_PERVASIVE)) != 0)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set");
            }

            return device is not { HasInet: true } ? LinuxError.ENODEV : !device.IsUp ? new Verdict(LinuxError.ENETDOWN, "Device for nexthop is not up") : Verdict.Success;
        }

        if (gateway.Family != AF_INET)
        {
            return device is null ? LinuxError.EINVAL : Verdict.Success;
        }

        if ((flags & RTNH_F_ONLINK) != 0)
        {
            return scope >= RT_SCOPE_LINK ? new Verdict(LinuxError.EINVAL, "Nexthop has invalid scope")
                : device is null ? new Verdict(LinuxError.ENODEV, "Nexthop device required for onlink")
                : !device.IsUp ? new Verdict(LinuxError.ENETDOWN, "Nexthop device is not up")
                : kernel.Inet4.TypeOfAddress(gateway) != RTN_UNICAST ? new Verdict(LinuxError.EINVAL, "Nexthop has invalid gateway")
                : Verdict.Success;
        }

        byte smallest = (byte)Math.Min(Math.Max(scope + 1, RT_SCOPE_LINK), RT_SCOPE_NOWHERE);
        var query = new Datapath.RouteQuery(gateway) { Output = hop.NamesMissingDevice ? _noDevice : device, SmallestScope = smallest };
        Datapath.RouteDecision? found = table is 0 or ForwardingTables.Main ? null : kernel.Stack.Routing.FindInTable(table, query);
        found ??= kernel.Stack.Routing.Find(query);
        switch (found?.Type)
        {
            case null:
                return new Verdict(LinuxError.ENETUNREACH, "Nexthop has invalid gateway");
            case Datapath.RouteType.Unreachable:
                return new Verdict(found.Route is null ? LinuxError.ENETUNREACH : LinuxError.EHOSTUNREACH, "Nexthop has invalid gateway");
            case Datapath.RouteType.Prohibit:
                return new Verdict(LinuxError.EACCES, "Nexthop has invalid gateway");
            case not (Datapath.RouteType.Unicast or Datapath.RouteType.Local):
                return new Verdict(LinuxError.EINVAL, "Nexthop has invalid gateway");
        }

        hop.IsOwnGateway = found.Type == Datapath.RouteType.Local;
        device ??= found.Device;
        return device.IsUp ? Verdict.Success : LinuxError.ENETDOWN;
    }

    private static bool IsWholeMultipath(ReadOnlySpan<byte> rest)
    {
        bool any = false;
        while (rest.Length >= 8)
        {
            ushort length = BinaryPrimitives.ReadUInt16LittleEndian(rest);
            if (length < 8 || length > rest.Length)
            {
                return false;
            }

            any = true;
            rest = rest[Math.Min(length + 3 & ~3, rest.Length)..];
        }

        return any && rest.Length == 0;
    }

    /// <summary>ip_metrics_convert.</summary>
    private Verdict CheckMetrics(AttributeSet attributes)
    {
        uint locked = 0, window = 0;
        var walk = new AttributeReader(attributes.Bytes(RTA_METRICS));
        int offset = attributes.Offset(RTA_METRICS) + 4;
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            int here = offset;
            offset += attribute.Value.Length + 4 + 3 & ~3;
            if (attribute.Type == 0)
            {
                continue;
            }

            if (attribute.Type > LargestMetric)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid metric type");
            }

            if (attribute.Type == MetricCongestion)
            {
                string name = attribute.String;
                if (name is not ("cubic" or "reno"))
                {
                    return new Verdict(LinuxError.EINVAL, "Unknown tcp congestion algorithm");
                }
            }
            else if (attribute.Value.Length != 4)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid attribute in metrics", here);
            }
            else if (attribute.Type == MetricFeatures && (attribute.UInt32 & ~0x1fu) != 0)
            {
                return new Verdict(LinuxError.EINVAL, "Unknown flag set in feature mask in metrics attribute");
            }

            locked = attribute.Type == MetricLock ? attribute.UInt32 : locked;
            window = attribute.Type == MetricWindow ? attribute.UInt32 : window;
        }

        return kernel.Profile.RefusesLockedEmptyWindow && (locked & 1 << MetricWindow) != 0 && window == 0
            ? new Verdict(LinuxError.EINVAL, "Locked cwnd metric must be non zero")
            : Verdict.Success;
    }

    /// <summary>Metrics have largest values; 0 stands for none.</summary>
    private static byte[]? BoundMetric(ushort type, byte[] value)
    {
        if (type == MetricCongestion || value.Length != 4)
        {
            return value;
        }

        uint number = BinaryPrimitives.ReadUInt32LittleEndian(value);
        uint bounded = Math.Min(number, type switch { MetricSegment => 65535u - 40, MetricMtu => 65535u - 15, MetricHopLimit => 255u, _ => uint.MaxValue });
        return bounded == 0 ? null : BitConverter.GetBytes(bounded);
    }
}
