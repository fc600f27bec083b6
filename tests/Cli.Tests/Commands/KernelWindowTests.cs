using System.Text.Json.Nodes;
using EucaNet.Netlink.Kernel;
using EucaNet.Tests;

namespace EucaNet.Cli.Tests.Commands;

/// <summary>The windows on the kernel beside iproute2's own, on one namespace with objects of many kinds.</summary>
[RequiresRoot]
[RequiresProgram("ip", "bridge", "sh")]
public sealed class KernelWindowTests
{
    // What moves by itself between two looks.
    private static readonly string[] Moving = ["gc_timer", "hello_timer", "tcn_timer", "valid_life_time", "preferred_life_time", "hold_timer", "forward_delay_timer"];

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
            "route add 10.6.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.0.0.4", "route add blackhole 10.7.0.0/16 metric 50",
            "route add 10.8.0.0/16 via 10.0.0.2 mtu 1400 table 7 proto static src 10.0.0.1", "neighbour add 10.0.0.9 lladdr 02:00:00:00:00:09 dev br0 nud permanent",
        ];
        string[] whereTheKernelHasThem =
        [
            "link add ifb0 type ifb", "link add d0 type dummy", "link add vx0 type vxlan id 5 remote 10.0.0.9 dstport 4789 dev br0", "link add mv0 link v1 type macvlan mode bridge",
            "link add vrf0 type vrf table 10", "link add br0.10 link br0 type vlan id 10", "tuntap add t0 mode tun", "tuntap add t1 mode tap user 0",
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
    [TestCase("ip", "-j -d link show", "link show -j -d")]
    [TestCase("ip", "-j address show", "addr show -j")]
    [TestCase("ip", "-j -d address show", "addr show -j -d")]
    [TestCase("ip", "-j route show", "route show -j")]
    [TestCase("ip", "-j -d route show", "route show -j -d")]
    [TestCase("ip", "-j route show table 7", "route show -j --table 7")]
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
