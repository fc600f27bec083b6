using System.Buffers.Binary;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Kernel.Devices;
using EucaNet.Simulator.Kernel.Inet;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>A host asks for routers and believes what they advertise (ndisc_router_discovery, addrconf_rs_timer): default route, prefixes, addresses, MTU, hop limit.</summary>
internal sealed class RouterDiscovery(NetworkStack stack)
{
    private const byte SourceLinkAddress = 1, PrefixInformation = 3, MtuOption = 5;
    private const int OptionsOffset = 16;
    private const uint AdvertisementReceived = 0x20, ManagedAddresses = 0x80, OtherConfiguration = 0x40;

    /// <summary>The device has a link-local address: asks until a router answers, at intervals that double.</summary>
    public void Begin(InterfaceAddress linkLocal)
    {
        NetworkDevice device = linkLocal.Device;
        if (device.IsLoopback || !Accepts(device) || Number(device, "router_solicitations") == 0)
        {
            return;
        }

        Ask(linkLocal, 1, TimeSpan.FromSeconds(Math.Max(1, Number(device, "router_solicitation_interval"))));
    }

    /// <summary>A router's advertisement.</summary>
    public void Take(NetworkDevice device, Packet packet)
    {
        InternetAddress router = packet.SourceAddress;
        if (!router.IsLinkLocal || device.Inet6 is not { } state || !Accepts(device))
        {
            packet.Tell(StoryKind.Dropped, TraceLevel.Minimal, stack.HostName, router.IsLinkLocal ? $"{device.Name} accepts no router advertisements" : "router advertisement from no link-local address");
            return;
        }

        packet.Tell(StoryKind.Delivered, TraceLevel.Minimal, stack.HostName, "router advertisement");
        Span<byte> message = packet.Transport;
        byte hopLimit = message[4], flags = message[5];
        state.Flags = state.Flags & ~(ManagedAddresses | OtherConfiguration) | AdvertisementReceived
            | ((flags & 0x80) != 0 ? ManagedAddresses : 0) | ((flags & 0x40) != 0 ? OtherConfiguration : 0);
        ushort lifetime = BinaryPrimitives.ReadUInt16BigEndian(message[6..]);
        RouterAdvertisements advertised = stack.Kernel.RouterAdvertisements;
        if (Flag(device, "accept_ra_defrtr"))
        {
            advertised.SetDefaultRouter(device, router, lifetime, (byte)(flags >> 3 & 3));
        }

        if (hopLimit != 0 && hopLimit >= Number(device, "accept_ra_min_hop_limit"))
        {
            stack.Kernel.Parameters.Set($"net/ipv6/conf/{device.Name}/hop_limit", hopLimit.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        var options = new DiscoveryOptions(message[OptionsOffset..]);
        stack.Neighbours.Learn(device, router, options.LinkAddress(SourceLinkAddress), NeighbourState.Stale, create: true, overrides: true);
        if (stack.Kernel.Neighbours.Find(device, router) is { } neighbour)
        {
            neighbour.Flags |= NeighbourDiscovery.RouterNeighbour;
        }

        foreach (ReadOnlySpan<byte> option in options)
        {
            if (option[0] == PrefixInformation && option.Length >= 32 && Flag(device, "accept_ra_pinfo"))
            {
                TakePrefix(device, option);
            }
            else if (option[0] == MtuOption && Flag(device, "accept_ra_mtu") && BinaryPrimitives.ReadUInt32BigEndian(option[4..]) is var mtu && mtu >= Ipv6Header.MinimumMtu && mtu <= device.Mtu)
            {
                state.Mtu = mtu;
                stack.Kernel.Parameters.Set($"net/ipv6/conf/{device.Name}/mtu", mtu.ToString(System.Globalization.CultureInfo.InvariantCulture));
            }
        }
    }

    private void TakePrefix(NetworkDevice device, ReadOnlySpan<byte> option)
    {
        byte length = option[2], flags = option[3];
        uint valid = BinaryPrimitives.ReadUInt32BigEndian(option[4..]), preferred = BinaryPrimitives.ReadUInt32BigEndian(option[8..]);
        InternetAddress prefix = InternetAddress.Read(InternetAddress.V6, option[16..]);
        if (prefix.IsMulticast || prefix.IsLinkLocal || preferred > valid || length > 128)
        {
            return;
        }

        if ((flags & 0x80) != 0)
        {
            stack.Kernel.RouterAdvertisements.SetOnLink(device, prefix.Masked(length), length, valid);
        }

        if ((flags & 0x40) != 0 && length == 64 && Flag(device, "autoconf"))
        {
            stack.Kernel.RouterAdvertisements.SetAddress(device, prefix, valid, preferred);
        }
    }

    private void Ask(InterfaceAddress linkLocal, int count, TimeSpan interval)
    {
        NetworkDevice device = linkLocal.Device;
        if (stack.Kernel.Addresses.Find(device, linkLocal.Local) != linkLocal || device.Inet6 is not { IsReady: true } state
            || (state.Flags & AdvertisementReceived) != 0 || !Accepts(device))
        {
            return;
        }

        stack.NeighbourDiscovery.SolicitRouters(device, linkLocal.Local);
        int wanted = Number(device, "router_solicitations");
        if (wanted < 0 || count < wanted)
        {
            TimeSpan most = TimeSpan.FromSeconds(Math.Max(1, Number(device, "router_solicitation_max_interval")));
            stack.Kernel.After(interval, () => Ask(linkLocal, count + 1, interval * 2 > most ? most : interval * 2));
        }
    }

    /// <summary>ipv6_accept_ra: 2 always, 1 where the device does not forward.</summary>
    private bool Accepts(NetworkDevice device) => Number(device, "accept_ra") is var accepts && (accepts == 2 || (accepts == 1 && !Flag(device, "forwarding")));

    private int Number(NetworkDevice device, string name) => stack.Kernel.Parameters.Number("net/ipv6/conf/", device.Name, name);

    private bool Flag(NetworkDevice device, string name) => Number(device, name) != 0;
}
