using System.Text.RegularExpressions;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using static EucaNet.Simulator.Tests.Nftables.NftBatch;

namespace EucaNet.Simulator.Tests.Nftables;

/// <summary>The same batches, made by chance, sent to this machine's kernel and to the simulated one: every answer and every dump must agree.</summary>
[RequiresRoot]
internal sealed partial class NftablesDifferentialTests
{
    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("EUCANET_SEEDS"), out int seeds) ? seeds : 25;

    private static int FirstSeed => int.TryParse(Environment.GetEnvironmentVariable("EUCANET_FIRST_SEED"), out int seed) ? seed : 1;

    [Test]
    public void Both_kernels_answer_random_batches_alike_and_hold_the_same_rules_after()
    {
        KernelProfile profile = ThisKernel();
        var differences = new List<string>();
        for (int seed = FirstSeed; seed < FirstSeed + Seeds; seed++)
        {
            if (Compare(seed, profile) is { } difference)
            {
                differences.Add(difference);
            }
        }

        Assert.That(differences, Is.Empty, $"{differences.Count} of {Seeds} seeds differ; EUCANET_FIRST_SEED=N EUCANET_SEEDS=1 repeats one");
    }

    /// <summary>The profile that stands for the kernel under this test.</summary>
    private static KernelProfile ThisKernel()
    {
        Match version = Release().Match(File.ReadAllText("/proc/sys/kernel/osrelease"));
        var running = new Version(int.Parse(version.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), int.Parse(version.Groups[2].Value, System.Globalization.CultureInfo.InvariantCulture));
        KernelProfile[] known = [KernelProfile.Linux61, KernelProfile.Linux612, KernelProfile.Linux618Minimal];
        return known.FirstOrDefault(profile => profile.Version == running) ?? throw new IgnoreException($"no profile for Linux {running}");
    }

    private static string? Compare(int seed, KernelProfile profile)
    {
        using var networkNamespace = NetworkNamespace.Create();
        using var real = new NftConversation(LinuxKernel.Open(networkNamespace));
        using var kernel = new SimulatedKernel(new SimulatedKernelOptions { Profile = profile });
        using var simulated = new NftConversation(kernel);
        var batches = new RandomBatches(seed);
        byte[] batch = RandomBatches.Start();
        for (int step = 0; step < 25; step++)
        {
            List<string> expected = real.Send(batch), actual = simulated.Send(batch);
            if (!expected.SequenceEqual(actual))
            {
                return Tell(seed, step, "answers", batch, expected, actual);
            }

            foreach (int verb in new[] { 1, 4, 7, 10, 19 })
            {
                expected = real.Dump(verb);
                actual = simulated.Dump(verb);
                if (!expected.SequenceEqual(actual))
                {
                    return Tell(seed, step, $"dump {verb}", batch, expected, actual);
                }
            }

            foreach (byte family in new byte[] { 1, 2 })
            {
                foreach (string set in new[] { "hash", "range", "map", "wide", "small" })
                {
                    // A hash lists its elements in an order of its own.
                    string[] wanted = Elements(real.Dump(13, family, Text(1, "a"), Text(2, set))), found = Elements(simulated.Dump(13, family, Text(1, "a"), Text(2, set)));
                    if (!wanted.SequenceEqual(found))
                    {
                        return Tell(seed, step, $"elements of {set}", batch, wanted, found);
                    }
                }
            }

            batch = batches.Next();
        }

        return null;
    }

    private static string[] Elements(List<string> dump) => [.. dump.SelectMany(message => message.Split("0001", StringSplitOptions.None)).Order(StringComparer.Ordinal)];

    private static string Tell(int seed, int step, string what, byte[] batch, IEnumerable<string> expected, IEnumerable<string> actual)
    {
        List<string> real = [.. expected], simulated = [.. actual];
        int first = Enumerable.Range(0, Math.Max(real.Count, simulated.Count)).First(i => i >= real.Count || i >= simulated.Count || real[i] != simulated[i]);
        return $"seed {seed}, step {step}, {what}: the kernel says {real.ElementAtOrDefault(first) ?? "nothing more"}, the simulator {simulated.ElementAtOrDefault(first) ?? "nothing more"}; batch {Convert.ToHexStringLower(batch)}";
    }

    [GeneratedRegex(@"^(\d+)\.(\d+)")]
    private static partial Regex Release();
}
