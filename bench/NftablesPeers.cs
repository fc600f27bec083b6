using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using EucaNet.Netlink.Kernel;

namespace EucaNet.Bench;

/// <summary>
/// The other programs of the comparison, each started in a network namespace of its own: the floor (native/nftfloor.c), google/nftables (native/googlenftables, built
/// with Debian's Go packages) and nft. One that this machine cannot build or run is left out, with the reason.
/// </summary>
internal sealed class NftablesPeers : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nftbench").FullName;
    private readonly string _floor;
    private readonly string? _google;
    private readonly bool _hasNft;

    /// <summary>Builds what has to be built.</summary>
    /// <exception cref="InvalidOperationException">The floor could not be built: there is nothing to compare with.</exception>
    public NftablesPeers(TextWriter output)
    {
        string native = Path.Combine(Path.GetDirectoryName(Here())!, "native");
        _floor = Path.Combine(_folder, "nftfloor");
        if (Start("gcc", ["-O2", "-pthread", "-o", _floor, Path.Combine(native, "nftfloor.c")]) is { } failure)
        {
            throw new InvalidOperationException($"gcc could not build native/nftfloor.c: {failure}");
        }

        _google = Path.Combine(_folder, "googlenftables");
        var go = new Dictionary<string, string?>
        {
            ["GO111MODULE"] = "off", ["GOPATH"] = "/usr/share/gocode", ["GOCACHE"] = Path.Combine(_folder, "gocache"), ["GOFLAGS"] = "",
        };
        if (Start("go", ["build", "-o", _google, Path.Combine(native, "googlenftables", "main.go")], go) is { } reason)
        {
            output.WriteLine($"google/nftables is left out (apt-get install golang-go golang-github-google-nftables-dev): {reason}");
            _google = null;
        }

        _hasNft = Start("nft", ["--version"]) is null;
        if (!_hasNft)
        {
            output.WriteLine("nft is left out: it is not installed.");
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Sends prepared datagrams; the nanoseconds of each.</summary>
    public List<double> Floor(IReadOnlyList<byte[]> datagrams) => Numbers(_floor, [Prepare(datagrams)]);

    /// <summary>The same in a process of two threads, as every program of a managed runtime is.</summary>
    public List<double> FloorOfTwoThreads(IReadOnlyList<byte[]> datagrams) => Numbers(_floor, [Prepare(datagrams), "threads"]);

    /// <summary>Sends prepared datagrams, then receives all rules so many times; the nanoseconds of each dump.</summary>
    public List<double> FloorDump(IReadOnlyList<byte[]> datagrams, int times) =>
        Numbers(_floor, [Prepare(datagrams), "dump", times.ToString(CultureInfo.InvariantCulture)]);

    /// <summary>google/nftables in one of its modes; null where it is left out.</summary>
    public List<double>? Google(string mode, int count) => _google is null ? null : Numbers(_google, [mode, count.ToString(CultureInfo.InvariantCulture)]);

    /// <summary>nft reads a file into the table; nanoseconds of the whole process. Null where there is no nft.</summary>
    public double? NftLoad(string text)
    {
        if (!_hasNft)
        {
            return null;
        }

        string prepared = Path.Combine(_folder, "base.nft"), file = Path.Combine(_folder, "bulk.nft");
        File.WriteAllText(prepared, NftablesSamples.BaseText);
        File.WriteAllText(file, text);
        using NetworkNamespace space = NetworkNamespace.Create();
        return space.Run(() =>
        {
            Execute("nft", ["-f", prepared]);
            long begin = Stopwatch.GetTimestamp();
            Execute("nft", ["-f", file]);
            return Stopwatch.GetElapsedTime(begin).TotalNanoseconds;
        });
    }

    /// <summary>nft lists what a file holds; nanoseconds of the whole process. Null where there is no nft.</summary>
    public double? NftList(string text)
    {
        if (!_hasNft)
        {
            return null;
        }

        string file = Path.Combine(_folder, "list.nft");
        File.WriteAllText(file, NftablesSamples.BaseText + text);
        using NetworkNamespace space = NetworkNamespace.Create();
        return space.Run(() =>
        {
            Execute("nft", ["-f", file]);
            long begin = Stopwatch.GetTimestamp();
            Execute("nft", ["-n", "list", "chain", "inet", "bench", "forward"]);
            return Stopwatch.GetElapsedTime(begin).TotalNanoseconds;
        });
    }

    private string Prepare(IReadOnlyList<byte[]> datagrams)
    {
        string file = Path.Combine(_folder, "datagrams");
        using var stream = new BinaryWriter(File.Create(file));
        foreach (byte[] datagram in datagrams)
        {
            stream.Write(datagram.Length);
            stream.Write(datagram);
        }

        return file;
    }

    private static List<double> Numbers(string program, string[] arguments)
    {
        using NetworkNamespace space = NetworkNamespace.Create();
        return space.Run(() => Execute(program, arguments).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => double.Parse(line, CultureInfo.InvariantCulture)).ToList());
    }

    private static string Execute(string program, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? text : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed with status {process.ExitCode}");
    }

    // Runs a program quietly; null where it succeeded, else why not.
    private static string? Start(string program, string[] arguments, Dictionary<string, string?>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string? value) in environment ?? [])
        {
            start.Environment[name] = value;
        }

        try
        {
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? null : errors.Trim() is { Length: > 0 } said ? said : $"{program} ended with status {process.ExitCode}";
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return exception.Message;
        }
    }

    private static string Here([CallerFilePath] string file = "") => file;
}
