using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Rtnetlink;
using EucaNet.Simulator.Kernel.Sockets;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Inet;

/// <summary>IPv6 addresses, their duplicate detection, and what comes with a device's being up (net/ipv6/addrconf.c).</summary>
internal sealed class Inet6Control(SimulatedKernel kernel)
{
    private const uint MinimumMtu = 1280;
    private const uint Ready = 0x80000000;
    private const uint RouterSolicitationSent = 0x10;
    private const uint RouteMetric = 256;

    private static readonly InternetAddress LinkLocalNetwork = new(AF_INET6, (UInt128)0xfe80 << 112);
    private static readonly InternetAddress MulticastNetwork = new(AF_INET6, (UInt128)0xff << 120);

    public void DeviceRegistered(NetworkDevice device)
    {
        if (device.Mtu >= MinimumMtu && device.HardwareType is 1 or 772 or 769 or 776 or 823 or 0xfffe)
        {
            device.Inet6 = new Inet6State
            {
                Updated = kernel.Ticks,
                Mtu = device.Mtu,
                AddressGenerationMode = (byte)kernel.Parameters.Number($"net/ipv6/conf/{device.Name}/addr_gen_mode"),
                ReachableTime = 15000 + (uint)kernel.Random.Next(30000),
                ListensToAllNodes = true,
            };
            ReceiveFilter.Join(device, ReceiveFilter.AllNodes);
        }
    }

    public void DeviceUp(NetworkDevice device)
    {
        if (device.Inet6 is not { } state || IsDisabled(device))
        {
            return;
        }

        if (IsReady(device))
        {
            state.Flags |= Ready;
            Configure(device, state);
        }
    }

    public void CarrierChanged(NetworkDevice device)
    {
        if (device.Inet6 is not { } state || !device.IsUp || IsDisabled(device))
        {
            return;
        }

        if (IsReady(device))
        {
            if (state.IsReady)
            {
                return;
            }

            state.Flags |= Ready;
            Configure(device, state);
        }
    }

    public void DeviceDown(NetworkDevice device)
    {
        if (device.Inet6 is { } state)
        {
            Deconfigure(device, state, goes: false);
        }
    }

    public void DeviceGoes(NetworkDevice device)
    {
        if (device.Inet6 is { } state)
        {
            Deconfigure(device, state, goes: true);
        }
    }

    public void MtuChanged(NetworkDevice device)
    {
        if (device.Inet6 is null && device.Mtu >= MinimumMtu)
        {
            DeviceRegistered(device);
            if (device.IsUp)
            {
                DeviceUp(device);
            }
        }
        else if (device.Inet6 is { } state && device.Mtu < MinimumMtu)
        {
            Deconfigure(device, state, goes: true);
            device.Inet6 = null;
        }
        else if (device.Inet6 is { } same)
        {
            same.Mtu = device.Mtu;
        }
    }

    /// <summary>Adds an address that user space asked for (inet6_addr_add).</summary>
    public Verdict Add(InterfaceAddress address, Requester? requester = null)
    {
        NetworkDevice device = address.Device;
        if (device.Inet6 is null)
        {
            return new Verdict(LinuxError.ENOBUFS);
        }

        if (address.Local.IsAny)
        {
            return new Verdict(LinuxError.EADDRNOTAVAIL, "ipv6: Invalid address");
        }

        if (address.Local.IsMulticast && (address.Flags & IFA_F_MCAUTOJOIN) == 0)
        {
            return new Verdict(LinuxError.EADDRNOTAVAIL, "ipv6: Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag");
        }

        if (address.Local.IsLoopback && !device.IsLoopback && device.KindState is not VrfState)
        {
            return new Verdict(LinuxError.EADDRNOTAVAIL, "ipv6: Cannot assign loopback address on this device");
        }

        if (IsDisabled(device) && !device.IsLoopback)
        {
            return new Verdict(LinuxError.EACCES, "ipv6: IPv6 is disabled on this device");
        }

        if (kernel.Addresses.Find(device, address.Local) is not null)
        {
            return new Verdict(LinuxError.EEXIST, "ipv6: address already assigned");
        }

        address.Flags |= IFA_F_TENTATIVE;
        Insert(address);
        if ((address.Flags & IFA_F_NOPREFIXROUTE) == 0)
        {
            AddPrefixRoute(address);
        }

        if ((address.Flags & (IFA_F_OPTIMISTIC | IFA_F_NODAD)) == 0)
        {
            Notify(address, RTM_NEWADDR, requester);
        }

        StartDetection(address);
        return Verdict.Success;
    }

