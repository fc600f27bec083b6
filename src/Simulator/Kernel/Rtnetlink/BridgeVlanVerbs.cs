using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>RTM_GETVLAN: what bridges keep of each VLAN for all their ports (br_vlan_rtm_dump, br_vlan_global_opts_fill). Kernels without VLAN filtering have no such verb.</summary>
internal sealed class BridgeVlanVerbs(SimulatedKernel kernel)
{
    private const ushort BRIDGE_VLANDB_DUMP_FLAGS = 1;
    private const uint BRIDGE_VLANDB_DUMPF_GLOBAL = 2;
    private const ushort BRIDGE_VLANDB_GLOBAL_OPTIONS = 2;
    private const ushort BRIDGE_VLANDB_GOPTS_ID = 1;
    private const ushort BRIDGE_VLANDB_GOPTS_RANGE = 2;
    private static readonly PolicyTable DumpPolicy = new(1, (BRIDGE_VLANDB_DUMP_FLAGS, new(AttributeKind.U32)));

    public void Attach(RouteSubsystem subsystem)
    {
        if (kernel.Profile.HasVlanFiltering)
        {
            subsystem.HandleDump(AF_BRIDGE, RTM_GETVLAN, Dump);
        }
    }

    private Verdict Dump(SimulatedNetlinkSocket socket, NetlinkMessage message)
    {
        if (message.Payload.Length < 8
            || !AttributeSet.TryParse(message.Payload[8..], 24, DumpPolicy, AttributeStrictness.Strict, out AttributeSet attributes, out Verdict verdict))
        {
            return LinkQueries.FailDump(socket, message, LinuxError.EINVAL);
        }

        int index = BinaryPrimitives.ReadInt32LittleEndian(message.Payload[4..]);
        if (index != 0 && kernel.Devices.Find(index) is null)
        {
            return LinkQueries.FailDump(socket, message, LinuxError.ENODEV);
        }

        if ((attributes.U32(BRIDGE_VLANDB_DUMP_FLAGS) & BRIDGE_VLANDB_DUMPF_GLOBAL) is not > 0)
        {
            // The VLANs of ports in this form are not modelled; RTM_GETLINK with RTEXT_FILTER_BRVLAN shows them.
            return LinkQueries.FailDump(socket, message, LinuxError.EOPNOTSUPP);
        }

        socket.StartDump(new NetlinkDump(
            message.Header,
            socket.PortId,
            kernel.Devices.All.Where(device => device.Bridge is { Vlans.Count: > 0 } && (index == 0 || device.Index == index)).Select(static device => BuildGlobal(device.Bridge!)).ToArray()));
        return Verdict.Answered;
    }

    private static byte[] BuildGlobal(BridgeState bridge)
    {
        var buffer = new NetlinkBuffer(4096);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(RTM_NEWVLAN, 0, 0);
        writer.Append([AF_BRIDGE, 0, 0, 0]);
        writer.AppendStruct(bridge.Device.Index);

        // All have the same options, so that neighbouring VLANs stand together.
        ushort[] vlans = [.. bridge.Vlans.Keys.Order()];
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
