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
            if (attribute.Type == IFLA_BRIDGE_VLAN_TUNNEL_INFO)
            {
                // Tunnels of VLANs are not modelled; where a port has none they are no matter of its.
                return port?.Flags.HasFlag(BridgePortFlags.VlanTunnel) == true ? LinuxError.EOPNOTSUPP : LinuxError.EINVAL;
            }

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
            if (begin is (ushort wanted, ushort first))
            {
                begin = null;
                SetRange(kernel.Bridges, bridge, port, first, id, wanted, add, ref changed);
                continue;
            }

            // Told of is what is the same as before, too, where the request has changed something else already (br_process_vlan_info).
            changed |= Set(kernel.Bridges, bridge, port, id, flags, add);
            if (changed)
            {
                kernel.Bridges.NotifyVlan(bridge, port, id, add ? RTM_NEWVLAN : RTM_DELVLAN);
            }
        }

        return Verdict.Success;

        // A request to take away is refused without words.
        Verdict Refusal(string words) => add ? new Verdict(LinuxError.EINVAL, "bridge: " + words) : LinuxError.EINVAL;
    }

    /// <summary>Why a range is refused, or null (br_vlan_valid_range).</summary>
    public static string? RefusalOfRange(ushort flags, ushort id, ushort? begin) =>
        (flags & BRIDGE_VLAN_INFO_PVID) != 0 ? "Pvid isn't allowed in a range"
        : begin is null ? null
        : (flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) != 0 ? "Found a new vlan range start while processing one"
        : (flags & BRIDGE_VLAN_INFO_RANGE_END) == 0 ? "Vlan range end flag is missing"
        : id <= begin ? "End vlan id is less than or equal to start vlan id"
        : null;

    /// <summary>Neighbouring VLANs that changed are told together.</summary>
    public static void SetRange(BridgeControl control, BridgeState bridge, BridgePort? port, ushort first, ushort last, ushort flags, bool add, ref bool changed)
    {
        ushort start = 0;
        for (int id = first; id <= last + 1; id++)
        {
            if (id <= last && Set(control, bridge, port, (ushort)id, flags, add))
            {
                changed = true;
                start = start == 0 ? (ushort)id : start;
            }
            else if (start != 0)
            {
                control.NotifyVlan(bridge, port, start, add ? RTM_NEWVLAN : RTM_DELVLAN, (ushort)(id - 1));
                start = 0;
            }
        }
    }

    /// <summary>With the flag of the master a port's VLAN is the bridge's own, too. True: something changed.</summary>
    private static bool Set(BridgeControl control, BridgeState bridge, BridgePort? port, ushort id, ushort flags, bool add)
    {
        bool isMaster = port is not null && (flags & BRIDGE_VLAN_INFO_MASTER) != 0;
        if (add)
        {
            if (isMaster && !port!.Vlans.ContainsKey(id) && control.AddVlan(bridge, null, id, flags))
            {
                control.NotifyVlan(bridge, null, id, RTM_NEWVLAN);
            }

            return control.AddVlan(bridge, port, id, flags);
        }

        return control.DeleteVlan(bridge, port, id) | (isMaster && control.DeleteVlan(bridge, null, id));
    }
}
