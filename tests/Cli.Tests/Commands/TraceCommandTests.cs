using System.Text.Json;

namespace EucaNet.Cli.Tests.Commands;

/// <summary>Why a packet passes or not, asked of the rules that the kernel has.</summary>
public sealed class TraceCommandTests
{
    private const string Scenario = """
        front-end front --config CONF/eucalyptus.conf --address eth1=203.0.113.1/24
        node node1 --config CONF/eucalyptus-node.conf
        start
        instance run i-0a000001 --user alice --group web --on node1
        instance run i-0b000001 --user bob --group default --on node1
        expect lease i-0a000001 192.168.0.2
        expect lease i-0b000001 192.168.0.66
        group authorize --user alice --group web --protocol tcp --port 22
        address associate 203.0.113.10 i-0a000001

        """;

    private static readonly string[] Refused =
    [
        "tcp 198.51.100.7 203.0.113.10", "icmp 198.51.100.7 203.0.113.10:22", "tcp i-99999999 203.0.113.10:22", "tcp 198.51.100.7 203.0.113.10:22 --in eth9",
    ];

    private static readonly string[] Answered =
    [
        "tcp 198.51.100.7 203.0.113.10:22", "tcp 198.51.100.7 i-0a000001:23", "tcp i-0a000001 i-0b000001:22", "icmp 198.51.100.7 192.168.3.9", "icmp i-0a000001 192.168.0.1",
        "icmp i-0a000001 192.168.0.65", "udp i-0a000001 203.0.113.77:53", "tcp 203.0.113.1 i-0a000001:80",
    ];

    private static List<string>? _events;

    /// <summary>One cloud answers all the questions.</summary>
    [OneTimeSetUp]
    public void Ask()
    {
        string file = Path.GetTempFileName();
        string configurations = Path.Combine(CommandLine.Repository, "examples", "managed");
        File.WriteAllText(file, Scenario.Replace("CONF", configurations, StringComparison.Ordinal) + string.Concat(Answered.Concat(Refused).Select(question => $"trace {question}\n")));
        CommandResult run = CommandLine.Run(null, "sim", file, "-j");
        File.Delete(file);
        Assert.That(run.Status, Is.EqualTo(1), run.Errors + " (a refused question is an expectation that failed)");
        _events = [.. run.Output.Split('\n')];
    }

    [TestCase("tcp 198.51.100.7 203.0.113.10:22", true, "leaves by eth0", "public address 203.0.113.10 of instance i-0a000001", "group alice-web: tcp 22 from 0.0.0.0/0")]
    [TestCase("tcp 198.51.100.7 i-0a000001:23", false, "dropped by chain ip eucanet forward", "no rule lets it in", "group alice-web lets in only: tcp 22 from 0.0.0.0/0")]
    [TestCase("tcp i-0a000001 i-0b000001:22", false, "dropped by chain ip eucanet forward", "group bob-default has no ingress rules")]
    [TestCase("icmp 198.51.100.7 192.168.3.9", false, "no route to 192.168.3.9")]
    [TestCase("icmp i-0a000001 192.168.0.1", true, "reaches this machine: echo request", "ping of the own router")]
    [TestCase("icmp i-0a000001 192.168.0.65", false, "dropped by chain ip eucanet input", "nothing else of the front-end's is theirs")]
    [TestCase("udp i-0a000001 203.0.113.77:53", true, "leaves by eth1", "SNAT 192.168.0.2", "instance i-0a000001 as others see it")]
    [TestCase("tcp 203.0.113.1 i-0a000001:80", true, "leaves by eth0", "from this machine itself")]
    public void A_packet_is_followed_to_its_end_and_the_rule_that_decides_is_named(string question, bool passes, string ending, params string[] named)
    {
        string text = EventOf(question);
        JsonElement answer = JsonDocument.Parse(text).RootElement.GetProperty("answer");
        Assert.Multiple(() =>
        {
            Assert.That(answer.GetProperty("passes").GetBoolean(), Is.EqualTo(passes), text);
            Assert.That(answer.GetProperty("ending").GetString(), Does.Contain(ending), text);
            Assert.That(answer.GetProperty("leftOut").GetArrayLength(), Is.Zero, text);
            foreach (string part in named)
            {
                Assert.That(text, Does.Contain(part));
            }
        });
    }

    [TestCase("tcp 198.51.100.7 203.0.113.10", "tcp needs a port")]
    [TestCase("icmp 198.51.100.7 203.0.113.10:22", "icmp has no ports")]
    [TestCase("tcp i-99999999 203.0.113.10:22", "is no instance of this engine")]
    [TestCase("tcp 198.51.100.7 203.0.113.10:22 --in eth9", "no interface 'eth9'")]
    public void A_question_that_makes_no_sense_is_refused_with_the_reason(string question, string reason) => Assert.That(EventOf(question), Does.Contain(reason));

    [TestCase("iptables-nft", "group alice-web: tcp 22 from 0.0.0.0/0")]
    [TestCase("iptables-legacy", "xtables ip filter forward")]
    public void The_rules_of_iptables_are_followed_too(string firewall, string named)
    {
        string folder = Directory.CreateTempSubdirectory("eucanet-trace-").FullName;
        string examples = Path.Combine(CommandLine.Repository, "examples", "managed");
        File.WriteAllText(Path.Combine(folder, "eucalyptus.conf"), File.ReadAllText(Path.Combine(examples, "eucalyptus.conf")) + $"\nVNET_FIREWALL={firewall}\n");
        File.Copy(Path.Combine(examples, "eucalyptus-node.conf"), Path.Combine(folder, "eucalyptus-node.conf"));
        string file = Path.Combine(folder, "trace.euca");
        File.WriteAllText(file, Scenario.Replace("CONF", folder, StringComparison.Ordinal) + "trace tcp 198.51.100.7 203.0.113.10:22\ntrace tcp 198.51.100.7 203.0.113.10:23\n");
        CommandResult run = CommandLine.Run(null, "sim", file, "-j");
        Directory.Delete(folder, recursive: true);
        string[] answers = [.. run.Output.Split('\n').Where(line => line.Contains("\"leftOut\"", StringComparison.Ordinal))];
        Assert.That(answers, Has.Length.EqualTo(2), run.Output + run.Errors);
        Assert.That(answers[0], Does.Contain("\"passes\":true").And.Contain(named).And.Contain("\"leftOut\":[]").And.Not.Contain("not EucaNet's"));
        Assert.That(answers[1], Does.Contain("\"passes\":false").And.Contain("\"leftOut\":[]"));
    }

    private static string EventOf(string question)
    {
        List<string> events = _events!;
        int step = events.FindIndex(line => line.Contains("\"step\"", StringComparison.Ordinal) && line.Contains("trace " + question + "\"", StringComparison.Ordinal));
        return step >= 0 && step + 1 < events.Count ? events[step + 1] : throw new InvalidOperationException($"the story has no answer to {question}:\n{string.Join('\n', events)}");
    }
}
