using EucaNet.Netfilter.Iptables;
using EucaNet.Tests;

namespace EucaNet.Netfilter.Tests.Iptables;

/// <summary>Our tables and those of the real tools, in namespaces of the tests' own.</summary>
[RequiresRoot]
[RequiresProgram("iptables-nft-save", "iptables-legacy-save", "nft")]
public sealed class LiveTablesTests
{
    /// <summary>Files of each family on each interface: 300 of an interface.</summary>
    private const int Files = 150;

    private static readonly string[] BuiltinTables = ["filter", "nat", "mangle", "raw", "security"];

    private static string Program(IptablesFamily family, IptablesInterface way, string what) =>
        $"{(family == IptablesFamily.Ip ? "iptables" : "ip6tables")}-{(way == IptablesInterface.Nft ? "nft" : "legacy")}{what}";

    [Test]
    public void Of_files_made_from_the_recordings_ours_and_the_real_tools_leave_and_read_the_same([Values] IptablesFamily family, [Values] IptablesInterface way)
    {
        string directory = Directory.CreateTempSubdirectory("euca").FullName;
        try
        {
            string empty = string.Concat(BuiltinTables.Select(table => $"*{table}\n{string.Concat(IptablesTable.Empty(table).Chains.Select(chain => $":{chain.Name} ACCEPT [0:0]\n"))}COMMIT\n"));
            File.WriteAllText(Path.Combine(directory, "empty"), empty);
            string restore = Program(family, way, "-restore"), save = Program(family, way, "-save");
            using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
            using IptablesTables tables = IptablesTables.Open(here.Kernel, way, family);
            int taken = 0;
            for (int number = 0; number < Files; number++)
            {
                string file = RecordedFiles.Make(family, way, number);
                File.WriteAllText(Path.Combine(directory, "file"), file);
                string output = here.Run("sh", "-c", $"cd {directory}; {restore} <empty && if {restore} <file 2>error; then {save}; else echo refused; fi");
                if (output.EndsWith("refused\n", StringComparison.Ordinal))
                {
                    Assert.That(() => tables.Restore(IptablesSaveFile.Parse(family, file, way)), Throws.Exception, $"file {number}: {File.ReadAllText(Path.Combine(directory, "error"))}");
                    continue;
                }

                string expected = RecordedFiles.WithoutComments(output);
                Assert.That(RecordedFiles.WithoutComments(tables.Read().ToText(asPrintedBy: way)), Is.EqualTo(expected), $"file {number}, restored by {restore}, read by us");
                tables.Restore(IptablesSaveFile.Parse(family, empty, way));
                tables.Restore(IptablesSaveFile.Parse(family, file, way));
                Assert.That(RecordedFiles.WithoutComments(here.Run(save)), Is.EqualTo(expected), $"file {number}, restored by us, read by {save}");
                taken++;
            }

            Assert.That(taken, Is.GreaterThanOrEqualTo(Files * 3 / 4));
            TestContext.Out.WriteLine($"{taken} of {Files} files were taken by both, the rest refused by both");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test]
    public void A_preload_with_an_error_in_its_last_line_changes_nothing_and_names_the_line([Values] IptablesInterface way)
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        here.Run(Program(IptablesFamily.Ip, way, ""), "-A", "INPUT", "-p", "tcp", "--dport", "22", "-j", "ACCEPT");
        string before = here.Run(Program(IptablesFamily.Ip, way, "-save"), "-t", "filter");

        using IptablesTables tables = IptablesTables.Open(here.Kernel, way);
        IptablesParseException error = Assert.Throws<IptablesParseException>(() => tables.FlushAndLoad("*filter\n-A INPUT -s 10.0.0.1 -j ACCEPT\n-A INPUT -m conntrak --ctstate NEW -j ACCEPT\nCOMMIT\n"));

        Assert.That((error.Line, error.Column, error.Token, error.Suggestion), Is.EqualTo((3, 13, "conntrak", "conntrack")));
        Assert.That(RecordedFiles.WithoutComments(here.Run(Program(IptablesFamily.Ip, way, "-save"), "-t", "filter")), Is.EqualTo(RecordedFiles.WithoutComments(before)));
    }

