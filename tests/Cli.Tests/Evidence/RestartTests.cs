using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using EucaNet.Cli.Tests.Commands;
using EucaNet.Engine;
using EucaNet.Engine.Diagnostics;
using EucaNet.Netfilter.Nftables;
using EucaNet.Netlink.Route;
using EucaNet.Simulator.Faults;

namespace EucaNet.Cli.Tests.Evidence;

/// <summary>
/// The front-end's engine on a real kernel, killed at system calls all over a change and started again (M13), while nc in an instance receives a stream from
/// outside by a public address. To the kernel a killed process is sockets that close and calls that come no more: <see cref="SimulatedProcess"/> does that.
/// </summary>
[Explicit("needs a kernel with 802.1Q: DebianKernelTests runs it under one")]
[Category(DebianKernelTests.Category)]
public sealed class RestartTests
{
    private const string Churned = "i-00000009";
    private const int Kills = 4;

    private static readonly Ipv4Address Stream = Ipv4Address.Parse("203.0.113.10");
    private static readonly IngressRule Ssh = new() { Protocol = IngressRule.Tcp, FirstPort = 22, LastPort = 22, Source = Ipv4Network.Parse("0.0.0.0/0") };
    private static readonly IngressRule Range = new() { Protocol = IngressRule.Tcp, FirstPort = 8000, LastPort = 8010, Source = Ipv4Network.Parse("192.0.2.0/24") };

