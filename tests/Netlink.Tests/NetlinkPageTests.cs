using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Recording;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Sockets;
using EucaNet.Netlink.Wire;
using EucaNet.Simulator.Kernel;
using EucaNet.Tests;
using RealKernel = EucaNet.Netlink.Kernel.LinuxKernel;

namespace EucaNet.Netlink.Tests;

/// <summary>
/// The jobs of docs/netlink.md, word for word, so that they compile, and done on a simulated kernel and in a namespace of this machine's kernel, so that
/// they work. A test holds the page against this file.
/// </summary>
public sealed class NetlinkPageTests
{
    [Test]
    public void The_page_shows_what_is_compiled_here() => DocumentationPage.AssertIsCompiledHere("netlink.md", samples: 12);

    [Test]
    public async Task Each_job_does_on_the_simulated_kernel_what_the_page_says()
    {
        using var kernel = new SimulatedKernel();
        LinuxKernel.Current = kernel;
        using RouteConnection route = RouteConnection.Open(LinuxKernel.Current);
        await DoJobsAsync(route);
        await MakeVlanAsync(route);
        Assert.That(((VlanOptions)(await route.GetLinkAsync("eth0.10")).Data!).Id, Is.EqualTo(10));
    }

    [Test]
    [RequiresRoot]
    public async Task Each_job_does_on_this_machines_kernel_what_the_page_says()
    {
        using NetworkNamespace own = NetworkNamespace.Create();
        LinuxKernel.Current = RealKernel.Open(own);
        using RouteConnection route = RouteConnection.Open(LinuxKernel.Current);
        (Link v0, Link bridge) = await DoJobsAsync(route);
        bool hasVlans = true;
        try
        {
            await MakeVlanAsync(route);
        }
        catch (NetlinkException exception) when (exception.Error == LinuxError.EOPNOTSUPP)
        {
            Assert.That(DocumentationPage.Read("netlink.md").Replace('\n', ' '), Does.Contain(exception.Message), "what the page says of a kernel without VLANs");
            hasVlans = false;
        }

        if (hasVlans)
        {
            await ChangeVlanOptionsAsync(route, v0, bridge);
        }

        // 10
        using NetworkNamespace lab = NetworkNamespace.Create("lab");          // as ip netns add
        using var recorder = new PcapRecorder(File.Create("lab.pcap"));       // tshark -r lab.pcap
        var kernel = new RecordingKernel(LinuxKernel.Open(lab), recorder);
        using RouteConnection inside = RouteConnection.Open(kernel);
        await inside.SetUpAsync(1);
        await route.MoveToNamespaceAsync(v0.Index, lab);
        NetworkNamespace.Delete("lab");

        Assert.That((await inside.GetLinkAsync(1)).IsUp, Is.True);
        Assert.That((await inside.GetLinkAsync("v0")).Kind, Is.EqualTo("veth"));
        Assert.That(await route.FindLinkAsync("v0"), Is.Null);
        Assert.That(File.Recorded.Length, Is.GreaterThan(1000));
        Assert.That(System.IO.File.Exists("/run/netns/lab"), Is.False);
    }

