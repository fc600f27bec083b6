using System.Collections.Concurrent;
using System.Globalization;
using EucaNet.Tests;

namespace EucaNet.Simulator.Tests.Kernel;

/// <summary>
/// The same random programs of links, addresses, routes, rules and neighbours run on the simulated kernel and on this machine's, in a namespace of their own.
/// Every answer's errno and words, every event, and what is there in the end, are the same. What comes with time (carrier, IPv6) is left out.
/// </summary>
[RequiresRoot]
public sealed class DifferentialTests
{
    /// <summary>
    /// 36,000 requests. EUCANET_ROUTE_SEEDS asks for more programs (834: a hundred thousand requests), EUCANET_FIRST_SEED for others, EUCANET_ROUTE_STEPS for some steps of one
    /// program (that of the first seed).
    /// </summary>
    [Test]
    public void Random_requests_end_the_same_on_both_kernels() => Search(RouteProgram.Draw, 300, "{0} dotnet test tests/Simulator.Tests --filter Name~Random_requests");

    /// <summary>The same with macvlans in all modes: 6,000 requests.</summary>
    [Test]
    public void Requests_about_macvlans_end_the_same_on_both_kernels() => Search(RouteProgram.DrawMacvlans, 50, "{0} dotnet test tests/Simulator.Tests --filter Name~Requests_about_macvlans");

    /// <summary>The same with VLAN devices and bridges that know VLANs, on a kernel that has them: DebianRouteTests runs it.</summary>
    [Test]
    [Explicit("needs a kernel with 802.1Q: DebianRouteTests runs it under one")]
    [Category(DebianRouteTests.Category)]
    public void Requests_about_VLANs_end_the_same_on_both_kernels() =>
        Search(RouteProgram.DrawVlans, 25, $"tests/vm/run sh -c 'modprobe -a {DebianRouteTests.Modules} && {{0}} dotnet tests/Simulator.Tests/bin/Debug/net10.0/EucaNet.Simulator.Tests.dll {DebianRouteTests.Category}'");

    private static void Search(Func<int, List<RouteStep>> draw, int usual, string repeat)
    {
        int first = Number("EUCANET_FIRST_SEED", 1), count = Number("EUCANET_ROUTE_SEEDS", usual), requests = 0;
        int[] chosen = [.. (Environment.GetEnvironmentVariable("EUCANET_ROUTE_STEPS") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static step => int.Parse(step, CultureInfo.InvariantCulture))];
        var differences = new ConcurrentBag<string>();

        // The real kernel lets a program wait while it takes links down, and others go on meanwhile.
        Parallel.For(first, first + (chosen.Length > 0 ? 1 : count), new ParallelOptions { MaxDegreeOfParallelism = 4 }, seed =>
        {
            List<RouteStep> program = draw(seed);
            program.RemoveAll(step => chosen.Length > 0 && !chosen.Contains(step.Number));
            Interlocked.Add(ref requests, program.Count);

            // What comes with time (a carrier) may come between two requests once; what differs each time is a difference.
            if (RouteProgram.Compare(program) is not null && RouteProgram.Compare(program) is { } difference)
            {
                differences.Add(Tell(seed, RouteProgram.Shrink(program, difference), difference, repeat));
            }
        });
        TestContext.Out.WriteLine($"{requests} rtnetlink requests, {differences.Count} programs differ");
        Assert.That(differences, Is.Empty, () => string.Join("\n\n", differences));
    }

    /// <summary>What differed once, as the bytes of the smallest program, and differs no more. Lines that begin with # say what was meant.</summary>
    [TestCaseSource(nameof(Cases))]
    public void A_difference_that_was_found_stays_mended(string name) => HoldCase(Path.Combine(CasesFolder, name));

    /// <summary>The same of VLANs.</summary>
    [TestCaseSource(nameof(VlanCases))]
    [Explicit("needs a kernel with 802.1Q: DebianRouteTests runs it under one")]
    [Category(DebianRouteTests.Category)]
    public void A_difference_about_VLANs_that_was_found_stays_mended(string name) => HoldCase(Path.Combine(VlanCasesFolder, name));

    private static void HoldCase(string path) => Hold([.. File.ReadAllLines(path).Where(static line => line.Length > 0 && line[0] != '#').Select(RouteStep.Of)]);

    private static List<string> Hold(List<RouteStep> program)
    {
        var lines = new List<string>();
        Assert.That(RouteProgram.Compare(program, lines.Add)?.Text, Is.Null, () => string.Join('\n', lines));
        return lines;
    }

    /// <summary>A macvlan that is up has the device below receive its address, which a veth can only by receiving everything.</summary>
    [Test]
    public void A_device_receives_for_the_macvlans_that_stand_on_it()
    {
        const uint Promiscuous = 0x100;
        RouteOperation[] program =
        [
            RouteOperation.AddLink("va", "veth", "vb", [2, 0, 0, 0, 2, 1], 0x605),
            RouteOperation.AddLink("mv0", "macvlan", "va", [2, 0, 0, 0, 5, 1], 0x605),
            RouteOperation.SetUp("mv0", up: true),
            RouteOperation.SetUp("va", up: true),
            RouteOperation.SetFlags("mv0", Promiscuous, Promiscuous),
            RouteOperation.SetUp("mv0", up: false),
            RouteOperation.SetUp("mv0", up: true),
            RouteOperation.SetFlags("mv0", 0, Promiscuous),
            RouteOperation.SetAddress("mv0", [2, 0, 0, 0, 5, 2]),
            RouteOperation.AddOwnAddress("mv0", [2, 0, 0, 0, 6, 1]),
            RouteOperation.AddOwnAddress("va", [2, 0, 0, 0, 5, 2]),
            RouteOperation.AddOwnAddress("va", [2, 0, 0, 0, 6, 2]),
            RouteOperation.SetUp("va", up: false),
            RouteOperation.SetUp("mv0", up: false),
            RouteOperation.SetUp("va", up: true),
        ];
        Hold([.. program.Select(static (operation, number) => new RouteStep(number, operation, null))]);
    }

