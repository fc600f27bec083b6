using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>Random rule sets in nft's own words: one to three tables of the families that meet a topology's packets.</summary>
/// <param name="random">The dice.</param>
/// <param name="topology">The machine.</param>
/// <param name="isWide">Rarer matches and statements too.</param>
internal sealed partial class RuleStream(RandomSource random, Topology topology, bool isWide = false)
{
    /// <summary>How sets are named that packets put elements into.</summary>
    public const string DynamicPrefix = "seen";

    private readonly List<string> _lines = [];

    /// <summary>
    /// Rules of the ip families make copies of packets (dup), or they look at link headers: that of a copy is whatever lay in a real kernel's memory.
    /// </summary>
    private readonly bool _makesCopies = random.Next(2) == 0;

    public IReadOnlyList<string> Make()
    {
        string[] families = topology == Topology.Router ? ["ip", "ip6", "inet", "inet", "netdev", "arp"] : ["bridge", "bridge", "netdev", "arp", "inet"];
        int tables = 1 + random.Next(3);
        for (int i = 0; i < tables; i++)
        {
            string family = i == 0 && topology == Topology.Bridge ? "bridge" : Pick(families);
            Table(family, i);
        }

        return _lines;
    }

    private void Table(string family, int number)
    {
        _lines.Add($"table {family} t{number} {{");
        Sets(family);
        if (family is not "arp")
        {
            foreach (string name in (string[])["c1", "c2"])
            {
                _lines.Add($"\tchain {name} {{");
                Rules(family, "", "filter", 1 + random.Next(3), mayJump: false);
                _lines.Add("\t}");
            }
        }

        foreach ((string hook, string type, int priority) in Hooks(family))
        {
            if (random.Next(3) == 0)
            {
                continue;
            }

            string device = family == "netdev" ? $" device \"{Pick("a0", "b0")}\"" : "";
            string policy = type == "nat" || random.Next(5) != 0 ? "accept" : "drop";
            _lines.Add($"\tchain {hook}_{type}{priority + 500} {{");
            _lines.Add($"\t\ttype {type} hook {hook}{device} priority {priority}; policy {policy};");
            Rules(family, hook, type, 1 + random.Next(5), mayJump: family != "arp" && type == "filter");
            _lines.Add("\t}");
        }

        _lines.Add("}");
    }

    private static IEnumerable<(string Hook, string Type, int Priority)> Hooks(string family) => family switch
    {
        "netdev" => [("ingress", "filter", 0), ("egress", "filter", 0)],
        "arp" => [("input", "filter", 0), ("output", "filter", 0)],
        "bridge" => [("prerouting", "filter", -300), ("input", "filter", 0), ("forward", "filter", 0), ("output", "filter", 0), ("postrouting", "filter", 0)],
        _ =>
        [
            ("prerouting", "filter", -300), ("prerouting", "nat", -100), ("prerouting", "filter", -150), ("input", "filter", 0), ("forward", "filter", 0),
            ("output", "filter", 0), ("output", "route", -150), ("postrouting", "nat", 100), ("postrouting", "filter", 0),
        ],
    };

    private void Sets(string family)
    {
        if (family == "arp")
        {
            return;
        }

        _lines.Add("\tset ports { type inet_service; elements = { 22, 80 }; }");
        _lines.Add("\tset ranges { type inet_service; flags interval; elements = { 20-25, 400-500, 5000 }; }");
        _lines.Add("\tset four { type ipv4_addr; flags interval; elements = { 10.1.0.2, 10.1.0.4/31, 10.2.0.0/29 }; }");
        _lines.Add("\tset six { type ipv6_addr; flags interval; elements = { 2001:db8:1::2, 2001:db8:2::4/126 }; }");
        _lines.Add("\tset pairs { type ipv4_addr . inet_service; elements = { 10.1.0.2 . 80, 10.2.0.3 . 22, 10.1.0.3 . 443 }; }");
        _lines.Add("\tset wide { type ipv4_addr . inet_service; flags interval; elements = { 10.1.0.0/24 . 20-80, 10.2.0.2-10.2.0.3 . 443 }; }");
        _lines.Add("\tset seen4 { type ipv4_addr; flags dynamic; size 64; }");
        _lines.Add("\tset seen6 { type ipv6_addr; flags dynamic; size 64; counter; }");
        _lines.Add("\tmap marks { type inet_service : mark; elements = { 22 : 1, 80 : 2, 443 : 3 }; }");
        _lines.Add("\tcounter named { }");
        _lines.Add("\tquota little { 700 bytes }");
    }

