using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Kernel.Devices;

/// <content>MACs: set by hand, inherited from the device below, and who follows.</content>
internal sealed partial class DeviceControl
{
    /// <summary>Sets the MAC (dev_set_mac_address); a macvlan that has the whole device below sets that one's.</summary>
    public LinuxError SetAddress(NetworkDevice device, byte[] address)
    {
        if (device.Kind == "ifb")
        {
            return LinuxError.EOPNOTSUPP;
        }

        if (device.HardwareType == 1 && ((address[0] & 1) != 0 || address.AsSpan().IndexOfAnyExcept((byte)0) < 0))
        {
            return LinuxError.EADDRNOTAVAIL;
        }

        byte[] old = device.HardwareAddress;
        if (device is { KindState: MacvlanState macvlan, Lower: { } below } && !old.AsSpan().SequenceEqual(address))
        {
            if (!IsPassthrough(device) && HasSameAddress(device, below, address))
            {
                return LinuxError.EADDRINUSE;
            }

            if (IsPassthrough(device))
            {
                byte[] own = macvlan.LowerAddress;
                LinuxError error = below.Kernel.DeviceControl.SetAddress(below, address);
                macvlan.LowerAddress = own;
                if (error != LinuxError.None)
                {
                    return error;
                }
            }
        }

        ReceiveOtherAddress(device, address);
        device.HardwareAddress = address;
        device.AddressAssignType = 3;
        if (device.Bridge is { } bridge)
        {
            bridge.HasFixedAddress = true;
            if (!old.AsSpan().SequenceEqual(address))
            {
                Bridges.AddressSetByHand(bridge, old);
            }
        }

        AddressChanged(device, old);
        return LinuxError.None;
    }

    /// <summary>Tells everyone that the device's MAC is another one (NETDEV_CHANGEADDR).</summary>
    public void AddressChanged(NetworkDevice device, byte[] old)
    {
        NotifyLink(device);
        kernel.NeighbourControl.AddressChanged(device);
        foreach (NetworkDevice upper in UppersOf(device))
        {
            if (upper is { Vlan: { } vlan, IsUp: true })
            {
                upper.Kernel.DeviceControl.FollowAddressBelow(upper, vlan, device);
            }
            else if (upper.KindState is MacvlanState { Mode: MacvlanState.Passthrough } macvlan)
            {
                upper.HardwareAddress = [.. device.HardwareAddress];
                macvlan.LowerAddress = upper.HardwareAddress;
            }
        }

        if (device.Port is { } port)
        {
            Bridges.PortAddressChanged(port);
        }

        kernel.Datapath?.DeviceChanged(device);
    }

    /// <summary>A VLAN device or macvlan that is up gets another address: the device below receives that instead (vlan_dev_set_mac_address, macvlan_sync_address).</summary>
    private static void ReceiveOtherAddress(NetworkDevice device, byte[] address)
    {
        if (!device.IsUp || !StandsOnOther(device) || device.Lower is not { } lower || IsPassthrough(device))
        {
            return;
        }

        if (device.Vlan is null || !IsAddressOf(lower, address))
        {
            AddUnicast(lower, address);
        }

        if (device.Vlan is null || !IsAddressOf(lower, device.HardwareAddress))
        {
            RemoveUnicast(lower, device.HardwareAddress);
        }
    }

    /// <summary>The device below a VLAN has another address by now: the VLAN has that too, or has need of the receive filter, or none any more (vlan_sync_address).</summary>
    private void FollowAddressBelow(NetworkDevice device, VlanOptions vlan, NetworkDevice lower)
    {
        if (vlan.LowerAddress.AsSpan().SequenceEqual(lower.HardwareAddress))
        {
            return;
        }

        if (!InheritAddress(device, lower))
        {
            bool was = vlan.LowerAddress.AsSpan().SequenceEqual(device.HardwareAddress), isNow = IsAddressOf(lower, device.HardwareAddress);
            if (!was && isNow)
            {
                RemoveUnicast(lower, device.HardwareAddress);
            }

            if (was && !isNow)
            {
                AddUnicast(lower, device.HardwareAddress);
            }
        }

        vlan.LowerAddress = [.. lower.HardwareAddress];
    }

    /// <summary>A VLAN device has the MAC of the device below for as long as nobody gave it another (vlan_dev_inherit_address). False: somebody did.</summary>
    private bool InheritAddress(NetworkDevice device, NetworkDevice lower)
    {
        const byte Stolen = 2;
        if (device.AddressAssignType != Stolen)
        {
            return false;
        }

        byte[] old = device.HardwareAddress;
        device.HardwareAddress = [.. lower.HardwareAddress];
        AddressChanged(device, old);
        return true;
    }

    /// <summary>The device below, or another macvlan of it that is up, has this MAC (macvlan_addr_busy).</summary>
    private static bool HasSameAddress(NetworkDevice device, NetworkDevice below, byte[] address) =>
        IsAddressOf(below, address) || below.Uppers.Exists(other => other != device && other is { IsUp: true, KindState: MacvlanState } && IsAddressOf(other, address));
}
