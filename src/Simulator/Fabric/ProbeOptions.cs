using EucaNet.Simulator.Datapath;

namespace EucaNet.Simulator.Fabric;

/// <summary>How a probe is sent.</summary>
public sealed record ProbeOptions
{
    /// <summary>How long to wait, in virtual time; 5 seconds where null.</summary>
    public TimeSpan? Patience { get; init; }

    /// <summary>Octets of data.</summary>
    public int DataLength { get; init; } = 56;

    /// <summary>The packet's TTL.</summary>
    public byte TimeToLive { get; init; } = 64;

    /// <summary>The packet may not be fragmented.</summary>
    public bool DontFragment { get; init; }

    /// <summary>How much the trace tells.</summary>
    public TraceLevel Level { get; init; } = TraceLevel.Minimal;
}
