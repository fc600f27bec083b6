using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Datapath.Formats;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>
/// Connection tracking keeps the sum of what comes in. Targets of xtables that change the header of IPv6, which has no checksum of its own, leave that sum as it was: what is for the
/// machine itself looks damaged then, and a long datagram is not summed up again (udp6_csum_init).
/// </summary>
[RequiresRoot]
[RequiresProgram("ip", "iptables-nft", "ip6tables-nft")]
public sealed class KeptSumTests
{
    private static readonly string[] RulesV6 =
    [
        "INPUT -j HL --hl-set 10", "INPUT -j HL --hl-set 64", "INPUT -j HL --hl-dec 3", "INPUT -j TOS --set-tos 0x20", "INPUT -j DSCP --set-dscp 12", "INPUT -j DSCP --set-dscp 0", "PREROUTING -j HL --hl-inc 5",
        "INPUT -j HL --hl-dec 3\n-A INPUT -j HL --hl-inc 3",
    ];

    private static readonly string[] RulesV4 = ["INPUT -j TTL --ttl-set 10", "INPUT -j TOS --set-tos 0x20", "INPUT -j DSCP --set-dscp 12"];

    [Test]
    public void Targets_that_change_a_header_make_a_kept_sum_wrong_as_on_the_real_kernel([Values] bool isV6)
    {
        using var real = new RealLab(Topology.Router);
        using var simulated = new SimulatedLab(Topology.Router);
        (string own, string station) = isV6 ? ("2001:db8:1::1", "2001:db8:1::2") : ("10.1.0.1", "10.1.0.2");
        string outer = DifferenceLab.OuterMac(0).ToString(), inner = DifferenceLab.InnerMac(0).ToString();
        int silent = 0;
        foreach (string rule in isV6 ? RulesV6 : RulesV4)
        {
            // The last rule has it tracked.
            real.RunInside(isV6 ? "ip6tables-nft-restore" : "iptables-nft-restore", $"*mangle\n-A {rule}\n-A POSTROUTING -m conntrack --ctstate INVALID\nCOMMIT\n");
            simulated.Load(real.ReadRuleset());
            byte[][] frames =
            [
                Frames.Udp(outer, inner, station, own, toPort: 80, data: 20), Frames.Udp(outer, inner, station, own, toPort: 80, data: 68), Frames.Udp(outer, inner, station, own, toPort: 80, data: 69),
                Frames.Udp(outer, inner, station, own, toPort: 80, data: 200), Frames.Tcp(outer, inner, station, own, 2001, 80, TcpFlags.Synchronize, 1, 0, data: 200), Frames.Echo(outer, inner, station, own),
            ];
            foreach (byte[] frame in frames)
            {
                List<string> expected = simulated.Send(new ProgramFrame(0, frame), 0);

                // Where nothing is to come, an echo tells that nothing has.
                List<string> actual = expected.Count > 0 ? real.Send(new ProgramFrame(0, frame), expected.Count)
                    : [.. real.Send(new ProgramFrame(0, frame), 0), .. real.Send(new ProgramFrame(0, frames[^1]), 1).Except(simulated.Send(new ProgramFrame(0, frames[^1]), 0))];
                silent += expected.Count == 0 ? 1 : 0;
                Assert.That(expected, Is.EqualTo(actual), () => $"{rule}: {Convert.ToHexStringLower(frame)}");
            }
        }

        Assert.That(silent, isV6 ? Is.GreaterThan(8) : Is.Zero, "datagrams that nobody answered");
    }
}
