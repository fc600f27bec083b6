namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <content>What wide programs have besides: rarer fields, what writes to them, and translations to ranges and by maps.</content>
internal sealed partial class RuleStream
{
    private string RareMatch(string hook, bool isV6) => random.Next(12) switch
    {
        0 => Pick("sctp dport 22", "udplite dport 80", "esp spi > 100", "ah spi 5", "comp cpi 5", "th sport > 2010", "dccp dport 22"),
        1 => isV6 ? Pick("icmpv6 code 0", "icmpv6 id > 2004", "icmpv6 mtu > 1300", "icmpv6 type { 1, 2, 3, 128 }", "icmpv6 sequence 1", "icmpv6 type 1-4")
            : Pick("icmp code 1", "icmp id > 2004", "icmp mtu > 500", "icmp type { 3, 11, 12, 8 }", "icmp sequence 1", "icmp type timestamp-request", "icmp type 3-5"),
        2 => isV6 ? Pick("ip6 nexthdr { 6, 44 }", "ip6 ecn 1", "exthdr rt exists", "ip6 saddr & ::3 == ::2", "ip6 daddr ff00::/8", "ip6 saddr fe80::/10", "hbh hdrlength 0", "dst nexthdr 17")
            : Pick("ip option ra exists", "ip option lsrr exists", "ip option rr ptr 4", "ip ecn 1", "ip saddr & 0.0.0.3 == 0.0.0.2", "ip daddr 224.0.0.0/4", "ip protocol { 6, 17, 132 }", "ip frag-off & 0x4000 == 0x4000"),
        3 => Pick("tcp option timestamp exists", "tcp urgptr 0", "tcp option sack exists", "tcp option 5 exists", "tcp flags != ack", "tcp flags fin,ack / fin,ack", "tcp ackseq 0", "tcp window 1000"),
        4 => Pick("meta pkttype broadcast", "meta pkttype multicast", "meta pkttype { broadcast, multicast, other }", "meta pkttype other", "meta priority 1:2", "meta mark & 3 != 1"),
        5 when hook is "prerouting" or "input" or "forward" => Pick(
            "fib daddr type broadcast", "fib daddr type multicast", "fib saddr type unicast", "fib daddr . iif type { local, broadcast }", "fib saddr . mark oif exists", "fib daddr oif \"a0\"", "fib saddr . mark . iif oif exists"),
        5 or 6 when hook is "forward" or "output" or "postrouting" && topology == Topology.Router =>
            isV6 ? Pick($"rt ip6 nexthop {Six()}", "rt mtu > 1000", "rt classid 0") : Pick($"rt ip nexthop {Four()}", "rt mtu > 1000", "rt classid 0"),
        7 => Pick("jhash ip daddr . tcp dport mod 5 seed 0x7 2", "jhash ip6 daddr . th sport mod 3 seed 0x9 1", "numgen inc mod 5 offset 3 4", "jhash ip protocol mod 2 seed 0x3 1"),
        8 => isV6 ? Pick("@nh,48,8 6", "@nh,56,8 64", "@th,0,8 128", "@ih,0,16 > 30000", "@nh,0,12 0x602") : Pick("@nh,72,8 6", "@nh,64,8 64", "@th,0,8 8", "@ih,0,16 > 30000", "@nh,48,16 & 0x2000 == 0x2000"),
        9 => Pick("ct state related", "ct state { established, related }", "ct status != confirmed", "ct direction != original", "ct original protocol 6", "ct reply proto-dst > 2005", "ct packets > 0", "ct zone 1", "ct mark & 1 == 1"),
        10 => Pick("ip saddr . ip protocol { 10.1.0.2 . 6, 10.1.0.3 . 17, 10.2.0.2 . 1 }", "ip6 saddr . ip6 nexthdr { 2001:db8:1::2 . 6, 2001:db8:2::3 . 17 }", "meta mark . tcp dport { 1 . 22, 0 . 80 }", "iifname . ip saddr { \"a0\" . 10.1.0.2, \"b0\" . 10.2.0.3 }"),
        _ => Pick("udp dport != { 53, 80 }", "tcp dport { 20-30, 80, 400-6000 }", "tcp sport 2001 tcp dport 22"),
    };