    /// <summary>An address that is not user space's: looks whether it is taken, and takes it.</summary>
    public void Begin(InterfaceAddress address)
    {
        Insert(address);
        StartDetection(address);
    }

    /// <summary>Somebody else has the address (addrconf_dad_failure): a permanent one stays unusable, any other goes.</summary>
    public void Duplicate(InterfaceAddress address)
    {
        if ((address.Flags & IFA_F_PERMANENT) == 0)
        {
            Delete(address);
            return;
        }

        address.Flags |= IFA_F_TENTATIVE | IFA_F_DADFAILED;
        Notify(address, RTM_NEWADDR, null);
    }

    /// <summary>Removes an address (ipv6_del_addr).</summary>
    public void Delete(InterfaceAddress address)
    {
        kernel.Addresses.Remove(address);
        ReceiveFilter.Leave(address.Device, ReceiveFilter.SolicitedNode(address.Local));
        Notify(address, RTM_DELADDR, null);
        foreach (Route route in LocalRoutes(address).ToArray())
        {
            kernel.RouteControl.Delete(route);
        }

        if ((address.Flags & IFA_F_PERMANENT) != 0 && (address.Flags & IFA_F_NOPREFIXROUTE) == 0)
        {
            bool needed = kernel.Addresses.Of(address.Device, AF_INET6).Any(other => other.PrefixLength == address.PrefixLength && other.Network == address.Network
                && (other.Flags & IFA_F_NOPREFIXROUTE) == 0);
            Route? prefix = kernel.Routes.Find(AF_INET6, Datapath.RoutingDomain.TableOr(address.Device, ForwardingTables.Main))?.To(address.Network, address.PrefixLength)
                .FirstOrDefault(route => route.Device == address.Device && route.Protocol == RTPROT_KERNEL && route.Gateway is null);
            if (!needed && prefix is not null)
            {
                kernel.RouteControl.Delete(prefix);
            }
        }

        kernel.Datapath?.AddressRemoved(address);
    }

    public void Notify(InterfaceAddress address, ushort type, Requester? requester) => kernel.RouteEvents.Publish(
        RTNLGRP_IPV6_IFADDR, AddressMessage.Build(kernel, address, type, requester?.Sequence ?? 0, requester?.PortId ?? 0), requester);

    /// <summary>Adds the route to an address's network.</summary>
    public void AddPrefixRoute(InterfaceAddress address)
    {
        uint priority = address.Priority != 0 ? address.Priority : RouteMetric;
        AddRoute(address.Device, address.Network, address.PrefixLength, ForwardingTables.Main, RTN_UNICAST, priority);
    }

    private static bool IsReady(NetworkDevice device) =>
        device.IsUp && device.OperationalState is OperationalState.Up or OperationalState.Unknown && device.HasCarrier;

    /// <summary>IPv6 is off on the device (disable_ipv6).</summary>
    public bool IsDisabled(NetworkDevice device) =>
        kernel.Parameters.Number($"net/ipv6/conf/{device.Name}/disable_ipv6") != 0 || kernel.Parameters.Number("net/ipv6/conf/all/disable_ipv6") != 0;

