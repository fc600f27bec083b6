using System.Globalization;
using EucaNet.Netfilter.Nftables;
using EucaNet.Simulator.Datapath;
using EucaNet.Simulator.Kernel;
using EucaNet.Simulator.Recording;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Datapath.Differences;

/// <summary>Runs a program on both kernels, and makes one that differs as small as it gets.</summary>
internal static class DifferenceRun
{
    /// <summary>The kind of machine that a seed's program is for.</summary>
    public static Topology TopologyOf(ulong seed) => new RandomSource(seed).Next(4) == 0 ? Topology.Bridge : Topology.Router;

    /// <summary>A random program, whose rules the machine has loaded in the end; rules that nft refuses are left out.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="frames">How many frames.</param>
    /// <param name="lab">The machine.</param>
    /// <param name="isWide">Rarer rules and frames too.</param>
    public static DifferenceProgram Generate(ulong seed, int frames, RealLab lab, bool isWide = false)
    {
        var random = new RandomSource(seed);
        Topology topology = random.Next(4) == 0 ? Topology.Bridge : Topology.Router;
        List<string> rules = Load(lab, new RuleStream(random, topology, isWide).Make(), $"seed {seed}");
        var packets = new PacketStream(random, topology, isWide);
        return new DifferenceProgram(topology, rules, [.. Enumerable.Range(0, frames).Select(_ => packets.Next())]);
    }

    /// <summary>The machine's rules become <paramref name="lines"/>, but for rules that nft refuses; what it took.</summary>
    public static List<string> Load(RealLab lab, IEnumerable<string> lines, string whose)
    {
        List<string> rules = [.. lines];
        while (lab.Load([.. rules.Prepend("flush ruleset")]) is { } error)
        {
            int line = LineOf(error) - 1;
            if (line < 1)
            {
                // nft itself fell over a rule (1.0.6 asserts on some pairs of protocols): the one without which it doesn't.
                line = 1 + rules.FindIndex(rule => IsRule(rule) && lab.Load([.. rules.Where(other => !ReferenceEquals(other, rule)).Prepend("flush ruleset")]) is var without && (without is null || LineOf(without) > 0));
            }

            if (line < 1 || line > rules.Count || !IsRule(rules[line - 1]))
            {
                throw new InvalidOperationException($"{whose}: nft refuses more than a rule: {error}\n{string.Join('\n', rules)}");
            }

            rules.RemoveAt(line - 1);
        }

        return rules;
    }

    /// <summary>Where the two kernels part, or null where they agree; null too where nft refuses the rules.</summary>
    public static string? Compare(DifferenceProgram program, bool tells = false)
    {
        using var real = new RealLab(program.Topology);
        return real.Load(program.Rules) is null ? Compare(real, program, tells) : null;
    }

    /// <summary>The same on a machine that has the program's rules.</summary>
    public static string? Compare(RealLab real, DifferenceProgram program, bool tells = false)
    {
        using var simulated = new SimulatedLab(program.Topology);
        NftablesRuleset rules = real.ReadRuleset();
        try
        {
            simulated.Load(rules);
        }
        catch (NftablesException refused)
        {
            return $"the simulated kernel refuses the rules: {refused.Message}";
        }

        int number = 0;
        foreach (ProgramFrame frame in program.Frames)
        {
            number++;
            List<string> expected = tells ? simulated.Tell(frame) : simulated.Send(frame, 0);
            List<string> actual = real.Send(frame, expected.Count);
            if (!expected.SequenceEqual(actual))
            {
                if (IsEndless(real, rules, program, number))
                {
                    return null;
                }

                string story = tells ? simulated.Story : "";
                return $"{Describe(number, frame)}\n{story}  real:      {string.Join("\n             ", actual)}\n  simulated: {string.Join("\n             ", expected)}";
            }

            // Who wants to be told wants to know which frame it was.
            if (tells && CompareCounters(real, simulated) is { } early)
            {
                return $"{Describe(number, frame)}\n{simulated.Story}  {string.Join(", ", actual)}\n{early}";
            }
        }

        return CompareCounters(real, simulated) is { } difference && !IsEndless(real, rules, program, number) ? difference : null;
    }

