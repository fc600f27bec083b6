using static EucaNet.Netfilter.Nfnetlink;

namespace EucaNet.Simulator.Kernel.Nftables.Compat;

/// <summary>The matches and targets of xtables that the simulated kernel has.</summary>
internal static class ExtensionRegistry
{
    private const uint Prerouting = 1, Input = 2, Forward = 4, Output = 8, Postrouting = 16;

    /// <summary>ebtables' own: its table of frames that are not bridged but routed, and the mark of its built-in chains (NF_BR_BROUTING, NF_BR_NUMHOOKS).</summary>
    private const uint Brouting = 32, AnyOfBridge = 64;

    /// <summary>Those of the family inet here are the same of ip and of ip6, and not of any other.</summary>
    private static readonly Extension[] AllMatches = EachFamily(
    [
        new("addrtype", 0, NFPROTO_IPV4, 12),
        new("addrtype", 1, NFPROTO_INET, 8),
        new("ah", 0, NFPROTO_IPV4, 12) { Protocol = 51 },
        new("ah", 0, NFPROTO_IPV6, 16),
        new("bpf", 0, NFPROTO_UNSPEC, 528) { UserSize = 520 },
        new("bpf", 1, NFPROTO_UNSPEC, 528) { UserSize = 520 },
        new("cgroup", 0, NFPROTO_UNSPEC, 8) { Hooks = Output | Postrouting | Input },
        new("cgroup", 1, NFPROTO_UNSPEC, 4112) { UserSize = 4104, Hooks = Output | Postrouting | Input },
        new("cgroup", 2, NFPROTO_UNSPEC, 528) { UserSize = 520, Hooks = Output | Postrouting | Input },
        new("cluster", 0, NFPROTO_INET, 16),
        new("comment", 0, NFPROTO_UNSPEC, 256),
        new("connbytes", 0, NFPROTO_UNSPEC, 24),
        new("connlabel", 0, NFPROTO_UNSPEC, 4),
        new("connlimit", 1, NFPROTO_INET, 32) { UserSize = 24 },
        new("connmark", 1, NFPROTO_UNSPEC, 12),
        new("conntrack", 1, NFPROTO_UNSPEC, 152),
        new("conntrack", 2, NFPROTO_UNSPEC, 156),
        new("conntrack", 3, NFPROTO_UNSPEC, 164),
        new("cpu", 0, NFPROTO_UNSPEC, 8),
        new("dccp", 0, NFPROTO_INET, 16) { Protocol = 33 },
        new("devgroup", 0, NFPROTO_UNSPEC, 20),
        new("dscp", 0, NFPROTO_INET, 2),
        new("dst", 0, NFPROTO_IPV6, 40),
        new("ecn", 0, NFPROTO_INET, 4),
        new("esp", 0, NFPROTO_INET, 12) { Protocol = 50 },
        new("eui64", 0, NFPROTO_IPV6, 4) { Hooks = Prerouting | Input | Forward },
        new("frag", 0, NFPROTO_IPV6, 16),
        new("hashlimit", 1, NFPROTO_INET, 56) { UserSize = 48 },
        new("hashlimit", 2, NFPROTO_INET, 304) { UserSize = 296 },
        new("hashlimit", 3, NFPROTO_INET, 312) { UserSize = 304 },
        new("hbh", 0, NFPROTO_IPV6, 40),
        new("helper", 0, NFPROTO_UNSPEC, 36),
        new("hl", 0, NFPROTO_IPV6, 2),
        new("icmp", 0, NFPROTO_IPV4, 4) { Protocol = 1 },
        new("icmp6", 0, NFPROTO_IPV6, 4) { Protocol = 58 },
        new("ipcomp", 0, NFPROTO_INET, 12) { Protocol = 108 },
        new("iprange", 1, NFPROTO_INET, 68),
        new("ipv6header", 0, NFPROTO_IPV6, 3),
        new("length", 0, NFPROTO_INET, 6),
        new("limit", 0, NFPROTO_UNSPEC, 40) { UserSize = 8 },
        new("mac", 0, NFPROTO_INET, 12) { Hooks = Prerouting | Input | Forward },
        new("mark", 1, NFPROTO_UNSPEC, 12),
        new("mh", 0, NFPROTO_IPV6, 3) { Protocol = 135 },
        new("multiport", 1, NFPROTO_INET, 48),
        new("nfacct", 0, NFPROTO_UNSPEC, 40) { UserSize = 32 },
        new("nfacct", 1, NFPROTO_UNSPEC, 40) { UserSize = 32 },
        new("osf", 0, NFPROTO_IPV4, 48) { Hooks = Input | Prerouting | Forward, Protocol = 6 },
        new("owner", 1, NFPROTO_INET, 20) { Hooks = Output | Postrouting },
        new("physdev", 0, NFPROTO_INET, 66),
        new("pkttype", 0, NFPROTO_UNSPEC, 8),
        new("policy", 0, NFPROTO_INET, 308),
        new("quota", 0, NFPROTO_UNSPEC, 24) { UserSize = 16 },
        new("rateest", 0, NFPROTO_UNSPEC, 72) { UserSize = 56 },
        new("realm", 0, NFPROTO_IPV4, 12) { Hooks = Postrouting | Forward | Output | Input },
        new("recent", 0, NFPROTO_INET, 212),
        new("recent", 1, NFPROTO_INET, 228),
        new("rpfilter", 0, NFPROTO_INET, 1) { Hooks = Prerouting },
        new("rt", 0, NFPROTO_IPV6, 280),
        new("sctp", 0, NFPROTO_INET, 292) { Protocol = 132 },
        new("set", 1, NFPROTO_INET, 4),
        new("set", 2, NFPROTO_INET, 4),
        new("set", 3, NFPROTO_INET, 48),
        new("set", 4, NFPROTO_INET, 48),
        new("socket", 0, NFPROTO_IPV4, 0) { Hooks = Prerouting | Input },
        new("socket", 1, NFPROTO_INET, 1) { Hooks = Prerouting | Input },
        new("socket", 2, NFPROTO_INET, 1) { Hooks = Prerouting | Input },
        new("socket", 3, NFPROTO_INET, 1) { Hooks = Prerouting | Input },
        new("srh", 0, NFPROTO_IPV6, 10),
        new("srh", 1, NFPROTO_IPV6, 108),
        new("state", 0, NFPROTO_UNSPEC, 4),
        new("statistic", 0, NFPROTO_UNSPEC, 24) { UserSize = 16 },
        new("string", 1, NFPROTO_UNSPEC, 160) { UserSize = 152 },
        new("tcp", 0, NFPROTO_INET, 12) { Protocol = 6 },
        new("tcpmss", 0, NFPROTO_INET, 6) { Protocol = 6 },
        new("time", 0, NFPROTO_UNSPEC, 24),
        new("tos", 1, NFPROTO_INET, 3),
        new("ttl", 0, NFPROTO_IPV4, 2),
        new("u32", 0, NFPROTO_UNSPEC, 1984),
        new("udp", 0, NFPROTO_INET, 10) { Protocol = 17 },
        new("udplite", 0, NFPROTO_INET, 10) { Protocol = 136 },

        new("802_3", 0, NFPROTO_BRIDGE, 6),
        new("among", 0, NFPROTO_BRIDGE, -1),
        new("arp", 0, NFPROTO_BRIDGE, 52),
        new("ip", 0, NFPROTO_BRIDGE, 28),
        new("ip6", 0, NFPROTO_BRIDGE, 76),
        new("limit", 0, NFPROTO_BRIDGE, 32) { UserSize = 8 },
        new("mark_m", 0, NFPROTO_BRIDGE, 24),
        new("pkttype", 0, NFPROTO_BRIDGE, 2),
        new("stp", 0, NFPROTO_BRIDGE, 72),
        new("vlan", 0, NFPROTO_BRIDGE, 8),
    ]);

