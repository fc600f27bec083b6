using EucaNet.Netlink.Route;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Packets through VRFs, on Debian's kernel and on the simulated one.</summary>
[Explicit("needs a kernel with VRF: DebianDatapathTests runs it under one")]
[Category(DebianDatapathTests.Category)]
[RequiresRoot]
[RequiresProgram("ip", "nft")]
public sealed class VrfTests
{
    private static readonly string RouterA = DifferenceLab.InnerMac(0).ToString(), TesterA = DifferenceLab.OuterMac(0).ToString();
    private static readonly string RouterB = DifferenceLab.InnerMac(1).ToString(), TesterB = DifferenceLab.OuterMac(1).ToString();
    private static readonly string RouterC = DifferenceLab.InnerMac(2).ToString(), TesterC = DifferenceLab.OuterMac(2).ToString();

    [Test]
    public void Routes_of_enslaved_devices_stand_in_the_VRFs_table_and_nothing_leads_from_one_VRF_to_another()
    {
        using Scene scene = Domains();
        Assert.That(scene.Receive(0, Frames.Udp(TesterA, RouterA, "10.1.0.2", "10.2.0.2")), Is.EqualTo((string[])["b1"]), "two devices of one VRF");
        Assert.That(scene.Story, Does.Contain("red"));
        Assert.That(scene.Receive(2, Frames.Udp(TesterC, RouterC, "10.1.0.2", "10.2.0.2")), Is.EqualTo((string[])["c1"]), "no route in the other VRF: an ICMP error");
        Assert.That(scene.Receive(2, Frames.Echo(TesterC, RouterC, "10.1.0.2", "10.1.0.1")), Is.EqualTo((string[])["c1"]), "the same addresses twice");
        Assert.That(scene.Receive(0, Frames.Echo(TesterA, RouterA, "10.1.0.2", "10.1.0.1")), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Receive(0, Frames.Echo(TesterA, RouterA, "10.1.0.2", "10.2.0.1")), Is.EqualTo((string[])["a1"]), "an address of another device of the VRF");
        Assert.That(scene.Receive(0, Frames.Udp(TesterA, RouterA, "10.1.0.2", "10.1.0.1")), Is.EqualTo((string[])["a1"]), "a port where nobody listens");
        Assert.That(scene.Receive(0, Frames.Udp(TesterA, RouterA, "10.1.0.2", "10.2.0.2", hopLimit: 1)), Is.EqualTo((string[])["a1"]), "time exceeded");
        Assert.That(scene.Receive(0, Frames.ArpRequest(TesterA, "10.1.0.2", "10.2.0.1")), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Receive(0, Frames.Echo(TesterA, RouterA, "2001:db8:1::2", "2001:db8:1::1")), Is.EqualTo((string[])["a1"]));
        Assert.That(scene.Receive(0, Frames.Udp(TesterA, RouterA, "2001:db8:1::2", "2001:db8:2::2")), Is.EqualTo((string[])["b1"]));
        string[] tables = scene.Ask(static machine => Routes(machine));
        Assert.That(tables, Has.Some.EqualTo("100 10.1.0.0/24 a0").And.Some.EqualTo("200 10.1.0.0/24 c0"));

        // A device that leaves its VRF is in the main table again.
        scene.Do(static machine =>
        {
            machine.Enslave("b0", null);
            machine.Neighbour("b0", "10.2.0.2", TesterB);
        });
        Assert.That(scene.Ask(static machine => Routes(machine)), Has.Some.EqualTo("254 10.2.0.0/24 b0"));
        Assert.That(scene.Receive(0, Frames.Udp(TesterA, RouterA, "10.1.0.2", "10.2.0.2")), Is.EqualTo((string[])["b1"]), "the VRF's table has no route any more; the main one, where the look-up goes on, has");
        Assert.That(scene.Receive(1, Frames.Echo(TesterB, RouterB, "10.2.0.2", "10.2.0.1")), Is.EqualTo((string[])["b1"]));
    }

    [Test]
    public void Hooks_see_packets_come_in_by_the_device_and_by_the_VRF_and_leave_by_both()
    {
        using Scene scene = Domains();
        scene.Load(
            """
            table inet seen {
                chain pre { type filter hook prerouting priority -300; meta nfproto ipv4 iifname a0 counter; meta nfproto ipv4 iifname red counter; iifname red ct state new counter; }
                chain input { type filter hook input priority 0; meta nfproto ipv4 iifname a0 counter; meta nfproto ipv4 iifname red counter; iifname red meta sdifname a0 counter; }
                chain forward { type filter hook forward priority 0; iifname red oifname b0 counter; iifname a0 counter; ct state new counter; }
                chain output { type filter hook output priority 0; meta nfproto ipv4 oifname a0 counter; meta nfproto ipv4 oifname red counter; ct state untracked oifname red counter; ct state established oifname a0 counter; }
                chain post { type filter hook postrouting priority 0; oifname a0 counter; oifname red counter; oifname b0 counter; }
            }
            """);
        scene.Receive(0, Frames.Udp(TesterA, RouterA, "10.1.0.2", "10.2.0.2"));
        scene.Receive(0, Frames.Echo(TesterA, RouterA, "10.1.0.2", "10.1.0.1"));
        scene.Receive(0, Frames.Echo(TesterA, RouterA, "10.1.0.2", "10.2.0.1"));
        string[] counted = scene.AskCounters();
        Assert.That(counted.Count(static line => !line.Contains("counter 0 0", StringComparison.Ordinal)), Is.GreaterThan(11), () => string.Join('\n', counted));
    }

    private static Scene Domains() => new(static machine =>
    {
        machine.Add("red", new VrfOptions { Table = 100 });
        machine.Add("blue", new VrfOptions { Table = 200 });
        machine.Parameter("net/ipv4/conf/red/rp_filter", "0");
        machine.Parameter("net/ipv4/conf/blue/rp_filter", "0");

        // One has its address before, the others after they are enslaved.
        machine.Address("a0", "10.1.0.1/24");
        machine.Enslave("a0", "red");
        machine.Enslave("b0", "red");
        machine.Enslave("c0", "blue");
        machine.Address("b0", "10.2.0.1/24");
        machine.Address("c0", "10.1.0.1/24");
        machine.Address("a0", "2001:db8:1::1/64");
        machine.Address("b0", "2001:db8:2::1/64");
        foreach ((string device, string address, string mac) in ((string, string, string)[])
            [("a0", "10.1.0.2", TesterA), ("b0", "10.2.0.2", TesterB), ("c0", "10.1.0.2", TesterC), ("a0", "2001:db8:1::2", TesterA), ("b0", "2001:db8:2::2", TesterB)])
        {
            machine.Neighbour(device, address, mac);
        }
    });

    private static string[] Routes(SceneMachine machine)
    {
        Dictionary<int, string> names = SceneMachine.Wait(machine.Route.GetLinksAsync()).ToDictionary(static link => link.Index, static link => link.Name!);
        return [.. SceneMachine.Wait(machine.Route.GetRoutesAsync(2)).Select(route => $"{route.Table} {route.Destination}/{route.DestinationLength} {names.GetValueOrDefault(route.OutputInterface ?? 0)}").Order(StringComparer.Ordinal)];
    }
}
