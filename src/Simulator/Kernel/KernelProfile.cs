using System.Collections.Immutable;

namespace EucaNet.Simulator.Kernel;

/// <summary>
/// Which kernel is simulated: its version and the modules it has. Where kernels differ, the difference is a property here
/// and nowhere else.
/// </summary>
public sealed record KernelProfile
{
    private static readonly ImmutableHashSet<string> AllKinds =
    [
        "bareudp", "bond", "bridge", "dummy", "geneve", "gre", "gretap", "erspan", "ifb", "ip6erspan", "ip6gre", "ip6gretap", "ip6tnl", "ipip", "ipvlan", "ipvtap",
        "macsec", "macvlan", "macvtap", "netdevsim", "nlmon", "sit", "team", "vcan", "veth", "vlan", "vrf", "vti", "vti6", "vxlan", "wireguard", "xfrm",
    ];

    private static readonly ImmutableHashSet<string> AllDisciplines = ["noqueue", "pfifo_fast", "pfifo", "bfifo", "mq", "tbf", "htb", "prio", "fq_codel", "codel", "netem", "ingress", "clsact"];

    /// <summary>Debian 12: 6.1, all modules.</summary>
    public static KernelProfile Linux61 { get; } = new() { Name = "6.1", Version = new Version(6, 1), LinkKinds = AllKinds };

    /// <summary>Debian 13: 6.12, all modules. The one to take where nothing speaks for another.</summary>
    public static KernelProfile Linux612 { get; } = new() { Name = "6.12", Version = new Version(6, 12), LinkKinds = AllKinds, ChecksExtensionHeaders = true, KeepsChallengedConnections = true, LimitsQueueLength = true, RefusesLockedEmptyWindow = true, LeavesStoppedMacvlans = true };

    /// <summary>6.18 with every module.</summary>
    public static KernelProfile Linux618 { get; } = new() { Name = "6.18", Version = new Version(6, 18), LinkKinds = AllKinds };

    /// <summary>6.18 as container hosts build it: bridges and veth, but no 802.1Q, no dummy, no bond.</summary>
    public static KernelProfile Linux618Minimal { get; } = Linux618 with
    {
        Name = "6.18-minimal",
        LinkKinds = ["bridge", "ifb", "macvlan", "macvtap", "tun", "veth", "vxlan"],
        HasVlanFiltering = false,
        HasLabelRoutes = false,
        HasQueueExpression = false,
        HasFlowtables = false,
        HasBridgeExpressions = false,
        HasBridgeConntrack = false,
        HasBridgeNetfilter = true,
        QueueingDisciplines = AllDisciplines.Except(["prio", "fq_codel", "codel", "netem"]),
        Classifiers = ["u32"],
        TrafficActions = ["mirred"],
        HasFilterCounters = false,
        HasRareSetTypes = false,
    };

    /// <summary>What the profile is called.</summary>
    public required string Name { get; init; }

    /// <summary>Major and minor version.</summary>
    public required Version Version { get; init; }

    /// <summary>The kinds of link (IFLA_INFO_KIND) that can be made; any other is an "Unknown device type".</summary>
    public required ImmutableHashSet<string> LinkKinds { get; init; }

    /// <summary>Bridges can filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING).</summary>
    public bool HasVlanFiltering { get; init; } = true;

    /// <summary>Routes can put MPLS labels on packets (CONFIG_MPLS_IPTUNNEL), and wrap them in the rarer ways (ILA, RPL, IOAM, XFRM).</summary>
    public bool HasLabelRoutes { get; init; } = true;

    /// <summary>The queueing disciplines (TCA_KIND) that can be put in; any other is unknown.</summary>
    public ImmutableHashSet<string> QueueingDisciplines { get; init; } = AllDisciplines;

    /// <summary>The kinds of filters of traffic control.</summary>
    public ImmutableHashSet<string> Classifiers { get; init; } = ["u32", "matchall", "flower", "fw"];

    /// <summary>The actions of filters; a kernel without any has no modules for them.</summary>
    public ImmutableHashSet<string> TrafficActions { get; init; } = ["gact", "mirred"];

    /// <summary>u32 counts what each key saw (CONFIG_CLS_U32_PERF).</summary>
    public bool HasFilterCounters { get; init; } = true;

    /// <summary>net.core.default_qdisc: what devices with a queue get when they are set up.</summary>
    public string DefaultQdisc { get; init; } = "pfifo_fast";

    /// <summary>How many processors the machine has; veth makes as many queues.</summary>
    public uint Processors { get; init; } = 2;

    /// <summary>BATCH_BEGIN and BATCH_END are acknowledged where they ask for it (since 6.10).</summary>
    public bool AcknowledgesBatch => IsAtLeast(6, 10);

    /// <summary>DESTROY verbs of nf_tables, which succeed where nothing is (since 6.3).</summary>
    public bool HasDestroyVerbs => IsAtLeast(6, 3);

    /// <summary>Events that tell of deletions name the object and say no more (since 6.17).</summary>
    public bool HasShortDeleteEvents => IsAtLeast(6, 17);

