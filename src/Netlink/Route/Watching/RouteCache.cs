using System.Collections.Concurrent;
using System.Net;
using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Wire;

namespace EucaNet.Netlink.Route;

/// <summary>Links, addresses and neighbours as a watcher tells of them, answered without a system call. Safe to ask from any thread.</summary>
public sealed class RouteCache : IAsyncDisposable
{
    private readonly RouteWatcher _watcher;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, RouteObject> _objects = new(StringComparer.Ordinal);
    private readonly Task _run;

    private RouteCache(RouteWatcher watcher)
    {
        _watcher = watcher;
        _run = RunAsync();
    }

    /// <summary>Raised for each change, after the cache holds it, on the thread that watches.</summary>
    public event Action<RouteChange>? Changed;

    /// <summary>Fails when watching ended by an error; the cache is then as it last was.</summary>
    public Task Completion => _run;

    /// <summary>All links.</summary>
    public IEnumerable<Link> Links => _objects.Values.OfType<Link>();

    /// <summary>All addresses.</summary>
    public IEnumerable<InterfaceAddress> Addresses => _objects.Values.OfType<InterfaceAddress>();

    /// <summary>All neighbours and forwarding entries.</summary>
    public IEnumerable<Neighbour> Neighbours => _objects.Values.OfType<Neighbour>();

    /// <summary>Opens a cache; it is complete when this returns.</summary>
    public static async ValueTask<RouteCache> OpenAsync(IKernel kernel, CancellationToken cancellationToken = default)
    {
        var cache = new RouteCache(RouteWatcher.Open(kernel, RouteObjects.Links | RouteObjects.Addresses | RouteObjects.Neighbours));
        try
        {
            await cache._ready.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            return cache;
        }
        catch
        {
            await cache.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The link of that index; null where there is none.</summary>
    public Link? FindLink(int index) => _objects.GetValueOrDefault(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"l{index}")) as Link;

    /// <summary>The link of that name, its own or an alternative one; null where there is none.</summary>
    public Link? FindLink(string name) =>
        Links.FirstOrDefault(link => link.Name == name || (link.AlternativeNames is { } others && others.Names.Contains(name)));

    /// <summary>The neighbour that answers to an IP address; null where none is known.</summary>
    public Neighbour? FindNeighbour(IPAddress address) => Neighbours.FirstOrDefault(neighbour => address.Equals(neighbour.Destination) && neighbour.Family != RouteConstants.AF_BRIDGE);

    /// <summary>The neighbours with a hardware address.</summary>
    public IEnumerable<Neighbour> FindNeighbours(HardwareAddress address) => Neighbours.Where(neighbour => neighbour.HardwareAddress == address);

    /// <summary>Stops watching.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await _run.ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is OperationCanceledException or KernelException)
        {
            // Told through Completion.
        }

        _watcher.Dispose();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            await foreach (RouteChange change in _watcher.WatchAsync(_stop.Token).ConfigureAwait(false))
            {
                if (change.Value is { } value && RouteKey.Of(value) is { } key)
                {
                    if (change.Kind == RouteChangeKind.Removed)
                    {
                        _objects.TryRemove(key, out _);
                    }
                    else
                    {
                        _objects[key] = value;
                    }
                }

                if (change.Kind == RouteChangeKind.SnapshotComplete)
                {
                    _ready.TrySetResult();
                }

                Changed?.Invoke(change);
            }
        }
        catch (Exception exception)
        {
            _ready.TrySetException(exception);
            throw;
        }
    }
}
