using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Inet;
using EucaNet.Simulator.Kernel.Rtnetlink;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>
/// Everything that happens to devices, in the order in which the kernel lets it happen (net/core/dev.c): each change calls the
/// same notifiers, so each event leaves in its place. A carrier's change is acted upon when the system call has returned.
/// </summary>
internal sealed partial class DeviceControl(SimulatedKernel kernel)
{
    private readonly List<NetworkDevice> _linkEvents = [];
    private bool _linkWatchPosted;

    private Inet4Control Inet4 => kernel.Inet4;

    private Inet6Control Inet6 => kernel.Inet6;

    private BridgeControl Bridges => kernel.Bridges;

    /// <summary>Sends RTM_NEWLINK for a device.</summary>
    public void NotifyLink(NetworkDevice device, uint change = 0, Requester? requester = null) =>
        Notify(device, new LinkMessageOptions(change, requester?.Sequence ?? 0, requester?.PortId ?? 0), requester);

    /// <summary>Looks at a device's features again; where they are others, those learn of it that stand on it, and its bridge (NETDEV_FEAT_CHANGE).</summary>
    public void UpdateFeatures(NetworkDevice device)
    {
        if (!device.Features.Update())
        {
            return;
        }

        Notify(device, new LinkMessageOptions(Event: 2), null);
        foreach (NetworkDevice upper in UppersOf(device))
        {
            InheritSegments(upper, device.TsoMaximumSize);
            upper.Kernel.DeviceControl.UpdateFeatures(upper);
        }

        if (device.Port is { } port)
        {
            UpdateFeatures(port.Bridge.Device);
        }
    }

    /// <summary>The largest packet that a device leaves to the one below to segment, which none may exceed (netif_set_tso_max_size).</summary>
    public static void InheritSegments(NetworkDevice device, uint size)
    {
        device.TsoMaximumSize = size;
        device.GsoMaximumSize = Math.Min(device.GsoMaximumSize, size);
    }

    /// <summary>Of a device that goes nothing is told but its end (rtmsg_ifinfo_event).</summary>
    private void Notify(NetworkDevice device, LinkMessageOptions options, Requester? requester)
    {
        if (!device.IsGone)
        {
            kernel.RouteEvents.Publish(RTNLGRP_LINK, LinkMessage.Build(kernel, device, RTM_NEWLINK, options), requester);
        }
    }

    /// <summary>register_netdevice: the device gets its parameters and stands in the tables; nobody hears of the link itself yet.</summary>
    public void Register(NetworkDevice device)
    {
        kernel.Devices.Add(device);
        kernel.Parameters.AddDevice(device.Name);
        device.HasInet = true;
        device.IsGone = false;
        device.Features.Update();
        NetconfMessage.NotifyNew(kernel, device);
        Inet6.DeviceRegistered(device);
        if (!device.HasCarrier)
        {
            UpdateOperationalState(device);
        }

        kernel.Datapath?.DeviceAdded(device);
    }

    /// <summary>unregister_netdevice_many: takes devices down, takes away all that hangs on them, and tells of their end.</summary>
    public void Unregister(IReadOnlyList<NetworkDevice> devices, Requester? requester = null)
    {
        CloseAll(devices);
        NetworkDevice[] leaving = [.. devices.Where(static device => !device.IsGone)];
        foreach (NetworkDevice device in leaving)
        {
            device.IsGone = true;
        }

        foreach (NetworkDevice device in leaving)
        {
            device.Traffic.SetDefault("noop");
            Uninstall(device);
            byte[] gone = LinkMessage.Build(kernel, device, RTM_DELLINK, new LinkMessageOptions(uint.MaxValue, requester?.Sequence ?? 0, requester?.PortId ?? 0));
            if (device.Bridge is { } bridge)
            {
                Bridges.FlushVlans(bridge, null);
            }

            if (device.KindState is MacvlanState { LowerAddress.Length: > 0 } macvlan && device.Lower is { IsGone: false } below && !IsAddressOf(below, macvlan.LowerAddress))
            {
                // It gives back the MAC that it found.
                below.Kernel.DeviceControl.SetAddress(below, macvlan.LowerAddress);
            }

            kernel.RouteEvents.Publish(RTNLGRP_LINK, gone, requester);
            Detach(device);
        }
    }

    /// <summary>A device leaves for another namespace (dev_change_net_namespace): here it is as if it went.</summary>
    public void MoveTo(NetworkDevice device, SimulatedKernel target, string? name = null)
    {
        Close(device);
        int namespaceId = kernel.NamespaceIdOf(target, announce: false) ?? 0;
        string newName = name ?? device.Name;
        if (target.Devices.Find(newName) is not null)
        {
            newName = target.Devices.NameFor("dev%d");
        }

        int index = target.Devices.Find(device.Index) is null ? device.Index : target.Devices.AllocateIndex();
        Uninstall(device);
        kernel.NamespaceIdOf(target);
        byte[] gone = LinkMessage.Build(kernel, device, RTM_DELLINK, new LinkMessageOptions(uint.MaxValue, NewNamespaceId: namespaceId, NewIndex: index));
        kernel.RouteEvents.Publish(RTNLGRP_LINK, gone);
        kernel.Datapath?.DeviceRemoved(device);
        kernel.Devices.Remove(device);
        kernel.Parameters.RemoveDevice(device.Name);
        device.Traffic.SetDefault("noop");
        device.Traffic.Ingress = null;
        device.Kernel = target;
        device.Index = index;
        device.Name = newName;
        target.DeviceControl.Register(device);
        target.DeviceControl.NotifyLink(device, uint.MaxValue);
    }

