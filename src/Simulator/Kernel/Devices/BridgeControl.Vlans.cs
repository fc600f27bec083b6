using EucaNet.Simulator.Kernel.Rtnetlink;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Devices;

/// <content>VLANs of bridges and their ports (br_vlan.c).</content>
internal sealed partial class BridgeControl
{
    private const ushort DefaultFlags = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED;

    /// <summary>A port, or where it is null the bridge itself, belongs to a VLAN (nbp_vlan_add, br_vlan_add). True: that changed something.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <param name="port">Its port.</param>
    /// <param name="id">The VLAN.</param>
    /// <param name="flags">BRIDGE_VLAN_INFO_*, as they were asked for.</param>
    public bool AddVlan(BridgeState bridge, BridgePort? port, ushort id, ushort flags)
    {
        bool isPvid = (flags & BRIDGE_VLAN_INFO_PVID) != 0;
        bridge.KnownVlans.TryAdd(id, port is null ? (ushort)(flags & ~(BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED | BRIDGE_VLAN_INFO_BRENTRY) | BRIDGE_VLAN_INFO_MASTER) : BRIDGE_VLAN_INFO_MASTER);
        SortedDictionary<ushort, BridgeVlan> vlans = port?.Vlans ?? bridge.Vlans;
        bool isKnown = vlans.TryGetValue(id, out BridgeVlan? known);
        if (!isKnown)
        {
            AddLocal(bridge, port, (port?.Device ?? bridge.Device).HardwareAddress, id);
        }

        if (isPvid)
        {
            foreach (BridgeVlan other in vlans.Values.Where(other => other.IsPvid && other.Id != id).ToArray())
            {
                vlans[other.Id] = other with { IsPvid = false };
            }
        }

        var vlan = new BridgeVlan(id, isPvid, (flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0);
        vlans[id] = vlan;
        return !isKnown || known != vlan;
    }

    /// <summary>A port, or the bridge itself, leaves a VLAN, and what was known of its stations there is forgotten (nbp_vlan_delete, br_vlan_delete). False: it was in none.</summary>
    public bool DeleteVlan(BridgeState bridge, BridgePort? port, ushort id)
    {
        SortedDictionary<ushort, BridgeVlan> vlans = port?.Vlans ?? bridge.Vlans;
        if (!vlans.Remove(id))
        {
            return false;
        }

        byte[] mac = (port?.Device ?? bridge.Device).HardwareAddress;
        if (bridge.Database.Find(mac, id) is { IsLocal: true, IsAddedByUser: false } own && own.Port == port)
        {
            RemoveLocal(bridge, own);
        }

        ForgetLearned(bridge, port, id);
        ForgetUnused(bridge, id);
        return true;
    }

    /// <summary>Nobody is in the VLAN any more (br_vlan_put_master).</summary>
    private static void ForgetUnused(BridgeState bridge, ushort id)
    {
        if (!bridge.Vlans.ContainsKey(id) && !bridge.Ports.Exists(port => port.Vlans.ContainsKey(id)))
        {
            bridge.KnownVlans.Remove(id);
        }
    }

    /// <summary>A port, or the bridge itself, goes with all its VLANs; neighbouring ones are told together (__vlan_flush).</summary>
    public void FlushVlans(BridgeState bridge, BridgePort? port)
    {
        SortedDictionary<ushort, BridgeVlan> vlans = port?.Vlans ?? bridge.Vlans;
        ushort[] ids = [.. vlans.Keys];
        for (int first = 0; first < ids.Length;)
        {
            int last = first;
            while (last + 1 < ids.Length && ids[last + 1] == ids[last] + 1)
            {
                last++;
            }

            NotifyVlan(bridge, port, ids[first], RTM_DELVLAN, ids[last]);
            first = last + 1;
        }

        vlans.Clear();
        foreach (ushort id in ids)
        {
            ForgetUnused(bridge, id);
        }
    }

    /// <summary>A port's own address leaves the database, unless another port or the bridge has it too (fdb_delete_local).</summary>
    private void RemoveLocal(BridgeState bridge, ForwardingEntry entry)
    {
        if (bridge.Ports.AsEnumerable().Reverse().FirstOrDefault(other => other != entry.Port && IsOwn(other.Device, other.Vlans)) is { } heir)
        {
            entry.Port = heir;
            entry.IsAddedByUser = false;
        }
        else if (entry.Port is not null && IsOwn(bridge.Device, bridge.Vlans))
        {
            entry.Port = null;
            entry.IsAddedByUser = false;
        }
        else
        {
            RemoveEntry(bridge, entry);
        }

        bool IsOwn(NetworkDevice device, SortedDictionary<ushort, BridgeVlan> vlans) =>
            device.HardwareAddress.AsSpan().SequenceEqual(entry.Mac) && (entry.Vlan == 0 || vlans.ContainsKey(entry.Vlan));
    }

    /// <summary>Another VLAN becomes the one of untagged frames, where nobody chose otherwise; 0 for none (__br_vlan_set_default_pvid).</summary>
    public void SetDefaultVlan(BridgeState bridge, ushort vlan)
    {
        ushort old = bridge.DefaultVlan;
        foreach (BridgePort? port in bridge.Ports.AsEnumerable().Reverse().Prepend(null))
        {
            SortedDictionary<ushort, BridgeVlan> vlans = port?.Vlans ?? bridge.Vlans;
            bool isOldDefault = vlans.TryGetValue(old, out BridgeVlan? known) && known is { IsPvid: true, IsUntagged: true };
            if (vlan == 0 ? isOldDefault : (old == 0 || isOldDefault) && !vlans.ContainsKey(vlan))
            {
                if (vlan != 0)
                {
                    AddVlan(bridge, port, vlan, DefaultFlags);
                }

                if (DeleteVlan(bridge, port, old))
                {
                    NotifyVlan(bridge, port, old, RTM_DELVLAN);
                }

                if (vlan != 0)
                {
                    NotifyVlan(bridge, port, vlan, RTM_NEWVLAN);
                }
            }
        }

        bridge.DefaultVlan = vlan;
    }

    /// <summary>Tells that a port, or the bridge itself, is in a VLAN or a range of them now, or no more (br_vlan_notify).</summary>
    public void NotifyVlan(BridgeState bridge, BridgePort? port, ushort first, ushort type, ushort last = 0)
    {
        BridgeVlan? vlan = (port?.Vlans ?? bridge.Vlans).GetValueOrDefault(first);
        if (kernel.Profile.HasVlanFiltering && (type == RTM_DELVLAN || vlan is not null))
        {
            kernel.RouteEvents.Publish(RTNLGRP_BRVLAN, BridgeVlanMessage.Build(bridge, port, type, [(type == RTM_DELVLAN ? new BridgeVlan(first, false, false) : vlan!, last)]));
        }
    }
}
