using System.Net;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Kernel;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Fabric;

public sealed class SimulatedCloudTests
{
    private static readonly IPAddress B = IPAddress.Parse("10.0.0.2");

    private static (SimulatedCloud Cloud, SimulatedHost A, SimulatedHost B, NetworkSwitch Lan) TwoHosts(ulong seed = 1)
    {
        var cloud = new SimulatedCloud(seed);
        NetworkSwitch lan = cloud.AddSwitch("lan");
        SimulatedHost a = cloud.AddHost("a"), b = cloud.AddHost("b");
        cloud.Connect(a, "eth0", lan);
        cloud.Connect(b, "eth0", lan);
        a.Address("eth0", "10.0.0.1/24");
        b.Address("eth0", "10.0.0.2/24");
        return (cloud, a, b, lan);
    }

    [Test]
    public void Two_hosts_on_a_switch_reach_each_other()
    {
        (SimulatedCloud cloud, SimulatedHost a, SimulatedHost b, _) = TwoHosts();
        using (cloud)
        {
            ProbeResult ping = cloud.Ping(a, B, new ProbeOptions { Level = TraceLevel.Summary });
            Assert.That(ping.Reached, Is.True, ping + "\n" + ping.Trace.ToText(TraceLevel.Detailed));
            Assert.That(ping.Path, Is.EqualTo("a eth0 > lan > b eth0 > (echo request)"));
            Assert.That(ping.Trace.RoundTrip, Is.EqualTo("a eth0 > lan > b eth0 > (echo request) > [echo reply] > eth0 > lan > a eth0 > (echo reply)"));

            ProbeResult tcp = cloud.ConnectTcp(a, B, 22, b);
            Assert.That(tcp.Reached, Is.True, tcp.ToString());
            Assert.That(tcp.SeenAs, Is.EqualTo(IPAddress.Parse("10.0.0.1")));

            ProbeResult udp = cloud.SendUdp(a, B, 53, b);
            Assert.That(udp.Reached, Is.True, udp.ToString());
        }
    }

    [Test]
    public void A_port_nobody_listens_on_answers_with_a_reset_or_an_ICMP_error()
    {
        (SimulatedCloud cloud, SimulatedHost a, _, _) = TwoHosts();
        using (cloud)
        {
            ProbeResult tcp = cloud.ConnectTcp(a, B, 23);
            Assert.That(tcp.Reached, Is.False);
            Assert.That(tcp.Reason, Is.EqualTo("connection refused by 10.0.0.2"));
            Assert.That(tcp.Path, Is.EqualTo("a eth0 > lan > b eth0 > nobody listens on tcp 23"));

            ProbeResult udp = cloud.SendUdp(a, B, 54);
            Assert.That(udp.Reason, Is.EqualTo("port unreachable from 10.0.0.2"));
        }
    }

    [Test]
    public void An_address_nobody_has_is_unreachable_after_three_ARP_requests()
    {
        (SimulatedCloud cloud, SimulatedHost a, _, _) = TwoHosts();
        using (cloud)
        {
            ProbeResult ping = cloud.Ping(a, IPAddress.Parse("10.0.0.9"));
            Assert.That(ping.Reached, Is.False);
            Assert.That(ping.Reason, Is.EqualTo("host unreachable from 10.0.0.1"));
            Assert.That(cloud.Clock.Elapsed, Is.EqualTo(TimeSpan.FromSeconds(3)));
        }
    }

    [Test]
    public void A_destination_without_route_is_refused_at_once()
    {
        (SimulatedCloud cloud, SimulatedHost a, _, _) = TwoHosts();
        using (cloud)
        {
            Assert.That(cloud.Ping(a, IPAddress.Parse("192.0.2.1")).Reason, Is.EqualTo("network is unreachable"));
            Assert.That(cloud.Clock.Elapsed, Is.EqualTo(TimeSpan.Zero));
        }
    }

    [Test]
    public void A_lost_frame_is_told_and_TCP_sends_again()
    {
        (SimulatedCloud cloud, SimulatedHost a, SimulatedHost b, _) = TwoHosts();
        using (cloud)
        {
            cloud.Ping(a, B);
            cloud.Cables[0].LoseNext = 1;
            Assert.That(cloud.Ping(a, B).Path, Is.EqualTo("a eth0 > a eth0 lost on the cable"));
            cloud.Cables[0].LoseNext = 1;
            Assert.That(cloud.ConnectTcp(a, B, 22, b).Reached, Is.True);
        }
    }
}
