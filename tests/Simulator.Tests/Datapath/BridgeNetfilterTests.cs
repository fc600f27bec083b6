using EucaNet.Netlink.Route;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>In which order br_netfilter and chains of the bridge family see a packet, on this machine's kernel, which has it built in, and on the simulated one.</summary>
[RequiresRoot]
[RequiresProgram("ip", "nft")]
public sealed class BridgeNetfilterTests
{
    private const string Left = "02:00:00:00:00:20", Right = "02:00:00:00:00:21";

    private const string Rules =
        """
        table bridge seen {
            chain pre { type filter hook prerouting priority 0; counter; }
            chain first { type filter hook forward priority -1; counter; }
            chain same { type filter hook forward priority 0; counter; }
            chain later { type filter hook forward priority 1; counter; }
            chain post { type filter hook postrouting priority 0; counter; }
        }
        table ip through {
            chain forward { type filter hook forward priority 0; counter; }
        }
        """;

    [TestCase(true)]
    [TestCase(false)]
    public void A_forward_chain_of_priority_0_from_before_the_first_bridge_never_sees_what_went_through_br_netfilter(bool chainsFirst)
    {
        using var scene = new Scene(static _ => { });
        if (chainsFirst)
        {
            scene.Load(Rules);
        }

        scene.Do(static machine =>
        {
            // Its reports of groups would be counted.
            machine.Parameter("net/ipv6/conf/default/disable_ipv6", "1");
            machine.Parameter("net/bridge/bridge-nf-call-iptables", "1");
            machine.Add("br0", new BridgeOptions { MulticastSnooping = false }, mac: "02:00:00:00:03:01");
            machine.Enslave("a0", "br0");
            machine.Enslave("b0", "br0");
        });
        if (!chainsFirst)
        {
            scene.Load(Rules);
        }

        Assert.That(scene.Receive(0, Frames.Udp(Left, Right)), Is.EqualTo((string[])["b1"]));
        Assert.That(scene.Receive(1, Frames.Arp(2, Right, Left, "10.9.0.3", "10.9.0.2")), Is.EqualTo((string[])["a1"]));
        string[] counted = scene.AskCounters();
        Assert.That(counted.Where(static line => line.Contains("counter 0 0", StringComparison.Ordinal)), Has.Exactly(chainsFirst ? 1 : 0).Items.And.All.Contains("same"), () => string.Join('\n', counted));
    }
}
