using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using EucaNet.Netfilter;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Bench;

/// <summary>
/// Large and small nf_tables changes on this machine's kernel, encoding included, beside a C program (native/nftfloor.c) that sends the same bytes prepared
/// beforehand: the floor, what the kernel itself takes. Each measurement has a network namespace of its own.
/// </summary>
internal static class NftablesBulk
{
    private const int Repeats = 5;

    /// <summary>Measures and prints a table.</summary>
    public static int Run(TextWriter output)
    {
        string floor = BuildFloor();
        output.WriteLine($"{"",-34}{"ours",12}{"floor",12}{"ratio",8}");
        foreach (int rules in (int[])[10_000, 50_000])
        {
            Rule rule = NftablesSamples.TenExpressionRule("forward");
            Bulk(output, floor, $"{rules} rules, one batch, ms", batch =>
            {
                for (int index = 0; index < rules; index++)
                {
                    batch.Add(rule);
                }
            });
        }

        Bulk(output, floor, "100000 map elements, ms", batch =>
        {
            using NftablesBatch.ElementWriter elements = batch.AddElements(NftablesFamily.Inet, "bench", "map");
            Span<byte> key = stackalloc byte[4];
            for (int index = 0; index < 100_000; index++)
            {
                BitConverter.TryWriteBytes(key, index);
                elements.Add(key, key);
            }
        });
        OneByOne(output, floor, 5000);
        Listing(output, 50_000);
        return 0;
    }

    private static void Bulk(TextWriter output, string floor, string name, Action<NftablesBatch> write)
    {
        var ours = new List<double>();
        var floors = new List<double>();
        var batch = new NftablesBatch(1 << 24);
        for (int warm = 0; warm < 20; warm++)
        {
            batch.Clear();
            write(batch);
        }

        for (int run = 0; run < Repeats; run++)
        {
            using NetworkNamespace space = NetworkNamespace.Create();
            using NftablesConnection connection = NftablesConnection.Open(LinuxKernel.Open(space));
            connection.Send(NftablesSamples.Base());
            long begin = Stopwatch.GetTimestamp();
            batch.Clear();
            write(batch);
            connection.Send(batch);
            ours.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
            floors.Add(Floor(floor, [NftablesSamples.Base().ToDatagram(), batch.ToDatagram()])[1] / 1e6);
        }

        Print(output, name, Median(ours), Median(floors));
    }

    private static void OneByOne(TextWriter output, string floor, int commits)
    {
        var ours = new List<double>(commits);
        var datagrams = new List<byte[]> { NftablesSamples.Base().ToDatagram() };
        using (NetworkNamespace space = NetworkNamespace.Create())
        {
            using NftablesConnection connection = NftablesConnection.Open(LinuxKernel.Open(space));
            connection.Send(NftablesSamples.Base());
            var batch = new NftablesBatch();
            Span<byte> key = stackalloc byte[4];
            for (int index = -2000; index < commits; index++)
            {
                BitConverter.TryWriteBytes(key, index);
                long begin = Stopwatch.GetTimestamp();
                batch.Clear();
                using (NftablesBatch.ElementWriter elements = batch.AddElements(NftablesFamily.Inet, "bench", "map"))
                {
                    elements.Add(key, key);
                }

                connection.Send(batch);
                if (index >= 0)
                {
                    ours.Add(Stopwatch.GetElapsedTime(begin).TotalMicroseconds);
                }

                datagrams.Add(batch.ToDatagram());
            }
        }

        List<double> floors = [.. Floor(floor, datagrams).Skip(2001).Select(nanoseconds => nanoseconds / 1e3)];
        Print(output, "one element a commit, p50, us", Median(ours), Median(floors));
        Print(output, "one element a commit, p99, us", Quantile(ours, 0.99), Quantile(floors, 0.99));
    }

    private static void Listing(TextWriter output, int rules)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        IKernel kernel = LinuxKernel.Open(space);
        using NftablesConnection connection = NftablesConnection.Open(kernel);
        NftablesBatch batch = NftablesSamples.Base();
        Rule rule = NftablesSamples.TenExpressionRule("forward");
        for (int index = 0; index < rules; index++)
        {
            batch.Add(rule);
        }

        connection.Send(batch);
        var ours = new List<double>();
        var floors = new List<double>();
        for (int run = 0; run < Repeats; run++)
        {
            long begin = Stopwatch.GetTimestamp();
            int listed = connection.ListRules(NftablesFamily.Inet, "bench", "forward").Count;
            ours.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
            begin = Stopwatch.GetTimestamp();
            int received = Receive(kernel);
            floors.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
            if (listed != rules || received != rules)
            {
                throw new InvalidOperationException($"{listed} rules listed, {received} received, {rules} sent");
            }
        }

        Print(output, $"{rules} rules listed and decoded, ms", Median(ours), Median(floors));
    }

    // Receives the dump and only counts.
    private static int Receive(IKernel kernel)
    {
        using INetlinkSocket socket = kernel.OpenNetlink(NetlinkProtocol.Netfilter, new NetlinkSocketOptions { StrictChecking = false });
        var buffer = new NetlinkBuffer();
        var writer = new NetlinkWriter(buffer);
        WireMark mark = writer.BeginMessage(Nfnetlink.NFNL_SUBSYS_NFTABLES << 8 | NfTables.NFT_MSG_GETRULE, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump, 1);
        writer.AppendStruct(NfnetlinkHeader.Create((byte)NftablesFamily.Inet));
        writer.EndMessage(mark);
        writer.Complete();
        socket.Send(buffer.Written);
        var received = new NetlinkReceiveBuffer();
        int count = 0;
        while (true)
        {
            socket.Receive(received);
            for (int index = 0; index < received.Count; index++)
            {
                var reader = new MessageReader(received.Bytes(index));
                while (reader.TryRead(out NetlinkMessage message))
                {
                    if (message.Header.Type == NetlinkMessageType.Done)
                    {
                        return count;
                    }

                    count++;
                }
            }
        }
    }

    private static string BuildFloor([CallerFilePath] string here = "")
    {
        string program = Path.Combine(Directory.CreateTempSubdirectory("nftfloor").FullName, "nftfloor");
        using var compiler = Process.Start("gcc", ["-O2", "-o", program, Path.Combine(Path.GetDirectoryName(here)!, "native", "nftfloor.c")]);
        compiler.WaitForExit();
        return compiler.ExitCode == 0 ? program : throw new InvalidOperationException("gcc could not build native/nftfloor.c");
    }

    private static List<double> Floor(string program, IReadOnlyList<byte[]> datagrams)
    {
        string file = program + ".bytes";
        using (var stream = new BinaryWriter(File.Create(file)))
        {
            foreach (byte[] datagram in datagrams)
            {
                stream.Write(datagram.Length);
                stream.Write(datagram);
            }
        }

        using NetworkNamespace space = NetworkNamespace.Create();
        return space.Run(() =>
        {
            using Process process = Process.Start(new ProcessStartInfo(program, [file]) { RedirectStandardOutput = true })!;
            string text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => double.Parse(line, CultureInfo.InvariantCulture)).ToList();
        });
    }

    private static double Median(IEnumerable<double> values) => Quantile(values, 0.5);

    private static double Quantile(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted[Math.Min((int)(sorted.Length * share), sorted.Length - 1)];
    }

    private static void Print(TextWriter output, string name, double ours, double floor) =>
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-34}{ours,12:0.0}{floor,12:0.0}{ours / floor,8:0.00}"));
}
