using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using EucaNet.Netfilter.Conntrack;
using EucaNet.Netfilter.Nftables;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Netfilter.Tests.Nftables;

/// <summary>Our constants are the kernel's, as far as the headers installed here know them.</summary>
[RequiresProgram("gcc")]
public sealed class ConstantTests
{
    [TestCase(typeof(NfTables), "nf_tables.h", "nf_tables_compat.h")]
    [TestCase(typeof(Ctnetlink), "nfnetlink_conntrack.h", "nf_conntrack_common.h")]
    [TestCase(typeof(Nfnetlink), "nfnetlink.h", "nfnetlink_conntrack.h")]
    public void Constants_equal_those_of_the_installed_headers(Type type, params string[] headers)
    {
        string text = string.Concat(headers.Select(header => File.ReadAllText("/usr/include/linux/netfilter/" + header)));
        Dictionary<string, long> ours = type.GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => Regex.IsMatch(text, $@"^\s*(#define\s+)?{field.Name}\b", RegexOptions.Multiline))
            .ToDictionary(field => field.Name, field => Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture));
        string[] lines = CompiledProbe.Run($$"""
            #include <stdio.h>
            #include <linux/netlink.h>
            #include <linux/netfilter.h>
            {{string.Concat(headers.Select(header => $"#include <linux/netfilter/{header}>\n"))}}
            int main(void)
            {
            {{string.Concat(ours.Keys.Select(name => $"printf(\"{name} %lld\\n\", (long long)({name}));\n"))}}
            return 0;
            }
            """);
        foreach (string[] line in lines.Select(line => line.Split(' ')))
        {
            // A newer kernel has more table flags than the headers of an older one know.
            if (line[0] is not "NFT_TABLE_F_MASK")
            {
                Assert.That(ours[line[0]], Is.EqualTo(long.Parse(line[1], CultureInfo.InvariantCulture)), line[0]);
            }
        }

        Assert.That(ours, Has.Count.GreaterThan(10));
    }
}
