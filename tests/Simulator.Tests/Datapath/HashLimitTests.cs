using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Entries of hashlimit that have grown old, on this machine's kernel and on the simulated one.</summary>
[RequiresRoot]
[RequiresProgram("ip", "nft", "iptables-nft")]
public sealed class HashLimitTests
{
    [TestCase(60_000, false, Description = "nobody has looked for old entries, so what is spent is spent")]
    [TestCase(50, true, Description = "the old entry has gone, and a new one has its burst")]
    public void An_old_entry_counts_until_it_is_collected(int interval, bool passes)
    {
        using var real = new RealLab(Topology.Router);
        using var simulated = new SimulatedLab(Topology.Router);
        real.RunInside("iptables-nft-restore", "*filter\n:FORWARD DROP\n"
            + $"-A FORWARD -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-htable-expire 100 --hashlimit-htable-gcinterval {interval} --hashlimit-name t -j ACCEPT\nCOMMIT\n");
        simulated.Load(real.ReadRuleset());
        byte[] frame = Frames.Udp("02:00:00:00:00:20", "02:00:00:00:00:10", from: "10.1.0.2", to: "10.2.0.2");
        foreach (bool expected in (bool[])[true, passes])
        {
            List<string> ours = simulated.TellBy("a1", frame), theirs = real.SendBy("a1", frame, ours.Count);
            Assert.That(ours, Is.EqualTo(theirs), "simulated, beside real");
            Assert.That(theirs, expected ? Is.Not.Empty : Is.Empty);
            Thread.Sleep(400);
            theirs = real.Collect();
            simulated.Advance(TimeSpan.FromMilliseconds(400));
            Assert.That(theirs, Is.Empty);
        }
    }
}
