using EucaNet.Netfilter.Iptables;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netfilter.Nftables.Expressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Datapath;

/// <content>Matches as an older iptables writes them: conntrack without ranges of ports or with states of one octet, hashlimit with short names and in ten-thousandths of a second.</content>
public sealed partial class RouterDifferenceTests
{
    /// <summary>A rule as the newest layout has it, and the revisions that it can be said in besides.</summary>
    private static readonly (string Rule, uint[] Revisions)[] OldRules =
    [
        ("FORWARD -m conntrack --ctstate NEW -j DROP", [1, 2]),
        ("FORWARD -m conntrack ! --ctstate ESTABLISHED,INVALID -j DROP", [1, 2]),
        ("FORWARD -m conntrack --ctproto udp -j DROP", [1, 2]),
        ("FORWARD -m conntrack --ctorigsrc 10.1.0.0/30 --ctorigdstport 80 -j DROP", [1, 2]),
        ("FORWARD -p tcp -m conntrack ! --ctorigdstport 22 -j DROP", [1, 2]),
        ("FORWARD -m conntrack --ctrepldst 10.1.0.2 --ctdir REPLY -j DROP", [1, 2]),
        ("FORWARD -p udp -m conntrack --ctreplsrcport 443 -j DROP", [1, 2]),
        ("FORWARD -m conntrack --ctstatus SEEN_REPLY -j DROP", [1, 2]),
        ("FORWARD -m conntrack --ctstatus NONE -j DROP", [1, 2]),
        ("FORWARD -m conntrack ! --ctstatus NONE -j DROP", [1, 2]),
        ("FORWARD -m hashlimit --hashlimit-above 2/hour --hashlimit-burst 3 --hashlimit-mode srcip --hashlimit-name one -j DROP", [1, 2]),
        ("FORWARD -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 2 --hashlimit-mode dstip,dstport --hashlimit-name two -j DROP", [1, 2]),
        ("FORWARD -m hashlimit --hashlimit-above 2/hour --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-srcmask 30 --hashlimit-name three -j DROP", [1, 2]),
        ("FORWARD -m hashlimit --hashlimit-above 1/hour --hashlimit-burst 4 --hashlimit-name four -j DROP", [1, 2]),
        ("FORWARD -m hashlimit --hashlimit-above 1kb/s --hashlimit-burst 2kb --hashlimit-mode srcip --hashlimit-name five -j DROP", [2]),
        ("FORWARD -m hashlimit --hashlimit-upto 1mb/s --hashlimit-mode srcport --hashlimit-name six -j DROP", [2]),
        ("FORWARD -m hashlimit --hashlimit-upto 5/sec --hashlimit-rate-match --hashlimit-rate-interval 3600 --hashlimit-mode srcip --hashlimit-name seven -j DROP", [3]),
        ("FORWARD -m hashlimit --hashlimit-above 40b/s --hashlimit-rate-match --hashlimit-rate-interval 3600 --hashlimit-mode dstip --hashlimit-name eight -j DROP", [3]),
    ];

