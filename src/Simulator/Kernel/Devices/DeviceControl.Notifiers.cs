using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Inet;
using EucaNet.Simulator.Kernel.Rtnetlink;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Devices;

/// <content>Who is told, and in which order, when a device comes up, goes down, changes or goes (the notifier chains and linkwatch).</content>
internal sealed partial class DeviceControl
{
    private void PostLinkEvent(NetworkDevice device)
    {
        if (!_linkEvents.Contains(device))
        {
            _linkEvents.Add(device);
        }

        if (!_linkWatchPosted)
        {
            _linkWatchPosted = true;
            kernel.Queue.Post(RunLinkWatch);
        }
    }

    private void RunLinkWatch()
    {
        using Time.SimulationQueue.Call call = kernel.Enter();
        _linkWatchPosted = false;
        while (_linkEvents.Count > 0)
        {
            NetworkDevice device = _linkEvents[0];
            _linkEvents.RemoveAt(0);
            if (device.IsGone || device.Kernel != kernel)
            {
                continue;
            }

            UpdateOperationalState(device);
            if (device.IsUp)
            {
                ChangeNotifiers(device);
                NotifyLink(device);
            }

            kernel.Datapath?.DeviceChanged(device);
        }
    }

    private void UpNotifiers(NetworkDevice device)
    {
        kernel.Bonds.PortChanged(device);
        Inet4.DeviceUp(device);
        Inet6.DeviceUp(device);
        foreach (NetworkDevice upper in UppersOf(device))
        {
            if (upper.Vlan is { IsLooselyBound: false } && !upper.IsUp)
            {
                upper.Kernel.DeviceControl.ChangeFlags(upper, upper.ShownFlags | DeviceFlags.Up);
            }

            TransferOperationalState(device, upper);
        }

        if (device.Port is { } port)
        {
            Bridges.PortUp(port);
        }
    }

    private void DownNotifiers(NetworkDevice device)
    {
        kernel.Bonds.PortChanged(device);
        kernel.NextHopControl.Flush(device);
        kernel.NeighbourControl.DeviceDown(device);
        Inet4.DeviceDown(device);
        Inet6.DeviceDown(device);

        // VLANs go down together, those of higher numbers first; the others keep what they saw of the carrier.
        NetworkDevice[] uppers = UppersOf(device), closing = [.. uppers.Where(static upper => upper is { IsUp: true, Vlan.IsLooselyBound: false }).Reverse()];
        CloseAll(closing);
        foreach (NetworkDevice upper in closing.Concat(uppers.Where(static upper => upper.Vlan is null)))
        {
            TransferOperationalState(device, upper);
        }

        if (device.Port is { } port)
        {
            Bridges.PortDown(port);
        }
    }

    private void ChangeNotifiers(NetworkDevice device)
    {
        kernel.Bonds.PortChanged(device);
        if (!device.HasCarrier)
        {
            kernel.NextHopControl.Flush(device);
        }

        Inet4.CarrierChanged(device);
        kernel.NeighbourControl.CarrierChanged(device);
        Inet6.CarrierChanged(device);
        foreach (NetworkDevice upper in UppersOf(device))
        {
            TransferOperationalState(device, upper);
        }

        if (device.Port is { } port)
        {
            Bridges.PortCarrierChanged(port);
        }
    }

    private void Uninstall(NetworkDevice device)
    {
        if (device.Master is { KindState: BondState bond } master)
        {
            kernel.Bonds.Release(master, bond, device);
        }
        else if (device is { Master: not null, Port: null })
        {
            LeaveDomain(device);
        }

        if (device.KindState is BondState own)
        {
            kernel.Bonds.BondGoes(device, own);
        }

        FreeDomain(device);
        kernel.NextHopControl.Flush(device, unregisters: true);
        Inet4.DeviceGoes(device, unregisters: true);
        Inet6.DeviceGoes(device);
        kernel.NeighbourControl.DeviceGoes(device);

        foreach (IGrouping<bool, NetworkDevice> kind in UppersOf(device).Where(static upper => !upper.IsGone).GroupBy(static upper => upper.Vlan is not null))
        {
            foreach (NetworkDevice upper in kind)
            {
                UnlinkLower(upper);
            }

            foreach (IGrouping<SimulatedKernel, NetworkDevice> there in kind.GroupBy(static upper => upper.Kernel))
            {
                there.Key.DeviceControl.Unregister([.. there]);
            }
        }

        bool flushesFirst = kernel.Profile.IsAtLeast(6, 17);
        if (device.KindState is VxlanState vxlan && flushesFirst)
        {
            new VxlanForwarding(kernel, device, vxlan).Flush(all: true);
        }

        NetconfMessage.NotifyDeleted(kernel, device);
        if (device.KindState is VxlanState later && !flushesFirst)
        {
            new VxlanForwarding(kernel, device, later).Flush(all: true);
        }

        // The bridge hears of it after the protocols.
        if (device.Port is { } port)
        {
            Bridges.RemovePort(port);
        }

        if (device.Bridge is { } vlans && Bridges.DeleteVlan(vlans, null, vlans.DefaultVlan))
        {
            Bridges.NotifyVlan(vlans, null, vlans.DefaultVlan, RTM_DELVLAN);
        }

        device.HasInet = false;
        device.Inet6 = null;
    }

    /// <summary>What stands on a device, as it hears of the device: VLANs in the order of their numbers, then macvlans in that in which they came.</summary>
    private static NetworkDevice[] UppersOf(NetworkDevice device) => device.Uppers.Count == 0 ? [] :
    [
        .. device.Uppers.Where(static upper => upper.Vlan is not null).OrderBy(static upper => upper.Vlan!.Protocol).ThenBy(static upper => upper.Vlan!.Id),
        .. device.Uppers.Where(static upper => upper.KindState is MacvlanState),
    ];

    /// <summary>A VLAN or macvlan lets go of the device below, which is told (NETDEV_CHANGEUPPER).</summary>
    public static void UnlinkLower(NetworkDevice device)
    {
        if (device.Lower is { } lower)
        {
            lower.Uppers.Remove(device);
            if (device.KindState is MacvlanState macvlan)
            {
                macvlan.BroadcastQueueUsed = 0;
            }

            if (!lower.IsGone)
            {
                lower.Kernel.DeviceControl.NotifyLink(lower);
            }
        }
    }

    private void Detach(NetworkDevice device)
    {
        kernel.Datapath?.DeviceRemoved(device);
        kernel.Devices.Remove(device);
        kernel.Parameters.RemoveDevice(device.Name);
        _linkEvents.Remove(device);
        if (device.Peer is { } peer)
        {
            peer.Peer = null;
            device.Peer = null;
        }
    }
}
