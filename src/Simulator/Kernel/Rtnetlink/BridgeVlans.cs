using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <summary>VLANs of bridges and ports, as IFLA_BRIDGE_VLAN_INFO sets them, single or in ranges (br_afspec).</summary>
internal static class BridgeVlans
{
    public static bool HasVlans(byte[] families) => new AttributeReader(families).TryFind(IFLA_BRIDGE_VLAN_INFO, out _);

    /// <summary>Sets or takes away what a request names, for a port, or where it is null the bridge itself; <paramref name="changed"/> also where the request is refused later.</summary>
    public static Verdict Apply(SimulatedKernel kernel, BridgeState bridge, BridgePort? port, byte[] families, bool add, ref bool changed)
    {
        if (!kernel.Profile.HasVlanFiltering)
        {
            return HasVlans(families) ? LinuxError.EOPNOTSUPP : Verdict.Success;
        }

        (ushort Flags, ushort Id)? begin = null;
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

            (ushort flags, ushort id) = ((ushort)attribute.UInt32, (ushort)(attribute.UInt32 >> 16));
            if (id is 0 or >= 4095)
            {
                return Refusal("Vlan id is invalid");
            }

            bool begins = (flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) != 0;
            if ((begins || begin is not null) && RefusalOfRange(flags, id, begin?.Id) is { } words)
            {
                return Refusal(words);
            }

            if (begins)
            {
                begin = (flags, id);
                continue;
            }

            // All of a range are as its beginning says.
            (ushort wanted, ushort first) = begin ?? (flags, id);
            begin = null;
            for (int one = first; one <= id; one++)
            {
                Set(kernel.Bridges, bridge, port, (ushort)one, wanted, add, ref changed);
            }
        }

        return Verdict.Success;

        // A request to take away is refused without words.
        Verdict Refusal(string words) => add ? new Verdict(LinuxError.EINVAL, "bridge: " + words) : LinuxError.EINVAL;
    }

    /// <summary>Why a range is refused, or null (br_vlan_valid_range).</summary>
    private static string? RefusalOfRange(ushort flags, ushort id, ushort? begin) =>
        (flags & BRIDGE_VLAN_INFO_PVID) != 0 ? "Pvid isn't allowed in a range"
        : begin is null ? null
        : (flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) != 0 ? "Found a new vlan range start while processing one"
        : (flags & BRIDGE_VLAN_INFO_RANGE_END) == 0 ? "Vlan range end flag is missing"
        : id <= begin ? "End vlan id is less than or equal to start vlan id"
        : null;

    /// <summary>With the flag of the master a port's VLAN is the bridge's own, too.</summary>
    private static void Set(BridgeControl control, BridgeState bridge, BridgePort? port, ushort id, ushort flags, bool add, ref bool changed)
    {
        bool isPvid = (flags & BRIDGE_VLAN_INFO_PVID) != 0, isUntagged = (flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0, isMaster = port is not null && (flags & BRIDGE_VLAN_INFO_MASTER) != 0;
        if (add)
        {
            if (isMaster && !port!.Vlans.ContainsKey(id))
            {
                control.AddVlan(bridge, null, id, isPvid, isUntagged);
            }

            changed |= control.AddVlan(bridge, port, id, isPvid, isUntagged);
            return;
        }

        changed |= control.DeleteVlan(bridge, port, id);
        changed |= isMaster && control.DeleteVlan(bridge, null, id);
    }
}
