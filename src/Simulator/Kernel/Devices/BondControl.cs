using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Sockets;

namespace EucaNet.Simulator.Kernel.Devices;

/// <summary>What happens to bonds: ports come and go, their signals too, another port becomes the active one (drivers/net/bonding/bond_main.c).</summary>
internal sealed class BondControl(SimulatedKernel kernel)
{
    /// <summary>bond_enslave.</summary>
    public Verdict Enslave(NetworkDevice bond, BondState state, NetworkDevice device)
    {
        if (device == bond)
        {
            return new Verdict(LinuxError.EPERM, "Cannot enslave bond to itself.");
        }

        if (device.IsUp)
        {
            return new Verdict(LinuxError.EPERM, "Device can not be enslaved while up");
        }

        if (state.Ports.Count == 0 && bond.AddressAssignType == 1)
        {
            byte[] old = bond.HardwareAddress;
            bond.HardwareAddress = [.. device.HardwareAddress];
            bond.AddressAssignType = 2;
            kernel.DeviceControl.AddressChanged(bond, old);
        }

        var port = new BondPort(device);
        kernel.DeviceControl.SetMtu(device, bond.Mtu);
        if (!state.KeepsAddresses)
        {
            kernel.DeviceControl.SetAddress(device, [.. bond.HardwareAddress]);
        }

        device.Flags |= DeviceFlags.Slave;
        LinuxError opened = kernel.DeviceControl.Open(device);
        if (opened != LinuxError.None)
        {
            device.Flags &= ~DeviceFlags.Slave;
            return opened;
        }

        device.Master = bond;
        state.Ports.Add(port);
        port.IsLinkUp = state.MonitorInterval == 0 || port.IsUp;
        port.IsActive = state.Mode != BondMode.ActiveBackup;
        kernel.DeviceControl.NotifyLink(device);
        Settle(bond, state);
        return Verdict.Success;
    }

    /// <summary>A port leaves (__bond_release_one).</summary>
    public void Release(NetworkDevice bond, BondState state, NetworkDevice device)
    {
        if (state.Ports.Find(port => port.Device == device) is not { } leaving)
        {
            return;
        }

        state.Ports.Remove(leaving);
        device.Master = null;
        if (state.Active == leaving)
        {
            state.Active = null;
        }

        kernel.DeviceControl.NotifyLink(device);
        kernel.DeviceControl.Close(device);
        device.Flags &= ~DeviceFlags.Slave;
        if (!state.KeepsAddresses && !device.IsGone)
        {
            kernel.DeviceControl.SetAddress(device, leaving.OwnAddress);
        }

        if (state.Ports.Count == 0 && !bond.IsGone)
        {
            byte[] old = bond.HardwareAddress;
            bond.HardwareAddress = kernel.Random.NextMac();
            bond.AddressAssignType = 1;
            kernel.DeviceControl.AddressChanged(bond, old);
        }

        Settle(bond, state);
    }

    /// <summary>A port was set up or down, or its signal came or went: the monitor sees it at its next look.</summary>
    public void PortChanged(NetworkDevice device)
    {
        if (device.Master is { KindState: BondState { MonitorInterval: > 0 } state } bond)
        {
            kernel.After(TimeSpan.FromMilliseconds(state.MonitorInterval), () => Look(bond, state));
        }
    }

    /// <summary>A bond goes, and lets its ports go.</summary>
    public void BondGoes(NetworkDevice bond, BondState state)
    {
        foreach (BondPort port in state.Ports.ToArray())
        {
            Release(bond, state, port.Device);
        }
    }

    /// <summary>A chosen active port, or another mode, takes effect.</summary>
    public void Settle(NetworkDevice bond, BondState state)
    {
        BondPort? before = state.Active;
        if (state.Mode == BondMode.ActiveBackup)
        {
            BondPort? primary = state.Ports.Find(port => port.Device.Index == state.Primary && port.IsLinkUp);
            BondPort? best = primary ?? (before is { IsLinkUp: true } ? before : state.Ports.Find(static port => port is { IsLinkUp: true, IsUp: true }));
            state.Choose(best);
        }
        else
        {
            state.Active = state.Ports.Find(static port => port.IsLinkUp);
        }

        kernel.DeviceControl.SetCarrier(bond, state.Ports.Exists(static port => port.IsLinkUp));
        if (state.Mode == BondMode.ActiveBackup && before is not null && state.Active is { } now && now != before && state.PeerNotifications > 0)
        {
            // Switches learn by it behind which port the bond is now.
            kernel.Datapath?.NotifyPeers(bond);
        }
    }

    /// <summary>The monitor looks at all signals (bond_mii_monitor).</summary>
    private void Look(NetworkDevice bond, BondState state)
    {
        bool isChanged = false;
        foreach (BondPort port in state.Ports)
        {
            if (port.IsLinkUp == port.IsUp)
            {
                continue;
            }

            isChanged = true;
            port.IsLinkUp = port.IsUp;
            port.Failures += port.IsLinkUp ? 0u : 1u;
        }

        if (isChanged && !bond.IsGone)
        {
            Settle(bond, state);
        }
    }
}
