using System.Net;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Conntrack;
using EucaNet.Simulator.Datapath.Hooks;
using EucaNet.Simulator.Datapath.Nat;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Fabric;

/// <summary>A private host behind a router, and an outside host: forwarding, translation, and ICMP errors.</summary>
public sealed class RoutingTests
{
    private static readonly IPAddress Inside = IPAddress.Parse("192.168.0.2"), Outside = IPAddress.Parse("203.0.113.100"), Public = IPAddress.Parse("203.0.113.10");

    private SimulatedCloud _cloud = null!;
    private SimulatedHost _vm = null!, _router = null!, _outside = null!;

    [SetUp]
    public void Raise()
    {
        _cloud = new SimulatedCloud(3);
        _vm = _cloud.AddHost("vm");
        _router = _cloud.AddHost("router");
        _outside = _cloud.AddHost("outside");
        _cloud.Connect(_vm, "eth0", _router, "eth0");
        _cloud.Connect(_router, "eth1", _outside, "eth0");
        _vm.Address("eth0", "192.168.0.2/26").Route("0.0.0.0/0", "192.168.0.1");
        _router.Address("eth0", "192.168.0.1/26").Address("eth1", "203.0.113.1/24");
        _outside.Address("eth0", "203.0.113.100/24");
        _router.Kernel.WriteParameter("net/ipv4/ip_forward", "1");
    }

    [TearDown]
    public void End() => _cloud.Dispose();

    private NetworkStack Stack => _router.Kernel.Stack;

    private static InternetAddress Address(IPAddress address) => InternetAddress.Parse(address.ToString());

    private void Nat(byte hook, Func<HookContext, HookVerdict> rule)
    {
        Stack.Netfilter.UseConntrack(HookFamily.Ipv4);
        Stack.Netfilter.RegisterNatChain(HookFamily.Ipv4, hook, hook == Hook.Postrouting ? 100 : -100, new Rule(rule));
    }

    private void Masquerade() => Nat(Hook.Postrouting, context =>
        context.Output!.Name == "eth1" ? Stack.Nat.Masquerade(context, default) : HookVerdict.Accept);

    [Test]
    public void A_route_over_a_next_hop_that_is_a_black_hole_forwards_nothing()
    {
        var hole = new NumberedNextHop(1) { Way = new NextHopWay { Family = InternetAddress.V4, IsBlackhole = true, Device = _router.Kernel.Devices.Find(1) } };
        _router.Kernel.NextHops.Add(hole);
        _router.Kernel.Routes.GetOrAdd(InternetAddress.V4, ForwardingTables.Main).Add(new Route { Destination = Address(Outside), PrefixLength = 32, Table = ForwardingTables.Main, Type = 1, NextHopId = 1, NextHops = hole.Hops() });
        Assert.That(_cloud.Ping(_vm, Outside).Reached, Is.False);
        Assert.That(Stack.Routing.Find(new RouteQuery(Address(Outside)))?.Type, Is.EqualTo(RouteType.Blackhole));
    }

    [Test]
    public void Without_ip_forward_a_router_drops_in_silence()
    {
        _router.Kernel.WriteParameter("net/ipv4/ip_forward", "0");
        Assert.That(_cloud.Ping(_vm, Outside).Path, Is.EqualTo("vm eth0 > router eth0 > no route to 203.0.113.100"));
    }

    [Test]
    public void Masquerade_lets_a_private_host_out_under_the_router_s_address_and_the_answer_back_in()
    {
        Assert.That(_cloud.Ping(_vm, Outside).Reached, Is.False, "the outside has no route back");
        Masquerade();
        ProbeResult tcp = _cloud.ConnectTcp(_vm, Outside, 80, _outside);
        Assert.That(tcp.Reached, Is.True, tcp.ToString());
        Assert.That(tcp.SeenAs, Is.EqualTo(IPAddress.Parse("203.0.113.1")));
        Assert.That(tcp.Path, Is.EqualTo("vm eth0 > router eth0 > SNAT 192.168.0.2→203.0.113.1 > eth1 > outside eth0 > (tcp 80 syn)"));
        Assert.That(_cloud.Ping(_vm, Outside).Reached, Is.True);
        Assert.That(_cloud.SendUdp(_vm, Outside, 53, _outside).SeenAs, Is.EqualTo(IPAddress.Parse("203.0.113.1")));
    }

