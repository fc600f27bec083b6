using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE of both families.</summary>
internal sealed partial class RouteVerbs(SimulatedKernel kernel)
{
    private static readonly PolicyTable Policy = new(
        30, (RTA_DST, new(AttributeKind.Any)), (RTA_SRC, new(AttributeKind.Any)), (RTA_IIF, new(AttributeKind.U32)), (RTA_OIF, new(AttributeKind.U32)),
        (RTA_GATEWAY, new(AttributeKind.Any)), (RTA_PRIORITY, new(AttributeKind.U32)), (RTA_PREFSRC, new(AttributeKind.Any)), (RTA_METRICS, new(AttributeKind.Nested)),
        (RTA_MULTIPATH, AttributePolicy.Any(8)), (RTA_FLOW, new(AttributeKind.U32)), (RTA_TABLE, new(AttributeKind.U32)), (RTA_MARK, new(AttributeKind.U32)),
        (RTA_PREF, new(AttributeKind.U8)), (RTA_ENCAP_TYPE, new(AttributeKind.U16)), (RTA_ENCAP, new(AttributeKind.Nested)), (RTA_EXPIRES, new(AttributeKind.U32)),
        (RTA_UID, new(AttributeKind.U32)), (RTA_NH_ID, new(AttributeKind.U32)))
    {
        StrictFrom = RTA_NH_ID,
    };

    /// <summary>Of IPv4 addresses are numbers (rtm_ipv4_policy).</summary>
    private static readonly PolicyTable PolicyV4 = MakePolicyV4(RTA_NH_ID), PolicyV4WithFlowLabel = MakePolicyV4(RTA_FLOWLABEL);

    private static PolicyTable MakePolicyV4(ushort last) => new(
        last, (RTA_DST, new(AttributeKind.U32)), (RTA_SRC, new(AttributeKind.U32)), (RTA_IIF, new(AttributeKind.U32)), (RTA_OIF, new(AttributeKind.U32)),
        (RTA_GATEWAY, new(AttributeKind.U32)), (RTA_PRIORITY, new(AttributeKind.U32)), (RTA_PREFSRC, new(AttributeKind.U32)), (RTA_METRICS, new(AttributeKind.Nested)),
        (RTA_MULTIPATH, AttributePolicy.Any(8)), (RTA_FLOW, new(AttributeKind.U32)), (RTA_TABLE, new(AttributeKind.U32)), (RTA_MARK, new(AttributeKind.U32)),
        (RTA_ENCAP_TYPE, new(AttributeKind.U16)), (RTA_ENCAP, new(AttributeKind.Nested)), (RTA_UID, new(AttributeKind.U32)), (RTA_IP_PROTO, new(AttributeKind.U8)),
        (RTA_SPORT, new(AttributeKind.U16)), (RTA_DPORT, new(AttributeKind.U16)), (RTA_NH_ID, new(AttributeKind.U32)))
    {
        StrictFrom = RTA_NH_ID,
    };

    /// <summary>Since 6.14 IPv4 knows of flow labels that it has none.</summary>
    private PolicyTable Ipv4Policy => kernel.Profile.IsAtLeast(6, 14) ? PolicyV4WithFlowLabel : PolicyV4;

    /// <summary>A hop over a device that there is not: no route has it.</summary>
    private static readonly NextHop NoHop = new();

    public void Attach(RouteSubsystem subsystem)
    {
        foreach (byte family in (byte[])[AF_INET, AF_INET6])
        {
            subsystem.Handle(family, RTM_NEWROUTE, New);
            subsystem.Handle(family, RTM_DELROUTE, Delete);
            subsystem.Handle(family, RTM_GETROUTE, Get);
            subsystem.HandleDump(family, RTM_GETROUTE, (socket, message) => Dump(socket, message, [family]));
        }

        subsystem.HandleDump(AF_UNSPEC, RTM_GETROUTE, (socket, message) => Dump(socket, message, [AF_INET, AF_INET6]));
        new RuleVerbs(kernel).Attach(subsystem);
        new NextHopVerbs(kernel, this).Attach(subsystem);
    }

