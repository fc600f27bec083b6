using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Tests;

namespace EucaNet.Cli.Tests.Commands;

/// <summary>eucanet nft and eucanet monitor beside nft and ip, on one namespace each.</summary>
[RequiresRoot]
[RequiresProgram("nft", "ip", "kill")]
public sealed partial class NftWindowTests
{
    private const string Ruleset =
        """
        table inet t {
        	comment "what windows look at"
        	counter c { packets 3 bytes 4; }
        	quota q { over 10 mbytes used 3 kbytes; }
        	set s { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.1-10.0.0.5 . 80-90 comment "hey", 1.2.3.0/24 . 443 } ; }
        	set groups { type devgroup; elements = { default, 7 } ; }
        	set realms { type realm; elements = { cosmos, 7 } ; }
        	set options { typeof ip option ra value; }
        	set pointers { typeof ip option lsrr ptr . tcp option maxseg size; }
        	map v { type iface_index . mark : verdict; elements = { "lo" . 0x4 : jump x } ; }
        	chain x { comment "a chain"; }
        	chain f {
        		type filter hook forward priority filter - 5; policy drop;
        		iif . meta mark vmap @v comment "by link"
        		iif "d0" oifgroup default rtclassid cosmos ct label 5
        		th dport 80 counter name "c" quota name "q"
        		ip saddr . th dport @s drop
        		meta l4proto . th dport vmap { tcp . 80 : accept, udp . 53-54 : drop }
        		meta time < "2022-07-01 11:00:00" meta hour "17:00"-"19:00" log prefix "late: "
        	}
        }
        table netdev n {
        	chain i { type filter hook ingress device d0 priority -500; }
        }

        """;

    // Each frame is of a kind that nft tells in a way of its own: bits behind headers it knows, tags, headers cut short. (What nft 1.0.6 itself dies of, a known protocol behind AH or a tagged ARP packet, is left out.)
    private static readonly string[] Frames =
    [
        "ffffffffffff0200000000010806" + "0001080006040001020000000001c0000201000000000000c0000202",
        "ffffffffffff02000000000188cc" + "0207040200000000010000",
        "ffffffffffff0200000000018100" + "6123" + "0800" + "4500001c000000004011b6ccc0000201c0000202" + "1111222200080000",
        "ffffffffffff02000000000188a8" + "b68a" + "8100" + "d089" + "0800" + "4500001c000000004011b6ccc0000201c0000202" + "1111222200080000",
        "ffffffffffff0200000000010800" + "4600002000000000400216b6c0000201c000020294040000" + "11640000e0000001",
        "ffffffffffff0200000000010800" + "4500002c0000000040330000c0000201c0000202" + "f7040000000000050000000900000000000000000000000000000000",
        "ffffffffffff0200000000010800" + "450000180000000040330000c0000201c0000202" + "f7040000",
        "ffffffffffff0200000000010800" + "4500001e0000000040880000c0000201c0000202" + "11112222000812340102",
        "ffffffffffff02000000000186dd" + "6000000000183a40" + "fe800000000000000000000000000001" + "ff020000000000000000000000000001" + "870000000000000000000000000000000000000000000000",
    ];

    private const string LastSender = "02:00:00:00:00:99", LastFrame = "ffffffffffff" + "020000000099" + "88cc" + "0207040200000000010000";

    private static readonly string[] Rules =
    [
        "from 10.0.0.0/8 lookup 100", "to 1.2.3.4 lookup main pref 5", "not from 10.0.0.1 to 11.0.0.0/24 iif lo oif d0 fwmark 0x5 table 7 pref 6", "fwmark 0x10/0xff lookup 200 pref 7",
        "tos 0x10 lookup 8 pref 8", "uidrange 100-200 lookup 9 pref 9", "ipproto tcp sport 100 dport 200-300 lookup 9 pref 10", "ipproto 200 lookup 9 pref 11", "prohibit from 1.1.1.1 pref 12",
        "blackhole pref 13", "unreachable iif d0 pref 14", "goto 9000 pref 15", "goto 32766 pref 16", "nop pref 17", "lookup main suppress_prefixlength 0 pref 18",
        "lookup main suppress_ifgroup 5 pref 19", "lookup main suppress_ifgroup default suppress_prefixlength 24 pref 20", "from 10.0.0.9 realms 5 lookup main pref 21",
        "from 10.0.0.9 realms 6/5 lookup main pref 22", "l3mdev pref 23", "iif nodev0 lookup local pref 24", "oif nodev0 lookup default pref 25", "protocol static lookup 9 pref 26",
        "protocol 77 lookup 9 pref 27", "tun_id 5 lookup 9 pref 28", "fwmark 0x1/0 lookup 9 pref 39",
    ];

