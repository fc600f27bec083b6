using EucaNet.Engine.Modes;

namespace EucaNet.Engine.Firewall;

/// <summary>Cuts flows in connection tracking that a change has made wrong.</summary>
internal sealed class FlowCutter(EngineContext context) : IAsyncDisposable
{
    public ValueTask CutInstanceAsync(Ipv4Address address, Ipv4Address? publicAddress, ChangeLog changes, CancellationToken cancellationToken) => None(context);

    public ValueTask CutRevokedAsync(Ipv4Network destination, IngressRule rule, Ipv4Network source, IReadOnlyList<(IngressRule Rule, Ipv4Network Source)> remaining, ChangeLog changes, CancellationToken cancellationToken) => None(context);

    public ValueTask CutPublicAsync(Ipv4Address address, Ipv4Address instance, ChangeLog changes, CancellationToken cancellationToken) => None(context);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static ValueTask None(EngineContext _) => ValueTask.CompletedTask;
}
