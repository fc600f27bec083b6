using System.Globalization;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Recording;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Datapath;

/// <summary>
/// The matches and targets of ebtables and arptables, as the programs put them into nf_tables: the same random frames on a bridge of this machine's kernel
/// and on a simulated one are counted by the same rules, and come out where and as the others do. EUCANET_EBTABLES_FRAMES asks for more.
/// </summary>
[RequiresRoot]
[RequiresProgram("ip", "nft", "ebtables-nft", "arptables-nft")]
public sealed class EbtablesDifferenceTests
{
    private static readonly string[] Matches =
    [
        "-p LENGTH --802_3-sap 0x42", "-p LENGTH --802_3-sap ! 0xaa", "-p LENGTH --802_3-type 0x0800", "-p LENGTH --802_3-type ! 0x0806",
        "--among-dst 02:00:00:00:00:21=10.1.0.12,02:00:00:00:00:22", "--among-src ! 02:00:00:00:00:20=10.1.0.3",
        "-p ARP --arp-opcode Request", "-p ARP ! --arp-opcode 2", "-p ARP --arp-htype 1", "-p ARP ! --arp-htype 1", "-p ARP --arp-ptype 0x0800", "-p ARP ! --arp-ptype 0x0800",
        "-p ARP --arp-ip-src 10.1.0.0/28", "-p ARP ! --arp-ip-src 10.1.0.3", "-p ARP --arp-ip-dst 10.1.0.1", "-p ARP ! --arp-ip-dst 10.1.0.0/29", "-p ARP --arp-gratuitous", "-p ARP ! --arp-gratuitous",
        "-p ARP --arp-mac-src 02:00:00:00:00:20", "-p ARP ! --arp-mac-src 02:00:00:00:00:20/ff:ff:ff:ff:ff:fe", "-p ARP --arp-mac-dst 00:00:00:00:00:00/01:00:00:00:00:00",
        "-p RARP --arp-opcode 3", "-p ARP --arp-opcode 1 --arp-ip-dst 10.1.0.0/29 --arp-mac-src 02:00:00:00:00:20",
        "-p IPv4 --ip-src 10.1.0.3", "-p IPv4 --ip-src ! 10.1.0.0/30", "-p IPv4 --ip-dst 10.1.0.12/31", "-p IPv4 --ip-tos 0x10", "-p IPv4 --ip-tos ! 0x10", "-p IPv4 --ip-proto tcp", "-p IPv4 --ip-proto ! udp",
        "-p IPv4 --ip-proto tcp --ip-dport 22:80", "-p IPv4 --ip-proto udp --ip-sport ! 2000:2001", "-p IPv4 --ip-proto udp --ip-sport 2000:2002 --ip-dport ! 53",
        "-p IPv4 --ip-proto icmp --ip-icmp-type 8", "-p IPv4 --ip-proto icmp --ip-icmp-type ! 3/1:4", "-p IPv4 --ip-proto igmp --ip-igmp-type 17:22",
        "-p IPv6 --ip6-src 2001:db8:1::2/127", "-p IPv6 --ip6-src ! 2001:db8:1::3", "-p IPv6 --ip6-dst 2001:db8:1::12/ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "-p IPv6 --ip6-tclass 0x20", "-p IPv6 --ip6-tclass ! 0x20",
        "-p IPv6 --ip6-proto tcp", "-p IPv6 --ip6-proto ! udp", "-p IPv6 --ip6-proto ipv6-frag", "-p IPv6 --ip6-proto tcp --ip6-dport 22:80", "-p IPv6 --ip6-proto udp --ip6-sport ! 2000:2001",
        "-p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type 128/0", "-p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type ! 1:4/0:1",
        "--mark 13", "--mark 1/3", "--mark ! 1/1", "--mark /2", "--mark ! /4",
        "-p 802_1Q --vlan-id 5", "-p 802_1Q --vlan-id ! 5", "-p 802_1Q --vlan-prio 3", "-p 802_1Q --vlan-prio ! 0", "-p 802_1Q --vlan-encap 0806", "-p 802_1Q --vlan-encap ! 0800",
        "--pkttype-type broadcast", "--pkttype-type multicast", "--pkttype-type ! host", "--pkttype-type otherhost",
        "-d BGA --stp-type config", "-d BGA --stp-flags 1", "-d BGA --stp-flags ! 1", "-d BGA --stp-root-prio 100:40000", "-d BGA --stp-root-addr 02:00:00:00:00:20/ff:ff:ff:ff:ff:fe", "-d BGA --stp-root-cost 1:200",
        "-d BGA --stp-root-cost ! 0:70000", "-d BGA --stp-sender-prio ! 0:32768", "-d BGA --stp-sender-addr 02:00:00:00:00:21", "-d BGA --stp-port 32769:32770", "-d BGA --stp-msg-age 0:256", "-d BGA --stp-max-age ! 5120",
        "-d BGA --stp-hello-time 512", "-d BGA --stp-forward-delay 3840:4096 --stp-type config",
        "--limit 1/hour --limit-burst 9",
    ];

