using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Rtnetlink;

/// <content>Entries of a bridge's database (br_fdb_add, br_fdb_delete), and addresses of the receive filter of a device that has none (ndo_dflt_fdb_add, macvlan_fdb_add).</content>
internal sealed partial class ForwardingVerbs
{
    private Verdict AddToBridge(BridgeState bridge, BridgePort? port, byte[] mac, ushort vlan, ushort state, byte flags, NetlinkMessageFlags request)
    {
        const ushort Allowed = (ushort)(NeighbourState.Permanent | NeighbourState.NoArp | NeighbourState.Reachable);
        SortedDictionary<ushort, BridgeVlan> vlans = port?.Vlans ?? bridge.Vlans;
        if ((state & Allowed) == 0 || mac.AsSpan().IndexOfAnyExcept((byte)0) < 0 || (vlan != 0 && !vlans.ContainsKey(vlan)))
        {
            return LinuxError.EINVAL;
        }

        // Without a VLAN all are meant, and none.
        foreach (ushort target in vlan != 0 ? [vlan] : vlans.Keys.Prepend((ushort)0).ToArray())
        {
            Verdict verdict = (flags & NTF_USE) != 0 ? UseEntry(bridge, port, mac, target)
                : (flags & NTF_EXT_LEARNED) != 0 ? AddLearnedElsewhere(bridge, port, mac, target, state)
                : AddEntry(bridge, port, mac, target, state, flags, request);
            if (verdict.Error != LinuxError.None)
            {
                return verdict;
            }
        }

        return Verdict.Success;
    }

    /// <summary>fdb_add_entry.</summary>
    private Verdict AddEntry(BridgeState bridge, BridgePort? port, byte[] mac, ushort vlan, ushort state, byte flags, NetlinkMessageFlags request)
    {
        bool isLocal = (state & (ushort)NeighbourState.Permanent) != 0, isStatic = isLocal || (state & (ushort)NeighbourState.NoArp) != 0, isSticky = (flags & NTF_STICKY) != 0;
        if (port is { State: not (BridgePortState.Learning or BridgePortState.Forwarding) } && !isStatic)
        {
            // A port that cannot learn takes only what lasts.
            return LinuxError.EPERM;
        }

        if ((port is null && !isLocal) || (isSticky && isLocal))
        {
            return LinuxError.EINVAL;
        }

        ForwardingEntry? known = bridge.Database.Find(mac, vlan);
        if (known is null && (request & NetlinkMessageFlags.Create) == 0)
        {
            return LinuxError.ENOENT;
        }

        if (known is not null && (request & NetlinkMessageFlags.Exclusive) != 0)
        {
            return LinuxError.EEXIST;
        }

        ForwardingEntry entry = known ?? new ForwardingEntry(mac, vlan, port);
        bool changed = entry.Port != port || entry.IsSticky != isSticky || NeighbourMessage.StateOf(kernel, bridge, entry) != (NeighbourState)state;
        bool wasStatic = entry.IsStatic;
        entry.Port = port;
        entry.IsAddedByUser = true;
        entry.IsLocal = isLocal;
        entry.IsStatic = isStatic;
        entry.IsSticky = isSticky;
        if (known is null)
        {
            kernel.Bridges.AddEntry(bridge, entry);
            return Verdict.Success;
        }

        if (isStatic && !wasStatic)
        {
            BridgeControl.BecameStatic(bridge, entry);
        }
        else if (wasStatic && !isStatic)
        {
            BridgeControl.IsStaticNoMore(bridge, entry);
        }

        if (changed)
        {
            kernel.Bridges.NotifyEntry(bridge, entry, RTM_NEWNEIGH);
        }

        return Verdict.Success;
    }

    /// <summary>As if a packet had come from the station (NTF_USE).</summary>
    private Verdict UseEntry(BridgeState bridge, BridgePort? port, byte[] mac, ushort vlan)
    {
        if (port is null)
        {
            return LinuxError.EINVAL;
        }

        if (port.State is not (BridgePortState.Learning or BridgePortState.Forwarding) || bridge.AgeingTime == 0)
        {
            return Verdict.Success;
        }

        if (bridge.Database.Find(mac, vlan) is not { } entry)
        {
            kernel.Bridges.AddEntry(bridge, new ForwardingEntry(mac, vlan, port) { IsAddedByUser = true });
        }
        else if (!entry.IsLocal)
        {
            entry.Updated = kernel.Clock.GetTimestamp();
            entry.IsAddedByUser = true;
            if (entry.Port != port && !entry.IsSticky)
            {
                entry.Port = port;
                entry.IsExternallyLearned = false;
                kernel.Bridges.NotifyEntry(bridge, entry, RTM_NEWNEIGH);
            }
        }

        return Verdict.Success;
    }

