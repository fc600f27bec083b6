using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Recording;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>Connections in zones that rules choose: the same frames come out, and the same are counted as new, established and in each zone, as on the real kernel.</summary>
[RequiresRoot]
[RequiresProgram("ip", "nft", "iptables-nft", "ip6tables-nft")]
public sealed class ConnectionZoneTests
{
    private const string States =
        "chain count {\ntype filter hook forward priority 0\nct state new counter\nct state established counter\nct state invalid counter\nct state untracked counter\nct state related counter\nct zone 0 counter\nct zone 1 counter\nct zone 2 counter\nct zone 9 counter\nct original zone 1 counter\nct reply zone 1 counter\nct original zone 2 counter\nct reply zone 2 counter\n}\n"
        + "chain local {\ntype filter hook input priority 0\nct zone 1 counter\nct zone 2 counter\nct state established counter\n}\n";

    /// <summary>Rules of nf_tables before tracking, and of iptables' table raw.</summary>
    private static readonly (string Nft, string Raw)[] Programs =
    [
        ("iifname a0 ct zone set 1\niifname b0 ct zone set 1", ""),
        ("iifname a0 ct zone set 1\niifname b0 ct zone set 2\niifname b0 ct zone set 1", ""),
        ("tcp dport 22 notrack\ntcp dport 22 ct zone set 2\nip protocol udp ct zone set 1", ""),
        ("ct zone set meta l4proto map { tcp : 1, udp : 2, icmp : 9, ipv6-icmp : 9 }\nct zone set 2", ""),
        ("ct zone set 1 ct mark set 5", ""),
        ("}\nchain late {\ntype filter hook prerouting priority mangle\niifname a0 ct zone set 1\niifname b0 ct zone set 2", ""),
        ("", "-i a0 -j CT --zone 1|-i b0 -j CT --zone 2"),
        ("", "-j CT --zone 9|-p tcp -j CT --zone 1"),
        ("iifname a0 ct original zone set 1\niifname b0 ct original zone set 2", ""),
        ("iifname a0 ct original zone set 1\niifname b0 ct reply zone set 1", ""),
        ("ct reply zone set 2", ""),
        ("iifname a0 ct original zone set meta l4proto map { tcp : 1, udp : 2, icmp : 9, ipv6-icmp : 9 }\n}\nchain nat {\ntype nat hook postrouting priority 100\nmeta l4proto { tcp, udp } masquerade to :3000-3001", ""),
        ("", "-i a0 -j CT --zone-orig 1|-i b0 -j CT --zone-reply 1"),
        ("", "-p udp -j CT --zone-orig 2|-p tcp -j CT --zone-reply 2"),
        ("meta mark set 1", "-p udp -j CT --zone-orig mark|-j CT --zone-reply mark"),
        ("meta mark set 2", "-p udp -j MARK --set-mark 1|-p udp -j CT --zone mark|-p tcp -j CT --notrack|-j CT --zone 2"),
    ];

    [Test]
    public void Zones_part_connections_as_on_the_real_kernel([Range(0, 15)] int number)
    {
        (string nft, string raw) = Programs[number];
        using var real = new RealLab(Topology.Router);
        using var simulated = new SimulatedLab(Topology.Router);
        Assert.That(real.Load($"table inet zones {{\nchain early {{\ntype filter hook prerouting priority -310\n{nft}\n}}\n{States}}}".Split('\n')), Is.Null, "nft");
        if (raw.Length > 0)
        {
            string rules = $"*raw\n{string.Concat(raw.Split('|').Select(static rule => $"-A PREROUTING {rule}\n"))}COMMIT\n";
            real.RunInside("iptables-nft-restore", rules);
            real.RunInside("ip6tables-nft-restore", rules);
        }

        simulated.Load(real.ReadRuleset());
        var stream = new PacketStream(new RandomSource((ulong)number + 1), Topology.Router);
        for (int sent = 1; sent <= 80; sent++)
        {
            ProgramFrame frame = stream.Next();
            List<string> found = simulated.Tell(frame), expected = real.Send(frame, found.Count);
            string Tell() => $"frame {sent} port {frame.Port} {FrameSummary.Describe(Packet.FromFrame(frame.Bytes))}\n{simulated.Story}";
            Assert.That(found, Is.EqualTo(expected), () => $"simulated, beside real: {Tell()}");
            List<string> counted = real.Counters(), ours = simulated.Counters();
            Assert.That(ours, Is.EqualTo(counted), () => $"real: {string.Join(", ", counted.Except(ours))}; simulated: {string.Join(", ", ours.Except(counted))}; {Tell()}");
        }

        string[] zones = [.. real.Counters().Where(static line => !line.EndsWith("counter 0 0", StringComparison.Ordinal))];
        Assert.That(zones, Has.Length.GreaterThan(3), "rules that counted something");
    }
}
