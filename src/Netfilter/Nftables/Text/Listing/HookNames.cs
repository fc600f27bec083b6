using System.Globalization;

namespace EucaNet.Netfilter.Nftables.Text.Listing;

/// <summary>Names of hooks and of the priorities that nft knows by name.</summary>
internal static class HookNames
{
    /// <summary>How far from a named priority a number is still written relative to it.</summary>
    private const int Reach = 10;

    private static readonly (int Value, string Name)[] Common =
    [
        (Nfnetlink.NF_IP_PRI_RAW, "raw"), (Nfnetlink.NF_IP_PRI_MANGLE, "mangle"), (Nfnetlink.NF_IP_PRI_NAT_DST, "dstnat"), (Nfnetlink.NF_IP_PRI_FILTER, "filter"),
        (Nfnetlink.NF_IP_PRI_SECURITY, "security"), (Nfnetlink.NF_IP_PRI_NAT_SRC, "srcnat"),
    ];

    private static readonly (int Value, string Name)[] Bridge = [(-300, "dstnat"), (-200, "filter"), (100, "out"), (300, "srcnat")];

    internal static string Of(NftablesFamily family, uint hook) => family switch
    {
        NftablesFamily.Arp => hook switch { 0 => "input", 1 => "output", 2 => "forward", 255 => "ingress", _ => "unknown" },
        NftablesFamily.Netdev => hook switch { Nfnetlink.NF_NETDEV_INGRESS => "ingress", Nfnetlink.NF_NETDEV_EGRESS => "egress", _ => "unknown" },
        _ => hook switch
        {
            Nfnetlink.NF_INET_PRE_ROUTING => "prerouting",
            Nfnetlink.NF_INET_LOCAL_IN => "input",
            Nfnetlink.NF_INET_FORWARD => "forward",
            Nfnetlink.NF_INET_LOCAL_OUT => "output",
            Nfnetlink.NF_INET_POST_ROUTING => "postrouting",
            Nfnetlink.NF_INET_INGRESS => "ingress",
            _ => "unknown",
        },
    };

    /// <summary>"filter", "dstnat + 10", "-500".</summary>
    internal static string Priority(NftablesFamily family, uint hook, int priority, bool numeric)
    {
        foreach ((int value, string name) in numeric ? [] : family == NftablesFamily.Bridge ? Bridge : Common)
        {
            int offset = priority - value;
            if (Math.Abs((long)offset) > Reach)
            {
                continue;
            }

            if (!IsUsual(name, family, hook))
            {
                break;
            }

            return offset switch
            {
                0 => name,
                > 0 => string.Create(CultureInfo.InvariantCulture, $"{name} + {offset}"),
                _ => string.Create(CultureInfo.InvariantCulture, $"{name} - {-offset}"),
            };
        }

        return priority.ToString(CultureInfo.InvariantCulture);
    }

    private static bool IsUsual(string name, NftablesFamily family, uint hook)
    {
        bool ip = family is NftablesFamily.Inet or NftablesFamily.Ip or NftablesFamily.Ip6;
        return name switch
        {
            "filter" => true,
            "dstnat" => (ip || family == NftablesFamily.Bridge) && hook == Nfnetlink.NF_INET_PRE_ROUTING,
            "srcnat" => (ip || family == NftablesFamily.Bridge) && hook == Nfnetlink.NF_INET_POST_ROUTING,
            "out" => hook == Nfnetlink.NF_INET_LOCAL_OUT,
            _ => ip,
        };
    }
}
