using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;

namespace EucaNet.Bench;

/// <summary>
/// One link asked for, written, sent, received and walked, on this machine's kernel beside a C program with libmnl (native/mnlroundtrip.c) that does the
/// same. Both take turns, each in a namespace of its own; the goal is a ratio of at most 1.3.
/// </summary>
internal static class NetlinkRoundTrip
{
    private const int Turns = 9;
    private const int Rounds = 20_000;

    /// <summary>Measures and prints a table.</summary>
    public static int Run(TextWriter output)
    {
        string program = Build();
        var ours = new List<double>();
        var theirs = new List<double>();
        long allocated = 0;
        try
        {
            for (int turn = 0; turn <= Turns; turn++)
            {
                double[] mine = Ours(out allocated);
                double[] other = Theirs(program);

                // The first turn warms both up.
                if (turn > 0)
                {
                    ours.Add(Median(mine));
                    theirs.Add(Median(other));
                }
            }
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(program)!, recursive: true);
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round trip, p50 of {Rounds}, median of {Turns} turns, us: ours {Median(ours) / 1e3:0.00}, libmnl {Median(theirs) / 1e3:0.00}, ratio {Median(ours) / Median(theirs):0.00}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"lowest turn of each, us: ours {ours.Min() / 1e3:0.00}, libmnl {theirs.Min() / 1e3:0.00}, ratio {ours.Min() / theirs.Min():0.00}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"allocated per round trip: {(double)allocated / Rounds:0.000} bytes"));
        return 0;
    }

    private static double[] Ours(out long allocated)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        using NetlinkConnection connection = NetlinkConnection.Open(LinuxKernel.Open(space), NetlinkProtocol.Route);
        var buffer = new NetlinkBuffer();
        var loopback = new Link { Index = 1 };
        long bytes = 0;
        NetlinkReplyHandler walk = (in NetlinkMessage message, int _) =>
        {
            AttributeReader attributes = message.Attributes(16);
            while (attributes.TryRead(out NetlinkAttribute attribute))
            {
                bytes += attribute.Value.Length;
            }
        };
        double[] took = new double[Rounds];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 0; round < Rounds; round++)
        {
            long begin = Stopwatch.GetTimestamp();
            buffer.Clear();
            var writer = new NetlinkWriter(buffer);
            loopback.WriteMessage(ref writer, RouteConstants.RTM_GETLINK, NetlinkMessageFlags.Request);
            writer.Complete();
            connection.Execute(buffer, walk);
            took[round] = Stopwatch.GetElapsedTime(begin).TotalNanoseconds;
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return bytes > 0 ? took[(Rounds / 10)..] : throw new InvalidOperationException("nothing was received");
    }

    private static double[] Theirs(string program)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        return space.Run(() =>
        {
            using Process process = Process.Start(new ProcessStartInfo(program, [Rounds.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true })!;
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0
                ? text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => double.Parse(line, CultureInfo.InvariantCulture)).ToArray()
                : throw new InvalidOperationException("the C program failed");
        });
    }

    private static string Build([CallerFilePath] string here = "")
    {
        string program = Path.Combine(Directory.CreateTempSubdirectory("mnlroundtrip").FullName, "mnlroundtrip");
        using var compiler = Process.Start("gcc", ["-O2", "-o", program, Path.Combine(Path.GetDirectoryName(here)!, "native", "mnlroundtrip.c"), "-lmnl"]);
        compiler.WaitForExit();
        return compiler.ExitCode == 0 ? program : throw new InvalidOperationException("gcc could not build native/mnlroundtrip.c (Debian: libmnl-dev)");
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
