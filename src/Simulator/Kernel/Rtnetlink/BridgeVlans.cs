using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>VLANs of bridges and ports, as IFLA_BRIDGE_VLAN_INFO sets them, single or in ranges (br_afspec).</summary>
internal static class BridgeVlans
{
    public static bool HasVlans(byte[] families) => new AttributeReader(families).TryFind(IFLA_BRIDGE_VLAN_INFO, out _);

    public static Verdict Apply(SimulatedKernel kernel, BridgeState bridge, BridgePort? port, byte[] families, bool add)
    {
        if (!kernel.Profile.HasVlanFiltering)
        {
            return HasVlans(families) ? LinuxError.EOPNOTSUPP : Verdict.Success;
        }

        ushort? rangeStart = null;
        var walk = new AttributeReader(families);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type != IFLA_BRIDGE_VLAN_INFO)
            {
                continue;
            }

            if (attribute.Value.Length != 4)
            {
                return LinuxError.EINVAL;
            }

            ushort flags = (ushort)attribute.UInt32;
            ushort id = (ushort)(attribute.UInt32 >> 16);
            if (id is 0 or >= 4095)
            {
                return new Verdict(LinuxError.EINVAL, "Vlan id is invalid");
            }

            if ((flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) != 0)
            {
                if (rangeStart is not null || (flags & BRIDGE_VLAN_INFO_PVID) != 0)
                {
                    return LinuxError.EINVAL;
                }

                rangeStart = id;
                continue;
            }

            ushort first = rangeStart ?? id;
            if (rangeStart is not null && ((flags & BRIDGE_VLAN_INFO_RANGE_END) == 0 || id <= rangeStart))
            {
                return LinuxError.EINVAL;
            }

            rangeStart = null;
            for (int one = first; one <= id; one++)
            {
                LinuxError error = Set(kernel, bridge, port, (ushort)one, flags, add);
                if (error != LinuxError.None)
                {
                    return error;
                }
            }
        }

        return Verdict.Success;
    }

    private static LinuxError Set(SimulatedKernel kernel, BridgeState bridge, BridgePort? port, ushort id, ushort flags, bool add)
    {
        SortedDictionary<ushort, BridgeVlan> vlans = port?.Vlans ?? bridge.Vlans;
        byte[] mac = (port?.Device ?? bridge.Device).HardwareAddress;
        if (!add)
        {
            if (!vlans.Remove(id))
            {
                return LinuxError.ENOENT;
            }

            if (bridge.Database.Find(mac, id) is { IsLocal: true } entry && entry.Port == port)
            {
                kernel.Bridges.RemoveEntry(bridge, entry);
            }

            return LinuxError.None;
        }

        bool isPvid = (flags & BRIDGE_VLAN_INFO_PVID) != 0;
        if (isPvid)
        {
            foreach (BridgeVlan other in vlans.Values.Where(static vlan => vlan.IsPvid).ToArray())
            {
                vlans[other.Id] = other with { IsPvid = false };
            }
        }

        bool isNew = !vlans.ContainsKey(id);
        vlans[id] = new BridgeVlan(id, isPvid, (flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0);
        if (isNew && bridge.Database.Find(mac, id) is null && mac.AsSpan().IndexOfAnyExcept((byte)0) >= 0)
        {
            kernel.Bridges.AddEntry(bridge, new ForwardingEntry([.. mac], id, port) { IsLocal = true, IsStatic = true });
        }

        return LinuxError.None;
    }
}