    private IEnumerable<Route> LocalRoutes(InterfaceAddress address) =>
        kernel.Routes.Find(AF_INET6, Datapath.RoutingDomain.TableOr(address.Device, ForwardingTables.Local))?.To(address.Local, 128).Where(route => route.Device == address.Device) ?? [];

    private void Configure(NetworkDevice device, Inet6State state)
    {
        state.Updated = kernel.Ticks;
        if (!state.ListensToAllNodes)
        {
            state.ListensToAllNodes = true;
            ReceiveFilter.Join(device, ReceiveFilter.AllNodes);
        }

        if (device.IsLoopback)
        {
            if (kernel.Addresses.Find(device, new InternetAddress(AF_INET6, 1)) is null)
            {
                var loopback = new InterfaceAddress(device, new InternetAddress(AF_INET6, 1), 128)
                {
                    Scope = RT_SCOPE_HOST, Flags = IFA_F_PERMANENT | IFA_F_TENTATIVE, Protocol = IFAPROT_KERNEL_LO,
                };
                Insert(loopback);
                StartDetection(loopback);
            }
        }
        else if (device.HardwareType == 1 && device.KindState is not VrfState)
        {
            AddRoute(device, MulticastNetwork, 8, ForwardingTables.Local, RTN_MULTICAST, RouteMetric);
            if (state.AddressGenerationMode == 0 && device.HardwareAddress.AsSpan().IndexOfAnyExcept((byte)0) >= 0)
            {
                AddLinkLocal(device);
            }
        }

        foreach (InterfaceAddress address in kernel.Addresses.Of(device, AF_INET6).Where(static address => (address.Flags & IFA_F_TENTATIVE) != 0 && address.Protocol == 0).ToArray())
        {
            StartDetection(address);
        }

        kernel.RouteEvents.Publish(RTNLGRP_IPV6_IFINFO, LinkMessage.BuildInet6(kernel, device, RTM_NEWLINK));
    }

    private void AddLinkLocal(NetworkDevice device)
    {
        InternetAddress local = EuiAddress(device.HardwareAddress);
        if (kernel.Addresses.Find(device, local) is not null)
        {
            return;
        }

        var address = new InterfaceAddress(device, local, 64)
        {
            Scope = RT_SCOPE_LINK, Flags = IFA_F_PERMANENT | IFA_F_TENTATIVE, Protocol = IFAPROT_KERNEL_LL,
        };
        Insert(address);
        AddRoute(device, LinkLocalNetwork, 64, ForwardingTables.Main, RTN_UNICAST, RouteMetric);
        StartDetection(address);
    }