    private void Rules(string family, string hook, string type, int count, bool mayJump)
    {
        for (int i = 0; i < count; i++)
        {
            var parts = new List<string>();
            int matches = random.Next(3);
            bool isV6 = family switch { "ip" => false, "ip6" => true, _ => random.Next(2) == 0 };
            for (int m = 0; m < matches; m++)
            {
                parts.Add(family == "arp" ? ArpMatch() : Match(family, hook, isV6));
            }

            if (random.Next(3) != 0)
            {
                parts.Add("counter");
            }

            parts.AddRange(Statement(family, hook, type, isV6, mayJump));
            _lines.Add("\t\t" + string.Join(' ', parts));
        }
    }

    private string ArpMatch() => random.Next(4) switch
    {
        0 => $"arp operation {Pick("request", "reply")}",
        1 => $"arp saddr ip 10.{1 + random.Next(2)}.0.{2 + random.Next(4)}",
        2 => $"arp daddr ip 10.{1 + random.Next(2)}.0.{1 + random.Next(3)}",
        _ => $"arp saddr ether {DifferenceLab.OuterMac(random.Next(2))}",
    };

    /// <summary>An address. Station 1 is the machine itself: copies to itself go round in a real kernel for as long as it is given time.</summary>
    private string Four(bool network = false, int leastStation = 1) =>
        network && random.Next(3) == 0 ? $"10.{1 + random.Next(2)}.0.0/29" : $"10.{1 + random.Next(2)}.0.{Math.Max(leastStation, 1 + random.Next(5))}";

    private string Six(bool network = false, int leastStation = 1) =>
        network && random.Next(3) == 0 ? $"2001:db8:{1 + random.Next(2)}::/126" : $"2001:db8:{1 + random.Next(2)}::{Math.Max(leastStation, 1 + random.Next(5))}";

    /// <summary>Packets that pass here came in by a link: what a kernel draws for its own (identification, flow label) is not looked at.</summary>
    private static bool ComesIn(string hook) => hook is "prerouting" or "forward" or "ingress";

