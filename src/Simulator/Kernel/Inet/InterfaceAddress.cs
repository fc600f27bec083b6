using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel;

/// <summary>An address of a device (struct in_ifaddr, struct inet6_ifaddr).</summary>
internal sealed class InterfaceAddress(NetworkDevice device, InternetAddress local, byte prefixLength)
{
    /// <summary>A lifetime without end.</summary>
    public const uint Forever = uint.MaxValue;

    public NetworkDevice Device { get; } = device;

    /// <summary>The address of this machine (IFA_LOCAL).</summary>
    public InternetAddress Local { get; } = local;

    /// <summary>IFA_ADDRESS: the far end on a point-to-point link, else the same as <see cref="Local"/>.</summary>
    public InternetAddress Address { get; set; } = local;

    public byte PrefixLength { get; } = prefixLength;

    public InternetAddress? Broadcast { get; set; }

    /// <summary>RT_SCOPE_*.</summary>
    public byte Scope { get; set; }

    /// <summary>IFA_F_*.</summary>
    public uint Flags { get; set; }

    /// <summary>IFA_LABEL; IPv4 only.</summary>
    public string? Label { get; set; }

    /// <summary>IFA_RT_PRIORITY; 0 for none.</summary>
    public uint Priority { get; set; }

    /// <summary>IFA_PROTO; 0 for none.</summary>
    public byte Protocol { get; set; }

    /// <summary>Seconds from <see cref="Updated"/> on.</summary>
    public uint PreferredLifetime { get; set; } = Forever;

    /// <summary>Seconds from <see cref="Updated"/> on.</summary>
    public uint ValidLifetime { get; set; } = Forever;

    /// <summary>Clock timestamps in 10 ms since boot.</summary>
    public uint Created { get; set; }

    public uint Updated { get; set; }

    public bool IsSecondary => (Flags & 1) != 0;

    /// <summary>The network the address is in.</summary>
    public InternetAddress Network => Address.Masked(PrefixLength);
}
