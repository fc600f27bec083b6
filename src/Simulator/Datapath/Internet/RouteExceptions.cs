using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>
/// What the network told about single destinations (struct fib_nh_exception, the IPv6 exception table): a smaller MTU on the
/// way, a nearer first hop. Forgotten after ten minutes, as mtu_expires has it.
/// </summary>
internal sealed class RouteExceptions(SimulatedKernel kernel)
{
    private const uint SmallestV4 = 552, SmallestV6 = 1280;

    private static readonly long Lifetime = 600 * TimeSpan.TicksPerSecond;

    private readonly Dictionary<InternetAddress, (uint Mtu, long Until)> _mtus = [];
    private readonly Dictionary<InternetAddress, (InternetAddress Gateway, long Until)> _gateways = [];

    private long Now => kernel.Clock.GetTimestamp();

    /// <summary>The MTU of the way to a destination became known; what is below the least that a link may have is not believed.</summary>
    public void LearnMtu(InternetAddress destination, uint mtu)
    {
        mtu = Math.Max(mtu, destination.Family == InternetAddress.V4 ? SmallestV4 : SmallestV6);
        if (MtuTo(destination) is not { } known || mtu < known)
        {
            _mtus[destination] = (mtu, Now + Lifetime);
        }
    }

    /// <summary>A router on the link told of another that is nearer.</summary>
    public void LearnGateway(InternetAddress destination, InternetAddress gateway) => _gateways[destination] = (gateway, Now + Lifetime);

    /// <summary>The MTU that was learned; null where none was, or too long ago.</summary>
    public uint? MtuTo(InternetAddress destination) =>
        _mtus.Count > 0 && _mtus.TryGetValue(destination, out (uint Mtu, long Until) known) && known.Until > Now ? known.Mtu : null;

    /// <summary>The first hop that was learned; null where none was, or too long ago.</summary>
    public InternetAddress? GatewayTo(InternetAddress destination) =>
        _gateways.Count > 0 && _gateways.TryGetValue(destination, out (InternetAddress Gateway, long Until) known) && known.Until > Now ? known.Gateway : null;

    /// <summary>Routes changed: what was learned over the old ones means nothing any more.</summary>
    public void Forget()
    {
        _mtus.Clear();
        _gateways.Clear();
    }
}
