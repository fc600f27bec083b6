using System.Diagnostics;
using System.Globalization;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Bench;

/// <summary>
/// Large and small nf_tables changes and listings on this machine's kernel, encoding and decoding included, beside a C program that sends the same bytes prepared
/// beforehand and only receives: the floor, what the kernel itself takes. Rounds alternate, so that a busy machine slows all alike; the medians are printed, and in how
/// many times the floor. Each measurement has a network namespace of its own.
/// </summary>
internal static class NftablesBulk
{
    private const int Rounds = 7;

    /// <summary>Measures and prints a table; only some of the rows where <paramref name="wanted"/> names them: rules, elements, one, list.</summary>
    public static int Run(TextWriter output, string[] wanted)
    {
        bool Wants(string row) => wanted.Length == 0 || wanted.Contains(row);
        using var peers = new NftablesPeers(output);
        output.WriteLine($"{"median of " + Rounds,-34}{"floor",10}{"ours",10}{"times",8}{"google",10}{"times",8}{"nft",10}{"times",8}");
        foreach (int count in Wants("rules") ? [10_000, 50_000] : Array.Empty<int>())
        {
            Rule[] rules = NftablesSamples.Rules(count);
            Bulk(output, peers, $"{count} rules, one batch, ms", $"rules {count}", NftablesSamples.RuleText(count), batch =>
            {
                foreach (Rule rule in rules)
                {
                    batch.Add(rule);
                }
            });
        }

        if (Wants("elements"))
        {
            Bulk(output, peers, "100000 map elements, ms", "elements 100000", NftablesSamples.ElementText(100_000), batch => NftablesSamples.WriteElements(batch, 0, 100_000));
        }

        if (Wants("one"))
        {
            OneByOne(output, peers, 3000);
        }

        if (Wants("list"))
        {
            Listing(output, peers, 50_000);
        }

        return 0;
    }

    private static void Bulk(TextWriter output, NftablesPeers peers, string name, string google, string text, Action<NftablesBatch> write)
    {
        var row = new Row(name, 1e6);
        var batch = new NftablesBatch(1 << 25);
        for (int warm = 0; warm < 20; warm++)
        {
            batch.Clear();
            write(batch);
        }

        byte[][] datagrams = [NftablesSamples.Base().ToDatagram(), batch.ToDatagram()];
        for (int round = 0; round < Rounds; round++)
        {
            using (NetworkNamespace space = NetworkNamespace.Create())
            {
                using NftablesConnection connection = NftablesConnection.Open(LinuxKernel.Open(space));
                connection.Send(NftablesSamples.Base());
                long begin = Stopwatch.GetTimestamp();
                batch.Clear();
                write(batch);
                connection.Send(batch);
                row.Ours.Add(Stopwatch.GetElapsedTime(begin).TotalNanoseconds);
            }

            row.Floor.Add(peers.Floor(datagrams)[1]);
            if (round < 3)
            {
                string[] mode = google.Split(' ');
                row.Google.AddRange(peers.Google(mode[0], int.Parse(mode[1], CultureInfo.InvariantCulture)) ?? []);
                row.AddNft(peers.NftLoad(text));
            }
        }

        row.Print(output, 0.5);
    }

    private static void OneByOne(TextWriter output, NftablesPeers peers, int commits)
    {
        const int Warm = 10_000;
        var median = new Row("one element a commit, p50, us", 1e3);
        var besideThreads = new Row("  beside a floor of two threads", 1e3);
        var tail = new Row("one element a commit, p99, us", 1e3);
        for (int round = 0; round < Rounds; round++)
        {
            var ours = new List<double>(commits);
            var datagrams = new List<byte[]>(commits + Warm) { NftablesSamples.Base().ToDatagram() };
            using (NetworkNamespace space = NetworkNamespace.Create())
            {
                using NftablesConnection connection = NftablesConnection.Open(LinuxKernel.Open(space));
                connection.Send(NftablesSamples.Base());
                var batch = new NftablesBatch();
                for (int index = -Warm; index < commits; index++)
                {
                    long begin = Stopwatch.GetTimestamp();
                    batch.Clear();
                    NftablesSamples.WriteElements(batch, index, 1);
                    connection.Send(batch);
                    if (index >= 0)
                    {
                        // A TimeSpan would round to 100 ns.
                        ours.Add((Stopwatch.GetTimestamp() - begin) * (1e9 / Stopwatch.Frequency));
                    }
                }

                for (int index = -Warm; index < commits; index++)
                {
                    batch.Clear();
                    NftablesSamples.WriteElements(batch, index, 1);
                    datagrams.Add(batch.ToDatagram());
                }
            }

            List<double> floor = peers.Floor(datagrams)[(Warm + 1)..], threaded = peers.FloorOfTwoThreads(datagrams)[(Warm + 1)..];
            besideThreads.Ours.Add(Row.Quantile(ours, 0.5));
            besideThreads.Floor.Add(Row.Quantile(threaded, 0.5));
            List<double>? google = round < 3 ? peers.Google("one", commits) : null;
            foreach ((Row row, double share) in new[] { (median, 0.5), (tail, 0.99) })
            {
                row.Ours.Add(Row.Quantile(ours, share));
                row.Floor.Add(Row.Quantile(floor, share));
                if (google is not null)
                {
                    row.Google.Add(Row.Quantile(google, share));
                }
            }
        }

        median.Print(output, 0.5);
        besideThreads.Print(output, 0.5);
        tail.Print(output, 0.5);
    }