    /// <summary>Its ports come and go, each kind after each other: the kernel tells of a bridge that can do more or less than before.</summary>
    [Test]
    public void A_bridge_tells_of_its_features_when_ports_of_other_kinds_come_and_go()
    {
        string[] ports = ["va", "if0", "vx0", "mv0", "mv1"];
        List<RouteOperation> program =
        [
            RouteOperation.AddLink("br0", "bridge", "", [2, 0, 0, 0, 1, 1], 0x605),
            RouteOperation.AddLink("va", "veth", "vb", [2, 0, 0, 0, 2, 1], 0x605),
            RouteOperation.AddLink("if0", "ifb", "", [2, 0, 0, 0, 3, 1], 0x605),
            RouteOperation.AddLink("vx0", "vxlan", "", [2, 0, 0, 0, 4, 1], 0x605),
            RouteOperation.AddLink("vx1", "vxlan", "", [2, 0, 0, 0, 4, 2], 0x605),
            RouteOperation.AddLink("mv0", "macvlan", "vb", [2, 0, 0, 0, 5, 1], 0x605),
            RouteOperation.AddLink("mv1", "macvlan", "vx1", [2, 0, 0, 0, 5, 2], 0x605),
        ];
        foreach (string first in ports)
        {
            foreach (string second in ports.Where(port => port != first))
            {
                program.AddRange([RouteOperation.SetMaster(first, "br0"), RouteOperation.SetMaster(second, "br0"), RouteOperation.Release(first), RouteOperation.Release(second)]);
            }
        }

        List<string> lines = Hold([.. program.Select(static (operation, number) => new RouteStep(number, operation, null))]);
        Assert.That(lines.Where(static line => line.Contains("->", StringComparison.Ordinal)), Has.All.EndsWith("None"));
    }

    /// <summary>Of two ways each kernel takes the one that its own secret chooses; that they had the choice is compared, and nothing else is left out.</summary>
    [Test]
    public void Which_of_two_ways_is_taken_is_a_secret_and_that_there_are_two_is_not()
    {
        List<RouteOperation> program = [];
        foreach ((string name, string peer, byte number) in ((string, string, byte)[])[("va", "vb", 0), ("vc", "vd", 1)])
        {
            program.AddRange([RouteOperation.AddLink(name, "veth", peer, [2, 0, 0, 0, 2, number], 0x605), RouteOperation.SetUp(name, up: true), RouteOperation.SetUp(peer, up: true)]);
            program.Add(RouteOperation.ChangeAddress(name, [10, number, 0, 1], 24, isAdded: true));
        }

        program.Add(RouteOperation.TwoWays([10, 24, 0, 0], "va", "vc"));
        program.AddRange(Enumerable.Range(1, 16).Select(static last => RouteOperation.AskWay([10, 24, 0, (byte)last])));
        Hold([.. program.Select(static (operation, number) => new RouteStep(number, operation, null))]);

        const string Route = "route 02100000FE03000100000000 15=FE000000 1=0A180000 9=", Answer = "route 02200000FE00000100020000 15=FE000000 1=0A180001 4={0} 7={1} 25=00000000 12=";
        const string Both = Route + "08000000030000000800000005000000", OneDead = Route + "08000000030000000800010005000000", One = Route + "0800000003000000";
        string first = string.Format(CultureInfo.InvariantCulture, Answer, "03000000", "0A000001"), second = string.Format(CultureInfo.InvariantCulture, Answer, "05000000", "0A010001");
        Assert.That(HashedChoice.IsChoice(Both, first, second));
        Assert.That(HashedChoice.IsChoice(Both, first, second.Replace("4=05", "4=06", StringComparison.Ordinal)), Is.False, "no hop of the route");
        Assert.That(HashedChoice.IsChoice(Both, first, second.Replace("15=FE", "15=FF", StringComparison.Ordinal)), Is.False, "another table");
        Assert.That(HashedChoice.IsChoice(Both, first, "ENETUNREACH"), Is.False, "no way");
        Assert.That(HashedChoice.IsChoice(OneDead, first, second), Is.False, "a dead hop");
        Assert.That(HashedChoice.IsChoice(One, first, second), Is.False, "one hop");
    }

    private static string CasesFolder => Path.Combine(TestContext.CurrentContext.TestDirectory, "Kernel", "cases");

    private static string VlanCasesFolder => Path.Combine(CasesFolder, "vlans");

    private static IEnumerable<string> Cases() => Names(CasesFolder);

    private static IEnumerable<string> VlanCases() => Names(VlanCasesFolder);

    private static IEnumerable<string> Names(string folder) => Directory.GetFiles(folder).Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    private static string Tell(int seed, List<RouteStep> least, RouteDifference difference, string repeat)
    {
        var lines = new List<string>();
        difference = RouteProgram.Compare(least, lines.Add) ?? difference;
        return $"seed {seed}: {string.Format(CultureInfo.InvariantCulture, repeat, RouteProgram.Chosen(seed, least))}\n{string.Join('\n', lines)}\n{difference.Text}";
    }

    private static int Number(string variable, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int number) ? number : otherwise;
}