    private static async Task<(Link V0, Link Bridge)> DoJobsAsync(RouteConnection route)
    {
        using var stop = new CancellationTokenSource();
        CancellationToken cancellationToken = stop.Token;
        await route.AddLinkAsync(Link.VethPair("eth0", "outside"));

        // 1
        foreach (Link link in await route.GetLinksAsync())
        {
            Console.WriteLine($"{link.Index} {link.Name} {link.Kind} {link.HardwareAddress} mtu {link.Mtu}");
        }

        Assert.That(Console.Lines, Has.Some.Contain("eth0 veth"));

        // 2
        Link bridge = await route.CreateLinkAsync(Link.Of("br0", new BridgeOptions { ForwardDelay = 0, SpanningTree = 0 }));

        // 3
        await route.AddLinkAsync(Link.VethPair("v0", "v1"));
        Link v0 = await route.GetLinkAsync("v0");
        await route.SetMasterAsync(v0.Index, bridge.Index);
        await route.SetBridgePortAsync(v0.Index, new BridgePortOptions { Isolated = true });

        Link port = await route.GetLinkAsync(v0.Index);
        Assert.That((port.Master, (port.Info?.PortData as BridgePortOptions)?.Isolated), Is.EqualTo((bridge.Index, (bool?)true)));

        // 5
        await route.AddAddressAsync(InterfaceAddress.Of(bridge.Index, IPAddress.Parse("192.168.0.1"), 26) with { Broadcast = IPAddress.Parse("192.168.0.63") });

        Assert.That((await route.GetAddressesAsync(bridge.Index, RouteConstants.AF_INET)).Single().Broadcast, Is.EqualTo(IPAddress.Parse("192.168.0.63")));
        await route.CreateBatch().SetUp(bridge.Index).SetUp(v0.Index).SetUp(v0.Parent!.Value).ExecuteAsync();

        // 6
        await route.ReplaceRouteAsync(NetworkRoute.To(IPAddress.Parse("10.20.0.0"), 16, IPAddress.Parse("192.168.0.2")));

        Assert.That((await route.GetRoutesAsync(RouteConstants.AF_INET, RouteConstants.RT_TABLE_MAIN)).Select(found => found.Gateway), Has.Some.EqualTo(IPAddress.Parse("192.168.0.2")));

        // The kernel looks at carriers from time to time only, and a next hop takes one.
        await CarrierAsync(route, bridge.Index);
        await route.AddNextHopAsync(NextHopObject.By(5, IPAddress.Parse("192.168.0.2"), bridge.Index));
        await route.AddNextHopAsync(NextHopObject.GroupOf(7, new NextHopGroupMember(5, Weight: 3)));
        await route.AddRouteAsync(NetworkRoute.To(IPAddress.Parse("10.21.0.0"), 16) with { NextHopId = 7, Scope = RouteConstants.RT_SCOPE_UNIVERSE });

        // 7
        RouteBatch batch = route.CreateBatch().SetUp(v0.Index).SetUp(bridge.Index);
        for (int index = 0; index < 100; index++)
        {
            batch.AddLink(Link.VethPair($"a{index}", $"b{index}") with { Group = 7 });
        }

        foreach (NetlinkException refusal in await batch.TryExecuteAsync())
        {
            Console.WriteLine($"request {refusal.RequestIndex}: {refusal.Message}");
        }

        Assert.That(Console.Lines, Has.None.StartWith("request"));
        Assert.That((await route.GetLinksAsync(kind: "veth")).Count(link => link.Group == 7), Is.EqualTo(100), "the other ends are in no group and go with theirs");
        await route.CreateBatch().DeleteLinkGroup(7).ExecuteAsync();   // all at once: the kernel waits once, not once for each

        Assert.That(await route.GetLinksAsync(kind: "veth"), Has.Count.EqualTo(4));

        // 8
        try
        {
            await route.AddLinkAsync(Link.Of("a-name-that-is-too-long", new BridgeOptions()));
        }
        catch (NetlinkException exception)
        {
            Console.WriteLine(exception.Error);                  // ERANGE
            Console.WriteLine(exception.Details.AttributePath);  // IFLA_IFNAME
            Console.WriteLine(exception.Details.Policy);         // text of at most 15 bytes
        }

        Assert.That(Console.Lines.TakeLast(3), Is.EqualTo(new[] { "ERANGE", "IFLA_IFNAME", "text of at most 15 bytes" }));

        // 9
        Task watching = WatchAsync(cancellationToken);
        await using RouteCache cache = await RouteCache.OpenAsync(LinuxKernel.Current);
        Link? found = cache.FindLink("eth0");                     // no system call

        Assert.That(found?.Kind, Is.EqualTo("veth"));
        await route.RenameAsync(found!.Index, "lan0");
        await Console.LineAsync(line => line.StartsWith("Changed", StringComparison.Ordinal) && line.Contains("Name = lan0", StringComparison.Ordinal));
        await route.RenameAsync(found.Index, "eth0");
        await stop.CancelAsync();
        Assert.That(async () => await watching, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Console.Lines, Has.Some.StartWith("SnapshotComplete"));

        // Traffic by link without the rest of it, and by VLAN where the bridge counts so.
        foreach (LinkStatisticsReport report in await route.GetStatisticsAsync(ofKinds: true))
        {
            Console.WriteLine($"{report.Index} {report.Counters?.ReceivedBytes} {report.VlanCounters.Count} VLANs");
        }

        Assert.That(Console.Lines, Has.Some.EndWith(" VLANs"));

        // Traffic control is listed and carried; a kind's own options stay bytes.
        List<TrafficObject> disciplines = await route.GetQueueingDisciplinesAsync(v0.Index);

        Assert.That(disciplines.Single().Kind, Is.EqualTo("noqueue"));
        await CopyAsync(route, CancellationToken.None);
        return (v0, bridge);
    }