    private string RareStatement(string hook, bool isV6) => random.Next(9) switch
    {
        0 => Pick("meta pkttype set host", "meta pkttype set broadcast", "meta pkttype set other", "meta priority set 1:3", "meta mark set jhash ip saddr mod 4", "meta mark set numgen inc mod 3", "meta mark set meta mark ^ 0x3"),
        1 => Pick("ct mark set ct mark | 0x1", "ct mark set ct mark and 0x2", "meta mark set ct mark", hook == "prerouting" ? "ct zone set 1" : "ct mark set 7", "ct mark set meta mark map { 1 : 5, 2 : 6 }"),
        2 => Pick("tcp sport set 2500", "udp sport set 2500", "tcp sequence set 5", "tcp ackseq set 9", "udp checksum set 0", "tcp urgptr set 3", "tcp flags set ack", "sctp dport set 80"),
        3 => isV6 ? Pick("icmpv6 id set 2002", "icmpv6 code set 1", "icmpv6 type set 129", "icmpv6 sequence set 7") : Pick("icmp id set 2002", "icmp code set 1", "icmp type set echo-reply", "icmp sequence set 7"),
        4 => isV6 ? Pick("ip6 hoplimit set 2", "ip6 hoplimit set 255", "ip6 ecn set ce") : Pick("ip protocol set 253", "ip ttl set 2", "ip ttl set 1", "ip frag-off set 0", "ip ecn set ce"),
        5 => isV6 ? Pick("@nh,4,8 set 0x20", "@nh,56,8 set 40", "@th,0,16 set 2100") : Pick("@nh,8,8 set 0x10", "@nh,64,8 set 40", "@th,0,16 set 2100"),
        6 => Pick("@th,32,32 set 7", "@th,16,16 set 80", "tcp option timestamp tsval set 5", "reset tcp option maxseg", "tcp option maxseg size set 300"),
        7 => Pick("counter name tcp dport map { 22 : \"named\", 80 : \"named\" }", "quota name udp dport map { 22 : \"little\" }", "limit rate over 1/day burst 2 packets", "limit rate 1/day"),
        _ => isV6 ? Pick("ip6 saddr . tcp dport vmap { 2001:db8:1::2 . 22 : drop, 2001:db8:2::3 . 80 : accept }", "ip6 daddr vmap { 2001:db8:1::2-2001:db8:1::4 : drop }", "add @seen6 { ip6 saddr counter }")
            : Pick("ip saddr . tcp dport vmap { 10.1.0.2 . 22 : drop, 10.2.0.0/30 . 80-90 : accept }", "ip daddr vmap { 10.1.0.2-10.1.0.4 : drop }", "add @seen4 { ip saddr }", "update @seen4 { ip daddr }"),
    };

    private string[] RareTranslation(string with, bool isSource, bool isV6, string transport) => (random.Next(4), isSource) switch
    {
        (0, true) => [isV6 ? $"snat {with}to 2001:db8:2::3-2001:db8:2::5" : $"snat {with}to 10.2.0.3-10.2.0.5{Pick("", " persistent")}"],
        (1, true) => [transport, "masquerade to :700-720"],
        (2, true) => [isV6 ? $"snat {with}prefix to ip6 saddr map {{ 2001:db8:1::/64 : 2001:db8:2::/64 }}" : $"snat {with}prefix to ip saddr map {{ 10.1.0.0/24 : 10.2.0.0/24 }}"],
        (0, false) => [isV6 ? $"dnat {with}to 2001:db8:2::2-2001:db8:2::4" : $"dnat {with}to 10.2.0.2-10.2.0.4{Pick("", " persistent")}"],
        (1, false) => [transport, isV6 ? $"dnat {with}to [{Six()}]:80-90" : $"dnat {with}to {Four()}:80-90"],
        (2, false) => [isV6 ? "meta l4proto tcp redirect to :443" : $"dnat {with}to ip daddr . tcp dport map {{ 10.2.0.3 . 80 : 10.2.0.2 . 8080, 10.2.0.2 . 22 : 10.2.0.4 . 443 }}"],
        (_, true) => [transport, isV6 ? $"snat {with}to [2001:db8:2::7]" : $"snat {with}to 10.2.0.7"],
        _ => [isV6 ? $"ip6 daddr {Six()} dnat {with}to {Six()}" : $"ip daddr {Four()} dnat {with}to {Four()}"],
    };
}
