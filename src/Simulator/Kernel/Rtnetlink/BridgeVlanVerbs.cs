using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>
/// RTM_GETVLAN: the VLANs of bridges and ports, or what bridges keep of each VLAN for all their ports (br_vlan_rtm_dump); RTM_NEWVLAN and RTM_DELVLAN: into VLANs and out of them
/// (br_vlan_rtm_process). Kernels without VLAN filtering have no such verbs. Options of VLANs are shown, but those that say so cannot be set.
/// </summary>
internal sealed class BridgeVlanVerbs(SimulatedKernel kernel)
{
    private const ushort BRIDGE_VLANDB_ENTRY = 1;
    private const ushort BRIDGE_VLANDB_ENTRY_INFO = 1;
    private const ushort BRIDGE_VLANDB_ENTRY_RANGE = 2;
    private const ushort BRIDGE_VLANDB_ENTRY_STATE = 3;
    private const ushort BRIDGE_VLANDB_DUMP_FLAGS = 1;
    private const uint BRIDGE_VLANDB_DUMPF_STATS = 1;
    private const uint BRIDGE_VLANDB_DUMPF_GLOBAL = 2;
    private const ushort BRIDGE_VLANDB_GLOBAL_OPTIONS = 2;
    private const ushort BRIDGE_VLANDB_GOPTS_ID = 1;
    private const ushort BRIDGE_VLANDB_GOPTS_RANGE = 2;
    private static readonly PolicyTable DumpPolicy = new(1, (BRIDGE_VLANDB_DUMP_FLAGS, new(AttributeKind.U32)));
    private static readonly PolicyTable MessagePolicy = new(2);

    private readonly PolicyTable _entryPolicy = new(
        kernel.Profile.IsAtLeast(6, 4) ? 9 : kernel.Profile.IsAtLeast(6, 3) ? 8 : 6,
        EntryPolicies(kernel.Profile))
    {
        StrictFrom = 0,
    };

    public void Attach(RouteSubsystem subsystem)
    {
        if (kernel.Profile.HasVlanFiltering)
        {
            subsystem.HandleDump(AF_BRIDGE, RTM_GETVLAN, Dump);
            subsystem.Handle(AF_BRIDGE, RTM_NEWVLAN, (_, message) => Change(message, add: true));
            subsystem.Handle(AF_BRIDGE, RTM_DELVLAN, (_, message) => Change(message, add: false));
        }
    }

    private static (ushort Type, AttributePolicy Policy)[] EntryPolicies(KernelProfile profile)
    {
        List<(ushort, AttributePolicy)> policies =
        [
            (BRIDGE_VLANDB_ENTRY_INFO, new(AttributeKind.Binary, 4) { IsExact = true }), (BRIDGE_VLANDB_ENTRY_RANGE, new(AttributeKind.U16)),
            (BRIDGE_VLANDB_ENTRY_STATE, new(AttributeKind.U8)), (4, new(AttributeKind.Nested)), (6, new(AttributeKind.U8)),
        ];
        if (profile.IsAtLeast(6, 3))
        {
            policies.AddRange([(7, new(AttributeKind.Rejected)), (8, new(AttributeKind.U32))]);
        }

        if (profile.IsAtLeast(6, 4))
        {
            policies.Add((9, new(AttributeKind.U8, 0, null, 1)));
        }

        return [.. policies];
    }

    private Verdict Change(NetlinkMessage message, bool add)
    {
        ReadOnlySpan<byte> payload = message.Payload;
        if (payload.Length < 8)
        {
            return new Verdict(LinuxError.EINVAL, "Invalid header length");
        }

        if (!AttributeSet.TryParse(payload[8..], 24, MessagePolicy, AttributeStrictness.Strict, out _, out Verdict verdict))
        {
            return verdict;
        }

        if (kernel.Devices.Find(BinaryPrimitives.ReadInt32LittleEndian(payload[4..])) is not { } device)
        {
            return LinuxError.ENODEV;
        }

        if ((device.Bridge ?? device.Port?.Bridge) is not { } bridge)
        {
            return Refusal("The device is not a valid bridge or bridge port");
        }

        bool any = false;
        for (int at = 8; at + 4 <= payload.Length;)
        {
            ushort length = BinaryPrimitives.ReadUInt16LittleEndian(payload[at..]), raw = BinaryPrimitives.ReadUInt16LittleEndian(payload[(at + 2)..]);
            any = true;
            verdict = (raw & 0x3fff) == BRIDGE_VLANDB_ENTRY ? ChangeEntry(bridge, device.Port, payload.Slice(at + 4, length - 4), raw, 16 + at, add)
                : new Verdict(LinuxError.EOPNOTSUPP, "bridge: options of VLANs cannot be set here");
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }

            at += length + 3 & ~3;
        }