    private NetworkNamespace _lab = null!;

    [SetUp]
    public void MakeNamespace()
    {
        _lab = NetworkNamespace.Create();
        // Neighbour discovery would bring packets and addresses at moments of its own.
        Tool("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6");
        Tool("ip", "link", "set", "lo", "up");
        Tool("ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1");
        Tool("ip", "link", "set", "d0", "up");
        Tool("ip", "link", "set", "d1", "up");
    }

    [TearDown]
    public void DropNamespace() => _lab.Dispose();

    [Test]
    public void A_listing_has_the_words_of_nft_in_every_form()
    {
        string file = Path.Combine(TestContext.CurrentContext.WorkDirectory, "windows.nft");
        File.WriteAllText(file, Ruleset);
        Tool("nft", "-f", file);
        foreach ((string theirs, string ours) in (ReadOnlySpan<(string, string)>)[("list ruleset", ""), ("-a -n -s -t list ruleset", "-a -n -s -t"), ("--debug=netlink list ruleset", "--debug"), ("-t --debug=netlink list ruleset", "-t --debug"), ("list table inet t", "inet t")])
        {
            Assert.That(Eucanet(["nft", "list", .. Words(ours)]), Is.EqualTo(Tool("nft", Words(theirs))), ours);
        }

        Assert.That(JsonNode.DeepEquals(JsonNode.Parse(Eucanet("nft", "list", "-j")), JsonNode.Parse(Tool("nft", "-j", "list", "ruleset"))));
    }

    [Test]
    [RequiresProgram("setpriv")]
    public void Who_may_not_look_is_told_what_it_takes()
    {
        foreach (string command in (string[])["nft list", "nft probe", "nft trace"])
        {
            CommandResult refused = CommandLine.RunOther(null, "setpriv", ["--bounding-set=-net_admin", "--inh-caps=-net_admin", "dotnet", CommandLine.Program, .. Words(command)]);
            Assert.That(refused.Status, Is.EqualTo(1), command);
            Assert.That(refused.Errors, Does.Contain("EPERM").And.Contain("CAP_NET_ADMIN"), command);
        }
    }

    [Test]
    public void What_the_kernel_has_is_told_as_JSON_too()
    {
        JsonArray told = JsonNode.Parse(Eucanet("nft", "probe", "-j"))!.AsArray();
        string[] lines = Eucanet("nft", "probe").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(told, Has.Count.EqualTo(lines.Length));
        for (int i = 0; i < lines.Length; i++)
        {
            Assert.That(lines[i], Does.Contain((string)told[i]!["name"]!).And.StartsWith((bool)told[i]!["available"]! ? "yes" : "no"));
        }
    }

