using EucaNet.Engine.Modes;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Dhcp;

/// <summary>A DHCP server with static mappings: the built-in one, or the administrator's daemon.</summary>
internal interface IDhcpService : IAsyncDisposable
{
    /// <summary>Which one.</summary>
    string Description { get; }

    /// <summary>Things that want attention.</summary>
    IReadOnlyList<string> Problems { get; }

    /// <summary>Serves an interface; nothing happens when this very interface is served already. After one that was made anew, its clients are to be set again.</summary>
    ValueTask ServeAsync(DhcpScope scope, int interfaceIndex, CancellationToken cancellationToken);

    /// <summary>Ends serving an interface.</summary>
    ValueTask EndAsync(string interfaceName);

    /// <summary>Maps a client of a served interface.</summary>
    void Set(string interfaceName, MacAddress mac, Ipv4Address address);

    /// <summary>Forgets a client.</summary>
    void Remove(string interfaceName, MacAddress mac);

    /// <summary>Makes what was set and removed live.</summary>
    ValueTask CommitAsync(ChangeLog changes, CancellationToken cancellationToken);

    /// <summary>Ends all serving.</summary>
    ValueTask StopAsync(ChangeLog changes);
}

/// <summary>The built-in server as a service: everything is live at once.</summary>
internal sealed class BuiltInDhcpService(EngineContext context) : IDhcpService
{
    private DhcpServer _server = new(context);

    public string Description => "built-in";

    public IReadOnlyList<string> Problems => _server.Problems;

    public async ValueTask ServeAsync(DhcpScope scope, int interfaceIndex, CancellationToken cancellationToken)
    {
        if (!_server.Serves(scope.InterfaceName, interfaceIndex))
        {
            // An interface that was made anew under its old name is another one, and the old socket hears nothing of it.
            await _server.EndAsync(scope.InterfaceName).ConfigureAwait(false);
            _server.Listen(scope, interfaceIndex);
        }
    }

    public ValueTask EndAsync(string interfaceName) => _server.EndAsync(interfaceName);

    public void Set(string interfaceName, MacAddress mac, Ipv4Address address) => _server.ScopeOf(interfaceName)?.Set(mac, address);

    public void Remove(string interfaceName, MacAddress mac) => _server.ScopeOf(interfaceName)?.Remove(mac);

    public ValueTask CommitAsync(ChangeLog changes, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public async ValueTask StopAsync(ChangeLog changes)
    {
        await _server.DisposeAsync().ConfigureAwait(false);
        _server = new DhcpServer(context);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
