using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Datapath.Internet;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Fabric;

/// <summary>Two hosts and a router that speak IPv6: discovery, forwarding, errors, sizes.</summary>
public sealed class Ipv6Tests
{
    private static readonly IPAddress Near = IPAddress.Parse("2001:db8:1::1"), Far = IPAddress.Parse("2001:db8:2::2");

    private SimulatedCloud _cloud = null!;
    private SimulatedHost _a = null!, _router = null!, _b = null!;

    [SetUp]
    public void Raise()
    {
        _cloud = new SimulatedCloud(5);
        _a = _cloud.AddHost("a");
        _router = _cloud.AddHost("router");
        _b = _cloud.AddHost("b");
        _cloud.Connect(_a, "eth0", _router, "eth0");
        _cloud.Connect(_router, "eth1", _b, "eth0");
        _router.Kernel.WriteParameter("net/ipv6/conf/all/forwarding", "1");
        _a.Address("eth0", "2001:db8:1::2/64").Route("::/0", "2001:db8:1::1");
        _router.Address("eth0", "2001:db8:1::1/64").Address("eth1", "2001:db8:2::1/64");
        _b.Address("eth0", "2001:db8:2::2/64").Route("::/0", "2001:db8:2::1");
        _cloud.Settle(TimeSpan.FromSeconds(3));
    }

    [TearDown]
    public void End() => _cloud.Dispose();

    [Test]
    public void A_ping_crosses_a_router_and_its_answer_comes_back()
    {
        ProbeResult ping = _cloud.Ping(_a, Far);
        Assert.That(ping.Reached, ping.ToString());
        Assert.That(ping.Path, Is.EqualTo("a eth0 > router eth0 > eth1 > b eth0 > (echo request)"));
    }

    [Test]
    public void Tcp_and_udp_reach_a_listener_that_sees_the_sender_s_address()
    {
        ProbeResult tcp = _cloud.ConnectTcp(_a, Far, 80, _b), udp = _cloud.SendUdp(_a, Far, 53, _b);
        Assert.That((tcp.Reached, tcp.SeenAs), Is.EqualTo((true, IPAddress.Parse("2001:db8:1::2"))), tcp.ToString());
        Assert.That((udp.Reached, udp.SeenAs), Is.EqualTo((true, IPAddress.Parse("2001:db8:1::2"))), udp.ToString());
    }

    [Test]
    public void Nobody_listening_is_told_and_so_is_a_missing_route()
    {
        Assert.That(_cloud.SendUdp(_a, Far, 9).Reason, Is.EqualTo("port unreachable from 2001:db8:2::2"));
        Assert.That(_cloud.ConnectTcp(_a, Far, 9).Reason, Is.EqualTo("connection refused by 2001:db8:2::2"));
        Assert.That(_cloud.Ping(_a, IPAddress.Parse("2001:db8:3::1")).Reason, Is.EqualTo("no route from 2001:db8:1::1"));
        Assert.That(_cloud.Ping(_a, IPAddress.Parse("2001:db8:2::77")).Reason, Is.EqualTo("address unreachable from 2001:db8:1::1"));
        Assert.That(_cloud.Ping(_a, Far, new ProbeOptions { TimeToLive = 1 }).Reason, Is.EqualTo("hop limit exceeded from 2001:db8:1::1"));
    }

    [Test]
    public void Without_forwarding_a_router_drops_in_silence()
    {
        _router.Kernel.WriteParameter("net/ipv6/conf/all/forwarding", "0");
        Assert.That(_cloud.Ping(_a, Far).Path, Is.EqualTo("a eth0 > router eth0 > this machine forwards no IPv6"));
    }

    [Test]
    public void The_sender_cuts_and_learns_from_packet_too_big_how_small()
    {
        Assert.That(_cloud.Ping(_a, Far, new ProbeOptions { DataLength = 4000 }).Reached, "cut by the sender, put together by the receiver");
        SetMtu(_router, "eth1", 1300);
        SetMtu(_b, "eth0", 1300);
        ProbeResult first = _cloud.Ping(_a, Far, new ProbeOptions { DataLength = 1400 });
        Assert.That(first.Reason, Is.EqualTo("packet too big, MTU 1300 from 2001:db8:1::1"));
        Assert.That(_cloud.Ping(_a, Far, new ProbeOptions { DataLength = 1400 }).Reached, "the way's MTU is known now");
        Assert.That(_cloud.Ping(_a, Far, new ProbeOptions { DataLength = 1400, DontFragment = true }).Reason, Is.EqualTo("message too long"));
        _cloud.Advance(TimeSpan.FromMinutes(11));
        Assert.That(_cloud.Ping(_a, Far, new ProbeOptions { DataLength = 1400 }).Reason, Is.EqualTo("packet too big, MTU 1300 from 2001:db8:1::1"), "forgotten after ten minutes");
    }

