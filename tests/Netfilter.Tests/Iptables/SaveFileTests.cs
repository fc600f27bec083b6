using EucaNet.Netfilter.Iptables;

namespace EucaNet.Netfilter.Tests.Iptables;

/// <summary>The iptables-save format: what it says comes back, and what it cannot say is named.</summary>
public sealed class SaveFileTests
{
    private static readonly IptablesRuleSet Nothing = new() { Family = IptablesFamily.Ip };

    private static IptablesRuleSet Load(string text, IptablesRuleSet? present = null, bool flush = true, bool counters = false) =>
        IptablesSaveFile.Parse(IptablesFamily.Ip, text).ApplyTo(present ?? Nothing, flush, counters);

    [Test]
    public void A_file_of_the_real_tool_is_printed_as_it_was_read()
    {
        // iptables-save 1.8.9 printed this, comment lines left out.
        const string Text = """
            *filter
            :INPUT ACCEPT [12:3456]
            :FORWARD DROP [0:0]
            :OUTPUT ACCEPT [7:890]
            :admin-default - [0:0]
            [1:60] -A INPUT -i lo -j ACCEPT
            [0:0] -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            [0:0] -A FORWARD -d 10.0.1.0/26 -j admin-default
            [0:0] -A FORWARD ! -s 10.0.0.0/8 -i eth0 -o eth0.+ -m comment --comment "it\'s \"so\"" -j LOG --log-prefix "in: "
            [3:180] -A admin-default -s 192.168.0.0/16 -p tcp -m tcp --dport 22 -j ACCEPT
            [0:0] -A admin-default -p icmp -m icmp --icmp-type 8/0 -j ACCEPT
            COMMIT

            """;
        Assert.That(Load(Text, counters: true).ToText(counters: true), Is.EqualTo(Text));
    }

    [TestCase("*filter\n-A INPUT -p tcp --dprt 22\nCOMMIT\n", 2, 17, "--dprt", "--dport", TestName = "An unknown option is named with the nearest one")]
    [TestCase("*filter\n-A INPUT -m contrack --ctstate NEW\nCOMMIT\n", 2, 13, "contrack", "conntrack", TestName = "An unknown match is named with the nearest one")]
    [TestCase("*filter\n-A INPUT -m conntrack --ctstate NEW,ESTABLISED -j ACCEPT\nCOMMIT\n", 2, 33, "NEW,ESTABLISED", "ESTABLISHED", TestName = "An unknown word of a list is named")]
    [TestCase("*filtr\nCOMMIT\n", 1, 2, "filtr", "filter", TestName = "An unknown table is named")]
    [TestCase("*filter\n:INPT ACCEPT [0:0]\nCOMMIT\n", 2, 2, "INPT", "INPUT", TestName = "A policy of an unknown chain is named")]
    [TestCase("*filter\n:INPUT ACEPT [0:0]\nCOMMIT\n", 2, 8, "ACEPT", "ACCEPT", TestName = "An unknown policy is named")]
    [TestCase("*filter\n-A INPUT -p tpc\nCOMMIT\n", 2, 13, "tpc", "tcp", TestName = "An unknown protocol is named")]
    [TestCase("*filter\n-A INPUT -s 10.0.0.300 -j ACCEPT\nCOMMIT\n", 2, 13, "10.0.0.300", null, TestName = "An address that is none is named")]
    [TestCase("*filter\n-A INPUT -m comment --comment \"open\nCOMMIT\n", 2, 31, "\"open", null, TestName = "An open quotation mark is named")]
    [TestCase("*filter\n-A INPUT ! ! -s 10.0.0.1\nCOMMIT\n", 2, 12, "!", null, TestName = "A doubled negation is named")]
    [TestCase("*filter\n-A INPUT -p tcp -m tcp --dport 22 22\nCOMMIT\n", 2, 35, "22", null, TestName = "A word too many is named")]
    [TestCase("-A INPUT -j ACCEPT\n", 1, 1, "-A INPUT -j ACCEPT", null, TestName = "A rule outside a table is named")]
    [TestCase("*filter\n-A INPUT -j ACCEPT\n", 1, 1, "*filter", null, TestName = "A table without COMMIT is named")]
    [TestCase("*filter\n  -A INPTU -j ACCEPT\nCOMMIT\n", 2, 6, "INPTU", "INPUT", TestName = "A chain that is not there is named where it stands")]
    [TestCase("*filter\n-A INPUT -p tcp -j ACEPT\nCOMMIT\n", 2, 20, "ACEPT", "ACCEPT", TestName = "A target that is none is named where it stands")]
    [TestCase("*filter\n:one - [0:0]\n-A INPUT -g on\nCOMMIT\n", 3, 13, "on", "one", TestName = "A jump that leads nowhere is named where it stands")]
    public void An_error_has_line_column_word_and_the_nearest_known_word(string text, int line, int column, string token, string? suggestion)
    {
        IptablesParseException error = Assert.Throws<IptablesParseException>(() => Load(text));
        Assert.That((error.Line, error.Column, error.Token, error.Suggestion), Is.EqualTo((line, column, token, suggestion)));
    }

