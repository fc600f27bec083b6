namespace EucaNet.Netfilter.Iptables.Names;

/// <summary>Names of transport protocols (IANA protocol numbers), the ones iptables prefers first.</summary>
internal static class ProtocolNames
{
    private static readonly (string Name, byte Number)[] Preferred =
    [
        ("tcp", 6),
        ("sctp", 132),
        ("udp", 17),
        ("udplite", 136),
        ("icmp", 1),
        ("ipv6-icmp", 58),
        ("icmpv6", 58),
        ("esp", 50),
        ("ah", 51),
        ("mobility-header", 135),
        ("ipv6-mh", 135),
        ("mh", 135),
        ("all", 0),
    ];

    private static readonly (string Name, byte Number)[] Registered =
    [
        ("ip", 0),
        ("hopopt", 0),
        ("icmp", 1),
        ("igmp", 2),
        ("ggp", 3),
        ("ipencap", 4),
        ("ip-encap", 4),
        ("st", 5),
        ("tcp", 6),
        ("egp", 8),
        ("igp", 9),
        ("pup", 12),
        ("udp", 17),
        ("hmp", 20),
        ("xns-idp", 22),
        ("rdp", 27),
        ("iso-tp4", 29),
        ("dccp", 33),
        ("xtp", 36),
        ("ddp", 37),
        ("idpr-cmtp", 38),
        ("ipv6", 41),
        ("ipv6-route", 43),
        ("ipv6-frag", 44),
        ("idrp", 45),
        ("rsvp", 46),
        ("gre", 47),
        ("esp", 50),
        ("ipsec-esp", 50),
        ("ah", 51),
        ("ipsec-ah", 51),
        ("skip", 57),
        ("ipv6-icmp", 58),
        ("ipv6-nonxt", 59),
        ("ipv6-opts", 60),
        ("rspf", 73),
        ("cphb", 73),
        ("vmtp", 81),
        ("eigrp", 88),
        ("ospf", 89),
        ("ospfigp", 89),
        ("ax.25", 93),
        ("ipip", 94),
        ("etherip", 97),
        ("encap", 98),
        ("pim", 103),
        ("ipcomp", 108),
        ("vrrp", 112),
        ("l2tp", 115),
        ("isis", 124),
        ("sctp", 132),
        ("fc", 133),
        ("mobility-header", 135),
        ("udplite", 136),
        ("mpls-in-ip", 137),
        ("manet", 138),
        ("hip", 139),
        ("shim6", 140),
        ("wesp", 141),
        ("rohc", 142),
        ("ethernet", 143),
    ];

    /// <summary>All known names.</summary>
    public static IEnumerable<string> All => Preferred.Concat(Registered).Select(entry => entry.Name);

    /// <summary>A protocol by number or name, case ignored.</summary>
    public static bool TryNumber(string text, out byte number)
    {
        if (Text.Numbers.TryWhole(text, byte.MaxValue, out ulong value))
        {
            number = (byte)value;
            return true;
        }

        foreach ((string name, byte candidate) in Preferred.Concat(Registered))
        {
            if (string.Equals(name, text, StringComparison.OrdinalIgnoreCase))
            {
                number = candidate;
                return true;
            }
        }

        number = 0;
        return false;
    }

    /// <summary>The registered name, or the number.</summary>
    public static string Name(byte number)
    {
        foreach ((string name, byte candidate) in Preferred.Concat(Registered))
        {
            if (candidate == number)
            {
                return name;
            }
        }

        return $"{number}";
    }
}
