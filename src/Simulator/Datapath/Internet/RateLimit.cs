using EucaNet.Simulator.Kernel;

namespace EucaNet.Simulator.Datapath.Internet;

/// <summary>How often one receiver is told something (inet_peer_xrlim_allow): so many at once after a pause, then one in a while.</summary>
/// <param name="burst">How many at once (XRLIM_BURST_FACTOR).</param>
internal sealed class RateLimit(int burst = 6)
{
    private readonly Dictionary<InternetAddress, (long Last, long Tokens)> _receivers = [];

    /// <summary>Whether one more may go to the receiver now.</summary>
    public bool Allows(InternetAddress receiver, TimeSpan cost, long now)
    {
        if (cost == TimeSpan.Zero)
        {
            return true;
        }

        long most = burst * cost.Ticks;
        (long last, long tokens) = _receivers.TryGetValue(receiver, out (long Last, long Tokens) known) ? known : (now, most);
        tokens = Math.Min(tokens + (now - last), most);
        bool may = tokens >= cost.Ticks;
        _receivers[receiver] = (now, may ? tokens - cost.Ticks : tokens);
        return may;
    }
}