    private Verdict New(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryBuild(message, forDelete: false, out Route? route, out Verdict verdict))
        {
            return verdict;
        }

        return kernel.RouteControl.Insert(route!, message.Header.Flags, new Requester(socket, message.Header));
    }

    private Verdict Delete(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryBuild(message, forDelete: true, out Route? wanted, out Verdict verdict))
        {
            return verdict;
        }

        ForwardingTable? table = kernel.Routes.Find(wanted!.Destination.Family, wanted.Table);
        if (table is null)
        {
            return IsThereAlways(wanted.Destination.Family, wanted.Table) ? LinuxError.ESRCH : new Verdict(LinuxError.ESRCH, "FIB table does not exist");
        }

        bool isV4 = wanted.Destination.Family == AF_INET;
        Route? found = table.To(wanted.Destination, wanted.PrefixLength).FirstOrDefault(route => isV4 ? MatchesV4(route, wanted) : MatchesV6(route, wanted));
        if (found is null)
        {
            return LinuxError.ESRCH;
        }

        kernel.RouteControl.Delete(found, new Requester(socket, message.Header));
        return Verdict.Success;
    }

    /// <summary>IPv6 begins with these two tables; all others come with their first route.</summary>
    private static bool IsThereAlways(byte family, uint table) => family == AF_INET6 && table is (ForwardingTables.Main or ForwardingTables.Local);

    private static bool MatchesV4(Route route, Route wanted) =>
        route.TypeOfService == wanted.TypeOfService
        && (wanted.Priority == 0 || route.Priority == wanted.Priority)
        && (wanted.Type == RTN_UNSPEC || route.Type == wanted.Type)
        && (wanted.Scope == RT_SCOPE_NOWHERE || route.Scope == wanted.Scope)
        && (wanted.Protocol == 0 || route.Protocol == wanted.Protocol)
        && (wanted.PreferredSource is null || route.PreferredSource == wanted.PreferredSource)
        && (wanted.NextHopId == 0 || route.NextHopId == wanted.NextHopId)
        && (wanted.NextHops.Count == 0 || HopsMatch(route, wanted))
        && wanted.Metrics.All(metric => route.Metrics.Any(other => other.Type == metric.Type && other.Value.AsSpan().SequenceEqual(metric.Value)));

    private static bool MatchesV6(Route route, Route wanted) =>
        (wanted.Priority == 0 || route.Priority == wanted.Priority)
        && (wanted.Protocol == 0 || route.Protocol == wanted.Protocol)
        && (route.NextHopId != 0 ? wanted.NextHopId == 0 || wanted.NextHopId == route.NextHopId : wanted.NextHopId == 0 && (wanted.NextHops.Count == 0 || HopsMatch(route, wanted)));

    private static bool HopsMatch(Route route, Route wanted) => !wanted.NextHops.Contains(NoHop) && wanted.NextHops.Zip(route.NextHops).All(static pair =>
            (pair.First.Device is null || pair.First.Device == pair.Second.Device) && (pair.First.Gateway is null || pair.First.Gateway == pair.Second.Gateway))
        && wanted.NextHops.Count <= Math.Max(1, route.NextHops.Count) && (route.NextHops.Count > 0 || wanted.NextHops.All(static hop => hop.Gateway is null && hop.Device is null));

    private Verdict Get(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (message.Payload.Length < 12)
        {
            return LinuxError.EINVAL;
        }

        byte family = message.Payload[0];
        if (!AttributeSet.TryParse(message.Payload[12..], 28, family == AF_INET ? Ipv4Policy : Policy, AttributeStrictness.Liberal, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        InternetAddress destination = attributes.Bytes(RTA_DST) is { } given ? InternetAddress.Read(family, Padded(given, family == AF_INET ? 4 : 16)) : InternetAddress.Any(family);
        if (attributes.U32(RTA_IIF) is { } input and > 0)
        {
            if (kernel.Devices.Find((int)input) is not { } from)
            {
                return LinuxError.ENODEV;
            }

            bool forwards = kernel.Parameters.Number($"net/ipv{(family == AF_INET ? 4 : 6)}/conf/{from.Name}/forwarding") != 0;
            if (!forwards && kernel.Addresses.FindLocal(destination) is null)
            {
                return LinuxError.EHOSTUNREACH;
            }
        }

        if (family == AF_INET && attributes.Bytes(RTA_SRC) is { Length: >= 4 } from4 && attributes.U32(RTA_IIF) is not > 0)
        {
            // Only an address of this machine can be the sender of what it sends.
            InternetAddress sender = InternetAddress.Read(family, from4);
            if (!sender.IsAny && !kernel.Stack.Routing.IsOwn(sender))
            {
                return LinuxError.ENETUNREACH;
            }
        }

        NetworkDevice? output = null;
        if (attributes.U32(RTA_OIF) is { } index and > 0)
        {
            output = kernel.Devices.Find((int)index);
            if (output is null)
            {
                return LinuxError.ENODEV;
            }

            if (family == AF_INET && (!output.IsUp || !output.HasInet))
            {
                return LinuxError.ENETUNREACH;
            }
        }

        if (family == AF_INET && destination.IsAny && attributes.U32(RTA_IIF) is not > 0)
        {
            // Nobody in particular: this machine itself.
            NetworkDevice loopback = kernel.Devices.Find("lo")!;
            InternetAddress self = attributes.Bytes(RTA_SRC) is { Length: >= 4 } asked && !InternetAddress.Read(family, asked).IsAny ? InternetAddress.Read(family, asked) : InternetAddress.Parse("127.0.0.1");
            var local = new Route { Destination = destination, PrefixLength = 32, Table = ForwardingTables.Main, Type = RTN_LOCAL, PreferredSource = self, NextHops = [new NextHop { Device = loopback }] };
            SocketAnswers.Answer(socket, message, RouteAnswer.Build(kernel, local, local.NextHops[0], message, attributes));
            return Verdict.Success;
        }

        var query = new RouteQuery(destination)
        {
            Source = attributes.Bytes(RTA_SRC) is { } sourceBytes && sourceBytes.Length == (family == AF_INET ? 4 : 16) ? InternetAddress.Read(family, sourceBytes) : null,
            Input = attributes.U32(RTA_IIF) is { } arrival and > 0 ? kernel.Devices.Find((int)arrival) : null,
            Output = output,
            Mark = attributes.U32(RTA_MARK) ?? 0,
            TypeOfService = message.Payload[3],
            Protocol = attributes.U8(RTA_IP_PROTO) ?? 0,
            SourcePort = attributes.Bytes(RTA_SPORT) is { Length: >= 2 } sourcePort ? BinaryPrimitives.ReadUInt16BigEndian(sourcePort) : (ushort)0,
            DestinationPort = attributes.Bytes(RTA_DPORT) is { Length: >= 2 } to ? BinaryPrimitives.ReadUInt16BigEndian(to) : (ushort)0,
        };
        RouteDecision? decision = kernel.Stack.Routing.Find(query);
        if (decision is { Type: RouteType.Blackhole or RouteType.Unreachable or RouteType.Prohibit } && family == AF_INET && output is not null)
        {
            // Refused or not: where the device is given, the destination is taken to be on its link.
            decision = null;
        }

        if (decision is { Route: null })
        {
            // A rule itself refuses (fib4_rule_action).
            return decision.Type switch { RouteType.Prohibit => LinuxError.EACCES, RouteType.Blackhole => LinuxError.EINVAL, _ => LinuxError.ENETUNREACH };
        }

        Route? route = decision?.Route;
        NextHop? hop = route?.NextHops.FirstOrDefault(one => one.Device == decision!.Device && one.Gateway == decision.Gateway) ?? (route is { NextHops.Count: > 0 } ? route.NextHops[0] : null);
        if (route is null && family == AF_INET && output is not null)
        {
            hop = new NextHop { Device = output };
            route = new Route { Destination = destination, PrefixLength = 32, Table = 0, Type = RTN_UNICAST, Scope = RT_SCOPE_LINK, NextHops = [hop] };
        }

        if (route is null)
        {
            return LinuxError.ENETUNREACH;
        }

        LinuxError error = route.Type switch
        {
            RTN_BLACKHOLE => LinuxError.EINVAL,
            RTN_UNREACHABLE => LinuxError.EHOSTUNREACH,
            RTN_PROHIBIT => LinuxError.EACCES,
            > RTN_THROW => LinuxError.EINVAL,
            _ => LinuxError.None,
        };
        if (error != LinuxError.None)
        {
            return error;
        }

        if (family == AF_INET && query.Input is null && route.Type != RTN_LOCAL && hop?.Device is { HasInet: false })
        {
            // Routes of groups are kept where no IPv4 is, but nothing leaves there (__mkroute_output).
            return LinuxError.EINVAL;
        }

        if ((BinaryPrimitives.ReadUInt32LittleEndian(message.Payload[8..]) & RTM_F_FIB_MATCH) != 0)
        {
            SocketAnswers.Answer(socket, message, RouteMessage.Build(kernel, route, RTM_NEWROUTE));
            return Verdict.Success;
        }

        SocketAnswers.Answer(socket, message, RouteAnswer.Build(kernel, route, hop, message, attributes));
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message, byte[] families)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        uint table = 0;
        int output = 0;
        byte protocol = 0;
        byte type = 0;
        bool filtered = false;
        string prefix = families[0] == AF_INET ? "ipv4: " : "ipv6: ";
        if (socket.StrictChecking)
        {
            if (payload.Length < 12)
            {
                return LinkQueries.FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Invalid header for FIB dump request"));
            }

            if (payload[1] != 0 || payload[2] != 0 || payload[3] != 0 || payload[6] != 0)
            {
                return LinkQueries.FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Invalid values in header for FIB dump request"));
            }

            if (!AttributeSet.TryParse(payload[12..], 28, Policy, AttributeStrictness.NoUnknown, out AttributeSet attributes, out Verdict refused))
            {
                return LinkQueries.FailDump(socket, message, refused);
            }

            table = attributes.U32(RTA_TABLE) ?? payload[4];
            output = (int)(attributes.U32(RTA_OIF) ?? 0);
            protocol = payload[5];
            type = payload[7];
            filtered = table != 0 || output != 0 || protocol != 0 || type != 0;
            if (output != 0 && kernel.Devices.Find(output) is null)
            {
                return LinkQueries.FailDump(socket, message, LinuxError.ENODEV, filtered: true);
            }

            if (table != 0 && families.All(family => kernel.Routes.Find(family, table) is null && !IsThereAlways(family, table)))
            {
                return LinkQueries.FailDump(socket, message, new Verdict(LinuxError.ENOENT, prefix + "FIB table does not exist"), filtered: true);
            }
        }
        else if (payload.Length >= 12 && (BinaryPrimitives.ReadUInt32LittleEndian(payload[8..]) & RTM_F_CLONED) != 0)
        {
            socket.StartDump(new NetlinkDump(message.Header, socket.PortId, []));
            return Verdict.Answered;
        }

        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, Messages())
        {
            // A strict request leaves out cached exceptions, which counts as a filter, but only for the messages.
            ExtraFlags = socket.StrictChecking ? NetlinkMessageFlags.DumpFiltered : 0,
            DoneHasExtraFlags = filtered,
        });
        return Verdict.Answered;

        IEnumerable<byte[]> Messages()
        {
            foreach (byte family in families)
            {
                // Tables stand in a hash of 256 slots by the number's low byte.
                foreach (ForwardingTable one in kernel.Routes.All.Where(one => one.Family == family).OrderBy(static one => one.Id & 255).ToArray())
                {
                    if (table != 0 && one.Id != table)
                    {
                        continue;
                    }

                    foreach (Route route in one.Routes.ToArray())
                    {
                        if ((output != 0 && route.NextHops.All(hop => hop.Device?.Index != output)) || (protocol != 0 && route.Protocol != protocol) || (type != 0 && route.Type != type))
                        {
                            continue;
                        }

                        yield return RouteMessage.Build(kernel, route, RTM_NEWROUTE);
                    }
                }
            }
        }
    }
}
