using System.IO.Compression;
using System.Text.Json;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Netfilter.Tests.Iptables;

/// <summary>The nft interface on the simulated kernel: no root, no tools, the recordings say what has to come out.</summary>
public sealed class SimulatedTablesTests
{
    private static List<(string Table, string Chain, string Rule, string Saved)> Recorded(IptablesFamily family)
    {
        string program = family == IptablesFamily.Ip ? "iptables-" : "ip6tables-";
        var rows = new List<(string, string, string, string)>();
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Corpus.PathOf("iptables189nft-kernel6.18-rules.jsonl.gz")), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            JsonElement row = JsonSerializer.Deserialize<JsonElement>(line);
            string rule = row.GetProperty("rule").GetString()!;
            if (row.GetProperty("prog").GetString()!.StartsWith(program, StringComparison.Ordinal) && row.GetProperty("rc").GetInt32() == 0
                && !rule.Contains('"', StringComparison.Ordinal)
                && row.TryGetProperty("save", out JsonElement save) && save.ValueKind == JsonValueKind.Array && save.GetArrayLength() > 0)
            {
                rows.Add((row.GetProperty("table").GetString()!, row.GetProperty("chain").GetString()!, rule, string.Join('\n', save.EnumerateArray().Select(text => text.GetString()))));
            }
        }

        return rows;
    }

    [Test]
    public void A_rule_the_real_kernel_took_is_taken_and_printed_as_recorded([Values] IptablesFamily family)
    {
        var wrong = new List<string>();
        int rows = 0;
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Simulated);
        using IptablesTables tables = IptablesTables.Open(here.Kernel, IptablesInterface.Nft, family);
        foreach ((string table, string chain, string rule, string saved) in Recorded(family))
        {
            rows++;
            try
            {
                tables.Restore(IptablesSaveFile.Parse(family, $"*{table}\n-A {chain} {rule}\nCOMMIT\n", IptablesInterface.Nft));
                string printed = string.Join('\n', tables.Read(table).ToText(asPrintedBy: IptablesInterface.Nft).Split('\n').Where(line => line.StartsWith("-A ", StringComparison.Ordinal)));
                if (printed != saved)
                {
                    wrong.Add($"{table} {chain} {rule}: {printed} instead of {saved}");
                }
            }
            catch (Exception error) when (error is IptablesParseException or KernelException)
            {
                wrong.Add($"{table} {chain} {rule}: {error.Message}");
            }
        }

        Assert.Multiple(() =>
        {
            Assert.That(wrong, Is.Empty);
            Assert.That(rows, Is.GreaterThan(250));
        });
    }

    [TestCase("nat", "PREROUTING", "-p tcp -j REDIRECT --to-ports 42", "-p tcp -j REDIRECT --to-ports 43")]
    [TestCase("nat", "POSTROUTING", "-p tcp -j MASQUERADE --to-ports 42", "-p tcp -j MASQUERADE --to-ports 43")]
    [TestCase("nat", "PREROUTING", "-j NETMAP --to 2001:db8::/64", "-j NETMAP --to 2001:db8::/96")]
    [TestCase("filter", "INPUT", "-m ah --ahspi 1 --ahlen 12 --ahres", "-m ah --ahspi 1 --ahlen 12")]
    public void A_change_at_the_end_of_a_longer_ip6_block_is_a_change(string table, string chain, string before, string after)
    {
        Assert.That(IptablesRule.Parse(IptablesFamily.Ip6, table, chain, before), Is.Not.EqualTo(IptablesRule.Parse(IptablesFamily.Ip6, table, chain, after)));
    }

    [Test]
    public void A_file_of_the_other_family_is_not_loaded_into_these_tables()
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Simulated);
        using IptablesTables tables = IptablesTables.Open(here.Kernel, IptablesInterface.Nft);
        IptablesSaveFile file = IptablesSaveFile.Parse(IptablesFamily.Ip6, "*filter\n-A FORWARD -m ah --ahspi 1 -j DROP\nCOMMIT\n", IptablesInterface.Nft);
        Assert.That(() => tables.Restore(file), Throws.ArgumentException.With.Message.Contains("Ip6"));
    }

    [Test]
    public void A_preload_in_which_one_line_is_refused_changes_nothing_and_names_it()
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Simulated);
        using IptablesTables tables = IptablesTables.Open(here.Kernel, IptablesInterface.Nft);
        tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, "*filter\n-A INPUT -s 10.1.1.1 -j DROP\nCOMMIT\n*nat\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"));
        string before = tables.Read().ToText(asPrintedBy: IptablesInterface.Nft);

        IptablesParseException error = Assert.Throws<IptablesParseException>(() => tables.FlushAndLoad("*filter\n-A INPUT -s 10.0.0.1 -j ACCEPT\nCOMMIT\n*nat\n-A PREROUTING -j DNATT\nCOMMIT\n"));

        Assert.Multiple(() =>
        {
            Assert.That((error.Line, error.Token, error.Suggestion), Is.EqualTo((5, "DNATT", "DNAT")));
            Assert.That(tables.Read().ToText(asPrintedBy: IptablesInterface.Nft), Is.EqualTo(before));
        });
    }

    [Test]
    public void Flush_preload_and_what_comes_behind_it_stand_together()
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Simulated);
        using IptablesTables tables = IptablesTables.Open(here.Kernel, IptablesInterface.Nft);
        tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, "*filter\n:old - [0:0]\n-A INPUT -s 10.1.1.1 -j old\nCOMMIT\n*mangle\n-A PREROUTING -j MARK --set-mark 0x1\nCOMMIT\n"));

        tables.FlushAndLoad(
            "*filter\n-A INPUT -p icmp -j ACCEPT\nCOMMIT\n",
            present => present.With(present["nat"]!.With("POSTROUTING", [IptablesRule.Parse(IptablesFamily.Ip, "nat", "POSTROUTING", "! -d 10.0.0.0/8 -j MASQUERADE")])));

        Assert.That(
            tables.Read().ToText(asPrintedBy: IptablesInterface.Nft).Split('\n').Where(line => line.StartsWith('-')),
            Is.EquivalentTo(new[] { "-A INPUT -p icmp -j ACCEPT", "-A POSTROUTING ! -d 10.0.0.0/8 -j MASQUERADE", "-A PREROUTING -j MARK --set-xmark 0x1/0xffffffff" }));
    }
}