    [Test]
    public void Tcp_goes_on_in_smaller_segments_when_the_way_is_narrower_than_the_link()
    {
        SetMtu(_router, "eth1", 1300);
        byte[] sent = new byte[5000];
        Array.Fill(sent, (byte)7);
        int received = 0;
        using IDisposable listener = _b.Kernel.Stack.Tcp.Listen(null, 80, endpoint => endpoint.Received = (_, data) => received += data.Length);
        using (_a.Kernel.Enter())
        {
            _a.Kernel.Stack.Tcp.Connect(InternetAddress.Parse("2001:db8:2::2"), 80, null, prepare: endpoint => endpoint.Connected = (_, _) => endpoint.Send(sent));
        }

        Assert.That(_cloud.RunUntil(() => received == sent.Length, TimeSpan.FromSeconds(5)), $"{received} octets came");
    }

    [Test]
    public void Link_local_addresses_work_on_their_link_only()
    {
        IPAddress router = LinkLocal(_router, "eth0");
        int index = _a.Kernel.Devices.Find("eth0")!.Index;
        Assert.That(_cloud.Ping(_a, new IPAddress(router.GetAddressBytes(), index)).Reached);
        InternetAddress own = InternetAddress.Parse(LinkLocal(_a, "eth0").ToString());
        string? reason = null;
        _a.Kernel.Stack.StoryTeller = null;
        using (_a.Kernel.Stack.Ipv6.Icmp.OpenEcho(out ushort id, packet => reason = IcmpLayer.ErrorOf(packet).ToString()))
        {
            using (_a.Kernel.Enter())
            {
                _a.Kernel.Stack.Ipv6.Icmp.SendEcho(InternetAddress.Parse("2001:db8:2::2"), id, 1, 0, source: own);
            }

            _cloud.Settle();
        }

        Assert.That(reason, Is.EqualTo("beyond scope of the source address"));
    }

    [Test]
    public void An_address_that_somebody_has_is_found_out_and_not_used()
    {
        _router.Address("eth0", "2001:db8:1::2/64");
        _cloud.Settle(TimeSpan.FromSeconds(3));
        InterfaceAddress twice = _router.Kernel.Addresses.Find(_router.Kernel.Devices.Find("eth0")!, InternetAddress.Parse("2001:db8:1::2"))!;
        Assert.That(twice.Flags & 0x48, Is.EqualTo(0x48), "tentative, and its detection failed");
        Assert.That(_cloud.Ping(_a, Near).Reached, "the first owner keeps it");
    }

    [Test]
    public void A_host_makes_itself_an_address_from_a_router_s_advertisement_and_the_route_ends_with_its_time()
    {
        SimulatedHost guest = _cloud.AddHost("guest");
        NetworkSwitch lan = _cloud.AddSwitch("lan");
        _cloud.Connect(guest, "eth0", lan);
        _cloud.Connect(_router, "eth2", lan);
        guest.Up("eth0");
        _router.Address("eth2", "2001:db8:9::1/64");
        _cloud.Settle(TimeSpan.FromSeconds(3));
        Advertise("eth2", lifetime: 60);
        _cloud.Settle(TimeSpan.FromSeconds(3));
        Assert.That(_cloud.Ping(guest, Far).Reached, "SLAAC and the default route");
        InterfaceAddress made = guest.Kernel.Addresses.Of(guest.Kernel.Devices.Find("eth0")!, InternetAddress.V6).Single(address => !address.Local.IsLinkLocal);
        Assert.That(made.Local.IsIn(InternetAddress.Parse("2001:db8:9::"), 64) && made.ValidLifetime == 300 && (made.Flags & 0x80) == 0);
        _cloud.Advance(TimeSpan.FromSeconds(61));
        Assert.That(_cloud.Ping(guest, Far).Reason, Is.EqualTo("network is unreachable"));
        _cloud.Advance(TimeSpan.FromSeconds(300));
        Assert.That(guest.Kernel.Addresses.Of(guest.Kernel.Devices.Find("eth0")!, InternetAddress.V6).All(static address => address.Local.IsLinkLocal), "the address ended");

        guest.Kernel.WriteParameter("net/ipv6/conf/eth0/accept_ra", "0");
        Advertise("eth2", lifetime: 60);
        _cloud.Settle(TimeSpan.FromSeconds(3));
        Assert.That(_cloud.Ping(guest, Far).Reason, Is.EqualTo("network is unreachable"), "accept_ra 0");
    }

