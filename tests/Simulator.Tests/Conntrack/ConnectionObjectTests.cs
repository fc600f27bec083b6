using System.Buffers.Binary;
using System.Globalization;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Recording;
using EucaNet.Simulator.Tests.Datapath.Differences;
using EucaNet.Simulator.Tests.Nftables;
using EucaNet.Tests;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Tests.Conntrack;

/// <summary>
/// What rules give to connections: timeouts, helpers, further connections to expect. The same frames come out, the same are counted, and the connections and expectations are the same
/// after each frame, as on the real kernel.
/// </summary>
[RequiresRoot]
[RequiresProgram("ip", "nft", "iptables-nft", "ip6tables-nft")]
public sealed class ConnectionObjectTests
{
    private const string Count =
        "chain count {\ntype filter hook forward priority 0\nct state new counter\nct state established counter\nct state related counter\nct status expected counter\nct helper tftp counter\nct helper ftp counter\n}\n"
        + "chain local {\ntype filter hook input priority 0\nct state related counter\nct helper tftp counter\n}\n";

    /// <summary>Objects, rules of nf_tables after tracking, and of iptables' table raw.</summary>
    private static readonly (string Objects, string Rules, string Raw)[] Programs =
    [
        ("ct timeout u {\nprotocol udp\nl3proto ip\npolicy = { unreplied : 5000, replied : 9000 }\n}\n", "meta l4proto udp ct timeout set \"u\"", ""),
        ("ct timeout t {\nprotocol tcp\nl3proto ip\npolicy = { syn_sent : 3000, established : 7000, close : 12000, fin_wait : 14000 }\n}\n", "meta l4proto tcp ct timeout set \"t\"", ""),
        ("ct helper h {\ntype \"tftp\" protocol udp\n}\nct helper f {\ntype \"ftp\" protocol tcp\nl3proto ip\n}\n", "ct helper set meta l4proto map { udp : \"h\", tcp : \"f\" }", ""),
        ("ct expectation e {\nprotocol udp\ndport 5000\ntimeout 2h\nsize 2\nl3proto ip\n}\n", "ip protocol { tcp, icmp } ct expectation set \"e\"", ""),
        ("ct expectation e {\nprotocol tcp\ndport 80\ntimeout 2h\nsize 1\nl3proto ip\n}\n", "ip protocol udp ct mark set 7\nip protocol udp ct expectation set \"e\"", ""),
        ("ct expectation e {\nprotocol tcp\ndport 22\ntimeout 2h\nsize 3\nl3proto ip6\n}\nct helper h {\ntype \"tftp\" protocol udp\n}\n", "meta l4proto udp ct helper set \"h\"\nmeta nfproto ipv6 meta l4proto { tcp, udp } ct expectation set \"e\"", ""),
        ("", "", "-p udp -j CT --helper tftp|-p tcp -j CT --helper ftp --ctevents new"),
    ];

    [Test]
    public void Rules_give_connections_what_the_real_kernel_gives_them([Range(0, 6)] int number)
    {
        (string objects, string rules, string raw) = Programs[number];
        using var real = new RealLab(Topology.Router);
        using var simulated = new SimulatedLab(Topology.Router);
        Assert.That(real.Load($"table inet t {{\n{objects}chain early {{\ntype filter hook prerouting priority -10\n{rules}\n}}\n{Count}}}".Split('\n')), Is.Null, "nft");
        if (raw.Length > 0)
        {
            string text = $"*raw\n{string.Concat(raw.Split('|').Select(static rule => $"-A PREROUTING {rule}\n"))}COMMIT\n";
            real.RunInside("iptables-nft-restore", text);
            real.RunInside("ip6tables-nft-restore", text);
        }

        simulated.Load(real.ReadRuleset());
        using var realTable = new NftConversation(real.Kernel, Describe);
        using var simulatedTable = new NftConversation(simulated.Kernel, Describe);
        var stream = new PacketStream(new RandomSource((ulong)number + 1), Topology.Router);
        int expectations = 0;
        for (int sent = 1; sent <= 80; sent++)
        {
            ProgramFrame frame = stream.Next();
            List<string> found = simulated.Tell(frame), expected = real.Send(frame, found.Count);
            string Tell() => $"frame {sent} port {frame.Port} {FrameSummary.Describe(EucaNet.Simulator.Datapath.Packet.FromFrame(frame.Bytes))}\n{simulated.Story}";
            Assert.That(found, Is.EqualTo(expected), () => $"simulated, beside real: {Tell()}");
            Assert.That(simulated.Counters(), Is.EqualTo(real.Counters()), () => $"simulated, beside real: {Tell()}");
            List<string> connections = List(realTable);
            Assert.That(List(simulatedTable), Is.EqualTo(connections), () => $"simulated, beside real: {Tell()}");
            expectations += connections.Count(static line => line.StartsWith("200 ", StringComparison.Ordinal));
        }

        Assert.That(expectations, objects.Contains("expectation", StringComparison.Ordinal) ? Is.GreaterThan(0) : Is.Zero, "expectations seen");
    }

    /// <summary>All connections and expectations, a line each.</summary>
    private static List<string> List(NftConversation table) => [.. new[] { NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET }
        .SelectMany(type => table.Send(new NftBatch().Message((ushort)type, NetlinkMessageFlags.Dump, 0, 0).ToArray())).Order(StringComparer.Ordinal)];

    /// <summary>Of what is left of a time only its thousands are compared: the real clock goes on.</summary>
    private static string? Describe(ushort type, NetlinkAttribute attribute)
    {
        bool isConnection = type >> 8 == NFNL_SUBSYS_CTNETLINK;
        return attribute.Type == (isConnection ? CTA_ID : CTA_EXPECT_ID) ? "*"
            : attribute.Type == (isConnection ? CTA_TIMEOUT : CTA_EXPECT_TIMEOUT) ? ((BinaryPrimitives.ReadUInt32BigEndian(attribute.Value) + 999) / 1000).ToString(CultureInfo.InvariantCulture)
            : null;
    }
}
