using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Datapath.Link;

/// <summary>For whom a frame to a group is.</summary>
/// <param name="IsMalformed">It is a broken message about groups, which goes nowhere.</param>
/// <param name="Ports">The ports it goes to, members and routers; null: all.</param>
/// <param name="ForHost">The machine itself gets it.</param>
internal readonly record struct GroupTargets(bool IsMalformed, HashSet<BridgePort>? Ports, bool ForHost);

/// <summary>
/// Listens to who asks for groups and who is in them (br_multicast.c): once somebody asks and everybody had time to answer, frames to a group go to its members and to routers only.
/// </summary>
internal sealed class MulticastSnooping(NetworkStack stack)
{
    private const int LastMember = 0, Membership = 1, QuerierTime = 2;
    private const byte NoRouter = 0, ByQuery = 1, Permanent = 2;

    private static readonly InternetAddress AllNodes = InternetAddress.Parse("ff02::1");

    /// <summary>A frame to a group comes in by a port, or the machine itself sends it (null): hears what it says, and decides whom it is for.</summary>
    public GroupTargets Judge(BridgeState bridge, BridgePort? from, Packet packet, ushort vlan)
    {
        if (!bridge.MulticastSnooping || packet.Protocol is not (EtherType.Ipv4 or EtherType.Ipv6))
        {
            return new GroupTargets(false, null, true);
        }

        Expire(bridge);
        GroupMessage message = GroupMessage.Read(packet);
        if (message.Kind == GroupMessageKind.Malformed)
        {
            return new GroupTargets(true, null, false);
        }

        InternetAddress destination = packet.DestinationAddress;
        bool forRouters = message.Kind == GroupMessageKind.Report || (message.Kind == GroupMessageKind.None && !IsEverybodys(destination));
        Hear(bridge, from, packet, message, vlan);

        MulticastGroup? group = message.Kind == GroupMessageKind.None || packet.IsIpv6 ? bridge.Multicast.Find(destination, vlan) : null;
        if ((group is null && !forRouters) || !HasQuerier(bridge, packet.Family))
        {
            return new GroupTargets(false, null, true);
        }

        HashSet<BridgePort> ports = [.. Routers(bridge, packet.Family), .. group?.Ports.Keys ?? (IEnumerable<BridgePort>)[]];
        return new GroupTargets(false, ports, group?.Host is not null || bridge.MulticastRouter == Permanent);
    }

    /// <summary>Forgets members, queriers and routers that have not been heard for too long.</summary>
    public void Expire(BridgeState bridge)
    {
        long now = Now;
        foreach (MulticastGroup group in bridge.Multicast.Groups.ToArray())
        {
            foreach ((BridgePort port, long until) in group.Ports.ToArray())
            {
                if (until <= now || !bridge.Ports.Contains(port))
                {
                    RemoveMember(bridge, group, port);
                }
            }

            if (group.Host <= now)
            {
                group.Host = null;
                Notify(bridge, group, null, RTM_DELMDB);
            }

            if (group.Ports.Count == 0 && group.Host is null)
            {
                bridge.Multicast.Remove(group);
            }
        }

        foreach (MulticastQuerier querier in (MulticastQuerier[])[bridge.Multicast.Inet4, bridge.Multicast.Inet6])
        {
            foreach (BridgePort port in querier.Routers.Where(entry => entry.Value <= now || !bridge.Ports.Contains(entry.Key)).Select(static entry => entry.Key).ToArray())
            {
                querier.Routers.Remove(port);
                stack.Kernel.RouteEvents.Publish(RTNLGRP_MDB, MulticastMessage.BuildRouter(bridge, port, RTM_DELMDB));
            }
        }
    }

    /// <summary>The ports that lead to routers: where queries come from, and those that are set so.</summary>
    public static IEnumerable<BridgePort> Routers(BridgeState bridge, byte family) => bridge.Ports.Where(port => port.MulticastRouter == Permanent
        || (port.MulticastRouter != NoRouter && bridge.Multicast.Querier(family).Routers.ContainsKey(port)));

    private long Now => stack.Kernel.Clock.GetTimestamp();

    /// <summary>Groups that all stations of a link are in, reported or not.</summary>
    private static bool IsEverybodys(InternetAddress group) => group.Family == InternetAddress.V6 ? group == AllNodes : ((uint)group.Value & 0xffffff00) == 0xe0000000;

    private static long Ticks(BridgeState bridge, int interval) => (long)bridge.MulticastIntervals[interval] * (TimeSpan.TicksPerSecond / 100);

    private bool HasQuerier(BridgeState bridge, byte family) => bridge.Multicast.Querier(family) is var querier && querier.HeardFrom <= Now && querier.Until > Now;

