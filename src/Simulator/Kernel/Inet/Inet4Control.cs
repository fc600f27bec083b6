using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Inet;

/// <summary>IPv4 addresses and the routes that come and go with them and with devices (net/ipv4/devinet.c, fib_frontend.c).</summary>
internal sealed class Inet4Control(SimulatedKernel kernel)
{
    private const uint LimitedBroadcast = 0xffffffff;

    /// <summary>Adds an address; the first of a network on a device is primary, further ones secondary (__inet_insert_ifa).</summary>
    public Verdict Insert(InterfaceAddress address, Requester? requester = null)
    {
        address.Flags &= ~IFA_F_SECONDARY;
        IReadOnlyList<InterfaceAddress> list = kernel.Addresses.Of(address.Device, AF_INET);
        int lastPrimary = 0;
        for (int index = 0; index < list.Count; index++)
        {
            InterfaceAddress other = list[index];
            if (!other.IsSecondary && address.Scope <= other.Scope)
            {
                lastPrimary = index + 1;
            }

            if (other.PrefixLength == address.PrefixLength && address.Address.IsIn(other.Address, other.PrefixLength))
            {
                if (other.Local == address.Local)
                {
                    return new Verdict(LinuxError.EEXIST, "ipv4: Address already assigned");
                }

                if (other.Scope != address.Scope)
                {
                    return new Verdict(LinuxError.EINVAL, "ipv4: Invalid scope value");
                }

                address.Flags |= IFA_F_SECONDARY;
            }
        }

        address.Created = kernel.Ticks;
        address.Updated = address.Created;
        kernel.Addresses.Insert(address, address.IsSecondary ? list.Count : lastPrimary);
        Notify(address, RTM_NEWADDR, requester);
        AddRoutes(address);
        if (address.Device.IsUp)
        {
            // Next hops over the device that ended with its last address live again (fib_sync_up).
            kernel.RouteControl.DeviceUp(address.Device);
        }

        kernel.Datapath?.AddressAdded(address);
        ScheduleLifetime(address);
        return Verdict.Success;
    }

    /// <summary>Removes an address and, unless they are promoted, the secondary ones of its network (__inet_del_ifa).</summary>
    /// <param name="address">The address.</param>
    /// <param name="requester">Who asked for it, if anybody did.</param>
    /// <param name="all">IPv4 leaves the device as a whole: no address counts on another one (in_dev->dead).</param>
    public void Delete(InterfaceAddress address, Requester? requester = null, bool all = false)
    {
        NetworkDevice device = address.Device;
        bool promotes = kernel.Parameters.Number("net/ipv4/conf/all/promote_secondaries") > 0
            || kernel.Parameters.Number($"net/ipv4/conf/{device.Name}/promote_secondaries") > 0;
        InterfaceAddress? promoted = null;
        if (!address.IsSecondary && !all)
        {
            foreach (InterfaceAddress other in kernel.Addresses.Of(device, AF_INET).ToArray())
            {
                if (other == address || !other.IsSecondary || other.PrefixLength != address.PrefixLength || !other.Address.IsIn(address.Address, address.PrefixLength))
                {
                    continue;
                }

                if (promotes)
                {
                    promoted ??= other;
                    continue;
                }

                kernel.Addresses.Remove(other);
                Notify(other, RTM_DELADDR, requester);
                DeleteRoutes(other, null, all);
                kernel.Datapath?.AddressRemoved(other);
            }
        }

        kernel.Addresses.Remove(address);
        Notify(address, RTM_DELADDR, requester);
        DeleteRoutes(address, promoted, all);
        if (kernel.Addresses.Of(device, AF_INET).Count == 0)
        {
            // Without any address there is no IPv4 on the device: its routes and neighbours go (fib_disable_ip).
            kernel.RouteControl.DeviceDown(device, force: true);
            kernel.NeighbourControl.DeviceDown(device);
        }

        kernel.Datapath?.AddressRemoved(address);
        if (promoted is not null)
        {
            kernel.Addresses.Remove(promoted);
            promoted.Flags &= ~IFA_F_SECONDARY;
            kernel.Addresses.Insert(promoted, kernel.Addresses.Of(device, AF_INET).TakeWhile(static other => !other.IsSecondary).Count());
            Notify(promoted, RTM_NEWADDR, requester);
            AddRoutes(promoted);
        }
    }

