using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel.Devices;
using static EucaNet.Simulator.Kernel.Rtnetlink.RtnetlinkConstants;

namespace EucaNet.Simulator.Kernel.Inet;

/// <summary>What router advertisements put into the tables: default routes, routes to the link's networks, addresses made of the MAC (addrconf_prefix_rcv).</summary>
internal sealed class RouterAdvertisements(SimulatedKernel kernel)
{
    private const uint PrefixMetric = 256;
    private const byte FromRouter = 9;
    private const byte AddressOfRouter = 2;
    private const uint TwoHours = 7200;

    private static readonly InternetAddress Everything = InternetAddress.Any(InternetAddress.V6);

    /// <summary>A default route by the router for so many seconds; none for 0.</summary>
    public void SetDefaultRouter(NetworkDevice device, InternetAddress router, ushort lifetime, byte preference)
    {
        Route? known = Find(Everything, 0, route => route.Protocol == FromRouter && route.Gateway == router && route.Device == device);
        if (known is not null)
        {
            if (lifetime == 0)
            {
                kernel.RouteControl.Delete(known);
            }
            else
            {
                Prolong(known, lifetime);
            }
        }
        else if (lifetime > 0)
        {
            Insert(device, Everything, 0, FromRouter, (uint)kernel.Parameters.Number($"net/ipv6/conf/{device.Name}/ra_defrtr_metric"), router, lifetime, preference);
        }
    }

    /// <summary>A network is on the link for so many seconds; no longer for 0.</summary>
    public void SetOnLink(NetworkDevice device, InternetAddress network, byte length, uint lifetime)
    {
        Route? known = Find(network, length, route => route.Protocol == RTPROT_KERNEL && route.Gateway is null && route.Device == device);
        if (known is null)
        {
            if (lifetime > 0)
            {
                Insert(device, network, length, RTPROT_KERNEL, PrefixMetric, null, lifetime, 0);
            }
        }
        else if (known.Expires != 0)
        {
            if (lifetime == 0)
            {
                kernel.RouteControl.Delete(known);
            }
            else
            {
                Prolong(known, lifetime);
            }
        }
    }

    /// <summary>An address of the network and the device's MAC; what is known already lives on, never less than two hours by an advertisement (RFC 4862, 5.5.3).</summary>
    public void SetAddress(NetworkDevice device, InternetAddress prefix, uint valid, uint preferred)
    {
        InternetAddress local = new(InternetAddress.V6, prefix.Masked(64).Value | Inet6Control.EuiAddress(device.HardwareAddress).Value & ulong.MaxValue);
        if (kernel.Addresses.Find(device, local) is { } known)
        {
            if ((known.Flags & IFA_F_PERMANENT) == 0)
            {
                uint left = known.ValidLifetime == InterfaceAddress.Forever ? known.ValidLifetime : known.ValidLifetime - (kernel.Ticks - known.Updated) / 100;
                known.ValidLifetime = Math.Max(valid, Math.Min(left, TwoHours));
                known.PreferredLifetime = preferred;
                known.Updated = kernel.Ticks;
                known.Flags = preferred == 0 ? known.Flags | IFA_F_DEPRECATED : known.Flags & ~IFA_F_DEPRECATED;
                ScheduleEnd(known);
            }

            return;
        }

        if (valid == 0)
        {
            return;
        }

        var address = new InterfaceAddress(device, local, 64)
        {
            Flags = IFA_F_TENTATIVE | IFA_F_MANAGETEMPADDR, Protocol = AddressOfRouter, ValidLifetime = valid, PreferredLifetime = preferred,
        };
        kernel.Inet6.Begin(address);
        ScheduleEnd(address);
    }

    private void ScheduleEnd(InterfaceAddress address)
    {
        uint updated = address.Updated;
        bool IsSame() => address.Updated == updated && kernel.Addresses.Find(address.Device, address.Local) == address;
        if (address.PreferredLifetime != InterfaceAddress.Forever && address.PreferredLifetime < address.ValidLifetime)
        {
            kernel.After(TimeSpan.FromSeconds(address.PreferredLifetime), () =>
            {
                if (IsSame())
                {
                    address.Flags |= IFA_F_DEPRECATED;
                    kernel.Inet6.Notify(address, RTM_NEWADDR, null);
                }
            });
        }

        if (address.ValidLifetime != InterfaceAddress.Forever)
        {
            kernel.After(TimeSpan.FromSeconds(address.ValidLifetime), () =>
            {
                if (IsSame())
                {
                    kernel.Inet6.Delete(address);
                }
            });
        }
    }

    private Route? Find(InternetAddress destination, byte length, Func<Route, bool> match) =>
        kernel.Routes.Find(InternetAddress.V6, ForwardingTables.Main)?.To(destination, length).FirstOrDefault(match);

    private void Prolong(Route route, uint lifetime)
    {
        route.Expires = ExpiryOf(lifetime);
        kernel.RouteControl.ScheduleExpiry(route);
    }

    private long ExpiryOf(uint lifetime) => lifetime == InterfaceAddress.Forever ? 0 : kernel.Ticks + (long)lifetime * 100;

    private void Insert(NetworkDevice device, InternetAddress destination, byte length, byte protocol, uint metric, InternetAddress? gateway, uint lifetime, byte preference) =>
        kernel.RouteControl.Insert(
            new Route
            {
                Destination = destination,
                PrefixLength = length,
                Table = ForwardingTables.Main,
                Protocol = protocol,
                Priority = metric,
                Preference = preference,
                Expires = ExpiryOf(lifetime),
                NextHops = [new NextHop { Device = device, Gateway = gateway }],
            },
            NetlinkMessageFlags.Create);
}
