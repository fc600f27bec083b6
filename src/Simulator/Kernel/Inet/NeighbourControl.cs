using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Inet;

/// <summary>Neighbour entries come, change and go, with their events (net/core/neighbour.c).</summary>
internal sealed class NeighbourControl(SimulatedKernel kernel)
{
    /// <summary>Tells of a new or changed entry.</summary>
    public void Notify(Neighbour neighbour, uint references = 0) =>
        kernel.RouteEvents.Publish(RTNLGRP_NEIGH, NeighbourMessage.Build(kernel, neighbour, RTM_NEWNEIGH, references));

    /// <summary>Sets an entry's state and MAC with their times, and tells of it where something changed (neigh_update).</summary>
    public void Update(Neighbour neighbour, byte[]? hardwareAddress, NeighbourState state, bool notify = true)
    {
        long now = kernel.Clock.GetTimestamp();
        neighbour.HardwareAddress = hardwareAddress ?? neighbour.HardwareAddress;
        neighbour.State = state;
        neighbour.Updated = now;
        if (neighbour.IsValid)
        {
            neighbour.Confirmed = now;
        }

        if (notify)
        {
            Notify(neighbour);
        }

        kernel.Datapath?.NeighbourChanged(neighbour);
    }

    /// <summary>Deletes an entry as user space does: it fails first, then goes (neigh_delete).</summary>
    public void Delete(Neighbour neighbour)
    {
        if (neighbour.State is not NeighbourState.Failed and not NeighbourState.NoArp)
        {
            neighbour.State = NeighbourState.Failed;
            neighbour.Updated = kernel.Clock.GetTimestamp();
            Notify(neighbour, 1);
        }

        Remove(neighbour);
    }

    /// <summary>Takes an entry out and tells of it.</summary>
    public void Remove(Neighbour neighbour)
    {
        if (kernel.Neighbours.Remove(neighbour))
        {
            kernel.RouteEvents.Publish(RTNLGRP_NEIGH, NeighbourMessage.Build(kernel, neighbour, RTM_DELNEIGH));
            kernel.Datapath?.NeighbourChanged(neighbour);
        }
    }

    /// <summary>The device's own MAC is another one: what was learned over it is forgotten (neigh_changeaddr).</summary>
    public void AddressChanged(NetworkDevice device) => Flush(device, null, keepPermanent: false);

    /// <summary>ARP entries end with the device's being down.</summary>
    public void DeviceDown(NetworkDevice device) => Flush(device, AF_INET, keepPermanent: false);

    /// <summary>IPv6 entries end when IPv6 on the device ends.</summary>
    public void Inet6Down(NetworkDevice device) => Flush(device, AF_INET6, keepPermanent: false);

    /// <summary>Without carrier only permanent entries stay (neigh_carrier_down).</summary>
    public void CarrierChanged(NetworkDevice device)
    {
        if (!device.HasCarrier)
        {
            Flush(device, null, keepPermanent: true);
        }
    }

    public void DeviceGoes(NetworkDevice device)
    {
        Flush(device, null, keepPermanent: false);
        foreach (Neighbour proxy in kernel.Neighbours.Proxies.Values.Where(proxy => proxy.Device == device).ToArray())
        {
            kernel.Neighbours.Proxies.Remove((proxy.Device, proxy.Address));
        }
    }

    private void Flush(NetworkDevice device, byte? family, bool keepPermanent)
    {
        foreach (Neighbour neighbour in kernel.Neighbours.All
            .Where(neighbour => neighbour.Device == device && (family is null || neighbour.Address.Family == family))
            .Where(neighbour => !keepPermanent || neighbour.State != NeighbourState.Permanent).ToArray())
        {
            Remove(neighbour);
        }
    }
}