    /// <summary>RTN_*: what an address is to this machine, whose every device's it may be; as long as it had no address every one is everybody's (inet_addr_type_dev_table).</summary>
    public byte TypeOfAddress(InternetAddress address)
    {
        if (address.IsMulticast)
        {
            return RTN_MULTICAST;
        }

        if ((uint)address.Value is <= 0xffffff or LimitedBroadcast || kernel.Routes.Find(AF_INET, ForwardingTables.Local) is not { } local)
        {
            return RTN_BROADCAST;
        }

        return local.Matching(address).FirstOrDefault()?.Type ?? RTN_UNICAST;
    }

    /// <summary>The route to the address' network gets the address' new metric: the new one comes before the old one goes (fib_modify_prefix_metric).</summary>
    public void ChangeMetric(InterfaceAddress address, uint metric)
    {
        uint prefix = (uint)address.Network.Value;
        uint old = address.Priority;
        address.Priority = metric;
        if (old == metric || !address.Device.IsUp || (address.Flags & (IFA_F_SECONDARY | IFA_F_NOPREFIXROUTE)) != 0
            || prefix >> 24 == 0 || (prefix == (uint)address.Local.Value && address.PrefixLength == 32))
        {
            return;
        }

        byte type = address.Device.IsLoopback ? RTN_LOCAL : RTN_UNICAST;
        Add(type, prefix, address.PrefixLength, address, metric);
        Remove(type, prefix, address.PrefixLength, address, old);
    }

    /// <summary>Lifetimes and flags of an address have changed.</summary>
    public void Changed(InterfaceAddress address, Requester? requester = null)
    {
        address.Updated = kernel.Ticks;
        Notify(address, RTM_NEWADDR, requester);
        ScheduleLifetime(address);
    }

    public void DeviceUp(NetworkDevice device)
    {
        if (device.IsLoopback && kernel.Addresses.Of(device, AF_INET).Count == 0)
        {
            Insert(new InterfaceAddress(device, InternetAddress.FromV4(0x7f000001), 8) { Scope = RT_SCOPE_HOST, Flags = IFA_F_PERMANENT, Label = device.Name });
        }
        else
        {
            foreach (InterfaceAddress address in kernel.Addresses.Of(device, AF_INET))
            {
                AddRoutes(address);
            }
        }

        ReceiveFilter.Join(device, ReceiveFilter.AllHosts);
        kernel.RouteControl.DeviceUp(device);
    }

    public void DeviceDown(NetworkDevice device)
    {
        ReceiveFilter.Leave(device, ReceiveFilter.AllHosts);
        if (device.HasInet)
        {
            kernel.RouteControl.DeviceDown(device, force: false);
        }
    }

    public void CarrierChanged(NetworkDevice device) => kernel.RouteControl.CarrierChanged(device);

    /// <summary>IPv4 leaves the device: it is unregistered, or its MTU is too small.</summary>
    public void DeviceGoes(NetworkDevice device, bool unregisters)
    {
        while (kernel.Addresses.Of(device, AF_INET) is [InterfaceAddress first, ..])
        {
            Delete(first, all: true);
        }

        kernel.NeighbourControl.DeviceDown(device);

        if (unregisters)
        {
            kernel.RouteControl.DeviceDown(device, force: true, unregisters: true);
        }
    }

    private void Notify(InterfaceAddress address, ushort type, Requester? requester) => kernel.RouteEvents.Publish(
        RTNLGRP_IPV4_IFADDR, AddressMessage.Build(kernel, address, type, requester?.Sequence ?? 0, requester?.PortId ?? 0), requester);