        return any ? Verdict.Success : Refusal("No vlans found to process");
    }

    /// <summary>br_vlan_rtm_process_one.</summary>
    private Verdict ChangeEntry(BridgeState bridge, BridgePort? port, ReadOnlySpan<byte> entry, ushort type, int offset, bool add)
    {
        const ushort Nested = 0x8000, OnlyOptions = 64;
        if ((type & Nested) == 0)
        {
            return new Verdict(LinuxError.EINVAL, "NLA_F_NESTED is missing", offset);
        }

        if (!AttributeSet.TryParse(entry, offset + 4, _entryPolicy, AttributeStrictness.Strict, out AttributeSet attributes, out Verdict verdict))
        {
            return verdict;
        }

        if (attributes.U32(BRIDGE_VLANDB_ENTRY_INFO) is not { } info)
        {
            return Refusal("Missing vlan entry info");
        }

        (ushort flags, ushort first) = ((ushort)info, (ushort)(info >> 16));
        if ((flags & (BRIDGE_VLAN_INFO_RANGE_BEGIN | BRIDGE_VLAN_INFO_RANGE_END)) != 0)
        {
            return Refusal("Old-style vlan ranges are not allowed when using RTM vlan calls");
        }

        ushort? last = attributes.U16(BRIDGE_VLANDB_ENTRY_RANGE);
        if (first is 0 or >= 4095 || last is 0 or >= 4095)
        {
            return Refusal("Vlan id is invalid");
        }

        if (last is { } end && BridgeVlans.RefusalOfRange((ushort)(flags | BRIDGE_VLAN_INFO_RANGE_END), end, first) is { } words)
        {
            return Refusal(words);
        }

        if (!add || (flags & OnlyOptions) == 0)
        {
            // A range is made as by the old verb, whose flag stays with it.
            bool changed = false;
            BridgeVlans.SetRange(kernel.Bridges, bridge, port, first, last ?? first, last is null ? flags : (ushort)(flags | BRIDGE_VLAN_INFO_RANGE_BEGIN), add, ref changed);
            if (changed)
            {
                // The message has the number of the request that the old verb would have been.
                kernel.Bridges.NotifyMembership(bridge, port, add ? RTM_SETLINK : RTM_DELLINK);
            }
        }

        return add ? CheckOptions(bridge, port, attributes, first, last ?? first) : Verdict.Success;
    }

    private static Verdict CheckOptions(BridgeState bridge, BridgePort? port, AttributeSet attributes, ushort first, ushort last)
    {
        SortedDictionary<ushort, BridgeVlan> vlans = port?.Vlans ?? bridge.Vlans;
        for (int id = first; id <= last; id++)
        {
            if (!vlans.ContainsKey((ushort)id))
            {
                string which = id == first ? "range start" : !vlans.ContainsKey(last) ? "range end" : "in range";
                return new Verdict(LinuxError.ENOENT, $"bridge: Vlan {which} doesn't exist, can't process options");
            }
        }

        for (ushort option = BRIDGE_VLANDB_ENTRY_STATE; option <= 9; option++)
        {
            if (attributes.Has(option))
            {
                return new Verdict(LinuxError.EOPNOTSUPP, "bridge: options of VLANs cannot be set here");
            }
        }

        return Verdict.Success;
    }

    private static Verdict Refusal(string words) => new(LinuxError.EINVAL, "bridge: " + words);

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (message.Payload.Length < 8
            || !AttributeSet.TryParse(message.Payload[8..], 24, DumpPolicy, AttributeStrictness.Strict, out AttributeSet attributes, out Verdict verdict))
        {
            return LinkQueries.FailDump(socket, message, LinuxError.EINVAL);
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]);
        NetworkDevice? only = index == 0 ? null : kernel.Devices.Find(index);
        if (index != 0 && only is not { Bridge: not null } and not { Port: not null })
        {
            return LinkQueries.FailDump(socket, message, only is null ? LinuxError.ENODEV : LinuxError.EINVAL);
        }

        uint flags = attributes.U32(BRIDGE_VLANDB_DUMP_FLAGS) ?? 0;
        if ((flags & BRIDGE_VLANDB_DUMPF_GLOBAL) == 0 && (flags & BRIDGE_VLANDB_DUMPF_STATS) != 0)
        {
            // Packets are not counted by VLAN.
            return LinkQueries.FailDump(socket, message, LinuxError.EOPNOTSUPP);
        }

        IEnumerable<NetworkDevice> devices = kernel.Devices.All.Where(device => only is null || device == only);
        byte[][] messages = (flags & BRIDGE_VLANDB_DUMPF_GLOBAL) != 0
            ? [.. devices.Where(static device => device.Bridge is not null).Select(static device => BuildGlobal(device.Bridge!))]
            : [.. devices.Where(static device => device.Bridge is not null || device.Port is not null).Select(static device => BuildOwn(device))];
        socket.StartDump(new NetlinkDump(message.Header, socket.PortId, messages));
        return Verdict.Answered;
    }

    /// <summary>Neighbouring VLANs with the same flags stand together, but for that of untagged frames (br_vlan_can_enter_range).</summary>
    private static byte[] BuildOwn(NetworkDevice device)
    {
        var ranges = new List<(BridgeVlan Vlan, ushort Last)>();
        SortedDictionary<ushort, ushort>? origins = device.Bridge?.KnownVlans;
        foreach (BridgeVlan vlan in (device.Port?.Vlans ?? device.Bridge!.Vlans).Values)
        {
            if (ranges is [.., var range] && vlan.Id == range.Last + 1 && !vlan.IsPvid && !range.Vlan.IsPvid && vlan.IsUntagged == range.Vlan.IsUntagged
                && (origins is null || origins[vlan.Id] == origins[range.Last]))
            {
                ranges[^1] = (range.Vlan, vlan.Id);
            }
            else
            {
                ranges.Add((vlan, vlan.Id));
            }
        }

        return BridgeVlanMessage.Build(device.Port?.Bridge ?? device.Bridge!, device.Port, RTM_NEWVLAN, ranges);
    }

    private static byte[] BuildGlobal(BridgeState bridge)
    {
        var buffer = new NetlinkBuffer(4096);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWVLAN, 0, 0);
        writer.Append([AF_BRIDGE, 0, 0, 0]);
        writer.AppendStruct(bridge.Device.Index);

        // Those of the ports, too. All have the same options, so that neighbouring VLANs stand together.
        ushort[] vlans = [.. bridge.KnownVlans.Keys];
        for (int first = 0; first < vlans.Length;)
        {
            int last = first;
            while (last + 1 < vlans.Length && vlans[last + 1] == vlans[last] + 1)
            {
                last++;
            }

            WriteOptions(ref writer, vlans[first], vlans[last]);
            first = last + 1;
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static void WriteOptions(ref NetlinkWriter writer, ushort first, ushort last)
    {
        WireMark options = writer.BeginNested(BRIDGE_VLANDB_GLOBAL_OPTIONS);
        writer.WriteUInt16(BRIDGE_VLANDB_GOPTS_ID, first);
        if (last != first)
        {
            writer.WriteUInt16(BRIDGE_VLANDB_GOPTS_RANGE, last);
        }

        // Multicast snooping, version of IGMP, counts, querier, and intervals in 10 ms; version of MLD; spanning tree instance.
        writer.WriteByte(3, 1);
        writer.WriteByte(4, 2);
        writer.WriteUInt32(6, 2);
        writer.WriteUInt32(7, 2);
        writer.WriteByte(15, 0);
        writer.WriteUInt64(8, 100);
        writer.WriteUInt64(10, 26000);
        writer.WriteUInt64(11, 25500);
        writer.WriteUInt64(12, 12500);
        writer.WriteUInt64(13, 1000);
        writer.WriteUInt64(14, 3124);
        writer.WriteByte(5, 1);
        writer.WriteUInt16(18, 0);
        writer.EndAttribute(options);
    }
}
