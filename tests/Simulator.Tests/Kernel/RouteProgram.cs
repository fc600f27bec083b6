using System.Globalization;
using EucaNet.Netlink.Kernel;
using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>A request of a program, and how it is damaged.</summary>
/// <param name="Number">Its place in the program it was drawn for.</param>
/// <param name="Operation">The request.</param>
/// <param name="Damage">The dice for <see cref="RouteOperation.Damage"/>; null for a request that is sent as it is.</param>
internal sealed record RouteStep(int Number, RouteOperation Operation, int? Damage)
{
    /// <summary>The request in words.</summary>
    public string Text => Damage is { } dice ? $"{Operation.Text} (damaged by {dice})" : Operation.Text;

    /// <summary>A request that is there as hexadecimal bytes; one for a dump (RTM_GET* with NLM_F_DUMP) is answered with all of it.</summary>
    public static RouteStep Of(string bytes, int number)
    {
        byte[] request = Convert.FromHexString(bytes);
        ushort type = BitConverter.ToUInt16(request, 4);
        bool isDump = (type & 3) == 2 && (BitConverter.ToUInt16(request, 6) & 0x300) == 0x300;
        return new RouteStep(number, new RouteOperation(bytes, side => isDump ? side.Show(type, request[16..]) : side.Ask(request)), null);
    }

    /// <summary>Asks one side.</summary>
    public string Run(RouteSide side)
    {
        side.Damage = Damage is { } dice ? request => RouteOperation.Damage(request, dice) : null;
        return Operation.Run(side);
    }
}

/// <summary>Where the two kernels part over a program.</summary>
/// <param name="Step">How many steps it takes.</param>
/// <param name="Text">What each says.</param>
internal sealed record RouteDifference(int Step, string Text);

/// <summary>Random requests, one after another, on the kernel of this machine and on a simulated one.</summary>
internal static class RouteProgram
{
    public const int Length = 120;

    /// <summary>The program of a seed. Those of even seeds begin with links to work on.</summary>
    public static List<RouteStep> Draw(int seed)
    {
        var random = new Random(seed);
        var steps = new List<RouteStep>();
        if (seed % 2 == 0)
        {
            steps.AddRange(RouteOperation.Foundation(random).Select(static (operation, number) => new RouteStep(number, operation, null)));
        }

        while (steps.Count < Length)
        {
            RouteOperation operation = RouteOperation.Draw(random);
            steps.Add(new RouteStep(steps.Count, operation, random.Next(10) == 0 ? random.Next() : null));
        }

        return steps;
    }

    /// <summary>A program of VLAN devices and of bridges that know VLANs, with the requests of other programs among them.</summary>
    public static List<RouteStep> DrawVlans(int seed) => DrawMostly(seed, RouteOperation.DrawVlan);

    /// <summary>A program of macvlans, with the requests of other programs among them.</summary>
    public static List<RouteStep> DrawMacvlans(int seed) => DrawMostly(seed, RouteOperation.DrawMacvlan);

    private static List<RouteStep> DrawMostly(int seed, Func<Random, RouteOperation> draw)
    {
        var random = new Random(seed);
        List<RouteStep> steps = [.. RouteOperation.Foundation(random).Select(static (operation, number) => new RouteStep(number, operation, null))];
        while (steps.Count < Length)
        {
            RouteOperation operation = random.Next(4) == 0 ? RouteOperation.Draw(random) : draw(random);
            steps.Add(new RouteStep(steps.Count, operation, random.Next(12) == 0 ? random.Next() : null));
        }

        return steps;
    }

    /// <summary>Where the kernels first part, or null.</summary>
    /// <param name="program">The requests.</param>
    /// <param name="told">Takes each request and the real kernel's answer.</param>
    public static RouteDifference? Compare(IReadOnlyList<RouteStep> program, Action<string>? told = null)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        using var simulated = new SimulatedKernel(new SimulatedKernelOptions { Profile = ThisKernel() });
        using var real = new RouteSide(LinuxKernel.Open(space));
        using var mine = new RouteSide(simulated);
        for (int step = 0; step < program.Count; step++)
        {
            string there = program[step].Run(real);
            string here = program[step].Run(mine);
            told?.Invoke($"{program[step].Number}: {program[step].Text} -> {there}");
            told?.Invoke($"    {Convert.ToHexStringLower(real.LastRequest)}");
            if (here != there && !HashedChoice.Explains(real, mine, there, here))
            {
                return new RouteDifference(step + 1, $"the simulated kernel said: {here}");
            }

            List<string> expected = mine.Events(), actual = real.Events(expected.Count);
            if (!expected.SequenceEqual(actual))
            {
                return new RouteDifference(step + 1, $"events of the real kernel:\n  {string.Join("\n  ", actual)}\nof the simulated one:\n  {string.Join("\n  ", expected)}");
            }
        }

        string[] wanted = real.Describe().Split('\n'), found = mine.Describe().Split('\n');
        return wanted.SequenceEqual(found) ? null
            : new RouteDifference(program.Count, $"in the end the real kernel has:\n  {string.Join("\n  ", wanted.Except(found))}\nthe simulated one:\n  {string.Join("\n  ", found.Except(wanted))}");
    }

    /// <summary>Leaves out steps for as long as the kernels still part.</summary>
    public static List<RouteStep> Shrink(List<RouteStep> program, RouteDifference difference)
    {
        program = program[..difference.Step];
        for (int size = program.Count / 2; size >= 1; size = size == 1 && Smaller(1) ? 1 : size / 2)
        {
            Smaller(size);
        }

        return program;

        bool Smaller(int size)
        {
            bool any = false;
            for (int at = program.Count - size; at >= 0; at -= size)
            {
                List<RouteStep> without = [.. program[..at], .. program[(at + size)..]];
                if (without.Count > 0 && Compare(without) is { } still)
                {
                    program = without[..still.Step];
                    at = Math.Min(at, program.Count);
                    any = true;
                }
            }

            return any;
        }
    }

    /// <summary>The variables by which a test runs this program again.</summary>
    public static string Chosen(int seed, IEnumerable<RouteStep> program) => string.Create(
        CultureInfo.InvariantCulture, $"EUCANET_FIRST_SEED={seed} EUCANET_ROUTE_STEPS={string.Join(',', program.Select(static step => step.Number))}");

    /// <summary>The profile of this machine's kernel, with the kinds of link that are tried.</summary>
    public static KernelProfile ThisKernel() =>
        Environment.OSVersion.Version.Minor >= 17
            ? KernelProfile.Linux618Minimal with { LinkKinds = ["bridge", "veth", "ifb", "vxlan", "macvlan"] }
            : KernelProfile.Linux612 with { LinkKinds = ["bridge", "veth", "ifb", "vlan", "vxlan", "macvlan"] };
}