    private void AddRoutes(InterfaceAddress address)
    {
        NetworkDevice device = address.Device;
        InterfaceAddress primary = address;
        if (address.IsSecondary)
        {
            if (PrimaryOf(address) is not { } holder)
            {
                return;
            }

            primary = holder;
        }

        uint local = (uint)address.Local.Value;
        uint prefix = (uint)address.Network.Value;
        uint mask = (uint)InternetAddress.Mask(AF_INET, address.PrefixLength);
        Add(RTN_LOCAL, local, 32, primary, 0);
        if (!device.IsUp)
        {
            return;
        }

        if (address.Broadcast is { } broadcast && (uint)broadcast.Value is not 0 and not LimitedBroadcast)
        {
            Add(RTN_BROADCAST, (uint)broadcast.Value, 32, primary, 0);
        }

        if (prefix >> 24 != 0 && !address.IsSecondary && (prefix != local || address.PrefixLength < 32))
        {
            if ((address.Flags & IFA_F_NOPREFIXROUTE) == 0)
            {
                Add(device.IsLoopback ? RTN_LOCAL : RTN_UNICAST, prefix, address.PrefixLength, primary, address.Priority);
            }

            if (address.PrefixLength < 31)
            {
                if (!kernel.Profile.IsAtLeast(5, 14))
                {
                    Add(RTN_BROADCAST, prefix, 32, primary, 0);
                }

                Add(RTN_BROADCAST, prefix | ~mask, 32, primary, 0);
            }
        }
    }

    /// <summary>Takes away the routes of an address which no other address needs (fib_del_ifaddr).</summary>
    private void DeleteRoutes(InterfaceAddress address, InterfaceAddress? secondaryOf, bool all)
    {
        NetworkDevice device = address.Device;
        uint mask = (uint)InternetAddress.Mask(AF_INET, address.PrefixLength);
        uint network = (uint)address.Address.Value & mask, networkBroadcast = network | ~mask;
        InterfaceAddress primary = address;
        bool subnet = false;
        if (address.IsSecondary)
        {
            primary = secondaryOf ?? PrimaryOf(address) ?? address;
        }
        else if (network >> 24 != 0 && (network != (uint)address.Local.Value || address.PrefixLength < 32))
        {
            if ((address.Flags & IFA_F_NOPREFIXROUTE) == 0)
            {
                Remove(device.IsLoopback ? RTN_LOCAL : RTN_UNICAST, network, address.PrefixLength, primary, 0);
            }

            subnet = true;
        }

        uint broadcast = Broadcast(address);
        bool broadcastStays = false, networkBroadcastStays = false, localStays = false, isGone = true;
        InterfaceAddress? holder = null;
        bool isSourceOfOthers = false;
        foreach (InterfaceAddress other in all ? [] : kernel.Addresses.Of(device, AF_INET))
        {
            if (other == address)
            {
                isGone = false;
                continue;
            }

            if (secondaryOf is not null && other.PrefixLength == secondaryOf.PrefixLength && other.Address.IsIn(secondaryOf.Address, secondaryOf.PrefixLength))
            {
                continue;
            }

            // Another address counts only where its routes have the same source.
            if (!other.IsSecondary)
            {
                if (primary.Local != other.Local)
                {
                    continue;
                }

                holder = other;
                isSourceOfOthers |= primary != other;
            }
            else if (other.PrefixLength == primary.PrefixLength && other.Address.IsIn(primary.Address, primary.PrefixLength))
            {
                holder = primary;
            }
            else
            {
                if (!isSourceOfOthers)
                {
                    continue;
                }

                holder = PrimaryOf(other);
                if (holder is null || holder.Local != primary.Local)
                {
                    continue;
                }
            }

            uint otherBroadcast = Broadcast(other);
            localStays |= other.Local == address.Local;
            broadcastStays |= otherBroadcast == broadcast;
            networkBroadcastStays |= otherBroadcast == networkBroadcast;
            if (holder == other && other.PrefixLength < 31)
            {
                uint otherMask = (uint)InternetAddress.Mask(AF_INET, other.PrefixLength);
                uint otherNetwork = (uint)other.Address.Value & otherMask, own = otherNetwork | ~otherMask;
                if (otherNetwork >> 24 != 0)
                {
                    broadcastStays |= broadcast == own || broadcast == otherNetwork;
                    networkBroadcastStays |= networkBroadcast == own || networkBroadcast == otherNetwork;
                }
            }
        }

        if (!broadcastStays)
        {
            Remove(RTN_BROADCAST, broadcast, 32, primary, 0);
        }

        if (subnet && address.PrefixLength < 31 && !networkBroadcastStays)
        {
            Remove(RTN_BROADCAST, networkBroadcast, 32, primary, 0);
        }

        if (!localStays)
        {
            Remove(RTN_LOCAL, (uint)address.Local.Value, 32, primary, 0);
            if (isGone && TypeOfAddress(address.Local) != RTN_LOCAL)
            {
                kernel.RouteControl.PreferredSourceGone(address.Local);
            }
        }
    }

