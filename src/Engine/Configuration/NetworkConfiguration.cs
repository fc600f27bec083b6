using System.Net;
using EucaNet.Netlink.Wire;

namespace EucaNet.Engine.Configuration;

/// <summary>The three networks of the manual.</summary>
public enum NetworkMode
{
    /// <summary>A random MAC and the local ethernet; the rest is somebody else's.</summary>
    System,

    /// <summary>MAC and address pairs of the administrator, handed out by our DHCP server.</summary>
    Static,

    /// <summary>VLANs, security groups, elastic addresses.</summary>
    Managed,
}

/// <summary>Which machine a configuration is read for.</summary>
public enum EngineRole
{
    /// <summary>The cluster's router and DHCP server.</summary>
    FrontEnd,

    /// <summary>A machine that runs instances.</summary>
    Node,

    /// <summary>A machine that is both: the whole cloud on one, or a front-end that runs instances too.</summary>
    Both,
}

/// <summary>Which of the kernel's packet filters MANAGED mode writes to (<c>VNET_FIREWALL</c>).</summary>
public enum FirewallBackend
{
    /// <summary>An nf_tables table of our own with sets and maps; the default.</summary>
    Nftables,

    /// <summary>iptables, whichever of its two kernel interfaces is in use on this machine.</summary>
    Iptables,

    /// <summary>iptables' tables in nf_tables, as <c>iptables-nft</c> keeps them.</summary>
    IptablesNft,

    /// <summary>iptables' own tables (ip_tables), as <c>iptables-legacy</c> keeps them.</summary>
    IptablesLegacy,
}

/// <summary>One pair of <c>VNET_MACMAP</c>.</summary>
/// <param name="Mac">The instance's MAC.</param>
/// <param name="Address">The instance's address.</param>
public readonly record struct MacMapping(MacAddress Mac, Ipv4Address Address);

/// <summary>What <c>eucalyptus.conf</c> says about the network, checked.</summary>
public sealed record NetworkConfiguration
{
    /// <summary>The machine it was read for.</summary>
    public required EngineRole Role { get; init; }

    /// <summary><c>VNET_MODE</c>.</summary>
    public required NetworkMode Mode { get; init; }

    /// <summary><c>VNET_PRIVINTERFACE</c>, else <c>VNET_INTERFACE</c>: where VLANs stand and the DHCP server listens. Empty where the mode needs none.</summary>
    public string Interface { get; init; } = "";

    /// <summary><c>VNET_PUBINTERFACE</c>, else <c>VNET_INTERFACE</c>: where public addresses stand.</summary>
    public string PublicInterface { get; init; } = "";

    /// <summary><c>VNET_BRIDGE</c> of a node. Empty where the mode needs none.</summary>
    public string Bridge { get; init; } = "";

    /// <summary><c>VNET_DHCPDAEMON</c>; null for the built-in server.</summary>
    public string? DhcpDaemon { get; init; }

    /// <summary><c>VNET_DHCPUSER</c>; null for root.</summary>
    public string? DhcpUser { get; init; }

    /// <summary><c>VNET_SUBNET</c> with <c>VNET_NETMASK</c>.</summary>
    public Ipv4Network Subnet { get; init; }

    /// <summary><c>VNET_BROADCAST</c> (STATIC).</summary>
    public Ipv4Address Broadcast { get; init; }

    /// <summary><c>VNET_ROUTER</c> (STATIC).</summary>
    public Ipv4Address Router { get; init; }

    /// <summary><c>VNET_DNS</c>; several are allowed.</summary>
    public IReadOnlyList<Ipv4Address> DnsServers { get; init; } = [];

    /// <summary><c>VNET_MACMAP</c> in its order (STATIC).</summary>
    public IReadOnlyList<MacMapping> MacMap { get; init; } = [];

    /// <summary><c>VNET_ADDRSPERNET</c> (MANAGED): a power of two.</summary>
    public int AddressesPerNetwork { get; init; }

    /// <summary><c>VNET_PUBLICIPS</c> in its order, ranges spelled out (MANAGED).</summary>
    public IReadOnlyList<Ipv4Address> PublicAddresses { get; init; } = [];

    /// <summary><c>VNET_FIREWALL</c>.</summary>
    public FirewallBackend Firewall { get; init; }

    /// <summary><c>VNET_FLUSH</c>: flush the filter and nat tables at start; null when the key is absent (then the iptables backends flush and nftables does not).</summary>
    public bool? Flush { get; init; }

    /// <summary><c>VNET_METADATA="address:port"</c>: where tcp/80 to 169.254.169.254 goes; null for nowhere.</summary>
    public IPEndPoint? Metadata { get; init; }

    /// <summary>
    /// Front-end and node share this machine: read for <see cref="EngineRole.Both"/>, or <c>VNET_SINGLEMACHINE="Y"</c> where they are two processes.
    /// In MANAGED mode the front-end then stands on the node's bridges (<c>eucabr10</c>) instead of on the VLAN devices below them.
    /// </summary>
    public bool SingleMachine { get; init; }

    /// <summary>The directory <c>$EUCALYPTUS</c> stands for, "" for the root.</summary>
    public string EucalyptusDirectory { get; init; } = "";

    /// <summary><c>$EUCALYPTUS/var/run/eucalyptus/net</c>: the preload file, the DHCP daemon's files.</summary>
    public string NetworkDirectory => $"{EucalyptusDirectory.TrimEnd('/')}/var/run/eucalyptus/net";

    /// <summary>
    /// Reads and checks a configuration. Everything wrong is reported at once; a configuration comes back only when nothing is an error.
    /// </summary>
    /// <param name="text">The file's content.</param>
    /// <param name="fileName">Its name, for the messages.</param>
    /// <param name="role">The machine it is read for: keys of the other role are ignored.</param>
    /// <param name="variables">Variables that <c>$NAME</c> may stand for beside the file's own (the environment's <c>EUCALYPTUS</c>).</param>
    public static ConfigurationResult Parse(string text, string fileName, EngineRole role, IReadOnlyDictionary<string, string>? variables = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new ConfigurationChecker(text, fileName, role, variables ?? new Dictionary<string, string>()).Check();
    }
}

/// <summary>What reading a configuration gave.</summary>
/// <param name="Configuration">The configuration; null when there is an error.</param>
/// <param name="Diagnostics">Everything wrong, in file order.</param>
/// <param name="Capacity">What the configuration has room for; null when there is an error or nothing to count.</param>
public sealed record ConfigurationResult(NetworkConfiguration? Configuration, IReadOnlyList<ConfigurationDiagnostic> Diagnostics, CapacityReport? Capacity)
{
    /// <summary>True when nothing is an error.</summary>
    public bool IsUsable => Configuration is not null;
}
