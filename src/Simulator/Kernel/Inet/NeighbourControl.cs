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

    /// <summary>What a new entry is by its address and device: groups, everybody's addresses and devices without ARP need no asking (arp_constructor, ndisc_constructor).</summary>
    public void Construct(Neighbour neighbour)
    {
        InternetAddress address = neighbour.Address;
        bool isV4 = address.Family == AF_INET;
        neighbour.Type = isV4 ? kernel.Inet4.TypeOfAddress(address) : address.IsMulticast ? RTN_MULTICAST : RTN_UNICAST;
        byte[]? known = neighbour.Type == RTN_MULTICAST ? GroupAddress(address)
            : (neighbour.Device.Flags & (DeviceFlags.NoArp | DeviceFlags.Loopback)) != 0 ? neighbour.Device.HardwareAddress
            : neighbour.Type == RTN_BROADCAST ? neighbour.Device.BroadcastAddress
            : null;
        if (known is not null)
        {
            neighbour.HardwareAddress = known;
            neighbour.State = NeighbourState.NoArp;
        }
    }

    /// <summary>The MAC of a group (RFC 1112, RFC 2464).</summary>
    private static byte[] GroupAddress(InternetAddress address)
    {
        uint low = (uint)address.Value;
        return address.Family == AF_INET
            ? [1, 0, 0x5e, (byte)(low >> 16 & 0x7f), (byte)(low >> 8), (byte)low]
            : [0x33, 0x33, (byte)(low >> 24), (byte)(low >> 16), (byte)(low >> 8), (byte)low];
    }

    /// <summary>User space gives an entry a state: what stays as it was is not told, and one that is not valid waits until it is used (neigh_update).</summary>
    public void Administer(Neighbour neighbour, byte[]? hardwareAddress, NeighbourState state, bool isValid)
    {
        NeighbourState old = neighbour.State;
        if (isValid)
        {
            bool isOther = old != state || (hardwareAddress is not null && !hardwareAddress.AsSpan().SequenceEqual(neighbour.HardwareAddress));
            Update(neighbour, hardwareAddress, state, notify: isOther);
            return;
        }

        bool isTold = neighbour.IsValid || (state == NeighbourState.Failed && old is NeighbourState.Incomplete or NeighbourState.Probe);
        neighbour.State = state;
        if (isTold)
        {
            Notify(neighbour);
        }

        if (state == NeighbourState.Failed)
        {
            kernel.Datapath?.NeighbourChanged(neighbour);
        }
    }

    /// <summary>Deletes an entry as user space does: it fails first, then goes (neigh_delete).</summary>
    public void Delete(Neighbour neighbour)
    {
        bool isTold = neighbour.IsValid || neighbour.State is NeighbourState.Incomplete or NeighbourState.Probe;
        neighbour.State = NeighbourState.Failed;
        neighbour.Updated = kernel.Clock.GetTimestamp();
        if (isTold)
        {
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

    /// <summary>ARP entries and proxies end with the device's being down.</summary>
    public void DeviceDown(NetworkDevice device) => End(device, AF_INET, keepPermanent: false);

    /// <summary>IPv6 entries and proxies end when IPv6 on the device ends.</summary>
    public void Inet6Down(NetworkDevice device) => End(device, AF_INET6, keepPermanent: false);

    /// <summary>Without carrier only permanent entries and proxies stay (neigh_carrier_down).</summary>
    public void CarrierChanged(NetworkDevice device)
    {
        if (!device.HasCarrier)
        {
            End(device, null, keepPermanent: true);
        }
    }

    public void DeviceGoes(NetworkDevice device) => End(device, null, keepPermanent: false);

    /// <summary>__neigh_ifdown.</summary>
    private void End(NetworkDevice device, byte? family, bool keepPermanent)
    {
        Flush(device, family, keepPermanent);
        foreach (Neighbour proxy in kernel.Neighbours.Proxies.Values
            .Where(proxy => proxy.Device == device && (family is null || proxy.Address.Family == family) && !(keepPermanent && proxy.State == NeighbourState.Permanent)).ToArray())
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