    /// <summary>
    /// Rules that make copies of packets and raise their hop limits again let one go round for ever: the real kernel is busy with it until the rules go, the simulated
    /// one ends it. Nothing can be compared from there on; but it must be so on both.
    /// </summary>
    private static bool IsEndless(RealLab real, NftablesRuleset rules, DifferenceProgram program, int frames)
    {
        using var simulated = new SimulatedLab(program.Topology);
        simulated.Load(rules);
        int first = 1 + program.Frames.Take(frames).ToList().FindIndex(frame =>
        {
            simulated.Tell(frame);
            return simulated.WentInCircles;
        });
        if (first == 0 || !real.GoesInCircles())
        {
            return false;
        }

        TestContext.Out.WriteLine($"frame {first} of {program.Frames.Count} goes round for ever on both kernels; those after it are not looked at");
        return true;
    }

    private static string Describe(int number, ProgramFrame frame) => $"frame {number} port {frame.Port} {FrameSummary.Describe(Packet.FromFrame(frame.Bytes))} {Convert.ToHexStringLower(frame.Bytes)}";

    private static string? CompareCounters(RealLab real, SimulatedLab simulated)
    {
        List<string> counted = real.Counters(), ours = simulated.Counters();
        return counted.SequenceEqual(ours) ? null
            : $"counters\n  real:      {string.Join("\n             ", counted.Except(ours))}\n  simulated: {string.Join("\n             ", ours.Except(counted))}";
    }

    /// <summary>Leaves out rules and frames as long as the difference stays.</summary>
    public static DifferenceProgram Shrink(DifferenceProgram program)
    {
        // A fresh machine for each try: what connections, pieces and counters the last one left would differ by itself.
        using var labs = new LabSupply(Enumerable.Repeat(program.Topology, int.MaxValue));
        bool Differs(DifferenceProgram smaller)
        {
            using RealLab lab = labs.Next();
            return lab.Load(smaller.Rules) is null && Compare(lab, smaller) is not null;
        }

        for (int size = Math.Max(1, program.Frames.Count / 2); size >= 1; size /= 2)
        {
            for (int at = program.Frames.Count - size; at >= 0; at -= size)
            {
                DifferenceProgram smaller = program with { Frames = [.. program.Frames.Where((_, index) => index < at || index >= at + size)] };
                if (smaller.Frames.Count > 0 && Differs(smaller))
                {
                    program = smaller;
                }
            }
        }

        for (int at = program.Rules.Count - 1; at >= 0; at--)
        {
            int count = 1;
            if (!IsRule(program.Rules[at]) && !program.Rules[at].StartsWith("\tset ", StringComparison.Ordinal))
            {
                // A chain or table as a whole.
                string closing = program.Rules[at] is ['\t', ..] ? "\t}" : "}";
                int end = program.Rules.Skip(at).ToList().IndexOf(closing);
                if (!program.Rules[at].EndsWith('{') || end < 0)
                {
                    continue;
                }

                count = end + 1;
            }

            DifferenceProgram smaller = program with { Rules = [.. program.Rules.Where((_, index) => index < at || index >= at + count)] };
            if (Differs(smaller))
            {
                program = smaller;
            }
        }

        return program;
    }

    private static bool IsRule(string line) => line.StartsWith("\t\t", StringComparison.Ordinal) && !line.StartsWith("\t\ttype ", StringComparison.Ordinal);

    private static int LineOf(string error)
    {
        // "/dev/stdin:12:5-20: Error: …"
        foreach (string part in error.Split('\n'))
        {
            string[] fields = part.Split(':');
            if (fields.Length > 3 && int.TryParse(fields[1], CultureInfo.InvariantCulture, out int line))
            {
                return line;
            }
        }

        return -1;
    }
}