    private static readonly string[] Marks =
    [
        "-s 02:00:00:00:00:20 -j mark --mark-set 5 --mark-target CONTINUE", "-p IPv4 -j mark --mark-or 2 --mark-target CONTINUE", "-p IPv6 -j mark --mark-and 6 --mark-target CONTINUE",
        "-p ARP -j mark --mark-xor 7 --mark-target ACCEPT", "-d Broadcast -j mark --mark-set 1 --mark-target RETURN", "-j mark --mark-or 8 --mark-target CONTINUE",
    ];

    /// <summary>A table, and rules that change what passes.</summary>
    private static readonly string[] Targets =
    [
        "nat PREROUTING -p ARP --arp-ip-dst 10.1.0.12/30 -j arpreply --arpreply-mac 02:00:00:00:00:99 --arpreply-target DROP",
        "nat PREROUTING -p ARP -j arpreply --arpreply-mac 02:00:00:00:00:98 --arpreply-target CONTINUE|nat PREROUTING -p ARP -j mark --mark-set 3 --mark-target ACCEPT",
        "nat PREROUTING -p IPv4 --ip-proto udp -j redirect --redirect-target ACCEPT",
        "nat PREROUTING -p IPv6 -j redirect --redirect-target CONTINUE|nat PREROUTING --pkttype-type host -j DROP",
        "nat PREROUTING -d Multicast -j dnat --to-destination 02:00:00:00:00:22",
        "nat PREROUTING -p IPv4 -j dnat --to-destination 02:00:00:00:00:19 --dnat-target CONTINUE|nat PREROUTING --pkttype-type host -j mark --mark-set 9|filter INPUT --mark 9 -j CONTINUE",
        "nat PREROUTING -p ARP -j dnat --to-destination ff:ff:ff:ff:ff:ff --dnat-target RETURN|nat PREROUTING -j DROP",
        "nat PREROUTING -j dnat --to-destination 01:00:5e:00:00:05 --dnat-target CONTINUE|filter FORWARD --pkttype-type multicast -j CONTINUE",
        "nat POSTROUTING -o b0 -j snat --to-source 02:00:00:00:00:97 --snat-target ACCEPT",
        "nat POSTROUTING -j snat --to-source 02:00:00:00:00:96 --snat-arp --snat-target ACCEPT",
        "nat POSTROUTING -p IPv4 -j snat --to-source 02:00:00:00:00:95 --snat-target DROP",
        "nat OUTPUT -j dnat --to-destination 02:00:00:00:00:94 --dnat-target ACCEPT",
        "filter FORWARD -p IPv6 -j mark --mark-set 1 --mark-target DROP",
        "filter FORWARD -j mark --mark-set 1 --mark-target RETURN|filter FORWARD -j DROP",
    ];

    private static readonly string[] ArpRules =
    [
        "INPUT -j mangle --mangle-ip-s 10.1.0.77 --mangle-target ACCEPT",
        "INPUT --opcode 1 -j mangle --mangle-ip-d 10.1.0.1",
        "INPUT -j mangle --mangle-mac-s 02:00:00:00:00:93 --mangle-target CONTINUE|INPUT --source-mac 02:00:00:00:00:93 -j DROP",
        "OUTPUT -j mangle --mangle-mac-s 02:00:00:00:00:92 --mangle-ip-s 10.1.0.88 --mangle-target ACCEPT",
        "OUTPUT -j mangle --mangle-mac-d 02:00:00:00:00:91 --mangle-ip-d 10.1.0.99 --mangle-target DROP",
        "OUTPUT -j mangle --mangle-mac-d 02:00:00:00:00:90 --mangle-target CONTINUE",
    ];

    private static int Scale => int.TryParse(Environment.GetEnvironmentVariable("EUCANET_EBTABLES_FRAMES"), CultureInfo.InvariantCulture, out int frames) ? frames : 1;

