using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using EucaNet.Netlink.Route;
using EucaNet.Tests;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>The constants against the installed kernel headers, through a compiled probe.</summary>
public sealed partial class KernelHeaderTests
{
    private static readonly string[] Headers =
    [
        "if_link.h", "rtnetlink.h", "neighbour.h", "if_addr.h", "fib_rules.h", "if_bridge.h", "if.h", "if_arp.h", "veth.h", "if_ether.h", "if_tun.h", "if_vlan.h", "pkt_sched.h", "gen_stats.h", "nexthop.h",
    ];

    [Test]
    [RequiresProgram("gcc")]
    public void Every_constant_has_the_value_the_headers_give_it()
    {
        string texts = string.Concat(Headers.Select(header => File.ReadAllText($"/usr/include/linux/{header}")));
        HashSet<string> known = [.. Word().Matches(texts).Select(match => match.Value)];
        Type[] classes = [typeof(LinkConstants), typeof(BridgeConstants), typeof(AddressConstants), typeof(RouteConstants), typeof(NeighbourConstants), typeof(RuleConstants), typeof(NextHopConstants), typeof(TrafficConstants)];
        FieldInfo[] constants = [.. classes.SelectMany(type => type.GetFields()).Where(field => field.IsLiteral && known.Contains(field.Name))];
        Assert.That(constants, Has.Length.GreaterThan(800));
        Dictionary<string, long> values = Compile(constants.Select(field => field.Name));
        Assert.Multiple(() =>
        {
            foreach (FieldInfo constant in constants)
            {
                long ours = Convert.ToInt64(constant.GetRawConstantValue(), CultureInfo.InvariantCulture);
                Assert.That((uint)values[constant.Name], Is.EqualTo((uint)ours), constant.Name);
            }
        });
    }

    private static Dictionary<string, long> Compile(IEnumerable<string> names)
    {
        string[] lines = CompiledProbe.Run($$"""
            #include <stdio.h>
            #include <sys/socket.h>
            {{string.Concat(Headers.Select(header => $"#include <linux/{header}>\n"))}}
            int main(void)
            {
            {{string.Concat(names.Select(name => $"printf(\"{name} %lld\\n\", (long long)({name}));\n"))}}
            return 0;
            }
            """);
        return lines.Select(line => line.Split(' ')).ToDictionary(parts => parts[0], parts => long.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"\b[A-Z][A-Z0-9_]{3,}\b")]
    private static partial Regex Word();
}