    [Test]
    public void A_trace_tells_what_nft_monitor_trace_tells_of_the_same_packets()
    {
        const ushort AnyProtocol = 3;
        string file = Path.Combine(TestContext.CurrentContext.WorkDirectory, "traced.nft");
        File.WriteAllText(file, "table netdev n {\n chain i {\n type filter hook ingress device d0 priority 0;\n meta nftrace set 1\n arp operation request counter\n ip saddr 192.0.2.1 meta mark set 7\n }\n}\n"
            + "table inet t {\n chain p {\n type filter hook prerouting priority -300;\n meta nftrace set 1\n ip protocol { udp, ah } goto q\n }\n chain q {\n drop\n }\n}\n");
        Tool("nft", "-f", file);
        using Process nft = StartOther("nft", "monitor", "trace");
        using Process eucanet = CommandLine.Start(_lab, "nft", "trace");
        List<string> theirs = Read(nft), ours = Read(eucanet);
        Assert.That(SpinWait.SpinUntil(() => BothListen(nft), TimeSpan.FromSeconds(60)), "the programs do not listen");
        int index = int.Parse(Tool("ip", "-o", "link", "show", "d1").Split(':')[0], CultureInfo.InvariantCulture);
        using (IPacketSocket socket = LinuxKernel.Open(_lab).OpenPacket(index, AnyProtocol))
        {
            foreach (string frame in (string[])[.. Frames, LastFrame])
            {
                socket.Send(Convert.FromHexString(frame));
            }
        }

        // Both read at their own pace; the last packet is told when its policy is.
        Assert.That(SpinWait.SpinUntil(() => HasTold(theirs) && HasTold(ours), TimeSpan.FromSeconds(60)), () => $"{Lines(theirs).Length} lines of nft, {Lines(ours).Length} of ours");
        Interrupt(nft, eucanet);
        string[] expected = [.. Lines(theirs).Select(WithoutCounts)];
        Assert.That(Lines(ours).Select(WithoutCounts), Is.EqualTo(expected));
        Assert.That(expected.Count(line => line.Contains("netdev n i packet:")), Is.GreaterThan(Frames.Length));

        static bool HasTold(List<string> lines) => Lines(lines).SkipWhile(line => !line.Contains(LastSender)).Any(line => line.Contains("netdev n i policy"));
        static string WithoutCounts(string line) => Counts().Replace(line, "counter");
    }

    [Test]
    public void Routing_rules_are_told_in_the_words_of_ip_monitor()
    {
        using Process ip = StartOther("ip", "monitor", "rule"), text = CommandLine.Start(_lab, "monitor"), json = CommandLine.Start(_lab, "monitor", "-j");
        List<string> theirs = Read(ip), ours = Read(text), fields = Read(json);
        const string Beginning = "2:\tfrom all lookup 4242";

        // Rules come and go until all three have told of one.
        bool heard = SpinWait.SpinUntil(
            () =>
            {
                Tool("ip", "rule", "add", "pref", "1", "lookup", "1");
                Tool("ip", "rule", "del", "pref", "1");
                Thread.Sleep(100);
                return Lines(theirs).Length > 0 && Lines(ours).Length > 0 && Lines(fields).Length > 0;
            },
            TimeSpan.FromSeconds(60));
        Assert.That(heard, "the programs tell nothing");
        foreach (string rule in (string[])["lookup 4242 pref 2", .. Rules])
        {
            Tool("ip", ["rule", "add", .. Words(rule)]);
        }

        Tool("ip", "-6", "rule", "add", "from", "fd00::/8", "to", "::1", "lookup", "77", "pref", "40");
        JsonArray expected = JsonNode.Parse(Tool("ip", "-j", "rule"))!.AsArray();
        Tool("ip", "rule", "del", "pref", "16");
        Tool("ip", "-6", "rule", "del", "pref", "40");
        int count = Rules.Length + 4;
        SpinWait.SpinUntil(() => After(theirs).Length >= count && After(ours).Length >= count, TimeSpan.FromSeconds(20));
        Interrupt(ip, text, json);
        Assert.That(After(ours), Is.EqualTo(After(theirs)));
        Assert.That(After(theirs), Has.Length.EqualTo(count));
        List<JsonNode?> told = [.. Lines(fields).Select(line => JsonNode.Parse(line)!["rule"])];
        foreach (JsonNode rule in expected.Select(rule => rule!).Where(rule => (uint)rule["priority"]! is not (0 or 32766 or 32767)))
        {
            Assert.That(told.Any(other => JsonNode.DeepEquals(rule, other)), rule.ToJsonString());
        }

        static string[] After(List<string> lines) => [.. Lines(lines).SkipWhile(line => line != Beginning)];
    }

