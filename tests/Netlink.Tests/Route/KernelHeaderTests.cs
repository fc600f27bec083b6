using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using EucaNet.Netlink.Route;
using EucaNet.Tests;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>The constants against the installed kernel headers, through a compiled probe.</summary>
public sealed partial class KernelHeaderTests
{
    private static readonly string[] Headers =
    [
        "if_link.h", "rtnetlink.h", "neighbour.h", "if_addr.h", "fib_rules.h", "if_bridge.h", "if.h", "if_arp.h", "veth.h", "if_ether.h", "if_tun.h", "if_vlan.h", "pkt_sched.h", "gen_stats.h",
    ];

    [Test]
    [RequiresProgram("gcc")]
    public void Every_constant_has_the_value_the_headers_give_it()
    {
        string texts = string.Concat(Headers.Select(header => File.ReadAllText($"/usr/include/linux/{header}")));
        HashSet<string> known = [.. Word().Matches(texts).Select(match => match.Value)];
        Type[] classes = [typeof(LinkConstants), typeof(BridgeConstants), typeof(AddressConstants), typeof(RouteConstants), typeof(NeighbourConstants), typeof(RuleConstants), typeof(TrafficConstants)];
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
        string folder = Directory.CreateTempSubdirectory("euca-headers").FullName;
        try
        {
            var source = new StringBuilder("#include <stdio.h>\n#include <sys/socket.h>\n");
            foreach (string header in Headers)
            {
                source.Append(CultureInfo.InvariantCulture, $"#include <linux/{header}>\n");
            }

            source.Append("int main(void) {\n");
            foreach (string name in names)
            {
                source.Append(CultureInfo.InvariantCulture, $"printf(\"%s %lld\\n\", \"{name}\", (long long)({name}));\n");
            }

            File.WriteAllText(Path.Combine(folder, "probe.c"), source.Append("return 0; }\n").ToString());
            Run("gcc", "-w", "-o", Path.Combine(folder, "probe"), Path.Combine(folder, "probe.c"));
            return Run(Path.Combine(folder, "probe")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '))
                .ToDictionary(parts => parts[0], parts => long.Parse(parts[1], CultureInfo.InvariantCulture));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, errors.Result);
        return output;
    }

    [GeneratedRegex(@"\b[A-Z][A-Z0-9_]{3,}\b")]
    private static partial Regex Word();
}