    private static async Task CarrierAsync(RouteConnection route, int index)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (((await route.GetLinkAsync(index)).Flags & LinkFlags.Running) == 0)
        {
            await Task.Delay(5, deadline.Token);
        }
    }

    private static async Task MakeVlanAsync(RouteConnection route)
    {
        // 4
        Link parent = await route.GetLinkAsync("eth0");
        await route.AddLinkAsync(Link.Of("eth0.10", new VlanOptions { Id = 10 }, parent.Index));
    }

    private static async Task WatchAsync(CancellationToken cancellationToken)
    {
        using RouteWatcher watcher = RouteWatcher.Open(LinuxKernel.Current, RouteObjects.Links | RouteObjects.Addresses);
        await foreach (RouteChange change in watcher.WatchAsync(cancellationToken))
        {
            Console.WriteLine($"{change.Kind} {change.Value}");  // what is there, SnapshotComplete, then each change
        }
    }

    private static async Task ChangeVlanOptionsAsync(RouteConnection route, Link v0, Link bridge)
    {
        await route.CreateBatch().AddBridgeVlans(v0.Index, new BridgeSpecification(null, null, EquatableList.Create([new BridgeVlan(BridgeVlanFlags.None, 10)]), [])).ExecuteAsync();

        // Options of VLANs on ports, and those they have on the whole bridge.
        List<BridgeVlanSettings> vlans = await route.GetBridgeVlanSettingsAsync(bridge.Index);
        await route.SetBridgeVlanSettingsAsync(new BridgeVlanSettings
        {
            Index = v0.Index,
            Entries = [new BridgeVlanEntry { Vlan = new BridgeVlan(BridgeVlanFlags.OnlyOptions, 10), State = BridgePortState.Blocking }],
        });

        Assert.That(vlans.SelectMany(settings => settings.Entries), Is.Not.Empty);
        BridgeVlanSettings changed = (await route.GetBridgeVlanSettingsAsync(v0.Index)).Single();
        Assert.That(changed.Entries.Single(entry => entry.Vlan!.Value.Id == 10).State, Is.EqualTo(BridgePortState.Blocking));
    }

    private static async Task CopyAsync(RouteConnection route, CancellationToken cancellationToken)
    {
        var request = new NetlinkBuffer();
        var writer = new NetlinkWriter(request);
        new Link().WriteMessage(ref writer, RouteConstants.RTM_GETLINK, NetlinkMessageFlags.Request | NetlinkMessageFlags.Dump);
        writer.Complete();

        // A long list to a consumer that takes its time.
        var pipe = new System.IO.Pipelines.Pipe();
        using (NetlinkDump dump = await route.Connection.OpenDumpAsync(request, cancellationToken))
        {
            await dump.CopyToAsync(pipe.Writer, cancellationToken);   // holds the kernel back while the reader is behind
        }

        await pipe.Writer.CompleteAsync();
        Assert.That((await pipe.Reader.ReadAtLeastAsync(int.MaxValue, cancellationToken)).Buffer.Length, Is.GreaterThan(1000));
    }

    /// <summary>Stands for the machine's own namespace in the samples.</summary>
    private static class LinuxKernel
    {
        private static readonly AsyncLocal<IKernel> Own = new();

        public static IKernel Current { get => Own.Value!; set => Own.Value = value; }

        public static IKernel Open(NetworkNamespace networkNamespace) => RealKernel.Open(networkNamespace);
    }

    /// <summary>Keeps the samples' file in memory.</summary>
    private static class File
    {
        public static MemoryStream Recorded { get; private set; } = new();

        public static Stream Create(string name) => name.Length > 0 ? Recorded = new MemoryStream() : throw new ArgumentException("a file needs a name", nameof(name));
    }

    /// <summary>Keeps the samples' output.</summary>
    private static class Console
    {
        private static readonly List<string> Written = [];

        public static IReadOnlyList<string> Lines
        {
            get
            {
                lock (Written)
                {
                    return [.. Written];
                }
            }
        }

        public static void WriteLine(object? value)
        {
            lock (Written)
            {
                Written.Add($"{value}");
            }
        }

        public static async Task LineAsync(Predicate<string> condition)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (!Lines.Any(line => condition(line)))
            {
                await Task.Delay(5, deadline.Token);
            }
        }
    }
}