    [Test]
    public void Two_senders_with_the_same_port_get_different_ports_behind_one_address()
    {
        Masquerade();
        var first = new ConnectionTuple(Address(Inside), Address(Outside), 17, 5000, 53);
        var second = first with { Source = InternetAddress.Parse("192.168.0.3") };
        var chosen = new HashSet<ushort>();
        foreach (ConnectionTuple tuple in (ConnectionTuple[])[first, second])
        {
            Connection connection = Stack.Conntrack.Create(tuple, tuple.Invert()!.Value, default);
            Stack.Nat.Setup(connection, NatRange.To(InternetAddress.Parse("203.0.113.1")), NatManipulation.Source);
            Stack.Conntrack.Insert(connection);
            chosen.Add(connection.Reply.DestinationPort);
        }

        Assert.That(chosen, Has.Count.EqualTo(2));
        Assert.That(chosen, Does.Contain((ushort)5000));
    }

    [Test]
    public void DNAT_reaches_a_host_under_a_public_address_also_from_itself()
    {
        _router.Address("eth1", "203.0.113.10/32");
        InternetAddress inside = Address(Inside), published = Address(Public);
        Nat(Hook.Prerouting, context => context.Packet.Ipv4.Destination == (uint)published.Value
            ? Stack.Nat.Setup(context.Packet.Connection!, NatRange.To(inside), NatManipulation.Destination) : HookVerdict.Accept);
        Nat(Hook.Postrouting, context => context.Packet.Ipv4.Source == (uint)inside.Value
            ? Stack.Nat.Setup(context.Packet.Connection!, NatRange.To(published), NatManipulation.Source) : HookVerdict.Accept);
        ProbeResult tcp = _cloud.ConnectTcp(_outside, Public, 22, _vm);
        Assert.That(tcp.Reached, Is.True, tcp.ToString());
        Assert.That(tcp.Path, Is.EqualTo("outside eth0 > router eth1 > DNAT 203.0.113.10→192.168.0.2 > eth0 > vm eth0 > (tcp 22 syn)"));
        Assert.That(_cloud.ConnectTcp(_vm, Outside, 80, _outside).SeenAs, Is.EqualTo(Public));

        ProbeResult hairpin = _cloud.ConnectTcp(_vm, Public, 22, _vm);
        Assert.That(hairpin.Reached, Is.True, hairpin + "\n" + hairpin.Trace.ToText(TraceLevel.Detailed));
        Assert.That(hairpin.SeenAs, Is.EqualTo(Public));
    }

    [Test]
    public void A_TTL_that_runs_out_is_told_by_the_router()
    {
        ProbeResult ping = _cloud.Ping(_vm, Outside, new ProbeOptions { TimeToLive = 1 });
        Assert.That(ping.Reason, Is.EqualTo("time to live exceeded from 192.168.0.1"));
    }

    /// <summary>However many routers take it on: only what passes devices without end and no router ends in silence.</summary>
    [Test]
    public void What_two_routers_send_to_each_other_ends_by_its_TTL_and_the_sender_is_told([Values(64, 255)] byte hops)
    {
        _router.Route("0.0.0.0/0", "203.0.113.100");
        _outside.Route("0.0.0.0/0", "203.0.113.1");
        _outside.Kernel.WriteParameter("net/ipv4/ip_forward", "1");
        ProbeResult ping = _cloud.Ping(_vm, IPAddress.Parse("198.51.100.1"), new ProbeOptions { TimeToLive = hops });
        Assert.That(ping.Reason, Is.EqualTo($"time to live exceeded from {(hops % 2 == 0 ? "203.0.113.100" : "192.168.0.1")}"));
    }

    [Test]
    public void An_unreachable_host_behind_the_router_is_told_by_the_router()
    {
        Assert.That(_cloud.Ping(_vm, IPAddress.Parse("203.0.113.55")).Reason, Is.EqualTo("host unreachable from 192.168.0.1"));
    }