    /// <summary>Gives the device the queueing discipline that it has where nobody asked for one.</summary>
    public void AttachDefaultQueue(NetworkDevice device) =>
        device.Traffic.SetDefault(device.HasNoQueue ? "noqueue" : device.TransmitQueues > 1 ? "mq" : kernel.Profile.DefaultQdisc);

    /// <summary>Sets the device up (dev_open).</summary>
    /// <returns>ENETDOWN where the device below is down.</returns>
    public LinuxError Open(NetworkDevice device, bool notify = true)
    {
        if (device.IsUp)
        {
            return LinuxError.None;
        }

        if (device.Vlan is { IsLooselyBound: false } && device.Lower is { IsUp: false })
        {
            return LinuxError.ENETDOWN;
        }

        if (device is { KindState: MacvlanState, Lower: { } below } && !IsPassthrough(device) && HasSameAddress(device, below, device.HardwareAddress))
        {
            return LinuxError.EADDRINUSE;
        }

        ReceiveThroughLower(device);
        device.Flags |= DeviceFlags.Up;
        if (device.Bridge is { } bridge)
        {
            UpdateFeatures(device);
            Bridges.BridgeUp(bridge);
        }

        FollowReceiveFilter(device);
        if (device.Traffic.Root.Kind.IsBuiltIn)
        {
            AttachDefaultQueue(device);
        }

        if (device.Peer is { IsUp: true } peer)
        {
            SetCarrier(device, true);
            peer.Kernel.DeviceControl.SetCarrier(peer, true);
        }

        // linkwatch has seen a device without carrier before it was up.
        if (!device.HasCarrier)
        {
            UpdateOperationalState(device);
        }

        kernel.Datapath?.DeviceChanged(device);
        if (notify)
        {
            NotifyLink(device, (uint)DeviceFlags.Up);
            UpNotifiers(device);
        }

        return LinuxError.None;
    }

    /// <summary>Takes the device down (dev_close).</summary>
    public void Close(NetworkDevice device, bool notify = true)
    {
        if (!device.IsUp)
        {
            return;
        }

        ReceiveNoMoreThroughLower(device);
        device.Flags &= ~DeviceFlags.Up;
        if (device.Bridge is { } bridge)
        {
            Bridges.BridgeDown(bridge);
        }

        if (device.Kind == "veth")
        {
            SetCarrier(device, false);
            device.Peer?.Kernel.DeviceControl.SetCarrier(device.Peer, false);
        }

        if (device.KindState is VxlanState vxlan)
        {
            new VxlanForwarding(kernel, device, vxlan).Flush(all: false);
        }

        device.Traffic.Reset();
        kernel.Datapath?.DeviceChanged(device);
        if (notify)
        {
            TellOfClose(device);
        }
    }

    /// <summary>Takes devices down together: all stop before anybody hears of the first (dev_close_many).</summary>
    private static void CloseAll(IEnumerable<NetworkDevice> devices)
    {
        NetworkDevice[] up = [.. devices.Where(static device => device.IsUp)];
        foreach (NetworkDevice device in up)
        {
            device.Kernel.DeviceControl.Close(device, notify: false);
        }

        foreach (NetworkDevice device in up)
        {
            device.Kernel.DeviceControl.TellOfClose(device);
        }
    }

    private void TellOfClose(NetworkDevice device)
    {
        NotifyLink(device, (uint)(DeviceFlags.Up | DeviceFlags.Running));
        DownNotifiers(device);
    }

    /// <summary>Sets the flags without telling anybody (__dev_change_flags).</summary>
    public LinuxError SetFlags(NetworkDevice device, DeviceFlags flags)
    {
        const DeviceFlags Settable = DeviceFlags.Debug | DeviceFlags.NoTrailers | DeviceFlags.NoArp | DeviceFlags.Dynamic | DeviceFlags.Multicast
            | DeviceFlags.PortSelect | DeviceFlags.AutoMedia;
        device.Flags = flags & Settable | device.Flags & ~Settable;
        if (((flags ^ device.Flags) & DeviceFlags.Up) != 0)
        {
            if (device.IsUp)
            {
                Close(device, notify: false);
            }
            else
            {
                LinuxError error = Open(device, notify: false);
                if (error != LinuxError.None)
                {
                    return error;
                }
            }
        }

        if (((flags ^ device.RequestedFlags) & DeviceFlags.Promiscuous) != 0)
        {
            bool on = (flags & DeviceFlags.Promiscuous) != 0;
            device.RequestedFlags ^= DeviceFlags.Promiscuous;
            AddPromiscuity(device, on ? 1 : -1, notify: false);
        }

        if (((flags ^ device.RequestedFlags) & DeviceFlags.AllMulticast) != 0)
        {
            bool on = (flags & DeviceFlags.AllMulticast) != 0;
            device.RequestedFlags ^= DeviceFlags.AllMulticast;
            AddAllMulticast(device, on ? 1 : -1);
        }

        return LinuxError.None;
    }

