using EucaNet.Simulator.Kernel.Rtnetlink;

namespace EucaNet.Simulator.Kernel.Devices;

/// <content>Devices that go into a VRF and out of it (do_vrf_add_slave, do_vrf_del_slave).</content>
internal sealed partial class DeviceControl
{
    /// <summary>The device's routes move to the VRF's table: it loses them, goes down and up, and gets those of its addresses there.</summary>
    public void JoinDomain(NetworkDevice device, NetworkDevice master)
    {
        ForgetRoutes(device);
        device.Master = master;
        NotifyLink(device);
        Cycle(device);
    }

    public void LeaveDomain(NetworkDevice device)
    {
        ForgetRoutes(device);
        device.Master = null;
        NotifyLink(device);
        if (!device.IsGone)
        {
            Cycle(device);
        }
    }

    private void ForgetRoutes(NetworkDevice device)
    {
        kernel.RouteControl.DeviceDown(device, force: true);
        kernel.NeighbourControl.DeviceDown(device);
        if (device.IsUp)
        {
            Inet6.DeviceDown(device);
        }
    }

    private void Cycle(NetworkDevice device)
    {
        if (device.IsUp)
        {
            DeviceFlags flags = device.ShownFlags;
            ChangeFlags(device, flags & ~DeviceFlags.Up);
            ChangeFlags(device, flags);
        }
    }

    /// <summary>A VRF goes: its devices are free again (vrf_dellink).</summary>
    private void FreeDomain(NetworkDevice master)
    {
        if (master.KindState is VrfState)
        {
            foreach (NetworkDevice device in kernel.Devices.All.Where(device => device.Master == master).ToArray())
            {
                LeaveDomain(device);
            }
        }
    }
}