    [Test]
    public void Every_match_counts_the_frames_that_it_counts_on_the_real_kernel()
    {
        using var labs = new LabPair();
        labs.Load([.. Marks.Select(static rule => $"nat PREROUTING {rule}"), .. Matches.SelectMany(static match => (string[])[$"filter FORWARD {match} -j CONTINUE", $"filter INPUT {match} -j CONTINUE"])]);
        var stream = new BridgeFrames(new RandomSource(1));
        for (int number = 0; number < 600 * Scale; number++)
        {
            labs.Exchange(stream.Next());
        }

        HashSet<string> counted = [.. labs.Counters().Where(static line => !line.EndsWith("counter 0 0", StringComparison.Ordinal)).Select(static line => line[..line.IndexOf(':', StringComparison.Ordinal)])];
        string[] idle = [.. Matches.Where((_, index) => !counted.Contains($"Bridge FORWARD rule {index + 1}") && !counted.Contains($"Bridge INPUT rule {index + 1}"))];
        TestContext.Out.WriteLine($"{labs.Sent} frames, {Matches.Length} matches");
        Assert.That(idle, Is.Empty, "matches that counted nothing");
    }

    [Test]
    public void Every_target_does_to_frames_what_it_does_on_the_real_kernel()
    {
        using var labs = new LabPair();
        for (int number = 0; number < Targets.Length; number++)
        {
            labs.Load(Targets[number].Split('|'));
            var stream = new BridgeFrames(new RandomSource((ulong)number + 2));
            for (int frame = 0; frame < 60 * Scale; frame++)
            {
                labs.Exchange(stream.Next());
            }

            Assert.That(labs.Counters().Count(static line => !line.EndsWith("counter 0 0", StringComparison.Ordinal)), Is.Positive, $"{Targets[number]} has met frames");
        }

        TestContext.Out.WriteLine($"{labs.Sent} frames through {Targets.Length} sets of rules");
    }

    [Test]
    public void Arptables_mangles_addresses_as_on_the_real_kernel()
    {
        using var labs = new LabPair();
        for (int number = 0; number < ArpRules.Length; number++)
        {
            labs.LoadArp(ArpRules[number].Split('|'));
            var stream = new BridgeFrames(new RandomSource((ulong)number + 40)) { OnlyArp = true };
            for (int frame = 0; frame < 40 * Scale; frame++)
            {
                labs.Exchange(stream.Next());
            }

            Assert.That(labs.Counters().Count(static line => !line.EndsWith("counter 0 0", StringComparison.Ordinal)), Is.Positive, $"{ArpRules[number]} has met packets");
        }

        TestContext.Out.WriteLine($"{labs.Sent} ARP packets through {ArpRules.Length} sets of rules");
    }

    /// <summary>A real bridge and a simulated one with the same rules.</summary>
    private sealed class LabPair : IDisposable
    {
        private readonly RealLab _real = new(Topology.Bridge);
        private readonly SimulatedLab _simulated = new(Topology.Bridge);

        public int Sent { get; private set; }

        /// <summary>Each rule begins with its table and chain.</summary>
        public void Load(string[] rules)
        {
            string Table(string name, params string[] chains) =>
                $"*{name}\n{string.Concat(chains.Select(static chain => $":{chain} ACCEPT\n"))}{string.Concat(rules.Where(rule => rule.StartsWith(name + " ", StringComparison.Ordinal)).Select(rule => $"-A {rule[(name.Length + 1)..]}\n"))}";
            _real.RunInside("ebtables-nft-restore", Table("filter", "INPUT", "FORWARD", "OUTPUT") + Table("nat", "PREROUTING", "OUTPUT", "POSTROUTING"));
            _simulated.Load(_real.ReadRuleset());
        }

        public void LoadArp(string[] rules)
        {
            _real.RunInside("arptables-nft-restore", $"*filter\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n{string.Concat(rules.Select(static rule => $"-A {rule}\n"))}");
            _simulated.Load(_real.ReadRuleset());
        }

        public List<string> Counters() => _real.Counters();

        public void Exchange(ProgramFrame frame)
        {
            Sent++;
            List<string> simulated = _simulated.Tell(frame), real = _real.Send(frame, simulated.Count);
            string Tell() => $"frame {Sent} port {frame.Port} {FrameSummary.Describe(Packet.FromFrame(frame.Bytes))} {Convert.ToHexStringLower(frame.Bytes)}\n{_simulated.Story}";
            Assert.That(simulated, Is.EqualTo(real), () => $"simulated, beside real: {Tell()}");
            List<string> counted = _real.Counters(), ours = _simulated.Counters();
            Assert.That(ours, Is.EqualTo(counted), () => $"real: {string.Join(", ", counted.Except(ours))}; simulated: {string.Join(", ", ours.Except(counted))}; {Tell()}");
        }

        public void Dispose()
        {
            _real.Dispose();
            _simulated.Dispose();
        }
    }
}
