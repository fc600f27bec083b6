using EucaNet.Simulator.Kernel.Devices;

namespace EucaNet.Simulator.Kernel;

/// <summary>A route (struct fib_info and fib_alias, struct fib6_info).</summary>
internal sealed class Route
{
    public required InternetAddress Destination { get; init; }

    public required byte PrefixLength { get; init; }

    public required uint Table { get; init; }

    /// <summary>RTN_*: 1 unicast, 2 local, 3 broadcast, 4 anycast, 5 multicast, 6 blackhole, 7 unreachable, 8 prohibit, 9 throw.</summary>
    public byte Type { get; init; } = 1;

    /// <summary>RT_SCOPE_*: 0 universe, 253 link, 254 host.</summary>
    public byte Scope { get; init; }

    /// <summary>RTPROT_*: 2 kernel, 3 boot, 4 static.</summary>
    public byte Protocol { get; init; }

    public byte TypeOfService { get; init; }

    /// <summary>The metric (RTA_PRIORITY).</summary>
    public uint Priority { get; init; }

    /// <summary>RTM_F_* and RTNH_F_* of the message header.</summary>
    public uint Flags { get; set; }

    /// <summary>IPv6 only: packets from this network.</summary>
    public InternetAddress? Source { get; init; }

    public byte SourcePrefixLength { get; init; }

    public InternetAddress? PreferredSource { get; init; }

    /// <summary>RTA_FLOW of a single next hop stands with the hop.</summary>
    public IReadOnlyList<NextHop> NextHops { get; set; } = [];

    /// <summary>RTA_NH_ID; 0 for none.</summary>
    public uint NextHopId { get; init; }

    /// <summary>The buckets of the group it goes by, where that is a resilient one.</summary>
    public ResilientBuckets? Buckets { get; set; }

    /// <summary>RTAX_*: values by number, in the order of the numbers.</summary>
    public IReadOnlyList<(ushort Type, byte[] Value)> Metrics { get; init; } = [];

    /// <summary>IPv6: router preference (RTA_PREF).</summary>
    public byte Preference { get; init; }

    /// <summary>IPv6: clock timestamp in 10 ms when the route ends; 0 for never.</summary>
    public long Expires { get; set; }

    /// <summary>What it is by its next hop: one that is a black hole makes a route one.</summary>
    public byte ShownType => NextHops is [{ IsBlackhole: true }] ? (byte)6 : Type;

    /// <summary>The device of the only or first next hop.</summary>
    public NetworkDevice? Device => NextHops.Count == 0 ? null : NextHops[0].Device;

    /// <summary>The gateway of the only or first next hop.</summary>
    public InternetAddress? Gateway => NextHops.Count == 0 ? null : NextHops[0].Gateway;
}

/// <summary>Where packets of a route go next.</summary>
internal sealed class NextHop
{
    public NetworkDevice? Device { get; set; }

    /// <summary>The request named a device that there is not.</summary>
    public bool NamesMissingDevice { get; init; }

    /// <summary>Null for destinations on the link. May be of the other family (RTA_VIA).</summary>
    public InternetAddress? Gateway { get; init; }

    /// <summary>The gateway was this machine's own address when the route was made: packets don't go by it (a scope narrower than RT_SCOPE_LINK).</summary>
    public bool IsOwnGateway { get; set; }

    /// <summary>A numbered next hop that takes everything and passes nothing on.</summary>
    public bool IsBlackhole { get; init; }

    /// <summary>From 1.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>RTNH_F_*: 1 dead, 4 onlink, 16 link down.</summary>
    public byte Flags { get; set; }

    /// <summary>RTA_FLOW; 0 for none.</summary>
    public uint Realm { get; init; }

    /// <summary>RTA_ENCAP_TYPE and RTA_ENCAP as they came.</summary>
    public (ushort Type, byte[] Value)? Encapsulation { get; init; }

    public bool IsDead => (Flags & 1) != 0;
}