    [Test]
    public void A_preload_the_kernel_refuses_leaves_both_tables_as_they_were([Values] IptablesInterface way)
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        here.Run(Program(IptablesFamily.Ip, way, ""), "-A", "INPUT", "-s", "10.1.1.1", "-j", "DROP");
        here.Run(Program(IptablesFamily.Ip, way, ""), "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE");

        // No helper of that name exists: words and block are right, the kernel says no.
        const string Preload = "*filter\n-A INPUT -s 10.0.0.1 -j ACCEPT\nCOMMIT\n*nat\n-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.9\nCOMMIT\n*raw\n-A PREROUTING -j CT --helper nosuchthing\nCOMMIT\n";
        using IptablesTables tables = IptablesTables.Open(here.Kernel, way);
        Exception error = Assert.Catch(() => tables.FlushAndLoad(Preload));

        Assert.Multiple(() =>
        {
            Assert.That((error as IptablesParseException)?.Line, Is.EqualTo(8));
            Assert.That(here.Run(Program(IptablesFamily.Ip, way, ""), "-S", "INPUT"), Is.EqualTo("-P INPUT ACCEPT\n-A INPUT -s 10.1.1.1/32 -j DROP\n"));
            Assert.That(here.Run(Program(IptablesFamily.Ip, way, ""), "-t", "nat", "-S", "POSTROUTING"), Is.EqualTo("-P POSTROUTING ACCEPT\n-A POSTROUTING -j MASQUERADE\n"));
        });
    }

    [Test]
    public void Flush_preload_and_what_comes_behind_it_are_one_change([Values] IptablesInterface way)
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        here.Run(Program(IptablesFamily.Ip, way, ""), "-A", "INPUT", "-s", "10.1.1.1", "-j", "DROP");
        here.Run(Program(IptablesFamily.Ip, way, ""), "-N", "old");
        using IptablesTables tables = IptablesTables.Open(here.Kernel, way);

        tables.FlushAndLoad(
            "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i eth0 -p icmp -j ACCEPT\nCOMMIT\n",
            present => present
                .With((present["filter"]! with { }).With(present["filter"]!["FORWARD"]! with
                {
                    Policy = IptablesVerdict.Drop,
                    Rules = [IptablesRule.Parse(IptablesFamily.Ip, "filter", "FORWARD", "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")],
                }))
                .With(present["nat"]!.With("POSTROUTING", [IptablesRule.Parse(IptablesFamily.Ip, "nat", "POSTROUTING", "! -d 10.0.0.0/8 -j MASQUERADE")])));

        Assert.Multiple(() =>
        {
            Assert.That(
                here.Run(Program(IptablesFamily.Ip, way, ""), "-S"),
                Is.EqualTo("-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-A INPUT -i eth0 -p icmp -j ACCEPT\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"));
            Assert.That(here.Run(Program(IptablesFamily.Ip, way, ""), "-t", "nat", "-S", "POSTROUTING"), Is.EqualTo("-P POSTROUTING ACCEPT\n-A POSTROUTING ! -d 10.0.0.0/8 -j MASQUERADE\n"));
        });
    }

    [Test]
    public void A_table_somebody_else_changes_meanwhile_is_read_and_planned_again([Values] IptablesInterface way)
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        here.Run(Program(IptablesFamily.Ip, way, ""), "-A", "INPUT", "-s", "10.0.0.1", "-j", "ACCEPT");
        using IptablesTables tables = IptablesTables.Open(here.Kernel, way);
        int plans = 0;

        tables.Change(
            present =>
            {
                if (plans++ == 0)
                {
                    // The number of rules stays the same: the kernel alone would not notice on the legacy interface.
                    here.Run(Program(IptablesFamily.Ip, way, ""), "-R", "INPUT", "1", "-s", "10.0.0.2", "-j", "ACCEPT");
                }

                IptablesTable filter = present["filter"]!;
                return present.With(filter.With("INPUT", [.. filter["INPUT"]!.Rules, IptablesRule.Parse(IptablesFamily.Ip, "filter", "INPUT", "-s 10.0.0.3 -j DROP")]));
            },
            "filter");

        Assert.That(plans, Is.EqualTo(2));
        Assert.That(here.Run(Program(IptablesFamily.Ip, way, ""), "-S", "INPUT"), Is.EqualTo("-P INPUT ACCEPT\n-A INPUT -s 10.0.0.2/32 -j ACCEPT\n-A INPUT -s 10.0.0.3/32 -j DROP\n"));
    }

    [Test]
    public void Rules_that_stay_keep_what_they_have_counted([Values] IptablesInterface way)
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        here.Run(Program(IptablesFamily.Ip, way, ""), "-A", "INPUT", "-s", "10.0.0.1", "-c", "7", "700", "-j", "ACCEPT");
        here.Run(Program(IptablesFamily.Ip, way, ""), "-A", "INPUT", "-s", "10.0.0.2", "-c", "8", "800", "-j", "ACCEPT");
        here.Run(Program(IptablesFamily.Ip, way, ""), "-A", "INPUT", "-s", "10.0.0.3", "-c", "9", "900", "-j", "ACCEPT");
        using IptablesTables tables = IptablesTables.Open(here.Kernel, way);

        tables.Change(
            present => present.With(present["filter"]!.With(
                "INPUT",
                [present["filter"]!["INPUT"]!.Rules[0], IptablesRule.Parse(IptablesFamily.Ip, "filter", "INPUT", "-s 10.9.9.9 -j DROP"), present["filter"]!["INPUT"]!.Rules[2]])),
            "filter");

        Assert.That(
            here.Run(Program(IptablesFamily.Ip, way, "-save"), "-c", "-t", "filter").Split('\n').Where(line => line.Contains("-A", StringComparison.Ordinal)),
            Is.EqualTo(new[] { "[7:700] -A INPUT -s 10.0.0.1/32 -j ACCEPT", "[0:0] -A INPUT -s 10.9.9.9/32 -j DROP", "[9:900] -A INPUT -s 10.0.0.3/32 -j ACCEPT" }));
    }

    [Test]
    public void Counters_of_a_file_are_taken_where_that_is_asked_for([Values] IptablesInterface way)
    {
        const string Text = "*filter\n:INPUT DROP [3:180]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n[5:300] -A INPUT -i lo -j ACCEPT\nCOMMIT\n";
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        using IptablesTables tables = IptablesTables.Open(here.Kernel, way);
        tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, Text, way), counters: true);
        Assert.That(RecordedFiles.WithoutComments(here.Run(Program(IptablesFamily.Ip, way, "-save"), "-c", "-t", "filter")), Is.EqualTo(Text));
    }

    [Test]
    public void A_change_of_one_chain_leaves_every_other_rule_alone()
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        using IptablesTables tables = IptablesTables.Open(here.Kernel, IptablesInterface.Nft);
        IptablesRule[] rules = [.. Enumerable.Range(1, 5).Select(number => IptablesRule.Parse(IptablesFamily.Ip, "filter", "x", $"-p tcp --dport {number} -j ACCEPT"))];
        tables.ChangeChains(
        [
            new IptablesChainChange("filter", "admin-default", rules),
            new IptablesChainChange("filter", "user-default", rules),
            new IptablesChainChange("filter", "FORWARD", [IptablesRule.Parse(IptablesFamily.Ip, "filter", "FORWARD", "-d 10.0.1.0/24 -j admin-default")], IptablesVerdict.Drop),
        ]);
        string before = here.Run("nft", "-a", "list", "table", "ip", "filter");

        tables.ChangeChains([new IptablesChainChange("filter", "admin-default", [rules[0], rules[1], IptablesRule.Parse(IptablesFamily.Ip, "filter", "x", "-p udp -j ACCEPT"), rules[3], rules[4]])]);

        string after = here.Run("nft", "-a", "list", "table", "ip", "filter");
        string[] changed = [.. after.Split('\n').Except(before.Split('\n')).Select(line => line.Trim())];
        Assert.That(changed, Has.Length.EqualTo(1));
        Assert.That(changed[0], Does.Contain("udp"));
        Assert.That(here.Run("iptables-nft", "-S", "admin-default").Split('\n')[3], Is.EqualTo("-A admin-default -p udp -j ACCEPT"));

        tables.ChangeChains([new IptablesChainChange("filter", "FORWARD", []), new IptablesChainChange("filter", "admin-default", null)]);
        Assert.That(here.Run("iptables-nft", "-S"), Does.Not.Contain("admin-default").And.Contain("-P FORWARD DROP").And.Contain("user-default"));
    }

    [Test]
    [RequiresProgram("ipset")]
    public void Sets_of_the_kernel_are_written_and_shown_by_their_names([Values] IptablesInterface way)
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        foreach (string set in (string[])["first hash:ip", "blue hash:ip timeout 60 counters", "six hash:ip family inet6"])
        {
            here.Run("ipset", ["create", .. set.Split(' ')]);
        }

        const string Rules = "-A INPUT -m set ! --match-set blue src -j DROP\n-A INPUT -m set --match-set blue src --return-nomatch ! --update-counters --packets-gt 3 ! --bytes-eq 7\n-A FORWARD -j SET --add-set blue dst --exist --timeout 30 --del-set first src\n";
        using IptablesTables tables = IptablesTables.Open(here.Kernel, way);
        tables.Restore(IptablesSaveFile.Parse(IptablesFamily.Ip, $"*filter\n{Rules}COMMIT\n", way, tables.Names));
        string saved = RecordedFiles.WithoutComments(here.Run(Program(IptablesFamily.Ip, way, "-save"), "-t", "filter"));
        Assert.Multiple(() =>
        {
            Assert.That(saved, Does.Contain(Rules), "what the real tool shows");
            Assert.That(RecordedFiles.WithoutComments(tables.Read("filter").ToText(asPrintedBy: way)), Is.EqualTo(saved), "what we show");
            Assert.That(() => here.Run("ipset", "destroy", "blue"), Throws.InvalidOperationException, "a rule holds the set");
        });

        IptablesParseException unknown = Assert.Throws<IptablesParseException>(() => IptablesSaveFile.Parse(IptablesFamily.Ip, "*filter\n-A INPUT -m set --match-set gone src\nCOMMIT\n", way, tables.Names));
        Assert.That((unknown.Line, unknown.Token), Is.EqualTo((2, "gone")));
        Assert.That(() => IptablesSaveFile.Parse(IptablesFamily.Ip, "*filter\n-A INPUT -m set --match-set six src\nCOMMIT\n", way, tables.Names), Throws.TypeOf<IptablesParseException>().With.Message.Contains("IPv6"));
    }

    [Test]
    public void The_interface_whose_tables_are_in_use_is_found()
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        Assert.That(IptablesTables.Detect(here.Kernel).Interface, Is.EqualTo(IptablesInterface.Nft));

        here.Run("iptables-legacy", "-A", "FORWARD", "-j", "ACCEPT");
        IptablesInterfaceChoice legacy = IptablesTables.Detect(here.Kernel);
        Assert.That(legacy.Interface, Is.EqualTo(IptablesInterface.Legacy));
        Assert.That(legacy.Reason, Does.Contain("legacy").And.Contain("1 rules"));

        here.Run("iptables-nft", "-A", "FORWARD", "-j", "ACCEPT");
        Assert.That(IptablesTables.Detect(here.Kernel).Interface, Is.EqualTo(IptablesInterface.Nft));
    }

    [Test]
    public void A_table_with_rules_of_nft_alone_is_refused_by_name_and_flushed_where_that_is_asked_for()
    {
        using KernelUnderTest here = KernelUnderTest.Open(KernelKind.Linux);
        here.Run("iptables-nft", "-A", "FORWARD", "-j", "ACCEPT");
        here.Run("nft", "add rule ip filter FORWARD ct count over 3 drop");
        using IptablesTables tables = IptablesTables.Open(here.Kernel, IptablesInterface.Nft);
        Assert.That(() => tables.Read("filter"), Throws.TypeOf<IptablesTableException>().With.Message.Contains("filter"));

        tables.FlushAndLoad(null);
        Assert.That(tables.ReadTable("filter")["FORWARD"]!.Rules, Is.Empty);
    }
}