    /// <summary>The link-local address made of a MAC (modified EUI-64).</summary>
    internal static InternetAddress EuiAddress(ReadOnlySpan<byte> mac)
    {
        ReadOnlySpan<byte> bytes = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, (byte)(mac[0] ^ 2), mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]];
        return InternetAddress.Read(AF_INET6, bytes);
    }

    private void Deconfigure(NetworkDevice device, Inet6State state, bool goes)
    {
        kernel.RouteControl.RemoveV6(device);
        kernel.NeighbourControl.Inet6Down(device);
        state.Flags &= ~(Ready | 0x10 | 0x20);
        if (state.ListensToAllNodes)
        {
            state.ListensToAllNodes = false;
            ReceiveFilter.Leave(device, ReceiveFilter.AllNodes);
        }

        foreach (InterfaceAddress address in kernel.Addresses.Of(device, AF_INET6).ToArray())
        {
            bool keep = !goes && kernel.Parameters.Number($"net/ipv6/conf/{device.Name}/keep_addr_on_down") > 0
                && address.Protocol == 0 && (address.Flags & IFA_F_PERMANENT) != 0 && !address.Local.IsLinkLocal;
            if (keep)
            {
                address.Flags |= IFA_F_TENTATIVE;
                continue;
            }

            kernel.Addresses.Remove(address);
            ReceiveFilter.Leave(device, ReceiveFilter.SolicitedNode(address.Local));
            Notify(address, RTM_DELADDR, null);
            kernel.Datapath?.AddressRemoved(address);
        }
    }

    private void Insert(InterfaceAddress address)
    {
        address.Created = kernel.Ticks;
        address.Updated = address.Created;
        IReadOnlyList<InterfaceAddress> list = kernel.Addresses.Of(address.Device, AF_INET6);
        int position = 0;
        while (position < list.Count && ScopeRank(address.Local) < ScopeRank(list[position].Local))
        {
            position++;
        }

        kernel.Addresses.Insert(address, position);
        ReceiveFilter.Join(address.Device, ReceiveFilter.SolicitedNode(address.Local));
    }

    private static int ScopeRank(InternetAddress address) => address.IsLoopback ? 1 : address.IsLinkLocal ? 2 : 14;

    /// <summary>addrconf_dad_start: one probe after a random delay, the address is ours when nobody objects.</summary>
    private void StartDetection(InterfaceAddress address)
    {
        NetworkDevice device = address.Device;
        if (device.Inet6 is not { } state)
        {
            return;
        }

        bool needed = (device.Flags & (DeviceFlags.NoArp | DeviceFlags.Loopback)) == 0
            && kernel.Parameters.Number($"net/ipv6/conf/{device.Name}/accept_dad") >= 1
            && (address.Flags & IFA_F_NODAD) == 0;
        if (!needed)
        {
            CompleteDetection(address);
            return;
        }

        if (!state.IsReady)
        {
            return;
        }

        int transmits = Math.Max(0, kernel.Parameters.Number($"net/ipv6/conf/{device.Name}/dad_transmits"));
        uint created = address.Created;
        kernel.After(TimeSpan.FromMilliseconds(kernel.Random.Next(1000)), () => Detect(address, created, transmits));
    }

    /// <summary>Asks so many times, a second apart, and takes the address when nobody objected (addrconf_dad_work).</summary>
    private void Detect(InterfaceAddress address, uint created, int left)
    {
        NetworkDevice device = address.Device;
        if (kernel.Addresses.Find(device, address.Local) != address || (address.Flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != IFA_F_TENTATIVE
            || address.Created != created || device.Inet6 is not { IsReady: true })
        {
            return;
        }

        if (left == 0)
        {
            CompleteDetection(address);
            return;
        }

        kernel.Datapath?.ProbeAddress(address);
        kernel.After(TimeSpan.FromSeconds(1), () => Detect(address, created, left - 1));
    }

    private void CompleteDetection(InterfaceAddress address)
    {
        address.Flags &= ~(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED);
        if (address.Local.IsLinkLocal && address.Device.Inet6 is { } state && !address.Device.IsLoopback
            && kernel.Parameters.Number($"net/ipv6/conf/{address.Device.Name}/router_solicitations") != 0
            && kernel.Parameters.Number($"net/ipv6/conf/{address.Device.Name}/accept_ra") != 0)
        {
            state.Flags |= RouterSolicitationSent;
        }

        Notify(address, RTM_NEWADDR, null);
        if (!LocalRoutes(address).Any())
        {
            AddRoute(address.Device, address.Local, 128, ForwardingTables.Local, RTN_LOCAL, 0);
        }

        kernel.Datapath?.AddressAdded(address);
    }

    private void AddRoute(NetworkDevice device, InternetAddress destination, byte length, uint table, byte type, uint priority) => kernel.RouteControl.Insert(
        new Route
        {
            Destination = destination,
            PrefixLength = length,
            Table = Datapath.RoutingDomain.TableOr(device, table),
            Type = type,
            Protocol = RTPROT_KERNEL,
            Priority = priority,
            NextHops = [new NextHop { Device = device, Flags = device.HasCarrier || type == RTN_LOCAL ? (byte)0 : (byte)RTNH_F_LINKDOWN }],
        },
        NetlinkMessageFlags.Create);
}
