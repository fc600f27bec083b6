using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EucaNet.Cli.Tests.Evidence;
using EucaNet.Netlink.Kernel;
using EucaNet.Tests;

namespace EucaNet.Cli.Tests.Commands;

/// <summary>The windows on the kernel beside iproute2's own, on one namespace with objects of many kinds.</summary>
[RequiresRoot]
[RequiresProgram("ip", "bridge", "sh")]
public sealed partial class KernelWindowTests
{
    // What moves by itself between two looks.
    private static readonly string[] Moving = ["gc_timer", "hello_timer", "tcn_timer", "valid_life_time", "preferred_life_time", "hold_timer", "forward_delay_timer", "expires",
        "ad_actor_oper_port_state", "ad_actor_oper_port_state_str", "ad_partner_oper_port_state", "ad_partner_oper_port_state_str"];

    private NetworkNamespace _lab = null!;

    [OneTimeSetUp]
    public void MakeObjects()
    {
        _lab = NetworkNamespace.Create();
        string[] required =
        [
            "link set lo up", "link add br0 type bridge", "link add v0 type veth peer name v1", "link set v0 master br0", "link set v0 up", "link set v1 up", "link set br0 up",
            "link set v0 alias hello", "link property add dev v1 altname another-name-of-v1", "address add 10.0.0.1/24 brd + dev br0", "address add 10.0.1.1 peer 10.0.1.2/32 dev v1",
            "address add fd00::1/64 dev br0 valid_lft 1000 preferred_lft 500 nodad", "route add 10.5.0.0/16 via 10.0.0.2",
            "route add 10.6.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.0.0.4", "route add blackhole 10.7.0.0/16 metric 50", "route add 10.12.0.0/16 via 10.0.0.2 proto bgp", "route add 10.13.0.0/16 via 10.0.0.2 proto 77",
            "route add 10.8.0.0/16 via 10.0.0.2 mtu 1400 table 7 proto static src 10.0.0.1",
            "route add 10.11.0.0/16 via 10.0.0.2 mtu lock 1400 window 5000 rtt 100ms rttvar 50ms ssthresh 10 cwnd lock 20 advmss 1300 reordering 5 hoplimit 40 initcwnd 15 initrwnd 16 quickack 1 "
                + "features ecn rto_min 2s congctl cubic fastopen_no_cookie 1",
            "-6 route add fd01::/64 via fd00::2 mtu 1400 hoplimit 9 pref high expires 1000", "neighbour add 10.0.0.9 lladdr 02:00:00:00:00:09 dev br0 nud permanent",
        ];
        string[] whereTheKernelHasThem =
        [
            "link add ifb0 type ifb", "link add d0 type dummy", "link add d1 type dummy", "link add d2 type dummy", "link add vrf0 type vrf table 10", "link set v1 master vrf0",
            "link add vx0 type vxlan id 5 remote 10.0.0.9 dstport 4789 dev br0",
            "link add vx1 type vxlan id 6 group 239.1.1.1 dstport 4790 dev br0 ttl 5 tos 2 ageing 200 maxaddress 50 nolearning proxy rsc l2miss l3miss udpcsum gbp",
            "link add vx2 type vxlan id 7 local fd00::9 remote fd00::8 dstport 4791 udp6zerocsumtx udp6zerocsumrx flowlabel 0x123 srcport 1000 2000 df set",
            "link add vx3 type vxlan external dstport 4799 gpe", "link add mv0 link v1 type macvlan mode bridge", "link add mv1 link v1 type macvlan mode source",
            "link set mv1 type macvlan macaddr add 02:00:00:00:00:11", "link add br0.10 link br0 type vlan id 10 bridge_binding on",
            "link add d0.10 link d0 type vlan id 10 gvrp on mvrp on loose_binding on ingress-qos-map 1:2 3:4 egress-qos-map 0:5 2:6",
            "link add d0.20 link d0 type vlan proto 802.1ad id 20 reorder_hdr off", "link add bond0 type bond mode active-backup miimon 100 primary d1", "link set d1 master bond0",
            "link add bond1 type bond mode 802.3ad lacp_rate fast xmit_hash_policy layer3+4 ad_select bandwidth", "link set d2 master bond1",
            "link add bond2 type bond mode balance-rr arp_interval 200 arp_ip_target 10.0.0.9,10.0.0.10 packets_per_slave 3",
            "link add bond3 type bond mode active-backup arp_interval 200 arp_ip_target 10.0.0.9 arp_validate active fail_over_mac follow ns_ip6_target fd00::1",
            "link add mv2 link bond2 type macvlan mode passthru nopromisc", "link set d0 up", "link set bond0 up", "link set bond1 up", "link set d0 alias dummy",
            "tuntap add t0 mode tun", "tuntap add t1 mode tap user 0",
        ];
        // Whether an address is still being looked for on the link would differ between two looks.
        Assert.That(CommandLine.RunOther(_lab, "sh", ["-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"]).Status, Is.Zero);
        foreach (string command in required)
        {
            CommandResult result = CommandLine.RunOther(_lab, "ip", command.Split(' '));
            Assert.That(result.Status, Is.Zero, $"ip {command}: {result.Errors}");
        }

        foreach (string command in whereTheKernelHasThem)
        {
            CommandLine.RunOther(_lab, "ip", command.Split(' '));
        }
    }

    [OneTimeTearDown]
    public void DropObjects() => _lab.Dispose();

