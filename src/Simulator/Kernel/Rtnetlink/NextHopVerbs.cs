using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWNEXTHOP, RTM_DELNEXTHOP, RTM_GETNEXTHOP (net/ipv4/nexthop.c).</summary>
internal sealed class NextHopVerbs(SimulatedKernel kernel)
{
    private const ushort RTM_NEWNEXTHOP = 104;
    private const ushort RTM_DELNEXTHOP = 105;
    private const ushort RTM_GETNEXTHOP = 106;
    private const uint RTNLGRP_NEXTHOP = 32;
    private const ushort NHA_ID = 1;
    private const ushort NHA_GROUP = 2;
    private const ushort NHA_GROUP_TYPE = 3;
    private const ushort NHA_BLACKHOLE = 4;
    private const ushort NHA_OIF = 5;
    private const ushort NHA_GATEWAY = 6;
    private const ushort NHA_GROUPS = 9;
    private const ushort NHA_FDB = 11;

    private static readonly PolicyTable Policy = new(
        18, [(NHA_ID, new AttributePolicy(AttributeKind.U32)), (NHA_GROUP, AttributePolicy.Any(8)), (NHA_GROUP_TYPE, new AttributePolicy(AttributeKind.U16)),
            (NHA_BLACKHOLE, new AttributePolicy(AttributeKind.Flag)), (NHA_OIF, new AttributePolicy(AttributeKind.U32))]);

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_NEWNEXTHOP, New);
        subsystem.Handle(AF_UNSPEC, RTM_DELNEXTHOP, Delete);
        subsystem.Handle(AF_UNSPEC, RTM_GETNEXTHOP, Get);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETNEXTHOP, Dump);
    }

    private Verdict New(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryParse(message, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        ReadOnlySpan<byte> header = message.Payload;
        byte family = header[0];
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        uint id = attributes.U32(NHA_ID) is { } given and not 0 ? given : kernel.NextHops.NextId();
        NumberedNextHop? known = kernel.NextHops.Find(id);
        NumberedNextHop hop;
        if (attributes.Bytes(NHA_GROUP) is { } group)
        {
            if (family != AF_UNSPEC)
            {
                return new Verdict(LinuxError.EINVAL, "Invalid family");
            }

            var members = new List<(uint, byte)>();
            for (int at = 0; at + 8 <= group.Length; at += 8)
            {
                members.Add((BinaryPrimitives.ReadUInt32LittleEndian(group.AsSpan(at)), group[at + 4]));
            }

            foreach ((uint member, _) in members)
            {
                if (kernel.NextHops.Find(member) is null)
                {
                    return new Verdict(LinuxError.EINVAL, "Invalid nexthop id");
                }

                if (members.Count(other => other.Item1 == member) > 1)
                {
                    return new Verdict(LinuxError.EINVAL, "Nexthop id can not be used twice in a group");
                }
            }

            bool isFdb = attributes.Has(NHA_FDB);
            foreach ((uint member, _) in members)
            {
                NumberedNextHop of = kernel.NextHops.Find(member)!;
                if (of.Group is not null)
                {
                    return new Verdict(LinuxError.EINVAL, kernel.Profile.IsAtLeast(6, 14) ? "Hash-threshold group can not be a nexthop within a group" : "Multipath group can not be a nexthop within a group");
                }

                if (of.IsBlackhole && members.Count > 1)
                {
                    return new Verdict(LinuxError.EINVAL, "Blackhole nexthop can not be used in a group with more than 1 path");
                }

                if (of.IsForFdb != isFdb)
                {
                    return new Verdict(LinuxError.EINVAL, isFdb ? "FDB nexthop group can only have fdb nexthops" : "Non FDB nexthop group cannot have fdb nexthops");
                }
            }

            hop = new NumberedNextHop { Id = id, Protocol = header[2], IsForFdb = isFdb, Group = members, Scope = RT_SCOPE_UNIVERSE };
        }
        else if (attributes.Has(NHA_BLACKHOLE))
        {
            if (attributes.Has(NHA_GATEWAY) || attributes.Has(NHA_OIF))
            {
                return new Verdict(LinuxError.EINVAL, "Blackhole attribute can not be used with gateway, oif, encap or fdb");
            }

            hop = new NumberedNextHop { Id = id, Family = family == AF_UNSPEC ? AF_INET : family, Protocol = header[2], IsBlackhole = true, Device = kernel.Devices.Find("lo"), Scope = RT_SCOPE_UNIVERSE };
        }
        else
        {
            if (family is not (AF_INET or AF_INET6))
            {
                return new Verdict(LinuxError.EINVAL, "Invalid address family");
            }

            if (attributes.Has(NHA_FDB))
            {
                if (attributes.Has(NHA_OIF))
                {
                    return new Verdict(LinuxError.EINVAL, "Fdb attribute can not be used with encap, oif or blackhole");
                }

                InternetAddress? remote = attributes.Bytes(NHA_GATEWAY) is { } far && far.Length >= (family == AF_INET ? 4 : 16) ? InternetAddress.Read(family, far) : null;
                hop = new NumberedNextHop { Id = id, Family = family, Protocol = header[2], IsForFdb = true, Gateway = remote, Scope = RT_SCOPE_LINK };
                return Keep(hop, known, message, socket);
            }

            if (attributes.U32(NHA_OIF) is not { } index || kernel.Devices.Find((int)index) is not { } device)
            {
                return new Verdict(LinuxError.EINVAL, attributes.Has(NHA_OIF) ? "Invalid device index" : "Device attribute required for non-blackhole and non-fdb nexthops");
            }

            if (!device.IsUp)
            {
                return new Verdict(LinuxError.ENETDOWN, "Nexthop device is not up");
            }

            if (!device.HasCarrier)
            {
                return new Verdict(LinuxError.ENETDOWN, "Carrier for nexthop device is down");
            }

            InternetAddress? gateway = attributes.Bytes(NHA_GATEWAY) is { } bytes && bytes.Length >= (family == AF_INET ? 4 : 16) ? InternetAddress.Read(family, bytes) : null;
            Route? way = gateway is { } target && family == AF_INET && (flags & RTNH_F_ONLINK) == 0 ? kernel.RouteControl.Lookup(target, device, RT_SCOPE_LINK) : null;
            if (gateway is not null && way is null && family == AF_INET && (flags & RTNH_F_ONLINK) == 0)
            {
                return new Verdict(LinuxError.ENETUNREACH, "Nexthop has invalid gateway");
            }

            hop = new NumberedNextHop
            {
                Id = id,
                Family = family,
                Protocol = header[2],
                Device = device,
                Gateway = gateway,
                Flags = flags & RTNH_F_ONLINK,
                Scope = family == AF_INET6 ? RT_SCOPE_LINK : gateway is null ? RT_SCOPE_HOST : way?.Scope ?? RT_SCOPE_LINK,
            };
        }

        return Keep(hop, known, message, socket);
    }

    private Verdict Keep(NumberedNextHop hop, NumberedNextHop? known, NetlinkMessage message, SimulatedNetlinkSocket socket)
    {
        NetlinkMessageFlags request = message.Header.Flags;
        if (known is not null && (request & NetlinkMessageFlags.Replace) == 0)
        {
            return LinuxError.EEXIST;
        }

        if (known is null && (request & NetlinkMessageFlags.Create) == 0)
        {
            return LinuxError.ENOENT;
        }

        kernel.NextHops.Set(hop);
        Publish(hop, RTM_NEWNEXTHOP, request & (NetlinkMessageFlags)0xf0f, new Requester(socket, message.Header));
        return Verdict.Success;
    }

    private Verdict Delete(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryFind(message, out NumberedNextHop? hop, out Verdict verdict))
        {
            return verdict;
        }

        foreach (ForwardingTable table in kernel.Routes.All)
        {
            foreach (Route route in table.Routes.Where(route => route.NextHopId == hop!.Id).ToArray())
            {
                kernel.RouteControl.Delete(route, silent: true);
            }
        }

        kernel.NextHops.Remove(hop!);
        Publish(hop!, RTM_DELNEXTHOP, 0, new Requester(socket, message.Header));
        return Verdict.Success;
    }

    private Verdict Get(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryFind(message, out NumberedNextHop? hop, out Verdict verdict))
        {
            return verdict;
        }

        SocketAnswers.Answer(socket, message, Build(kernel.Profile, hop!, RTM_NEWNEXTHOP, 0));
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        byte family = message.Payload[0];
        if (!TryParse(message, out AttributeSet attributes, out Verdict verdict))
        {
            return LinkQueries.FailDump(socket, message, verdict);
        }

        int output = (int)(attributes.U32(NHA_OIF) ?? 0);
        bool groupsOnly = attributes.Has(NHA_GROUPS);
        socket.StartDump(new NetlinkDump(
            message.Header,
            socket.PortId,
            kernel.NextHops.All.Where(hop => (family == AF_UNSPEC || hop.Family == family) && (output == 0 || hop.Device?.Index == output) && (!groupsOnly || hop.Group is not null)).Select(hop => Build(kernel.Profile, hop, RTM_NEWNEXTHOP, 0)).ToArray())
        {
            DoneRidesAlong = kernel.Profile.IsAtLeast(6, 9),
        });
        return Verdict.Answered;
    }

    private bool TryFind(NetlinkMessage message, out NumberedNextHop? hop, out Verdict verdict)
    {
        hop = null;
        if (!TryParse(message, out AttributeSet attributes, out verdict))
        {
            return false;
        }

        if (attributes.U32(NHA_ID) is not { } id)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Nexthop id is missing");
            return false;
        }

        if (id == 0)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Invalid nexthop id");
            return false;
        }

        hop = kernel.NextHops.Find(id);
        verdict = hop is null ? LinuxError.ENOENT : Verdict.Success;
        return hop is not null;
    }

    private void Publish(NumberedNextHop hop, ushort type, NetlinkMessageFlags flags, Requester requester) =>
        kernel.RouteEvents.Publish(RTNLGRP_NEXTHOP, Build(kernel.Profile, hop, type, flags, requester.Sequence, requester.PortId), requester);

    private static byte[] Build(KernelProfile profile, NumberedNextHop hop, ushort type, NetlinkMessageFlags flags, uint sequence = 0, uint portId = 0)
    {
        var buffer = new NetlinkBuffer(128);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, flags, sequence, portId);
        writer.Append([hop.Family, hop.Scope, hop.Protocol, 0]);
        writer.AppendStruct(hop.Flags);
        writer.WriteUInt32(NHA_ID, hop.Id);
        if (hop.Group is { } members)
        {
            writer.WriteUInt16(NHA_GROUP_TYPE, 0);
            WireMark group = writer.BeginAttribute(NHA_GROUP);
            foreach ((uint id, byte weight) in members)
            {
                writer.AppendStruct(id | (ulong)weight << 32);
            }

            writer.EndAttribute(group);
            if (profile.IsAtLeast(6, 12))
            {
                // NHA_OP_FLAGS: NHA_OP_FLAG_RESP_GRP_RESVD_0.
                writer.WriteUInt32(14, 0x80000000);
            }
        }
        else if (hop.IsBlackhole)
        {
            writer.WriteFlag(NHA_BLACKHOLE);
        }
        else if (hop.IsForFdb)
        {
            writer.WriteFlag(NHA_FDB);
            if (hop.Gateway is { } remote)
            {
                AddressMessage.WriteAddress(ref writer, NHA_GATEWAY, remote);
            }
        }
        else
        {
            writer.WriteInt32(NHA_OIF, hop.Device!.Index);
            if (hop.Gateway is { } gateway)
            {
                AddressMessage.WriteAddress(ref writer, NHA_GATEWAY, gateway);
            }
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static bool TryParse(NetlinkMessage message, out AttributeSet attributes, out Verdict verdict)
    {
        if (message.Payload.Length < 8)
        {
            AttributeSet.TryParse([], 0, Policy, AttributeStrictness.Liberal, out attributes, out _);
            verdict = LinuxError.EINVAL;
            return false;
        }

        return AttributeSet.TryParse(message.Payload[8..], 24, Policy, AttributeStrictness.NoUnknown, out attributes, out verdict);
    }
}
