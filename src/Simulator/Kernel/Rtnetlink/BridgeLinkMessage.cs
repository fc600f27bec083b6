using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Writes link messages of AF_BRIDGE: a bridge, or a device as its port (br_fill_ifinfo).</summary>
internal static class BridgeLinkMessage
{
    public static byte[] Build(SimulatedKernel kernel, NetworkDevice device, ushort type, uint filterMask, uint sequence = 0, uint portId = 0)
    {
        var buffer = new NetlinkBuffer(512);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, sequence, portId);
        LinkMessage.WriteHeader(ref writer, AF_BRIDGE, device, 0);
        BridgeState? bridge = device.Port?.Bridge ?? device.Bridge;
        writer.WriteString(IFLA_IFNAME, device.Name);
        if (bridge is not null)
        {
            writer.WriteInt32(IFLA_MASTER, bridge.Device.Index);
        }

        writer.WriteUInt32(IFLA_MTU, device.Mtu);
        writer.WriteByte(IFLA_OPERSTATE, (byte)(device.IsUp ? device.OperationalState : OperationalState.Down));
        if (device.HardwareAddress.Length > 0)
        {
            writer.WriteBytes(IFLA_ADDRESS, device.HardwareAddress);
        }

        if (LinkMessage.LinkIndex(device) is { } link && link != device.Index)
        {
            writer.WriteInt32(IFLA_LINK, link);
        }

        if (type == RTM_NEWLINK && device.Port is { } port)
        {
            WireMark protocol = writer.BeginNested(IFLA_PROTINFO);
            BridgePortAttributes.Write(ref writer, port);
            writer.EndAttribute(protocol);
        }

        if ((filterMask & (RTEXT_FILTER_BRVLAN | RTEXT_FILTER_BRVLAN_COMPRESSED)) != 0 && kernel.Profile.HasVlanFiltering)
        {
            SortedDictionary<ushort, BridgeVlan> vlans = device.Port?.Vlans ?? device.Bridge?.Vlans ?? [];
            if (vlans.Count > 0)
            {
                WireMark families = writer.BeginNested(IFLA_AF_SPEC, nestedFlag: false);
                WriteVlans(ref writer, vlans.Values, (filterMask & RTEXT_FILTER_BRVLAN_COMPRESSED) != 0);
                writer.EndAttribute(families);
            }
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    private static void WriteVlans(ref NetlinkWriter writer, IEnumerable<BridgeVlan> vlans, bool compressed)
    {
        BridgeVlan? first = null;
        BridgeVlan? last = null;
        foreach (BridgeVlan vlan in vlans)
        {
            if (compressed && last is not null && vlan.Id == last.Id + 1 && !vlan.IsPvid && !last.IsPvid && vlan.IsUntagged == last.IsUntagged)
            {
                last = vlan;
                continue;
            }

            WriteRange(ref writer, first, last);
            first = vlan;
            last = vlan;
        }

        WriteRange(ref writer, first, last);
    }

    private static void WriteRange(ref NetlinkWriter writer, BridgeVlan? first, BridgeVlan? last)
    {
        if (first is null || last is null)
        {
            return;
        }

        int flags = (first.IsPvid ? BRIDGE_VLAN_INFO_PVID : 0) | (first.IsUntagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0);
        if (first.Id == last.Id)
        {
            writer.WriteUInt32(IFLA_BRIDGE_VLAN_INFO, (uint)flags | (uint)first.Id << 16);
            return;
        }

        writer.WriteUInt32(IFLA_BRIDGE_VLAN_INFO, (uint)(flags | BRIDGE_VLAN_INFO_RANGE_BEGIN) | (uint)first.Id << 16);
        writer.WriteUInt32(IFLA_BRIDGE_VLAN_INFO, (uint)(flags | BRIDGE_VLAN_INFO_RANGE_END) | (uint)last.Id << 16);
    }
}