    [TestCase("ip", "-j link show", "link show -j")]
    [TestCase("ip", "-j address show", "addr show -j")]
    [TestCase("ip", "-j -d address show", "addr show -j -d")]
    [TestCase("ip", "-j route show", "route show -j")]
    [TestCase("ip", "-j -d route show", "route show -j -d")]
    [TestCase("ip", "-j route show table 7", "route show -j --table 7")]
    [TestCase("ip", "-j -6 route show", "route show -j -6")]
    [TestCase("ip", "-j neighbour show", "neigh show -j")]
    [TestCase("bridge", "-j link show", "bridge show -j")]
    [TestCase("bridge", "-j -d link show", "bridge show -j -d")]
    public void A_window_shows_the_fields_and_values_that_iproute2_shows(string program, string theirs, string ours)
    {
        CommandResult expected = CommandLine.RunOther(_lab, program, theirs.Split(' '));
        CommandResult shown = CommandLine.Run(_lab, ours.Split(' '));
        Assert.That(expected.Status, Is.Zero, expected.Errors);
        Assert.That(shown.Status, Is.Zero, shown.Errors);
        var differences = new List<string>();
        Compare(JsonNode.Parse(expected.Output), JsonNode.Parse(shown.Output), "", differences);
        Assert.That(differences, Is.Empty);
    }

    [TestCase("ip", "link show", "link show")]
    [TestCase("ip", "address show", "addr show")]
    [TestCase("ip", "-d address show", "addr show -d")]
    [TestCase("ip", "route show", "route show")]
    [TestCase("ip", "-d route show", "route show -d")]
    [TestCase("ip", "-6 route show", "route show -6")]
    [TestCase("ip", "neighbour show", "neigh show")]
    [TestCase("bridge", "link show", "bridge show")]
    [TestCase("bridge", "-d link show", "bridge show -d")]
    public void A_window_has_the_words_of_iproute2(string program, string theirs, string ours) =>
        Assert.That(Words(CommandLine.Run(_lab, ours.Split(' '))), Is.EqualTo(Words(CommandLine.RunOther(_lab, program, theirs.Split(' ')))));

    [Test]
    [RequiresProgram("unshare")]
    public void Tables_and_protocols_have_the_names_that_the_administrator_gave_them()
    {
        const string Named = """
            mount -t tmpfs none /etc/iproute2 && mkdir /etc/iproute2/rt_tables.d && echo '7 first' > /etc/iproute2/rt_tables && echo '0x7 vpn # ours' > /etc/iproute2/rt_tables.d/own.conf
            printf '77 handmade\n4 other\n' > /etc/iproute2/rt_protos; exec "$@"
            """;
        CommandResult In(params string[] command) => CommandLine.RunOther(_lab, "unshare", ["-m", "sh", "-c", Named, "sh", .. command]);
        CommandResult table = In("ip", "-d", "route", "show", "table", "vpn"), main = In("ip", "route", "show");
        Assert.That(table.Output, Does.Contain("proto static"), "the program's own name counts");
        Assert.That(main.Output, Does.Contain("proto handmade"));
        Assert.That(Words(In("dotnet", CommandLine.Program, "route", "show", "-d", "--table", "vpn")), Is.EqualTo(Words(table)));
        Assert.That(Words(In("dotnet", CommandLine.Program, "route", "show")), Is.EqualTo(Words(main)));
        Assert.That(In("dotnet", CommandLine.Program, "route", "show", "--table", "all").Output, Does.Contain("table vpn"));
    }

    [Test]
    [Category(DebianKernelTests.Category)]
    public void Links_of_every_kind_have_all_their_options_in_the_words_of_ip() =>
        Assert.That(Words(CommandLine.Run(_lab, "link", "show", "-d")), Is.EqualTo(Words(CommandLine.RunOther(_lab, "ip", "-d", "link", "show"))));

    [Test]
    [Category(DebianKernelTests.Category)]
    public void Links_of_every_kind_have_all_their_options_in_the_fields_of_ip() => A_window_shows_the_fields_and_values_that_iproute2_shows("ip", "-j -d link show", "link show -j -d");

    private static string[] Words(CommandResult result)
    {
        Assert.That(result.Status, Is.Zero, result.Errors);
        return [.. Timers().Replace(result.Output, "$1 …").Split('\n').Select(line => line.TrimEnd())];
    }

    [GeneratedRegex(@"\b(\w+_timer|expires|valid_lft|preferred_lft|ad_\w+_port_state(?:_str)?) +\S+")]
    private static partial Regex Timers();

    private static void Compare(JsonNode? expected, JsonNode? shown, string path, List<string> differences)
    {
        switch (expected, shown)
        {
            case (JsonObject left, JsonObject right):
                foreach (string name in left.Select(pair => pair.Key).Union(right.Select(pair => pair.Key)))
                {
                    if (!left.ContainsKey(name) || !right.ContainsKey(name))
                    {
                        differences.Add($"{path}.{name} is {(left.ContainsKey(name) ? $"missing ({left[name]})" : $"ours alone ({right[name]})")}");
                    }
                    else if (!Moving.Contains(name))
                    {
                        Compare(left[name], right[name], $"{path}.{name}", differences);
                    }
                }

                break;
            case (JsonArray left, JsonArray right) when left.Count == right.Count:
                for (int index = 0; index < left.Count; index++)
                {
                    Compare(left[index], right[index], $"{path}[{index}]", differences);
                }

                break;
            default:
                if (!JsonNode.DeepEquals(expected, shown))
                {
                    differences.Add($"{path}: {expected?.ToJsonString()} there, {shown?.ToJsonString()} here");
                }

                break;
        }
    }
}
