using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>arp_announce, arp_ignore and arp_filter: which question is asked and which answered, on this machine's kernel and on the simulated one.</summary>
[RequiresRoot]
[RequiresProgram("ip")]
public sealed class ArpParameterTests
{
    private static readonly string Router = DifferenceLab.InnerMac(0).ToString(), Tester = DifferenceLab.OuterMac(0).ToString(), TesterB = DifferenceLab.OuterMac(1).ToString();

    [Test]
    public void Who_asks_for_an_address_is_named_as_arp_announce_says()
    {
        using Scene scene = Addresses();
        byte last = 10;
        var asked = new HashSet<string>();
        foreach (string value in (string[])["0", "1", "2", "3"])
        {
            scene.Do(machine => machine.Parameter("net/ipv4/conf/b0/arp_announce", value));
            foreach (string own in (string[])["10.1.0.1", "10.2.0.1", "10.2.0.7", "10.3.0.1", "192.0.2.1"])
            {
                // Its answer leaves by the other device, whose station is not known yet; so does a packet that is only passed on.
                Assert.That(scene.Receive(0, Frames.Echo(Tester, Router, $"10.2.0.{++last}", own)), Is.EqualTo((string[])["b1"]));
                asked.Add($"{value} {own} {scene.Frames[0].Split("tell ")[1].Split(' ')[0]}");
                Answer(scene, last);
                Assert.That(scene.Receive(0, Frames.Udp(Tester, Router, "10.1.0.2", $"10.2.0.{++last}")), Is.EqualTo((string[])["b1"]));
                Answer(scene, last);
            }
        }

        Assert.That(asked, Has.Some.EqualTo("0 10.1.0.1 10.1.0.1").And.Some.EqualTo("1 10.1.0.1 10.2.0.1").And.Some.EqualTo("1 10.2.0.7 10.2.0.7").And.Some.EqualTo("2 10.2.0.7 10.2.0.1"));
    }

    [Test]
    public void Who_is_answered_is_arp_ignores_and_arp_filters_affair()
    {
        using Scene scene = Addresses();
        var answered = new List<string>();
        foreach ((string ignore, string filter) in ((string, string)[])[("0", "0"), ("1", "0"), ("2", "0"), ("3", "0"), ("4", "0"), ("8", "0"), ("9", "0"), ("0", "1")])
        {
            scene.Do(machine =>
            {
                machine.Parameter("net/ipv4/conf/a0/arp_ignore", ignore);
                machine.Parameter("net/ipv4/conf/a0/arp_filter", filter);
            });
            foreach (string target in (string[])["10.1.0.1", "10.2.0.1", "10.2.0.7", "10.3.0.1", "192.0.2.1", "198.51.100.1", "10.1.0.99"])
            {
                foreach (string sender in (string[])["10.1.0.2", "10.2.0.2", "0.0.0.0", "172.16.0.1"])
                {
                    // What an asker is known by changes whether its questions are answered with or without a look; so each is another one.
                    if (scene.Receive(0, Frames.ArpRequest(Tester, sender, target)).Length > 0)
                    {
                        answered.Add($"{ignore}{filter} {target} {sender}");
                    }
                }
            }
        }

        Assert.That(answered, Has.Member("00 10.2.0.1 10.1.0.2").And.Not.Member("10 10.2.0.1 10.1.0.2").And.Not.Member("20 10.1.0.1 10.2.0.2").And.Not.Member("80 10.1.0.1 10.1.0.2").And.Not.Member("01 10.2.0.1 10.2.0.2"));
    }

    /// <summary>The station says who it is, so that nobody asks again, and gets what waited for it.</summary>
    private static void Answer(Scene scene, byte station)
    {
        string asker = scene.Frames[0].Split("tell ")[1].Split(' ')[0];
        Assert.That(scene.Receive(1, Frames.Arp(2, TesterB, DifferenceLab.InnerMac(1).ToString(), $"10.2.0.{station}", asker)), Is.EqualTo((string[])["b1"]));
    }

    private static Scene Addresses() => new(static machine =>
    {
        machine.Address("a0", "10.1.0.1/24");
        machine.Address("b0", "10.2.0.1/24");
        machine.Address("b0", "10.2.0.7/24");
        machine.Address("b0", "10.3.0.1/16");
        machine.Address("lo", "192.0.2.1/32");
        machine.Neighbour("a0", "10.1.0.2", Tester);
        machine.Neighbour("b0", "10.2.0.2", TesterB);
    });
}
