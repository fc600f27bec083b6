using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <content>Reads a route out of a request, and checks its next hops.</content>
internal sealed partial class RouteVerbs
{
    private bool TryBuild(NetlinkMessage message, bool forDelete, out Route? route, out Verdict verdict)
    {
        route = null;
        if (message.Payload.Length < 12)
        {
            verdict = LinuxError.EINVAL;
            return false;
        }

        if (!AttributeSet.TryParse(message.Payload[12..], 28, message.Payload[0] == AF_INET ? Ipv4Policy : Policy, AttributeStrictness.Liberal, out AttributeSet attributes, out verdict))
        {
            return false;
        }

        ReadOnlySpan<byte> header = message.Payload;
        byte family = header[0];
        int bits = family == AF_INET ? 32 : 128;
        byte length = header[1];
        byte type = header[7];
        if (family == AF_INET && (header[3] & 3) != 0)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Invalid dsfield (tos): ECN bits must be 0");
            return false;
        }

        if (family == AF_INET6 && header[3] != 0)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Invalid dsfield (tos): option not available for IPv6");
            return false;
        }

        if (type > RTN_MAX && !(forDelete && family == AF_INET6))
        {
            verdict = new Verdict(LinuxError.EINVAL, "Invalid route type");
            return false;
        }

        if (family == AF_INET && attributes.Bytes(RTA_VIA) is { } way && CheckVia(way) is { Error: not LinuxError.None } noWay)
        {
            verdict = noWay;
            return false;
        }

        if (attributes.Bytes(RTA_MULTIPATH) is { } ways && CheckEncapsulations(ways) is { Error: not LinuxError.None } unknownOfWay)
        {
            verdict = unknownOfWay;
            return false;
        }

        if (attributes.U16(RTA_ENCAP_TYPE) is { } encapsulation && CheckEncapsulation(encapsulation) is { Error: not LinuxError.None } unknown)
        {
            verdict = unknown;
            return false;
        }

        if (length > bits)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Invalid prefix length");
            return false;
        }

        InternetAddress destination = attributes.Bytes(RTA_DST) is { } given && given.Length >= Math.Min(bits / 8, (length + 7) / 8)
            ? InternetAddress.Read(family, Padded(given, bits / 8))
            : InternetAddress.Any(family);
        if (family == AF_INET && destination.Masked(length) != destination)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Invalid prefix for given prefix length");
            return false;
        }

        if (family == AF_INET && attributes.Has(RTA_VIA) && attributes.Has(RTA_GATEWAY))
        {
            verdict = new Verdict(LinuxError.EINVAL, "Nexthop configuration can not contain both GATEWAY and VIA");
            return false;
        }

        destination = destination.Masked(length);
        uint table = attributes.U32(RTA_TABLE) ?? (header[4] == 0 ? ForwardingTables.Main : header[4]);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (!forDelete && family == AF_INET)
        {
            // The table comes to be even when the route is refused for its next hop.
            kernel.Routes.GetOrAdd(family, table);
        }

        if (!forDelete && family == AF_INET && CheckShape(attributes, type, header[6], (byte)flags) is { Error: not LinuxError.None } refused)
        {
            verdict = refused;
            return false;
        }

        if (!TryHops(family, attributes, (byte)flags, type, table, header[6], header[2], forDelete, message.Header.Flags, out List<NextHop> hops, out verdict))
        {
            return false;
        }

        uint priority = attributes.U32(RTA_PRIORITY) ?? 0;
        if (family == AF_INET6 && priority == 0 && !forDelete)
        {
            priority = 1024;
        }

        byte scope = header[6];
        route = new Route
        {
            Destination = destination,
            PrefixLength = length,
            Table = table == 0 ? ForwardingTables.Main : table,
            Type = family == AF_INET6 && type == RTN_UNSPEC && !forDelete ? RTN_UNICAST : type,
            Scope = scope,
            Protocol = header[5],
            TypeOfService = family == AF_INET ? header[3] : (byte)0,
            Priority = priority,
            PreferredSource = attributes.Bytes(RTA_PREFSRC) is { } source && source.Length >= bits / 8 ? InternetAddress.Read(family, source) : null,
            Source = attributes.Bytes(RTA_SRC) is { } from && from.Length >= bits / 8 ? InternetAddress.Read(family, from).Masked(header[2]) : null,
            SourcePrefixLength = header[2],
            NextHops = hops,
            NextHopId = attributes.U32(RTA_NH_ID) ?? 0,
            Buckets = kernel.NextHops.Find(attributes.U32(RTA_NH_ID) ?? 0)?.Group?.Buckets,
            Flags = family == AF_INET && !forDelete && type >= RTN_BLACKHOLE ? flags & 0xff : 0,
            Metrics = Metrics(attributes.Bytes(RTA_METRICS)),
            Preference = attributes.U8(RTA_PREF) is { } preference ? preference == 2 ? (byte)0 : preference : (byte)0,
            Expires = attributes.U32(RTA_EXPIRES) is { } expires and > 0 ? kernel.Ticks + (expires * 100L) : 0,
        };
        if (!forDelete && (family != AF_INET || type < RTN_BLACKHOLE) && route.PreferredSource is { } preferred && kernel.Addresses.FindLocal(preferred) is null)
        {
            verdict = new Verdict(LinuxError.EINVAL, family == AF_INET ? "Invalid prefsrc address" : "Invalid source address");
            return false;
        }

        verdict = Verdict.Success;
        return true;
    }

    private bool TryHops(
        byte family, AttributeSet attributes, byte flags, byte type, uint table, byte scope, byte sourceLength, bool forDelete, NetlinkMessageFlags request, out List<NextHop> hops, out Verdict verdict)
    {
        hops = [];
        verdict = Verdict.Success;
        bool isReject = family == AF_INET ? type >= RTN_BLACKHOLE : type is RTN_BLACKHOLE or RTN_UNREACHABLE or RTN_PROHIBIT or RTN_THROW;
        if (attributes.U32(RTA_NH_ID) is { } id and not 0)
        {
            if (attributes.U32(RTA_OIF) is > 0 || attributes.Has(RTA_GATEWAY) || attributes.Has(RTA_VIA) || attributes.Has(RTA_ENCAP) || attributes.Has(RTA_MULTIPATH))
            {
                verdict = new Verdict(LinuxError.EINVAL, "Nexthop specification and nexthop id are mutually exclusive");
                return false;
            }

            Verdict? ofSource = family == AF_INET6 && !forDelete && sourceLength != 0 ? new Verdict(LinuxError.EINVAL, "Nexthops can not be used with source routing") : null;
            NumberedNextHop? nextHop = kernel.NextHops.Find(id);
            Verdict? refused = (kernel.Profile.IsAtLeast(6, 16) ? ofSource : null)
                ?? (nextHop is null ? new Verdict(LinuxError.EINVAL, "Nexthop id does not exist") : forDelete ? null : NextHopControl.CheckRoute(nextHop, family, scope))
                ?? ofSource;
            if (refused is { } told)
            {
                verdict = told;
                return false;
            }

            hops.AddRange(nextHop!.Hops());
            return true;
        }

        if (attributes.Bytes(RTA_MULTIPATH) is { } multipath)
        {
            ReadOnlySpan<byte> rest = multipath;
            List<byte> hopFlags = [];
            while (rest.Length >= 8)
            {
                ushort length = BinaryPrimitives.ReadUInt16LittleEndian(rest);
                if (length < 8 || length > rest.Length)
                {
                    if (forDelete)
                    {
                        hops.Add(NoHop);
                        return true;
                    }

                    verdict = new Verdict(LinuxError.EINVAL, "Invalid nexthop configuration - extra data after nexthops");
                    return false;
                }

                AttributeSet.TryParse(rest[8..length], 0, Policy, AttributeStrictness.Liberal, out AttributeSet own, out _);
                if (!TryHop(family, own, BinaryPrimitives.ReadInt32LittleEndian(rest[4..]), rest[2], rest[3] + 1, scope, forDelete, out NextHop? hop, out verdict))
                {
                    return false;
                }

                hops.Add(hop!);
                hopFlags.Add(rest[2]);
                if (family == AF_INET && (rest[2] & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0)
                {
                    verdict = new Verdict(LinuxError.EINVAL, "Invalid flags for nexthop - can not contain DEAD or LINKDOWN");
                    return false;
                }

                rest = rest[Math.Min(length + 3 & ~3, rest.Length)..];
            }

            return forDelete || family != AF_INET || IsAcceptable(attributes, type, table, scope, flags, hops, hopFlags, out verdict);
        }

        bool hasHop = attributes.Has(RTA_OIF) || attributes.Has(RTA_GATEWAY) || attributes.Has(RTA_VIA);
        if (isReject && (family == AF_INET6 || !hasHop))
        {
            if (family == AF_INET6)
            {
                hops.Add(new NextHop { Device = kernel.Devices.Find("lo") });
            }

            return true;
        }

        if (!hasHop)
        {
            if (forDelete)
            {
                return true;
            }

            if (family == AF_INET)
            {
                hops.Add(new NextHop { Flags = flags });
                return IsAcceptable(attributes, type, table, scope, flags, hops, [flags], out verdict);
            }

            verdict = LinuxError.ENODEV;
            return false;
        }

        if (!TryHop(family, attributes, (int)(attributes.U32(RTA_OIF) ?? 0), flags, 1, scope, forDelete, out NextHop? only, out verdict))
        {
            return false;
        }

        hops.Add(only!);
        return forDelete || family != AF_INET || IsAcceptable(attributes, type, table, scope, flags, hops, [flags], out verdict);
    }

    private bool IsAcceptable(AttributeSet attributes, byte type, uint table, byte scope, byte flags, List<NextHop> hops, List<byte> hopFlags, out Verdict verdict)
    {
        verdict = CheckHops(attributes, type, table, scope, hops, hopFlags);
        if (verdict.Error != LinuxError.None)
        {
            return false;
        }

        if (type >= RTN_BLACKHOLE)
        {
            hops.Clear();
        }

        return true;
    }

    private bool TryHop(byte family, AttributeSet attributes, int index, byte flags, int weight, byte scope, bool forDelete, out NextHop? hop, out Verdict verdict)
    {
        hop = null;
        verdict = Verdict.Success;
        NetworkDevice? device = null;
        bool isMissing = false;
        if (family == AF_INET && !forDelete && attributes.Has(RTA_ENCAP) && (attributes.U16(RTA_ENCAP_TYPE) ?? 0) == 0)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Unknown LWT encapsulation type", attributes.Offset(RTA_ENCAP));
            return false;
        }

        if (index != 0)
        {
            device = kernel.Devices.Find(index);
            if (device is null)
            {
                if (forDelete)
                {
                    hop = NoHop;
                    return true;
                }

                isMissing = true;
                if (family != AF_INET)
                {
                    verdict = LinuxError.ENODEV;
                    return false;
                }
            }
        }

        InternetAddress? gateway = null;
        if (attributes.Bytes(RTA_GATEWAY) is { } bytes && bytes.Length >= (family == AF_INET ? 4 : 16))
        {
            gateway = InternetAddress.Read(family, bytes);
            gateway = gateway.Value.IsAny ? null : gateway;
        }
        else if (family == AF_INET && attributes.Bytes(RTA_VIA) is { } via)
        {
            verdict = CheckVia(via);
            if (verdict.Error != LinuxError.None)
            {
                return false;
            }

            gateway = InternetAddress.Read(via[0], via.AsSpan(2));
        }

        if (!forDelete && family == AF_INET6)
        {
            verdict = Check(family, ref device, gateway, flags, scope);
            if (verdict.Error != LinuxError.None)
            {
                return false;
            }
        }

        byte hopFlags = (byte)(flags & (family == AF_INET ? RTNH_F_ONLINK | RTNH_F_OFFLOAD | RTNH_F_TRAP : RTNH_F_ONLINK));
        if (device is { HasCarrier: false })
        {
            hopFlags |= (byte)RTNH_F_LINKDOWN;
        }

        hop = new NextHop
        {
            Device = device,
            NamesMissingDevice = isMissing,
            Gateway = gateway,
            Weight = weight,
            Flags = hopFlags,
            Realm = attributes.U32(RTA_FLOW) ?? 0,
            Encapsulation = attributes.Bytes(RTA_ENCAP) is { } encapsulation ? (attributes.U16(RTA_ENCAP_TYPE) ?? 0, encapsulation) : null,
        };
        return true;
    }

    /// <summary>fib_check_nh, ip6_route_check_nh: the gateway must be reachable over a link.</summary>
    private Verdict Check(byte family, ref NetworkDevice? device, InternetAddress? gateway, byte flags, byte scope)
    {
        if (gateway is not { } address)
        {
            if (device is null || (family == AF_INET && !device.HasInet))
            {
                return LinuxError.ENODEV;
            }

            return !device.IsUp ? new Verdict(LinuxError.ENETDOWN, family == AF_INET ? "Device for nexthop is not up" : "Nexthop device is not up") : Verdict.Success;
        }

        if (address.Family != family)
        {
            return device is null ? LinuxError.EINVAL : Verdict.Success;
        }

        if (family == AF_INET && scope >= RT_SCOPE_LINK)
        {
            return new Verdict(LinuxError.EINVAL, scope > RT_SCOPE_HOST ? "Invalid scope" : scope == RT_SCOPE_HOST ? "Route with host scope can not have a gateway" : "Nexthop has invalid scope");
        }

        if ((flags & RTNH_F_ONLINK) != 0)
        {
            if (device is null)
            {
                return family == AF_INET ? new Verdict(LinuxError.ENODEV, "Nexthop device required for onlink") : new Verdict(LinuxError.EINVAL, "Nexthop device required for onlink");
            }

            return !device.IsUp ? new Verdict(LinuxError.ENETDOWN, "Nexthop device is not up") : Verdict.Success;
        }

        if (family == AF_INET6)
        {
            if (address.IsLinkLocal)
            {
                return device is null ? new Verdict(LinuxError.EINVAL, "Egress device not specified") : Verdict.Success;
            }

            if (kernel.Addresses.FindLocal(address) is { } own && (device is null || own.Device == device))
            {
                return new Verdict(LinuxError.EINVAL, "Gateway can not be a local address");
            }
        }

        NetworkDevice? wanted = device;
        Route? route = kernel.RouteControl.Lookup(address, wanted, family == AF_INET ? RT_SCOPE_LINK : (byte)0);
        if (route is null || (route.Type is not RTN_UNICAST and not RTN_LOCAL) || route.Device is null)
        {
            return family == AF_INET ? new Verdict(LinuxError.ENETUNREACH, "Nexthop has invalid gateway") : LinuxError.EHOSTUNREACH;
        }

        if (family == AF_INET6 && route.Gateway is not null)
        {
            return LinuxError.EHOSTUNREACH;
        }

        device = wanted ?? route.Device;
        return !device!.IsUp ? LinuxError.ENETDOWN : Verdict.Success;
    }

    private static List<(ushort, byte[])> Metrics(byte[]? nest)
    {
        var metrics = new List<(ushort, byte[])>();
        var walk = new AttributeReader(nest);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            ushort type = attribute.Type;
            if (type != 0 && BoundMetric(type, attribute.Value.ToArray()) is { } value)
            {
                metrics.RemoveAll(other => other.Item1 == type);
                metrics.Add((type, value));
            }
        }

        metrics.Sort(static (one, other) => one.Item1.CompareTo(other.Item1));
        return metrics;
    }

    internal static byte[] Padded(byte[] bytes, int length)
    {
        if (bytes.Length >= length)
        {
            return bytes;
        }

        byte[] padded = new byte[length];
        bytes.CopyTo(padded, 0);
        return padded;
    }
}
