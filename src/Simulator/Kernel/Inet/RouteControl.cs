using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Inet;

/// <summary>Routes come, are replaced and go, with their events (net/ipv4/fib_trie.c, net/ipv6/ip6_fib.c).</summary>
internal sealed class RouteControl(SimulatedKernel kernel)
{
    /// <summary>Adds or replaces a route as the flags of the request say.</summary>
    public Verdict Insert(Route route, NetlinkMessageFlags flags, Requester? requester = null) =>
        route.Destination.Family == AF_INET ? InsertV4(route, flags, requester) : InsertV6(route, flags, requester);

    /// <summary>Takes a route out and tells of it.</summary>
    public void Delete(Route route, Requester? requester = null, bool silent = false)
    {
        if (kernel.Routes.Find(route.Destination.Family, route.Table)?.Remove(route) == true && !silent)
        {
            Notify(route, RTM_DELROUTE, 0, requester);
        }
    }

    /// <summary>
    /// IPv4 routes over the device end with its being down, silently; local ones only when it goes altogether, and those of several next hops when it does so
    /// or the last of them is dead (fib_sync_down_dev).
    /// </summary>
    public void DeviceDown(NetworkDevice device, bool force, bool unregisters = false)
    {
        foreach (ForwardingTable table in kernel.Routes.All.Where(static table => table.Family == AF_INET))
        {
            foreach (Route route in table.Routes.Where(route => route.NextHops.Any(hop => hop.Device == device)).ToArray())
            {
                if (!force && route.Scope == RT_SCOPE_HOST)
                {
                    continue;
                }

                foreach (NextHop hop in route.NextHops.Where(hop => hop.Device == device))
                {
                    hop.Flags |= (byte)RTNH_F_DEAD;
                }

                if (unregisters || route.NextHops.All(static hop => hop.IsDead))
                {
                    Delete(route, silent: true);
                }
            }
        }
    }

    /// <summary>Next hops over the device live again.</summary>
    public void DeviceUp(NetworkDevice device)
    {
        foreach (Route route in V4RoutesOver(device))
        {
            foreach (NextHop hop in route.NextHops.Where(hop => hop.Device == device))
            {
                hop.Flags = (byte)(hop.Flags & ~RTNH_F_DEAD);
            }
        }
    }

    /// <summary>Routes over a device without carrier are marked (RTNH_F_LINKDOWN).</summary>
    public void CarrierChanged(NetworkDevice device)
    {
        foreach (Route route in kernel.Routes.All.SelectMany(static table => table.Routes)
            .Where(route => route.Type != RTN_LOCAL && route.NextHops.Any(hop => hop.Device == device)))
        {
            foreach (NextHop hop in route.NextHops.Where(hop => hop.Device == device))
            {
                hop.Flags = (byte)(device.HasCarrier ? hop.Flags & ~RTNH_F_LINKDOWN : hop.Flags | RTNH_F_LINKDOWN);
            }
        }

        kernel.Datapath?.DeviceChanged(device);
    }

    /// <summary>Routes of the main table that prefer an address which is no more end with it (fib_sync_down_addr), silently before 6.7.</summary>
    public void PreferredSourceGone(InternetAddress address)
    {
        foreach (Route route in kernel.Routes.Find(AF_INET, ForwardingTables.Main)?.Routes.Where(route => route.PreferredSource == address).ToArray() ?? [])
        {
            Delete(route, silent: !kernel.Profile.IsAtLeast(6, 7));
        }
    }

    /// <summary>All IPv6 routes over a device end with it, told one by one, table by table (rt6_disable_ip).</summary>
    public void RemoveV6(NetworkDevice device)
    {
        foreach (ForwardingTable table in kernel.Routes.All.Where(static table => table.Family == AF_INET6).OrderBy(static table => table.Id & 255).ToArray())
        {
            foreach (Route route in table.Routes.Where(route => route.NextHops.Any(hop => hop.Device == device)).ToArray())
            {
                Delete(route);
            }
        }
    }

    /// <summary>The route by which a packet to this address leaves, or null; only among routes of this scope or a narrower one.</summary>
    public Route? Lookup(InternetAddress destination, NetworkDevice? output = null, byte smallestScope = 0) =>
        kernel.Stack.Routing.Find(new RouteQuery(destination) { Output = output, SmallestScope = smallestScope })?.Route;

    public void Notify(Route route, ushort type, NetlinkMessageFlags flags, Requester? requester) => kernel.RouteEvents.Publish(
        route.Destination.Family == AF_INET ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE,
        RouteMessage.Build(kernel, route, type, flags, requester?.Sequence ?? 0, requester?.PortId ?? 0),
        requester);

    private IEnumerable<Route> V4RoutesOver(NetworkDevice device) =>
        kernel.Routes.All.Where(static table => table.Family == AF_INET).SelectMany(table => table.Routes).Where(route => route.NextHops.Any(hop => hop.Device == device));

