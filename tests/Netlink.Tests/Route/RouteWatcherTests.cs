using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Netlink.Wire;
using EucaNet.Tests;

namespace EucaNet.Netlink.Tests.Route;

/// <summary>Watching on the real kernel.</summary>
[RequiresRoot]
public sealed class RouteWatcherTests
{
    private NetworkNamespace _namespace = null!;
    private LinuxKernel _kernel = null!;
    private RouteConnection _route = null!;

    [SetUp]
    public void MakeNamespace()
    {
        _namespace = NetworkNamespace.Create();
        _kernel = LinuxKernel.Open(_namespace);
        _route = RouteConnection.Open(_kernel);
    }

    [TearDown]
    public void DropNamespace()
    {
        _route.Dispose();
        _namespace.Dispose();
    }

    [Test]
    public async Task What_is_there_comes_first_and_then_each_change()
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using RouteWatcher watcher = RouteWatcher.Open(_kernel, RouteObjects.Links | RouteObjects.Addresses);
        IAsyncEnumerator<RouteChange> changes = watcher.WatchAsync(timeout.Token).GetAsyncEnumerator();
        await changes.MoveNextAsync();
        Assert.That(((Link)changes.Current.Value!).Name, Is.EqualTo("lo"));
        while (changes.Current.Kind != RouteChangeKind.SnapshotComplete)
        {
            await changes.MoveNextAsync();
        }

        await _route.AddLinkAsync(Link.Of("br0", new BridgeOptions()));
        await changes.MoveNextAsync();
        Assert.That(changes.Current.Kind, Is.EqualTo(RouteChangeKind.Added));
        var bridge = (Link)changes.Current.Value!;
        Assert.That(bridge.Kind, Is.EqualTo("bridge"));
        await _route.AddAddressAsync(InterfaceAddress.Of(bridge.Index, IPAddress.Parse("10.1.0.1"), 24));
        await changes.MoveNextAsync();
        Assert.That(((InterfaceAddress)changes.Current.Value!).Host, Is.EqualTo(IPAddress.Parse("10.1.0.1")));
        await _route.DeleteLinkAsync("br0");
        var removed = new List<RouteObject>();
        while (removed.Count < 2)
        {
            await changes.MoveNextAsync();
            if (changes.Current.Kind == RouteChangeKind.Removed)
            {
                removed.Add(changes.Current.Value!);
            }
        }

        Assert.That(removed, Has.Exactly(1).InstanceOf<Link>().And.Exactly(1).InstanceOf<InterfaceAddress>());
    }

    [Test]
    public async Task After_lost_messages_the_mirror_is_exact_again()
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using RouteWatcher watcher = RouteWatcher.Open(_kernel, RouteObjects.Links, receiveBufferSize: 4096);
        IAsyncEnumerator<RouteChange> changes = watcher.WatchAsync(timeout.Token).GetAsyncEnumerator();
        bool resynchronised = false;
        while (await changes.MoveNextAsync() && changes.Current.Kind != RouteChangeKind.SnapshotComplete)
        {
        }

        for (int round = 0; round < 5; round++)
        {
            RouteBatch batch = _route.CreateBatch();
            for (int index = 0; index < 50; index++)
            {
                batch.AddLink(Link.VethPair($"a{round}x{index}", $"b{round}x{index}") with { Group = (uint)(round + 1) });
            }

            await batch.ExecuteAsync();
            if (round is 1 or 3)
            {
                await _route.CreateBatch().DeleteLinkGroup((uint)round).ExecuteAsync();
            }
        }

        Link last = await _route.CreateLinkAsync(Link.Of("last", new BridgeOptions()));
        while (!watcher.Known.OfType<Link>().Any(link => link.Index == last.Index))
        {
            await changes.MoveNextAsync();
            resynchronised |= changes.Current.Kind == RouteChangeKind.Resynchronised;
        }

        Assert.That(resynchronised, Is.True, "4 KiB do not hold hundreds of messages");
        List<Link> there = await _route.GetLinksAsync();
        Assert.That(watcher.Known.OfType<Link>().Select(link => link.Name).Order(), Is.EqualTo(there.Select(link => link.Name).Order()));
    }

    [Test]
    public async Task A_cache_answers_by_name_index_and_address()
    {
        await _route.AddLinkAsync(Link.VethPair("v0", "v1"));
        await using RouteCache cache = await RouteCache.OpenAsync(_kernel);
        Link v0 = cache.FindLink("v0")!;
        Assert.That(cache.FindLink(v0.Index), Is.EqualTo(v0));
        var told = new TaskCompletionSource();
        cache.Changed += change =>
        {
            if (change.Value is Neighbour)
            {
                told.TrySetResult();
            }
        };
        await _route.CreateBatch().SetUp(v0.Index).AddNeighbour(Neighbour.Permanent(v0.Index, IPAddress.Parse("10.9.0.9"), HardwareAddress.Parse("02:00:00:00:00:09"))).ExecuteAsync();
        await told.Task.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.That(cache.FindNeighbour(IPAddress.Parse("10.9.0.9"))!.HardwareAddress, Is.EqualTo(HardwareAddress.Parse("02:00:00:00:00:09")));
        Assert.That(cache.FindNeighbours(HardwareAddress.Parse("02-00-00-00-00-09")).Count(), Is.EqualTo(1));
    }
}