    [Test]
    public void Matches_in_older_layouts_judge_packets_as_on_the_real_kernel()
    {
        var differences = new List<string>();
        int packets = 0, changed = 0, sets = 0;
        using var real = new RealLab(9005);
        using var simulated = new SimulatedLab(9005);
        using IptablesTables tables = IptablesTables.Open(simulated.Kernel, IptablesInterface.Nft, IptablesFamily.Ip);
        for (int number = 0; number < OldRules.Length; number++)
        {
            (string rule, uint[] revisions) = OldRules[number];
            foreach (uint revision in revisions)
            {
                sets++;
                tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, $"*filter\n-A {rule}\nCOMMIT\n", IptablesInterface.Nft, tables.Names));
                TableContent written = Read(simulated.Kernel).Find(NftablesFamily.Ip, "filter")!;

                // Its table of limits goes with the rule; else the next would not begin anew.
                Apply(simulated.Kernel, written with { Chains = [.. written.Chains.Select(static chain => chain with { Rules = [] })] });
                TableContent older = written with { Chains = [.. written.Chains.Select(chain => chain with { Rules = [.. chain.Rules.Select(one => Older(one, revision))] })] };
                Apply(simulated.Kernel, older);
                Apply(real.Kernel, written with { Chains = [.. written.Chains.Select(static chain => chain with { Rules = [] })] });
                real.Settle();
                Apply(real.Kernel, older);
                var generator = new HeaderPackets(new RandomSource((ulong)number + 1), (ushort)(2000 + sets), tracked: true);
                int effect = 0;
                for (int sent = 0; sent < 40; sent++)
                {
                    (bool left, byte[] frame) = generator.Next();
                    List<string> expected = simulated.Send(left, frame, 0);
                    List<string> actual = real.Send(left, frame, expected.Count);
                    packets++;
                    effect += expected.Count == 0 ? 1 : 0;
                    if (!expected.SequenceEqual(actual))
                    {
                        differences.Add($"{rule} revision {revision}: packet {sent} {(left ? "left" : "right")} {Describe(frame)}\n  real:      {string.Join("\n             ", actual)}\n  simulated: {string.Join("\n             ", expected)}\n{simulated.Story}");
                        break;
                    }
                }

                changed += effect is > 0 and < 40 ? 1 : 0;
            }
        }

        TestContext.Out.WriteLine($"{packets} packets through {sets} rules, {changed} of which dropped some; {differences.Count} differ");
        Assert.That(differences, Is.Empty, () => string.Join("\n\n", differences.Take(8)));
        Assert.That(changed, Is.GreaterThan(sets / 2), "rules that dropped some packets and let others pass");
    }

    private static NftablesRuleset Read(IKernel kernel)
    {
        using NftablesConnection connection = NftablesConnection.Open(kernel);
        return connection.ReadRuleset();
    }

    private static void Apply(IKernel kernel, TableContent table)
    {
        using NftablesConnection connection = NftablesConnection.Open(kernel);
        connection.Apply(NftablesFamily.Ip, "filter", table);
    }

    private static Rule Older(Rule rule, uint revision) => rule with
    {
        Expressions = [.. rule.Expressions.Select(expression => expression is MatchExpression { MatchName: "conntrack" or "hashlimit" } match ? Older(match, revision) : expression)],
    };

    private static MatchExpression Older(MatchExpression match, uint revision)
    {
        byte[] data = match.Info!.Value.Span.ToArray(), older = match.MatchName == "conntrack" ? OlderConntrack(data, revision) : OlderHashLimit(data, revision);
        return match with { Revision = revision, Info = older };
    }

    /// <summary>Ports in network order and one of each; of the first revision states and statuses in an octet.</summary>
    private static byte[] OlderConntrack(byte[] data, uint revision)
    {
        byte[] older = data[..160];
        for (int port = 138; port < 146; port += 2)
        {
            (older[port], older[port + 1]) = (older[port + 1], older[port]);
        }

        older.AsSpan(154).Clear();
        if (revision == 1)
        {
            (older[150], older[151]) = (data[150], data[152]);
            older = older[..152];
        }

        return older;
    }

    /// <summary>A name of sixteen octets and numbers of four in the first revision; the second has no interval.</summary>
    private static byte[] OlderHashLimit(byte[] data, uint revision)
    {
        ReadOnlySpan<byte> newest = data.AsSpan(256);
        switch (revision)
        {
            case 3:
                return data;
            case 2:
                return [.. data[..256], .. newest[..36], newest[40], newest[41], 0, 0, .. new byte[8]];
            default:
                uint average = (uint)(BitConverter.ToUInt64(newest) / 100), burst = (uint)BitConverter.ToUInt64(newest[8..]);
                return
                [
                    .. data[..16], .. newest.Slice(16, 4), .. BitConverter.GetBytes(average), .. BitConverter.GetBytes(burst), .. newest.Slice(20, 16), newest[40], newest[41], 0, 0, .. new byte[8],
                ];
        }
    }
}
