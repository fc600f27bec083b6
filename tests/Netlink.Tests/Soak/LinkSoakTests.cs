using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Tests;

namespace EucaNet.Netlink.Tests.Soak;

/// <summary>A watcher whose receive buffer is far too small keeps an exact mirror while links come, change and go.</summary>
[RequiresRoot]
public sealed class LinkSoakTests
{
    private const int CablesAtOnce = 20;

    /// <summary>EUCANET_SOAK_LINKS=10000 is the full size.</summary>
    [Test]
    public async Task A_watcher_of_4_KiB_mirrors_thousands_of_links_that_come_and_go()
    {
        int wanted = SoakSize.Of("EUCANET_SOAK_LINKS", 1000);
        using NetworkNamespace own = NetworkNamespace.Create();
        LinuxKernel kernel = LinuxKernel.Open(own);
        using RouteConnection route = RouteConnection.Open(kernel);
        using RouteWatcher watcher = RouteWatcher.Open(kernel, RouteObjects.Links, receiveBufferSize: 4096);
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(9));
        var quiet = new SemaphoreSlim(0);
        int overruns = 0;
        int changes = 0;
        string last = "last";
        Task mirror = Task.Run(
            async () =>
            {
                await foreach (RouteChange change in watcher.WatchAsync(patience.Token))
                {
                    changes++;
                    overruns += change.Kind == RouteChangeKind.Resynchronised ? 1 : 0;
                    if (change is { Kind: not RouteChangeKind.Removed, Value: Link link } && link.Name == Volatile.Read(ref last))
                    {
                        // The watching stands still while the mirror is compared.
                        quiet.Release();
                        return;
                    }
                }
            },
            patience.Token);
        int made = await ChurnAsync(route, wanted, new Random(20260101), patience.Token);
        await route.AddLinkAsync(Link.Of(last, new BridgeOptions()), patience.Token);
        await quiet.WaitAsync(patience.Token);
        await mirror;
        List<Link> there = await route.GetLinksAsync(cancellationToken: patience.Token);
        TestContext.Out.WriteLine($"{made} links made, {there.Count} there, {changes} changes told, {overruns} times resynchronised");
        Assert.That(overruns, Is.GreaterThan(0), "4 KiB do not hold hundreds of messages");
        Dictionary<int, Link> known = watcher.Known.OfType<Link>().ToDictionary(link => link.Index);
        Assert.That(known.Keys.Order(), Is.EqualTo(there.Select(link => link.Index).Order()));
        Assert.Multiple(() =>
        {
            foreach (Link link in there)
            {
                Assert.That(RouteKey.SameButForCounters(known[link.Index], link), Is.True, () => $"{known[link.Index]}\n{link}");
            }
        });
    }

    private static async Task<int> ChurnAsync(RouteConnection route, int wanted, Random random, CancellationToken cancellationToken)
    {
        var groups = new Queue<uint>();
        int made = 0;
        for (uint group = 1; made < wanted; group++)
        {
            RouteBatch batch = route.CreateBatch();
            for (int index = 0; index < CablesAtOnce; index++)
            {
                string name = $"g{group}n{index}";
                batch.AddLink(Link.VethPair(name, name + "p") with { Group = group, Mtu = (uint)random.Next(576, 1500) });
            }

            batch.AddLink(Link.Of($"g{group}b", new BridgeOptions { AgeingTime = (uint)random.Next(100, 30000) }) with { Group = group });
            await batch.ExecuteAsync(cancellationToken);
            made += (CablesAtOnce * 2) + 1;
            groups.Enqueue(group);
            string changed = $"g{group}n{random.Next(CablesAtOnce)}";
            Link link = await route.GetLinkAsync(changed, cancellationToken);
            Link bridge = await route.GetLinkAsync($"g{group}b", cancellationToken);
            await route.CreateBatch().SetMaster(link.Index, bridge.Index).Rename(link.Index, $"r{link.Index}")
                .ChangeLink(new Link { Index = link.Index, Alias = $"was {changed}" }).ExecuteAsync(cancellationToken);
            if (groups.Count > 3)
            {
                await route.CreateBatch().DeleteLinkGroup(groups.Dequeue()).ExecuteAsync(cancellationToken);
            }
        }

        return made;
    }
}
