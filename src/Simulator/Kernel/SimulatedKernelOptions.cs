using EucaNet.Simulator.Time;

namespace EucaNet.Simulator.Kernel;

/// <summary>What a simulated kernel is made of.</summary>
public sealed record SimulatedKernelOptions
{
    /// <summary>The kernel to be.</summary>
    public KernelProfile Profile { get; init; } = KernelProfile.Linux612;

    /// <summary>Begins the source of everything random: MAC addresses, hash seeds, ports.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>The clock, shared by all kernels of one simulation; a new one that stands still where none is given.</summary>
    public VirtualClock? Clock { get; init; }

    /// <summary>A name for messages and transcripts ("front-end").</summary>
    public string HostName { get; init; } = "simulated";

    /// <summary>The caller has CAP_NET_ADMIN and CAP_NET_RAW.</summary>
    public bool IsPrivileged { get; init; } = true;
}
