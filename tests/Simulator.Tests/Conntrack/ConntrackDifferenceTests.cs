using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Tests.Nftables;
using EucaNet.Tests;
using static EucaNet.Netfilter.Conntrack.Ctnetlink;
using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Tests.Conntrack;

/// <summary>
/// The same requests of ctnetlink, made by chance, sent to this machine's kernel and to the simulated one: every answer, every event, and all connections and expectations after
/// each request must agree. 8,000 requests; EUCANET_SEEDS asks for more programs, EUCANET_FIRST_SEED for others.
/// </summary>
[RequiresRoot]
public sealed class ConntrackDifferenceTests
{
    private const int Steps = 40;

    /// <summary>NLA_F_NESTED.</summary>
    private const ushort Nested = 0x8000;

    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("EUCANET_SEEDS"), out int seeds) ? seeds : 200;

    private static int FirstSeed => int.TryParse(Environment.GetEnvironmentVariable("EUCANET_FIRST_SEED"), out int seed) ? seed : 1;

    [Test]
    public void Both_kernels_answer_requests_about_connections_alike()
    {
        KernelProfile profile = NftablesDifferentialTests.ThisKernel();
        var differences = new ConcurrentDictionary<int, string>();
        Parallel.For(FirstSeed, FirstSeed + Seeds, new ParallelOptions { MaxDegreeOfParallelism = 4 }, seed =>
        {
            var requests = new RandomConntrackRequests(seed);
            List<byte[]> program = [.. Enumerable.Range(0, Steps).Select(_ => requests.Next())];
            if (Run(program, profile, seed) is { } difference)
            {
                differences[seed] = Tell(seed, program, difference, profile);
            }
        });
        TestContext.Out.WriteLine($"{Seeds * Steps} requests of ctnetlink, {differences.Count} programs differ of {Seeds}");
        Assert.That(differences.Count, Is.Zero, () => string.Join("\n\n", differences.OrderBy(static pair => pair.Key).Select(static pair => pair.Value)));
    }

    /// <summary>Leaves out requests for as long as the kernels still differ.</summary>
    private static string Tell(int seed, List<byte[]> program, (int Step, string Text) difference, KernelProfile profile)
    {
        program = program[..(difference.Step + 1)];
        for (int left = 0; left < program.Count - 1;)
        {
            List<byte[]> smaller = [.. program[..left], .. program[(left + 1)..]];
            if (Run(smaller, profile, seed) is { } still)
            {
                (program, difference) = (smaller[..(still.Step + 1)], still);
            }
            else
            {
                left++;
            }
        }

        return $"seed {seed}: EUCANET_FIRST_SEED={seed} EUCANET_SEEDS=1 dotnet test tests/Simulator.Tests --filter Name~requests_about_connections\n{difference.Text}; the smallest program, a request a line:\n"
            + string.Join('\n', program.Select(Convert.ToHexStringLower));
    }

    /// <summary>Where the kernels first differ over a program, or null.</summary>
    private static (int Step, string Text)? Run(List<byte[]> program, KernelProfile profile, int seed)
    {
        using var networkNamespace = NetworkNamespace.Create();
        using var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = profile });
        IKernel[] kernels = [LinuxKernel.Open(networkNamespace), kernel];
        if (seed % 3 == 0)
        {
            foreach (IKernel each in kernels)
            {
                each.WriteParameter("net/netfilter/nf_conntrack_acct", "1");
                each.WriteParameter("net/netfilter/nf_conntrack_timestamp", "1");
            }
        }

        NftConversation[] listeners = [.. kernels.Select(static each => new NftConversation(each, Describe))], speakers = [.. kernels.Select(static each => new NftConversation(each, Describe))];
        try
        {
            foreach (NftConversation listener in listeners)
            {
                for (uint group = NFNLGRP_CONNTRACK_NEW; group <= NFNLGRP_CONNTRACK_EXP_DESTROY; group++)
                {
                    listener.Join(group);
                }
            }

            for (int step = 0; step < program.Count; step++)
            {
                if (Compare(step, "answers", speakers, speaker => Ordered(speaker.Send(program[step]))) is { } answers)
                {
                    return (step, answers);
                }

                if (Compare(step, "events", listeners, listener => Ordered(listener.Receive())) is { } events)
                {
                    return (step, events);
                }

                foreach (int type in (int[])[NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET])
                {
                    byte[] dump = new NftBatch().Message((ushort)type, NetlinkMessageFlags.Dump, 0, 0).ToArray();
                    if (Compare(step, $"dump {type:x}", speakers, speaker => Ordered(speaker.Send(dump))) is { } dumps)
                    {
                        return (step, dumps);
                    }
                }
            }

            return null;
        }
        finally
        {
            Array.ForEach(listeners, static listener => listener.Dispose());
            Array.ForEach(speakers, static speaker => speaker.Dispose());
        }
    }

    private static string? Compare(int step, string what, NftConversation[] sides, Func<NftConversation, List<string>> ask)
    {
        List<string> real = ask(sides[0]), simulated = ask(sides[1]);
        return real.SequenceEqual(simulated) ? null
            : $"step {step}, {what}: the kernel says\n  {string.Join("\n  ", real.Except(simulated).DefaultIfEmpty("nothing more"))}\nthe simulator\n  {string.Join("\n  ", simulated.Except(real).DefaultIfEmpty("nothing more"))}";
    }

    /// <summary>The kernel tells connections as they lie in its hash table, and counts each processor's work by itself.</summary>
    private static List<string> Ordered(List<string> messages)
    {
        ILookup<bool, string> ofProcessors = messages.ToLookup(static message => message.StartsWith("103 ", StringComparison.Ordinal) || message.StartsWith("104 ", StringComparison.Ordinal));
        string summed = string.Join(' ', ofProcessors[true].SelectMany(static message => message.Split(' ').Where(static word => word.Contains('=', StringComparison.Ordinal))).GroupBy(static word => word.Split('=')[0])
            .Select(static group => $"{group.Key}={group.Sum(static word => int.Parse(word.Split('=')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture))}"));
        return [.. ofProcessors[false].Order(StringComparer.Ordinal), summed];
    }

    /// <summary>Numbers made of addresses and times of day are not compared, and of what is left of a time only its tens.</summary>
    private static string? Describe(ushort type, NetlinkAttribute attribute)
    {
        bool isCounts = type >> 8 == NFNL_SUBSYS_CTNETLINK && (type & 0xff) is IPCTNL_MSG_CT_GET_STATS_CPU or IPCTNL_MSG_EXP_GET_STATS_CPU;
        bool isConnection = type >> 8 == NFNL_SUBSYS_CTNETLINK, isExpectation = type >> 8 == NFNL_SUBSYS_CTNETLINK_EXP;
        return isCounts ? null
            : isConnection && attribute.Type is CTA_ID or CTA_TIMESTAMP or CTA_TIMESTAMP_EVENT || isExpectation && attribute.Type == CTA_EXPECT_ID ? "*"
            : isConnection && attribute.Type == CTA_TIMEOUT || isExpectation && attribute.Type == CTA_EXPECT_TIMEOUT ? ((BinaryPrimitives.ReadUInt32BigEndian(attribute.Value) + 9) / 10 * 10).ToString(CultureInfo.InvariantCulture)
            : (attribute.RawType & Nested) != 0 ? DescribeNested(attribute.Value)
            : null;
    }

    /// <summary>Which port is drawn where another connection has the wanted one is nobody's to know.</summary>
    private static string DescribeNested(ReadOnlySpan<byte> attributes)
    {
        var text = new System.Text.StringBuilder("(");
        var walk = new AttributeReader(attributes);
        while (walk.TryRead(out NetlinkAttribute attribute))
        {
            bool isPort = attribute.Type is CTA_PROTO_SRC_PORT or CTA_PROTO_DST_PORT or CTA_PROTO_ICMP_ID or CTA_PROTO_ICMPV6_ID && attribute.Value.Length == 2;
            text.Append(CultureInfo.InvariantCulture, $" {attribute.RawType}=").Append(
                (attribute.RawType & Nested) != 0 ? DescribeNested(attribute.Value)
                : isPort && BinaryPrimitives.ReadUInt16BigEndian(attribute.Value) is not (0 or RandomConntrackRequests.LastPort - 1 or RandomConntrackRequests.LastPort or ushort.MaxValue) ? "drawn"
                : Convert.ToHexStringLower(attribute.Value));
        }

        return text.Append(" )").ToString();
    }
}
