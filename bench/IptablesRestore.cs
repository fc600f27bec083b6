using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using EucaNet.Netfilter.Iptables;
using EucaNet.Netlink.Kernel;
using EucaNet.Tests;

namespace EucaNet.Bench;

/// <summary>
/// A file of 22,000 lines, as a front-end of a thousand groups has it, loaded and listed by us and by the real programs, in turns, on both of the kernel's interfaces, each time in a
/// fresh network namespace. The programs' times hold their start, ours do not hold ours, which is shown by the first round; ours are taken apart.
/// </summary>
internal static partial class IptablesRestore
{
    private sealed record Round(Took Real, Took Ours, double Parse, double Kernel, Took RealList, Took OurList);

    /// <summary>Milliseconds by the clock, and of the processor: on a busy machine the latter is what can be compared.</summary>
    private readonly record struct Took(double Clock, double Processor);

    public static int Run(TextWriter output, int rounds)
    {
        string folder = Directory.CreateTempSubdirectory("iptbench").FullName;
        try
        {
            string text = Sample(), file = Path.Combine(folder, "rules");
            File.WriteAllText(file, text);
            output.WriteLine($"{text.Count(character => character == '\n')} lines; milliseconds, median of {rounds} rounds, the first one left out (it compiles: see its line)");
            foreach (IptablesInterface way in Enum.GetValues<IptablesInterface>())
            {
                Round first = Measure(way, text, file, expect: true);
                var measured = new List<Round>();
                for (int round = 0; round < rounds; round++)
                {
                    measured.Add(Measure(way, text, file, expect: false));
                }

                string program = way == IptablesInterface.Nft ? "iptables-nft" : "iptables-legacy";
                double parse = Median(measured, one => one.Parse), kernel = Median(measured, one => one.Kernel);
                output.WriteLine(Line($"{program}-restore", measured, one => one.Real, one => one.Ours) + string.Create(
                    CultureInfo.InvariantCulture,
                    $"   (parse {parse:0}, kernel {kernel:0}, plan and encode {Median(measured, one => one.Ours.Clock) - parse - kernel:0}; first round {first.Ours.Clock:0} beside {first.Real.Clock:0})"));
                output.WriteLine(Line($"{program}-save", measured, one => one.RealList, one => one.OurList));
            }

            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Round Measure(IptablesInterface way, string text, string file, bool expect)
    {
        string program = way == IptablesInterface.Nft ? "iptables-nft" : "iptables-legacy";
        Took real, realList, ours, ourList;
        double parse, kernel;
        string saved, listed;
        using (NetworkNamespace space = NetworkNamespace.Create())
        {
            (real, _) = space.Run(() => Execute(program + "-restore", file));
            (realList, saved) = space.Run(() => Execute(program + "-save"));
        }

        using (NetworkNamespace space = NetworkNamespace.Create())
        {
            var observed = new ObservedKernel(LinuxKernel.Open(space));
            GC.Collect();
            (long begun, TimeSpan processor) = Now();
            IptablesSaveFile read = IptablesSaveFile.Parse(IptablesFamily.Ip, text, way);
            parse = Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
            using IptablesTables tables = IptablesTables.Open(observed, way);
            tables.Restore(read);
            ours = Since(begun, processor);
            kernel = observed.Elapsed.TotalMilliseconds;
            (begun, processor) = Now();
            listed = tables.Read("filter", "nat").ToText(asPrintedBy: way);
            ourList = Since(begun, processor);
        }

        if (expect && Rules(saved) != Rules(listed))
        {
            throw new InvalidOperationException("The real program and we have not loaded the same rules: the comparison says nothing.");
        }

        return new Round(real, ours, parse, kernel, realList, ourList);
    }

    private static string Rules(string saved) => string.Join('\n', saved.Split('\n').Where(line => line.StartsWith("-A", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

    private static string Line(string program, List<Round> rounds, Func<Round, Took> real, Func<Round, Took> ours) => string.Create(
        CultureInfo.InvariantCulture,
        $"{program} {Median(rounds, one => real(one).Clock):0}   ours {Median(rounds, one => ours(one).Clock):0}   ratio {Median(rounds, one => ours(one).Clock / real(one).Clock):0.00}; of the processor {Median(rounds, one => real(one).Processor):0} and {Median(rounds, one => ours(one).Processor):0}, ratio {Median(rounds, one => ours(one).Processor / real(one).Processor):0.00}");

    private static (long, TimeSpan) Now() => (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);

    private static Took Since(long begun, TimeSpan processor) => new(Stopwatch.GetElapsedTime(begun).TotalMilliseconds, (Environment.CpuUsage.TotalTime - processor).TotalMilliseconds);

    private static double Median(List<Round> rounds, Func<Round, double> value) => rounds.Select(value).Order().ElementAt(rounds.Count / 2);

    private static (Took Took, string Output) Execute(string program, params string[] arguments)
    {
        double before = ChildrenProcessor();
        long begun = Stopwatch.GetTimestamp();
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var took = new Took(Stopwatch.GetElapsedTime(begun).TotalMilliseconds, ChildrenProcessor() - before);
        return process.ExitCode == 0 ? (took, text) : throw new InvalidOperationException($"{program} failed with status {process.ExitCode}");
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    private static unsafe partial int GetUsage(int who, long* usage);

    /// <summary>Milliseconds of the processor that ended children took (RUSAGE_CHILDREN: seconds and microseconds, of the program and of the kernel for it).</summary>
    private static unsafe double ChildrenProcessor()
    {
        long* usage = stackalloc long[18];
        return GetUsage(-1, usage) == 0 ? (usage[0] + usage[2]) * 1e3 + (usage[1] + usage[3]) / 1e3 : 0;
    }

    /// <summary>A thousand groups with their jumps and eighteen rules each, and a thousand public addresses.</summary>
    private static string Sample()
    {
        var text = new StringBuilder("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n");
        for (int group = 0; group < 1000; group++)
        {
            text.Append(CultureInfo.InvariantCulture, $":user-group{group} - [0:0]\n");
        }

        text.Append("-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n");
        for (int group = 0; group < 1000; group++)
        {
            text.Append(CultureInfo.InvariantCulture, $"-A FORWARD -d 10.{group / 250}.{group % 250}.0/24 -m comment --comment \"user/group{group}\" -j user-group{group}\n");
        }

        for (int group = 0; group < 1000; group++)
        {
            for (int rule = 0; rule < 18; rule++)
            {
                string protocol = rule % 3 == 0 ? "udp" : "tcp";
                text.Append(CultureInfo.InvariantCulture, $"-A user-group{group} -s 198.51.{group % 250}.{rule}/32 -p {protocol} -m {protocol} --dport {1000 + rule}{(rule % 2 == 0 ? ":2000" : "")} -j ACCEPT\n");
            }
        }

        text.Append("COMMIT\n*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n");
        for (int address = 0; address < 1000; address++)
        {
            text.Append(CultureInfo.InvariantCulture, $"-A PREROUTING -d 203.0.{address / 250}.{address % 250}/32 -j DNAT --to-destination 10.{address / 250}.{address % 250}.2\n");
        }

        for (int address = 0; address < 1000; address++)
        {
            text.Append(CultureInfo.InvariantCulture, $"-A POSTROUTING -s 10.{address / 250}.{address % 250}.2/32 -j SNAT --to-source 203.0.{address / 250}.{address % 250}\n");
        }

        return text.Append("-A POSTROUTING -s 10.0.0.0/8 ! -d 10.0.0.0/8 -j MASQUERADE\nCOMMIT\n").ToString();
    }
}
