using System.Buffers.Binary;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>What bridges do besides forwarding: ports come and go, the bridge takes the lowest MAC of its ports, states follow carriers.</summary>
internal sealed partial class BridgeControl(SimulatedKernel kernel)
{
    /// <summary>A bridge came to be: its own MAC is in its database.</summary>
    public void BridgeCreated(BridgeState bridge)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bridge.Identifier, bridge.Priority);
        ChangeBridgeAddress(bridge, null);
        if (kernel.Profile.HasVlanFiltering && bridge.DefaultVlan != 0)
        {
            AddVlan(bridge, null, bridge.DefaultVlan, DefaultFlags);
            NotifyVlan(bridge, null, bridge.DefaultVlan, RTM_NEWVLAN);
        }
    }

    /// <summary>Enslaves a device (br_add_if).</summary>
    public Verdict AddPort(BridgeState bridge, NetworkDevice device)
    {
        if (device.IsLoopback || device.HardwareType != 1 || device.HardwareAddress.Length != 6)
        {
            return LinuxError.EINVAL;
        }

        if (device.Bridge is not null)
        {
            return new Verdict(LinuxError.ELOOP, "Can not enslave a bridge to a bridge");
        }

        if (device.Master is not null)
        {
            return LinuxError.EBUSY;
        }

        // It stands on the bridge already, or macvlans have its packets.
        if (StandsOn(device, bridge.Device) || device.Uppers.Exists(static upper => upper.KindState is MacvlanState))
        {
            return LinuxError.EBUSY;
        }

        if (bridge.Ports.Count >= 1023)
        {
            return LinuxError.ENOSPC;
        }

        ushort number = 1;
        while (bridge.Ports.Exists(other => other.Number == number))
        {
            number++;
        }

        var port = new BridgePort(bridge, device, number) { State = BridgePortState.Disabled, PathCost = 2 };
        DeviceControl.AddAllMulticast(device, 1);
        device.Port = port;
        device.Master = bridge.Device;
        InitialisePort(port);
        kernel.DeviceControl.NotifyLink(device);
        bridge.Ports.Add(port);
        CountAutomaticPorts(bridge);
        StartFilter(port);
        kernel.DeviceControl.UpdateFeatures(bridge.Device);
        AddLocal(bridge, port, device.HardwareAddress, 0);
        if (kernel.Profile.HasVlanFiltering && bridge.DefaultVlan != 0)
        {
            AddVlan(bridge, port, bridge.DefaultVlan, DefaultFlags);
            NotifyVlan(bridge, port, bridge.DefaultVlan, RTM_NEWVLAN);
        }

        byte[] oldAddress = bridge.Device.HardwareAddress;
        bool changed = RecalculateIdentifier(bridge);
        if (device.IsUp && IsOperational(device) && bridge.Device.IsUp)
        {
            EnablePort(port);
        }

        NotifyPort(port, RTM_NEWLINK);
        if (changed)
        {
            kernel.DeviceControl.AddressChanged(bridge.Device, oldAddress);
        }

        AdjustMtu(bridge);
        AdjustSegments(bridge);
        kernel.Datapath?.DeviceChanged(device);
        return Verdict.Success;
    }

    /// <summary>Frees a device (br_del_if).</summary>
    public void RemovePort(BridgePort port)
    {
        BridgeState bridge = port.Bridge;
        byte[] oldAddress = bridge.Device.HardwareAddress;
        Release(port);
        AdjustMtu(bridge);
        AdjustSegments(bridge);
        if (RecalculateIdentifier(bridge))
        {
            kernel.DeviceControl.AddressChanged(bridge.Device, oldAddress);
        }

        kernel.DeviceControl.UpdateFeatures(bridge.Device);
        kernel.Datapath?.DeviceChanged(port.Device);
    }

    /// <summary>A device is a port no longer (del_nbp).</summary>
    private void Release(BridgePort port)
    {
        BridgeState bridge = port.Bridge;
        NetworkDevice device = port.Device;
        EndPromiscuity(port);
        DisablePort(port);
        NotifyPort(port, RTM_DELLINK);
        bridge.Ports.Remove(port);
        FlushVlans(bridge, port);
        Forget(bridge, port);
        foreach (BridgePort other in bridge.Ports.Where(other => other.BackupPort == device))
        {
            other.BackupPort = null;
        }

        CountAutomaticPorts(bridge);
        device.Master = null;
        device.Port = null;
        kernel.DeviceControl.NotifyLink(device);
    }

    /// <summary>The whole bridge goes: its ports are freed, its own addresses leave the database.</summary>
    public void BridgeGoes(BridgeState bridge)
    {
        foreach (BridgePort port in bridge.Ports.AsEnumerable().Reverse().ToArray())
        {
            Release(port);
            kernel.Datapath?.DeviceChanged(port.Device);
        }

        Forget(bridge, null);
    }

    /// <summary>All that is known behind a port, or is the bridge's own where it is null, is forgotten, from the youngest on (br_fdb_delete_by_port).</summary>
    private void Forget(BridgeState bridge, BridgePort? port)
    {
        foreach (ForwardingEntry entry in bridge.Database.Entries.Where(entry => entry.Port == port).Reverse().ToArray())
        {
            if (entry.IsLocal)
            {
                RemoveLocal(bridge, entry);
            }
            else
            {
                RemoveEntry(bridge, entry);
            }
        }
    }

    /// <summary>What was learned behind a port is forgotten, in one VLAN or, where that is 0, in all.</summary>
    public void ForgetLearned(BridgeState bridge, BridgePort? port, ushort vlan = 0)
    {
        foreach (ForwardingEntry entry in bridge.Database.Entries
            .Where(entry => entry.Port == port && !entry.IsStatic && !entry.IsExternallyLearned && (vlan == 0 || entry.Vlan == vlan)).Reverse().ToArray())
        {
            RemoveEntry(bridge, entry);
        }
    }

    /// <summary>A device stands, by whatever is between, on another.</summary>
    private static bool StandsOn(NetworkDevice device, NetworkDevice other) =>
        (device.Lower is { } lower && (lower == other || StandsOn(lower, other)))
        || device.Bridge?.Ports.Exists(port => port.Device == other || StandsOn(port.Device, other)) == true;

    public void PortUp(BridgePort port)
    {
        bool told = false;
        if (port.Bridge.Device.IsUp && IsOperational(port.Device))
        {
            EnablePort(port);
            told = true;
        }

        if (!told)
        {
            NotifyPort(port, RTM_NEWLINK);
        }
    }

    public void PortDown(BridgePort port)
    {
        if (port.State != BridgePortState.Disabled)
        {
            DisablePort(port);
        }

        NotifyPort(port, RTM_NEWLINK);
    }

    public void PortCarrierChanged(BridgePort port)
    {
        if (port.Bridge.Device.IsUp && port.Device.IsUp && IsOperational(port.Device))
        {
            if (port.State == BridgePortState.Disabled)
            {
                EnablePort(port);
                return;
            }
        }
        else if (port.State != BridgePortState.Disabled)
        {
            DisablePort(port);
            return;
        }

        NotifyPort(port, RTM_NEWLINK);
    }

    public void PortAddressChanged(BridgePort port)
    {
        // What it had itself goes, from the youngest on; without VLANs that is one entry (br_fdb_changeaddr).
        BridgeState bridge = port.Bridge;
        foreach (ForwardingEntry entry in bridge.Database.Entries.Where(entry => entry.Port == port && entry is { IsLocal: true, IsAddedByUser: false }).Reverse()
            .Take(port.Vlans.Count == 0 ? 1 : int.MaxValue).ToArray())
        {
            RemoveLocal(bridge, entry);
        }

        foreach (ushort vlan in port.Vlans.Keys.Prepend((ushort)0))
        {
            AddLocal(bridge, port, port.Device.HardwareAddress, vlan);
        }

        byte[] oldBridge = bridge.Device.HardwareAddress;
        if (RecalculateIdentifier(bridge))
        {
            kernel.DeviceControl.AddressChanged(bridge.Device, oldBridge);
        }

        NotifyPort(port, RTM_NEWLINK);
    }

    /// <summary>The bridge was set up: ports that can forward do.</summary>
    public void BridgeUp(BridgeState bridge)
    {
        foreach (BridgePort port in bridge.Ports.AsEnumerable().Reverse())
        {
            if (port.Device.IsUp && IsOperational(port.Device))
            {
                EnablePort(port);
            }
        }
    }

    public void BridgeDown(BridgeState bridge)
    {
        foreach (BridgePort port in bridge.Ports.AsEnumerable().Reverse())
        {
            if (port.State != BridgePortState.Disabled)
            {
                SetState(port, BridgePortState.Disabled);
                NotifyPort(port, RTM_NEWLINK);
            }
        }
    }

    /// <summary>The bridge's MTU is the smallest of its ports'.</summary>
    public void AdjustMtu(BridgeState bridge)
    {
        if (bridge.HasFixedMtu)
        {
            return;
        }

        uint mtu = bridge.Ports.Count == 0 ? 1500 : bridge.Ports.Min(port => port.Device.Mtu);
        if (mtu != bridge.Device.Mtu && LinkVerbs.CheckMtu(bridge.Device, mtu).Error == LinuxError.None)
        {
            kernel.DeviceControl.SetMtu(bridge.Device, mtu);
        }
    }

    /// <summary>A port begins to take part (br_stp_enable_port).</summary>
    public void EnablePort(BridgePort port)
    {
        InitialisePort(port);
        port.State = BridgePortState.Blocking;
        SelectPortStates(port.Bridge);
        NotifyPort(port, RTM_NEWLINK);
    }

    /// <summary>A port takes part no more (br_stp_disable_port).</summary>
    public void DisablePort(BridgePort port)
    {
        SetState(port, BridgePortState.Disabled);
        NotifyPort(port, RTM_NEWLINK);
        BridgeState bridge = port.Bridge;
        if (!bridge.Device.IsGone)
        {
            ForgetLearned(bridge, port);
        }

        SelectPortStates(bridge);
    }

    /// <summary>Sets a port's state; forwarding ports give the bridge its carrier.</summary>
    public void SetState(BridgePort port, BridgePortState state)
    {
        port.State = state;
        kernel.Datapath?.DeviceChanged(port.Device);
    }

    /// <summary>br_port_state_selection: without spanning tree every enabled port forwards.</summary>
    public void SelectPortStates(BridgeState bridge)
    {
        bool alive = false;
        foreach (BridgePort port in bridge.Ports.AsEnumerable().Reverse().ToArray())
        {
            if (port.State == BridgePortState.Disabled)
            {
                continue;
            }

            if (port.State == BridgePortState.Blocking)
            {
                SetState(port, bridge.ForwardDelay == 0 || bridge.SpanningTree == 0 ? BridgePortState.Forwarding : BridgePortState.Listening);
                NotifyPort(port, RTM_NEWLINK);
                if (port.State == BridgePortState.Listening)
                {
                    StartForwardDelay(port);
                }
            }

            alive |= port.State == BridgePortState.Forwarding;
        }

        kernel.DeviceControl.SetCarrier(bridge.Device, alive);
    }

    /// <summary>Sends the bridge's own link message of a port (br_ifinfo_notify).</summary>
    public void NotifyPort(BridgePort port, ushort type) =>
        kernel.RouteEvents.Publish(RTNLGRP_LINK, BridgeLinkMessage.Build(kernel, port.Device, type, RTEXT_FILTER_BRVLAN_COMPRESSED));

    /// <summary>The bridge's message of a port, or where it is null of itself: the VLANs are others.</summary>
    public void NotifyMembership(BridgeState bridge, BridgePort? port, ushort type = RTM_NEWLINK) =>
        kernel.RouteEvents.Publish(RTNLGRP_LINK, BridgeLinkMessage.Build(kernel, port?.Device ?? bridge.Device, type, RTEXT_FILTER_BRVLAN_COMPRESSED));

    /// <summary>Adds an entry and tells of it.</summary>
    public ForwardingEntry AddEntry(BridgeState bridge, ForwardingEntry entry)
    {
        entry.Updated = kernel.Clock.GetTimestamp();
        entry.Used = entry.Updated;
        bridge.Database.Set(entry);
        if (entry.IsStatic)
        {
            BecameStatic(bridge, entry);
        }

        NotifyEntry(bridge, entry, RTM_NEWNEIGH);
        return entry;
    }

    /// <summary>Removes an entry and tells of it.</summary>
    public void RemoveEntry(BridgeState bridge, ForwardingEntry entry, bool silent = false)
    {
        if (entry.IsStatic)
        {
            IsStaticNoMore(bridge, entry);
        }

        bridge.Database.Remove(entry);
        if (!silent)
        {
            NotifyEntry(bridge, entry, RTM_DELNEIGH);
        }
    }

    public void NotifyEntry(BridgeState bridge, ForwardingEntry entry, ushort type) =>
        kernel.RouteEvents.Publish(RTNLGRP_NEIGH, NeighbourMessage.BuildForwarding(kernel, bridge, entry, type));

    /// <summary>The operational state lets packets pass (netif_oper_up).</summary>
    private static bool IsOperational(NetworkDevice device) =>
        device.OperationalState is OperationalState.Up or OperationalState.Unknown;

    private static void InitialisePort(BridgePort port)
    {
        port.Bridge.Identifier.CopyTo(port.DesignatedRoot, 0);
        port.Bridge.Identifier.CopyTo(port.DesignatedBridge, 0);
        port.DesignatedPort = (ushort)(port.Priority << 10 | port.Number);
    }

    /// <summary>br_set_gso_limits: what the ports can segment the bridge can.</summary>
    private static void AdjustSegments(BridgeState bridge) =>
        DeviceControl.InheritSegments(bridge.Device, bridge.Ports.Count == 0 ? 524280 : bridge.Ports.Min(static port => port.Device.TsoMaximumSize));

    private void StartForwardDelay(BridgePort port)
    {
        var delay = TimeSpan.FromMilliseconds(port.Bridge.ForwardDelay * 10);
        kernel.After(delay, () =>
        {
            if (port.Device.Port != port || port.State is not (BridgePortState.Listening or BridgePortState.Learning))
            {
                return;
            }

            SetState(port, port.State == BridgePortState.Listening ? BridgePortState.Learning : BridgePortState.Forwarding);
            NotifyPort(port, RTM_NEWLINK);
            if (port.State == BridgePortState.Learning)
            {
                StartForwardDelay(port);
            }
            else
            {
                kernel.DeviceControl.SetCarrier(port.Bridge.Device, true);
            }
        });
    }
}
