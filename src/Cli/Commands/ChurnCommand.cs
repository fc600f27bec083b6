using System.Collections.Concurrent;
using System.CommandLine;
using System.Globalization;
using EucaNet.Cli.Scenarios.Churn;
using EucaNet.Simulator.Faults;

namespace EucaNet.Cli;

/// <summary>eucanet sim churn</summary>
internal static class ChurnCommand
{
    private const int SeedsThatReachEveryKind = 500;

    public static Command Build()
    {
        var seed = new Option<ulong>("--seed") { Description = "The seed, or the first of several.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var seeds = new Option<int>("--seeds") { Description = "How many seeds, one after the other from --seed on.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var steps = new Option<int>("--steps") { Description = "What users do while faults last: requests, restarts, kills.", HelpName = "N", DefaultValueFactory = _ => 25 };
        var faults = new Option<string?>("--faults") { Description = "What goes wrong, by names with commas between; 'none', 'all', or a few kinds that the seed chooses.", HelpName = "NAMES" };
        var chance = new Option<double?>("--chance") { Description = "The chance of each kind each time that it may strike, 0 to 1; the seed chooses where it isn't given.", HelpName = "P" };
        var jobs = new Option<int>("--jobs") { Description = "Seeds run at the same time.", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount };
        var pcap = new Option<string?>("--pcap") { Description = "With one seed: record every frame and every netlink message (pcapng).", HelpName = "FILE" };
        var transcript = new Option<string?>("--transcript") { Description = "With one seed: a line for every frame and every netlink message.", HelpName = "FILE" };
        foreach ((Option<int> option, int least) in new[] { (seeds, 1), (steps, 0), (jobs, 1) })
        {
            option.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<int>() < least)
                {
                    result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} is a number from {least} on"));
                }
            });
        }

        var command = new Command(
            "churn",
            $"""
            Runs a small MANAGED cloud whose users, engines and kernels misbehave at random: instances come and go, rules and addresses change, engines die in
            the middle of system calls, answers are lost, devices vanish. Invariants are checked at every step; when the faults end, the cloud must become right.

            Exit status: 0 all held, 1 an invariant was broken, 2 mistakes on the command line, 3 a cloud did not converge, 4 the program failed.
            Examples: eucanet sim churn --seed 7
                      eucanet sim churn --seeds 2000
                      eucanet sim churn --seed 7 --faults answer-lost,killed --chance 0.05
            Kinds of faults:
            {string.Join('\n', CloudFaults.All.Select(static fault => $"  {fault.Name,-20} {fault.Description}"))}
            """)
        { seed, seeds, steps, faults, chance, jobs, pcap, transcript };
        command.SetAction(async (arguments, token) =>
        {
            await Task.Yield(); // signals are heeded from the first wait on
            if (!TryReadFaults(arguments.GetValue(faults), out IReadOnlyList<CloudFault>? kinds))
            {
                return 2;
            }

            int count = arguments.GetValue(seeds);
            var options = new ChurnOptions(arguments.GetValue(seed), arguments.GetValue(steps)) { Faults = kinds, Chance = arguments.GetValue(chance) };
            return count == 1
                ? RunOne(options, arguments.GetValue(pcap), arguments.GetValue(transcript))
                : RunMany(options, count, arguments.GetValue(jobs), Console.Out, token);
        });
        return command;
    }

    /// <summary>Runs many seeds; the worst verdict is the exit status. Each failure is one line that says how to see it again.</summary>
    public static int RunMany(ChurnOptions first, int count, int jobs, TextWriter output, CancellationToken token)
    {
        var struck = new ConcurrentDictionary<string, (int Times, int Seeds)>(StringComparer.Ordinal);
        var gate = new Lock();
        ChurnVerdict worst = ChurnVerdict.Held;
        int failures = 0, operations = 0, refused = 0, restarts = 0, probes = 0;
        double slowest = 0;
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = jobs, CancellationToken = token }, index =>
        {
            ChurnResult result = ChurnRun.Run(first with { Seed = first.Seed + (ulong)index });
            lock (gate)
            {
                operations += result.Figures.Operations;
                refused += result.Figures.Refused;
                restarts += result.Figures.Restarts;
                probes += result.Figures.Probes;
                slowest = Math.Max(slowest, result.Figures.ConvergedAfter);
                if (result.Verdict == ChurnVerdict.Held)
                {
                    foreach ((string name, int times) in result.Struck)
                    {
                        struck.AddOrUpdate(name, (times, 1), (_, before) => (before.Times + times, before.Seeds + 1));
                    }
                }
                else
                {
                    failures++;
                    worst = Worse(worst, result.Verdict);
                    output.WriteLine(Line(result));
                }
            }
        });

        foreach (CloudFault fault in first.Faults ?? CloudFaults.All)
        {
            (int times, int seeds) = struck.GetValueOrDefault(fault.Name);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{fault.Name,-20} struck {times,6} times, and {seeds,5} clouds recovered"));
            if (seeds == 0 && count >= SeedsThatReachEveryKind && first.Chance != 0)
            {
                output.WriteLine($"{fault.Name} never struck in a cloud that recovered: the run proves nothing of it");
                worst = Worse(worst, ChurnVerdict.Broken);
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{count} seeds: {count - failures} held, {failures} failed; {operations} operations, {refused} refused, {restarts} restarts, {probes} probes; the slowest cloud converged {slowest:0.0} s after its faults"));
        return (int)worst;
    }

    private static int RunOne(ChurnOptions options, string? pcap, string? transcript)
    {
        using FileStream? capture = pcap is null ? null : File.Create(pcap);
        using StreamWriter? lines = transcript is null ? null : File.CreateText(transcript);
        ChurnResult result = ChurnRun.Run(options with { Story = Console.Out, Capture = capture, Transcript = lines });
        foreach ((string name, int times) in result.Struck)
        {
            Console.WriteLine($"struck {times,5} times: {name}");
        }

        Console.WriteLine(result.Verdict == ChurnVerdict.Held ? "held" : Line(result));
        return (int)result.Verdict;
    }

    private static string Line(ChurnResult result) =>
        $"{result.Verdict.ToString().ToUpperInvariant()} again by: {result.Options.CommandLine}    {result.Reason?.ReplaceLineEndings(" ")}";

    // A crash hides everything else; a broken invariant weighs more than a cloud that took too long.
    private static ChurnVerdict Worse(ChurnVerdict one, ChurnVerdict other) => Rank(other) > Rank(one) ? other : one;

    private static int Rank(ChurnVerdict verdict) => verdict switch
    {
        ChurnVerdict.Held => 0,
        ChurnVerdict.NotConverged => 1,
        ChurnVerdict.Broken => 2,
        _ => 3,
    };

    private static bool TryReadFaults(string? names, out IReadOnlyList<CloudFault>? faults)
    {
        faults = names switch
        {
            null => null,
            "none" => [],
            "all" => CloudFaults.All,
            _ => [.. names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(CloudFaults.Find).OfType<CloudFault>()],
        };
        foreach (string name in names is null or "none" or "all" ? [] : names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (CloudFaults.Find(name) is null)
            {
                Console.Error.WriteLine($"eucanet: there is no fault '{name}'; there are {string.Join(", ", CloudFaults.All.Select(static fault => fault.Name))}");
                return false;
            }
        }

        return true;
    }
}
