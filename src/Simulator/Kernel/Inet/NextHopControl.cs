using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel;

/// <summary>What becomes of routes and groups when numbered next hops come, change and go (net/ipv4/nexthop.c), and who is told.</summary>
internal sealed class NextHopControl(SimulatedKernel kernel)
{
    private long _order;

    private NextHopTable Table => kernel.NextHops;

    private bool TellsRoutes => kernel.Parameters.Number("net/", "ipv4", "nexthop_compat_mode") != 0;

    /// <summary>Tells of a bucket that changed hands by itself.</summary>
    public void TellBucket(uint group, int index)
    {
        if (Table.Find(group) is { Group.Buckets: { } buckets } hop)
        {
            kernel.RouteEvents.Publish(RTNLGRP_NEXTHOP, NextHopMessage.BuildBucket(hop, buckets, index, NetlinkMessageFlags.Replace), null);
        }
    }

    /// <summary>A next hop whose number is new.</summary>
    public void Insert(NumberedNextHop hop, Requester requester)
    {
        hop.Group?.Order = ++_order;
        hop.Group?.Buckets?.Distribute(hop.Group.Members);
        Table.Add(hop);
        Tell(hop, RTM_NEWNEXTHOP, requester);
    }

    /// <summary>Puts something else behind a number that is known.</summary>
    public Verdict Replace(NumberedNextHop old, NumberedNextHop with, ResilientTerms terms, Requester requester)
    {
        if (CheckRoutes(old, with) is { } refused)
        {
            return refused;
        }

        List<NumberedNextHop> groups = Table.GroupsOf(old);
        foreach (NumberedNextHop group in groups)
        {
            if (with.Way is { IsBlackhole: true } && group.Group!.Members.Count > 1)
            {
                return new Verdict(LinuxError.EINVAL, "Blackhole nexthop can not be a member of a group with more than one path");
            }

            if (CheckRoutes(group, with) is { } kept)
            {
                return kept;
            }
        }

        Verdict? wrong = old.Group is { } shared ? ReplaceGroup(old, shared, with, terms)
            : with.Group is not null ? new Verdict(LinuxError.EINVAL, "Can not replace a nexthop with a nexthop group.")
            : groups.Count > 0 && with.IsForFdb != old.IsForFdb ? new Verdict(LinuxError.EINVAL, "Cannot change nexthop FDB status while in a group")
            : null;
        if (wrong is { } told)
        {
            return told;
        }

        if (old.Way is not null)
        {
            (old.Way, old.Protocol, old.Flags) = (with.Way, with.Protocol, with.Flags);
        }

        Table.Generation++;
        Tell(old, RTM_NEWNEXTHOP, requester);
        foreach (NumberedNextHop changed in (NumberedNextHop[])[old, .. groups])
        {
            Update(changed, requester);
        }

        return Verdict.Success;
    }

    private Verdict? ReplaceGroup(NumberedNextHop old, NextHopGroup group, NumberedNextHop with, ResilientTerms terms)
    {
        if (with.Group is not { } next)
        {
            return new Verdict(LinuxError.EINVAL, "Can not replace a nexthop group with a nexthop.");
        }

        if ((group.Buckets is null) != (next.Buckets is null))
        {
            return new Verdict(LinuxError.EINVAL, "Can not replace a nexthop group with one of a different type.");
        }

        if (group.Buckets is { } buckets)
        {
            if (terms.Buckets is { } count && count != buckets.Count)
            {
                return new Verdict(LinuxError.EINVAL, "Can not change number of buckets of a resilient nexthop group.");
            }

            buckets.IdleTimer = terms.IdleTimer ?? buckets.IdleTimer;
            buckets.UnbalancedTimer = terms.UnbalancedTimer ?? buckets.UnbalancedTimer;
            buckets.Distribute(next.Members);
        }

        old.Group = new NextHopGroup { Members = next.Members, IsForFdb = next.IsForFdb, CountsInHardware = next.CountsInHardware, Buckets = group.Buckets, Order = ++_order };
        return null;
    }