    /// <summary>A program that learns in the bridge's place (NTF_EXT_LEARNED, br_fdb_external_learn_add).</summary>
    private Verdict AddLearnedElsewhere(BridgeState bridge, BridgePort? port, byte[] mac, ushort vlan, ushort state)
    {
        if (port is null && (state & (ushort)NeighbourState.Permanent) == 0)
        {
            return new Verdict(LinuxError.EINVAL, "bridge: FDB entry towards bridge must be permanent");
        }

        if (bridge.Database.Find(mac, vlan) is not { } entry)
        {
            kernel.Bridges.AddEntry(bridge, new ForwardingEntry(mac, vlan, port) { IsExternallyLearned = true, IsAddedByUser = true, IsLocal = port is null });
            return Verdict.Success;
        }

        bool changed = entry.Port != port || !entry.IsExternallyLearned;
        entry.Updated = kernel.Clock.GetTimestamp();
        entry.Port = port;
        entry.IsExternallyLearned = true;
        entry.IsAddedByUser = true;
        entry.IsLocal |= port is null;
        if (changed)
        {
            kernel.Bridges.NotifyEntry(bridge, entry, RTM_NEWNEIGH);
        }

        return Verdict.Success;
    }

    private LinuxError RemoveFromBridge(BridgeState bridge, BridgePort? port, byte[] mac, ushort vlan)
    {
        SortedDictionary<ushort, BridgeVlan> vlans = port?.Vlans ?? bridge.Vlans;

        // The bridge knows the VLANs of its ports, too.
        if (vlan != 0 && !vlans.ContainsKey(vlan) && (port is not null || !bridge.KnownVlans.ContainsKey(vlan)))
        {
            return LinuxError.EINVAL;
        }

        LinuxError error = LinuxError.ENOENT;
        foreach (ushort target in vlan != 0 ? [vlan] : vlans.Keys.Prepend((ushort)0).ToArray())
        {
            if (bridge.Database.Find(mac, target) is { } entry && entry.Port == port)
            {
                kernel.Bridges.RemoveEntry(bridge, entry);
                error = LinuxError.None;
            }
        }

        return error;
    }

    private static Verdict AddToFilter(NetworkDevice device, byte[] mac, ushort vlan, ushort state, NetlinkMessageFlags request)
    {
        bool isMacvlan = device.KindState is MacvlanState, isUnicast = IsForUnicastFilter(mac, isMacvlan);
        if (isMacvlan && (RefusesUnicast(device, isUnicast) || (request & NetlinkMessageFlags.Replace) != 0))
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (!isMacvlan && (vlan != 0 || (state != 0 && (state & (ushort)NeighbourState.Permanent) == 0)))
        {
            return LinuxError.EINVAL;
        }

        bool isKnown = isUnicast ? device.UnicastFilter.Contains(mac) : device.MulticastAddresses.Exists(known => known.AsSpan().SequenceEqual(mac));
        if (isKnown)
        {
            return isMacvlan || (request & NetlinkMessageFlags.Exclusive) != 0 ? LinuxError.EEXIST : Verdict.Success;
        }

        if (isUnicast)
        {
            DeviceControl.AddUnicast(device, mac);
        }
        else
        {
            device.MulticastAddresses.Add(mac);
        }

        return Verdict.Success;
    }

    private static LinuxError RemoveFromFilter(NetworkDevice device, byte[] mac, ushort state)
    {
        bool isMacvlan = device.KindState is MacvlanState, isUnicast = IsForUnicastFilter(mac, isMacvlan);
        if (RefusesUnicast(device, isUnicast))
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (!isMacvlan && (state & (ushort)NeighbourState.Permanent) == 0)
        {
            return LinuxError.EINVAL;
        }

        bool wasThere = isUnicast ? DeviceControl.RemoveUnicast(device, mac) : device.MulticastAddresses.RemoveAll(known => known.AsSpan().SequenceEqual(mac)) > 0;
        return wasThere ? LinuxError.None : LinuxError.ENOENT;
    }

    /// <summary>A macvlan receives for one address, unless it has the whole device.</summary>
    private static bool RefusesUnicast(NetworkDevice device, bool isUnicast) => isUnicast && device.KindState is MacvlanState { Mode: not MacvlanState.Passthrough };

    /// <summary>Unicast, and but for macvlans what 802.1D keeps on a link (01:80:c2:00:00:0X).</summary>
    private static bool IsForUnicastFilter(byte[] mac, bool isMacvlan) =>
        (mac[0] & 1) == 0 || (!isMacvlan && mac.AsSpan(0, 5).SequenceEqual<byte>([1, 0x80, 0xc2, 0, 0]) && (mac[5] & 0xf0) == 0);
}