    private static uint Broadcast(InterfaceAddress address) => address.Broadcast is { } given ? (uint)given.Value : 0;

    /// <summary>The primary address of the network that an address is in (inet_ifa_byprefix).</summary>
    private InterfaceAddress? PrimaryOf(InterfaceAddress address) => kernel.Addresses.Of(address.Device, AF_INET)
        .FirstOrDefault(other => !other.IsSecondary && other.PrefixLength == address.PrefixLength && address.Address.IsIn(other.Address, other.PrefixLength));

    private void Add(byte type, uint destination, byte length, InterfaceAddress primary, uint priority) => kernel.RouteControl.Insert(
        Magic(type, destination, length, primary, priority), NetlinkMessageFlags.Create | NetlinkMessageFlags.Append);

    private void Remove(byte type, uint destination, byte length, InterfaceAddress primary, uint priority)
    {
        Route wanted = Magic(type, destination, length, primary, priority);
        Route? found = kernel.Routes.Find(AF_INET, wanted.Table)?.To(wanted.Destination, length).FirstOrDefault(route =>
            route.Type == type && route.Protocol == RTPROT_KERNEL && route.Scope == wanted.Scope && route.Device == primary.Device
            && route.PreferredSource == wanted.PreferredSource && (priority == 0 || route.Priority == priority));
        if (found is not null)
        {
            kernel.RouteControl.Delete(found);
        }
    }

    private static Route Magic(byte type, uint destination, byte length, InterfaceAddress primary, uint priority) => new()
    {
        Destination = InternetAddress.FromV4(destination),
        PrefixLength = length,
        Table = Datapath.RoutingDomain.TableOr(primary.Device, type == RTN_UNICAST ? ForwardingTables.Main : ForwardingTables.Local),
        Type = type,
        Protocol = RTPROT_KERNEL,
        Scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
        Priority = priority,
        PreferredSource = primary.Local,
        NextHops = [new NextHop { Device = primary.Device, Flags = primary.Device.HasCarrier || type == RTN_LOCAL ? (byte)0 : (byte)RTNH_F_LINKDOWN }],
    };

    private void ScheduleLifetime(InterfaceAddress address)
    {
        uint updated = address.Updated;
        if (address.ValidLifetime != InterfaceAddress.Forever)
        {
            kernel.After(TimeSpan.FromSeconds(address.ValidLifetime), () =>
            {
                if (address.Updated == updated && kernel.Addresses.Find(address.Device, address.Local) == address)
                {
                    Delete(address);
                }
            });
        }

        if (address.PreferredLifetime != InterfaceAddress.Forever && address.PreferredLifetime < address.ValidLifetime)
        {
            kernel.After(TimeSpan.FromSeconds(address.PreferredLifetime), () =>
            {
                if (address.Updated == updated && kernel.Addresses.Find(address.Device, address.Local) == address)
                {
                    address.Flags |= IFA_F_DEPRECATED;
                    Notify(address, RTM_NEWADDR, null);
                }
            });
        }
    }
}