    private string Match(string family, string hook, bool isV6)
    {
        string not = random.Next(3) == 0 ? "!= " : "";
        bool tracks = family is "ip" or "ip6" or "inet" or "bridge";
        if (isWide && random.Next(3) == 0)
        {
            return RareMatch(hook, isV6);
        }

        switch (random.Next(tracks ? 26 : 19))
        {
            case 0 or 1:
                return isV6 ? $"ip6 saddr {not}{Six(true)}" : $"ip saddr {not}{Four(true)}";
            case 2 or 3:
                return isV6 ? $"ip6 daddr {not}{Six(true)}" : $"ip daddr {not}{Four(true)}";
            case 4:
                return isV6 ? $"ip6 {Pick("saddr", "daddr")} {not}@six" : $"ip {Pick("saddr", "daddr")} {not}@four";
            case 5:
                return $"meta l4proto {not}{Pick("tcp", "udp", isV6 ? "ipv6-icmp" : "icmp", "{ tcp, udp }")}";
            case 6:
                return Pick($"tcp dport {not}{Port}", $"udp dport {not}{Port}", $"th dport {not}{Port}", $"tcp sport {not}@ports", $"udp dport {not}@ranges", $"tcp dport {not}20-80", $"th sport {not}2000-2020");
            case 7:
                return Pick("tcp flags syn / syn,ack", "tcp flags ack", "tcp flags & (fin | syn | rst | ack) == syn", "tcp flags ! syn", "tcp flags { syn, ack }", "tcp flags rst", "tcp option maxseg exists", "tcp option maxseg size > 1000",
                    "tcp window > 900", "tcp doff 5", "tcp option window exists", "tcp option sack-perm exists");
            case 8:
                return isV6 ? $"icmpv6 type {not}{Pick("echo-request", "echo-reply", "destination-unreachable", "{ echo-request, time-exceeded }")}"
                    : $"icmp type {not}{Pick("echo-request", "echo-reply", "destination-unreachable", "{ echo-request, time-exceeded }")}";
            case 9:
                return isV6 ? Pick("ip6 hoplimit < 10", "ip6 nexthdr tcp", "ip6 length > 60", "ip6 dscp 8", "ip6 version 6", ComesIn(hook) ? "ip6 flowlabel > 100" : "ip6 version 6")
                    : Pick("ip ttl < 10", "ip protocol tcp", "ip length > 60", "ip dscp 8", "ip frag-off & 0x3fff != 0", ComesIn(hook) ? "ip id < 30000" : "ip version 4", "ip hdrlength 5", ComesIn(hook) ? "ip checksum > 1000" : "ip version 4");
            case 10:
                return isV6 ? Pick("exthdr frag exists", "exthdr hbh exists", "exthdr dst missing", "frag more-fragments 1", "frag frag-off > 0", "hbh nexthdr tcp", "dst hdrlength 0") : Pick("ip option rr exists", "ip frag-off & 0x1fff > 0");
            case 11:
                return Pick($"meta mark {not}{random.Next(4)}", "meta mark & 0x1 == 0x1", $"meta length {Pick("<", ">")} {40 + random.Next(60)}", "meta pkttype host", "meta pkttype { host, multicast }");
            case 12:
                return family == "netdev" && hook.Length == 0 ? "meta protocol ip6" : Pick($"iifname {not}\"a0\"", $"oifname {not}\"b0\"", "iif \"a0\"", "oif { \"a0\", \"b0\" }", "iifname \"a*\"", "meta iiftype ether", "iifgroup 0");
            case 13 or 14 or 16 when _makesCopies && family is "ip" or "ip6" or "inet":
                return Pick("meta protocol ip", "meta protocol ip6", "meta nfproto ipv6", "meta nfproto ipv4", "@th,16,16 80", "@nh,0,4 4", "@nh,64,8 > 20", "@th,0,16 & 1 == 1");
            case 13:
                return Pick("meta protocol ip", "meta protocol ip6", "meta nfproto ipv6", "meta nfproto ipv4", "ether type ip", "ether type { ip6, arp }");
            case 14:
                return Pick("@th,16,16 80", "@nh,0,4 4", "@nh,64,8 > 20", "@ih,0,8 > 3", "@th,0,16 & 1 == 1", "@ll,0,48 > 2");
            case 15:
                return Pick("ip saddr . tcp dport @pairs", "ip daddr . th dport @wide", "ip saddr . udp dport @wide", "ip saddr . ip daddr { 10.1.0.2 . 10.2.0.2, 10.1.0.3 . 10.2.0.3 }", "ip6 saddr . tcp dport { 2001:db8:1::2 . 22, 2001:db8:1::3 . 80 }", "meta l4proto . th dport { tcp . 22, udp . 80 }");
            case 16:
                return Pick($"ether saddr {DifferenceLab.OuterMac(random.Next(2))}", $"ether daddr {DifferenceLab.InnerMac(random.Next(2))}");
            case 17:
                return Pick($"numgen inc mod 3 {random.Next(3)}", $"jhash ip saddr . ip daddr mod 4 seed 0xdeadbeef {random.Next(4)}", $"jhash ip6 saddr mod 3 seed 0x1 {random.Next(3)}");
            case 18:
                return Pick("udp length > 20", "udp checksum 0", "tcp sequence > 0x7fffffff", "th dport & 1 == 0", "meta l4proto != { 1, 58 }");
            case 19 or 20 or 21:
                return Pick("ct state new", "ct state established", "ct state established,related", "ct state invalid", "ct state { new, untracked }", "ct state != new");
            case 22:
                return Pick("ct direction reply", "ct direction original", $"ct mark {not}{random.Next(3)}", "ct protocol tcp", "ct l3proto ip6", "ct zone 0");
            case 23:
                return Pick("ct status snat", "ct status dnat", "ct status seen-reply", "ct status assured", "ct status confirmed");
            case 24:
                return Pick($"ct original proto-dst {Port}", $"ct reply proto-src {Port}", isV6 ? $"ct original ip6 saddr {Six()}" : $"ct original ip saddr {Four()}", isV6 ? $"ct reply ip6 daddr {Six()}" : $"ct reply ip saddr {Four()}");
            default:
                return hook is "prerouting" or "input" or "forward" && family != "bridge"
                    ? Pick("fib saddr type local", "fib daddr type local", "fib daddr type { unicast, local }", "fib saddr . iif oif missing", "fib saddr oif exists", "fib daddr oifname \"b0\"", "fib daddr . iif type local")
                    : Pick("ct state new", "ct state related");
        }
    }