    /// <summary>A jump is followed as soon as its expression is made, and not only when the rule set is looked at as a whole (before 6.12.117).</summary>
    public bool ValidatesJumpsAtOnce => !IsAtLeast(6, 12);

    /// <summary>A rule that rejects with a reset ends the tracked connection of what it rejects (since 6.4).</summary>
    public bool ClosesRejectedConnections => IsAtLeast(6, 4);

    /// <summary>Traced packets are told with their connection (since 6.16).</summary>
    public bool TracesConnections => IsAtLeast(6, 16);

    /// <summary>A rule may only read registers that an earlier expression wrote (since 6.17).</summary>
    public bool ChecksUnwrittenRegisters => IsAtLeast(6, 17);

    /// <summary>A verdict of NF_QUEUE by itself, without the queue expression, is invalid (6.12.117, 6.18.44; no program sends one).</summary>
    public bool RefusesQueueVerdicts => IsAtLeast(6, 12);

    /// <summary>A rule that looks for a header of IPv6 takes an extension header that ends behind the packet for damage (6.12.117; 6.18.44 does not).</summary>
    public bool ChecksExtensionHeaders { get; init; }

    /// <summary>A TCP reset that only makes its receiver ask leaves the tracked connection the time of unacknowledged data (6.12.117); else it gets that of a closed one (6.18.44).</summary>
    public bool KeepsChallengedConnections { get; init; }

    /// <summary>A device's queue holds at most 32,767 packets; in Debian's 6.12.117, not in 6.18.44.</summary>
    public bool LimitsQueueLength { get; init; }

    /// <summary>A route whose congestion window is locked must say how large it is; in Debian's 6.12.117, not in 6.18.44.</summary>
    public bool RefusesLockedEmptyWindow { get; init; }

    /// <summary>A macvlan that is down does not count as one for which the device below receives everything when its flag of that changes; so in Debian's 6.12.117, not in 6.18.44.</summary>
    public bool LeavesStoppedMacvlans { get; init; }

    /// <summary>Named conntrack timeouts (CONFIG_NF_CONNTRACK_TIMEOUT).</summary>
    public bool HasConntrackTimeouts { get; init; } = true;

    /// <summary>A request that deletes connections by a filter of tuples is taken (since 6.9); before, the tuple is what is deleted.</summary>
    public bool DeletesByFilter => IsAtLeast(6, 9);

    /// <summary>Events of connections whose times are kept tell when they happened (since 6.14).</summary>
    public bool TimesConnectionEvents => IsAtLeast(6, 14);

    /// <summary>All that a request for a next hop says is judged before the devices and next hops that it names are looked for (since 6.15).</summary>
    public bool JudgesNextHopsInTwoSteps => IsAtLeast(6, 15);

    /// <summary>Weights in groups of next hops have two octets (since 6.12).</summary>
    public bool HasWideWeights => IsAtLeast(6, 12);

    /// <summary>Ticks of the kernel's clock in a second (CONFIG_HZ).</summary>
    public int TicksPerSecond { get; init; } = 250;

    /// <summary>Security marks on packets and connections (CONFIG_NETWORK_SECMARK).</summary>
    public bool HasSecurityMarks { get; init; } = true;

    /// <summary>Rules can see tunnel metadata (CONFIG_NFT_TUNNEL).</summary>
    public bool HasTunnelObjects { get; init; } = true;

    /// <summary>Rules can see the control group of a socket (CONFIG_SOCK_CGROUP_DATA).</summary>
    public bool HasControlGroupSockets { get; init; } = true;

    /// <summary>Packets can be queued to programs (CONFIG_NFT_QUEUE).</summary>
    public bool HasQueueExpression { get; init; } = true;

    /// <summary>Flowtables (CONFIG_NF_FLOW_TABLE).</summary>
    public bool HasFlowtables { get; init; } = true;

    /// <summary>br_netfilter is part of the kernel (CONFIG_BRIDGE_NETFILTER=y) and on from the start; where it is a module see <see cref="SimulatedKernel.LoadBridgeNetfilter"/>.</summary>
    public bool HasBridgeNetfilter { get; init; }

    /// <summary>What nf_tables adds for bridges: reject, bridge names (CONFIG_NFT_BRIDGE_META, CONFIG_NFT_BRIDGE_REJECT).</summary>
    public bool HasBridgeExpressions { get; init; } = true;

    /// <summary>The synproxy expression sums up an IPv6 segment as such, and not as if it were IPv4, where connection tracking has not done so before: 6.18.44 still drops it.</summary>
    public bool SumsProxiedIpv6 => !IsAtLeast(6, 18);

    /// <summary>Connections of bridged packets can be tracked (CONFIG_NF_CONNTRACK_BRIDGE).</summary>
    public bool HasBridgeConntrack { get; init; } = true;

    /// <summary>ipset's hash:mac, hash:ip,mac, hash:ip,mark, hash:net,net and hash:net,port,net (CONFIG_IP_SET_HASH_*).</summary>
    public bool HasRareSetTypes { get; init; } = true;

    /// <summary>This version or a later one.</summary>
    public bool IsAtLeast(int major, int minor) => Version >= new Version(major, minor);
}