    [Test]
    public void A_smaller_MTU_fragments_what_may_be_and_refuses_what_may_not()
    {
        Masquerade();
        using (Time.SimulationQueue.Call call = _router.Kernel.Enter())
        {
            _router.Kernel.Devices.Find("eth1")!.Mtu = 600;
        }

        ProbeResult whole = _cloud.Ping(_vm, Outside, new ProbeOptions { DataLength = 1200, DontFragment = true });
        Assert.That(whole.Reason, Is.EqualTo("fragmentation needed, MTU 600 from 192.168.0.1"));
        ProbeResult cut = _cloud.Ping(_vm, Outside, new ProbeOptions { DataLength = 1200 });
        Assert.That(cut.Reached, Is.True, cut + "\n" + cut.Trace.ToText(TraceLevel.Detailed));
    }

    [Test]
    public void An_ICMP_error_about_a_translated_packet_finds_its_way_back_to_the_sender()
    {
        Masquerade();
        ProbeResult udp = _cloud.SendUdp(_vm, Outside, 9);
        Assert.That(udp.Reason, Is.EqualTo("port unreachable from 203.0.113.100"), udp.Trace.ToText(TraceLevel.Detailed));
    }

    [Test]
    public void Connections_pass_through_the_kernel_s_states_and_end_by_the_clock()
    {
        Masquerade();
        var states = new List<string>();
        Stack.Conntrack.Changed += (connection, events) => states.Add($"{events} {connection.Status & (ConnectionStatus.SeenReply | ConnectionStatus.Assured)}");
        _cloud.Ping(_vm, Outside);
        Connection ping = Stack.Conntrack.Connections.Single();
        Assert.That(ping.Reply.Destination.ToString(), Is.EqualTo("203.0.113.1"));
        Assert.That(states, Is.EqualTo((string[])["New None", "Reply SeenReply"]));
        _cloud.Advance(TimeSpan.FromSeconds(29));
        Assert.That(Stack.Conntrack.Connections.Count(), Is.EqualTo(1));
        _cloud.Advance(TimeSpan.FromSeconds(2));
        Assert.That(Stack.Conntrack.Connections, Is.Empty);
        Assert.That(states[^1], Does.StartWith("Destroy"));
    }

    [Test]
    public void An_established_TCP_connection_is_assured_and_lives_five_days()
    {
        Masquerade();
        using IDisposable server = _cloud.ListenTcp(_outside, 80);
        bool connected = false;
        using (Time.SimulationQueue.Call call = _vm.Kernel.Enter())
        {
            _vm.Kernel.Stack.Tcp.Connect(Address(Outside), 80, null, prepare: endpoint => endpoint.Connected = (_, _) => connected = true);
        }

        Assert.That(connected, Is.True);
        Connection connection = Stack.Conntrack.Connections.Single();
        Assert.That(connection.Tcp!.State, Is.EqualTo(TcpState.Established));
        Assert.That(connection.Status & ConnectionStatus.Assured, Is.EqualTo(ConnectionStatus.Assured));
        Assert.That(connection.Expires - _cloud.Clock.GetUtcNow(), Is.EqualTo(TimeSpan.FromDays(5)));
    }

    [Test]
    public void Reverse_path_filtering_refuses_a_sender_that_lives_elsewhere()
    {
        _router.Kernel.WriteParameter("net/ipv4/conf/eth1/rp_filter", "1");
        _outside.Address("lo", "192.168.0.9/32");
        using (Time.SimulationQueue.Call call = _outside.Kernel.Enter())
        {
            _outside.Kernel.Stack.Ipv4.Icmp.SendEcho(InternetAddress.Parse("203.0.113.1"), 1, 1, 0, source: InternetAddress.Parse("192.168.0.9"));
        }

        Assert.That(_router.Kernel.Devices.Find("eth0")!.Statistics.TransmittedPackets, Is.Zero);
    }

    private sealed class Rule(Func<HookContext, HookVerdict> run) : IHookFunction
    {
        public string Description => "a rule of the test";

        public HookVerdict Run(HookContext context) => run(context);
    }
}