    private Verdict InsertV4(Route route, NetlinkMessageFlags flags, Requester? requester)
    {
        ForwardingTable table = kernel.Routes.GetOrAdd(AF_INET, route.Table);
        List<Route> same = [.. table.To(route.Destination, route.PrefixLength).Where(other => other.TypeOfService == route.TypeOfService && other.Priority == route.Priority)];
        NetlinkMessageFlags told = NetlinkMessageFlags.Exclusive;
        if (same.Count > 0)
        {
            if ((flags & NetlinkMessageFlags.Exclusive) != 0)
            {
                return LinuxError.EEXIST;
            }

            told = 0;
            Route? identical = same.Find(other => other.Type == route.Type && IsSame(other, route));
            if ((flags & NetlinkMessageFlags.Replace) != 0)
            {
                Route first = same[0];
                if (identical is not null)
                {
                    if (identical == first)
                    {
                        return Verdict.Success;
                    }

                    return LinuxError.EEXIST;
                }

                table.Replace(first, route);
                Notify(route, RTM_NEWROUTE, NetlinkMessageFlags.Replace, requester);
                return Verdict.Success;
            }

            if (identical is not null)
            {
                return LinuxError.EEXIST;
            }

            if ((flags & NetlinkMessageFlags.Append) != 0)
            {
                told |= NetlinkMessageFlags.Append;
            }
        }

        if ((flags & NetlinkMessageFlags.Create) == 0)
        {
            return LinuxError.ENOENT;
        }

        table.Add(route, first: (flags & NetlinkMessageFlags.Append) == 0);
        Notify(route, RTM_NEWROUTE, told | NetlinkMessageFlags.Create, requester);
        return Verdict.Success;
    }

    private Verdict InsertV6(Route route, NetlinkMessageFlags flags, Requester? requester)
    {
        ForwardingTable table = kernel.Routes.GetOrAdd(AF_INET6, route.Table);
        List<Route> there = [.. table.To(route.Destination, route.PrefixLength)];
        List<Route> same = [.. there.Where(other => other.Priority == route.Priority)];
        NetlinkMessageFlags told = NetlinkMessageFlags.Create | NetlinkMessageFlags.Exclusive;
        if (there.Count == 0 && (flags & NetlinkMessageFlags.Create) == 0 && requester is not null)
        {
            return (flags & NetlinkMessageFlags.Replace) != 0 ? new Verdict(LinuxError.ENOENT, "Can not replace route - no match found") : LinuxError.ENOENT;
        }

        if (same.Count > 0)
        {
            if ((flags & NetlinkMessageFlags.Exclusive) != 0)
            {
                return LinuxError.EEXIST;
            }

            told &= ~NetlinkMessageFlags.Exclusive;
            if ((flags & NetlinkMessageFlags.Replace) != 0)
            {
                Route first = same[0];
                foreach (Route other in same.Skip(1).Where(other => IsOfMany(other) && IsOfMany(route)))
                {
                    table.Remove(other);
                }

                table.Replace(first, route);
                Notify(route, RTM_NEWROUTE, NetlinkMessageFlags.Replace, requester);
                return Verdict.Success;
            }

            if (same.Exists(other => IsSameHop(other, route)))
            {
                return LinuxError.EEXIST;
            }

            // Routes of one metric that all have gateways make one multipath route.
            if (IsOfMany(route) && same.Find(static other => IsOfMany(other) && other.NextHops.Count > 0) is { } sibling && (flags & NetlinkMessageFlags.Append) != 0)
            {
                sibling.NextHops = [.. sibling.NextHops, .. route.NextHops];
                Notify(sibling, RTM_NEWROUTE, NetlinkMessageFlags.Append | NetlinkMessageFlags.Create, requester);
                return Verdict.Success;
            }

            if ((flags & NetlinkMessageFlags.Append) != 0)
            {
                told |= NetlinkMessageFlags.Append;
            }
        }

        table.Add(route);
        Notify(route, RTM_NEWROUTE, told, requester);
        ScheduleExpiry(route);
        return Verdict.Success;
    }

    /// <summary>An IPv6 route that can be one of a route with several next hops (rt6_qualify_for_ecmp).</summary>
    private static bool IsOfMany(Route route) => route.Gateway is not null && route.NextHopId == 0;

    /// <summary>The route ends when its time is over, unless that is put off until then.</summary>
    public void ScheduleExpiry(Route route)
    {
        if (route.Expires == 0)
        {
            return;
        }

        long expires = route.Expires;
        kernel.After(TimeSpan.FromMilliseconds(Math.Max(0, expires - kernel.Ticks) * 10), () =>
        {
            if (route.Expires == expires)
            {
                Delete(route);
            }
        });
    }

    private static bool IsSame(Route one, Route other) =>
        one.Protocol == other.Protocol && one.Scope == other.Scope && one.PreferredSource == other.PreferredSource && one.NextHops.Count == other.NextHops.Count
        && one.NextHopId == other.NextHopId && one.Flags == other.Flags
        && one.Metrics.Count == other.Metrics.Count && one.Metrics.Zip(other.Metrics).All(static pair => pair.First.Type == pair.Second.Type && pair.First.Value.AsSpan().SequenceEqual(pair.Second.Value))
        && one.NextHops.Zip(other.NextHops).All(static pair => pair.First.Device == pair.Second.Device && pair.First.Gateway == pair.Second.Gateway && pair.First.Weight == pair.Second.Weight
            && pair.First.IsOwnGateway == pair.Second.IsOwnGateway && pair.First.Realm == pair.Second.Realm && IsSameWrapping(pair.First, pair.Second)
            && ((pair.First.Flags ^ pair.Second.Flags) & RTNH_F_ONLINK) == 0);

    private static bool IsSameWrapping(NextHop one, NextHop other) =>
        one.Encapsulation?.Type == other.Encapsulation?.Type && one.Encapsulation?.Value.AsSpan().SequenceEqual(other.Encapsulation?.Value) != false;

    private static bool IsSameHop(Route one, Route other) =>
        one.NextHops.Count == other.NextHops.Count && one.NextHopId == other.NextHopId
        && one.NextHops.Zip(other.NextHops).All(static pair => pair.First.Device == pair.Second.Device && pair.First.Gateway == pair.Second.Gateway);
}