    [Test]
    public async Task Killed_at_any_instant_it_repairs_what_differs_writes_nothing_else_and_no_connection_drops()
    {
        string folder = Directory.CreateTempSubdirectory("eucanet-restart-").FullName;
        await using ManagedCloud cloud = await ManagedCloud.StartAsync("linux", frontEndRuns: false);
        await using var engine = new Engine(cloud, folder);
        try
        {
            await engine.StartAsync();
            InstanceAssignment assignment = (await engine.FrontEnd.RunInstanceAsync(new InstanceRequest { InstanceId = "i-2eca052c", User = "alice", Group = "web" })).Value;
            await engine.FrontEnd.AuthorizeAsync("alice", "web", Ssh);
            await engine.FrontEnd.AssociateAddressAsync(Stream, "i-2eca052c");
            Guest instance = await cloud.BootAsync(assignment, "node1");
            await using var stream = await TcpStream.StartAsync(cloud, instance, folder);

            long began = engine.Process.SystemCalls;
            await ChurnAsync(engine.FrontEnd);
            long calls = engine.Process.SystemCalls - began;
            for (int kill = 1; kill <= Kills; kill++)
            {
                engine.Process.KillAfterwards = kill % 2 == 0;
                engine.Process.KillAt = engine.Process.SystemCalls + (calls * kill / (Kills + 1));
                await engine.AssertDiesAsync(ChurnAsync);
                await engine.StartAsync();
                Assert.That((await engine.FrontEnd.ExamineAsync()).Where(finding => finding.Level >= FindingLevel.Warning), Is.Empty, $"after kill {kill}");
                Assert.That((await engine.FrontEnd.ReconcileAsync()).ToString(), Is.EqualTo("nothing to do"), $"after kill {kill}");
                await stream.AssertGoesOnAsync();
                await UndoChurnAsync(engine.FrontEnd);
            }

            // Killed while nothing was under way, it finds everything as it should be and writes nothing.
            engine.Process.Kill();
            Assert.That((await engine.StartAsync()).ToString(), Is.EqualTo("nothing to do"));
            Assert.That(engine.Process.Writes, Is.Zero, "it wrote although nothing differed");

            // What somebody took away meanwhile it brings back, and only that.
            engine.Process.Kill();
            RouteConnection administrator = cloud.RouteOf(ManagedCloud.Front);
            await administrator.DeleteAddressAsync(InterfaceAddress.Of((await administrator.GetLinkAsync("eth1")).Index, IPAddress.Parse(Stream.ToString()), 32));
            using (NftablesConnection other = NftablesConnection.Open(cloud.KernelOf(ManagedCloud.Front)))
            {
                var batch = new NftablesBatch();
                batch.FlushSet(NftablesFamily.Ip, "eucanet", "public_to_private");
                other.Send(batch);
            }

            ChangeSummary repaired = await engine.StartAsync();
            Assert.That(repaired.Count(ChangeKind.AddressAdded), Is.EqualTo(1), repaired.ToString());
            Assert.That(repaired.NetfilterTransactions, Is.EqualTo(1), repaired.ToString());
            Assert.That(repaired.Changes.Select(change => change.Kind), Has.None.AnyOf(ChangeKind.LinkAdded, ChangeKind.LinkChanged, ChangeKind.LinkRemoved, ChangeKind.ConnectionsCut), repaired.ToString());
            await stream.AssertGoesOnAsync();
            string flows = await cloud.World.RunProgramAsync(ManagedCloud.Front, "conntrack -L -p tcp", default);
            Assert.That(flows, Does.Match($@"ESTABLISHED src=203\.0\.113\.100 dst={Regex.Escape(Stream.ToString())} .*dport=22 src={Regex.Escape(instance.Address.ToString())} .*ASSURED"), "conntrack -L");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task ChurnAsync(FrontEnd engine)
    {
        await engine.RunInstanceAsync(new InstanceRequest { InstanceId = Churned, User = "bob", Group = "web", AnyPublicAddress = true });
        await engine.AuthorizeAsync("bob", "web", Range);
        await engine.AuthorizeAsync("alice", "web", Range);
        await UndoChurnAsync(engine);
    }

    private static async Task UndoChurnAsync(FrontEnd engine)
    {
        await engine.RevokeAsync("alice", "web", Range);
        await engine.RevokeAsync("bob", "web", Range);
        if ((await engine.ListInstancesAsync()).Any(instance => instance.Assignment.InstanceId == Churned))
        {
            await engine.TerminateInstanceAsync(Churned);
        }
    }

    /// <summary>The front-end's engine in a process of its own.</summary>
    private sealed class Engine(ManagedCloud cloud, string folder) : IAsyncDisposable
    {
        public FrontEnd FrontEnd { get; private set; } = null!;

        public SimulatedProcess Process { get; private set; } = null!;

        /// <summary>Starts it in the place of the one that ran, or died.</summary>
        public async Task<ChangeSummary> StartAsync()
        {
            await DisposeAsync();
            Process = new SimulatedProcess(cloud.KernelOf(ManagedCloud.Front), "engine");
            FrontEnd = new FrontEnd(Process, cloud.FrontConfiguration, new EngineOptions { StateDirectory = folder });
            return await FrontEnd.StartAsync();
        }

        public async Task AssertDiesAsync(Func<FrontEnd, Task> work)
        {
            try
            {
                await work(FrontEnd);
            }
            catch (ProcessKilledException)
            {
                // Unless it died in a task beside the work.
            }

            Assert.That(Process.IsDead, Is.True);
        }

        public async ValueTask DisposeAsync()
        {
            if (FrontEnd is null)
            {
                return;
            }

            try
            {
                Process.Kill();
                await FrontEnd.DisposeAsync();
            }
            catch (ObjectDisposedException)
            {
                // It was dead already.
            }
        }
    }

    /// <summary>Numbers that nc outside sends to nc in an instance, line by line.</summary>
    private sealed class TcpStream : IAsyncDisposable
    {
        private readonly ManagedCloud _cloud;
        private readonly string _received;
        private readonly int[] _processes;

        private TcpStream(ManagedCloud cloud, string received, int[] processes)
        {
            _cloud = cloud;
            _received = received;
            _processes = processes;
        }

        public static async Task<TcpStream> StartAsync(ManagedCloud cloud, Guest instance, string folder)
        {
            string received = Path.Combine(folder, "received");
            string server = await cloud.World.RunProgramAsync(instance.Name, $"nc -l 22 >{received} 2>{folder}/nc </dev/null & echo $!", default);
            string client = await cloud.World.RunProgramAsync(
                ManagedCloud.Internet, $"(sleep 1; n=0; while n=$((n+1)); do echo $n; sleep 0.1; done) 2>/dev/null | nc {Stream} 22 >/dev/null 2>>{folder}/nc & echo $!", default);
            var stream = new TcpStream(cloud, received, [int.Parse(server, CultureInfo.InvariantCulture), int.Parse(client, CultureInfo.InvariantCulture)]);
            await stream.AssertGoesOnAsync();
            return stream;
        }

        /// <summary>More arrives, on the connection of the beginning, and nothing was left out.</summary>
        public async Task AssertGoesOnAsync()
        {
            int before = Lines().Length;
            Assert.That(await _cloud.UntilAsync(() => Task.FromResult(Lines().Length > before + 3), TimeSpan.FromSeconds(60)), Is.True, "the stream has stopped");
            string[] lines = Lines();
            Assert.That(lines, Is.EqualTo(Enumerable.Range(1, lines.Length).Select(number => number.ToString(CultureInfo.InvariantCulture))));
        }

        public ValueTask DisposeAsync()
        {
            foreach (int process in _processes)
            {
                CommandLine.RunOther(null, "kill", $"{process}");
            }

            return ValueTask.CompletedTask;
        }

        // Whole lines only: the last may just be arriving.
        private string[] Lines() => File.Exists(_received) ? File.ReadAllText(_received).Split('\n')[..^1] : [];
    }
}
