using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using static EucaNet.Simulator.Tests.Nftables.NftBatch;

namespace EucaNet.Simulator.Tests.Nftables;

/// <summary>
/// The same batches, made by chance, sent to this machine's kernel and to the simulated one: every answer, every event and every dump must agree. 64,000 requests;
/// EUCANET_SEEDS asks for more, EUCANET_FIRST_SEED for others.
/// </summary>
[RequiresRoot]
internal sealed partial class NftablesDifferentialTests
{
    /// <summary>NFNLGRP_NFTABLES.</summary>
    private const uint EventGroup = 7;

    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("EUCANET_SEEDS"), out int seeds) ? seeds : 700;

    private static int FirstSeed => int.TryParse(Environment.GetEnvironmentVariable("EUCANET_FIRST_SEED"), out int seed) ? seed : 1;

    [Test]
    public void Both_kernels_answer_random_batches_alike_and_hold_the_same_rules_after()
    {
        KernelProfile profile = ThisKernel();
        var differences = new ConcurrentBag<string>();
        int requests = 0;
        Parallel.For(FirstSeed, FirstSeed + Seeds, new ParallelOptions { MaxDegreeOfParallelism = 4 }, seed =>
        {
            if (Compare(seed, profile, ref requests) is { } difference)
            {
                differences.Add(difference);
            }
        });

        TestContext.Out.WriteLine($"{requests} nf_tables requests, {differences.Count} programs differ of {Seeds}");
        Assert.That(differences, Is.Empty, () => string.Join("\n\n", differences));
    }

    /// <summary>What differed once, as the bytes of the smallest program, a batch a line.</summary>
    [TestCaseSource(nameof(Cases))]
    public void A_difference_that_was_found_stays_mended(string name)
    {
        List<byte[]> program = [.. File.ReadAllLines(Path.Combine(CasesFolder, name)).Where(static line => line.Length > 0).Select(Convert.FromHexString)];
        Assert.That(Run(program, ThisKernel())?.Text, Is.Null);
    }

    private static string CasesFolder => Path.Combine(TestContext.CurrentContext.TestDirectory, "Nftables", "cases");

    private static IEnumerable<string> Cases() => Directory.GetFiles(CasesFolder).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    /// <summary>The profile that stands for the kernel under this test.</summary>
    internal static KernelProfile ThisKernel()
    {
        Match version = Release().Match(File.ReadAllText("/proc/sys/kernel/osrelease"));
        var running = new Version(int.Parse(version.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), int.Parse(version.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture));
        KernelProfile[] known = [KernelProfile.Linux61, KernelProfile.Linux612, KernelProfile.Linux618Minimal];
        return known.FirstOrDefault(profile => profile.Version == running) ?? throw new IgnoreException($"no profile for Linux {running}");
    }

    private static string? Compare(int seed, KernelProfile profile, ref int requests)
    {
        var batches = new RandomBatches(seed);
        List<byte[]> program = [RandomBatches.Start()];
        for (int step = 0; step < 25; step++)
        {
            program.Add(batches.Next());
        }

        // BEGIN and END are no requests of their own.
        Interlocked.Add(ref requests, program.Sum(static batch => Messages(batch).Count() - 2));

        if (Run(program, profile) is not { } difference)
        {
            return null;
        }

        (List<byte[]> least, string reason) = Shrink(program[..(difference.Step + 1)], difference.Text, profile);
        return $"seed {seed}: EUCANET_FIRST_SEED={seed} EUCANET_SEEDS=1 dotnet test tests/Simulator.Tests --filter Name~Both_kernels_answer\n{reason}; the smallest program, a batch a line:\n{string.Join('\n', least.Select(Convert.ToHexStringLower))}";
    }

    /// <summary>Leaves out batches and messages for as long as the kernels still differ.</summary>
    private static (List<byte[]> Program, string Difference) Shrink(List<byte[]> program, string difference, KernelProfile profile)
    {
        for (bool again = true; again;)
        {
            again = false;
            foreach (List<byte[]> smaller in Smaller(program))
            {
                if (Run(smaller, profile) is { } still)
                {
                    (program, difference, again) = (smaller[..(still.Step + 1)], still.Text, true);
                    break;
                }
            }
        }

        return (program, difference);
    }

    private static IEnumerable<List<byte[]>> Smaller(List<byte[]> program)
    {
        for (int batch = 0; batch < program.Count; batch++)
        {
            yield return [.. program[..batch], .. program[(batch + 1)..]];
        }

        for (int batch = 0; batch < program.Count; batch++)
        {
            byte[][] messages = [.. Messages(program[batch])];
            for (int left = 1; left < messages.Length && messages.Length > 2; left++)
            {
                byte[] shorter = [.. messages.Where((_, index) => index != left).SelectMany(message => message)];
                yield return [.. program[..batch], shorter, .. program[(batch + 1)..]];
            }
        }
    }

    private static IEnumerable<byte[]> Messages(byte[] datagram)
    {
        for (int offset = 0; offset + 16 <= datagram.Length;)
        {
            int length = Math.Min(BitConverter.ToInt32(datagram, offset) + 3 & ~3, datagram.Length - offset);
            yield return datagram[offset..(offset + length)];
            offset += length;
        }
    }

    /// <summary>Where the kernels first differ over a program of batches, or null.</summary>
    private static (int Step, string Text)? Run(IReadOnlyList<byte[]> program, KernelProfile profile)
    {
        using var networkNamespace = NetworkNamespace.Create();
        using var real = new NftConversation(LinuxKernel.Open(networkNamespace));
        using var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = profile });
        using var simulated = new NftConversation(kernel);
        using var realEvents = new NftConversation(LinuxKernel.Open(networkNamespace));
        using var simulatedEvents = new NftConversation(kernel);
        realEvents.Join(EventGroup);
        simulatedEvents.Join(EventGroup);
        for (int step = 0; step < program.Count; step++)
        {
            List<string> expected = real.Send(program[step]), actual = simulated.Send(program[step]);
            if (!expected.SequenceEqual(actual))
            {
                return (step, Tell(step, "answers", expected, actual));
            }

            expected = realEvents.Receive();
            actual = simulatedEvents.Receive();
            if (!expected.SequenceEqual(actual))
            {
                return (step, Tell(step, "events", expected, actual));
            }

            foreach (int verb in new[] { 1, 4, 7, 10, 19 })
            {
                expected = real.Dump(verb);
                actual = simulated.Dump(verb);
                if (!expected.SequenceEqual(actual))
                {
                    return (step, Tell(step, $"dump {verb}", expected, actual));
                }
            }

            foreach (byte family in new byte[] { 1, 2 })
            {
                foreach (string set in new[] { "hash", "range", "map", "wide", "small" })
                {
                    List<string> wanted = real.Elements(family, Text(1, "a"), Text(2, set)), found = simulated.Elements(family, Text(1, "a"), Text(2, set));
                    if (!wanted.SequenceEqual(found))
                    {
                        return (step, Tell(step, $"elements of {set}", wanted, found));
                    }
                }
            }
        }

        return null;
    }

    private static string Tell(int step, string what, IEnumerable<string> expected, IEnumerable<string> actual)
    {
        List<string> real = [.. expected], simulated = [.. actual];
        int first = Enumerable.Range(0, Math.Max(real.Count, simulated.Count)).First(i => i >= real.Count || i >= simulated.Count || real[i] != simulated[i]);
        return $"step {step}, {what}: the kernel says {real.ElementAtOrDefault(first) ?? "nothing more"}, the simulator {simulated.ElementAtOrDefault(first) ?? "nothing more"}";
    }

    [GeneratedRegex(@"^(\d+)\.(\d+)")]
    private static partial Regex Release();
}