    private static readonly Extension[] AllTargets = EachFamily(
    [
        new("AUDIT", 0, NFPROTO_UNSPEC, 1),
        new("AUDIT", 0, NFPROTO_BRIDGE, 1),
        new("CHECKSUM", 0, NFPROTO_INET, 1) { Table = "mangle" },
        new("CLASSIFY", 0, NFPROTO_INET, 4) { Hooks = Output | Forward | Postrouting },
        new("CLASSIFY", 0, NFPROTO_ARP, 4) { Hooks = 6 },
        new("CONNMARK", 1, NFPROTO_INET, 16),
        new("CONNMARK", 2, NFPROTO_INET, 16),
        new("CONNSECMARK", 0, NFPROTO_INET, 1),
        new("CT", 0, NFPROTO_INET, 40) { UserSize = 32, Table = "raw" },
        new("CT", 1, NFPROTO_INET, 72) { UserSize = 32, Table = "raw" },
        new("CT", 2, NFPROTO_INET, 72) { UserSize = 32, Table = "raw" },
        new("NOTRACK", 0, NFPROTO_INET, 0) { Table = "raw" },
        new("DNAT", 0, NFPROTO_IPV4, 20) { Table = "nat", Hooks = Prerouting | Output },
        new("DNAT", 1, NFPROTO_UNSPEC, 40) { Table = "nat", Hooks = Prerouting | Output },
        new("DNAT", 2, NFPROTO_UNSPEC, 44) { Table = "nat", Hooks = Prerouting | Output },
        new("SNAT", 0, NFPROTO_IPV4, 20) { Table = "nat", Hooks = Postrouting | Input },
        new("SNAT", 1, NFPROTO_UNSPEC, 40) { Table = "nat", Hooks = Postrouting | Input },
        new("SNAT", 2, NFPROTO_UNSPEC, 44) { Table = "nat", Hooks = Postrouting | Input },
        new("DNPT", 0, NFPROTO_IPV6, 36) { UserSize = 34, Table = "mangle", Hooks = Prerouting | Output },
        new("SNPT", 0, NFPROTO_IPV6, 36) { UserSize = 34, Table = "mangle", Hooks = Input | Postrouting },
        new("DSCP", 0, NFPROTO_INET, 1) { Table = "mangle" },
        new("ECN", 0, NFPROTO_IPV4, 3) { Table = "mangle" },
        new("HL", 0, NFPROTO_IPV6, 2) { Table = "mangle" },
        new("HMARK", 0, NFPROTO_INET, 60),
        new("IDLETIMER", 0, NFPROTO_INET, 40) { UserSize = 32 },
        new("IDLETIMER", 1, NFPROTO_INET, 48) { UserSize = 40 },
        new("LOG", 0, NFPROTO_INET, 32),
        new("MARK", 2, NFPROTO_INET, 8),
        new("MARK", 2, NFPROTO_ARP, 8),
        new("MASQUERADE", 0, NFPROTO_IPV4, 20) { Table = "nat", Hooks = Postrouting },
        new("MASQUERADE", 0, NFPROTO_IPV6, 40) { Table = "nat", Hooks = Postrouting },
        new("NETMAP", 0, NFPROTO_IPV4, 20) { Table = "nat", Hooks = Prerouting | Postrouting | Output | Input },
        new("NETMAP", 0, NFPROTO_IPV6, 40) { Table = "nat", Hooks = Prerouting | Postrouting | Output | Input },
        new("NFLOG", 0, NFPROTO_INET, 76),
        new("NFQUEUE", 0, NFPROTO_UNSPEC, 2),
        new("NFQUEUE", 1, NFPROTO_UNSPEC, 4),
        new("NFQUEUE", 2, NFPROTO_UNSPEC, 6),
        new("NFQUEUE", 3, NFPROTO_UNSPEC, 6),
        new("RATEEST", 0, NFPROTO_INET, 32) { UserSize = 24 },
        new("REDIRECT", 0, NFPROTO_IPV4, 20) { Table = "nat", Hooks = Prerouting | Output },
        new("REDIRECT", 0, NFPROTO_IPV6, 40) { Table = "nat", Hooks = Prerouting | Output },
        new("REJECT", 0, NFPROTO_INET, 4) { Table = "filter", Hooks = Input | Forward | Output },
        new("SECMARK", 0, NFPROTO_INET, 264),
        new("SECMARK", 1, NFPROTO_INET, 264) { UserSize = 260 },
        new("SET", 1, NFPROTO_INET, 8),
        new("SET", 2, NFPROTO_INET, 16),
        new("SET", 3, NFPROTO_INET, 20),
        new("SYNPROXY", 0, NFPROTO_INET, 4) { Hooks = Input | Forward },
        new("TCPMSS", 0, NFPROTO_INET, 2) { Protocol = 6 },
        new("TCPOPTSTRIP", 0, NFPROTO_INET, 32) { Table = "mangle", Protocol = 6 },
        new("TEE", 1, NFPROTO_INET, 40) { UserSize = 32 },
        new("TOS", 1, NFPROTO_INET, 2) { Table = "mangle" },
        new("TPROXY", 0, NFPROTO_IPV4, 16) { Table = "mangle", Hooks = Prerouting },
        new("TPROXY", 1, NFPROTO_INET, 28) { Table = "mangle", Hooks = Prerouting },
        new("TRACE", 0, NFPROTO_INET, 0) { Table = "raw" },
        new("TTL", 0, NFPROTO_IPV4, 2) { Table = "mangle" },

        new("mangle", 0, NFPROTO_ARP, 48),
        new("arpreply", 0, NFPROTO_BRIDGE, 12) { Table = "nat", Hooks = Prerouting | AnyOfBridge },
        new("dnat", 0, NFPROTO_BRIDGE, 12) { Hooks = Prerouting | Output | Brouting | AnyOfBridge },
        new("snat", 0, NFPROTO_BRIDGE, 12) { Table = "nat", Hooks = Postrouting | AnyOfBridge },
        new("redirect", 0, NFPROTO_BRIDGE, 4) { Hooks = Prerouting | Brouting | AnyOfBridge },
        new("log", 0, NFPROTO_BRIDGE, 36),
        new("mark", 0, NFPROTO_BRIDGE, 16),
        new("nflog", 0, NFPROTO_BRIDGE, 76),
    ]);