    [Test]
    public void A_neighbour_that_is_gone_is_found_out_and_the_packets_that_waited_come_back()
    {
        Assert.That(_cloud.Ping(_a, Near).Reached);
        _cloud.Disconnect(_cloud.Cables[0]);
        _cloud.Advance(TimeSpan.FromMinutes(2));
        Assert.That(_a.Kernel.Neighbours.Find(_a.Kernel.Devices.Find("eth0")!, InternetAddress.Parse("2001:db8:1::1")), Is.Null, "entries end with the carrier");
    }

    [Test]
    public void An_unknown_option_is_answered_with_a_parameter_problem_that_points_to_it()
    {
        // Destination options with one option of type 0x80: unknown, "discard and tell".
        byte[] option = [17, 0, 0x80, 4, 0, 0, 0, 0];
        Packet packet = Packet.OfInternet(InternetAddress.Parse("2001:db8:1::2"), InternetAddress.Parse("2001:db8:2::2"), IpProtocol.Ipv6Destination, 16);
        option.CopyTo(packet.Network[40..]);
        IcmpError? error = null;
        _cloud.Ping(_a, Far);
        UdpTap(received => error = received);
        using (_a.Kernel.Enter())
        {
            _a.Kernel.Stack.Ipv6.SendLocal(packet);
        }

        _cloud.Settle();
        Assert.That(error, Is.EqualTo(new IcmpError(InternetAddress.Parse("2001:db8:2::2"), Icmpv6Type.ParameterProblem, Icmpv6Type.UnknownOptionCode, 42)));

        void UdpTap(Action<IcmpError> seen) => _a.Kernel.Stack.Link.Tap += (_, frame, outgoing) =>
        {
            if (!outgoing && frame.Protocol == EtherType.Ipv6 && frame.Ipv6.NextHeader == IpProtocol.Icmpv6 && frame.Network[40] == Icmpv6Type.ParameterProblem)
            {
                Packet copy = frame.Clone();
                copy.LocateTransport();
                seen(IcmpLayer.ErrorOf(copy));
            }
        };
    }

    private void Advertise(string interfaceName, ushort lifetime)
    {
        using IPacketSocket socket = _router.Kernel.OpenPacket(InterfaceSetup.IndexOf(_router.Kernel, interfaceName), EtherType.Ipv6);
        Packet packet = Packet.OfInternet(InternetAddress.Parse(LinkLocal(_router, interfaceName).ToString()), Ipv6Layer.AllNodes, IpProtocol.Icmpv6, 16 + 32, 255);
        Span<byte> message = packet.Transport;
        message[0] = Icmpv6Type.RouterAdvertisement;
        message[4] = 64;
        message[6] = (byte)(lifetime >> 8);
        message[7] = (byte)lifetime;
        byte[] prefix = [3, 4, 64, 0xc0, 0, 0, 1, 44, 0, 0, 0, 100, 0, 0, 0, 0, .. InternetAddress.Parse("2001:db8:9::").ToBytes()];
        prefix.CopyTo(message[16..]);
        packet.UpdateTransportChecksum();
        packet.SetLinkHeader(new MacAddress(0x3333_0000_0001), MacAddress.Read(_router.Kernel.Devices.Find(interfaceName)!.HardwareAddress), EtherType.Ipv6);
        socket.Send(packet.Frame);
    }

    private static IPAddress LinkLocal(SimulatedHost host, string interfaceName) => new(
        host.Kernel.Addresses.Of(host.Kernel.Devices.Find(interfaceName)!, InternetAddress.V6).Single(static address => address.Local.IsLinkLocal).Local.ToBytes());

    private static void SetMtu(SimulatedHost host, string interfaceName, uint mtu) => host.Kernel.Devices.Find(interfaceName)!.Mtu = mtu;
}
