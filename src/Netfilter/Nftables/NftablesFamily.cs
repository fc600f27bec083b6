namespace EucaNet.Netfilter.Nftables;

/// <summary>The family of a table, which decides the packets its chains see (NFPROTO_*).</summary>
public enum NftablesFamily : byte
{
    /// <summary>All families; for listing only.</summary>
    Unspecified = Nfnetlink.NFPROTO_UNSPEC,

    /// <summary>IPv4 and IPv6 together.</summary>
    Inet = Nfnetlink.NFPROTO_INET,

    /// <summary>IPv4.</summary>
    Ip = Nfnetlink.NFPROTO_IPV4,

    /// <summary>ARP.</summary>
    Arp = Nfnetlink.NFPROTO_ARP,

    /// <summary>One or several network devices, at ingress or egress.</summary>
    Netdev = Nfnetlink.NFPROTO_NETDEV,

    /// <summary>Frames that a bridge handles.</summary>
    Bridge = Nfnetlink.NFPROTO_BRIDGE,

    /// <summary>IPv6.</summary>
    Ip6 = Nfnetlink.NFPROTO_IPV6,
}

/// <summary>Names of families as nft writes them.</summary>
public static class NftablesFamilyNames
{
    /// <summary>"ip", "ip6", "inet", "arp", "bridge", "netdev".</summary>
    public static string ToText(this NftablesFamily family) => family switch
    {
        NftablesFamily.Inet => "inet",
        NftablesFamily.Ip => "ip",
        NftablesFamily.Arp => "arp",
        NftablesFamily.Netdev => "netdev",
        NftablesFamily.Bridge => "bridge",
        NftablesFamily.Ip6 => "ip6",
        NftablesFamily.Unspecified => "unspec",
        _ => ((byte)family).ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <summary>The family that nft calls <paramref name="name"/>.</summary>
    public static bool TryParse(string name, out NftablesFamily family)
    {
        (bool known, family) = name switch
        {
            "inet" => (true, NftablesFamily.Inet),
            "ip" => (true, NftablesFamily.Ip),
            "arp" => (true, NftablesFamily.Arp),
            "netdev" => (true, NftablesFamily.Netdev),
            "bridge" => (true, NftablesFamily.Bridge),
            "ip6" => (true, NftablesFamily.Ip6),
            _ => (false, NftablesFamily.Unspecified),
        };
        return known;
    }
}
