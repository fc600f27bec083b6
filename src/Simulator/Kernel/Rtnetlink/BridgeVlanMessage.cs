using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>Messages about VLANs of a bridge or a port: RTM_NEWVLAN and RTM_DELVLAN (br_vlan_fill_vids, br_vlan_opts_fill).</summary>
internal static class BridgeVlanMessage
{
    private const ushort BRIDGE_VLANDB_ENTRY = 1;
    private const ushort BRIDGE_VLANDB_ENTRY_INFO = 1;
    private const ushort BRIDGE_VLANDB_ENTRY_RANGE = 2;
    private const ushort BRIDGE_VLANDB_ENTRY_STATE = 3;
    private const ushort BRIDGE_VLANDB_ENTRY_MCAST_ROUTER = 6;
    private const ushort BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS = 9;

    /// <summary>A message of a port, or where it is null of the bridge itself; each VLAN is the first of a range that ends with the number beside it, 0 for a VLAN alone.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <param name="port">Its port.</param>
    /// <param name="type">RTM_NEWVLAN, or RTM_DELVLAN, which has no options.</param>
    /// <param name="vlans">The VLANs.</param>
    public static byte[] Build(BridgeState bridge, BridgePort? port, ushort type, IEnumerable<(BridgeVlan Vlan, ushort Last)> vlans)
    {
        KernelProfile profile = bridge.Device.Kernel.Profile;
        var buffer = new NetlinkBuffer(256);
        var writer = new NetlinkWriter(buffer);
        WireMark message = writer.BeginMessage(type, 0, 0);
        writer.Append([AF_BRIDGE, 0, 0, 0]);
        writer.AppendStruct((port?.Device ?? bridge.Device).Index);
        foreach ((BridgeVlan vlan, ushort last) in vlans)
        {
            WireMark entry = writer.BeginNested(BRIDGE_VLANDB_ENTRY);
            int flags = (vlan.IsUntagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0) | (vlan.IsPvid ? BRIDGE_VLAN_INFO_PVID : 0);
            writer.WriteUInt32(BRIDGE_VLANDB_ENTRY_INFO, (uint)flags | (uint)vlan.Id << 16);
            if (last > vlan.Id && !vlan.IsPvid)
            {
                writer.WriteUInt16(BRIDGE_VLANDB_ENTRY_RANGE, last);
            }

            if (type == RTM_NEWVLAN)
            {
                WriteOptions(ref writer, profile);
            }

            writer.EndAttribute(entry);
        }

        writer.EndMessage(message);
        writer.Complete();
        return buffer.Written.ToArray();
    }

    /// <summary>None of the options can be set, so all are as they are at first: every VLAN forwards, and routers are found by their queries.</summary>
    private static void WriteOptions(ref NetlinkWriter writer, KernelProfile profile)
    {
        writer.WriteByte(BRIDGE_VLANDB_ENTRY_STATE, (byte)BridgePortState.Forwarding);
        if (profile.IsAtLeast(6, 4))
        {
            writer.WriteByte(BRIDGE_VLANDB_ENTRY_NEIGH_SUPPRESS, 0);
        }

        writer.WriteByte(BRIDGE_VLANDB_ENTRY_MCAST_ROUTER, 1);
    }
}