    [Test]
    [RequiresProgram("unshare")]
    public void Who_may_not_force_its_send_buffer_is_told_the_limit_and_what_it_takes()
    {
        // A rule of this kind takes more than 300 bytes; twice the limit is granted. In a user namespace nobody has CAP_NET_ADMIN in the initial one.
        const int RuleBytes = 300;
        int limit = int.Parse(File.ReadAllText("/proc/sys/net/core/wmem_max"), CultureInfo.InvariantCulture);
        int count = 2 * limit / RuleBytes;
        string file = Path.Combine(TestContext.CurrentContext.WorkDirectory, "too-large.rules");
        File.WriteAllLines(file, ["*filter", ":INPUT ACCEPT [0:0]", .. Enumerable.Range(0, count).Select(i => $"-A INPUT -s 10.{i >> 16}.{i >> 8 & 255}.{i & 255} -p tcp --dport 80 -j ACCEPT"), "COMMIT"]);
        CommandResult refused = CommandLine.RunOther(null, "unshare", "--user", "--map-root-user", "--net", "dotnet", CommandLine.Program, "iptables", "restore", "-b", "nft", file);
        File.Delete(file);
        Assert.That(refused.Status, Is.EqualTo(1), refused.Errors);
        Match told = Refusal().Match(refused.Errors);
        Assert.That(told.Success, refused.Errors);
        long taken = Number("taken"), needed = Number("needed"), granted = Number("granted"), wanted = Number("wanted");
        Assert.That((taken, granted), Is.EqualTo((needed + 32, 2L * limit)));
        Assert.That(2 * wanted, Is.GreaterThanOrEqualTo(taken));
        Assert.That(2 * (wanted - 2), Is.LessThan(taken));

        long Number(string group) => long.Parse(told.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"batch of (?<needed>\d+) bytes: EMSGSIZE.*may be (?<granted>\d+) bytes; it takes (?<taken>\d+)\. Set net\.core\.wmem_max to (?<wanted>\d+) or more")]
    private static partial Regex Refusal();

    private static List<string> Read(Process process)
    {
        var lines = new List<string>();
        process.OutputDataReceived += (_, told) =>
        {
            lock (lines)
            {
                lines.AddRange(told.Data is { } line ? [line] : []);
            }
        };
        process.BeginOutputReadLine();
        return lines;
    }

    private static string[] Lines(List<string> lines)
    {
        lock (lines)
        {
            return [.. lines];
        }
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static void Interrupt(params Process[] processes)
    {
        foreach (Process process in processes)
        {
            CommandLine.RunOther(null, "kill", "-INT", process.Id.ToString(CultureInfo.InvariantCulture));
            if (!process.WaitForExit(TimeSpan.FromSeconds(20)))
            {
                process.Kill();
            }
        }
    }

    // /proc shows the sockets of a process's namespace: netfilter's protocol, the owner's number, the groups as a mask. nft gives its socket the number of its process.
    private static bool BothListen(Process nft)
    {
        const string Netfilter = "12";
        const uint Traces = 1 << 8;
        List<string> listeners = [.. File.ReadLines($"/proc/{nft.Id}/net/netlink").Skip(1).Select(Words)
            .Where(fields => fields[1] == Netfilter && (Convert.ToUInt32(fields[3], 16) & Traces) != 0).Select(fields => fields[2])];
        return listeners.Contains(nft.Id.ToString(CultureInfo.InvariantCulture)) && listeners.Count > 1;
    }

    [GeneratedRegex(@"counter packets \d+ bytes \d+")]
    private static partial Regex Counts();

    private Process StartOther(string program, params string[] arguments) =>
        _lab.Run(() => Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!);

    private string Tool(string program, params string[] arguments)
    {
        CommandResult result = CommandLine.RunOther(_lab, program, arguments);
        Assert.That(result.Status, Is.Zero, $"{program} {string.Join(' ', arguments)}: {result.Errors}");
        return result.Output;
    }

    private string Eucanet(params string[] arguments)
    {
        CommandResult result = CommandLine.Run(_lab, arguments);
        Assert.That(result.Status, Is.Zero, $"eucanet {string.Join(' ', arguments)}: {result.Errors}");
        return result.Output;
    }
}
