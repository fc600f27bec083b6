namespace EucaNet.Simulator.Datapath.Hooks;

/// <summary>The protocol families that rules can hang in (NFPROTO_*, same numbers).</summary>
internal static class HookFamily
{
    public const byte Inet = 1;
    public const byte Ipv4 = 2;
    public const byte Arp = 3;
    public const byte Netdev = 5;
    public const byte Bridge = 7;
    public const byte Ipv6 = 10;
}

/// <summary>Hook numbers: NF_INET_*, which the bridge family shares; then those of arp and netdev.</summary>
internal static class Hook
{
    public const byte Prerouting = 0;
    public const byte Input = 1;
    public const byte Forward = 2;
    public const byte Output = 3;
    public const byte Postrouting = 4;

    /// <summary>Of the inet family: the netdev ingress hook of a device.</summary>
    public const byte InetIngress = 5;

    public const byte ArpInput = 0;
    public const byte ArpOutput = 1;
    public const byte ArpForward = 2;

    public const byte NetdevIngress = 0;
    public const byte NetdevEgress = 1;

    /// <summary>The names as nft writes them.</summary>
    public static string Name(byte family, byte hook) => family switch
    {
        HookFamily.Netdev => hook == NetdevIngress ? "ingress" : "egress",
        HookFamily.Arp => hook switch { ArpInput => "input", ArpOutput => "output", _ => "forward" },
        _ => hook switch
        {
            Prerouting => "prerouting",
            Input => "input",
            Forward => "forward",
            Output => "output",
            Postrouting => "postrouting",
            _ => "ingress",
        },
    };
}

/// <summary>What a hook function decides (NF_*, same numbers).</summary>
internal enum HookVerdict
{
    Drop = 0,
    Accept = 1,

    /// <summary>The function keeps the packet; nobody else sees it again.</summary>
    Stolen = 2,

    /// <summary>To a program; without one the packet is dropped.</summary>
    Queue = 3,
    Repeat = 4,

    /// <summary>The function took the packet another way round, and it goes on with the functions of a higher priority: those behind it of the same one never see it (br_nf_hook_thresh).</summary>
    Diverted = 100,
}

/// <summary>Something that looks at packets at a hook: a base chain, connection tracking, address translation.</summary>
internal interface IHookFunction
{
    /// <summary>How it stands in a packet's story ("chain inet filter forward").</summary>
    string Description { get; }

    HookVerdict Run(HookContext context);
}
