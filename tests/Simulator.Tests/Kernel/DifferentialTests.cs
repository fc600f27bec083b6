using System.Globalization;
using System.Text;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using NUnit.Framework;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>
/// The same random programs of links, addresses, routes, rules and neighbours run on the simulated kernel and on this machine's, in a namespace of their own.
/// Every answer's errno and words, and what is there in the end, are the same. What comes with time (carrier, IPv6) is left out.
/// </summary>
[RequiresRoot]
public sealed class DifferentialTests
{
    private const int Steps = 120;

    /// <summary>Seeds; together ten thousand requests. EUCANET_ROUTE_SEEDS asks for more (834: a hundred thousand).</summary>
    private static IEnumerable<int> Seeds => Enumerable.Range(1, int.TryParse(Environment.GetEnvironmentVariable("EUCANET_ROUTE_SEEDS"), CultureInfo.InvariantCulture, out int count) ? count : 84);

    [TestCaseSource(nameof(Seeds))]
    public void A_random_program_ends_the_same_on_both_kernels(int seed)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        Version version = Environment.OSVersion.Version;
        KernelProfile profile = (version.Minor >= 17 ? KernelProfile.Linux618Minimal : KernelProfile.Linux612) with { LinkKinds = ["bridge", "veth", "ifb"] };
        using var simulated = new SimulatedKernel(new SimulatedKernelOptions { Profile = profile });
        using var real = new RouteSide(LinuxKernel.Open(space));
        using var mine = new RouteSide(simulated);
        var random = new Random(seed);
        var program = new StringBuilder();
        for (int step = 0; step < Steps; step++)
        {
            RouteOperation operation = RouteOperation.Draw(random);
            if (random.Next(10) == 0)
            {
                int dice = random.Next();
                (real.Damage, mine.Damage) = (request => RouteOperation.Damage(request, dice), request => RouteOperation.Damage(request, dice));
                operation = operation with { Text = $"{operation.Text} (damaged by {dice})" };
            }

            string there = operation.Run(real);
            string here = operation.Run(mine);
            program.Append(CultureInfo.InvariantCulture, $"{step}: {operation.Text} -> {there}\n");
            if (here != there)
            {
                Assert.Fail($"seed {seed}\n{program}the simulated kernel said: {here}");
            }
        }

        Assert.That(mine.Describe(), Is.EqualTo(real.Describe()), $"seed {seed}\n{program}");
    }
}
