using EucaNet.Netlink.Kernel;
using EucaNet.Netlink.Route;
using EucaNet.Simulator.Fabric;
using EucaNet.Simulator.Faults;

namespace EucaNet.Cli.Scenarios.Churn;

/// <summary>A program on a machine that follows the kernel's events: what it knows of links must in the end be what the kernel has.</summary>
internal sealed class ChurnObserver(SimulatedHost host)
{
    private SimulatedProcess? _process;
    private RouteCache? _cache;

    /// <summary>Opens it anew where it has died.</summary>
    public void Supervise()
    {
        if (_cache is null || _cache.Completion.IsCompleted)
        {
            Open();
        }
    }

    /// <summary>Reads everything from the beginning.</summary>
    public void Open()
    {
        using IDisposable pause = host.Kernel.Faults.Pause();
        _process?.Kill();
        _process = host.Kernel.StartProcess("observer");
        Task<RouteCache> opened = RouteCache.OpenAsync(_process).AsTask();
        host.Kernel.Wait(opened);
        _cache = opened.GetAwaiter().GetResult();
    }

    /// <summary>Where the cache and the kernel differ; null where they agree.</summary>
    public string? Difference()
    {
        using RouteConnection connection = RouteConnection.Open(host.Kernel);
        Task<List<Link>> listed = connection.GetLinksAsync().AsTask();
        host.Kernel.Wait(listed);
        string kernel = Print(listed.GetAwaiter().GetResult()), known = Print(_cache!.Links);
        return kernel == known ? null : $"{host.Name}: the kernel has {kernel}; who follows its events knows {known}";
    }

    private static string Print(IEnumerable<Link> links) =>
        string.Join(", ", links.OrderBy(static link => link.Index).Select(static link => $"{link.Index} {link.Name} {(link.IsUp ? "up" : "down")} master {link.Master ?? 0}"));
}