    private void Hear(BridgeState bridge, BridgePort? from, Packet packet, GroupMessage message, ushort vlan)
    {
        if (!bridge.Device.IsUp || from is { State: not (BridgePortState.Forwarding or BridgePortState.Learning) })
        {
            return;
        }

        switch (message.Kind)
        {
            case GroupMessageKind.Report when message.Group is { } group:
                Join(bridge, from, group, vlan);
                break;

            case GroupMessageKind.Leave when message.Group is { } group:
                Leave(bridge, from, group, vlan);
                break;

            case GroupMessageKind.Reports:
                foreach ((InternetAddress group, bool joins) in message.Records!)
                {
                    if (joins)
                    {
                        Join(bridge, from, group, vlan);
                    }
                    else
                    {
                        Leave(bridge, from, group, vlan);
                    }
                }

                break;

            case GroupMessageKind.Query when message.Group is { } group:
                if (bridge.Multicast.Find(group, vlan) is { } asked)
                {
                    Shorten(asked, null, Now + message.MaximumDelay.Ticks * bridge.MulticastLastMemberCount, everybody: true);
                }

                break;

            case GroupMessageKind.Query:
                TakeQuerier(bridge, from, packet, message.MaximumDelay);
                break;

            default:
                break;
        }
    }

    private void TakeQuerier(BridgeState bridge, BridgePort? from, Packet packet, TimeSpan delay)
    {
        MulticastQuerier querier = bridge.Multicast.Querier(packet.Family);
        long now = Now;
        InternetAddress sender = packet.SourceAddress;
        if (querier.Until > now && querier.Address is { IsAny: false } known && sender.Value > known.Value)
        {
            // Of two that ask, the one with the lower address does.
            return;
        }

        if (querier.Until <= now)
        {
            querier.HeardFrom = now + delay.Ticks;
        }

        querier.Address = sender;
        querier.Until = now + Ticks(bridge, QuerierTime);
        if (from is { MulticastRouter: not (NoRouter or Permanent) })
        {
            bool isNew = querier.Routers.TryAdd(from, querier.Until);
            querier.Routers[from] = querier.Until;
            if (isNew)
            {
                stack.Kernel.RouteEvents.Publish(RTNLGRP_MDB, MulticastMessage.BuildRouter(bridge, from, RTM_NEWMDB));
            }
        }
    }

    private void Join(BridgeState bridge, BridgePort? from, InternetAddress address, ushort vlan)
    {
        if (!address.IsMulticast || IsEverybodys(address))
        {
            return;
        }

        MulticastGroup group = bridge.Multicast.GetOrAdd(address, vlan);
        long until = Now + Ticks(bridge, Membership);
        bool isNew;
        if (from is null)
        {
            isNew = group.Host is null;
            group.Host = until;
        }
        else
        {
            isNew = group.Ports.TryAdd(from, until);
            group.Ports[from] = until;
            from.MulticastGroups += isNew ? 1u : 0;
        }

        if (isNew)
        {
            Notify(bridge, group, from, RTM_NEWMDB);
        }
    }

    private void Leave(BridgeState bridge, BridgePort? from, InternetAddress address, ushort vlan)
    {
        if (bridge.Multicast.Find(address, vlan) is not { } group)
        {
            return;
        }

        if (from is { } port && (port.Flags & BridgePortFlags.FastLeave) != 0)
        {
            if (group.Ports.ContainsKey(port))
            {
                RemoveMember(bridge, group, port);
                Expire(bridge);
            }

            return;
        }

        // Whoever asks for members will ask whether another one is left.
        if (bridge.Multicast.Querier(address.Family).Until <= Now)
        {
            Shorten(group, from, Now + bridge.MulticastLastMemberCount * Ticks(bridge, LastMember), everybody: false);
        }
    }

    /// <summary>Members have until then to say that they still are: of one port (null: the machine itself), or everywhere.</summary>
    private static void Shorten(MulticastGroup group, BridgePort? from, long until, bool everybody)
    {
        if ((everybody || from is null) && group.Host > until)
        {
            group.Host = until;
        }

        foreach (BridgePort port in group.Ports.Keys.Where(port => everybody || port == from).ToArray())
        {
            group.Ports[port] = Math.Min(group.Ports[port], until);
        }
    }

    private void RemoveMember(BridgeState bridge, MulticastGroup group, BridgePort port)
    {
        group.Ports.Remove(port);
        port.MulticastGroups -= port.MulticastGroups > 0 ? 1u : 0;
        Notify(bridge, group, port, RTM_DELMDB);
    }

    private void Notify(BridgeState bridge, MulticastGroup group, BridgePort? port, ushort type) =>
        stack.Kernel.RouteEvents.Publish(RTNLGRP_MDB, MulticastMessage.BuildEntry(stack.Kernel, bridge, group, port, type));
}