    /// <summary>A next hop goes, with the routes over it; groups go on without it, and end with the last of theirs.</summary>
    /// <param name="hop">The next hop.</param>
    /// <param name="requester">Who wanted that; null where a device took it along, of which nobody is told.</param>
    public void Remove(NumberedNextHop hop, Requester? requester)
    {
        Table.Remove(hop);
        if (requester is { } asked)
        {
            Tell(hop, RTM_DELNEXTHOP, asked);
        }

        foreach (Route route in RoutesOf(hop).ToArray())
        {
            kernel.RouteControl.Delete(route, silent: route.Destination.Family == AF_INET || !TellsRoutes);
        }

        hop.Group?.Buckets?.End();
        foreach (NumberedNextHop group in Table.GroupsOf(hop))
        {
            if (group.Group!.Members.Count == 1)
            {
                Remove(group, requester);
                continue;
            }

            group.Group.Members = [.. group.Group.Members.Where(member => member.Hop != hop)];
            group.Group.Order = ++_order;
            group.Group.Buckets?.Distribute(group.Group.Members);
            Refresh(group);
            if (requester is { } who)
            {
                Tell(group, RTM_NEWNEXTHOP, who);
            }
        }

        Table.Generation++;
    }

    /// <summary>A device goes down, or loses its carrier: its next hops go with it.</summary>
    public void Flush(NetworkDevice device, bool unregisters = false)
    {
        foreach (NumberedNextHop hop in Table.All.Where(hop => hop.Way?.Device == device && (unregisters || !hop.Way.IsBlackhole)).Reverse().ToArray())
        {
            Remove(hop, null);
        }
    }

    /// <summary>Why the routes over one next hop may not go by another; null where they may.</summary>
    private Verdict? CheckRoutes(NumberedNextHop hop, NumberedNextHop with)
    {
        Verdict? refused = null;
        foreach (Route route in RoutesOf(hop).OrderBy(static route => route.Destination.Family))
        {
            refused ??= CheckRoute(with, route.Destination.Family, route.Scope);
        }

        return refused;
    }

    /// <summary>Why a route of this family and scope may not go by a next hop (fib_check_nexthop, fib6_check_nexthop); null where it may.</summary>
    public static Verdict? CheckRoute(NumberedNextHop hop, byte family, byte scope)
    {
        if (family == AF_INET6 && (hop.Group?.Members.Any(static member => member.Hop.Way!.Family == AF_INET) ?? hop.Way!.Family == AF_INET))
        {
            return new Verdict(LinuxError.EINVAL, "IPv6 routes can not use an IPv4 nexthop");
        }

        if (hop.IsForFdb)
        {
            return new Verdict(LinuxError.EINVAL, "Route cannot point to a fdb nexthop");
        }

        if (family == AF_INET6)
        {
            return null;
        }

        if (hop.Group is not null && scope == RT_SCOPE_HOST)
        {
            return new Verdict(LinuxError.EINVAL, "Route with host scope can not have multiple nexthops");
        }

        NextHopWay way = hop.Way ?? hop.Group!.Members[0].Hop.Way!;
        uint flags = hop.Group is null ? hop.Flags : hop.Group.Members[0].Hop.Flags;
        return scope == RT_SCOPE_HOST && way.Gateway is not null ? new Verdict(LinuxError.EINVAL, "Route with host scope can not have a gateway")
            : (flags & RTNH_F_ONLINK) != 0 && scope >= RT_SCOPE_LINK ? new Verdict(LinuxError.EINVAL, "Scope mismatch with nexthop")
            : null;
    }

    /// <summary>Routes over a next hop have the new one, and are told anew where old programs are to see that (nexthop_compat_mode).</summary>
    private void Update(NumberedNextHop hop, Requester requester)
    {
        Refresh(hop);
        if (TellsRoutes)
        {
            foreach (Route route in RoutesOf(hop).OrderByDescending(static route => route.Destination))
            {
                kernel.RouteControl.Notify(route, RTM_NEWROUTE, NetlinkMessageFlags.Replace, requester);
            }
        }
    }

    private void Refresh(NumberedNextHop hop)
    {
        foreach (Route route in RoutesOf(hop))
        {
            route.NextHops = hop.Hops();
            route.Buckets = hop.Group?.Buckets;
        }
    }

    private IEnumerable<Route> RoutesOf(NumberedNextHop hop) => kernel.Routes.All.SelectMany(static table => table.Routes).Where(route => route.NextHopId == hop.Id);

    private void Tell(NumberedNextHop hop, ushort type, Requester requester) => kernel.RouteEvents.Publish(
        RTNLGRP_NEXTHOP, NextHopMessage.Build(kernel.Profile, hop, type, requester.Header.Flags, 0, requester.Sequence, requester.PortId), requester);
}

/// <summary>What a request says of a resilient group's buckets; null for what it leaves open.</summary>
/// <param name="Buckets">How many.</param>
/// <param name="IdleTimer">After how long unused they change hands.</param>
/// <param name="UnbalancedTimer">After how long out of balance also used ones do.</param>
internal readonly record struct ResilientTerms(int? Buckets, TimeSpan? IdleTimer, TimeSpan? UnbalancedTimer);
