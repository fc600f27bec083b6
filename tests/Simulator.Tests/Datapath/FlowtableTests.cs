using EucaNet.Netfilter.Conntrack;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Packets of connections that are on a flowtable's short cut, on Debian's kernel and on the simulated one: what comes out, and what rules and connections count.</summary>
[Explicit("needs a kernel with flowtables: DebianDatapathTests runs it under one")]
[Category(DebianDatapathTests.Category)]
[RequiresRoot]
[RequiresProgram("ip", "nft")]
public sealed class FlowtableTests
{
    private static readonly string RouterA = DifferenceLab.InnerMac(0).ToString(), TesterA = DifferenceLab.OuterMac(0).ToString();
    private static readonly string RouterB = DifferenceLab.InnerMac(1).ToString(), TesterB = DifferenceLab.OuterMac(1).ToString();

    [Test]
    public void A_translated_connection_on_the_short_cut_meets_no_rules_until_it_ends()
    {
        using Scene scene = Routed();
        Flow flow = new(scene, 2001);
        flow.There(TcpFlags.Synchronize, 1000, 0);
        flow.Back(TcpFlags.Synchronize | TcpFlags.Acknowledge, 5000, 1001);
        flow.There(TcpFlags.Acknowledge, 1001, 5001);
        Same(scene, offloads: true);

        // Rules have counted the first three packets and none of these; a hop limit of 1 and an IP fragment take the long way.
        for (uint i = 0; i < 4; i++)
        {
            flow.There(TcpFlags.Acknowledge | TcpFlags.Push, 1001 + 10 * i, 5001, 10);
            flow.Back(TcpFlags.Acknowledge, 5001, 1011 + 10 * i);
        }

        Same(scene, offloads: true);
        Assert.That(scene.Story, Does.Contain("flowtable f"));
        flow.There(TcpFlags.Finish | TcpFlags.Acknowledge, 1041, 5001);
        flow.Back(TcpFlags.Finish | TcpFlags.Acknowledge, 5001, 1042);
        flow.There(TcpFlags.Acknowledge, 1042, 5002);
        Same(scene, offloads: false);

        // Of UDP the first answer is a connection, and the second packet takes the short cut.
        foreach (bool back in (bool[])[false, true, false, true, false])
        {
            flow.Udp(back);
        }

        Same(scene, offloads: true);
        flow.Udp(back: false, hopLimit: 1);
        scene.Do(static machine =>
        {
            using ConntrackConnection connections = ConntrackConnection.Open(machine.Kernel);
            connections.Flush();
        });
        flow.Udp(back: false);
        Same(scene, offloads: false);
    }

    private static void Same(Scene scene, bool offloads)
    {
        string[] counted = scene.AskCounters();
        string connections = scene.Ask(static machine =>
        {
            using ConntrackConnection connections = ConntrackConnection.Open(machine.Kernel);
            return string.Join('\n', connections.List().Select(static entry => $"{entry} {entry.Status} {entry.OriginalCounters} {entry.ReplyCounters} tcp {entry.TcpState}").Order(StringComparer.Ordinal));
        });
        TestContext.Out.WriteLine(string.Join('\n', counted) + "\n" + connections);
        Assert.That(connections, offloads ? Does.Contain("Offload") : Does.Not.Contain("Offload"));
    }

    private static Scene Routed()
    {
        var scene = new Scene(static machine =>
        {
            machine.Parameter("net/netfilter/nf_conntrack_acct", "1");
            machine.Address("a0", "10.1.0.1/24");
            machine.Address("b0", "10.2.0.1/24");
            machine.Neighbour("a0", "10.1.0.2", TesterA);
            machine.Neighbour("b0", "10.2.0.2", TesterB);
        });
        scene.Load(
            """
            table inet short {
                flowtable f {
                    hook ingress priority 0
                    devices = { a0, b0 }
                    counter
                }
                chain pre { type filter hook prerouting priority 0; counter; }
                chain forward {
                    type filter hook forward priority 0
                    counter
                    ip protocol { tcp, udp } flow add @f counter
                    counter
                }
                chain post { type filter hook postrouting priority 0; counter; }
                chain nat {
                    type nat hook postrouting priority 100
                    oifname b0 snat ip to 10.2.0.9
                }
            }
            """);
        return scene;
    }

    /// <summary>The two ends of a connection through the machine.</summary>
    private sealed class Flow(Scene scene, ushort port)
    {
        private const string Seen = "10.2.0.9";

        public void There(TcpFlags flags, uint sequence, uint acknowledgement, int data = 0) =>
            Assert.That(scene.Receive(0, Frames.Tcp(TesterA, RouterA, "10.1.0.2", "10.2.0.2", port, 80, flags, sequence, acknowledgement, data)), Is.EqualTo((string[])["b1"]));

        public void Back(TcpFlags flags, uint sequence, uint acknowledgement) =>
            Assert.That(scene.Receive(1, Frames.Tcp(TesterB, RouterB, "10.2.0.2", Seen, 80, port, flags, sequence, acknowledgement)), Is.EqualTo((string[])["a1"]));

        public void Udp(bool back, byte hopLimit = 64) => Assert.That(
            back ? scene.Receive(1, Frames.Udp(TesterB, RouterB, "10.2.0.2", Seen, 53, port)) : scene.Receive(0, Frames.Udp(TesterA, RouterA, "10.1.0.2", "10.2.0.2", port, 53, hopLimit: hopLimit)),
            Is.EqualTo((string[])[back || hopLimit == 1 ? "a1" : "b1"]));
    }
}