    /// <summary>Every match.</summary>
    public static IReadOnlyList<Extension> ModelledMatches => AllMatches;

    /// <summary>Every target.</summary>
    public static IReadOnlyList<Extension> ModelledTargets => AllTargets;

    private static readonly Dictionary<(string, byte, byte), Extension> Matches = AllMatches.ToDictionary(e => (e.Name, e.Revision, e.Family));

    private static readonly Dictionary<(string, byte, byte), Extension> Targets = AllTargets.ToDictionary(e => (e.Name, e.Revision, e.Family));

    /// <summary>The match of a name, revision and family; null where this kernel has none.</summary>
    public static Extension? FindMatch(string name, byte revision, byte family) => Find(Matches, name, revision, family);

    /// <summary>The target of a name, revision and family; null where this kernel has none.</summary>
    public static Extension? FindTarget(string name, byte revision, byte family) => Find(Targets, name, revision, family);

    /// <summary>The highest revision of an extension; -1 where this kernel has none at all.</summary>
    public static int BestRevision(string name, byte family, bool isTarget)
    {
        int best = -1;
        foreach (Extension extension in isTarget ? AllTargets : AllMatches)
        {
            if (extension.Name == name && (extension.Family == family || extension.Family == NFPROTO_UNSPEC))
            {
                best = Math.Max(best, extension.Revision);
            }
        }

        return best;
    }

    private static Extension[] EachFamily(ReadOnlySpan<Extension> written)
    {
        var all = new List<Extension>();
        foreach (Extension extension in written)
        {
            all.AddRange(extension.Family == NFPROTO_INET ? [extension with { Family = NFPROTO_IPV4 }, extension with { Family = NFPROTO_IPV6 }] : [extension]);
        }

        return [.. all];
    }

    private static Extension? Find(Dictionary<(string, byte, byte), Extension> all, string name, byte revision, byte family) =>
        all.GetValueOrDefault((name, revision, family)) ?? all.GetValueOrDefault((name, revision, NFPROTO_UNSPEC));
}
