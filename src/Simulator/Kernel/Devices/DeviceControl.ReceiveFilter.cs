using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Kernel.Devices;

/// <content>What a device receives beside what is sent to it: all, all multicast, further addresses (__dev_set_promiscuity, __dev_set_rx_mode).</content>
internal sealed partial class DeviceControl
{
    /// <summary>Someone wants the device to receive an address beside its own (dev_uc_add).</summary>
    public static void AddUnicast(NetworkDevice device, ReadOnlySpan<byte> mac)
    {
        device.UnicastFilter.Add(mac);
        device.Kernel.DeviceControl.FollowReceiveFilter(device);
    }

    /// <summary>Someone wants that no longer (dev_uc_del). False: nobody did.</summary>
    public static bool RemoveUnicast(NetworkDevice device, ReadOnlySpan<byte> mac)
    {
        if (!device.ReceivesMore || !device.UnicastFilter.Remove(mac))
        {
            return false;
        }

        device.Kernel.DeviceControl.FollowReceiveFilter(device);
        return true;
    }

    /// <summary>
    /// A driver that can't filter by address takes everything while the device has addresses beside its own; one that stands on another device hands them down (__dev_set_rx_mode).
    /// </summary>
    public void FollowReceiveFilter(NetworkDevice device)
    {
        if (!device.IsUp)
        {
            return;
        }

        if (!device.FiltersUnicast)
        {
            bool takesAll = device.ReceivesMore;
            if (takesAll != device.FiltersNothing)
            {
                device.FiltersNothing = takesAll;
                AddPromiscuity(device, takesAll ? 1 : -1, notify: false);
            }
        }
        else if (device.ReceivesMore && StandsOnOther(device) && device.Lower is { } lower)
        {
            device.UnicastFilter.Synchronise(lower.UnicastFilter);
            lower.Kernel.DeviceControl.FollowReceiveFilter(lower);
        }
    }

    /// <summary>Someone needs the device to receive everything, or no longer does.</summary>
    public void AddPromiscuity(NetworkDevice device, int delta, bool notify = true)
    {
        // A count below none is one of many, too, and does not rise from there: the kernel's has no sign.
        if (device.Promiscuity + delta == 0 && delta > 0)
        {
            return;
        }

        bool was = device.Promiscuity != 0;
        device.Promiscuity += delta;
        bool now = device.Promiscuity != 0;
        if (was != now)
        {
            device.Flags = now ? device.Flags | DeviceFlags.Promiscuous : device.Flags & ~DeviceFlags.Promiscuous;
            if (device.Lower is { } lower && (device.Vlan is not null || (device.IsUp && !IsPassthrough(device))))
            {
                lower.Kernel.DeviceControl.AddPromiscuity(lower, delta);
            }

            if (device.Bridge is { } bridge)
            {
                Bridges.ManagePromiscuity(bridge);
            }
        }

        if (notify)
        {
            NotifyLink(device, (uint)DeviceFlags.Promiscuous);
            if (was != now)
            {
                FollowReceiveFilter(device);
            }
        }
    }

    /// <summary>Someone needs all multicast of the device, or no longer does; what stands on another needs that of the device below.</summary>
    public static void AddAllMulticast(NetworkDevice device, int delta)
    {
        if (device.AllMulticast + delta == 0 && delta > 0)
        {
            return;
        }

        bool was = device.AllMulticast != 0;
        device.AllMulticast += delta;
        if (was != (device.AllMulticast != 0) && device.Lower is { } lower && (device.Vlan is not null || (device.IsUp && device.KindState is MacvlanState)))
        {
            AddAllMulticast(lower, delta);
        }
    }

    /// <summary>A VLAN device or macvlan was set up: the device below receives what is sent to it (vlan_dev_open, macvlan_open).</summary>
    private void ReceiveThroughLower(NetworkDevice device)
    {
        if (device.Lower is not { } lower)
        {
            return;
        }

        if (device.Vlan is { } vlan)
        {
            if (!IsAddressOf(lower, device.HardwareAddress) && !InheritAddress(device, lower))
            {
                AddUnicast(lower, device.HardwareAddress);
            }

            vlan.LowerAddress = [.. lower.HardwareAddress];
        }
        else if (device.KindState is MacvlanState macvlan)
        {
            if (IsPassthrough(device))
            {
                if ((macvlan.Flags & MacvlanState.HearsNotAll) == 0)
                {
                    lower.Kernel.DeviceControl.AddPromiscuity(lower, 1);
                }

                return;
            }

            AddUnicast(lower, device.HardwareAddress);
            if (device.AllMulticast != 0)
            {
                AddAllMulticast(lower, 1);
            }

            if (device.Promiscuity != 0)
            {
                lower.Kernel.DeviceControl.AddPromiscuity(lower, 1);
            }
        }
    }

    /// <summary>It goes down: the device below need not do so for it any more (vlan_dev_stop, macvlan_stop).</summary>
    private static void ReceiveNoMoreThroughLower(NetworkDevice device)
    {
        if (!StandsOnOther(device) || device.Lower is not { } lower)
        {
            return;
        }

        if (device.ReceivesMore)
        {
            device.UnicastFilter.TakeBack(lower.UnicastFilter);
            lower.Kernel.DeviceControl.FollowReceiveFilter(lower);
        }

        if (device.Vlan is not null)
        {
            if (!IsAddressOf(lower, device.HardwareAddress))
            {
                RemoveUnicast(lower, device.HardwareAddress);
            }
        }
        else if (device.KindState is MacvlanState { Mode: MacvlanState.Passthrough } macvlan)
        {
            if ((macvlan.Flags & MacvlanState.HearsNotAll) == 0)
            {
                lower.Kernel.DeviceControl.AddPromiscuity(lower, -1);
            }
        }
        else
        {
            if (device.AllMulticast != 0)
            {
                AddAllMulticast(lower, -1);
            }

            if (device.Promiscuity != 0)
            {
                lower.Kernel.DeviceControl.AddPromiscuity(lower, -1);
            }

            RemoveUnicast(lower, device.HardwareAddress);
        }
    }

    /// <summary>MACVLAN_FLAG_*: with that of hearing all goes that the device below does.</summary>
    public static void SetHearsAll(NetworkDevice device, MacvlanState macvlan, ushort flags)
    {
        bool changes = ((flags ^ macvlan.Flags) & MacvlanState.HearsNotAll) != 0;
        macvlan.Flags = flags;
        if (changes && device is { Lower: { } lower } && IsPassthrough(device) && (device.IsUp || !device.Kernel.Profile.LeavesStoppedMacvlans))
        {
            lower.Kernel.DeviceControl.AddPromiscuity(lower, (flags & MacvlanState.HearsNotAll) != 0 ? -1 : 1);
        }
    }

    private static bool StandsOnOther(NetworkDevice device) => device.Vlan is not null || device.KindState is MacvlanState;

    private static bool IsPassthrough(NetworkDevice device) => device.KindState is MacvlanState { Mode: MacvlanState.Passthrough };

    private static bool IsAddressOf(NetworkDevice device, byte[] address) => device.HardwareAddress.AsSpan().SequenceEqual(address);
}
