using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>What listeners hear of connections of which rules choose the events, on this machine's kernel and on the simulated one.</summary>
[RequiresRoot]
[RequiresProgram("ip", "nft", "iptables-nft")]
public sealed class ConnectionEventTests
{
    private const string Client = "02:00:00:00:00:20", Server = "02:00:00:00:00:21", Near = "02:00:00:00:00:10", Far = "02:00:00:00:00:11";

    /// <summary>A rule of nf_tables after tracking, or of iptables' table raw, and the events that come.</summary>
    [TestCase("", "", "new changed")]
    [TestCase("ct event set new", "", "new")]
    [TestCase("ct event set reply", "", "changed")]
    [TestCase("ct event set destroy", "", "")]
    [TestCase("ct mark set 7 ct event set new", "", "new")]
    [TestCase("", "-p udp -j CT --ctevents assured", "")]
    [TestCase("", "-p udp -j CT --ctevents reply", "changed")]
    [TestCase("", "-p udp -j CT --ctevents new,reply", "new changed")]
    [TestCase("", "-p udp -j CT --zone 0", "new changed")]
    public void Listeners_hear_what_the_rules_let_them_hear(string nft, string raw, string events)
    {
        using var real = new RealLab(Topology.Router);
        using var simulated = new SimulatedLab(Topology.Router);

        // Linux looks for listeners when the rule of iptables is made.
        using INetlinkSocket hearsReal = Listen(real), hearsSimulated = Listen(simulated);
        Assert.That(real.Load($"table inet t {{\nchain p {{\ntype filter hook prerouting priority 0\nct state new counter {nft}\n}}\n}}".Split('\n')), Is.Null, "nft");
        if (raw.Length > 0)
        {
            real.RunInside("iptables-nft-restore", $"*raw\n-A PREROUTING {raw}\nCOMMIT\n");
        }

        simulated.Load(real.ReadRuleset());
        string[] heard = [.. (((DifferenceLab Lab, INetlinkSocket Listener)[])[(real, hearsReal), (simulated, hearsSimulated)]).Select(static side =>
        {
            (DifferenceLab lab, INetlinkSocket listener) = side;
            for (int i = 0; i < 3; i++)
            {
                lab.SendBy("a1", Frames.Udp(Client, Near, from: "10.1.0.2", to: "10.2.0.2", fromPort: 4000, toPort: 53), 1);
                lab.SendBy("b1", Frames.Udp(Server, Far, from: "10.2.0.2", to: "10.1.0.2", fromPort: 53, toPort: 4000), 1);
            }

            return Heard(listener);
        })];
        Assert.That(heard[1], Is.EqualTo(heard[0]), "simulated, beside real");
        Assert.That(heard[0], Is.EqualTo(events));
    }

    private static INetlinkSocket Listen(DifferenceLab lab) => lab.Kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { Groups = [1, 2, 3] });

    private static string Heard(INetlinkSocket listener)
    {
        var heard = new List<string>();
        var buffer = new NetlinkReceiveBuffer();
        while (listener.WaitReadableAsync().AsTask() is { } readable && readable.Wait(TimeSpan.FromMilliseconds(100)))
        {
            int count = listener.Receive(buffer);
            for (int i = 0; i < count; i++)
            {
                var reader = new MessageReader(buffer.Bytes(i));
                while (reader.TryRead(out NetlinkMessage message))
                {
                    bool isNew = (message.Header.Type & 0xff) == 0 && (message.Header.Flags & NetlinkMessageFlags.Create) != 0;
                    heard.Add((message.Header.Type & 0xff) == 2 ? "destroy" : isNew ? "new" : "changed");
                }
            }
        }

        return string.Join(' ', heard);
    }
}