    private string Port => Pick("22", "80", "443", "5000", "1-100");

    private IEnumerable<string> Statement(string family, string hook, string type, bool isV6, bool mayJump)
    {
        if (type == "nat")
        {
            return Translation(family, hook, isV6);
        }

        if (family == "arp")
        {
            return [Pick("accept", "drop", "counter", "meta mark set 3")];
        }

        if (isWide && random.Next(4) == 0)
        {
            return [RareStatement(hook, isV6), Pick("accept", "drop", "", "")];
        }

        string verdict = mayJump ? Pick("accept", "drop", "accept", "jump c1", "goto c2", "continue", "") : Pick("accept", "drop", "return", "", "");
        switch (random.Next(20))
        {
            case 0:
                return [Pick($"limit rate 1/hour burst {1 + random.Next(5)} packets", $"limit rate over 1/hour burst {1 + random.Next(5)} packets", "quota 500 bytes", "quota over 300 bytes", "limit rate 100 bytes/hour burst 400 bytes"), verdict];
            case 1:
                return [$"meta mark set {Pick("1", "2", "meta mark | 0x4", "th dport map @marks", "tcp dport map { 22 : 7, 80 : 8 }")}", verdict];
            case 2 when family is "ip" or "ip6" or "inet":
                return [$"ct mark set {Pick("1", "2", "meta mark")}", verdict];
            case 3 when family is "ip" or "ip6" or "inet" && hook is "prerouting":
                return ["notrack"];
            case 4 or 5 when family is "ip" or "ip6" or "inet" && hook is "prerouting" or "input" or "forward" or "output":
                return isV6 ? [Pick("meta nfproto ipv6 reject with icmpv6 type no-route", "meta nfproto ipv6 reject with icmpv6 type admin-prohibited", "meta l4proto tcp reject with tcp reset", "meta nfproto ipv6 reject with icmpv6 type addr-unreachable", family == "inet" ? "reject" : "drop")]
                    : [Pick("meta nfproto ipv4 reject with icmp type host-unreachable", "meta nfproto ipv4 reject with icmp type admin-prohibited", "meta l4proto tcp reject with tcp reset", "meta nfproto ipv4 reject with icmp type port-unreachable", family == "inet" ? "reject with icmpx type no-route" : "drop")];
            case 6:
                return isV6 ? [Pick("ip6 hoplimit set 33", "ip6 dscp set cs2", "ip6 flowlabel set 5"), verdict] : [Pick("ip ttl set 33", "ip dscp set cs2", "ip id set 77"), verdict];
            case 7:
                return [Pick("tcp dport set 8080", "udp dport set 8080", "th sport set 999", "tcp option maxseg set 1000", "reset tcp option sack-perm", "tcp window set 55"), verdict];
            case 8 when family != "bridge" || hook != "input":
                return isV6 ? [$"ip6 {Pick("saddr", "daddr")} set {Six()}", verdict] : [$"ip {Pick("saddr", "daddr")} set {Four()}", verdict];
            case 9:
                return [Pick("tcp dport vmap { 22 : accept, 80 : drop }", "udp dport vmap { 80 : drop, 443 : accept }", mayJump ? "meta l4proto vmap { tcp : jump c1, udp : goto c2 }" : "meta l4proto vmap { tcp : accept }", isV6 ? "ip6 saddr vmap { 2001:db8:1::2 : drop }" : "ip saddr vmap { 10.1.0.2 : drop, 10.2.0.0/29 : accept }")];
            case 10:
                return [isV6 ? Pick("add @seen6 { ip6 saddr }", "update @seen6 { ip6 daddr }", "ip6 saddr @seen6 counter") : Pick("add @seen4 { ip saddr }", "ip saddr @seen4 counter", "add @seen4 { ip daddr }", "delete @seen4 { ip saddr }"), verdict];
            case 11:
                return [Pick("counter name \"named\"", "quota name \"little\"", "log prefix \"x\"", "meta priority set 1:2"), verdict];
            case 12 when _makesCopies && family is "ip" && hook.Length > 0:
                return [$"dup to {Four(leastStation: 2)}{Pick("", " device \"b0\"")}"];
            case 12 when _makesCopies && family is "ip6" && hook.Length > 0:
                return [$"dup to {Six(leastStation: 2)} device \"{Pick("a0", "b0")}\""];
            case 12 or 13 when family == "netdev" && hook.Length > 0:
                return [Pick("fwd to \"b0\"", "dup to \"b0\"", "fwd to \"c0\"", "dup to \"c0\"")];
            case 14 when family == "bridge" || hook is "prerouting":
                return [Pick($"ether daddr set {DifferenceLab.OuterMac(random.Next(3))}", $"ether saddr set {DifferenceLab.OuterMac(random.Next(3))}"), verdict];
            case 15 when family is "ip" or "ip6" or "inet" && hook is "forward":
                // Not "ct count": a real kernel counts connections that are gone until its next tick.
                return ["tcp option maxseg set rt mtu", verdict];
            default:
                return [verdict.Length == 0 ? "counter" : verdict];
        }
    }

    private string[] Translation(string family, string hook, bool isV6)
    {
        string with = family == "inet" ? isV6 ? "ip6 " : "ip " : "";
        string address = isV6 ? Six() : Four();
        bool isSource = hook is "postrouting" or "input";
        string transport = Pick("meta l4proto tcp", "meta l4proto udp", "meta l4proto { tcp, udp }");
        if (isWide && random.Next(3) == 0)
        {
            return RareTranslation(with, isSource, isV6, transport);
        }

        return random.Next(6) switch
        {
            0 or 1 when isSource => [$"snat {with}to {(isV6 ? "2001:db8:2::1" : "10.2.0.1")}"],
            2 when isSource => ["masquerade"],
            3 when isSource => [transport, isV6 ? $"snat {with}to [2001:db8:2::1]:700-720" : $"snat {with}to 10.2.0.1:700-720"],
            4 when isSource => [isV6 ? $"snat {with}to 2001:db8:2::1" : $"snat {with}to ip saddr map {{ 10.1.0.2 : 10.2.0.1, 10.1.0.3 : 10.2.0.5 }}"],
            0 or 1 when !isSource => [$"dnat {with}to {address}"],
            2 when !isSource => [Pick("redirect", $"{transport} redirect to :80")],
            3 when !isSource => [transport, isV6 ? $"dnat {with}to [{address}]:80" : $"dnat {with}to {address}:80"],
            4 when !isSource => [isV6 ? $"dnat {with}to {address}" : $"dnat {with}to tcp dport map {{ 22 : 10.2.0.3, 80 : 10.2.0.4 }}"],
            _ => [Pick("accept", "counter")],
        };
    }

    private string Pick(params string[] values) => values[random.Next(values.Length)];
}