    [TestCase("*filter\n-A INPUT -j admin-defalt\n:admin-default - [0:0]\nCOMMIT\n", 2, "admin-default", TestName = "A jump to nowhere is found at its line")]
    [TestCase("*filter\n:a - [0:0]\n:b - [0:0]\n-A a -j b\n-A b -j a\nCOMMIT\n", 5, null, TestName = "Jumps in a circle are found")]
    [TestCase("*filter\n-A nowhere -j ACCEPT\nCOMMIT\n", 2, null, TestName = "A rule of a chain that is not there is found")]
    [TestCase("*filter\n-A INPUT -j FORWARD\nCOMMIT\n", 2, null, TestName = "A jump to a built-in chain is found")]
    public void What_only_the_whole_table_shows_is_an_error_too(string text, int line, string? suggestion)
    {
        IptablesParseException error = Assert.Throws<IptablesParseException>(() => Load(text));
        Assert.That((error.Line, error.Suggestion), Is.EqualTo((line, suggestion)));
    }

    [TestCase("-A INPUT -p tcp -j DELUDE --hard", "DELUDE", TestName = "A target that is not known")]
    [TestCase("-A INPUT -m ipp2p --edk", "ipp2p", TestName = "A match that is not known")]
    public void What_is_not_known_is_refused_by_name(string rule, string name) =>
        Assert.That(() => Load($"*filter\n{rule}\nCOMMIT\n"), Throws.TypeOf<IptablesParseException>().With.Message.Contains(name));

    [Test]
    public void Single_commands_do_what_they_do_on_the_command_line()
    {
        IptablesRuleSet present = Load("*filter\n:x - [0:0]\n-A INPUT -s 10.0.0.1 -j ACCEPT\n-A INPUT -s 10.0.0.2 -j ACCEPT\n-A x -j RETURN\nCOMMIT\n");
        IptablesRuleSet changed = Load(
            """
            *filter
            -I INPUT 2 -s 10.0.0.9 -j DROP
            -D INPUT -s 10.0.0.1/32 -j ACCEPT
            -R INPUT 2 -s 10.0.0.3 -j ACCEPT
            -P FORWARD DROP
            -E x y
            -A FORWARD -j y
            -N z
            -X z
            COMMIT
            """,
            present,
            flush: false);
        Assert.That(
            changed.ToText(),
            Is.EqualTo(
                """
                *filter
                :INPUT ACCEPT [0:0]
                :FORWARD DROP [0:0]
                :OUTPUT ACCEPT [0:0]
                :y - [0:0]
                -A INPUT -s 10.0.0.9/32 -j DROP
                -A INPUT -s 10.0.0.3/32 -j ACCEPT
                -A FORWARD -j y
                -A y -j RETURN
                COMMIT

                """));
    }

    [Test]
    public void Several_addresses_make_several_rules() => Assert.That(
        Load("*filter\n-A INPUT -s 10.0.0.1,10.0.0.2 -d 10.1.0.0/16,10.2.0.0/16 -j ACCEPT\nCOMMIT\n")["filter"]!["INPUT"]!.Rules.Select(rule => rule.ToText(IptablesFamily.Ip)),
        Is.EqualTo(new[]
        {
            "-s 10.0.0.1/32 -d 10.1.0.0/16 -j ACCEPT", "-s 10.0.0.1/32 -d 10.2.0.0/16 -j ACCEPT",
            "-s 10.0.0.2/32 -d 10.1.0.0/16 -j ACCEPT", "-s 10.0.0.2/32 -d 10.2.0.0/16 -j ACCEPT",
        }));

    [Test]
    public void Options_of_one_name_belong_to_the_extension_named_last() => Assert.That(
        IptablesRule.Parse(IptablesFamily.Ip, "mangle", "PREROUTING", "-m mark --mark 1 -m connmark --mark 2 -j MARK --set-mark 3").ToText(IptablesFamily.Ip),
        Is.EqualTo("-m mark --mark 0x1 -m connmark --mark 0x2 -j MARK --set-xmark 0x3/0xffffffff"));

    [Test]
    public void Every_accepted_rule_of_the_recordings_is_read_again_as_it_was_printed([Values] IptablesFamily family)
    {
        Assert.Multiple(() =>
        {
            foreach ((string table, string chain, string words) in RecordedFiles.Accepted(family, IptablesInterface.Legacy))
            {
                IptablesRule rule = IptablesRule.Parse(family, table, chain, words);
                string printed = rule.ToText(family);
                Assert.That(IptablesRule.Parse(family, table, chain, printed).ToText(family), Is.EqualTo(printed), words);
            }
        });
    }

    [Test]
    public void Words_made_of_known_ones_by_accident_never_break_the_parser()
    {
        var random = new Random(20260101);
        string[] words = [.. RecordedFiles.Accepted(IptablesFamily.Ip, IptablesInterface.Legacy).SelectMany(rule => rule.Rule.Split(' ')).Distinct()];
        for (int attempt = 0; attempt < 20_000; attempt++)
        {
            string line = string.Join(' ', Enumerable.Range(0, random.Next(1, 9)).Select(_ => words[random.Next(words.Length)]));
            try
            {
                IptablesRule.Parse(IptablesFamily.Ip, "filter", "INPUT", line).ToText(IptablesFamily.Ip);
            }
            catch (IptablesParseException)
            {
                // Refused in words: that is what is wanted.
            }
        }
    }
}
