using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE (net/core/fib_rules.c).</summary>
internal sealed partial class RuleVerbs(SimulatedKernel kernel)
{
    private const byte ToTable = 1;
    private const byte Goto = 2;

    public void Attach(RouteSubsystem subsystem)
    {
        subsystem.Handle(AF_UNSPEC, RTM_NEWRULE, New);
        subsystem.Handle(AF_UNSPEC, RTM_DELRULE, Delete);
        subsystem.HandleDump(AF_UNSPEC, RTM_GETRULE, Dump);
    }

    private Verdict New(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryBuild(message, isNew: true, out RoutingRule? rule, out AttributeSet? attributes, out Verdict verdict))
        {
            return verdict;
        }

        List<RoutingRule> rules = kernel.Rules.Of(rule!.Family);
        kernel.Rules.HasCustomRules |= rule.Family == AF_INET;
        if ((message.Header.Flags & NetlinkMessageFlags.Exclusive) != 0 && rules.Exists(other => Same(other, rule, attributes!)))
        {
            return LinuxError.EEXIST;
        }

        verdict = CheckSelectors(attributes!, rule.Family, rule.TypeOfService);
        if (verdict.Error != LinuxError.None)
        {
            return verdict;
        }

        kernel.Routes.HasCustomRules |= rule.Family == AF_INET;
        int position = rules.FindIndex(other => other.Priority > rule.Priority);
        rules.Insert(position < 0 ? rules.Count : position, rule);
        Notify(rule, RTM_NEWRULE, new Requester(socket, message.Header));
        return Verdict.Success;
    }

    private Verdict Delete(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (!TryBuild(message, isNew: false, out RoutingRule? wanted, out AttributeSet? attributes, out Verdict verdict))
        {
            return verdict;
        }

        List<RoutingRule> rules = kernel.Rules.Of(wanted!.Family);
        kernel.Rules.HasCustomRules |= wanted.Family == AF_INET;
        RoutingRule? found = rules.Find(rule => Matches(rule, wanted, attributes!));
        if (found is null)
        {
            return LinuxError.ENOENT;
        }

        rules.Remove(found);
        Notify(found, RTM_DELRULE, new Requester(socket, message.Header));
        return Verdict.Success;
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        if (socket.StrictChecking && payload.Length < 12)
        {
            return LinkQueries.FailDump(socket, message, new Verdict(LinuxError.EINVAL, "Invalid header for fib rule dump request"));
        }

        byte family = payload[0];
        if (family is not (AF_UNSPEC or AF_INET or AF_INET6))
        {
            return LinkQueries.FailDump(socket, message, LinuxError.EAFNOSUPPORT);
        }

        byte[] families = family == AF_UNSPEC ? [AF_INET, AF_INET6] : [family];
        socket.StartDump(new NetlinkDump(
            message.Header,
            socket.PortId,
            families.SelectMany(one => kernel.Rules.Of(one).ToArray()).Select(rule => Build(kernel, rule, RTM_NEWRULE)))
        {
            DoneRidesAlong = kernel.Profile.IsAtLeast(6, 9),
        });
        return Verdict.Answered;
    }

    /// <summary>The first VRF brings the rules by which packets of VRFs find their tables (vrf_add_fib_rules).</summary>
    public static void AddMasterRules(SimulatedKernel kernel)
    {
        foreach (byte family in (byte[])[AF_INET, AF_INET6])
        {
            List<RoutingRule> rules = kernel.Rules.Of(family);
            kernel.Rules.HasCustomRules |= family == AF_INET;
            if (rules.Exists(static rule => rule.LayerThreeMaster && rule.Protocol == 2))
            {
                continue;
            }

            var rule = new RoutingRule { Family = family, Priority = 1000, LayerThreeMaster = true, Protocol = 2 };
            int position = rules.FindIndex(static other => other.Priority > 1000);
            rules.Insert(position < 0 ? rules.Count : position, rule);
            kernel.RouteEvents.Publish(family == AF_INET ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE, Build(kernel, rule, RTM_NEWRULE));
        }
    }

    private void Notify(RoutingRule rule, ushort type, Requester requester) => kernel.RouteEvents.Publish(
        rule.Family == AF_INET ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE, Build(kernel, rule, type, requester.Sequence, requester.PortId), requester);

    private bool TryBuild(NetlinkMessage message, bool isNew, out RoutingRule? rule, out AttributeSet? attributes, out Verdict verdict)
    {
        rule = null;
        attributes = null;
        if (message.Payload.Length < 12)
        {
            verdict = LinuxError.EINVAL;
            return false;
        }

        ReadOnlySpan<byte> header = message.Payload;
        byte family = header[0];
        if (family is not (AF_INET or AF_INET6))
        {
            verdict = isNew ? new Verdict(LinuxError.EAFNOSUPPORT, "Rule family not supported") : new Verdict(LinuxError.EAFNOSUPPORT, "Rule family not supported");
            return false;
        }

        if (!AttributeSet.TryParse(header[12..], 28, Policy, AttributeStrictness.Liberal, out AttributeSet parsed, out verdict))
        {
            verdict = verdict with { Message = "Error parsing msg" };
            return false;
        }

        attributes = parsed;
        int length = family == AF_INET ? 4 : 16;
        if (header[2] > 0 && (parsed.Bytes(2) is not { } source || header[2] > length * 8 || source.Length != length))
        {
            verdict = new Verdict(LinuxError.EINVAL, "Invalid source address");
            return false;
        }

        if (header[1] > 0 && (parsed.Bytes(1) is not { } destination || header[1] > length * 8 || destination.Length != length))
        {
            verdict = new Verdict(LinuxError.EINVAL, "Invalid dst address");
            return false;
        }

        uint table = parsed.U32(15) ?? header[4];
        byte action = header[7];
        bool isMaster = parsed.U8(19) == 1;
        uint priority = parsed.U32(6) ?? (isNew ? DefaultPriority(family) : 0);
        uint target = parsed.U32(4) ?? 0;
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (action == Goto)
        {
            if (!parsed.Has(4))
            {
                verdict = new Verdict(LinuxError.EINVAL, "Missing goto target for action goto");
                return false;
            }

            if (target <= priority && !kernel.Profile.IsAtLeast(6, 13))
            {
                verdict = new Verdict(LinuxError.EINVAL, "Backward goto not supported");
                return false;
            }
        }
        else if (parsed.Has(4))
        {
            verdict = new Verdict(LinuxError.EINVAL, "Unexpected goto");
            return false;
        }

        if (isMaster && table != 0)
        {
            verdict = new Verdict(LinuxError.EINVAL, "l3mdev and table are mutually exclusive");
            return false;
        }

        if (parsed.Bytes(20) is { } users)
        {
            uint firstUser = BinaryPrimitives.ReadUInt32LittleEndian(users), lastUser = BinaryPrimitives.ReadUInt32LittleEndian(users.AsSpan(4));
            if (firstUser == uint.MaxValue || lastUser == uint.MaxValue || firstUser > lastUser)
            {
                verdict = new Verdict(LinuxError.EINVAL, "Invalid uid range");
                return false;
            }
        }

        foreach ((ushort attribute, ushort mask, string words) in ((ushort, ushort, string)[])[(23, FRA_SPORT_MASK, "Invalid sport range"), (24, FRA_DPORT_MASK, "Invalid dport range")])
        {
            if (Ports(parsed.Bytes(attribute)) is (var first, var last) && (first == 0 || last < first || last == ushort.MaxValue))
            {
                verdict = new Verdict(LinuxError.EINVAL, words);
                return false;
            }

            if (parsed.U16(mask) is { } bits && CheckPortMask(bits, Ports(parsed.Bytes(attribute))) is { } refused)
            {
                verdict = new Verdict(LinuxError.EINVAL, refused, parsed.Offset(mask));
                return false;
            }
        }

        if (action == Goto && target <= priority)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Backward goto not supported");
            return false;
        }

        if (isNew && family == AF_INET && table == 0 && !isMaster && action == ToTable)
        {
            table = NextTable(family);
            kernel.Routes.GetOrAdd(family, table);
        }

        if (isNew && family == AF_INET6 && action == ToTable && !isMaster && table == 0)
        {
            verdict = new Verdict(LinuxError.EINVAL, "Invalid table");
            return false;
        }

        uint mark = parsed.U32(10) ?? 0;
        rule = new RoutingRule
        {
            Family = family,
            Priority = priority,
            Action = action,
            Table = table,
            Source = header[2] > 0 ? InternetAddress.Read(family, parsed.Bytes(2)) : null,
            SourceLength = header[2],
            Destination = header[1] > 0 ? InternetAddress.Read(family, parsed.Bytes(1)) : null,
            DestinationLength = header[1],
            TypeOfService = header[3],
            Flags = flags,
            InputInterface = parsed.Text(3),
            OutputInterface = parsed.Text(17),
            Mark = mark,
            MarkMask = parsed.U32(16) ?? (mark != 0 ? uint.MaxValue : 0),
            Protocol = parsed.U8(21) ?? 0,
            TransportProtocol = parsed.U8(22) ?? 0,
            GotoPriority = target,
            TunnelId = parsed.U64(12) is { } tunnel ? BinaryPrimitives.ReverseEndianness(tunnel) : 0,
            SuppressPrefixLength = parsed.U32(14) is { } suppressed && suppressed != uint.MaxValue ? suppressed : null,
            SuppressGroup = parsed.U32(13) is { } group && group != uint.MaxValue ? group : null,
            LayerThreeMaster = isMaster,
            UserRange = parsed.Bytes(20) is { } range ? (BinaryPrimitives.ReadUInt32LittleEndian(range), BinaryPrimitives.ReadUInt32LittleEndian(range.AsSpan(4))) : null,
            SourcePorts = Ports(parsed.Bytes(23)),
            DestinationPorts = Ports(parsed.Bytes(24)),
            SourcePortMask = MaskOf(parsed, FRA_SPORT_MASK, 23),
            DestinationPortMask = MaskOf(parsed, FRA_DPORT_MASK, 24),
            Dscp = parsed.U8(FRA_DSCP),
            DscpMask = parsed.U8(FRA_DSCP_MASK) ?? 63,
            FlowLabel = parsed.U32(FRA_FLOWLABEL) is { } label ? BinaryPrimitives.ReverseEndianness(label) : 0,
            FlowLabelMask = parsed.U32(FRA_FLOWLABEL_MASK) is { } labelMask ? BinaryPrimitives.ReverseEndianness(labelMask) : 0,
            Realms = parsed.U32(11) ?? 0,
        };
        verdict = Verdict.Success;
        return true;
    }

    private uint DefaultPriority(byte family)
    {
        List<RoutingRule> rules = kernel.Rules.Of(family);
        return rules.Count > 1 && rules[1].Priority > 0 ? rules[1].Priority - 1 : 0;
    }

    private uint NextTable(byte family)
    {
        for (uint id = 1; ; id++)
        {
            if (kernel.Routes.Find(family, id) is null)
            {
                return id;
            }
        }
    }

    private static (ushort Start, ushort End)? Ports(byte[]? range) =>
        range is null ? null : (BinaryPrimitives.ReadUInt16LittleEndian(range), BinaryPrimitives.ReadUInt16LittleEndian(range.AsSpan(2)));

    private static void WritePortMask(ref NetlinkWriter writer, ushort type, ushort mask, KernelProfile profile)
    {
        if (profile.IsAtLeast(6, 15) && mask != 0)
        {
            writer.WriteUInt16(type, mask);
        }
    }

    private static byte[] Build(SimulatedKernel kernel, RoutingRule rule, ushort type, uint sequence = 0, uint portId = 0)
    {
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, sequence, portId);
        uint flags = rule.Flags;
        if (rule.Action == Goto && !kernel.Rules.Of(rule.Family).Exists(other => other.Priority == rule.GotoPriority))
        {
            flags |= 4;
        }

        if (rule.InputInterface is { Length: > 0 } missingInput && kernel.Devices.Find(missingInput) is null)
        {
            flags |= 8;
        }

        if (rule.OutputInterface is { Length: > 0 } missingOutput && kernel.Devices.Find(missingOutput) is null)
        {
            flags |= 16;
        }

        RouteMessage.WriteHeader(ref writer, rule.Family, rule.DestinationLength, rule.SourceLength, rule.TypeOfService, rule.Table, 0, 0, rule.Action, flags);
        writer.WriteUInt32(15, rule.Table);
        writer.WriteUInt32(14, rule.SuppressPrefixLength ?? uint.MaxValue);
        writer.WriteByte(21, rule.Protocol);
        if (rule.InputInterface is { Length: > 0 } input)
        {
            writer.WriteString(3, input);
        }

        if (rule.OutputInterface is { Length: > 0 } output)
        {
            writer.WriteString(17, output);
        }

        if (rule.Priority != 0)
        {
            writer.WriteUInt32(6, rule.Priority);
        }

        if (rule.Mark != 0)
        {
            writer.WriteUInt32(10, rule.Mark);
        }

        if (rule.MarkMask != 0 || rule.Mark != 0)
        {
            writer.WriteUInt32(16, rule.MarkMask);
        }

        if (rule.GotoPriority != 0)
        {
            writer.WriteUInt32(4, rule.GotoPriority);
        }

        if (rule.TunnelId != 0)
        {
            writer.WriteUInt64BigEndian(12, rule.TunnelId);
        }

        if (rule.LayerThreeMaster)
        {
            writer.WriteByte(19, 1);
        }

        if (rule.UserRange is { } range)
        {
            writer.WriteUInt64(20, range.Start | (ulong)range.End << 32);
        }

        if (rule.SourcePorts is { } source)
        {
            writer.WriteUInt32(23, source.Start | (uint)source.End << 16);
            WritePortMask(ref writer, FRA_SPORT_MASK, rule.SourcePortMask, kernel.Profile);
        }

        if (rule.DestinationPorts is { } destination)
        {
            writer.WriteUInt32(24, destination.Start | (uint)destination.End << 16);
            WritePortMask(ref writer, FRA_DPORT_MASK, rule.DestinationPortMask, kernel.Profile);
        }

        if (rule.TransportProtocol != 0)
        {
            writer.WriteByte(22, rule.TransportProtocol);
        }

        if (rule.SuppressGroup is { } group)
        {
            writer.WriteUInt32(13, group);
        }

        if (rule.Dscp is { } service)
        {
            writer.WriteByte(FRA_DSCP, service);
            if (kernel.Profile.IsAtLeast(6, 15))
            {
                writer.WriteByte(FRA_DSCP_MASK, rule.DscpMask);
            }
        }

        if (rule.FlowLabelMask != 0)
        {
            writer.WriteUInt32BigEndian(FRA_FLOWLABEL, rule.FlowLabel);
            writer.WriteUInt32BigEndian(FRA_FLOWLABEL_MASK, rule.FlowLabelMask);
        }

        if (rule.Destination is { } to)
        {
            AddressMessage.WriteAddress(ref writer, 1, to);
        }

        if (rule.Source is { } from)
        {
            AddressMessage.WriteAddress(ref writer, 2, from);
        }

        if (rule.Realms != 0)
        {
            writer.WriteUInt32(11, rule.Realms);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }
}