    /// <summary>Changes the flags that user space may change (dev_change_flags).</summary>
    public LinuxError ChangeFlags(NetworkDevice device, DeviceFlags flags, Requester? requester = null, uint extraChange = 0)
    {
        DeviceFlags old = device.ShownFlags, oldPromiscuous = device.Flags & DeviceFlags.Promiscuous;
        bool wasUp = device.IsUp;
        LinuxError error = SetFlags(device, flags);
        if (error != LinuxError.None)
        {
            return error;
        }

        DeviceFlags differing = old ^ device.ShownFlags | oldPromiscuous ^ device.Flags & DeviceFlags.Promiscuous;
        uint change = (uint)differing & (uint)~(DeviceFlags.Running | DeviceFlags.LowerUp | DeviceFlags.Dormant) | extraChange;
        if (change != 0)
        {
            NotifyLink(device, change, requester);
        }

        if (wasUp != device.IsUp)
        {
            if (device.IsUp)
            {
                UpNotifiers(device);
            }
            else
            {
                DownNotifiers(device);
            }
        }
        else if (change != 0)
        {
            kernel.Datapath?.DeviceChanged(device);
        }

        return LinuxError.None;
    }

    /// <summary>Sets the MTU (dev_set_mtu); the caller has checked it.</summary>
    public void SetMtu(NetworkDevice device, uint mtu)
    {
        if (device.Mtu == mtu)
        {
            return;
        }

        device.Mtu = mtu;
        NotifyLink(device);
        if (mtu < 68 && device.HasInet)
        {
            // Too small for any IPv4 packet: the device has no IPv4 until that changes (inetdev_valid_mtu).
            Inet4.DeviceGoes(device, unregisters: false);
            NetconfMessage.NotifyDeleted(kernel, device);
            device.HasInet = false;
        }
        else if (mtu >= 68 && !device.HasInet)
        {
            device.HasInet = true;
            NetconfMessage.NotifyNew(kernel, device);
        }

        Inet6.MtuChanged(device);
        foreach (NetworkDevice upper in UppersOf(device).Where(upper => upper.Mtu > mtu && LinkVerbs.CheckMtu(upper, mtu).Error == LinuxError.None))
        {
            upper.Kernel.DeviceControl.SetMtu(upper, mtu);
        }

        if (device.Port is { } port)
        {
            Bridges.AdjustMtu(port.Bridge);
        }

        kernel.Datapath?.DeviceChanged(device);
    }

    /// <summary>Renames (dev_change_name).</summary>
    public void Rename(NetworkDevice device, string name)
    {
        string old = device.Name;
        kernel.Devices.Rename(device, name);
        kernel.Parameters.RenameDevice(old, name);
        NotifyLink(device);
        NetconfMessage.NotifyDeleted(kernel, device);
        NetconfMessage.NotifyNew(kernel, device);
        kernel.Datapath?.DeviceChanged(device);
    }

    /// <summary>The signal of the layer below comes or goes (netif_carrier_on, netif_carrier_off).</summary>
    public void SetCarrier(NetworkDevice device, bool carrier, bool count = true)
    {
        if (device.HasCarrier == carrier)
        {
            return;
        }

        device.HasCarrier = carrier;
        if (count)
        {
            if (carrier)
            {
                device.CarrierUpCount++;
            }
            else
            {
                device.CarrierDownCount++;
            }

            PostLinkEvent(device);
        }
    }

    /// <summary>VLAN and macvlan devices have the carrier of the device below (netif_stacked_transfer_operstate).</summary>
    public void TransferOperationalState(NetworkDevice lower, NetworkDevice upper)
    {
        if (upper.Vlan is { } vlan && (vlan.Flags & 16) != 0)
        {
            return;
        }

        SetCarrier(upper, lower.HasCarrier);
    }

    /// <summary>rfc2863_policy.</summary>
    public static void UpdateOperationalState(NetworkDevice device) =>
        device.OperationalState = device.HasCarrier
            ? OperationalState.Up
            : (LinkMessage.LinkIndex(device) ?? device.Index) == device.Index && device.Peer is null && device.Lower is null
                ? OperationalState.Down
                : OperationalState.LowerLayerDown;

    /// <summary>Something about the device changed that is only told while it is up (netdev_state_change).</summary>
    public void StateChanged(NetworkDevice device)
    {
        if (device.IsUp)
        {
            ChangeNotifiers(device);
            NotifyLink(device);
        }
    }

    /// <summary>What follows a device's being set up, where the caller told of the link itself.</summary>
    public void AfterUp(NetworkDevice device) => UpNotifiers(device);
}
