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

        Assert.That(differences.Count, Is.Zero, $"of {Seeds} seeds; EUCANET_FIRST_SEED=N EUCANET_SEEDS=1 repeats one:\n{string.Join('\n', differences)}");
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
        var batches = new RandomBatches(seed);
        List<byte[]> program = [RandomBatches.Start()];
        for (int step = 0; step < 25; step++)
        {
            program.Add(batches.Next());
        }

        if (Run(program, profile) is not { } difference)
        {
            return null;
        }

        (List<byte[]> least, string reason) = Shrink(program[..(difference.Step + 1)], difference.Text, profile);
        return $"seed {seed}: {reason}; program of {least.Count} batches: {string.Join(' ', least.Select(Convert.ToHexStringLower))}";
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
        for (int step = 0; step < program.Count; step++)
        {
            List<string> expected = real.Send(program[step]), actual = simulated.Send(program[step]);
            if (!expected.SequenceEqual(actual))
            {
                return (step, Tell(step, "answers", expected, actual));
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