    private static void Listing(TextWriter output, NftablesPeers peers, int count)
    {
        var batch = new NftablesBatch(1 << 25);
        foreach (Rule rule in NftablesSamples.Rules(count))
        {
            batch.Add(rule);
        }

        byte[][] datagrams = [NftablesSamples.Base().ToDatagram(), batch.ToDatagram()];
        using NetworkNamespace space = NetworkNamespace.Create();
        using NftablesConnection connection = NftablesConnection.Open(LinuxKernel.Open(space));
        using NftablesConnection alone = NftablesConnection.Open(LinuxKernel.Open(space), new NftablesConnectionOptions { ReceiveAhead = false });
        connection.Send(NftablesSamples.Base());
        connection.Send(batch);
        (Row Row, Func<long> List)[] ways =
        [
            (new Row($"{count} rules listed, kept, ms", 1e6), () => connection.ListRules(NftablesFamily.Inet, "bench", "forward").Count),
            (new Row("  each decoded and let go", 1e6), () => Visited(connection)),
            (new Row("  each looked at in place", 1e6), () => Viewed(connection)),
            (new Row("  kept, on one thread", 1e6), () => alone.ListRules(NftablesFamily.Inet, "bench", "forward").Count),
            (new Row("  each let go, on one thread", 1e6), () => Visited(alone)),
        ];
        var allocated = new long[ways.Length];
        for (int round = -2; round < Rounds; round++)
        {
            double floor = round < 0 ? 0 : Row.Quantile(peers.FloorDump(datagrams, 3), 0.5);
            for (int way = 0; way < ways.Length; way++)
            {
                // What the last one kept is no part of this one.
                GC.Collect();
                long before = GC.GetAllocatedBytesForCurrentThread();
                long begin = Stopwatch.GetTimestamp();
                long listed = ways[way].List();
                double taken = Stopwatch.GetElapsedTime(begin).TotalNanoseconds;
                allocated[way] = GC.GetAllocatedBytesForCurrentThread() - before;
                if (listed != count)
                {
                    throw new InvalidOperationException($"{listed} rules listed, {count} sent");
                }

                if (round >= 0)
                {
                    ways[way].Row.Ours.Add(taken);
                    ways[way].Row.Floor.Add(floor);
                }
            }
        }

        ways[0].Row.Google.AddRange(peers.Google("list", count) ?? []);
        ways[0].Row.AddNft(peers.NftList(NftablesSamples.RuleText(count)));
        foreach ((Row row, _) in ways)
        {
            row.Print(output, 0.5);
        }

        output.WriteLine($"  bytes allocated per rule: {string.Join(", ", allocated.Select(bytes => bytes / count))}");
    }

    private static long Visited(NftablesConnection connection)
    {
        long expressions = 0;
        ListingEnd end = connection.VisitRules(NftablesFamily.Inet, "bench", "forward", rule => expressions += rule.Expressions.Count);
        return end.IsConsistent && expressions == end.Count * 10 ? end.Count : 0;
    }

    private static long Viewed(NftablesConnection connection)
    {
        long expressions = 0;
        ListingEnd end = connection.ViewRules(NftablesFamily.Inet, "bench", "forward", rule => expressions += NftablesSamples.CountExpressions(rule));
        return end.IsConsistent && expressions == end.Count * 10 ? end.Count : 0;
    }

    /// <summary>One line of the table, in nanoseconds until it is printed.</summary>
    private sealed class Row(string name, double unit)
    {
        private readonly List<double> _nft = [];

        public List<double> Floor { get; } = [];

        public List<double> Ours { get; } = [];

        public List<double> Google { get; } = [];

        public void AddNft(double? nanoseconds)
        {
            if (nanoseconds is { } value)
            {
                _nft.Add(value);
            }
        }

        public void Print(TextWriter output, double share)
        {
            double floor = Quantile(Floor, share);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-34}{floor / unit,10:0.0}{Beside(Ours, floor, share)}{Beside(Google, floor, share)}{Beside(_nft, floor, share)}"));
        }

        public static double Quantile(List<double> values, double share)
        {
            double[] sorted = [.. values.Order()];
            return sorted[Math.Min((int)(sorted.Length * share), sorted.Length - 1)];
        }

        private string Beside(List<double> values, double floor, double share) => values.Count == 0
            ? $"{"-",10}{"",8}"
            : string.Create(CultureInfo.InvariantCulture, $"{Quantile(values, share) / unit,10:0.0}{Quantile(values, share) / floor,8:0.00}");
    }
}
